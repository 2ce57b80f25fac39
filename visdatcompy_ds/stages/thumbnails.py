"""Small pictures for pages: of the images a page shows, no others."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.errors import ImageError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.decode.encode import encode_jpeg
from visdatcompy_ds.engine.run import Workers, run

_SIDE = 160


def thumbnails(table: Fingerprints, rows: Array, workers: Workers = "auto") -> dict[int, bytes]:
    """Return, by row, a square JPEG of the upright picture, to be shown at its own aspect ratio; rows that do not decode are left out."""

    def make(row: int) -> bytes:
        try:
            data = files.read(table.files.path[row])
            picture = decode.decode_working(data, decode.read_header(data), _SIDE)
        except (OSError, ImageError):
            return b""
        return encode_jpeg(picture.pixels, 70)

    wanted = np.unique(rows).tolist()
    return {row: data for row, data in zip(wanted, run(wanted, make, workers), strict=True) if data}
