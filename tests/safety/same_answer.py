"""One folder, compared in every way there is: all tables must be equal, byte for byte."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
from passes import Later
from PIL import Image

from visdatcompy_ds import Dataset, VisDatCompare
from visdatcompy_ds.reports import tables as written
from visdatcompy_ds.stages.fingerprint import measure, reading

_MADE = ("jpg", "png", "bmp", "webp", "gif", "tif")


def make(count: int, folder: str) -> None:
    """Make photo-like files of many formats with copies, re-saved ones, cut ones, and what is no image."""
    for k in range(count):
        own = np.random.default_rng(k)
        kind, part = k % 10, os.path.join(folder, str(k % 10))
        os.makedirs(part, exist_ok=True)
        small = own.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        picture = Image.fromarray(small).resize((200 + 8 * int(own.integers(5)), 150), Image.Resampling.BICUBIC)
        noise = own.normal(0, 4, (150, picture.width, 3))
        picture = Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))
        path = os.path.join(part, f"{k:05d}")
        if kind == 9 and k % 20 == 9:
            picture.save(f"{path}.jpg", quality=88)
            with open(f"{path}.jpg", "r+b") as stream:
                stream.truncate(1500)
        elif kind == 9:
            with open(f"{path}.jpg", "wb") as stream:
                stream.write(b"<html>" * 100)
        else:
            picture.save(f"{path}.{_MADE[kind % 6]}" if kind > 3 else f"{path}.jpg", **({"quality": 90} if kind <= 3 else {}))
        if kind == 1:
            picture.save(f"{path}-again.jpg", quality=75)
        if kind == 2:
            shutil.copy(f"{path}.jpg", f"{path}-copy.jpg")


def tables(source: Any, workers: int | str = 1, cache: Any = "off", name: str = "photos") -> list[bytes]:
    """Return all that a comparison and a sample say, as files of a run."""
    dataset = Dataset(source, name=name, workers=workers, cache=cache, show_progress=False)
    plan = VisDatCompare(dataset, workers=workers, show_progress=False).run(sample=10)
    found = plan.comparison
    chosen = plan.selection.table.drop(columns=[column for column in plan.selection.table if "path" in column])
    columns, problems = written.image_columns(found.table), written.problem_columns(found.table)
    del columns["path"], problems["path"]  # that of a shuffled copy is another
    return [
        written.to_csv(columns),
        written.to_csv(written.pair_columns(found.table, found.pairs, found.evidence)),
        written.to_csv(written.plan_columns(found.table, found.plan)),
        written.to_csv(problems),
        written.frame_csv(chosen),
    ]


def _listed(folder: str) -> list[str]:
    return [os.path.join(part, name) for part, _, names in os.walk(folder) for name in names]


def _threads(folder: str, place: str) -> list[bytes]:
    return tables(folder, "threads:3")


def _processes(folder: str, place: str) -> list[bytes]:
    return tables(folder, "processes:3")


def _first_with_cache(folder: str, place: str) -> list[bytes]:
    return tables(folder, "processes:2", f"{place}/cache")


def _cached(folder: str, place: str) -> list[bytes]:
    return tables(folder, 2, f"{place}/cache")


def _resumed(folder: str, place: str) -> list[bytes]:
    some = [path for at, path in enumerate(sorted(_listed(folder))) if at % 3]
    tables(some, 2, f"{place}/half")
    return tables(folder, 3, f"{place}/half")


def _shuffled_list(folder: str, place: str) -> list[bytes]:
    paths = _listed(folder)
    random.Random(1).shuffle(paths)
    return tables(paths, 2)


def _other_place(folder: str, place: str) -> list[bytes]:
    """Copied elsewhere in another order, so that the file system lists it in another, and known by content alone."""
    paths = _listed(folder)
    random.Random(2).shuffle(paths)
    for path in paths:
        target = os.path.join(place, "elsewhere", os.path.relpath(path, folder))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(path, target)
    return tables(f"{place}/elsewhere", 2, f"{place}/cache")


WAYS: tuple[Callable[[str, str], list[bytes]], ...] = (
    *(_threads, _processes, _first_with_cache, _cached, _resumed, _shuffled_list, _other_place),
)


def run(count: int, place: str, patch: Callable[[object, str, object], None] = setattr) -> int:
    """Compare `count` images and their copies in each way; return the number of ways that agreed."""
    patch(reading, "time", Later)
    patch(measure, "_GATHERED_FILES", 64)
    folder = os.path.join(place, "photos")
    make(count, folder)
    expected = tables(folder)
    assert b"reencoded" in expected[1] and b"bytes" in expected[1] and b"truncated" in expected[3]
    for way in WAYS:
        found = way(folder, place)
        for name, one, other in zip(("images", "pairs", "plan", "problems", "selected"), expected, found, strict=True):
            assert one == other, f"{way.__name__} says something else in {name}.csv"
    return len(WAYS)
