"""Histograms of edge directions: what a picture is made of, whatever its colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visdatcompy_ds.kernels.compiled import compiled

_PARTS, _DIRECTIONS = 4, 8
_LOW, _HIGH = np.float32(np.tan(np.pi / 8)), np.float32(np.tan(3 * np.pi / 8))  # of 22.5° and 67.5°
_FAINT = 32768.0  # edges of a picture that shows nothing but noise; below it a histogram fades


@compiled
def edge_histograms(grey: NDArray[np.uint8]) -> Any:
    """Return how edges lie in 4 x 4 parts of each picture.

    Parameters
    ----------
    grey : (n, side, side) uint8, C order
        The side is a multiple of 8.

    Returns
    -------
    (n, 128) uint8
        By part and 8 directions over 180°, 255 times the root of the share of all edges: their Euclidean distance is that of Hellinger.
    """
    n, side = grey.shape[0], grey.shape[1] // 2
    out = np.empty((n, _PARTS * _PARTS * _DIRECTIONS), np.uint8)
    half = np.empty((side, side), np.int32)
    place, length = np.empty(side, np.int32), np.empty(side, np.float32)
    for k in range(n):
        for y in range(side):
            upper, lower = grey[k, 2 * y], grey[k, 2 * y + 1]
            for x in range(side):
                half[y, x] = np.int32(upper[2 * x]) + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1]
        bins = np.zeros(_PARTS * _PARTS * _DIRECTIONS, np.float64)
        for y in range(1, side - 1):
            _edges(half[y - 1], half[y], half[y + 1], place, length)
            row = (y * _PARTS // side) * _PARTS
            for x in range(1, side - 1):
                bins[(row + x * _PARTS // side) * _DIRECTIONS + place[x]] += length[x]
        total = bins.sum() + _FAINT
        for j in range(len(bins)):
            out[k, j] = np.uint8(255 * np.sqrt(bins[j] / total) + 0.5)
    return out


@compiled
def _edges(above: Any, here: Any, below: Any, place: Any, length: Any) -> None:
    """Write the direction, 0 to 7, and the length of Sobel's gradient at the inner pixels of a row."""
    for x in range(1, len(here) - 1):
        across = above[x + 1] - above[x - 1] + below[x + 1] - below[x - 1] + 2 * (here[x + 1] - here[x - 1])
        along = below[x - 1] + below[x + 1] - above[x - 1] - above[x + 1] + 2 * (below[x] - above[x])
        a, b = np.float32(abs(across)), np.float32(abs(along))
        steep = np.int32(b > _LOW * a) + np.int32(b > a) + np.int32(b > _HIGH * a)
        place[x] = _DIRECTIONS - 1 - steep if (across ^ along) < 0 else steep
        length[x] = np.sqrt(a * a + b * b)
