"""The way back: a picture as JPEG, for thumbnails."""

from __future__ import annotations

import numpy as np
import simplejpeg
from numpy.typing import NDArray


def encode_jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """Return a picture (H, W, 3) uint8 BGR as JPEG with halved colour resolution."""
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=quality, colorspace="BGR", colorsubsampling="420"))
