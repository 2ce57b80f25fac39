"""How codes of a hash are compared: one class per distance of the catalog, all with the same verbs.

``between`` row by row · ``within`` all pairs up to a cut-off, block by block · ``nearest`` of each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from visdatcompy_ds.base.tables import Array
from visdatcompy_ds.catalog.hashes import HashMethod
from visdatcompy_ds.engine.run import Workers, run

_NUMPY_CELLS = 40_000_000  # so many comparisons NumPy does sooner than compiled loops are loaded
_ROWS = 64  # left rows of a task, where tasks are cut by rows
Span = tuple[int, int]


class Distance(Protocol):
    """What every distance can do. Codes are (n, width) arrays of one method."""

    def between(self, left: Array, right: Array) -> Array:
        """Return the distance of each row, (m,)."""

    def within(self, left: Array, right: Array | None, cutoff: float, workers: Workers) -> Iterator[Array]:
        """Yield positions (m, 2) of all pairs up to `cutoff`; of rows of one set (`right` None) one order each."""

    def nearest(self, left: Array, left_files: Array, right: Array, right_files: Array, workers: Workers) -> tuple[Array, Array]:
        """Return distance and position of the nearest right row of another file, the first of equals; -1 where there is none."""

    def count(self, left: Array, right: Array, weights: Array, cutoff: float, workers: Workers) -> Array:
        """Return, for each left row, the sum of the `weights` of the right rows within `cutoff`, (n,)."""


class Hamming:
    """Number of bits that differ."""

    def between(self, left: Array, right: Array) -> Array:
        """Return bits, (m,) int64."""
        from visdatcompy_ds.kernels import hamming

        return hamming.distances(left, right)

    def within(self, left: Array, right: Array | None, cutoff: float, workers: Workers) -> Iterator[Array]:
        """Yield pairs; exact (see ``kernels.hamming_join``)."""
        from visdatcompy_ds.kernels import hamming

        one = hamming.as_words(left)
        other = None if right is None else hamming.as_words(right)
        radius = int(cutoff)
        if radius == 0:  # codes of one set are distinct
            yield np.empty((0, 2), np.int32) if right is None else equal_codes(left, right)
            return
        if one.size * len(one if other is None else other) <= _NUMPY_CELLS:
            yield from hamming.within(one, other, radius)
            return
        from visdatcompy_ds.kernels.hamming_join import Join

        join = Join(one, other, radius)
        for tasks in join.tasks():
            yield from run(tasks, join.search, workers)

    def nearest(self, left: Array, left_files: Array, right: Array, right_files: Array, workers: Workers) -> tuple[Array, Array]:
        """Return bits and positions; each code is compared with all others."""
        from visdatcompy_ds.kernels import hamming, hamming_loops
        from visdatcompy_ds.kernels.hamming_join import by_word

        one, other = by_word(hamming.as_words(left)), by_word(hamming.as_words(right))

        def work(span: Span) -> tuple[Array, Array]:
            found: tuple[Array, Array] = hamming_loops.nearest(one, left_files, *span, other, right_files)
            return found

        return _joined(run(_spans(len(left), 16 * _ROWS), work, workers))

    def count(self, left: Array, right: Array, weights: Array, cutoff: float, workers: Workers) -> Array:
        """Return sums of weights, (n,) int64; each left code is compared with all others."""
        from visdatcompy_ds.kernels import hamming, hamming_loops
        from visdatcompy_ds.kernels.hamming_join import by_word

        one, other, weight = by_word(hamming.as_words(left)), by_word(hamming.as_words(right)), weights.astype(np.int64)

        def work(span: Span) -> Array:
            counts: Array = hamming_loops.count_within(one, *span, other, weight, int(cutoff))
            return counts

        return np.concatenate([np.empty(0, np.int64), *run(_spans(len(left), _ROWS), work, workers)])


class L2:
    """Euclidean distance in units of 1/10 000, as OpenCV gives it for ``color_moment``."""

    def between(self, left: Array, right: Array) -> Array:
        """Return distances, (m,) float64."""
        from visdatcompy_ds.kernels import vectors

        return np.asarray(vectors.l2(_scaled(left), _scaled(right)))

    def within(self, left: Array, right: Array | None, cutoff: float, workers: Workers) -> Iterator[Array]:
        """Yield pairs; rows are sorted by a coordinate and compared within a window of it."""
        from visdatcompy_ds.kernels import vectors

        one = _scaled(left)
        other = one if right is None else _scaled(right)
        # The window adds up in another order: a hair is left for rounding, and `between` decides.
        for found in _within_window(one, None if right is None else other, cutoff * (1 + 1e-9), workers):
            yield found[vectors.l2(one[found[:, 0]], other[found[:, 1]]) <= cutoff]

    def nearest(self, left: Array, left_files: Array, right: Array, right_files: Array, workers: Workers) -> tuple[Array, Array]:
        """Return distances and positions; codes are looked at from the nearest in one coordinate outwards."""
        from visdatcompy_ds.kernels import vectors

        one, other = _scaled(left), _scaled(right)
        by = _widest(other)
        order = np.argsort(other[:, by], kind="stable")

        def work(span: Span) -> tuple[Array, Array]:
            found: tuple[Array, Array] = vectors.nearest(one, one, left_files, *span, other, other, right_files, order, by, False)
            return found

        return _joined(run(_spans(len(left), _ROWS), work, workers))

    def count(self, left: Array, right: Array, weights: Array, cutoff: float, workers: Workers) -> Array:
        """Return sums of weights, (n,) float64, of a part of the rows."""
        return _counted(self.between, left, right, weights, cutoff)


class Correlation:
    """1 - the peak of the circular cross-correlation, 0 to 1, as OpenCV compares ``radial_variance`` (it gives the peak itself)."""

    def between(self, left: Array, right: Array) -> Array:
        """Return distances, (m,) float64."""
        from visdatcompy_ds.kernels import vectors

        return np.asarray(vectors.shifted_correlation(vectors.profiles(left), vectors.profiles(right)))

    def within(self, left: Array, right: Array | None, cutoff: float, workers: Workers) -> Iterator[Array]:
        """Yield pairs: no shift changes the magnitudes of a spectrum, so only codes of near spectra are compared at all shifts."""
        from visdatcompy_ds.kernels import vectors

        one = vectors.profiles(left)
        other = one if right is None else vectors.profiles(right)
        # A distance d needs spectra within sqrt(2 d); a hair is left for rounding.
        reach = float(np.sqrt(2 * cutoff + 1e-9))
        near = _within_window(vectors.spectra(one), None if right is None else vectors.spectra(other), reach, workers)
        for found in near:
            distance = vectors.shifted_correlation(one[found[:, 0]], other[found[:, 1]])
            yield found[distance <= cutoff]

    def nearest(self, left: Array, left_files: Array, right: Array, right_files: Array, workers: Workers) -> tuple[Array, Array]:
        """Return distances and positions."""
        from visdatcompy_ds.kernels import vectors

        one, other = vectors.profiles(left), vectors.profiles(right)
        bounds, other_bounds = vectors.spectra(one), vectors.spectra(other)
        by = _widest(other_bounds)
        order = np.argsort(other_bounds[:, by], kind="stable")

        def work(span: Span) -> tuple[Array, Array]:
            found: tuple[Array, Array] = vectors.nearest(one, bounds, left_files, *span, other, other_bounds, right_files, order, by, True)
            return found

        return _joined(run(_spans(len(left), _ROWS), work, workers))

    def count(self, left: Array, right: Array, weights: Array, cutoff: float, workers: Workers) -> Array:
        """Return sums of weights, (n,) float64, of a part of the rows."""
        return _counted(self.between, left, right, weights, cutoff)


DISTANCES: dict[str, Distance] = {"hamming": Hamming(), "l2": L2(), "correlation": Correlation()}


def matrix(method: HashMethod, left: Array, right: Array) -> Array:
    """Return the distances of all left with all right codes, (n, m) float64."""
    distance = DISTANCES[method.distance]
    rows = max(1, 200_000 // max(1, len(right)))
    table = np.empty((len(left), len(right)))
    for start in range(0, len(left), rows):
        some = left[start : start + rows]
        apart = distance.between(np.repeat(some, len(right), axis=0), np.tile(right, (len(some), 1)))
        table[start : start + rows] = apart.reshape(len(some), len(right))
    return table


def of_pairs(method: HashMethod, codes: Array, left: Array, right: Array) -> Array:
    """Return the distances of chosen pairs of codes, (m,) float64; some at a time, for codes are large beside their distance."""
    between, step = DISTANCES[method.distance].between, 100_000
    parts = [between(codes[left[at : at + step]], codes[right[at : at + step]]) for at in range(0, len(left), step)]
    return np.concatenate([np.empty(0), *parts])


def _scaled(codes: Array) -> Array:
    return np.ascontiguousarray(codes * 10_000.0)


def equal_codes(left: Array, right: Array) -> Array:
    """Return positions (m, 2) of equal codes of two sets of distinct ones."""
    kind = np.dtype((np.void, left.dtype.itemsize * left.shape[1]))
    one, other = (np.ascontiguousarray(side).view(kind).reshape(-1) for side in (left, right))
    return np.stack(np.intersect1d(one, other, assume_unique=True, return_indices=True)[1:], axis=1)


def _spans(n: int, rows: int) -> list[Span]:
    return [(start, min(start + rows, n)) for start in range(0, n, rows)]


def _joined(parts: Iterator[tuple[Array, Array]]) -> tuple[Array, Array]:
    found = list(parts)
    if not found:
        return np.empty(0), np.empty(0, np.int64)
    return np.concatenate([distance for distance, _ in found]), np.concatenate([position for _, position in found])


def _counted(between: Callable[[Array, Array], Array], left: Array, right: Array, weights: Array, cutoff: float) -> Array:
    """Return sums of weights within a cut-off: an even share of the left rows is compared with all right ones, the others take its mean."""
    counts = np.full(len(left), np.nan)
    for at in range(0, len(left), 8):
        counts[at] = weights[between(np.broadcast_to(left[at], right.shape), right) <= cutoff].sum()
    return np.where(np.isnan(counts), np.nanmean(counts) if len(counts) else 0.0, counts)


def _widest(rows: Array) -> int:
    """Return the coordinate in which rows differ most."""
    return int(np.argmax(rows.std(axis=0))) if len(rows) else 0


def _within_window(left: Array, right: Array | None, cutoff: float, workers: Workers) -> Iterator[Array]:
    """Yield positions of rows within a Euclidean distance."""
    from visdatcompy_ds.kernels import vectors

    by = _widest(left if right is None else np.concatenate([left, right]))
    order = np.argsort(left[:, by], kind="stable")
    one = left[order]
    other_order = order if right is None else np.argsort(right[:, by], kind="stable")
    other = one if right is None else right[other_order]

    def work(span: Span) -> Array:
        found: Array = vectors.l2_within(one, other, by, *span, cutoff, right is None)
        return found

    for found in run(_spans(len(one), _ROWS), work, workers):
        yield np.stack([order[found[:, 0]], other_order[found[:, 1]]], axis=1)
