"""Fingerprints to candidate pairs: who might match. A candidate proves nothing; ``confirm`` decides."""

from __future__ import annotations

import dataclasses

import numpy as np

from visdatcompy_ds.base.tables import Array, Fingerprints, Pairs
from visdatcompy_ds.catalog.hashes import HASHES
from visdatcompy_ds.kernels import hamming
from visdatcompy_ds.stages.shots import ShotFacts

# A second, independent hash thins out chance neighbours: of 80 photos x 6 re-savings none came above 4 bits of dHash.
_SECOND_HASH_BITS = 16
# Frames of one second are a handful; more rows of one key mean a camera whose clock stands still, where the key says nothing.
_MOST_OF_ONE_KEY = 64
# Copies lie at 0 to 3 bits; of very many look-alikes the nearest are judged and the rest counted.
_MOST_PER_ROW = 64


@dataclasses.dataclass(frozen=True)
class Candidates:
    """Pairs to confirm, and what was decided or left out on the way.

    Attributes
    ----------
    left, right : (m,) int64
        Rows, ``left < right``.
    step : (m,) object
        "exif" or "hash", whichever proposed first.
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
    distance: Array
    vetoed: Pairs
    counts: dict[str, int]


def equal_content(table: Fingerprints, rows: Array) -> Array:
    """Return, for each of `rows`, the first of them with the same bytes (itself where there is none).

    Rows must come best first; (device, inode) does not matter here, one file by two paths has the same bytes.
    """
    digests = np.ascontiguousarray(table["sha256"][rows]).view("V32").reshape(-1)
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    # np.unique's first index is the least position: the best row.
    return np.asarray(rows[first[inverse.reshape(-1)]])


def same_file(table: Fingerprints, left: Array, right: Array) -> Array:
    """Return a mask of the pairs that are one file by two paths: a link, a hard link, or overlapping sources."""
    files = table.files
    known = files.inode[left] != 0
    same: Array = known & (files.inode[left] == files.inode[right]) & (files.device[left] == files.device[right])
    return same


def propose(table: Fingerprints, rows: Array, steps: tuple[str, ...] = ("exif", "hash"), method: str = "phash") -> Candidates:
    """Propose pairs among `rows` (usable, decoded, of distinct content).

    Parameters
    ----------
    table : Fingerprints
    rows : (n,) int64
        Rows to compare.
    steps : tuple of str
        "exif" proposes rows with one shot key, "hash" rows within the cut-off of `method`.
    method : str
        A hash of the catalog with a Hamming distance.
    """
    facts = ShotFacts(table)
    found: list[tuple[Array, Array, str]] = []
    if "exif" in steps:
        found.append((*_of_one_key(facts.shot_keys()[rows], facts.aspect[rows]), "exif"))
    informative = ~table["low_information"][rows]
    at = np.flatnonzero(informative)
    if "hash" in steps:
        left, right, _ = hamming.pairs_within(table[method][rows[at]], int(HASHES[method].cutoff))
        found.append((at[left], at[right], "hash"))
    pairs = [(rows[left], rows[right], step) for left, right, step in found]
    left = np.concatenate([np.minimum(a, b) for a, b, _ in pairs]) if pairs else np.empty(0, np.int64)
    right = np.concatenate([np.maximum(a, b) for a, b, _ in pairs]) if pairs else np.empty(0, np.int64)
    step = np.concatenate([np.full(len(a), code) for code, (a, _, _) in enumerate(pairs)]) if pairs else np.empty(0, np.int64)
    # One pair, one judgement: the first step that proposed it owns it.
    order = np.lexsort((step, right, left))
    left, right, step = left[order], right[order], step[order]
    is_first = np.ones(len(left), bool)
    is_first[1:] = (np.diff(left) != 0) | (np.diff(right) != 0)
    left, right, step = left[is_first], right[is_first], step[is_first]

    distance = hamming.distances(table[method][left], table[method][right])
    second = hamming.distances(table["dhash"][left], table["dhash"][right])
    by_hash = np.array([name == "hash" for _, _, name in pairs], bool)[step] if pairs else np.empty(0, bool)
    plausible = ~by_hash | (second <= _SECOND_HASH_BITS)
    other = facts.are_other_shots(left, right)
    vetoed = _nearest_of_each(left, right, distance, plausible & other, method)
    keep = np.flatnonzero(plausible & ~other)
    capped = keep[_within_most(left[keep], right[keep], distance[keep], _MOST_PER_ROW)]
    names = np.array([name for _, _, name in pairs], object)
    return Candidates(
        left[capped],
        right[capped],
        names[step[capped]] if len(capped) else np.empty(0, object),
        distance[capped],
        vetoed,
        {"vetoed": int((plausible & other).sum()), "set_aside": int((~informative).sum()), "beyond_most": len(keep) - len(capped)},
    )


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


def _within_most(left: Array, right: Array, distance: Array, most: int) -> Array:
    """Return, in order, the pairs that are among the `most` nearest of their left or of their right row."""
    keep = np.zeros(len(left), bool)
    for side in (left, right):
        order = np.lexsort((right, left, distance, side))
        starts = np.flatnonzero(np.r_[True, np.diff(side[order]) != 0])
        rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
        keep[order[rank < most]] = True
    return np.flatnonzero(keep)


def _nearest_of_each(left: Array, right: Array, distance: Array, mask: Array, method: str) -> Pairs:
    """Return as `similar` the nearest of `mask` for each row: a fixed camera has millions, and one tells the story."""
    at = np.flatnonzero(mask)
    at = at[_within_most(left[at], right[at], distance[at], 1)]
    return Pairs.build(
        left[at], right[at], "similar", "hash", f"{method}, another shot by EXIF", distance[at], float(HASHES[method].cutoff)
    )
