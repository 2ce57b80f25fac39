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


@njit(parallel=True, cache=True)  # type: ignore[untyped-decorator]
def pairs_by_rows(words: NDArray[np.uint64], radius: int) -> Any:
    """Return left, right, distance of all pairs within `radius` bits, by two passes: count, then fill."""
    n, width = words.shape
    counts = np.zeros(n + 1, np.int64)
    for i in prange(n):
        number = 0
        for j in range(i + 1, n):
            distance = 0
            for w in range(width):
                distance += _popcount(words[i, w] ^ words[j, w])
            number += distance <= radius
        counts[i + 1] = number
    ends = np.cumsum(counts)
    left, right, distances = np.empty(ends[n], np.int64), np.empty(ends[n], np.int64), np.empty(ends[n], np.int64)
    for i in prange(n):
        at = ends[i]
        if ends[i + 1] == at:
            continue
        for j in range(i + 1, n):
            distance = 0
            for w in range(width):
                distance += _popcount(words[i, w] ^ words[j, w])
            if distance <= radius:
                left[at], right[at], distances[at] = i, j, distance
                at += 1
    return left, right, distances
