"""Turn a picture upright by its EXIF orientation: one rule for every format."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def turn_upright(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Return `pixels` upright.

    Parameters
    ----------
    pixels : numpy.ndarray, shape (H, W, ...)
        As stored.
    orientation : int
        EXIF orientation, 1 to 8: which sides of the picture its first row and first column are.

    Returns
    -------
    numpy.ndarray, shape (H, W, ...) or, from 5 on, (W, H, ...)
        C-contiguous; `pixels` itself for orientation 1.
    """
    if orientation == 1:
        return pixels
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
