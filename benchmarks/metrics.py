"""Metrics of stacks against their reference forms, per pair of grey pictures of 256 x 256.

    python benchmarks/metrics.py [--shared DIR] [--small] [--count 1000]

In one run: the reference form (scikit-image where it has one) on some pairs, and a whole matrix of `count` x `count` by tiles on all cores.
With `--shared` the pictures are real photos. First, values are compared with the reference form.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from pathlib import Path

import numpy as np

from visdatcompy_ds import Dataset
from visdatcompy_ds.catalog.metrics import METRICS
from visdatcompy_ds.engine.run import available_cores
from visdatcompy_ds.stages.stacks import Stack, tiles, values_of

SIDE = 256


def pictures(folder: Path | None, count: int) -> np.ndarray:
    """Return `count` grey pictures: photos below a folder and, where they are too few, parts of them; without a folder, the sample set."""
    root = Path(__file__).resolve().parents[1] / "datasets" / "trail"
    images = [image for path in ((folder / "clothing", folder / "cats_dogs") if folder else (root,)) for image in Dataset(path)]
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
    apart = np.abs(values[finite] - expected[finite]) / np.maximum(1, np.abs(expected[finite]))
    error = float(apart.max(initial=0))
    if error > 1e-5 or not np.array_equal(np.isfinite(values), finite):
        sys.exit(f"{name} differs from its reference form by {error:.2g}")
    held = [Stack(np.arange(len(stack)), stack)]
    started = time.perf_counter()
    pairs = sum(block.size for _, _, block in tiles(metric, held, [Stack(np.arange(len(stack)), stack)], available_cores()))
    each = (time.perf_counter() - started) / pairs
    print(f"{name:<6} {each * 1e6:8.2f} us a pair, reference {reference * 1e6:7.0f} us: {reference / each:5.0f} x; differs by {error:.1g}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, help="folder with clothing/ and cats_dogs/")
    parser.add_argument("--small", action="store_true", help="only show that it runs")
    parser.add_argument("--count", type=int, default=1000, help="pictures on each side of the matrix")
    options = parser.parse_args()
    stack = pictures(options.shared, 40 if options.small else options.count)
    print(f"{len(stack)} x {len(stack)} pictures of {SIDE} x {SIDE}, {available_cores()} cores")
    for name, metric in METRICS.items():
        if metric.block is not None:
            values_of(metric, stack[:2], stack[:2])  # loads the compiled loops
            measure(name, stack)


if __name__ == "__main__":
    main()
