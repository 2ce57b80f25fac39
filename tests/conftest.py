"""Pictures from a seed, tables from five rows, and where the real photos are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
# What a test measures is measured, and no user's cache is touched; tests of the cache name one of their own.
os.environ["VISDATCOMPY_CACHE"] = "off"


@pytest.fixture(scope="session")
def datasets() -> Path:
    return ROOT / "datasets"


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = Path(os.environ.get("VISDATCOMPY_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"real photos are not here: {folder}/data (set VISDATCOMPY_SHARED)")
    return folder


@pytest.fixture(scope="session")
def photo():
    """Return a maker of photo-like pictures: smooth shapes, texture and sensor noise, all from a seed."""

    def make(seed: int = 0, width: int = 320, height: int = 240, noise: float = 3.0, noise_seed: int | None = None) -> np.ndarray:
        scene = np.random.default_rng(seed)
        y, x = np.mgrid[0:height, 0:width] / max(width, height)
        picture = np.zeros((height, width, 3))
        for _ in range(14):
            cx, cy, radius = scene.random(), scene.random() * height / width, 0.05 + 0.3 * scene.random()
            blob = 1 / (1 + np.exp(((x - cx) ** 2 + (y - cy) ** 2 - radius**2) * 400))
            picture += blob[..., None] * scene.uniform(-70, 70, 3)
        waves = sum(np.sin(x * scene.uniform(20, 160) + y * scene.uniform(20, 160) + scene.uniform(0, 6)) for _ in range(6))
        picture += 120 + 6 * waves[..., None]
        sensor = np.random.default_rng(seed + 1000 if noise_seed is None else noise_seed)
        return np.clip(picture + sensor.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)

    return make


@pytest.fixture
def write(tmp_path):
    """Return a writer of pictures: ``write("a/b.jpg", pixels, quality=90)`` gives the path."""

    def save(name: str, pixels: np.ndarray, folder: Path = tmp_path, **options) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, **options)
        return path

    return save


@pytest.fixture
def rows():
    """Return a maker of Fingerprints without a file: ids and columns by hand."""
    from visdatcompy_ds.base.tables import Files, Fingerprints, text_array
    from visdatcompy_ds.catalog.probes import CLEAN_PROBES, PROBES
    from visdatcompy_ds.stages.context import add_context

    def make(ids: list[str], dataset: list[int] | None = None, names: tuple[str, ...] = ("d",), **columns) -> Fingerprints:
        n = len(ids)
        files = Files(
            names,
            np.array(dataset or [0] * n, np.int16),
            text_array(ids),
            text_array(name.encode() for name in ids),
            np.array(columns.pop("size_bytes", [1000] * n), np.int64),
            np.zeros(n, np.int64),
            np.zeros(n, np.uint64),
            np.arange(1, n + 1, dtype=np.uint64) if "inode" not in columns else np.array(columns.pop("inode"), np.uint64),
            np.array(columns.pop("status", [0] * n), np.uint8),
            text_array([""] * n),
        )
        table = {}
        for name in CLEAN_PROBES:
            probe = PROBES[name]
            table[name] = np.empty((n, *probe.shape), probe.dtype)
            table[name][...] = probe.missing
        random = np.random.default_rng(5)
        for name in ("sha256", "phash", "dhash", "average"):
            table[name] = random.integers(0, 256, table[name].shape, dtype=np.uint8)
        table["width"][:], table["height"][:] = 640, 480
        for name, values in columns.items():
            table[name] = np.array(values, table[name].dtype)
        return add_context(Fingerprints(files, {**table, "decoded": np.ones(n, bool)}))

    return make
