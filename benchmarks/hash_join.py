"""Exact search for near codes against faiss' flat index and against brute force.

    python benchmarks/hash_join.py [--shared DIR] [--small]

In one run, on as many threads as there are cores: all pairs within 10 of 64 bits among random codes with planted neighbours, the 256 bits
of the block mean and the 576 of Marr-Hildreth, 100 000 equal codes, and, with `--shared`, pHashes of all photos there and of their tiles.
What is timed is the whole road from codes to sorted pairs. Results are compared pair for pair with brute force before anything is timed.
"""

from __future__ import annotations

import argparse
import itertools
import math
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from visdatcompy_ds.base.tables import Files, Fingerprints, object_array
from visdatcompy_ds.catalog.hashes import HASHES
from visdatcompy_ds.engine.run import available_cores
from visdatcompy_ds.kernels import hamming
from visdatcompy_ds.stages.candidates import distinct, near

RADIUS = 10


def planted(n: int, width: int = 8, share: float = 0.05, bits: int = RADIUS, seed: int = 0) -> np.ndarray:
    """Return random codes (n, width), some of which are others with up to `bits` bits flipped."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256, (n, width), dtype=np.uint8)
    copies = rng.permutation(n)[: int(n * share)]
    flips = np.zeros((len(copies), width * 8), bool)
    for row, count in enumerate(rng.integers(0, bits + 1, len(copies))):
        flips[row, rng.permutation(width * 8)[:count]] = True
    codes[copies] = codes[rng.integers(0, n, len(copies))] ^ np.packbits(flips, axis=1)
    return codes


def clustered(n: int, width: int = 8, noise: float = 0.04, seed: int = 1) -> np.ndarray:
    """Return codes around n / 10 centres, as bursts give them."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 256, (max(1, n // 10), width), dtype=np.uint8)
    return centres[rng.integers(0, len(centres), n)] ^ np.packbits(rng.random((n, width * 8)) < noise, axis=1)


def repeated(n: int, width: int = 8, seed: int = 2) -> np.ndarray:
    """Return codes of which most are one of few, as flat pictures give them."""
    rng = np.random.default_rng(seed)
    few = rng.integers(0, 256, (40, width), dtype=np.uint8)
    few[:, 2:] = 0
    codes = rng.integers(0, 256, (n, width), dtype=np.uint8)
    codes[: n // 16, 4:] = 0  # and some that are crowded
    some = rng.random(n) < 0.5
    codes[some] = few[rng.integers(0, 40, int(some.sum()))]
    return codes


def table_of(codes: np.ndarray, name: str) -> Fingerprints:
    """Return a table of images that have these codes."""
    n = len(codes)
    zeros = np.zeros(n, np.int64)
    ids = object_array([f"{k:07d}.jpg" for k in range(n)])
    paths, reasons = object_array([f"/{k}".encode() for k in range(n)]), object_array([""] * n)
    inodes = np.random.default_rng(9).permutation(n) + 1
    files = Files(("codes",), zeros.astype(np.int16), ids, paths, zeros, zeros, zeros, inodes, zeros.astype(np.uint8), reasons)
    return Fingerprints(files, {name: codes, "decoded": np.ones(n, bool), "low_information": np.zeros(n, bool)})


def ours(codes: np.ndarray, radius: int, name: str = "phash", others: int | None = None) -> near.Near:
    """Return what `Hash.pairs` does with codes; the last `others` of them are the second dataset."""
    table = table_of(codes, name)
    rows = np.arange(len(codes))
    left, right = (rows, None) if others is None else (rows[:-others], rows[-others:])
    return near.find(table, left, right, name, radius, distinct.file_numbers(table), workers=available_cores())


def seconds(codes: np.ndarray, radius: int, name: str = "phash") -> tuple[float, int]:
    """Return how long the road from codes to sorted pairs takes, and how many entries it gives."""
    table = table_of(codes, name)
    started = time.perf_counter()
    compared = distinct.comparable(table, np.arange(len(codes)))
    found = near.find(table, compared.rows, None, name, radius, compared.files, workers=available_cores())
    return time.perf_counter() - started, len(found.left)


def faiss_seconds(codes: np.ndarray, radius: int) -> float:
    """Return how long faiss' flat index takes for the same."""
    import faiss

    faiss.omp_set_num_threads(available_cores())
    index = faiss.IndexBinaryFlat(codes.shape[1] * 8)
    started = time.perf_counter()
    index.add(codes)
    index.range_search(codes, radius + 1)
    return time.perf_counter() - started


def check(n: int, radii: range) -> None:
    """Compare with brute force, pair for pair."""
    for kind, make in (("random", planted), ("clustered", clustered), ("repeated", repeated)):
        codes = make(n)
        held = distinct.Distinct.of(codes, np.arange(n))
        words = hamming.as_words(held.codes)
        everything = np.concatenate(list(hamming.within(words, None, max(radii))))
        apart = hamming.distances(held.codes[everything[:, 0]], held.codes[everything[:, 1]])
        first = held.first
        low, high = (reduce(first[everything[:, 0]], first[everything[:, 1]]) for reduce in (np.minimum, np.maximum))
        half = n // 2
        one, two = distinct.Distinct.of(codes[:half], np.arange(half)), distinct.Distinct.of(codes[half:], np.arange(half, n))
        across = np.concatenate(list(hamming.within(hamming.as_words(one.codes), hamming.as_words(two.codes), max(radii))))
        across_apart = hamming.distances(one.codes[across[:, 0]], two.codes[across[:, 1]])
        for radius in radii:
            found = ours(codes, radius)
            pairs = found.left_item != found.right_item
            expected = np.sort(low[apart <= radius] * n + high[apart <= radius])
            if not np.array_equal(np.sort(first_rows(found, held)[pairs] @ [n, 1]), expected):
                sys.exit(f"{kind} codes, radius {radius}: not the pairs of brute force")
            if int(found.pairs[~pairs].sum()) != int((held.sizes * (held.sizes - 1) // 2).sum()):
                sys.exit(f"{kind} codes: equal ones were not counted")
            found = ours(codes, radius, others=n - half)
            expected = np.sort(one.first[across[across_apart <= radius, 0]] * n + two.first[across[across_apart <= radius, 1]])
            if not np.array_equal(np.sort(found.left * n + found.right), expected):
                sys.exit(f"{kind} codes across, radius {radius}: not the pairs of brute force")
        print(f"equal to brute force: {n} {kind} codes, radius {radii.start} to {radii.stop - 1}, within and across")


def first_rows(found: near.Near, held: distinct.Distinct) -> np.ndarray:
    """Return the first rows of each entry's codes, lower first, (m, 2)."""
    return np.sort(np.stack([held.first[found.left_item], held.first[found.right_item]], axis=1), axis=1)


def scaling(sizes: list[int], compare_at: int) -> None:
    """Print times by size, the exponent that fits them, and the ratios to faiss."""
    seconds(planted(20_000), RADIUS)  # loads the compiled loops
    times = {}
    for n in sizes:
        codes = planted(n)
        times[n], entries = min(seconds(codes, RADIUS) for _ in range(3))
        print(f"{n:>9} random codes within {RADIUS} of 64 bits: {times[n]:.2f} s, {entries} entries")
    if len(sizes) > 1:
        exponent = np.polyfit([math.log(n) for n in sizes], [math.log(times[n]) for n in sizes], 1)[0]
        print(f"fitted exponent: {exponent:.2f}")
    flat = faiss_seconds(planted(compare_at), RADIUS)
    print(f"faiss IndexBinaryFlat, {compare_at} codes: {flat:.2f} s, {flat / times[compare_at]:.0f} x ours")
    last = sizes[-1]
    if last > compare_at:
        predicted = flat * (last / compare_at) ** 2
        print(f"its n² growth predicts {predicted:.0f} s for {last}: {predicted / times[last]:.0f} x ours")


def wide(n: int) -> None:
    """Print times for the wide hashes against faiss."""
    for name, make in itertools.product(("block_mean", "marr_hildreth"), (planted, clustered)):
        width = HASHES[name].width
        radius = int(0.06 * 8 * width)
        codes = make(n, width, bits=radius) if make is planted else make(n, width, noise=0.02)
        mine, entries = min(seconds(codes, radius, name) for _ in range(2))
        flat = faiss_seconds(codes, radius)
        kind = "random" if make is planted else "clustered"
        print(f"{n} {kind} codes of {name} within {radius} of {8 * width} bits: {mine:.2f} s, {entries} entries", end="; ")
        print(f"faiss {flat:.2f} s, {flat / mine:.1f} x")


def identical(n: int) -> None:
    """Print the time for equal codes against random ones, and the memory of a process that does it."""
    black, entries = min(seconds(np.zeros((n, 8), np.uint8), RADIUS) for _ in range(3))
    random, _ = min(seconds(planted(n, share=0), RADIUS) for _ in range(3))
    print(f"{n} equal codes: {black:.2f} s, {entries} entry; as many random ones {random:.2f} s")


def memory(n: int) -> None:
    """Print the peak memory of a process that searches random codes, and of one that searches equal ones."""
    for kind, make in (("random", f"b.planted({n})"), ("equal", f"b.np.zeros(({min(n, 100_000)}, 8), b.np.uint8)")):
        code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import hash_join as b; print(b.seconds({make}, {RADIUS}))"
        code += "; print(open('/proc/self/status').read() if __import__('os').path.exists('/proc/self/status') else '')"
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        peak = [line.split()[1] for line in said.splitlines() if line.startswith("VmHWM")]
        if peak:
            print(f"peak memory of the whole process, {kind} codes: {int(peak[0]) / 1000:.0f} MB")


def photos(shared: Path, cuts: range) -> None:
    """Print times on pHashes of real photos and their tiles; within 4 bits, since tiles of sky and walls are alike by the million at 10."""
    from visdatcompy_ds import Dataset
    from visdatcompy_ds.catalog.working import WorkingBlock
    from visdatcompy_ds.engine.run import run
    from visdatcompy_ds.kernels.resample import area_square

    names = ("banana", "cameratrap", "cats_dogs", "clothing", "cows", "drone", "orientation", "potatoes", "robust")
    images = [image for name in names if (shared / name).is_dir() for image in Dataset(shared / name)]

    def tiles(image: object) -> list[np.ndarray]:
        try:
            pixels = image.read()  # type: ignore[attr-defined]
        except ValueError:
            return []  # one is cut short on purpose
        cut = []
        for count in cuts:
            ys, xs = (np.linspace(0, side, count + 1).astype(int) for side in pixels.shape[:2])
            cut += [
                area_square(np.ascontiguousarray(pixels[a:b, c:d]), 128)
                for a, b in itertools.pairwise(ys)
                for c, d in itertools.pairwise(xs)
            ]
        return [HASHES["phash"].block(WorkingBlock(np.stack(cut)))]  # type: ignore[misc]

    codes = np.concatenate([block for made in run(images, tiles) for block in made])
    mine, entries = min(seconds(codes, 4) for _ in range(2))
    flat = faiss_seconds(codes, 4)
    print(f"{len(codes)} pHashes of {len(images)} photos and their tiles, within 4 bits: {mine:.2f} s, {entries} entries", end="; ")
    print(f"faiss {flat:.2f} s, {flat / mine:.0f} x")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, help="folder of photos")
    parser.add_argument("--small", action="store_true", help="only show that it runs")
    options = parser.parse_args()
    if options.small:
        check(2_000, range(0, 17, 4))
        scaling([20_000], 20_000)
        return
    check(50_000, range(17))
    scaling([100_000, 300_000, 1_000_000], 300_000)
    wide(50_000)
    identical(100_000)
    memory(1_000_000)
    if options.shared:
        photos(options.shared, range(1, 10))


if __name__ == "__main__":
    main()
