"""Pairs of pictures within a cut-off of a metric, without the matrix: exact, most of them told apart on cells of pixels."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.tables import Array
from visdatcompy_ds.catalog.metrics import Metric
from visdatcompy_ds.engine.run import Workers, run
from visdatcompy_ds.stages.candidates.distinct import first_paths
from visdatcompy_ds.stages.stacks import Stack, Tile, computed, matrix, tiles, values_of

MOST_PAIRS = 10_000_000
_COARSE, _FINE = 8, 32  # cells a side
_TILE = 1024  # pictures a side of a block of the coarse look


@dataclasses.dataclass(frozen=True)
class Found:
    """Pairs within a cut-off.

    Attributes
    ----------
    left, right : (m,) int64
        Rows; within one set ``left < right``.
    score : (m,) float64
        Of an asymmetric metric within one set the better of both directions.
    pairs : int
        Pairs there were.
    compared : int
        Pairs that were looked at to the end; the others were told apart sooner.
    """

    left: Array
    right: Array
    score: Array
    pairs: int
    compared: int


def find(
    metric: Metric,
    left: list[Stack],
    right: list[Stack] | None,
    cutoff: float,
    files: Array,
    workers: Workers = "auto",
    show_progress: bool | None = None,
) -> Found:
    """Find all pairs of pictures of one shape that are as good as a cut-off, or better.

    Parameters
    ----------
    metric : Metric
        One that compares pictures of the kind the stacks hold.
    left, right : list of Stack
        None compares `left` with itself.
    cutoff : float
        In the unit of the metric.
    files : (all rows,) int64
        Rows of one number are paths of one file: of several on a side the first is compared, and none with another.
    workers, show_progress
        As everywhere.

    Raises
    ------
    ArgumentError
        For more than ten million pairs.
    """
    work = _Whole(metric, cutoff) if metric.difference is None else _Pruned(metric, cutoff, [*left, *(right or [])], workers)
    cut = tiles(left, right, work.step, halved=right is None)
    parts, compared, count = [], 0, 0
    for tile, (i, j, score, looked) in computed(cut, work, f"pairs by {metric.name}", workers, show_progress):
        parts.append((tile.rows[0][i], tile.rows[1][j], score))
        compared, count = compared + looked, count + len(i)
        if count > MOST_PAIRS:
            raise ArgumentError(
                f"More than {MOST_PAIRS // 10**6} million pairs have {metric.name} {'>=' if metric.higher_is_better else '<='} {cutoff:g}",
                f"Allowed: {MOST_PAIRS // 10**6} million",
                "Give a stricter cutoff, or nearest() for the best of each image",
            )
    empty = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    rows, others, scores = (np.concatenate(column) for column in zip(empty, *parts, strict=True))
    if right is None:
        rows, others = np.minimum(rows, others), np.maximum(rows, others)
    sides = [np.concatenate([np.empty(0, np.int64), *(stack.rows for stack in side)]) for side in (left, left if right is None else right)]
    keep = first_paths(sides[0], files)[rows] & first_paths(sides[1], files)[others] & (files[rows] != files[others])
    rows, others, scores = rows[keep], others[keep], scores[keep]
    order = np.lexsort((others, rows, -scores if metric.higher_is_better else scores))
    return Found(rows[order], others[order], scores[order], sum(tile.size for tile in cut), compared)


def nearest(
    metric: Metric,
    left: list[Stack],
    right: list[Stack] | None,
    files: Array,
    workers: Workers = "auto",
    show_progress: bool | None = None,
) -> tuple[Array, Array]:
    """Return, for every row of the table, the row of the best other picture of one shape, and its score; -1 and NaN where there is none.

    Parameters
    ----------
    metric, left, right, workers, show_progress
        As in :func:`find`.
    files : (all rows,) int64
        Rows of one number are one file and no neighbours.
    """
    best, score = np.full(len(files), -1, np.int64), np.full(len(files), np.nan)
    sign = -1.0 if metric.higher_is_better else 1.0

    def offer(rows: Array, others: Array, values: Array) -> None:
        apart = np.where(files[rows][:, None] == files[others][None], np.nan, sign * values)
        known = np.flatnonzero(~np.isnan(apart).all(axis=1))
        # Of equals the first; an infinite distance is one, a missing one is none.
        at = np.argmin(np.where(np.isnan(apart[known]), np.inf, np.minimum(apart[known], np.finfo(float).max)), axis=1)
        found, row, other = apart[known, at], rows[known], others[at]
        better = (best[row] < 0) | (found < sign * score[row]) | ((found == sign * score[row]) & (other < best[row]))
        best[row[better]], score[row[better]] = other[better], sign * found[better]

    is_mirrored = right is None and metric.is_symmetric
    cut = tiles(left, right, metric.tile, halved=is_mirrored)
    work = functools.partial(_values, metric)
    for tile, values in computed(cut, work, f"nearest by {metric.name}", workers, show_progress):
        offer(*tile.rows, values)
        if is_mirrored and not tile.is_diagonal:
            offer(*tile.rows[::-1], values.T)
    return best, score


def _values(metric: Metric, tile: Tile) -> Array:
    return values_of(metric, *tile.pictures)


class _Whole:
    """The work on a block of a metric without such bounds: all pairs are compared, those that cannot come to the cut-off not to the end."""

    def __init__(self, metric: Metric, cutoff: float) -> None:
        self.metric, self.cutoff, self.step = metric, cutoff, metric.tile

    def __call__(self, tile: Tile) -> tuple[Array, Array, Array, int]:
        a, b = tile.pictures
        values = values_of(self.metric, a, b, self.cutoff)
        if tile.is_self and not self.metric.is_symmetric:
            choose = np.fmax if self.metric.higher_is_better else np.fmin
            values = choose(values, values_of(self.metric, b, a, self.cutoff).T)
        is_within, is_whole = self.metric.is_within(values, self.cutoff), ~np.isneginf(values)
        if tile.is_diagonal:
            is_within, is_whole = np.triu(is_within, 1), np.triu(is_whole, 1)
        i, j = np.nonzero(is_within)
        return i, j, values[i, j], int(is_whole.sum())


class _Pruned:
    """The work on a block of a metric that is a function of the mean difference of pixels: coarse cells, finer cells, then pixels."""

    step = _TILE

    def __init__(self, metric: Metric, cutoff: float, stacks: list[Stack], workers: Workers) -> None:
        assert metric.difference is not None and metric.prepare is not None
        self.metric, self.cutoff, self.difference, self.prepare = metric, cutoff, metric.difference, metric.prepare
        self.facts = {id(stack): self._measure(stack, workers) for stack in stacks}

    def _measure(self, stack: Stack, workers: Workers) -> tuple[Array, ...]:
        """Return of the pictures of a stack: coarse and fine features, the reach of each, root mean squares."""
        from visdatcompy_ds.kernels import metric_pairs

        power, step = self.difference.power, max(1, 2**24 // stack.pictures[0].size)

        def work(start: int) -> tuple[Array, ...]:
            some = np.asarray(stack.pictures[start : start + step])
            _, rms = self.prepare(some)
            mean = np.asarray(self.difference.reach(self.cutoff, rms), np.float64) * (1 + 1e-9)
            sums = np.minimum(mean, 255.0**power) * some[0].size
            reach = sums if power == 1 else np.sqrt(sums)
            return metric_pairs.features(some, _COARSE, power), metric_pairs.features(some, _FINE, power), reach, rms

        parts = run(range(0, len(stack.rows), step), work, workers)
        coarse, fine, reach, rms = (np.concatenate(column) for column in zip(*parts, strict=True))
        return coarse, fine, metric_pairs.widened(reach, coarse), metric_pairs.widened(reach, fine), rms

    def __call__(self, tile: Tile) -> tuple[Array, Array, Array, int]:
        from visdatcompy_ds.kernels import metric_pairs

        power = self.difference.power
        one = tuple(fact[tile.i : tile.i_end] for fact in self.facts[id(tile.one)])
        other = tuple(fact[tile.j : tile.j_end] for fact in self.facts[id(tile.other)])
        coarse, fine, reach, fine_reach, rms = one
        other_coarse, other_fine, other_reach, other_fine_reach, other_rms = other
        if not tile.is_self:  # a score is relative to the left picture; within one set either may be the left one
            other_reach, other_fine_reach = np.zeros_like(other_reach), np.zeros_like(other_fine_reach)
        pairs = metric_pairs.near_features(coarse, other_coarse, reach, other_reach, power, tile.is_diagonal)
        pairs = metric_pairs.still_near(fine, other_fine, fine_reach, other_fine_reach, power, pairs)
        a, b = (side.reshape(len(side), -1) for side in tile.pictures)
        mean = metric_pairs.sums_of(a, b, pairs, power) / a.shape[1]
        score = self.difference.score(mean, rms[pairs[:, 0]])
        if tile.is_self and not self.metric.is_symmetric:
            choose = np.fmax if self.metric.higher_is_better else np.fmin
            score = choose(score, self.difference.score(mean, other_rms[pairs[:, 1]]))
        keep = self.metric.is_within(score, self.cutoff)
        i, j = pairs[keep].T.astype(np.int64)
        return i, j, score[keep], len(pairs)


def scores_of(metric: Metric, pictures: Array, left: Array, right: Array, workers: Workers = "auto") -> Array:
    """Return a metric of chosen pairs of pictures (n, H, W), (m,) float64; of an asymmetric one the better of both directions."""
    if not len(left):
        return np.empty(0)
    if not metric.is_symmetric:
        each = dataclasses.replace(metric, is_symmetric=True)
        both = [scores_of(each, pictures, *sides, workers) for sides in ((left, right), (right, left))]
        return np.asarray(np.fmax(*both) if metric.higher_is_better else np.fmin(*both))
    if 8 * len(left) > len(pictures) ** 2:  # whole tiles share what a picture brings alone
        stack = Stack(np.arange(len(pictures)), pictures)
        return matrix(metric, [stack], [stack], stack.rows, stack.rows, workers, show_progress=False)[left, right]
    order = np.lexsort((right, left))
    # One left picture with some right ones at a time.
    is_new = np.r_[True, np.diff(left[order]) != 0] | (np.arange(len(order)) % metric.tile == 0)
    some = np.split(order, np.flatnonzero(is_new)[1:])

    def work(at: Array) -> Array:
        one = pictures[left[at[0]]][None]
        return values_of(metric, one, pictures[right[at]])[0]

    scores = np.empty(len(order))
    for at, values in zip(some, run(some, work, workers), strict=True):
        scores[at] = values
    return scores
