"""G5 through the whole house: a decoder's death costs one image, which says so, and is not tried again until the file changes."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import deadly
import numpy as np
import pytest

from visdatcompy_ds import Dataset
from visdatcompy_ds.base.tables import STATUSES
from visdatcompy_ds.catalog.probes import CLEAN_PROBES

MOST_S = 1
ENDS = {  # how each kind of death has to stand in the table
    b"SEGFAULT": ("crashed", "decoder crashed (SIGSEGV)"),
    b"KILLED": ("crashed", "killed, probably out of memory"),
    b"GREEDY": ("crashed", "out of memory (limit 2 GB)"),
    b"HANGS": ("timeout", "took longer than 1 s"),
}


def kill_decoders(place: Path, images: int, deaths: int, seed: int = 0) -> str:
    """Let decoders of real files die, in all ways in turn: exactly these images are lost, and the others equal a clean run, column by column."""
    from PIL import Image

    chance = random.Random(seed)
    deadly_at = {k: deadly.MARKS[n % len(deadly.MARKS)] for n, k in enumerate(chance.sample(range(images), deaths))}
    noise = np.random.default_rng(seed)
    for k in range(images):
        path = place / f"{k // 1000:02d}" / f"{k:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = noise.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((96, 72), Image.Resampling.BICUBIC).save(path, quality=88)
        if k in deadly_at:
            with path.open("ab") as stream:
                stream.write(deadly_at[k])
    limits = {"max_seconds": MOST_S, "max_memory_bytes": 2_000_000_000}
    found = Dataset(place, workers="processes:2", limits=limits, show_progress=False).measured("test_deadly", *CLEAN_PROBES)
    clean = Dataset(place, workers=1, show_progress=False).measured(*CLEAN_PROBES)
    assert len(found) == len(clean) == images and list(found.files.id) == list(clean.files.id)
    lost = np.array([int(name[3:8]) in deadly_at for name in found.files.id])
    for row, name in enumerate(found.files.id):
        end = ENDS[deadly_at[int(name[3:8])]] if lost[row] else ("ok", "")
        assert (STATUSES[found.files.status[row]], found.files.reason[row]) == end, name
    assert (found["test_deadly"][~lost] == 1).all()
    for name, column in clean.columns.items():
        assert np.array_equal(found[name][~lost], column[~lost], equal_nan=column.dtype.kind in "fM"), name
    return f"{deaths} deaths of decoders in {images} images, in {len(ENDS)} ways"


def before_a_release() -> str:
    """Kill 200 decoders among 20 000 images."""
    import shutil
    import tempfile

    place = Path(tempfile.mkdtemp(prefix="safety-"))
    try:
        return kill_decoders(place, 20_000, 200, seed=1)
    finally:
        shutil.rmtree(place)


def test_twenty_deaths_in_500_images(tmp_path):
    kill_decoders(tmp_path, 500, 20)


@pytest.fixture
def folder(tmp_path, photo, write):
    for k in range(40):
        write(f"a/{k:02d}.jpg", photo(k, 64, 48), quality=88)
    for k, mark in zip((3, 11, 26, 39), deadly.MARKS, strict=True):
        with open(tmp_path / f"a/{k:02d}.jpg", "ab") as stream:
            stream.write(mark)
    return tmp_path / "a"


def test_a_death_costs_one_image(folder, tmp_path):
    limits = {"max_seconds": 2, "max_memory_bytes": 2_000_000_000}
    found = Dataset(folder, workers="processes:2", limits=limits).fingerprints("sha256", "test_deadly", "phash").set_index("id")
    lost = found[found["status"] != "ok"]
    assert dict(lost["status"]) == {"03.jpg": "crashed", "11.jpg": "crashed", "26.jpg": "crashed", "39.jpg": "timeout"}
    assert lost["phash"].isna().all() and lost["sha256"].notna().all()
    alive = found[found["status"] == "ok"]
    assert len(alive) == 36 and (alive["test_deadly"] == 1).all()
    plain = Dataset(folder, workers=1).fingerprints("phash").set_index("id")
    assert alive["phash"].equals(plain["phash"][alive.index])


def test_the_table_says_what_happened(folder):
    dataset = Dataset(folder, workers="processes:2", limits={"max_seconds": 2, "max_memory_bytes": 2_000_000_000})
    dataset.measured("test_deadly")
    reasons = dataset.problems.set_index("id")["reason"]
    assert "SIGSEGV" in reasons["03.jpg"] and "memory" in reasons["11.jpg"] and "memory" in reasons["26.jpg"]
    assert reasons["39.jpg"] == "took longer than 2 s" and len(reasons) == 4


def test_what_crashed_is_remembered_until_it_changes(folder, tmp_path, monkeypatch, photo, write):
    """What is kept of a death spares the next run from dying again."""
    import dataclasses

    from visdatcompy_ds.catalog.probes import PROBES

    monkeypatch.setitem(PROBES._entries, "test_deadly", dataclasses.replace(PROBES["test_deadly"], version=1))
    for name in ("11.jpg", "26.jpg", "39.jpg"):
        os.unlink(folder / name)
    time.sleep(2.1)  # what is read right after a change is not trusted, and workers have clocks of their own
    wishes = {"workers": "processes:2", "cache": tmp_path / "cache"}
    first = Dataset(folder, **wishes)
    table = first.fingerprints("test_deadly")
    again = Dataset(folder, **wishes)
    assert again.fingerprints("test_deadly").equals(table) and again.counts.reads == 0
    write("a/03.jpg", photo(3, 64, 48))
    mended = Dataset(folder, **wishes)
    assert set(mended.fingerprints("test_deadly")["status"]) == {"ok"} and mended.counts.reads == 1


def test_a_probe_of_a_script_runs_in_threads_and_says_so(folder):
    from visdatcompy_ds.catalog.probes import PROBES, Probe

    def own(data: bytes) -> int:
        return 1

    own.__module__ = "__main__"
    PROBES.add(Probe("test_own", "bytes", "uint8", 0, own, "1"))
    try:
        with pytest.warns(RuntimeWarning, match="threads"):
            found = Dataset(folder, workers="processes:2").fingerprints("test_own")
        assert (found["test_own"] == 1).all()
    finally:
        del PROBES._entries["test_own"]
