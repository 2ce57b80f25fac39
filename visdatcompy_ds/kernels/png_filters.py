"""Undo the line filters of PNG, for the depths that Pillow cuts to 8 bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from visdatcompy_ds.kernels.compiled import compiled


@compiled
def undo_filters(packed: Any, height: int, stride: int, step: int) -> Any:
    """Undo the filters of a PNG that is not interlaced.

    Parameters
    ----------
    packed : numpy.ndarray, shape (height * (stride + 1),), uint8
        The unpacked data: each line a filter byte and `stride` bytes.
    height, stride, step : int
        Lines, bytes a line, bytes a pixel.

    Returns
    -------
    numpy.ndarray, shape (height, stride), uint8
        The lines; of no lines where a filter byte is none of the five.

    References
    ----------
    Portable Network Graphics (PNG) Specification, third edition, W3C, section 9.
    """
    out = np.zeros((height, stride), np.uint8)
    above = np.zeros(stride, np.uint8)
    for i in range(height):
        kind = packed[i * (stride + 1)]
        line = packed[i * (stride + 1) + 1 : (i + 1) * (stride + 1)]
        row = out[i]
        if kind > 4:
            return out[:0]
        for k in range(stride):
            left: int = int(row[k - step]) if k >= step else 0
            up = int(above[k])
            guess = 0
            if kind == 1:
                guess = left
            elif kind == 2:
                guess = up
            elif kind == 3:
                guess = (left + up) >> 1
            elif kind == 4:
                corner = int(above[k - step]) if k >= step else 0
                to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
                guess = left if to_left <= to_up and to_left <= to_corner else (up if to_up <= to_corner else corner)
            row[k] = np.uint8((int(line[k]) + guess) & 255)
        above = row
    return out
