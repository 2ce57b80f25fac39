"""The loops of ``kernels.hamming_join``: codes against buckets of codes, without the GIL.

Codes lie word by word, ``(words, n)``, so that 64 of them are compared by a handful of SIMD instructions; only where the least distance
of such a block is near enough are its codes looked at one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from visdatcompy_ds.kernels.compiled import compiled, instruction

BLOCK = 64  # arrays that are scanned have room for this many codes behind their end
_FEW = 6  # so many codes are sooner looked at one by one
_U = np.uint64
_BLOCK = np.uint64(BLOCK)


@instruction
def ones(typing_context: Any, word: Any) -> Any:
    """Count the ones of a word by the processor's own instruction."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@compiled
def _next_of_word(word: Any, row: Any, at: Any, stop: Any, most: Any) -> Any:
    # Unsigned positions: a signed index costs a wrap-around test that keeps LLVM from loading neighbours at once.
    while at < stop:
        least = _U(64)
        for j in range(_BLOCK):
            least = min(least, ones(word ^ row[at + j]))
        if least <= most:
            return at
        at += _BLOCK
    return stop


@compiled
def _next_of_words(codes: Any, me: Any, field: Any, at: Any, stop: Any, most: Any, sums: Any) -> Any:
    while at < stop:
        sums[:] = 0
        for w in range(codes.shape[0]):
            word, row = codes[w, me], field[w]
            for j in range(_BLOCK):
                sums[j] += ones(word ^ row[at + j])
        least = sums[0]
        for j in range(_BLOCK):
            least = min(least, sums[j])
        if least <= most:
            return at
        at += _BLOCK
    return stop


@compiled
def _next_block(codes: Any, me: Any, field: Any, at: Any, stop: Any, most: Any, sums: Any) -> Any:
    """Return the first position from `at` in steps of 64, below `stop`, whose 64 codes of `field` hold one within `most` bits of a code."""
    if codes.shape[0] == 1:
        return _next_of_word(codes[0, me], field[0], at, stop, most)
    return _next_of_words(codes, me, field, at, stop, most, sums)


@compiled
def _distance(codes: Any, me: Any, field: Any, other: Any) -> Any:
    distance = _U(0)
    for w in range(codes.shape[0]):
        distance += ones(codes[w, me] ^ field[w, other])
    return distance


@compiled
def _is_first(codes: Any, me: Any, field: Any, other: Any, earlier: Any, thresholds: Any) -> bool:
    """Tell whether no earlier part finds this pair: each is reported once."""
    for q in range(len(earlier)):
        apart = _U(0)
        for w in range(codes.shape[0]):
            apart += ones((codes[w, me] ^ field[w, other]) & earlier[q, w])
        if apart <= thresholds[q]:
            return False
    return True


@compiled
def _grown(found: Any) -> Any:
    larger = np.empty((2 * len(found), 2), np.int32)
    larger[: len(found)] = found
    return larger


@compiled
def _collect(codes: Any, me: Any, field: Any, at: Any, stop: Any, most: Any, earlier: Any, thresholds: Any, found: Any, m: int) -> int:
    """Append the positions of a code and of those in `field` from `at` to `stop` that are near it; return how many pairs there are."""
    for j in range(at, stop):
        if _distance(codes, me, field, j) <= most and _is_first(codes, me, field, j, earlier, thresholds):
            found[m, 0], found[m, 1] = me, j
            m += 1
    return m


@compiled
def _gather(key: int, first: int, flips: Any, right: Any, starts: Any, is_self: bool, field: Any, begins: Any) -> int:
    """Lay the codes of the buckets that a key is compared with side by side; note where each bucket begins; return how many they are."""
    n = _U(0)
    for k in range(first, len(flips) + 1):
        other = key ^ flips[k - 1] if k else key
        begins[k] = n
        if other > key or not is_self:
            at, size = _U(starts[other]), _U(starts[other + 1] - starts[other])
            for w in range(len(right)):
                source, target = right[w], field[w]
                for j in range(size):
                    target[n + j] = source[at + j]
            n += size
    begins[len(flips) + 1] = n
    return n


@compiled
def _origin(j: int, key: int, flips: Any, starts: Any, begins: Any) -> int:
    """Return the position in the right codes of the j-th gathered one."""
    low, high = 0, len(flips) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if begins[middle] <= j:
            low = middle
        else:
            high = middle
    other = key ^ flips[low - 1] if low else key
    return starts[other] + (j - begins[low])


@compiled
def search(
    left: Any,
    left_rows: Any,
    left_starts: Any,
    right: Any,
    right_rows: Any,
    right_starts: Any,
    is_self: bool,
    flips: Any,
    first: int,
    last: int,
    radius: int,
    earlier: Any,
    thresholds: Any,
) -> Any:
    """Return the pairs of some left codes with the right codes in their bucket and in those whose key differs by a flip.

    Parameters
    ----------
    left, right : (words, n + 64) uint64
        Codes in the order of their keys; the same array when `is_self`.
    left_rows, right_rows : (n,) int32
        What to report for each.
    left_starts, right_starts : (keys + 1,) int64
        Where each bucket begins.
    is_self : bool
        One set: of two codes only one order is reported.
    flips : (k,) int64
        Differences of keys, without 0.
    first, last : int
        Positions of left codes.
    radius : int
        Bits.
    earlier : (q, words) uint64
        Bits of the parts that were searched before this one, and
    thresholds : (q,) uint64
        within how many bits of them a pair was found there.

    Returns
    -------
    (m, 2) int32
    """
    found, m = np.empty((1024, 2), np.int32), 0
    most, words = _U(radius), len(left)
    field, sums = np.zeros((words, 4096), np.uint64), np.zeros(BLOCK, np.uint64)
    begins = np.zeros(len(flips) + 2, np.int64)
    own = 1 if is_self else 0  # the own bucket of a set compared with itself is scanned where it lies
    all_with_all = not is_self and len(left_starts) == 2
    if all_with_all:  # the one bucket is scanned where it lies
        field = right
    key, i = 0, first
    while i < last:
        while left_starts[key + 1] <= i:
            key += 1
        end, size = left_starts[key + 1], 0
        for k in range(own, len(flips) + 1):
            other = key ^ flips[k - 1] if k else key
            size += right_starts[other + 1] - right_starts[other] if other > key or not is_self else 0
        stop = _U(size)
        if not all_with_all:
            if size + BLOCK > field.shape[1]:
                field = np.zeros((words, 2 * size + BLOCK), np.uint64)
            _gather(key, own, flips, right, right_starts, is_self, field, begins)
        for me in range(i, min(end, last)):
            if is_self and me + 1 < end:
                at, own_stop, before = _U(me + 1), _U(end), m
                if end - me > _FEW:
                    at = _next_block(left, me, left, at, own_stop, most, sums)
                while at < own_stop:
                    if m + BLOCK > len(found):
                        found = _grown(found)
                    m = _collect(left, me, left, at, min(at + _BLOCK, own_stop), most, earlier, thresholds, found, m)
                    at += _BLOCK
                    if at < own_stop:
                        at = _next_block(left, me, left, at, own_stop, most, sums)
                for q in range(before, m):
                    found[q, 0], found[q, 1] = left_rows[me], left_rows[found[q, 1]]
            at, before = _next_block(left, me, field, _U(0), stop, most, sums), m
            while at < stop:
                if m + BLOCK > len(found):
                    found = _grown(found)
                m = _collect(left, me, field, at, min(at + _BLOCK, stop), most, earlier, thresholds, found, m)
                at = _next_block(left, me, field, at + _BLOCK, stop, most, sums)
            for q in range(before, m):
                found[q, 0] = left_rows[me]
                j = found[q, 1] if all_with_all else _origin(found[q, 1], key, flips, right_starts, begins)
                found[q, 1] = right_rows[j]
        i = min(end, last)
    return found[:m].copy()


@compiled
def neighbour_counts(sizes: Any, flips: Any) -> Any:
    """Return, for each key, how many codes lie in its bucket and in those whose key differs by a flip."""
    counts = sizes.copy()
    for key in range(len(sizes)):
        for flip in flips:
            counts[key] += sizes[key ^ flip]
    return counts


@compiled
def count_within(left: Any, first: int, last: int, right: Any, weights: Any, radius: int) -> Any:
    """Return, for the left codes `first` to `last`, the sum of the weights (n,) of the right codes within `radius` bits, int64."""
    n = len(weights)
    counts, most, sums = np.zeros(last - first, np.int64), _U(radius), np.zeros(BLOCK, np.uint64)
    for me in range(first, last):
        at, stop = _next_block(left, me, right, _U(0), _U(n), most, sums), _U(n)
        while at < stop:
            for j in range(at, min(at + _BLOCK, stop)):
                if _distance(left, me, right, j) <= most:
                    counts[me - first] += weights[j]
            at = _next_block(left, me, right, at + _BLOCK, stop, most, sums)
    return counts


@compiled
def nearest(left: Any, left_files: Any, first: int, last: int, right: Any, right_files: Any) -> Any:
    """Return distance and position of the nearest right code of another file, the first of equals; -1 where there is none.

    Parameters
    ----------
    left, right : (words, n + 64) uint64
    left_files, right_files : (n,) int64
        Codes of one number are one file and no neighbours.
    first, last : int
        Positions of left codes.

    Returns
    -------
    distances, positions : (last - first,) int64
    """
    n = len(right_files)
    distances, positions = np.full(last - first, 64 * len(left) + 1, np.int64), np.full(last - first, -1, np.int64)
    sums, tile = np.zeros(BLOCK, np.uint64), 64 * BLOCK
    for begin in range(0, n, tile):  # a tile of right codes stays in the cache for all left ones
        stop = _U(min(begin + tile, n))
        for me in range(first, last):
            best, at = distances[me - first], _U(begin)
            while best > 0 and at < stop:
                at = _next_block(left, me, right, at, stop, _U(best - 1), sums)
                for j in range(at, min(at + _BLOCK, stop)):
                    distance = np.int64(_distance(left, me, right, j))
                    if distance < best and left_files[me] != right_files[j]:
                        best, positions[me - first] = distance, j
                at += _BLOCK
            distances[me - first] = best
    return distances, positions
