"""Headers of AVIF and HEIF: the largest picture of the property boxes bounds the file before a decoder opens it."""

from __future__ import annotations

import struct

from visdatcompy_ds.base.errors import RefusedImageError, UnreadableImageError
from visdatcompy_ds.engine.decode import reasons
from visdatcompy_ds.engine.decode.ifd import orientation_of
from visdatcompy_ds.engine.decode.picture import Header, Limits
from visdatcompy_ds.engine.decode.sniff import HEIF_REMEDY

_AVIF_REMEDY = "Install a Pillow that was built with AVIF"


def read_isomedia(data: bytes, name: str, limits: Limits, complete: bool) -> Header:
    """Return the header of an AVIF or HEIF.

    Parameters
    ----------
    data : bytes
        The file, or its first bytes.
    name : str
        "AVIF" or "HEIF".
    limits : Limits
        What is allowed.
    complete : bool
        `data` is the whole file.

    Returns
    -------
    Header
        Upright; the orientation of a HEIF is 1, because its decoder turns the picture.
    """
    width, height, bits = _largest(data)
    if complete and not _boxes_lie_within(data):
        raise UnreadableImageError(reasons.TRUNCATED)
    if not width or not height:
        raise UnreadableImageError(reasons.BROKEN_HEADER if complete else reasons.NOT_IN_FIRST_BYTES)
    if width * height > limits.max_pixels:
        return Header(name, width, height)  # the caller refuses it; no decoder is asked
    if name == "HEIF":
        return _read_heif(data, bits, limits, complete, (width, height))
    from visdatcompy_ds.engine.decode.pillow import is_available, open_picture

    if not is_available("AVIF"):
        raise reasons.is_off(reasons.AVIF, _AVIF_REMEDY)
    try:
        image = open_picture(data, "AVIF")
    except UnreadableImageError:
        if complete:
            raise
        return Header(name, width, height, bit_depth=bits)
    exif = bytes(image.info.get("exif", b"")).removeprefix(b"Exif\0\0")
    orientation = orientation_of(exif)
    size = image.size if orientation < 5 else image.size[::-1]
    has_alpha = image.mode in ("RGBA", "LA")
    grey = image.mode in ("L", "LA")
    channels = (1 if grey else 3) + has_alpha
    return Header(
        name,
        size[0],
        size[1],
        channels,
        bits,
        "grey" if grey else "rgb",
        has_alpha,
        getattr(image, "n_frames", 1) > 1,
        orientation,
        exif if len(exif) <= limits.max_metadata_bytes else b"",
        bytes(image.info.get("xmp", b""))[: limits.max_metadata_bytes],
    )


def _read_heif(data: bytes, bits: int, limits: Limits, complete: bool, size: tuple[int, int]) -> Header:
    try:
        import pillow_heif
    except ImportError:
        reason = "format HEIF needs an extra"
        raise RefusedImageError(reason, remedy=HEIF_REMEDY) from None
    try:
        image = pillow_heif.open_heif(data)[0]
    except Exception:  # the decoder's own errors
        if complete:
            raise UnreadableImageError(reasons.BEYOND_READING) from None
        return Header("HEIF", size[0], size[1], bit_depth=bits)
    has_alpha = "A" in image.mode
    exif = bytes(image.info.get("exif") or b"").removeprefix(b"Exif\0\0")
    xmp = bytes(image.info.get("xmp") or b"")
    return Header(
        "HEIF",
        image.size[0],
        image.size[1],
        4 if has_alpha else 3,
        bits,
        "rgb",
        has_alpha,
        False,
        1,
        exif if len(exif) <= limits.max_metadata_bytes else b"",
        xmp if len(xmp) <= limits.max_metadata_bytes else b"",
    )


def _largest(data: bytes) -> tuple[int, int, int]:
    """Return the largest width and height of the `ispe` boxes near the start, and the bits of `pixi`."""
    end = min(len(data), 1 << 18)
    width = height = 0
    at = data.find(b"ispe", 0, end)
    while at >= 0 and at + 16 <= len(data):
        wide, high = struct.unpack(">II", data[at + 8 : at + 16])
        if data[at - 4 : at] == b"\0\0\0\x14" and wide * high > width * height:
            width, height = wide, high
        at = data.find(b"ispe", at + 4, end)
    at = data.find(b"pixi", 0, end)
    bits = data[at + 9] if at >= 0 and at + 9 < len(data) else 8
    return width, height, bits if bits in (8, 10, 12, 16) else 8


def _boxes_lie_within(data: bytes) -> bool:
    at, size = 0, len(data)
    while at + 8 <= size:
        length = int.from_bytes(data[at : at + 4], "big")
        if length == 1 and at + 16 <= size:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        if length == 0:  # to the end of the file
            return True
        if length < 8 or at + length > size:
            return False
        at += length
    return True
