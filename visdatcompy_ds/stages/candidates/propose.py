"""Candidates of the default run: one shot key, or near hashes where EXIF and a second hash do not object."""

from __future__ import annotations

import dataclasses

import numpy as np

from visdatcompy_ds.base.tables import Array, Fingerprints, Pairs, text_array
from visdatcompy_ds.catalog.hashes import HASHES
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.kernels import hamming
from visdatcompy_ds.stages.candidates.near import rows_within
from visdatcompy_ds.stages.candidates.ranks import ranked
from visdatcompy_ds.stages.shots import ShotFacts

# So near is near enough for a closer look, which decides: wider than the cut-off of the catalog, for what confirms proves.
PROPOSE_BITS = 10
# A second, independent hash thins out chance neighbours: of 80 photos x 6 re-savings none came above 4 bits of dHash.
_SECOND_HASH_BITS = 16
# Frames of one second are a handful; more rows of one key mean a camera whose clock stands still, where the key says nothing.
_MOST_OF_ONE_KEY = 64
# Of very many look-alikes those nearest in colour and layout are judged, where a copy stands first, and the rest is counted.
_MOST_PER_ROW = 16
_LAYOUT_ROWS = 100_000  # pairs whose layouts are compared at a time
_HELD_PAIRS = 4_000_000


@dataclasses.dataclass(frozen=True)
class Candidates:
    """Pairs to confirm, and what was decided or left out on the way.

    Attributes
    ----------
    left, right : (m,) int64
        Rows, ``left < right``.
    step : (m,) object
        "exif" or "hash", whichever proposed first.
    is_vetoed : (m,) bool
        EXIF says another shot: only equal pixels overrule that.
    distance : (m,) int64
        Bits of pHash.
    vetoed : Pairs
        Look-alikes that EXIF proves to be other shots, the nearest of each row.
    counts : dict
        "vetoed", "set_aside" (low information), "beyond_most".
    """

    left: Array
    right: Array
    step: Array
    is_vetoed: Array
    distance: Array
    vetoed: Pairs
    counts: dict[str, int]

    @classmethod
    def of(cls, left: Array, right: Array, step: str, is_vetoed: Array | None = None) -> Candidates:
        """Return pairs, ``left < right``, that another step than hashes proposes."""
        m = len(left)
        vetoed = np.zeros(m, bool) if is_vetoed is None else is_vetoed
        return cls(left, right, text_array([step] * m), vetoed, np.zeros(m, np.int64), Pairs.empty(), {})


def equal_content(table: Fingerprints, rows: Array) -> Array:
    """Return, for each of `rows`, the first of them with the same bytes (itself where there is none).

    Rows must come best first; (device, inode) does not matter here, one file by two paths has the same bytes.
    """
    digests = np.ascontiguousarray(table["sha256"][rows]).view("V32").reshape(-1)
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    # np.unique's first index is the least position: the best row.
    return np.asarray(rows[first[inverse.reshape(-1)]])


def propose(
    table: Fingerprints,
    rows: Array,
    steps: tuple[str, ...] = ("exif", "hash"),
    method: str = "phash",
    workers: Workers = "auto",
    is_asked: Array | None = None,
) -> Candidates:
    """Propose pairs among `rows` (usable, decoded, of distinct content).

    Parameters
    ----------
    table : Fingerprints
    rows : (n,) int64
        Rows to compare.
    steps : tuple of str
        "exif" proposes rows with one shot key, "hash" rows within 10 bits of `method`.
    method : str
        A hash of the catalog with a Hamming distance.
    workers : int or "auto"
    is_asked : (all rows,) bool, optional
        Each pair has one of these rows at least; by default all are.
    """
    facts = ShotFacts(table)
    is_asked = np.ones(len(table), bool) if is_asked is None else is_asked
    vetoed, kept, near = _Nearest(len(table)), [], _NearestInLayout(table["layout"])
    counts = {"vetoed": 0, "set_aside": 0, "beyond_most": 0}
    seen = np.empty(0, np.int64)
    if "exif" in steps:
        left, right = _of_one_key(facts.shot_keys()[rows], facts.aspect[rows])
        left, right = np.minimum(rows[left], rows[right]), np.maximum(rows[left], rows[right])
        keep = ~facts.are_other_shots(left, right) & (is_asked[left] | is_asked[right])
        kept.append((left[keep], right[keep], np.zeros(int(keep.sum()), np.int64)))
        seen = np.sort(left * len(table) + right)
    if "hash" in steps:
        informative = rows[~table["low_information"][rows]]
        counts["set_aside"] = len(rows) - len(informative)
        for left, right, distance in rows_within(table[method][informative], informative, HASHES[method], PROPOSE_BITS, workers):
            asked = is_asked[left] | is_asked[right]
            left, right, distance = left[asked], right[asked], distance[asked]
            # One pair, one judgement: the first step that proposed it owns it.
            plausible = hamming.distances(table["dhash"][left], table["dhash"][right]) <= _SECOND_HASH_BITS
            plausible &= ~_is_in(left * len(table) + right, seen)
            other = facts.are_other_shots(left, right) & plausible
            # A card whose clock was set right has other dates and the same pixels: what is equal in every measure is looked at.
            other &= ~_are_equal(table, left, right, distance)
            vetoed.offer(left[other], right[other], distance[other])
            counts["vetoed"] += int(other.sum())
            near.add(left[plausible & ~other], right[plausible & ~other])
        left, right, counts["beyond_most"] = near.kept()
        kept.append((left, right, np.ones(len(left), np.int64)))
    left, right, step = (np.concatenate(parts) for parts in zip(*kept, strict=True)) if kept else (np.empty(0, np.int64),) * 3
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    names = np.array(["exif", "hash"], object)[step[order]]
    distance = hamming.distances(table[method][left], table[method][right])
    return Candidates(left, right, names, facts.are_other_shots(left, right), distance, vetoed.as_pairs(method), counts)


_EQUAL_COLUMNS = ("dhash", "average", "layout", "mean_colour", "width", "height")


def _are_equal(table: Fingerprints, left: Array, right: Array, distance: Array) -> Array:
    """Return a mask of the pairs that are equal in every measure; a frame of its own differs by its noise."""
    equal = distance == 0
    for name in _EQUAL_COLUMNS:
        at = np.flatnonzero(equal)
        if not len(at):
            break
        same = table[name][left[at]] == table[name][right[at]]
        equal[at] = same.reshape(len(at), -1).all(axis=1)
    return equal


def _is_in(keys: Array, ordered: Array) -> Array:
    if not len(ordered):
        return np.zeros(len(keys), bool)
    at = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    found: Array = ordered[at] == keys
    return found


def _of_one_key(keys: Array, aspect: Array) -> tuple[Array, Array]:
    """Return positions of all pairs of equal key and equal aspect ratio, either way up."""
    order = np.argsort(keys, kind="stable")
    order = order[keys[order] >= 0]
    ends = np.flatnonzero(np.diff(keys[order])) + 1
    left, right = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for group in np.split(order, ends):
        if 1 < len(group) <= _MOST_OF_ONE_KEY:
            a, b = np.triu_indices(len(group), 1)
            left.append(group[a])
            right.append(group[b])
    at, to = np.concatenate(left), np.concatenate(right)
    wide = np.maximum(aspect, 1 / np.maximum(aspect, 1e-9))
    same = np.abs(wide[at] / wide[to] - 1) <= 0.02
    return at[same], to[same]


class _NearestInLayout:
    """Of the pairs offered block by block, those that are among the nearest in layout of their left row; all where there are few."""

    def __init__(self, layouts: Array) -> None:
        self.layouts = layouts
        self.left, self.right, self.apart = (np.empty(0, np.int64) for _ in range(3))
        self.waiting: list[tuple[Array, Array]] = []
        self.offered = self.count = 0

    def add(self, left: Array, right: Array) -> None:
        """Take in pairs."""
        self.waiting.append((left, right))
        self.offered, self.count = self.offered + len(left), self.count + len(left)
        if self.count > _HELD_PAIRS:
            self._prune()

    def kept(self) -> tuple[Array, Array, int]:
        """Return left and right rows, and how many pairs were left out."""
        self._prune()
        return self.left, self.right, self.offered - len(self.left)

    def _prune(self) -> None:
        left = np.concatenate([self.left, *(one for one, _ in self.waiting)])
        right = np.concatenate([self.right, *(other for _, other in self.waiting)])
        apart = np.concatenate([self.apart, np.full(len(left) - len(self.left), -1, np.int64)])
        # Only where a row has many is it worth the time to see which are nearest; what was left out before stays so.
        crowded = np.flatnonzero(np.bincount(left, minlength=1)[left] > _MOST_PER_ROW) if len(left) else left
        new = crowded[apart[crowded] < 0]
        for start in range(0, len(new), _LAYOUT_ROWS):
            some = new[start : start + _LAYOUT_ROWS]
            difference = self.layouts[left[some]].astype(np.int16) - self.layouts[right[some]]
            apart[some] = np.abs(difference).sum(axis=1)
        order, rank = ranked(left[crowded], apart[crowded], right[crowded])
        keep = np.ones(len(left), bool)
        keep[crowded[order[rank >= _MOST_PER_ROW]]] = False
        self.left, self.right, self.apart = left[keep], right[keep], apart[keep]
        self.waiting, self.count = [], 0


class _Nearest:
    """The nearest other row of each row, out of pairs offered block by block: a fixed camera has millions, and one tells the story."""

    def __init__(self, n: int) -> None:
        self.distance = np.full(n, np.iinfo(np.int64).max)
        self.other = np.full(n, -1, np.int64)

    def offer(self, left: Array, right: Array, distance: Array) -> None:
        """Take in pairs; of equal distance the first row of the table wins, so the order of blocks does not matter."""
        row, other, apart = np.concatenate([left, right]), np.concatenate([right, left]), np.tile(distance, 2)
        order, rank = ranked(row, apart, other)
        first = order[rank == 0]
        row, other, apart = row[first], other[first], apart[first]
        held, held_other = self.distance[row], self.other[row]
        better = (apart < held) | ((apart == held) & (other < held_other))
        self.distance[row[better]], self.other[row[better]] = apart[better], other[better]

    def as_pairs(self, method: str) -> Pairs:
        """Return each row with its nearest, as `similar`."""
        rows = np.flatnonzero(self.other >= 0)
        low, high = np.minimum(rows, self.other[rows]), np.maximum(rows, self.other[rows])
        _, first = np.unique(low * len(self.other) + high, return_index=True)
        distance = self.distance[rows[first]].astype(float)
        return Pairs.build(low[first], high[first], "similar", "hash", f"{method}, another shot by EXIF", distance, float(PROPOSE_BITS))
