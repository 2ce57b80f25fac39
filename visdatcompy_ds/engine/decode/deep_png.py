"""Decode PNGs of 16 bits a channel in colour or with alpha, of which Pillow keeps only the high byte."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from visdatcompy_ds.engine.decode.picture import Header


def decode_deep_png(data: bytes, header: Header) -> npt.NDArray[Any] | None:
    """Decode a PNG of 16 bits a channel without loss.

    Parameters
    ----------
    data : bytes
        The whole file.
    header : Header
        Its header, with a bit depth of 16.

    Returns
    -------
    numpy.ndarray, shape (H, W, C), uint16
        As stored, red first, not yet upright; None where it is interlaced, has a transparent colour, or its data are broken.
    """
    channels = int.from_bytes(data[25:26], "big")
    channels = {0: 1, 2: 3, 4: 2, 6: 4}.get(channels, 0)
    if data[28] or not channels:
        return None
    width, height = (header.height, header.width) if header.orientation > 4 else (header.width, header.height)
    stride = width * channels * 2
    unpacker, parts, most = zlib.decompressobj(), [], height * (stride + 1)
    at = 33
    try:
        while at + 12 <= len(data) and most > 0:
            length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
            if kind in (b"IEND", b"tRNS"):
                break
            if kind == b"IDAT":
                parts.append(unpacker.decompress(data[at + 8 : at + 8 + length], most))
                most -= len(parts[-1])
            at += 12 + length
    except zlib.error:
        return None
    if most:
        return None
    from visdatcompy_ds.kernels.png_filters import undo_filters

    lines = undo_filters(np.frombuffer(b"".join(parts), np.uint8), height, stride, channels * 2)
    if not len(lines):
        return None
    deep: npt.NDArray[Any] = lines.view(">u2").astype("<u2").reshape(height, width, channels)
    return deep
