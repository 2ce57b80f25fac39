"""Metrics against their reference forms: a matrix, pairs without the matrix, and the command line.

    python benchmarks/metrics.py [--shared DIR] [--small] [--count 1000] [--tiles 20000]

In one run, grey pictures of 256 x 256 on all cores:

- per metric the reference form (scikit-image where it has one) on some pairs, and a whole matrix of `count` x `count` by tiles; values are
  compared with the reference form first;
- ``Metrics.pairs("mse")`` at a cut-off that 0.1 % of pairs meet, among `tiles` pictures in files: time, memory, how many pairs were looked
  at at full grid; for a part of the pictures the pairs are compared with those of the matrix;
- the memory of an SSIM matrix of a tenth as many pictures;
- ``visdatcompy-ds compare --method ssim`` on two folders, less its time on one image, against a loop of scikit-image over pictures that
  are decoded once.

With `--shared` the pictures are real photos and parts of them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from visdatcompy_ds import Dataset, Image
from visdatcompy_ds.catalog.metrics import METRICS
from visdatcompy_ds.engine.decode.encode import encode_jpeg
from visdatcompy_ds.engine.run import available_cores
from visdatcompy_ds.stages.stacks import Stack, matrix, values_of

os.environ["VISDATCOMPY_CACHE"] = "off"  # what is measured is measured

SIDE = 256
ROOT = Path(__file__).resolve().parents[1]


def whole(folder: Path) -> list[Image]:
    """Return the images of a folder that can be used."""
    data = Dataset(folder)
    broken = set(data.problems.id)
    return [image for image in data if image.id not in broken]


def photos(folder: Path | None, names: tuple[str, ...]) -> list[Image]:
    """Return real photos, or those of a bundled set."""
    return [image for path in ([folder / name for name in names] if folder else [ROOT / "datasets" / "trail"]) for image in whole(path)]


def pictures(images: list[Image], count: int) -> np.ndarray:
    """Return `count` grey pictures: photos and, where they are too few, photos shifted around."""
    made: list[np.ndarray] = []
    for shift in itertools.count():
        for image in images:
            if len(made) == count:
                return np.stack(made)
            made.append(np.roll(image.read("gray", (SIDE, SIDE)), shift * 37, axis=shift % 2))
    return np.stack(made)


def measure(name: str, stack: np.ndarray) -> None:
    """Compare and time one metric."""
    metric = METRICS[name]
    some = stack[:: max(1, len(stack) // 8)][:8]
    values = values_of(metric, some, some)
    metric.compute(some[0], some[1])  # loads what it is made of
    started = time.perf_counter()
    expected = np.array([[metric.compute(a, b) for b in some] for a in some])
    reference = (time.perf_counter() - started) / expected.size
    finite = np.isfinite(expected)
    apart = np.abs(values[finite] - expected[finite])
    apart /= np.where(np.abs(expected[finite]) > 1e-3, np.abs(expected[finite]), 1)  # relative; absolute where the value is near 0
    error = float(apart.max(initial=0))
    if error > 1e-5 or not np.array_equal(np.isfinite(values), finite):
        sys.exit(f"{name} differs from its reference form by {error:.2g}")
    one, other = Stack(np.arange(len(stack)), stack), Stack(np.arange(len(stack)), stack)
    started = time.perf_counter()
    size = matrix(metric, [one], [other], one.rows, other.rows, available_cores()).size
    each = (time.perf_counter() - started) / size
    print(f"{name:<6} {each * 1e6:8.2f} us a pair, reference {reference * 1e6:7.0f} us: {reference / each:5.0f} x; differs by {error:.1g}")


def write_tiles(images: list[Image], count: int, folder: Path) -> None:
    """Write parts of 256 x 256 at random places of photos, the more the larger a photo is."""
    rng = np.random.default_rng(0)
    held = [pixels for pixels in (image.read() for image in images) if min(pixels.shape[:2]) >= SIDE]
    share = np.array([min(pixels[..., 0].size / SIDE**2, 100) for pixels in held])
    for at, which in enumerate(np.sort(rng.choice(len(held), count, p=share / share.sum())).tolist()):
        y, x = (int(rng.integers(0, side - SIDE + 1)) for side in held[which].shape[:2])
        (folder / f"{at:06}.jpg").write_bytes(encode_jpeg(np.ascontiguousarray(held[which][y : y + SIDE, x : x + SIDE]), 92))


ALONE = """
import json, sys, time
import numpy as np
from visdatcompy_ds import Dataset, Metrics
folder, what, cutoff, count = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
data = Dataset(folder)
data = data.subset(data.filenames[:count])
started = time.perf_counter()
metrics = Metrics(data)
if what == "matrix":
    facts = {"cells": metrics.ssim().size}
else:
    pairs = metrics.pairs("mse", cutoff)
    facts = {**pairs.attrs, "found": len(pairs)}
    facts["first"] = time.perf_counter() - started
    started = time.perf_counter()
    metrics.pairs("mse", cutoff)  # the pictures are held by now
facts["time"] = time.perf_counter() - started
facts["peak"] = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps(facts))
"""


def alone(folder: Path, what: str, cutoff: float, count: int) -> dict[str, float]:
    """Run a search in a process of its own and return what it says."""
    done = subprocess.run([sys.executable, "-c", ALONE, folder, what, str(cutoff), str(count)], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def pairs_without_matrix(images: list[Image], count: int) -> None:
    """Find pairs among tiles in files."""
    from visdatcompy_ds import Metrics

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tiles(images, count, folder)
        data = Dataset(folder)
        some = Metrics(data.subset(data.filenames[:: max(1, count // 1500)]))
        values = some.mse().to_numpy()
        upper = np.triu_indices(len(values), 1)
        cutoff = float(np.quantile(values[upper], 0.001))
        found = some.pairs("mse", cutoff)
        row = {name: at for at, name in enumerate(some.dataset1.filenames)}
        left, right = ([row[name] for name in found[side]] for side in ("left_id", "right_id"))
        is_exact = len(found) == int((values[upper] <= cutoff).sum()) and np.array_equal(values[left, right], found.score)
        if not is_exact:
            sys.exit("pairs differ from those of the matrix")
        facts = alone(folder, "pairs", cutoff, count)
        total = facts["pairs_total"]
        print(
            f"mse <= {cutoff:.0f} among {count} pictures: {facts['found'] / total:.2%} of {total / 1e6:.1f} M pairs; "
            f"{facts['pairs_compared'] / total:.2%} looked at in full; {facts['time']:.1f} s, with reading and hashing files "
            f"{facts['first']:.1f} s; {facts['peak'] / 1e9:.2f} GB; equal to the matrix of {len(values)} of them"
        )
        facts = alone(folder, "matrix", 0, count // 10)
        print(f"ssim of {count // 10} x {count // 10}: {facts['time']:.0f} s with reading, {facts['peak'] / 1e9:.2f} GB")


def command_line(folder: Path | None, rounds: int) -> None:
    """Time the command line against a loop of scikit-image."""
    from skimage.metrics import structural_similarity

    pair = [folder / "cows", folder / "cows_duplicates"] if folder else [ROOT / "datasets" / "trail_new", ROOT / "datasets" / "trail"]
    usable = [whole(path) for path in pair]

    def loop() -> None:
        left, right = ([image.read("gray", SIDE) for image in data] for data in usable)
        for a in left:
            for b in right:
                structural_similarity(a, b)

    def command(*paths: object) -> None:
        subprocess.run([sys.executable, "-m", "visdatcompy_ds", "compare", *map(str, paths), "-m", "ssim", "-q"], check=True)

    def timed(what: Callable[[], None]) -> float:
        started = time.perf_counter()
        what()
        return time.perf_counter() - started

    one = [usable[0][0].path, usable[1][0].path]
    command(*pair)
    rows = [(timed(lambda: command(*pair)), timed(lambda: command(*one)), timed(loop)) for _ in range(rounds)]
    both, start, looped = (statistics.median(column) for column in zip(*rows, strict=True))
    print(
        f"compare -m ssim on {len(usable[0])} x {len(usable[1])} images: {both:.2f} s, on 1 x 1 {start:.2f} s; "
        f"{both - start:+.2f} s for all pairs; a loop of scikit-image over them {looped:.2f} s"
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, help="folder with real photos")
    parser.add_argument("--small", action="store_true", help="only show that it runs")
    parser.add_argument("--count", type=int, default=1000, help="pictures on each side of the matrix")
    parser.add_argument("--tiles", type=int, default=20_000, help="pictures among which pairs are looked for")
    options = parser.parse_args()
    stack = pictures(photos(options.shared, ("clothing", "cats_dogs")), 40 if options.small else options.count)
    print(f"{len(stack)} x {len(stack)} pictures of {SIDE} x {SIDE}, {available_cores()} cores")
    for name, metric in METRICS.items():
        if metric.block is not None:
            values_of(metric, stack[:2], stack[:2])  # loads the compiled loops
            measure(name, stack)
    large = photos(options.shared, ("clothing", "cats_dogs", "cameratrap", "drone", "banana"))
    pairs_without_matrix(large, 200 if options.small else options.tiles)
    command_line(options.shared, 1 if options.small else 5)


if __name__ == "__main__":
    main()
