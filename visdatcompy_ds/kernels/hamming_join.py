"""All pairs of codes within a number of bits: exact, without comparing each code with each other one.

Codes are cut into disjoint parts. Where the thresholds of the parts add up to ``radius + 1 - parts``, two codes within `radius` bits lie
within its threshold in at least one part (the pigeonhole principle; M. Norouzi, A. Punjani and D. Fleet, Fast Exact Search in Hamming
Space with Multi-Index Hashing, 2014, and, for thresholds that differ, J. Qin et al., GPH, 2018). So each code is compared only with those
of its bucket and of the buckets a few flipped bits away, part by part. How many parts is decided by an estimate of the costs; where codes
crowd in few buckets, one part of no bits compares all with all.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

_KEY_BITS = 16  # NumPy sorts keys of 16 bits by radix
_TASK = 8_000_000  # comparisons: some milliseconds, and a bound on the pairs that one task can give
_BLOCK = 64
# Nanoseconds, measured on two cores of 2026; only their ratios matter.
_NS_COMPARE, _NS_VISIT, _NS_GATHER, _NS_SORT = 0.18, 14.0, 1.5, 60.0


def by_word(words: Words) -> Words:
    """Return codes (n, words) as (words, n + 64), which the loops need; the last 64 are zero."""
    laid = np.zeros((words.shape[1], len(words) + _BLOCK), np.uint64)
    laid[:, : len(words)] = words.T
    return laid


@functools.cache
def _flips(width: int, threshold: int) -> NDArray[np.int64]:
    """Return all keys of `width` bits with 1 to `threshold` ones."""
    keys = np.arange(1 << width, dtype=np.int64)
    ones = np.zeros(len(keys), np.int64)
    for bit in range(width):
        ones += (keys >> bit) & 1
    return keys[(ones > 0) & (ones <= threshold)]


@dataclasses.dataclass(frozen=True)
class Part:
    """Some bits of a code, and within how many of them a pair is looked for."""

    start: int
    width: int
    threshold: int

    def keys(self, words: Words) -> NDArray[np.uint16]:
        """Return the part's bits of codes (n, words)."""
        word, shift = divmod(self.start, 64)
        key = words[:, word] >> np.uint64(shift)
        if shift + self.width > 64:
            key |= words[:, word + 1] << np.uint64(64 - shift)
        return (key & np.uint64((1 << self.width) - 1)).astype(np.uint16)

    def mask(self, words: int) -> Words:
        """Return the part as ones in a code, (words,)."""
        mask = np.zeros(words, np.uint64)
        for bit in range(self.start, self.start + self.width):
            mask[bit // 64] |= np.uint64(1 << bit % 64)
        return mask


@dataclasses.dataclass(frozen=True)
class Task:
    """Left codes ``first`` to ``last`` of one part, to be searched by :meth:`Join.search`."""

    part: int
    first: int
    last: int


@dataclasses.dataclass
class _Side:
    """One set of codes, sorted by the keys of a part."""

    codes: Words
    rows: NDArray[np.int32]
    starts: NDArray[np.int64]

    @classmethod
    def build(cls, words: Words, part: Part) -> _Side:
        keys = part.keys(words)
        order = np.argsort(keys, kind="stable").astype(np.int32)
        starts = np.zeros((1 << part.width) + 1, np.int64)
        np.cumsum(np.bincount(keys, minlength=1 << part.width), out=starts[1:])
        return cls(by_word(words[order]), order, starts)


class Join:
    """A search for all pairs within a radius, cut into tasks that may run side by side.

    Parameters
    ----------
    left : (n, words) uint64
        Distinct codes.
    right : (m, words) uint64 or None
        The other set; None searches `left` within itself, where each pair is found in one order only.
    radius : int
        Bits.

    Notes
    -----
    Tasks of one part run side by side; :meth:`tasks` makes the next part's tables when it is asked for its first task, and forgets those
    of the part before, so all results of a part must be taken before the next one's first task is.
    """

    def __init__(self, left: Words, right: Words | None, radius: int) -> None:
        self.left, self.right, self.radius = left, left if right is None else right, radius
        self.is_self = right is None
        self.words = left.shape[1]
        self.parts = self._plan()

    def _plan(self) -> list[Part]:
        all_with_all = [Part(0, 0, 0)]
        bits, best = 64 * self.words, all_with_all
        cost = whole = self._cost(all_with_all)
        for count in range(1, min(self.radius + 1, bits // 4) + 1):
            parts = _parts(bits, count, self.radius)
            if (expected := self._cost(parts)) < cost:
                best, cost = parts, expected
        if best is not all_with_all and self._cost(best, self._crowding(best)) > whole:
            return all_with_all  # skewed codes: the same few buckets again and again
        return best

    def _cost(self, parts: list[Part], compared: list[float] | None = None) -> float:
        """Return expected nanoseconds; without knowing how many codes are compared with how many, for evenly spread codes."""
        n, m, half = len(self.left), len(self.right), 2 if self.is_self else 1
        total = 0.0
        for at, part in enumerate(parts):
            buckets = 1 << part.width
            visits = sum(math.comb(part.width, k) for k in range(part.threshold + 1))
            pairs = n * m / buckets * visits / half if compared is None else compared[at]
            total += _NS_COMPARE * self.words * pairs
            if part.width:
                total += (
                    min(buckets, n) * visits / half * _NS_VISIT + min(buckets, n) * visits * m / buckets / half * _NS_GATHER * self.words
                )
                total += (n + m) / half * _NS_SORT * self.words
        return total

    def _crowding(self, parts: list[Part]) -> list[float]:
        """Return how many pairs of codes each part really compares."""
        from visdatcompy_ds.kernels.hamming_loops import neighbour_counts

        compared = []
        for part in parts:
            buckets = 1 << part.width
            sizes = np.bincount(part.keys(self.right), minlength=buckets)
            own = sizes if self.is_self else np.bincount(part.keys(self.left), minlength=buckets)
            counts = neighbour_counts(sizes, _flips(part.width, part.threshold))
            compared.append(float(own.astype(np.float64) @ counts) / (2 if self.is_self else 1))
        return compared

    def tasks(self) -> Iterator[list[Task]]:
        """Yield the tasks, part by part."""
        from visdatcompy_ds.kernels.hamming_loops import neighbour_counts

        for at, part in enumerate(self.parts):
            self._left_side = _Side.build(self.left, part)
            self._right_side = self._left_side if self.is_self else _Side.build(self.right, part)
            counts = neighbour_counts(np.diff(self._right_side.starts), _flips(part.width, part.threshold))
            compared = np.cumsum(np.repeat(counts, np.diff(self._left_side.starts)))
            total = int(compared[-1]) if len(compared) else 0
            edges = np.searchsorted(compared, np.arange(_TASK, total, _TASK))
            edges = np.unique(np.concatenate([[0], edges, [len(self.left)]]))
            yield [Task(at, a, b) for a, b in itertools.pairwise(edges.tolist())]

    def search(self, task: Task) -> NDArray[np.int32]:
        """Return the pairs of a task, (m, 2) int32: positions in left and right, in no order."""
        from visdatcompy_ds.kernels.hamming_loops import search

        part, a, b = self.parts[task.part], self._left_side, self._right_side
        before = self.parts[: task.part]
        earlier = np.array([part.mask(self.words) for part in before], np.uint64).reshape(-1, self.words)
        thresholds = np.array([part.threshold for part in before], np.uint64)
        flips = _flips(part.width, part.threshold)
        found: NDArray[np.int32] = search(
            a.codes,
            a.rows,
            a.starts,
            b.codes,
            b.rows,
            b.starts,
            self.is_self,
            flips,
            task.first,
            task.last,
            self.radius,
            earlier,
            thresholds,
        )
        return found


def _parts(bits: int, count: int, radius: int) -> list[Part]:
    """Cut a code into `count` parts whose thresholds let no pair slip through; of more than ``radius + 1`` the rest is not needed."""
    width = min(bits // count, _KEY_BITS)
    step, (least, more) = bits // count, divmod(radius + 1, count)
    return [Part(at * step, width, least - 1 + (at < more)) for at in range(min(count, radius + 1))]
