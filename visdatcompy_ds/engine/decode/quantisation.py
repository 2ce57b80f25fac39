"""How finely a JPEG holds its brightness: what a re-saved copy cannot differ by more than."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from visdatcompy_ds.engine.decode.picture import Header

# Frequencies in the order of the file: JPEG's zigzag through the 8 x 8 block.
_ZIGZAG = sorted(((y, x) for y in range(8) for x in range(8)), key=lambda at: (sum(at), at[0] if sum(at) % 2 else at[1]))
_LOSSLESS = ("PNG", "BMP", "PPM")
_FRAMES = (0xC0, 0xC1, 0xC2)


def brightness_steps(data: bytes, header: Header) -> NDArray[np.float64] | None:
    """Return the quantisation steps of brightness, (8, 8) by (down, across); zeros for a lossless format, None where they are not known.

    Parameters
    ----------
    data : bytes
        The whole file.
    header : Header
        Its header.
    """
    if header.format in _LOSSLESS and header.bit_depth <= 8 and not header.has_alpha:
        return np.zeros((8, 8))
    if header.format not in ("JPEG", "MPO") or header.colour not in ("grey", "rgb", "ycc", "ycbcr"):
        return None
    tables: dict[int, NDArray[np.float64]] = {}
    used, at = -1, 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        body = data[at + 4 : at + 2 + length]
        if marker == 0xDB:
            tables.update(_tables(body))
        elif marker in _FRAMES and len(body) >= 9:
            used = body[8]
        elif marker == 0xDA:
            return tables.get(used)
        at += 2 + length
    return None


def _tables(body: bytes) -> dict[int, NDArray[np.float64]]:
    """Return the tables of one DQT segment by number."""
    found, at = {}, 0
    while at < len(body):
        wide, number = body[at] >> 4, body[at] & 15
        size = 128 if wide else 64
        values = np.frombuffer(body[at + 1 : at + 1 + size].ljust(size, b"\0"), ">u2" if wide else "u1")
        table = np.zeros((8, 8))
        for place, value in zip(_ZIGZAG, values.tolist(), strict=True):
            table[place] = value
        found[number] = table
        at += 1 + size
    return found
