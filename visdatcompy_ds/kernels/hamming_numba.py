"""The loops of ``kernels.hamming`` that are worth loading numba for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray


@njit(inline="always")  # type: ignore[untyped-decorator]
def _popcount(x: np.uint64) -> Any:
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(inline="always")  # type: ignore[untyped-decorator]
def _distance(words: NDArray[np.uint64], i: int, j: int) -> Any:
    distance = 0
    for w in range(words.shape[1]):
        distance += _popcount(words[i, w] ^ words[j, w])
    return distance


@njit(parallel=True, cache=True)  # type: ignore[untyped-decorator]
def count_by_rows(words: NDArray[np.uint64], radius: int) -> Any:
    """Return, by row, how many later rows lie within `radius` bits, (n,) int64."""
    n = len(words)
    counts = np.zeros(n, np.int64)
    for i in prange(n):
        number = 0
        for j in range(i + 1, n):
            number += _distance(words, i, j) <= radius
        counts[i] = number
    return counts


@njit(parallel=True, cache=True)  # type: ignore[untyped-decorator]
def pairs_of_rows(words: NDArray[np.uint64], radius: int, start: int, counts: NDArray[np.int64]) -> Any:
    """Return left, right, distance of the pairs whose left row is one of the ``len(counts)`` rows from `start` on."""
    ends = np.cumsum(counts)
    total = ends[-1]
    left, right, distances = np.empty(total, np.int64), np.empty(total, np.int64), np.empty(total, np.int64)
    for k in prange(len(counts)):
        if counts[k] == 0:
            continue
        i, at = start + k, ends[k] - counts[k]
        for j in range(i + 1, len(words)):
            distance = _distance(words, i, j)
            if distance <= radius:
                left[at], right[at], distances[at] = i, j, distance
                at += 1
    return left, right, distances
