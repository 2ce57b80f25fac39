"""How good a choice of N images is, and what it costs, beside random, farthest points and smartdownsample.

Pool: photos of clothing, cats and dogs, a tenth of them as bursts of 21 frames (shifted, zoomed, lit, noisy, saved anew). Measured on three
quarters of the photos, a quarter being kept for the classifier's test; drawn anew each time, all tools on the same draw.

    distinct   photos among the chosen images
    accuracy   of ridge regression on features nobody sampled on (HOG, colour histogram, visual words of SIFT), less that of random
    coverage   distance of the distinct photos to the nearest chosen image in the same features, divided by random's

    python benchmarks/sampling.py --shared ../shared/data [--envs /path/to/venvs] [--draws 30] [--scale] [--small]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from skimage.feature import hog

from visdatcompy_ds import Dataset, Downsampler
from visdatcompy_ds.base.tables import Files, Fingerprints, text_array
from visdatcompy_ds.catalog.probes import CLEAN_PROBES, PROBES
from visdatcompy_ds.stages.sample import Wishes, sample
from visdatcompy_ds.stages.sample.space import looks_of, projected

os.environ["VISDATCOMPY_CACHE"] = "off"  # what is measured is measured

BURST, FRAMES = 10, 21  # each tenth photo becomes so many frames
SIZES, ALONE = (50, 100, 200, 400, 600, 685), (20, 50, 100, 300)
Array = Any


def photos(shared: Path | None, count: int | None) -> list[tuple[np.ndarray, str]]:
    """Return photos with their class, or drawn pictures where there are none."""
    if shared is not None and (shared / "clothing").is_dir():
        files = [path for folder in ("clothing", "cats_dogs") for path in sorted((shared / folder).glob("*/*"))]
        read = [(cv2.imread(str(path)), path.parent.name) for path in files]
        return [(picture, name) for picture, name in read if picture is not None][:count]
    rng = np.random.default_rng(0)
    made = []
    for k in range(count or 60):
        small = rng.integers(0, 256, (12, 16, 3)).astype(np.uint8)
        made.append((cv2.resize(small, (320, 240), interpolation=cv2.INTER_CUBIC), f"class{k % 3}"))
    return made


def next_frame(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a picture a little shifted, zoomed, lit and noisy."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 0, rng.uniform(1, 1.06))
    matrix[:, 2] += rng.uniform(-0.02, 0.02, 2) * (width, height)
    moved = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
    lit = moved * rng.uniform(0.9, 1.1) + rng.normal(0, rng.uniform(0, 4), picture.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)


def write_pool(folder: Path, originals: list[tuple[np.ndarray, str]]) -> None:
    """Write photos, a tenth of them as bursts; names say which photo, frame and class."""
    rng = np.random.default_rng(7)
    bursts = set(rng.choice(len(originals), len(originals) // BURST, replace=False).tolist())
    for k, (picture, name) in enumerate(originals):
        for frame in range(FRAMES if k in bursts else 1):
            shown, quality = (picture, 92) if frame == 0 else (next_frame(picture, rng), int(rng.integers(60, 95)))
            cv2.imwrite(str(folder / f"{k:04}_{frame:02}_{name}.jpg"), shown, [cv2.IMWRITE_JPEG_QUALITY, quality])


def unit(values: Array) -> Array:
    """Return centred features of a mean squared length of 1."""
    values = values - values.mean(axis=0)
    return values / np.sqrt((values**2).sum(axis=1).mean())


def features(paths: list[str]) -> dict[str, Array]:
    """Return features by which choices are judged, and which none of them knows."""
    sift, words, shapes, colours = cv2.SIFT_create(300), [], [], []
    for path in paths:
        picture = cv2.imread(path)
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        scale = 256 / max(grey.shape)
        _, found = sift.detectAndCompute(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), None)
        words.append(
            np.zeros((0, 128), np.float32) if found is None else np.sqrt(found / np.maximum(found.sum(axis=1, keepdims=True), 1e-9))
        )
        shapes.append(hog(cv2.resize(grey, (96, 96), interpolation=cv2.INTER_AREA), 9, (12, 12), (2, 2)))
        hsv = cv2.calcHist([cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)], [0, 1, 2], None, [8, 4, 4], [0, 180, 0, 256, 0, 256]).ravel()
        colours.append(np.sqrt(hsv / hsv.sum()))
    everything = np.concatenate(words)
    some = everything[np.random.default_rng(0).permutation(len(everything))[:40_000]]
    cv2.setRNGSeed(1)
    _, _, centres = cv2.kmeans(some, min(256, len(some)), None, (3, 20, 0.01), 1, cv2.KMEANS_PP_CENTERS)
    counts = []
    for found in words:
        nearest = (-2 * found @ centres.T + (centres**2).sum(axis=1)).argmin(axis=1)
        histogram = np.bincount(nearest, minlength=len(centres)).astype(float)
        counts.append(np.sqrt(histogram / max(histogram.sum(), 1)))
    return {"words": unit(np.array(counts)), "shape and colour": np.concatenate([unit(np.array(shapes)), unit(np.array(colours))], axis=1)}


def accuracy(kernel: Array, labels: Array, train: Array, test: Array) -> float:
    """Return the share of test photos that ridge regression on the chosen ones puts into their class."""
    wanted = np.eye(labels.max() + 1)[labels[train]]
    own = kernel[np.ix_(train, train)]
    weights = np.linalg.solve(own + 0.3 * np.trace(own) / len(train) * np.eye(len(train)), wanted - wanted.mean(axis=0))
    return float(((kernel[np.ix_(test, train)] @ weights + wanted.mean(axis=0)).argmax(axis=1) == labels[test]).mean())


def farthest(space: Array, n: int, rng: np.random.Generator) -> Array:
    """Return farthest points by a plain NumPy loop."""
    chosen = [int(rng.integers(len(space)))]
    apart = ((space - space[chosen[0]]) ** 2).sum(axis=1)
    for _ in range(n - 1):
        chosen.append(int(apart.argmax()))
        apart = np.minimum(apart, ((space - space[chosen[-1]]) ** 2).sum(axis=1))
    return np.array(chosen)


_PEER = """
import json, sys, time
paths, n, seed = json.load(sys.stdin)
started = time.perf_counter()
from smartdownsample import sample_diverse
chosen = sample_diverse(paths, n, random_seed=seed, show_progress=False, show_summary=False)
print(json.dumps([[str(path) for path in chosen], time.perf_counter() - started]))
"""


def peer(python: str, paths: list[str], n: int, seed: int = 42) -> tuple[list[str], float]:
    """Return what smartdownsample chooses, and its seconds."""
    done = subprocess.run([python, "-c", _PEER], input=json.dumps([paths, n, seed]), capture_output=True, text=True, check=True)
    chosen, seconds = json.loads(done.stdout.splitlines()[-1])
    return chosen, seconds


def quality(folder: Path, python: str | None, draws: int, sizes: tuple[int, ...], alone: tuple[int, ...]) -> None:
    """Print how good the choices are: of the pool, and of its photos without their further frames."""
    dataset = Dataset(folder)
    table = dataset.measured(*CLEAN_PROBES)
    names = table.files.id.tolist()
    photo, frame = (np.array([int(name.split("_")[k]) for name in names]) for k in (0, 1))
    labels = np.unique([name.split("_", 2)[2] for name in names], return_inverse=True)[1]
    paths = [path.decode() for path in table.files.path]
    judged = features(paths)
    kernel = sum(values @ values.T for values in judged.values())
    position = {path: row for row, path in enumerate(paths)}
    flat = projected(*looks_of(table, np.arange(len(table))))
    strategies: dict[str, Callable[[Array, int, int], Array]] = {
        "random": lambda rows, n, seed: np.random.default_rng(seed).choice(rows, n, replace=False),
        "spread": lambda rows, n, seed: sample(table, rows, n, wishes=Wishes(seed=seed)).chosen.row,
        "stride": lambda rows, n, seed: sample(table, rows, n, wishes=Wishes(seed=seed, strategy="stride")).chosen.row,
        "farthest": lambda rows, n, seed: rows[farthest(flat[rows], n, np.random.default_rng(seed))],
    }
    if python is not None:
        strategies["smartdownsample"] = lambda rows, n, seed: np.array(
            [position[path] for path in peer(python, [paths[row] for row in rows.tolist()], n, seed)[0]]
        )
    every = np.unique(photo)
    for frames, wanted in ((frame.max() + 1, sizes), (1, alone)):
        in_pool = frame < frames
        of = f"{int(in_pool.sum())} images of {len(every)} photos, {draws} draws of three quarters"
        print(f"{of}; accuracy less random's, coverage over random's")
        compare(strategies, judged, kernel, labels, photo, frame, in_pool, draws, wanted)


def compare(
    strategies: dict[str, Callable[[Array, int, int], Array]],
    judged: dict[str, Array],
    kernel: Array,
    labels: Array,
    photo: Array,
    frame: Array,
    in_pool: Array,
    draws: int,
    sizes: tuple[int, ...],
) -> None:
    """Print a table of strategies by size."""
    found: dict[tuple[int, str], list[list[float]]] = {}
    every = np.unique(photo)
    for draw in range(draws):
        test_photos = np.random.default_rng(100 + draw).choice(every, len(every) // 4, replace=False)
        is_test = np.isin(photo, test_photos)
        rows, test, shown = (
            np.flatnonzero(~is_test & in_pool),
            np.flatnonzero(is_test & (frame == 0)),
            np.flatnonzero(~is_test & (frame == 0)),
        )
        for n in sizes:
            for name, choose in strategies.items():
                chosen = choose(rows, n, draw)
                figures = [len(set(photo[chosen].tolist())), accuracy(kernel, labels, np.unique(chosen), test)]
                for values in judged.values():
                    squared = (values**2).sum(axis=1)
                    apart = squared[shown][:, None] + squared[chosen][None] - 2 * values[shown] @ values[chosen].T
                    nearest = np.sqrt(np.maximum(apart, 0)).min(axis=1)
                    figures += [float(nearest.mean()), float(np.percentile(nearest, 95))]
                found.setdefault((n, name), []).append(figures)
    print(f"  {'N':>4} {'':16} distinct  accuracy {'':18}" + "".join(f"{name:>16} mean    p95" for name in judged))
    for n in sizes:
        base = np.array(found[n, "random"])
        for name in strategies:
            figures = np.array(found[n, name])
            gain = figures[:, 1] - base[:, 1]
            error = gain.std(ddof=1) / np.sqrt(draws) if draws > 1 else float("nan")
            ratios = figures[:, 2:].mean(axis=0) / base[:, 2:].mean(axis=0)
            accuracies = f"{figures[:, 1].mean():.3f} ({gain.mean():+.3f} ± {error:.3f})"
            shares = "".join(f"{ratios[k]:>20.3f} {ratios[k + 1]:>7.3f}" for k in (0, 2))
            print(f"  {n:>4} {name:16} {figures[:, 0].mean():8.1f}  {accuracies:27}{shares}")


def empty_table(n: int) -> Fingerprints:
    """Return a table of rows with random digests, without a file."""
    rng = np.random.default_rng(0)
    ids = text_array(f"{k}.jpg" for k in range(n))
    zeros = np.zeros(n, np.int64)
    files = Files(
        ("d",), zeros.astype(np.int16), ids, ids, zeros, zeros, zeros.astype(np.uint64), np.arange(n, dtype=np.uint64),
        zeros.astype(np.uint8), text_array([""] * n),
    )  # fmt: skip
    columns: dict[str, Array] = {"decoded": np.ones(n, bool), "event": text_array([""] * n), "low_information": np.zeros(n, bool)}
    for name in ("sha256", "phash", "dhash", "average", "layout", "edge_histogram"):
        columns[name] = rng.integers(0, 256, (n, *PROBES[name].shape), dtype=np.uint8)
    columns["brightness"] = rng.uniform(0, 255, n).astype(np.float32)
    columns["colour_variance"] = rng.uniform(0, 200, n).astype(np.float32)
    return Fingerprints(files, columns)


def peak() -> float:
    """Return the process's peak memory in GB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1e6


def costs(originals: list[tuple[np.ndarray, str]], python: str | None, n: int, few: int) -> None:
    """Print what choosing costs beside the pass over `n` files, and the whole run beside smartdownsample's."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        rng = np.random.default_rng(1)
        for k in range(n):
            picture = originals[k % len(originals)][0]
            shown = picture if k < len(originals) else next_frame(picture, rng)[:, :: 1 if k % 2 else -1]
            cv2.imwrite(str(folder / f"{k:06}.jpg"), shown, [cv2.IMWRITE_JPEG_QUALITY, 90])
        Downsampler(Dataset(folder / "000000.jpg")).sample(1)  # kernels are loaded
        started = time.perf_counter()
        dataset = Dataset(folder)
        dataset.measured(*CLEAN_PROBES)
        reading = time.perf_counter() - started
        for many in (few, n - few):
            started = time.perf_counter()
            Downsampler(dataset).sample(many)
            took = time.perf_counter() - started
            print(f"  {many} of {n}: {took:.2f} s to choose, {took / reading:.3f} of the pass ({reading:.1f} s)")
            if many == few and python is not None:
                _, seconds = peer(python, sorted(map(str, folder.iterdir())), many)
                print(f"  whole run {reading + took:.1f} s, smartdownsample {seconds:.1f} s: {(reading + took) / seconds:.2f} of it")


def scale(rows: int, n: int, width: int = 64) -> None:
    """Print what choosing from very many rows costs beside a plain loop of farthest points."""
    table = empty_table(rows)
    space = np.random.default_rng(0).normal(size=(rows, width)).astype(np.float32)
    sample(table, np.arange(100), 10, wishes=Wishes(space=space))
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far was that of making the rows
    before, started = peak(), time.perf_counter()
    chosen = sample(table, np.arange(rows), n, wishes=Wishes(space=space)).chosen
    took = time.perf_counter() - started
    held = peak()
    started = time.perf_counter()
    farthest(space, n // 10, np.random.default_rng(0))
    loop = (time.perf_counter() - started) * 10
    cost = f"{took:.2f} s, plain loop {loop:.1f} s: {took / loop:.3f} of it; peak {held:.2f} GB ({before:.2f} before)"
    print(f"  {len(chosen)} of {rows} rows of {width}: {cost}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path)
    parser.add_argument("--envs", type=Path, help="folder of virtual environments; smartdownsample is looked for in smart/")
    parser.add_argument("--draws", type=int, default=30)
    parser.add_argument("--scale", action="store_true", help="only what it costs: 24 000 files, a million rows")
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args()
    python = str(given.envs / "smart" / "bin" / "python") if given.envs is not None else None
    originals = photos(given.shared, 60 if given.small else None)
    if not given.scale:
        with tempfile.TemporaryDirectory() as made:
            write_pool(Path(made), originals)
            sizes = ((10, 30), (10,)) if given.small else (SIZES, ALONE)
            quality(Path(made), python, 2 if given.small else given.draws, *sizes)
    if given.scale or given.small:
        print("costs")
        costs(originals, python, *((200, 20) if given.small else (24_000, 1000)))
        scale(*((5000, 50) if given.small else (1_000_000, 1000)))


if __name__ == "__main__":
    sys.exit(main())
