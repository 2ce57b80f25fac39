"""Small pictures for pages and figures: of the images they show, no others."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.errors import ImageError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.decode.encode import encode_jpeg
from visdatcompy_ds.engine.run import Workers, run

_SIDE = 160


def small_pictures(table: Fingerprints, rows: Array, side: int, workers: Workers = "auto") -> dict[int, Array]:
    """Return, by row, the upright picture as a square (side, side, 3) uint8 BGR; rows that do not decode are left out."""

    def make(row: int) -> Array | None:
        try:
            data = files.read(table.files.path[row])
            return decode.decode_working(data, decode.read_header(data), side).pixels
        except (OSError, ImageError):
            return None

    wanted = np.unique(rows).tolist()
    return {row: made for row, made in zip(wanted, run(wanted, make, workers), strict=True) if made is not None}


def thumbnails(table: Fingerprints, rows: Array, workers: Workers = "auto", side: int = _SIDE) -> dict[int, bytes]:
    """Return, by row, a square JPEG of the upright picture, to be shown at its own aspect ratio; rows that do not decode are left out."""
    return {row: encode_jpeg(pixels, 70) for row, pixels in small_pictures(table, rows, side, workers).items()}
