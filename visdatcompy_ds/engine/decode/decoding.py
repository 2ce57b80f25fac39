"""The two pictures of a file: the small working picture and the full one."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.status import Status
from visdatcompy_ds.engine.decode.door import at_the_door
from visdatcompy_ds.engine.decode.jpeg import decode_jpeg
from visdatcompy_ds.engine.decode.picture import WORKING_SIDE, Header, Picture
from visdatcompy_ds.engine.decode.upright import turn_upright

_JPEG = ("JPEG", "MPO")
_TURNED_BY_DECODER = ("TIFF", "HEIF")  # Pillow and libheif turn these themselves


@at_the_door
def decode_working(data: bytes, header: Header, side: int = WORKING_SIDE) -> Picture:
    """Decode the working picture: a small square, the same by whatever path a run came to it.

    A JPEG is reduced by its decoder as far as both stored sides keep `side` pixels, then area-resampled; anything else is decoded in full
    and area-resampled. The GIL is released while decoding and resampling.

    Parameters
    ----------
    data : bytes
        The whole file.
    header : Header
        What :func:`read_header` said of it; its limits were checked there.
    side : int
        Side of the square, in pixels.

    Returns
    -------
    Picture
        Pixels of shape (side, side, 3), uint8, blue-green-red, upright; the aspect ratio is not kept.

    Raises
    ------
    UnreadableImageError
        Cut short, or damaged beyond reading.

    Notes
    -----
    The working picture of a JPEG differs slightly from that of the same pixels in a PNG: the decoder reduces in another way than the mean.
    """
    from visdatcompy_ds.kernels.resample import area_square  # numba is not loaded for a header

    if header.format in _JPEG:
        stored, status, reason = decode_jpeg(data, header, side)
        pixels = area_square(stored, side)
        if header.orientation != 1:
            pixels = turn_upright(pixels, header.orientation)
        return Picture(pixels, status, reason)
    full, status, reason = _decode_other(data, header)
    return Picture(area_square(full, side), status, reason)


@at_the_door
def decode_full(data: bytes, header: Header) -> Picture:
    """Decode at full resolution.

    Parameters
    ----------
    data : bytes
        The whole file.
    header : Header
        What :func:`read_header` said of it.

    Returns
    -------
    Picture
        Pixels of shape (header.height, header.width, 3), uint8, blue-green-red, upright.

    Raises
    ------
    UnreadableImageError
        Cut short, or damaged beyond reading.
    """
    if header.format in _JPEG:
        stored, status, reason = decode_jpeg(data, header, 0)
        return Picture(turn_upright(stored, header.orientation), status, reason)
    pixels, status, reason = _decode_other(data, header)
    return Picture(pixels, status, reason)


@at_the_door
def decode_at(data: bytes, header: Header, size: tuple[int, int] | None) -> Picture:
    """Decode a picture at a size: at that of the working picture the working picture, else the full one, area-resampled.

    Parameters
    ----------
    data : bytes
        The whole file.
    header : Header
        What :func:`read_header` said of it.
    size : (int, int) or None
        Width and height; None is full resolution.

    Returns
    -------
    Picture
        Pixels of shape (height, width, 3), uint8, blue-green-red, upright.

    Raises
    ------
    UnreadableImageError
        Cut short, or damaged beyond reading.
    """
    if size == (WORKING_SIDE, WORKING_SIDE):
        return decode_working(data, header)
    full = decode_full(data, header)
    if size is None:
        return full
    from visdatcompy_ds.kernels.resample import area_resize

    return Picture(area_resize(full.pixels, *size), full.status, full.reason)


@at_the_door
def decode_within(data: bytes, header: Header, side: int) -> Picture:
    """Decode a picture whose longer side has at most `side` pixels, its proportions kept; a JPEG is reduced by its decoder first.

    Parameters
    ----------
    data : bytes
        The whole file.
    header : Header
        What :func:`read_header` said of it.
    side : int
        Pixels; a smaller picture stays as it is.

    Returns
    -------
    Picture
        Pixels of shape (height, width, 3), uint8, blue-green-red, upright.

    Raises
    ------
    UnreadableImageError
        Cut short, or damaged beyond reading.
    """
    from visdatcompy_ds.kernels.resample import area_resize

    scale = min(1.0, side / max(header.width, header.height))
    width, height = (max(1, round(length * scale)) for length in (header.width, header.height))
    if header.format not in _JPEG:
        full, status, reason = _decode_other(data, header)
    else:
        stored, status, reason = decode_jpeg(data, header, min(width, height))
        full = turn_upright(stored, header.orientation)
    small = full if full.shape[:2] == (height, width) else area_resize(full, width, height)
    return Picture(small.copy() if small is full else small, status, reason)  # a reduced decode lies in a buffer of the thread


def _decode_other(data: bytes, header: Header) -> tuple[np.ndarray, Status, str]:
    from visdatcompy_ds.engine.decode.pillow import decode_first, to_bgr

    image, status, reason = decode_first(data, header)
    pixels = to_bgr(image)
    if header.format not in _TURNED_BY_DECODER:
        pixels = turn_upright(pixels, header.orientation)
    return pixels, status, reason
