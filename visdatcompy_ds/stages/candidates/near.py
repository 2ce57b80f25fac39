"""Pairs of images whose codes are near: exact, with equal codes searched once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.catalog.hashes import HASHES, HashMethod
from visdatcompy_ds.catalog.turns import TURNS, inverse_turn
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.stages.candidates.distances import DISTANCES, equal_codes
from visdatcompy_ds.stages.candidates.distinct import BLOCK, Distinct, expanded, shared_files
from visdatcompy_ds.stages.candidates.ranks import ranked

MOST_PAIRS = 10_000_000
_SAMPLED = 512  # codes by which the number of pairs is estimated


@dataclasses.dataclass(frozen=True)
class Near:
    """Pairs that were found, nearest first.

    Attributes
    ----------
    left, right : (m,) int64
        Rows; within one dataset ``left < right``. An entry that stands for several pairs holds the first pair of them.
    distance : (m,) float64
    turn : (m,) uint8
        Position in ``TURNS``: how the left picture is turned to give the right one.
    left_item, right_item : (m,) int64
        Positions in `left_items` and `right_items`: what an entry stands for.
    pairs : (m,) int64
        Number of pairs of images an entry stands for.
    left_items, right_items : Distinct
        Images of equal codes; with turns, of codes that are equal in all of them; expanded, each image alone.
    """

    left: Array
    right: Array
    distance: Array
    turn: Array
    left_item: Array
    right_item: Array
    pairs: Array
    left_items: Distinct
    right_items: Distinct


def rows_within(codes: Array, rows: Array, method: HashMethod, cutoff: float, workers: Workers) -> Iterator[tuple[Array, Array, Array]]:
    """Yield left and right rows and distances of all pairs among `rows` within `cutoff`, some millions at a time, in no order.

    Parameters
    ----------
    codes : (n, width) array
        Codes of `rows`.
    """
    for left, right, distance in _members(Distinct.of(codes, rows), None, method, cutoff, None, workers):
        yield np.minimum(left, right), np.maximum(left, right), distance


def nearest(table: Fingerprints, rows: Array, targets: Array, method: HashMethod, files: Array, workers: Workers) -> tuple[Array, Array]:
    """Return, for each of `rows`, the distance of the nearest of `targets` that is another file, and its row; inf and -1 for none.

    Parameters
    ----------
    rows : (n,) int64
        Any rows; those that are unusable or show too little have no neighbour.
    targets : (m,) int64
        Rows from :func:`comparable`.
    files : (all rows,) int64
        From :func:`comparable`.
    """
    asked = np.flatnonzero(table.files.is_usable[rows] & table["decoded"][rows] & ~table["low_information"][rows])
    codes = table[method.name]
    mine = rows[asked]
    apart, position = DISTANCES[method.distance].nearest(codes[mine], files[mine], codes[targets], files[targets], workers)
    distance, other = np.full(len(rows), np.inf), np.full(len(rows), -1, np.int64)
    found = position >= 0
    distance[asked[found]], other[asked[found]] = apart[found], targets[position[found]]
    return distance, other


def find(
    table: Fingerprints,
    rows: Array,
    others: Array | None,
    name: str,
    cutoff: float,
    files: Array,
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
        In the unit of the method's distance.
    files : (all rows,) int64
        From :func:`comparable`: two rows of one number are one file, and no pair.
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
    method, is_self = HASHES[name], others is None
    codes, turns = table[name], table[f"{name}_turns"] if orientations else None
    signature = codes if turns is None else turns.reshape(len(table), -1)
    sides = [rows] if others is None else [rows, others]
    items = [Distinct.alone(codes[side], side) if expand else Distinct.of(signature[side], side) for side in sides]
    one, other = items[0], items[-1]
    still = [Distinct.of(codes[side.first], np.arange(len(side.first))) for side in items]
    kept = Kept(one, other, is_self, files, most_per_image, f"{name} within {cutoff:g}")
    searches = [(still[0], None if is_self else still[1], np.array([0]), False)]
    if turns is not None:
        for turned, target, is_swapped in [(one, still[-1], False)] + ([] if is_self else [(other, still[0], True)]):
            labels = turns[turned.first][:, 1:].reshape(len(turned.first) * (len(TURNS) - 1), method.width)
            searches.append((Distinct.of(labels, np.arange(len(labels))), target, np.arange(1, len(TURNS)), is_swapped))
    if most_per_image is None:
        expected = sum(_estimate(a, b, method, cutoff, workers) for a, b, _, _ in searches)
        if expected > MOST_PAIRS:
            raise kept.too_many(expected)
    if is_self and not expand:
        repeated = np.flatnonzero(one.sizes > 1)
        kept.add(repeated, repeated, np.zeros(len(repeated)), np.zeros(len(repeated), np.uint8))
    inverse = np.array([inverse_turn(turn) for turn in range(len(TURNS))], np.uint8)
    for a, b, turn_of, is_swapped in searches:
        for label, item, distance in _members(a, b, method, cutoff, most_per_image, workers, len(turn_of)):
            turn, left_item = turn_of[label % len(turn_of)].astype(np.uint8), label // len(turn_of)
            if is_swapped:
                kept.add(item, left_item, distance, inverse[turn])
            elif is_self:  # two items come in the order of their first rows, whichever of them was turned
                swap = one.first[left_item] > one.first[item]
                low, high = np.where(swap, item, left_item), np.where(swap, left_item, item)
                apart = low != high
                kept.add(low[apart], high[apart], distance[apart], np.where(swap, inverse[turn], turn)[apart])
            else:
                kept.add(left_item, item, distance, turn)
    return kept.result()


def _members(
    one: Distinct, other: Distinct | None, method: HashMethod, cutoff: float, most: int | None, workers: Workers, ways: int = 1
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield pairs of members of codes within `cutoff`, and their distance; of one set each pair in one order, no member with itself.

    Of very many equal codes only those come that can be among the `most` nearest of an image, of which up to `ways` members of `one` are
    codes.
    """
    distance = DISTANCES[method.distance]
    target = one if other is None else other
    sides: tuple[tuple[Distinct, Distinct], ...] = ((one, target),)
    if most is not None and (one.sizes.max(initial=0) > (most + 1) * ways or target.sizes.max(initial=0) > most + 1):
        sides = ((one, target.headed(most + 1)), (one.headed((most + 1) * ways), target))
    if other is None:
        repeated = np.flatnonzero(one.sizes > 1)
        for a, b in sides:
            for left, right, _ in expanded(a, b, repeated, repeated):
                kept = left < right
                yield left[kept], right[kept], np.zeros(int(kept.sum()))
    for found in distance.within(one.codes, None if other is None else other.codes, cutoff, workers):
        apart = distance.between(one.codes[found[:, 0]], target.codes[found[:, 1]]).astype(float)
        for a, b in sides:
            for left, right, at in expanded(a, b, found[:, 0], found[:, 1]):
                yield left, right, apart[at]


def _estimate(one: Distinct, other: Distinct | None, method: HashMethod, cutoff: float, workers: Workers) -> float:
    """Return about how many pairs of members lie within `cutoff`: equal codes are counted, near ones of a sample of members."""
    target = one if other is None else other
    n = len(one.rows)
    if n * len(target.rows) <= MOST_PAIRS or not len(target.rows):
        return 0.0  # there cannot be too many
    sample = np.sort(np.random.default_rng(0).permutation(n)[:_SAMPLED])
    code = np.searchsorted(one.starts, sample, side="right") - 1  # a code that many have is met often
    found = DISTANCES[method.distance].count(one.codes[code], target.codes, target.sizes, cutoff, workers)
    if other is None:
        equal = float((one.sizes * (one.sizes - 1.0) / 2).sum())
        return equal + float((found - one.sizes[code]).mean()) * n / 2
    left, right = equal_codes(one.codes, other.codes).T
    return max(float(found.mean()) * n, float((one.sizes[left].astype(float) * other.sizes[right]).sum()))


class Kept:
    """Pairs of items taken in block by block, each once with its least distance, pruned where only the nearest of each are kept."""

    def __init__(self, one: Distinct, other: Distinct, is_self: bool, files: Array, most: int | None, what: str) -> None:
        self.one, self.other, self.is_self, self.files, self.most, self.what = one, other, is_self, files, most, what
        self.parts: list[tuple[Array, ...]] = []
        self.count, self.room = 0, BLOCK if most is not None else 2 * MOST_PAIRS
        # The last of the nearest of each item so far, as (distance, partner): what comes behind it is dropped at once. Items of the second
        # set are numbered behind those of the first.
        self.shift = 0 if is_self else len(one.first)
        n = self.shift + len(other.first)
        self.reach, self.reach_partner = np.full(n, np.inf), np.full(n, n, np.int64)
        self.shared = shared_files(one, other, files) if not is_self else np.empty((0, 3), np.int64)

    def too_many(self, expected: float) -> ArgumentError:
        """Return the error for a search that gives more than can be handed over."""
        return ArgumentError(
            f"{self.what} gives about {expected:.2g} pairs",
            f"Allowed: {MOST_PAIRS // 10**6} million",
            "Lower max_distance, leave expand off, or keep the nearest of each image by max_per_image=5",
        )

    def add(self, left: Array, right: Array, distance: Array, turn: Array) -> None:
        """Take in pairs of items."""
        if self.most is not None:
            near = self._is_near(left, right + self.shift, distance) | self._is_near(right + self.shift, left, distance)
            left, right, distance, turn = left[near], right[near], distance[near], turn[near]
        if len(self.shared):  # entries that hold nothing but paths of one file
            near = self._pairs(left, right) > 0
            left, right, distance, turn = left[near], right[near], distance[near], turn[near]
        self.parts.append((left, right, distance, turn))
        self.count += len(left)
        if self.count > self.room:
            self.parts = [self._pruned()]
            self.count = len(self.parts[0][0])
            if self.most is None and self.count > MOST_PAIRS:
                raise self.too_many(self.count)
            self.room = max(self.room, 2 * self.count)

    def _is_near(self, item: Array, partner: Array, distance: Array) -> Array:
        reach = self.reach[item]
        near: Array = (distance < reach) | ((distance == reach) & (partner <= self.reach_partner[item]))
        return near

    def _pairs(self, left: Array, right: Array) -> Array:
        """Return how many pairs of images an entry stands for; two paths of one file are none."""
        one, other = self.one.sizes, self.other.sizes
        if self.is_self:
            return np.where(left == right, one[left] * (one[left] - 1) // 2, one[left] * one[right])
        pairs: Array = one[left] * other[right]
        if len(self.shared):
            keys = self.shared[:, 0] * len(other) + self.shared[:, 1]
            key = left * len(other) + right
            at = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
            pairs = pairs - np.where(keys[at] == key, self.shared[at, 2], 0)
        return pairs

    def _pruned(self) -> tuple[Array, ...]:
        if not self.parts:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint8)
        left, right, distance, turn = (np.concatenate(values) for values in zip(*self.parts, strict=True))
        key = left * max(1, len(self.other.first)) + right
        order, rank = ranked(key, distance, turn)
        order = order[rank == 0]
        if self.most is not None and len(order):
            order = order[self._among_nearest(left[order], right[order], distance[order])]
        return left[order], right[order], distance[order], turn[order]

    def _among_nearest(self, left: Array, right: Array, distance: Array) -> Array:
        """Return a mask of the pairs that are among the nearest of at least one of their items; remember how far that reaches."""
        assert self.most is not None
        item, partner = np.concatenate([left, right + self.shift]), np.concatenate([right + self.shift, left])
        apart = np.tile(distance, 2)
        order, rank = ranked(item, apart, partner)
        last = order[rank == self.most - 1]
        self.reach[item[last]], self.reach_partner[item[last]] = apart[last], partner[last]
        keep = np.zeros(len(item), bool)
        keep[order[rank < self.most]] = True
        return keep[: len(left)] | keep[len(left) :]

    def result(self) -> Near:
        """Return what was kept, nearest first."""
        u, v, distance, turn = self._pruned()
        if self.most is None and len(u) > 2 * MOST_PAIRS:
            raise self.too_many(len(u))
        left, right = self.one.first[u], self.other.first[v]
        alike = np.flatnonzero((u == v) if self.is_self else self.files[left] == self.files[right])
        for at in alike.tolist() if not self.is_self else ():  # the first pair of two files
            pairs = ((i, j) for i in self.one.members(u[at]).tolist() for j in self.other.members(v[at]).tolist())
            left[at], right[at] = next((i, j) for i, j in pairs if self.files[i] != self.files[j])
        if self.is_self:
            right[alike] = self.one.rows[self.one.starts[u[alike]] + 1]
        order = np.lexsort((right, left, distance))
        left, right, distance, turn, u, v = left[order], right[order], distance[order], turn[order], u[order], v[order]
        return Near(left, right, distance, turn, u, v, self._pairs(u, v), self.one, self.other)
