"""Histograms of edge directions: what a picture is made of, whatever its colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visdatcompy_ds.kernels.compiled import compiled

_PARTS, _DIRECTIONS = 4, 8
# tan 22.5° and tan 67.5° times 2 ** 16: directions are told apart in whole numbers.
_LOW, _HIGH = 27146, 158217
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
    for k in range(n):
        for y in range(side):
            for x in range(side):
                half[y, x] = (
                    np.int32(grey[k, 2 * y, 2 * x]) + grey[k, 2 * y, 2 * x + 1] + grey[k, 2 * y + 1, 2 * x] + grey[k, 2 * y + 1, 2 * x + 1]
                )
        bins = np.zeros(_PARTS * _PARTS * _DIRECTIONS, np.float64)
        for y in range(1, side - 1):
            row = (y * _PARTS // side) * _PARTS
            for x in range(1, side - 1):
                up, down = half[y - 1, x + 1] - half[y - 1, x - 1], half[y + 1, x + 1] - half[y + 1, x - 1]
                across = up + down + 2 * (half[y, x + 1] - half[y, x - 1])
                along = half[y + 1, x - 1] + half[y + 1, x + 1] - half[y - 1, x - 1] - half[y - 1, x + 1]
                along += 2 * (half[y + 1, x] - half[y - 1, x])
                a, b = np.int64(abs(across)), np.int64(abs(along))
                direction = int((b << 16) > _LOW * a) + int(b > a) + int((b << 16) > _HIGH * a)
                if (across < 0) != (along < 0):
                    direction = _DIRECTIONS - 1 - direction
                bins[(row + x * _PARTS // side) * _DIRECTIONS + direction] += np.sqrt(np.float32(a * a + b * b))
        total = bins.sum() + _FAINT
        for j in range(len(bins)):
            out[k, j] = np.uint8(255 * np.sqrt(bins[j] / total) + 0.5)
    return out
