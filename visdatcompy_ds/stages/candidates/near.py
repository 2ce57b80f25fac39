"""Pairs of images whose codes are near: exact, with equal codes searched once."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.catalog.hashes import HASHES, HashMethod
from visdatcompy_ds.catalog.turns import TURNS, inverse_turn
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.stages.candidates.distances import DISTANCES, Hamming

MOST_PAIRS = 10_000_000
_BLOCK = 4_000_000  # pairs held at a time while there are more than are kept
_SAMPLED = 512  # codes by which the number of pairs is estimated


@dataclasses.dataclass(frozen=True)
class Distinct:
    """Codes without repeats, and the rows that have each.

    Attributes
    ----------
    codes : (u, width) array
    rows : (n,) int64
        Rows by code, in natural order within each.
    starts : (u + 1,) int64
        Where the rows of each code begin.
    """

    codes: Array
    rows: Array
    starts: Array

    @classmethod
    def of(cls, codes: Array, rows: Array) -> Distinct:
        """Return the distinct `codes` of `rows`."""
        raw = np.ascontiguousarray(codes)
        key = raw.view(np.uint64 if raw[:1].nbytes == 8 else np.dtype((np.void, raw.dtype.itemsize * raw.shape[1]))).reshape(-1)
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        order = np.argsort(inverse.reshape(-1), kind="stable")
        starts = np.zeros(len(first) + 1, np.int64)
        np.cumsum(np.bincount(inverse.reshape(-1), minlength=len(first)), out=starts[1:])
        return cls(raw[first], rows[order], starts)

    @functools.cached_property
    def sizes(self) -> Array:
        """Number of rows of each code, (u,)."""
        return np.diff(self.starts)

    @functools.cached_property
    def first(self) -> Array:
        """First row of each code, (u,)."""
        return self.rows[self.starts[:-1]]

    def code_of(self, n: int) -> Array:
        """Return the code of each of `n` rows, -1 for rows without one."""
        codes = np.full(n, -1, np.int64)
        codes[self.rows] = np.repeat(np.arange(len(self.codes)), self.sizes)
        return codes

    def members(self, code: int) -> Array:
        """Return the rows of a code."""
        return self.rows[self.starts[code] : self.starts[code + 1]]


@dataclasses.dataclass(frozen=True)
class Near:
    """Pairs that were found, sorted by distance and place.

    Attributes
    ----------
    left, right : (m,) int64
        Rows; within one dataset ``left < right``. An entry that stands for several pairs holds the first row of each code.
    distance : (m,) float64
    turn : (m,) uint8
        Position in ``TURNS``: how the left picture is turned to give the right one.
    left_code, right_code : (m,) int64
        Positions in `left_codes` and `right_codes` for entries that stand for all rows of their codes, else -1.
    pairs : (m,) int64
        Number of pairs of images an entry stands for.
    left_codes, right_codes : Distinct
    """

    left: Array
    right: Array
    distance: Array
    turn: Array
    left_code: Array
    right_code: Array
    pairs: Array
    left_codes: Distinct
    right_codes: Distinct


def comparable(table: Fingerprints, rows: Array) -> tuple[Array, Array]:
    """Return which of `rows` may be matched by a hash, and which show too little for that; of several paths of one file the first."""
    rows = rows[table.files.is_usable[rows] & table["decoded"][rows]]
    _, first = np.unique(file_numbers(table)[rows], return_index=True)
    rows = rows[np.sort(first)]
    flat = table["low_information"][rows]
    return rows[~flat], rows[flat]


def file_numbers(table: Fingerprints) -> Array:
    """Return a number per row that two rows share when they are paths of one file, (n,) int64."""
    files = table.files
    numbers = np.arange(len(table))
    known = np.flatnonzero(files.inode != 0)
    order = known[np.lexsort((known, files.inode[known], files.device[known]))]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (np.diff(files.inode[order]) != 0) | (np.diff(files.device[order]) != 0)
    numbers[order] = order[np.flatnonzero(is_new)[np.cumsum(is_new) - 1]]
    return numbers


def rows_within(codes: Array, rows: Array, method: HashMethod, cutoff: float, workers: Workers) -> Iterator[tuple[Array, Array, Array]]:
    """Yield left and right rows and distances of all pairs among `rows` within `cutoff`, some millions at a time, in no order.

    Parameters
    ----------
    codes : (n, width) array
        Codes of `rows`.
    """
    held = Distinct.of(codes, rows)
    distance = DISTANCES[method.distance]
    repeated = np.flatnonzero(held.sizes > 1)
    for left, right, _ in _expanded(held, held, repeated, repeated):
        kept = left < right
        yield left[kept], right[kept], np.zeros(int(kept.sum()), np.int64)
    for found in distance.within(held.codes, None, cutoff, workers):
        apart = distance.between(held.codes[found[:, 0]], held.codes[found[:, 1]])
        for left, right, at in _expanded(held, held, found[:, 0], found[:, 1]):
            yield np.minimum(left, right), np.maximum(left, right), apart[at]


def _expanded(one: Distinct, other: Distinct, left: Array, right: Array) -> Iterator[tuple[Array, Array, Array]]:
    """Yield rows of all pairs of members of some pairs of codes, and the position of the pair of codes each came from."""
    counts = one.sizes[left] * other.sizes[right]
    ends = np.cumsum(counts)
    at = 0
    while at < len(left):
        stop = max(at + 1, int(np.searchsorted(ends, (ends[at - 1] if at else 0) + _BLOCK, side="right")))
        if stop == at + 1 and counts[at] > _BLOCK:  # one pair of large codes, cut by members
            rows, others = one.members(left[at]), other.members(right[at])
            step = max(1, _BLOCK // len(others))
            for start in range(0, len(rows), step):
                some = rows[start : start + step]
                yield np.repeat(some, len(others)), np.tile(others, len(some)), np.full(len(some) * len(others), at)
        else:
            pair = np.repeat(np.arange(at, stop), counts[at:stop])
            within = np.arange(len(pair)) - np.repeat(ends[at:stop] - counts[at:stop] - (ends[at - 1] if at else 0), counts[at:stop])
            i, j = within // other.sizes[right[pair]], within % other.sizes[right[pair]]
            yield one.rows[one.starts[left[pair]] + i], other.rows[other.starts[right[pair]] + j], pair
        at = stop


def find(
    table: Fingerprints,
    rows: Array,
    others: Array | None,
    name: str,
    cutoff: float,
    orientations: bool = False,
    most_per_image: int | None = None,
    expand: bool = False,
    workers: Workers = "auto",
) -> Near:
    """Find all pairs of `rows` with `others`, or among `rows`, within `cutoff`.

    Parameters
    ----------
    table : Fingerprints
        With the column `name` and, for `orientations`, ``<name>_turns``.
    rows, others : (n,) int64
        Rows from :func:`comparable`.
    name : str
        Method of the catalog.
    cutoff : float
    orientations : bool
        Also find pictures that are turned or mirrored.
    most_per_image : int, optional
        Keep a pair only where it is among so many nearest of one of its two images (codes, without `expand`).
    expand : bool
        An entry per pair of images, also where codes are equal.
    workers : int or "auto"

    Raises
    ------
    ArgumentError
        Where there would be more than ten million entries and nothing bounds them.
    """
    method = HASHES[name]
    one = Distinct.of(table[name][rows], rows)
    other = one if others is None else Distinct.of(table[name][others], others)
    is_self = others is None
    if most_per_image is None:
        expected = _estimate(one, None if is_self else other, method, cutoff, expand, workers)
        if expected > MOST_PAIRS:
            raise _too_many(name, cutoff, expected)
    files = file_numbers(table)
    kept = _Kept(one, other, is_self, most_per_image, expand, len(table))
    for u, v, distance in _code_pairs(one, None if is_self else other, method, cutoff, workers):
        if not expand:
            kept.add(one.first[u], other.first[v], distance, folded=True)
            continue
        for left, right, at in _expanded_some(one, other, u, v, most_per_image):
            keep = (files[left] != files[right]) & ((u[at] != v[at]) | (left < right) if is_self else True)
            kept.add(left[keep], right[keep], distance[at][keep])
    if orientations:
        for left, right, distance, turn in _turned(table, rows, others, name, method, cutoff, workers):
            keep = files[left] != files[right]
            kept.add(left[keep], right[keep], distance[keep], turn[keep])
    if most_per_image is None and kept.count > 2 * MOST_PAIRS:
        raise _too_many(name, cutoff, kept.count)
    return kept.result(files)


def _code_pairs(
    one: Distinct, other: Distinct | None, method: HashMethod, cutoff: float, workers: Workers
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield pairs of codes; equal ones of one set as a code with itself."""
    distance = DISTANCES[method.distance]
    if other is None:
        repeated = np.flatnonzero(one.sizes > 1)
        yield repeated, repeated, np.zeros(len(repeated))
    for found in distance.within(one.codes, None if other is None else other.codes, cutoff, workers):
        u, v = found[:, 0], found[:, 1]
        yield u, v, distance.between(one.codes[u], (other or one).codes[v]).astype(float)


def _expanded_some(one: Distinct, other: Distinct, u: Array, v: Array, most: int | None) -> Iterator[tuple[Array, Array, Array]]:
    """Yield all pairs of members; of very many equal ones only those that can be among the `most` nearest of an image."""
    if most is None:
        yield from _expanded(one, other, u, v)
        return
    few_one, few_other = _headed(one, most + 1), _headed(other, most + 1)
    yield from _expanded(one, few_other, u, v)
    yield from _expanded(few_one, other, u, v)


def _headed(codes: Distinct, most: int) -> Distinct:
    """Return the codes with the first `most` rows of each."""
    sizes = np.minimum(codes.sizes, most)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    at = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes) + np.repeat(codes.starts[:-1], sizes)
    return Distinct(codes.codes, codes.rows[at], starts)


def _turned(
    table: Fingerprints, rows: Array, others: Array | None, name: str, method: HashMethod, cutoff: float, workers: Workers
) -> Iterator[tuple[Array, Array, Array, Array]]:
    """Yield pairs in which one picture, turned, gives the other; either of the two is turned, so that their order does not matter."""
    distance = DISTANCES[method.distance]
    turns = np.arange(1, len(TURNS))
    inverse = np.array([inverse_turn(turn) for turn in range(len(TURNS))])
    for turned, still in ((rows, rows if others is None else others), *(() if others is None else ((others, rows),))):
        codes = table[f"{name}_turns"][turned][:, 1:].reshape(len(turned) * len(turns), method.width)
        one = Distinct.of(codes, np.arange(len(codes)))
        other = Distinct.of(table[name][still], still)
        for found in distance.within(one.codes, other.codes, cutoff, workers):
            apart = distance.between(one.codes[found[:, 0]], other.codes[found[:, 1]]).astype(float)
            for label, right, at in _expanded(one, other, found[:, 0], found[:, 1]):
                left, turn = turned[label // len(turns)], turns[label % len(turns)]
                swap = (left > right) if others is None else np.full(len(left), turned is not rows)
                yield (
                    np.where(swap, right, left),
                    np.where(swap, left, right),
                    apart[at],
                    np.where(swap, inverse[turn], turn),
                )


def _estimate(one: Distinct, other: Distinct | None, method: HashMethod, cutoff: float, expand: bool, workers: Workers) -> float:
    """Return about how many entries a search gives, from a sample of codes; equal codes are counted."""
    distance = DISTANCES[method.distance]
    target = other or one
    n = len(one.codes)
    equal = float((one.sizes * (one.sizes - 1) / 2).sum()) if expand else float((one.sizes > 1).sum())
    exact = equal if other is None else 0.0
    if n * len(target.codes) <= MOST_PAIRS and not expand:
        return 0.0  # there cannot be too many
    if not isinstance(distance, Hamming) or not n or not len(target.codes):
        return exact
    sample = np.sort(np.random.default_rng(0).permutation(n)[:_SAMPLED])
    weights = one.sizes[sample] if expand else np.ones(len(sample))
    found = distance.count(one.codes[sample], target.codes, cutoff, workers) - (len(sample) if other is None else 0)
    mean_other = float(target.sizes.mean()) if expand else 1.0
    return exact + found / len(sample) * float(weights.mean()) * mean_other * n / (2 if other is None else 1)


def _too_many(name: str, cutoff: float, expected: float) -> ArgumentError:
    return ArgumentError(
        f"{name} within {cutoff:g} gives about {expected:.2g} pairs",
        f"Allowed: {MOST_PAIRS // 10**6} million",
        "Lower max_distance, leave expand off, or keep the nearest of each image by max_per_image=5",
    )


class _Kept:
    """Pairs taken in block by block, pruned where only the nearest of each image are kept."""

    def __init__(self, one: Distinct, other: Distinct, is_self: bool, most: int | None, expand: bool, n: int) -> None:
        self.one, self.other, self.is_self, self.most, self.expand = one, other, is_self, most, expand
        self.code = one.code_of(n)
        self.other_code = self.code if is_self else other.code_of(n)
        self.parts: list[tuple[Array, ...]] = []
        self.count = 0

    def add(self, left: Array, right: Array, distance: Array, turn: Array | None = None, folded: bool = False) -> None:
        """Take in pairs of rows, or, `folded`, of the first rows of codes that stand for all rows of theirs."""
        if self.is_self:
            left, right = np.minimum(left, right), np.maximum(left, right)
        turns = np.zeros(len(left), np.uint8) if turn is None else turn.astype(np.uint8)
        self.parts.append((left, right, distance, turns, np.full(len(left), folded)))
        self.count += len(left)
        if self.count > (_BLOCK if self.most is not None else 2 * MOST_PAIRS):
            self.parts = [self._pruned()]
            self.count = len(self.parts[0][0])

    def _pruned(self) -> tuple[Array, ...]:
        """Return each pair once with its least distance and, where they are bounded, only the nearest of each row."""
        if not self.parts:
            none = np.empty(0, np.int64)
            return none, none, none.astype(float), none.astype(np.uint8), none.astype(bool)
        columns = [np.concatenate(values) for values in zip(*self.parts, strict=True)]
        left, right, distance, turn = columns[:4]
        one, other = left, right
        if not self.expand:  # an entry per two codes
            one, other = self.code[left], self.other_code[right]
            one, other = (np.minimum(one, other), np.maximum(one, other)) if self.is_self else (one, other)
        order = np.lexsort((right, left, turn, distance, other, one))
        is_new = np.ones(len(order), bool)
        is_new[1:] = (np.diff(one[order]) != 0) | (np.diff(other[order]) != 0)
        order = order[is_new]
        if self.most is not None:
            order = order[_among_nearest(left[order], right[order], distance[order], self.most)]
        return tuple(column[order] for column in columns)

    def result(self, files: Array) -> Near:
        """Return what was kept, nearest first; entries of codes with the number of pairs of images each stands for."""
        left, right, distance, turn, folded = self._pruned()
        one, other = self.one, self.other
        u, v = self.code[left], self.other_code[right]
        same = folded & (u == v) if self.is_self else np.zeros(len(u), bool)
        pairs = np.where(same, one.sizes[u] * (one.sizes[u] - 1) // 2, np.where(folded, one.sizes[u] * other.sizes[v], 1))
        right[same] = one.rows[one.starts[u[same]] + 1]
        if not self.is_self:  # two paths of one file are no pair, and have one code
            for at in np.flatnonzero(folded & (distance == 0)).tolist():
                a, b = one.members(u[at]), other.members(v[at])
                shared = len(np.intersect1d(files[a], files[b]))
                pairs[at] -= shared
                if shared and pairs[at]:
                    left[at], right[at] = next((i, j) for i in a.tolist() for j in b.tolist() if files[i] != files[j])
        order = np.lexsort((right, left, distance))
        order = order[pairs[order] > 0]
        u, v = np.where(folded, u, -1), np.where(folded, v, -1)
        return Near(
            left[order],
            right[order],
            distance[order],
            turn[order],
            left_code=u[order],
            right_code=v[order],
            pairs=pairs[order],
            left_codes=one,
            right_codes=other,
        )


def _among_nearest(left: Array, right: Array, distance: Array, most: int) -> Array:
    """Return a mask of the pairs that are among the `most` nearest of at least one of their rows."""
    row, other, apart = np.concatenate([left, right]), np.concatenate([right, left]), np.tile(distance, 2)
    order = np.lexsort((other, apart, row))
    starts = np.flatnonzero(np.r_[True, np.diff(row[order]) != 0]) if len(order) else np.empty(0, np.int64)
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    keep = np.zeros(len(row), bool)
    keep[order[rank < most]] = True
    return keep[: len(left)] | keep[len(left) :]
