"""Small pictures for pages and figures: of the images they show, no others."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from visdatcompy_ds.base.errors import ImageError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.cache import Kept
from visdatcompy_ds.engine.decode.encode import encode_jpeg
from visdatcompy_ds.engine.run import Workers, run
from visdatcompy_ds.engine.versions import decoders

_SIDE, _QUALITY = 160, 70


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


def thumbnails(
    table: Fingerprints, rows: Array, workers: Workers = "auto", side: int = _SIDE, cache: Path | None = None
) -> dict[int, bytes]:
    """Return, by row, a square JPEG of the upright picture, to be shown at its own aspect ratio; rows that do not decode are left out.

    Those of contents that the cache knows are not made again.
    """

    def make(row: int) -> bytes | None:
        try:
            data = files.read(table.files.path[row])
            if key_of and hashlib.sha256(data).digest() != key_of[row]:  # of what was measured, or of nothing
                return None
            return encode_jpeg(decode.decode_working(data, decode.read_header(data), side).pixels, _QUALITY)
        except (OSError, ImageError):
            return None

    wanted = np.unique(rows).tolist()
    key_of = {row: table["sha256"][row].tobytes() for row in wanted if "sha256" in table}
    description = {"purpose": "thumbnails", "side": side, "quality": _QUALITY, "decoders": decoders()}
    kept = Kept[bytes](cache if key_of else None, description, bytes, bytes)
    known = kept.of(key_of.values())
    missing = [row for row in wanted if row not in key_of or key_of[row] not in known]
    made = {row: data for row, data in zip(missing, run(missing, make, workers), strict=True) if data is not None}
    if key_of:
        kept.add({key_of[row]: data for row, data in made.items()})
    return {row: made[row] if row in made else known[key_of[row]] for row in wanted if row in made or key_of.get(row) in known}


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
