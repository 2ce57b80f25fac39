"""Sums over windows and cells of whole pictures, in one pass over the pixels.

The kernels run without the GIL and without threads of their own, so any number of them may run at once. Sums are of whole numbers:
the result is the same on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visdatcompy_ds.kernels.compiled import compiled

_STEP = 4  # windows are 2 x 2 steps: 8 x 8 pixels, every 4 pixels, as x264 and libvmaf place them
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2


@compiled
def grey_and_cells(picture: NDArray[np.uint8], cells: int) -> Any:
    """Return the grey picture and the mean colour of each of cells x cells parts.

    Parameters
    ----------
    picture : (H, W, 3) uint8 BGR
    cells : int
        Parts a side; not more than the shorter side.

    Returns
    -------
    grey : (H, W) uint8
        ITU-R BT.601 luma, rounded.
    means : (cells, cells, 3) float32
        Mean blue, green, red of each part.
    """
    height, width = picture.shape[:2]
    grey = np.empty((height, width), np.uint8)
    sums = np.zeros((cells, cells, 3), np.int64)
    edges = np.empty(cells + 1, np.int64)
    for j in range(cells + 1):
        edges[j] = j * width // cells
    means = np.empty((cells, cells, 3), np.float32)
    for i in range(cells):
        top, bottom = i * height // cells, (i + 1) * height // cells
        for y in range(top, bottom):
            for j in range(cells):
                blue, green, red = np.int64(0), np.int64(0), np.int64(0)
                for x in range(edges[j], edges[j + 1]):
                    b, g, r = np.int32(picture[y, x, 0]), np.int32(picture[y, x, 1]), np.int32(picture[y, x, 2])
                    grey[y, x] = np.uint8((7471 * b + 38470 * g + 19595 * r + 32768) >> 16)
                    blue += b
                    green += g
                    red += r
                sums[i, j, 0] += blue
                sums[i, j, 1] += green
                sums[i, j, 2] += red
        for j in range(cells):
            area = (bottom - top) * (edges[j + 1] - edges[j])
            for c in range(3):
                means[i, j, c] = np.float32(sums[i, j, c] / area)
    return grey, means


@compiled
def _step_sums(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> Any:
    """Return sums of a, b, aa + bb and ab over 4 x 4 pixel steps, (rows, columns, 4) int32."""
    rows, columns = left.shape[0] // _STEP, left.shape[1] // _STEP
    sums = np.zeros((rows, 4, columns), np.int32)
    for i in range(rows):
        for y in range(i * _STEP, (i + 1) * _STEP):
            for j in range(columns):
                sa, sb, saa, sab = np.int32(0), np.int32(0), np.int32(0), np.int32(0)
                for x in range(j * _STEP, j * _STEP + _STEP):
                    a, b = np.int32(left[y, x]), np.int32(right[y, x])
                    sa += a
                    sb += b
                    saa += a * a + b * b
                    sab += a * b
                sums[i, 0, j] += sa
                sums[i, 1, j] += sb
                sums[i, 2, j] += saa
                sums[i, 3, j] += sab
    return sums


@compiled
def ssim_tiles(left: NDArray[np.uint8], right: NDArray[np.uint8], tiles: int) -> Any:
    """Return the structural similarity and the difference of brightness of two grey pictures, tile by tile.

    Parameters
    ----------
    left, right : (H, W) uint8 of one shape, both sides at least 8
    tiles : int
        Tiles a side; fewer are made where a tile would hold no window.

    Returns
    -------
    similarity : (rows, columns) float64
        Mean SSIM (Wang et al. 2004) of the 8 x 8 windows of each tile; 1 is the same.
    tone : (rows, columns) float64
        Mean difference of brightness of each tile, right minus left, in levels of 255.
    """
    sums = _step_sums(left, right)
    window_rows, window_columns = sums.shape[0] - 1, sums.shape[2] - 1
    rows, columns = min(tiles, window_rows), min(tiles, window_columns)
    similarity, tone = np.empty((rows, columns)), np.empty((rows, columns))
    count = 4.0 * _STEP * _STEP
    for r in range(rows):
        for c in range(columns):
            total, shift, number = 0.0, 0.0, 0
            for i in range(r * window_rows // rows, (r + 1) * window_rows // rows):
                for j in range(c * window_columns // columns, (c + 1) * window_columns // columns):
                    sa = float(sums[i, 0, j] + sums[i, 0, j + 1] + sums[i + 1, 0, j] + sums[i + 1, 0, j + 1])
                    sb = float(sums[i, 1, j] + sums[i, 1, j + 1] + sums[i + 1, 1, j] + sums[i + 1, 1, j + 1])
                    squares = float(sums[i, 2, j] + sums[i, 2, j + 1] + sums[i + 1, 2, j] + sums[i + 1, 2, j + 1])
                    product = float(sums[i, 3, j] + sums[i, 3, j + 1] + sums[i + 1, 3, j] + sums[i + 1, 3, j + 1])
                    mean_product = 2.0 * sa * sb / (count * count)
                    mean_squares = (sa * sa + sb * sb) / (count * count)
                    covariance = 2.0 * product / count - mean_product
                    variances = squares / count - mean_squares
                    total += (mean_product + _C1) * (covariance + _C2) / ((mean_squares + _C1) * (variances + _C2))
                    shift += sb - sa
                    number += 1
            similarity[r, c] = total / number
            tone[r, c] = shift / (number * count)
    return similarity, tone


@compiled
def tile_correlations(left: NDArray[np.float32], right: NDArray[np.float32], covered: NDArray[np.bool_], side: int, step: int) -> Any:
    """Compare two pictures by tiles.

    Parameters
    ----------
    left, right : (H, W) float32
    covered : (H, W) bool
        Pixels to look at; a tile of which they are less than 19 of 20 is left out.
    side, step : int
        Pixels of a tile, and from one to the next.

    Returns
    -------
    (n, 5) float64
        Row and column of a tile's first pixel, both variances, and the covariance.
    """
    height, width = left.shape
    rows, columns = max(0, (height - side) // step + 1), max(0, (width - side) // step + 1)
    found, n = np.empty((rows * columns, 5)), 0
    for y0 in range(0, height - side + 1, step):
        for x0 in range(0, width - side + 1, step):
            count, a, b, aa, bb, ab = 0, 0.0, 0.0, 0.0, 0.0, 0.0
            for y in range(y0, y0 + side):
                for x in range(x0, x0 + side):
                    if covered[y, x]:
                        p, q = float(left[y, x]), float(right[y, x])
                        count += 1
                        a += p
                        b += q
                        aa += p * p
                        bb += q * q
                        ab += p * q
            if count * 20 >= side * side * 19:
                a, b = a / count, b / count
                found[n, 0], found[n, 1] = y0, x0
                found[n, 2], found[n, 3] = max(aa / count - a * a, 0.0), max(bb / count - b * b, 0.0)
                found[n, 4] = ab / count - a * b
                n += 1
    return found[:n]
