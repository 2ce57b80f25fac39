"""Area resampling: each output pixel is the mean of the source pixels it covers, weighted by the area covered.

Downscaling gives what ``cv2.INTER_AREA`` gives; upscaling follows the same rule. Weights are whole numbers (units of 1 / output size), so
that float32 sums are exact up to 65 793 source pixels and differ from the exact mean by less than 0.001 of a level beyond. One thread, no
atomics: the result never depends on what runs beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from visdatcompy_ds.kernels.compiled import compiled, compiled_slp


@compiled
def _edges(n_in: int, n_out: int, whole: Any, part: Any) -> None:
    """Split each output edge j * n_in / n_out into a source index and a remainder in units of 1 / n_out."""
    for j in range(n_out + 1):
        whole[j] = j * n_in // n_out
        part[j] = j * n_in - j * n_in // n_out * n_out


@compiled
def _gather_rows(src: Any, first: int, last: int, head: Any, full: Any, tail: Any, row: Any) -> None:
    """Write the weighted sum of the rows first..last of `src` into `row`; plain loops that LLVM turns into SIMD."""
    top = src[first]
    at = first + 1
    if at < last:  # two rows in one pass over `row`
        below = src[at]
        for k in range(row.size):
            row[k] = head * np.float32(top[k]) + full * np.float32(below[k])
        at += 1
        while at < last:
            below = src[at]
            for k in range(row.size):
                row[k] += full * np.float32(below[k])
            at += 1
        if tail > 0:
            below = src[last]
            for k in range(row.size):
                row[k] += tail * np.float32(below[k])
    elif tail > 0:
        below = src[last]
        for k in range(row.size):
            row[k] = head * np.float32(top[k]) + tail * np.float32(below[k])
    else:
        for k in range(row.size):
            row[k] = head * np.float32(top[k])


@compiled
def _row_of(src: Any, i: int, n_out: int, whole: Any, part: Any, row: Any) -> None:
    """Write output row i, not yet resampled across, into `row`."""
    first, last = whole[i], whole[i + 1]
    if first == last:
        _gather_rows(src, first, last, np.float32(part[i + 1] - part[i]), np.float32(0), np.float32(0), row)
    else:
        _gather_rows(src, first, last, np.float32(n_out - part[i]), np.float32(n_out), np.float32(part[i + 1]), row)


@compiled
def _taps(n_out: int, whole: Any, part: Any, start: Any, weight: Any) -> None:
    """Write where each output pixel begins to read, and its weights; all have as many taps, those it does not need weigh nothing."""
    for j in range(n_out):
        first, last = whole[j], whole[j + 1]
        start[j] = first * 3
        weight[:, j] = 0
        if first == last:
            weight[0, j] = part[j + 1] - part[j]
        else:
            weight[0, j] = n_out - part[j]
            weight[1 : last - first, j] = n_out
            weight[last - first, j] = part[j + 1]


@compiled_slp(types.uint8[:, :, ::1](types.Array(types.uint8, 3, "C", readonly=True), types.int64))
def area_square(src: Any, side: int) -> Any:
    """Resample a picture to a small square, whatever its proportions.

    Parameters
    ----------
    src : numpy.ndarray, shape (H, W, 3), uint8, C-contiguous
        The picture.
    side : int
        Side of the result, in pixels, at least 1.

    Returns
    -------
    numpy.ndarray, shape (side, side, 3), uint8
        The picture, resampled and rounded half up.
    """
    height, width = src.shape[0], src.shape[1]
    flat = src.reshape(height, width * 3)
    down, down_part = np.empty(side + 1, np.int64), np.empty(side + 1, np.int64)
    across, across_part = np.empty(side + 1, np.int64), np.empty(side + 1, np.int64)
    _edges(height, side, down, down_part)
    _edges(width, side, across, across_part)
    taps = max(3, (width + side - 1) // side + 1)
    # unsigned, because a signed index costs a wrap-around test that keeps LLVM from loading neighbours at once
    start, weight = np.empty(side, np.uint64), np.empty((taps, side), np.float32)
    _taps(side, across, across_part, start, weight)
    first, second, third = weight[0], weight[1], weight[2]
    out = np.empty((side, side * 3), np.uint8)
    row, line = np.zeros((width + taps + 2) * 3, np.float32), np.empty(side * 3 + 1, np.float32)
    scale = np.float32(1.0 / (float(height) * float(width)))
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    for i in range(side):
        _row_of(flat, i, side, down, down_part, row[: width * 3])
        for j in range(side):
            # Four lanes make one register: the fourth is the next pixel's blue, and the next output overwrites it.
            k, at = start[j], np.uint64(j) * three
            u, v, w = first[j], second[j], third[j]
            b, g, r, x = u * row[k], u * row[k + one], u * row[k + two], u * row[k + three]
            k += three
            b, g, r, x = b + v * row[k], g + v * row[k + one], r + v * row[k + two], x + v * row[k + three]
            k += three
            b, g, r, x = b + w * row[k], g + w * row[k + one], r + w * row[k + two], x + w * row[k + three]
            line[at], line[at + one], line[at + two], line[at + three] = b, g, r, x
        for t in range(3, taps):
            part = weight[t]
            for j in range(side):
                k, at = start[j] + np.uint64(t) * three, np.uint64(j) * three
                line[at] += part[j] * row[k]
                line[at + one] += part[j] * row[k + one]
                line[at + two] += part[j] * row[k + two]
        for j in range(side * 3):
            out[i, j] = np.uint8(line[j] * scale + np.float32(0.5))
    return out.reshape(side, side, 3)


@compiled
def area_resize_grey(src: Any, out_h: int, out_w: int) -> Any:
    """Resample a grey picture to any size.

    Parameters
    ----------
    src : numpy.ndarray, shape (H, W), uint8, C-contiguous
        The picture.
    out_h, out_w : int
        Height and width of the result, in pixels, at least 1.

    Returns
    -------
    numpy.ndarray, shape (out_h, out_w), uint8
        The picture, resampled and rounded half up.
    """
    height, width = src.shape
    down, down_part = np.empty(out_h + 1, np.int64), np.empty(out_h + 1, np.int64)
    across, across_part = np.empty(out_w + 1, np.int64), np.empty(out_w + 1, np.int64)
    _edges(height, out_h, down, down_part)
    _edges(width, out_w, across, across_part)
    out = np.empty((out_h, out_w), np.uint8)
    row = np.empty(width, np.float32)
    scale = np.float32(1.0 / (float(height) * float(width)))
    full = np.float32(out_w)
    for i in range(out_h):
        _row_of(src, i, out_h, down, down_part, row)
        for j in range(out_w):
            k, last = across[j], across[j + 1]
            if k == last:
                total = np.float32(across_part[j + 1] - across_part[j]) * row[k]
            else:
                total = np.float32(out_w - across_part[j]) * row[k]
                for m in range(k + 1, last):
                    total += full * row[m]
                if across_part[j + 1] > 0:
                    total += np.float32(across_part[j + 1]) * row[last]
            out[i, j] = np.uint8(total * scale + np.float32(0.5))
    return out


def area_resize(src: Any, width: int, height: int) -> Any:
    """Resample a picture of any number of channels to any size.

    Parameters
    ----------
    src : numpy.ndarray, shape (H, W, C), uint8
        The picture.
    width, height : int
        Size of the result, in pixels, at least 1; in the order in which people name sizes.

    Returns
    -------
    numpy.ndarray, shape (height, width, C), uint8
        The picture, resampled and rounded half up.
    """
    out = np.empty((height, width, src.shape[2]), np.uint8)
    for channel in range(src.shape[2]):
        out[:, :, channel] = area_resize_grey(np.array(src[:, :, channel], order="C"), height, width)
    return out


@compiled
def bilinear_reduce(pictures: Any, side: int) -> Any:
    """Reduce square pictures as OpenCV's INTER_LINEAR_EXACT does by an even factor: the mean of the four pixels amid each part.

    Parameters
    ----------
    pictures : (n, S, S, 3) uint8
        S is an even multiple of `side`.
    side : int
        Side of the result in pixels.

    Returns
    -------
    (n, side, side, 3) uint8
        Means rounded half up.
    """
    n, factor = len(pictures), pictures.shape[1] // side
    reduced = np.empty((n, side, side, 3), np.uint8)
    before = factor // 2 - 1
    for k in range(n):
        for y in range(side):
            upper, lower = pictures[k, y * factor + before], pictures[k, y * factor + before + 1]
            for x in range(side):
                at = x * factor + before
                for c in range(3):
                    total = np.int32(upper[at, c]) + upper[at + 1, c] + lower[at, c] + lower[at + 1, c]
                    reduced[k, y, x, c] = (total + 2) >> 2
    return reduced
