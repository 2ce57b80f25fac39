"""Sums over working pictures that simple measures are made of, without the GIL; the loops are such that LLVM makes SIMD of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visdatcompy_ds.kernels.compiled import compiled

BLUE, GREEN, RED, GREY, GREY_SQUARES, EDGES, EDGES_SQUARES, BUSY_CELLS, COLOUR_SPREAD = range(9)
_CELL = 8  # pixels a side of the cells whose colour and structure are looked at
_BUSY = 12  # grey levels within a cell from which it shows structure


@compiled
def moments(pictures: NDArray[np.uint8], grey: NDArray[np.uint8]) -> Any:
    """Return whole-number sums of each picture.

    Parameters
    ----------
    pictures : (n, side, side, 3) uint8 BGR, C order
        The side is a multiple of 8.
    grey : (n, side, side) uint8, C order
        The same in grey.

    Returns
    -------
    sums : (n, 9) int64
        Blue, green, red, grey, grey², Laplacian and its square over the inner pixels, number of 8 x 8 cells that show structure, and the
        largest difference of two channels' means over these cells, rounded.
    layout : (n, 8, 8, 3) uint8
        Mean blue, green, red of 8 x 8 parts, rounded half up.
    grid : (n, 8, 9) int64
        Area-weighted sums of grey over 8 rows and 9 columns of equal parts, in units of 1/9 pixel.
    """
    n, side = pictures.shape[0], pictures.shape[1]
    sums, layout, grid = np.zeros((n, 9), np.int64), np.empty((n, 8, 8, 3), np.uint8), np.zeros((n, 8, 9), np.int64)
    for k in range(n):
        _colours(pictures[k].reshape(side, side * 3), sums[k], layout[k].reshape(8, 24))
        _light(grey[k], sums[k], grid[k])
        _structure(grey[k], sums[k])
    return sums, layout, grid


@compiled
def _colours(picture: Any, out: Any, layout: Any) -> None:
    side, width = picture.shape
    part = side // 8
    rows, parts = np.zeros(width, np.int32), np.zeros(24, np.int32)
    spread = np.int32(0)
    for i in range(0, side, _CELL):
        for y in range(i, i + _CELL):
            here = picture[y]
            for x in range(width):
                rows[x] += here[x]
        for j in range(0, width, 3 * _CELL):
            blue, green, red = np.int32(0), np.int32(0), np.int32(0)
            for x in range(j, j + 3 * _CELL, 3):
                blue += rows[x]
                green += rows[x + 1]
                red += rows[x + 2]
            at = j // (3 * part) * 3
            parts[at] += blue
            parts[at + 1] += green
            parts[at + 2] += red
            spread = max(spread, max(blue, max(green, red)) - min(blue, min(green, red)))  # noqa: PLW3301 - numba takes two
        rows[:] = 0
        if (i + _CELL) % part == 0:
            for c in range(24):
                layout[i // part, c] = (parts[c] + part * part // 2) // (part * part)
                out[BLUE + c % 3] += parts[c]
                parts[c] = 0
    out[COLOUR_SPREAD] = (spread + _CELL * _CELL // 2) // (_CELL * _CELL)


@compiled
def _light(grey: Any, out: Any, grid: Any) -> None:
    side = grey.shape[0]
    columns = np.zeros(side, np.int32)
    for y in range(side):
        here = grey[y]
        squares = np.int32(0)
        for x in range(side):
            value = np.int32(here[x])
            columns[x] += value
            squares += value * value
        out[GREY_SQUARES] += squares
        if (y + 1) % (side // 8) == 0:
            for j in range(9):
                # Column x reaches from 9 x to 9 (x + 1), part j from side j to side (j + 1).
                for x in range(j * side // 9, -(-(j + 1) * side // 9)):
                    grid[y // (side // 8), j] += (min(9 * (x + 1), side * (j + 1)) - max(9 * x, side * j)) * columns[x]
            for x in range(side):
                out[GREY] += columns[x]
                columns[x] = 0
    for y in range(1, side - 1):
        above, here, below = grey[y - 1], grey[y], grey[y + 1]
        total, squares = np.int32(0), np.int32(0)
        for x in range(1, side - 1):
            edge = np.int32(above[x]) + np.int32(below[x]) + np.int32(here[x - 1]) + np.int32(here[x + 1]) - np.int32(4) * np.int32(here[x])
            total += edge
            squares += edge * edge
        out[EDGES] += total
        out[EDGES_SQUARES] += squares


@compiled
def _structure(grey: Any, out: Any) -> None:
    side = grey.shape[0]
    low, high = np.empty(side, np.uint8), np.empty(side, np.uint8)
    for i in range(0, side, _CELL):
        low[:], high[:] = grey[i], grey[i]
        for y in range(i + 1, i + _CELL):
            here = grey[y]
            for x in range(side):
                low[x], high[x] = min(low[x], here[x]), max(high[x], here[x])
        for j in range(0, side, _CELL):
            least, most = low[j], high[j]
            for x in range(j + 1, j + _CELL):
                least, most = min(least, low[x]), max(most, high[x])
            out[BUSY_CELLS] += np.int32(most) - np.int32(least) >= _BUSY
