"""Codes without repeats and the rows that have each; rows without other paths of their file."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from visdatcompy_ds.base.tables import Array, Fingerprints

BLOCK = 4_000_000  # pairs held at a time


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

    @classmethod
    def alone(cls, codes: Array, rows: Array) -> Distinct:
        """Return each of `rows` as a code of its own."""
        return cls(codes, rows, np.arange(len(rows) + 1))

    def headed(self, most: int) -> Distinct:
        """Return the codes with the first `most` rows of each."""
        sizes = np.minimum(self.sizes, most)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        at = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes) + np.repeat(self.starts[:-1], sizes)
        return Distinct(self.codes, self.rows[at], starts)

    def members(self, code: int) -> Array:
        """Return the rows of a code."""
        return self.rows[self.starts[code] : self.starts[code + 1]]


@dataclasses.dataclass(frozen=True)
class Comparable:
    """Which rows may be matched by a hash.

    Attributes
    ----------
    rows, flat : (n,) int64
        Rows to compare, of several paths of one file the first; rows that show too little for that.
    files : (all rows,) int64
        A number per row of the table that two rows share when they are paths of one file.
    """

    rows: Array
    flat: Array
    files: Array


def comparable(table: Fingerprints, rows: Array, files: Array | None = None) -> Comparable:
    """Return which of `rows` may be matched by a hash."""
    files = file_numbers(table) if files is None else files
    rows = rows[table.files.is_usable[rows] & table["decoded"][rows]]
    rows = rows[first_paths(rows, files)[rows]]
    flat = table["low_information"][rows]
    return Comparable(rows[~flat], rows[flat], files)


def first_paths(rows: Array, files: Array) -> Array:
    """Return a mask of all rows: those of `rows` that are the first path of their file among them."""
    mask = np.zeros(len(files), bool)
    mask[rows[np.unique(files[rows], return_index=True)[1]]] = True
    return mask


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


def expanded(one: Distinct, other: Distinct, left: Array, right: Array) -> Iterator[tuple[Array, Array, Array]]:
    """Yield rows of all pairs of members of some pairs of codes, and the position of the pair of codes each came from."""
    if len(one.rows) == len(one.codes) and len(other.rows) == len(other.codes):  # each code has one row
        for start in range(0, len(left), BLOCK):
            part = np.arange(start, min(start + BLOCK, len(left)))
            yield one.rows[left[part]], other.rows[right[part]], part
        return
    counts = one.sizes[left] * other.sizes[right]
    ends = np.cumsum(counts)
    at = 0
    while at < len(left):
        stop = max(at + 1, int(np.searchsorted(ends, (ends[at - 1] if at else 0) + BLOCK, side="right")))
        if stop == at + 1 and counts[at] > BLOCK:  # one pair of large codes, cut by members
            rows, others = one.members(left[at]), other.members(right[at])
            step = max(1, BLOCK // len(others))
            for start in range(0, len(rows), step):
                some = rows[start : start + step]
                yield np.repeat(some, len(others)), np.tile(others, len(some)), np.full(len(some) * len(others), at)
        else:
            pair = np.repeat(np.arange(at, stop), counts[at:stop])
            within = np.arange(len(pair)) - np.repeat(ends[at:stop] - counts[at:stop] - (ends[at - 1] if at else 0), counts[at:stop])
            i, j = within // other.sizes[right[pair]], within % other.sizes[right[pair]]
            yield one.rows[one.starts[left[pair]] + i], other.rows[other.starts[right[pair]] + j], pair
        at = stop


def shared_files(one: Distinct, other: Distinct, files: Array) -> Array:
    """Return items of two sets that hold paths of one file, and how many: (k, 3) left item, right item, files, sorted."""
    item, other_item = (np.repeat(np.arange(len(side.first)), side.sizes) for side in (one, other))
    _, left, right = np.intersect1d(files[one.rows], files[other.rows], assume_unique=True, return_indices=True)
    keys, count = np.unique(item[left] * max(1, len(other.first)) + other_item[right], return_counts=True)
    return np.stack([keys // max(1, len(other.first)), keys % max(1, len(other.first)), count], axis=1)
