"""Exact search of bit codes within a number of bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

# Below this many comparisons NumPy is done before numba has loaded.
_NUMPY_CELLS = 40_000_000
_BLOCK = 512
_BLOCK_PAIRS = 4_000_000

Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


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


def pairs_within(codes: NDArray[np.uint8], radius: int) -> Found:
    """Return all pairs of rows whose codes differ in at most `radius` bits.

    Parameters
    ----------
    codes : (n, bytes) uint8
        Packed codes.
    radius : int
        Bits.

    Returns
    -------
    left, right, distance : (m,) int64
        ``left < right``, sorted by both.
    """
    none = np.empty(0, np.int64)
    blocks = [(none, none, none), *blocks_within(codes, radius)]
    left, right, distance = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return left, right, distance


def blocks_within(codes: NDArray[np.uint8], radius: int) -> Iterator[Found]:
    """Yield what :func:`pairs_within` returns, block by block: all pairs of some left rows at a time.

    Notes
    -----
    Every pair is compared, n²/2 popcounts: seconds at 100 000 codes. A block holds about four million pairs, or those of one row.
    Call it from one thread only: numba's default threading layer ends the process when two threads enter a parallel kernel.
    """
    words = as_words(codes)
    if words.shape[0] * words.shape[0] * words.shape[1] <= _NUMPY_CELLS:
        for start in range(0, len(words), _BLOCK):
            yield _block_by_numpy(words, start, radius)
        return
    from visdatcompy_ds.kernels.hamming_numba import count_by_rows, pairs_of_rows

    counts = count_by_rows(words, radius)
    start = 0
    while start < len(words):
        stop = start + max(1, int(np.searchsorted(np.cumsum(counts[start:]), _BLOCK_PAIRS, side="right")))
        if counts[start:stop].any():
            yield pairs_of_rows(words, radius, start, counts[start:stop])
        start = stop


def _block_by_numpy(words: NDArray[np.uint64], start: int, radius: int) -> Found:
    block, rest = words[start : start + _BLOCK], words[start:]
    distance = popcount(block[:, None, 0] ^ rest[None, :, 0]).astype(np.uint8 if words.shape[1] == 1 else np.uint16)
    for word in range(1, words.shape[1]):
        distance += popcount(block[:, None, word] ^ rest[None, :, word])
    left, right = np.nonzero(distance <= radius)
    later = right > left
    left, right = left[later], right[later]
    return left + start, right + start, distance[left, right].astype(np.int64)
