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


def difference_hashes(table: Fingerprints, rows: Array, side: int, workers: Workers = "auto") -> Array:
    """Return whether each of side x side parts is brighter than the one left of it, (n, side²) bool: dHash of any size.

    Sizes other than 8 need a second decode; what can no longer be read has no bright part.
    """
    if side == 8:
        return np.unpackbits(table["dhash"][rows], axis=1).astype(bool)
    from visdatcompy_ds.catalog.working import to_grey
    from visdatcompy_ds.kernels.resample import area_resize_grey

    out = np.zeros((len(rows), side, side), bool)
    made = small_pictures(table, rows, decode.WORKING_SIDE, workers)
    for at, row in enumerate(rows.tolist()):
        if row in made:
            small = area_resize_grey(to_grey(made[row]), side, side + 1).astype(np.int16)
            out[at] = small[:, 1:] > small[:, :-1]
    return out.reshape(len(rows), side * side)
