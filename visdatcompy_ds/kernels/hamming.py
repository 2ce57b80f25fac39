"""Bit codes: packed bytes, words, and how many bits lie between them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_ROWS = 128  # codes compared with all others at a time


def as_words(codes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return packed codes (n, bytes) as (n, words) uint64, padded with zero bits."""
    width = -(-codes.shape[1] // 8) * 8
    padded = np.zeros((len(codes), width), np.uint8)
    padded[:, : codes.shape[1]] = codes
    return padded.view(np.uint64)


def distances(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the number of bits in which codes (m, bytes) differ, row by row."""
    return popcount(as_words(left) ^ as_words(right)).sum(axis=1, dtype=np.int64)


def popcount(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return the number of ones of each word; NumPy has it from 2.0 on, older ones get it by shifts and adds."""
    if hasattr(np, "bitwise_count"):
        return np.asarray(np.bitwise_count(words))
    x = words - ((words >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return ((x * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.uint8)


def within(left: NDArray[np.uint64], right: NDArray[np.uint64] | None, radius: int) -> Iterator[NDArray[np.int32]]:
    """Yield the positions (m, 2) of all codes (n, words) within `radius` bits, by comparing all with all; within `left` one order each.

    The sooner done the fewer codes there are: below some thousands it is quicker than loading compiled loops.
    """
    others = left if right is None else right
    for start in range(0, len(left), _ROWS):
        some = left[start : start + _ROWS]
        distance = popcount(some[:, None, 0] ^ others[None, :, 0]).astype(np.uint16)
        for word in range(1, left.shape[1]):
            distance += popcount(some[:, None, word] ^ others[None, :, word])
        one, other = np.nonzero(distance <= radius)
        one += start
        kept = slice(None) if right is not None else other > one
        yield np.stack([one[kept], other[kept]], axis=1).astype(np.int32)
