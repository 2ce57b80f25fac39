"""Sums of differences of chosen pairs of pictures, and what sums over cells of pixels tell of them beforehand.

Cauchy and Schwarz: over a cell, the squared difference of two sums is at most the sum of squared differences times the number of pixels;
and the absolute difference of two sums is at most the sum of absolute differences. So features of cells are never further apart than
pictures are: pairs are discarded and none is lost.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visdatcompy_ds.kernels.compiled import compiled

_U = np.uint64
_RUN = 4096  # pixels summed in 32 bits: 4096 * 255² is below 2^31


@compiled
def _cell_sums(pictures: Any, down: Any, across: Any, out: Any, squares: Any) -> None:
    for k in range(len(pictures)):
        for r in range(len(down) - 1):
            for y in range(down[r], down[r + 1]):
                row = pictures[k, y]
                for c in range(len(across) - 1):
                    total, square = np.int64(0), np.int64(0)
                    for x in range(_U(across[c]), _U(across[c + 1])):
                        value = np.int32(row[x]) - np.int32(128)
                        total += value
                        square += value * value
                    out[k, r, c] += total
                    squares[k] += square


def features(pictures: NDArray[np.uint8], cells: int, power: int) -> NDArray[np.float32]:
    """Return what is compared instead of pictures (n, H, W): distances of features are never larger than those of pixels.

    Parameters
    ----------
    pictures : (n, H, W) uint8
    cells : int
        Parts a side.
    power : {1, 2}
        1: sums of cells, for sums of absolute differences. 2: sums over the roots of their areas, and behind them the length of what cells
        do not show, for Euclidean distances (the triangle inequality makes it count, too).

    Returns
    -------
    (n, d) float32
    """
    n, height, width = pictures.shape
    down, across = (np.arange(min(cells, side) + 1) * side // min(cells, side) for side in (height, width))
    sums, squares = np.zeros((n, len(down) - 1, len(across) - 1), np.int64), np.zeros(n, np.int64)
    _cell_sums(pictures, down, across, sums, squares)
    if power == 1:
        return sums.reshape(n, -1).astype(np.float32)
    area = np.outer(np.diff(down), np.diff(across))
    shown = (sums / np.sqrt(area)).reshape(n, -1)
    rest = np.sqrt(np.maximum(0, squares - (shown**2).sum(axis=1)))
    return np.concatenate([shown, rest[:, None]], axis=1).astype(np.float32)


def widened(reach: NDArray[np.float64], rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return distances of pixels (n,), widened by what rounding in float32 can add to the distance of two of these features (n, d)."""
    largest = float(np.abs(rows).max(initial=0))
    # A sum of d terms is exact to d / 2^24 of itself, each feature to 1 / 2^24 of its size.
    return (reach * (1 + rows.shape[1] * 2.0**-22) + rows.shape[1] * largest * 2.0**-22 + 1e-3).astype(np.float32)


@compiled
def _grown(found: Any) -> Any:
    larger = np.empty((2 * len(found), 2), np.int32)
    larger[: len(found)] = found
    return larger


@compiled
def _apart(a: Any, b: Any, power: int, lanes: Any) -> Any:
    """Return the sum of absolute or squared differences of two rows of features."""
    lanes[:] = 0
    whole = _U(len(a)) // _U(16) * _U(16)
    if power == 1:
        for k in range(_U(0), whole, _U(16)):
            for lane in range(_U(16)):
                lanes[lane] += abs(a[k + lane] - b[k + lane])
    else:
        for k in range(_U(0), whole, _U(16)):
            for lane in range(_U(16)):
                difference = a[k + lane] - b[k + lane]
                lanes[lane] += difference * difference
    total = np.float32(0)
    for lane in range(_U(16)):
        total += lanes[lane]
    for k in range(whole, _U(len(a))):
        total += abs(a[k] - b[k]) if power == 1 else (a[k] - b[k]) ** 2
    return total


def near_features(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    most_left: NDArray[np.float32],
    most_right: NDArray[np.float32],
    power: int,
    is_self: bool,
) -> NDArray[np.int32]:
    """Return positions (m, 2) int32 of rows whose features leave it possible that pictures are within reach of either.

    Parameters
    ----------
    left, right : (n, d), (m, d) float32
        From :func:`features`.
    most_left, most_right : (n,), (m,) float32
        Largest distance of pixels (for `power` 2 Euclidean) that counts, by the left and by the right picture, from :func:`widened`; the
        larger holds.
    power : {1, 2}
    is_self : bool
        The rows are the same: each pair in one order, none with itself.
    """
    if power == 1:
        return np.asarray(_near_sums(left, right, most_left, most_right, is_self))
    a, b = (left**2).sum(axis=1), (right**2).sum(axis=1)
    apart = a[:, None] + b[None] - 2 * (left @ right.T)
    reach = np.maximum(most_left[:, None], most_right[None])
    # d products, added in any order, are exact to d / 2^24 of the sum of their sizes, which is at most (a + b) / 2: twice that, and as much
    # for each of the squares.
    near = apart <= reach * reach + np.float32(left.shape[1] * 2.0**-22) * (a[:, None] + b[None])
    if is_self:
        near = np.triu(near, 1)
    return np.argwhere(near).astype(np.int32)


@compiled
def _near_sums(left: Any, right: Any, most_left: Any, most_right: Any, is_self: bool) -> Any:
    found, lanes, m = np.empty((256, 2), np.int32), np.zeros(16, np.float32), 0
    for i in range(len(left)):
        for j in range(i + 1 if is_self else 0, len(right)):
            if _apart(left[i], right[j], 1, lanes) <= max(most_left[i], most_right[j]):
                if m == len(found):
                    found = _grown(found)
                found[m, 0], found[m, 1] = i, j
                m += 1
    return found[:m].copy()


@compiled
def still_near(left: Any, right: Any, most_left: Any, most_right: Any, power: int, pairs: Any) -> Any:
    """Return those of `pairs` (m, 2) that :func:`near_features` would return."""
    kept, lanes, m = np.empty_like(pairs), np.zeros(16, np.float32), 0
    for p in range(len(pairs)):
        i, j = pairs[p]
        reach = max(most_left[i], most_right[j])
        if _apart(left[i], right[j], power, lanes) <= (reach if power == 1 else reach * reach):
            kept[m, 0], kept[m, 1] = i, j
            m += 1
    return kept[:m].copy()


@compiled
def sums_of(left: Any, right: Any, pairs: Any, power: int) -> Any:
    """Return the sum of absolute or squared differences of the pictures of `pairs` (m, 2), (m,) int64.

    Parameters
    ----------
    left, right : (n, pixels), (m, pixels) uint8
    """
    sums, pixels = np.zeros(len(pairs), np.int64), _U(left.shape[1])
    for p in range(len(pairs)):
        a, b = left[pairs[p, 0]], right[pairs[p, 1]]
        for start in range(_U(0), pixels, _U(_RUN)):
            part = np.int32(0)
            if power == 1:
                for k in range(start, min(start + _U(_RUN), pixels)):
                    part += abs(np.int32(a[k]) - np.int32(b[k]))
            else:
                for k in range(start, min(start + _U(_RUN), pixels)):
                    difference = np.int32(a[k]) - np.int32(b[k])
                    part += difference * difference
            sums[p] += part
    return sums
