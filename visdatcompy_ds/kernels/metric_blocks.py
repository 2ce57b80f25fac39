"""Metrics of many grey pictures with many others: what a picture brings alone is computed once, a pair costs only what is its own.

All loops run in a fixed order on whole numbers or in lanes, so a value does not depend on the block it was computed in.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visdatcompy_ds.kernels.compiled import compiled

_U = np.uint64
WINDOW = 7  # side of the SSIM window, as in scikit-image
_COUNT = WINDOW * WINDOW
_LANES, _FLOATS = np.uint64(16), np.uint64(256)
_STRIP = np.uint64(256 * 64)  # pixels
# (0.01 * 255)² and (0.03 * 255)², in the units of sums over a window: times 49², times 49 * 48
_C1, _C2 = np.float32(6.5025 * _COUNT * _COUNT), np.float32(58.5225 * _COUNT * (_COUNT - 1))
_AT_MOST = 1.000001  # what rounding can make of the SSIM of one window
BINS = 100


@compiled
def square_sums(pictures: Any) -> Any:
    """Return the sums of (value - 128)² and of value² of pictures (n, pixels) uint8, (n, 2) int64."""
    sums, pixels = np.zeros((len(pictures), 2), np.int64), _U(pictures.shape[1])
    for k in range(len(pictures)):
        picture = pictures[k]
        for start in range(_U(0), pixels, _STRIP):  # 2^14 times 255² is below 2^31
            total, square = np.int32(0), np.int32(0)
            for x in range(start, min(start + _STRIP, pixels)):
                value = np.int32(picture[x])
                total += value
                square += value * value
            sums[k, 0] += square - np.int64(256) * total + np.int64(128 * 128) * np.int64(min(start + _STRIP, pixels) - start)
            sums[k, 1] += square
    return sums


@compiled
def absolute_sums(left: Any, right: Any) -> Any:
    """Return the sums of absolute differences of pictures (n, pixels) and (m, pixels) uint8, (n, m) int64."""
    sums, pixels = np.zeros((len(left), len(right)), np.int64), _U(left.shape[1])
    lanes = np.zeros(64, np.uint16)
    for start in range(_U(0), pixels, _STRIP):  # strips of all right pictures stay in the cache for all left ones
        stop = min(start + _STRIP, pixels)
        whole = stop - (stop - start) % _U(64)
        for i in range(len(left)):
            for j in range(len(right)):
                a, b, part = left[i], right[j], np.int64(0)
                lanes[:] = 0  # 256 differences in each: within 16 bits
                for k in range(start, whole, _U(64)):
                    for lane in range(_U(64)):
                        x, y = a[k + lane], b[k + lane]
                        lanes[lane] += np.uint16(max(x, y) - min(x, y))
                for lane in range(_U(64)):
                    part += np.int64(lanes[lane])
                for k in range(whole, stop):
                    part += abs(np.int64(a[k]) - np.int64(b[k]))
                sums[i, j] += part
    return sums


@compiled
def _window_sums(columns: Any, two: Any, four: Any, out: Any) -> None:
    """Write the sums of 7 neighbours: by twos, by fours, then 4 + 2 + 1."""
    n = _U(len(columns))
    for x in range(n - _U(1)):
        two[x] = columns[x] + columns[x + _U(1)]
    for x in range(n - _U(3)):
        four[x] = two[x] + two[x + _U(2)]
    for x in range(n - _U(6)):
        out[x] = four[x] + two[x + _U(4)] + columns[x + _U(6)]


@compiled
def window_statistics(pictures: Any) -> Any:
    """Return what SSIM needs of each picture alone.

    Parameters
    ----------
    pictures : (n, H, W) uint8, both sides at least 7

    Returns
    -------
    sums : (n, H - 6, W - 6) uint16
        Of the 7 x 7 windows.
    spread : (n, H - 6, W - 6) float32
        49 times the sum of squares less the square of the sum: the variance in units of 1 / (49 * 48).
    """
    n, height, width = pictures.shape
    sums, spread = np.empty((n, height - 6, width - 6), np.uint16), np.empty((n, height - 6, width - 6), np.float32)
    column, square = np.empty(width, np.int32), np.empty(width, np.int32)
    two, four, row, squares = np.empty(width, np.int32), np.empty(width, np.int32), np.empty(width, np.int32), np.empty(width, np.int32)
    for k in range(n):
        column[:] = 0
        square[:] = 0
        for y in range(height):
            new = pictures[k, y]
            for x in range(_U(width)):
                value = np.int32(new[x])
                column[x] += value
                square[x] += value * value
            if y < 6:
                continue
            if y > 6:
                old = pictures[k, y - WINDOW]
                for x in range(_U(width)):
                    value = np.int32(old[x])
                    column[x] -= value
                    square[x] -= value * value
            _window_sums(column, two, four, row)
            _window_sums(square, two, four, squares)
            target, spreads = sums[k, y - 6], spread[k, y - 6]
            for x in range(_U(width - 6)):
                target[x] = np.uint16(row[x])
                spreads[x] = np.float32(_COUNT * squares[x] - row[x] * row[x])
    return sums, spread


@compiled
def _similarity(
    a: Any, a_sums: Any, a_spread: Any, b: Any, b_sums: Any, b_spread: Any, least: float, room: Any, ratio: Any, lanes: Any
) -> float:
    height, width = a.shape
    needed = (least - 1e-6) * ((height - 6) * (width - 6))  # a hair below: a whole sum is compared by its value
    column, two, four, row = room[0], room[1], room[2], room[3]
    column[:] = 0
    both, total, inner = np.float32(2), 0.0, _U(width - 6)
    whole = inner // _LANES * _LANES
    for y in range(height):
        one, other = a[y], b[y]
        for x in range(_U(width)):
            column[x] += np.int32(one[x]) * np.int32(other[x])
        if y < 6:
            continue
        if y > 6:
            one, other = a[y - WINDOW], b[y - WINDOW]
            for x in range(_U(width)):
                column[x] -= np.int32(one[x]) * np.int32(other[x])
        _window_sums(column, two, four, row)
        sa, sb, va, vb = a_sums[y - 6], b_sums[y - 6], a_spread[y - 6], b_spread[y - 6]
        for x in range(inner):
            product = np.int32(sa[x]) * np.int32(sb[x])
            mean_a, mean_b = np.float32(sa[x]), np.float32(sb[x])
            covariance = np.float32(_COUNT * row[x] - product)
            above = (both * np.float32(product) + _C1) * (both * covariance + _C2)
            ratio[x] = above / ((mean_a * mean_a + mean_b * mean_b + _C1) * (va[x] + vb[x] + _C2))
        for start in range(_U(0), whole, _FLOATS):  # few enough terms for float32
            lanes[:] = 0  # sums side by side: SIMD without changing the order of any of them
            for x in range(start, min(start + _FLOATS, whole), _LANES):
                for lane in range(_LANES):
                    lanes[lane] += ratio[x + lane]
            for lane in range(_LANES):
                total += lanes[lane]
        for x in range(whole, inner):
            total += ratio[x]
        if total + (height - 1 - y) * (width - 6) * _AT_MOST < needed:  # even if all that is left were equal
            return -np.inf
    return total / ((height - 6) * (width - 6))


@compiled
def similarities(left: Any, left_sums: Any, left_spread: Any, right: Any, right_sums: Any, right_spread: Any, least: float) -> Any:
    """Return the mean SSIM of pictures (n, H, W) and (m, H, W) uint8 with their :func:`window_statistics`, (n, m) float64.

    Where it cannot come to `least` any more, a pair is left and gives -inf.
    """
    width = left.shape[2]
    room, ratio, lanes = np.zeros((4, width), np.int32), np.empty(width, np.float32), np.zeros(16, np.float32)
    values = np.empty((len(left), len(right)))
    for i in range(len(left)):
        for j in range(len(right)):
            values[i, j] = _similarity(
                left[i], left_sums[i], left_spread[i], right[j], right_sums[j], right_spread[j], least, room, ratio, lanes
            )
    return values


@functools.lru_cache(maxsize=4096)
def _bins(low: int, high: int) -> NDArray[np.uint8]:
    """Return the bin of each of 256 values, of 100 equal ones from least to greatest, as ``np.histogram`` cuts them."""
    if low == high:  # it spreads a flat range by a half to each side: the value falls amid the bins
        return np.full(256, BINS // 2, np.uint8)
    edges = np.linspace(low, high, BINS + 1)
    return np.clip(np.searchsorted(edges, np.arange(256), side="right") - 1, 0, BINS - 1).astype(np.uint8)


@compiled
def _binned(pictures: Any, bins: Any) -> Any:
    binned, counts, pixels = np.empty_like(pictures), np.zeros((len(pictures), BINS), np.int64), _U(pictures.shape[1])
    for k in range(len(pictures)):
        picture, table, out, count = pictures[k], bins[k], binned[k], counts[k]
        for x in range(pixels):
            value = table[picture[x]]
            out[x] = value
            count[value] += 1
    return binned, counts


def levels(pictures: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.bool_]]:
    """Return pictures (n, H, W) as (n, H * W) numbers of 100 bins, how often each comes, (n, 100), and which pictures are flat, (n,)."""
    flat = pictures.reshape(len(pictures), -1)
    low, high = flat.min(axis=1), flat.max(axis=1)
    bins = [_bins(*ends) for ends in zip(low.tolist(), high.tolist(), strict=True)]
    binned, counts = _binned(flat, np.stack(bins) if bins else np.empty((0, 256), np.uint8))
    return binned, counts, low == high


@functools.lru_cache(maxsize=4)
def logarithms(pixels: int) -> tuple[NDArray[np.int64], float]:
    """Return c log c for 0 to `pixels`, (pixels + 1,), in whole numbers of a unit, and that unit.

    The counts of a histogram add up to `pixels`, and their c log c to no more than that of `pixels` itself, which the unit makes fit into
    62 bits: sums are exact, and the same in whatever order.
    """
    counts = np.arange(pixels + 1, dtype=np.float64)
    values = counts * np.log(np.maximum(counts, 1))
    unit = max(float(values[-1]), 1.0) / 2.0**60
    return np.round(values / unit).astype(np.int64), unit


@compiled
def joint_sums(left: Any, right: Any, table: Any) -> Any:
    """Return, for pictures of :func:`levels`, the sum of c log c over the cells of their joint histogram, (n, m) int64 units.

    Parameters
    ----------
    left, right : (n, pixels), (m, pixels) uint8
    table : (pixels + 1,) int64
        From :func:`logarithms`.
    """
    pixels = _U(left.shape[1])
    sums = np.empty((len(left), len(right)), np.int64)
    # Two histograms in turn: neighbours of one value would wait for each other's count.
    even, odd = np.zeros(BINS * BINS, np.uint32), np.zeros(BINS * BINS, np.uint32)
    for i in range(len(left)):
        for j in range(len(right)):
            a, b = left[i], right[j]
            even[:] = 0
            odd[:] = 0
            for k in range(_U(0), pixels - pixels % _U(2), _U(2)):
                even[_U(a[k]) * _U(BINS) + _U(b[k])] += np.uint32(1)
                odd[_U(a[k + _U(1)]) * _U(BINS) + _U(b[k + _U(1)])] += np.uint32(1)
            if pixels % _U(2):
                even[_U(a[pixels - _U(1)]) * _U(BINS) + _U(b[pixels - _U(1)])] += np.uint32(1)
            total = np.int64(0)
            for cell in range(_U(BINS * BINS)):
                count = even[cell] + odd[cell]
                if count:
                    total += table[count]
            sums[i, j] = total
    return sums
