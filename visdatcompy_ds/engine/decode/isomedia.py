"""Headers of AVIF and HEIF: the largest picture of the property boxes bounds the file before a decoder opens it."""

from __future__ import annotations

import importlib.util
import struct

from visdatcompy_ds.base.errors import RefusedImageError, UnreadableImageError
from visdatcompy_ds.engine.decode import reasons
from visdatcompy_ds.engine.decode.cost import refuse_costly
from visdatcompy_ds.engine.decode.door import raise_if_out_of_memory
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
    if name == "HEIF" and importlib.util.find_spec("pillow_heif") is None:
        reason = "format HEIF needs an extra"
        raise RefusedImageError(reason, remedy=HEIF_REMEDY)
    if complete and not _boxes_lie_within(data):
        raise UnreadableImageError(reasons.TRUNCATED)
    width, height, bits = _largest(data)
    if not width or not height:
        raise UnreadableImageError(reasons.BROKEN_HEADER if complete else reasons.NOT_IN_FIRST_BYTES)
    bound = Header(name, width, height, channels=4, bit_depth=bits)
    if width * height > limits.max_pixels:
        return bound  # the caller refuses it; no decoder is asked
    refuse_costly(bound, limits)
    if not complete:  # which way up, and how many pictures, is known to the decoder alone, and it wants the whole file
        raise UnreadableImageError(reasons.NOT_IN_FIRST_BYTES)
    return _read_heif(data, bits, limits) if name == "HEIF" else _read_avif(data, bits, limits)


def _read_avif(data: bytes, bits: int, limits: Limits) -> Header:
    from visdatcompy_ds.engine.decode.pillow import is_available, open_picture

    if not is_available("AVIF"):
        raise reasons.is_off(reasons.AVIF, _AVIF_REMEDY)
    image = open_picture(data, "AVIF")
    exif = bytes(image.info.get("exif", b"")).removeprefix(b"Exif\0\0")
    xmp = bytes(image.info.get("xmp", b""))
    return _header("AVIF", image.mode, image.size, bits, getattr(image, "n_frames", 1) > 1, orientation_of(exif), exif, xmp, limits)


def _read_heif(data: bytes, bits: int, limits: Limits) -> Header:
    import pillow_heif

    try:
        pictures = pillow_heif.open_heif(data)
        image = pictures[pictures.primary_index]
        mode, size, info = image.mode, image.size, image.info
    except Exception as error:  # the decoder's own errors
        raise_if_out_of_memory(error)
        raise UnreadableImageError(reasons.BEYOND_READING) from None
    exif = bytes(info.get("exif") or b"").removeprefix(b"Exif\0\0")
    depth = int(info.get("bit_depth") or bits)
    # Not by EXIF: libheif turns the picture as the container says, and a phone writes the same turn into both.
    return _header("HEIF", mode, size, depth, len(pictures) > 1 or b"moov" in _boxes(data), 1, exif, bytes(info.get("xmp") or b""), limits)


def _header(
    name: str, mode: str, size: tuple[int, int], bits: int, is_animated: bool, orientation: int, exif: bytes, xmp: bytes, limits: Limits
) -> Header:
    is_grey, has_alpha = mode.startswith(("L", "I")), "A" in mode or "a" in mode
    return Header(
        name,
        *(size if orientation < 5 else size[::-1]),
        (1 if is_grey else 3) + has_alpha,
        bits,
        "grey" if is_grey else "rgb",
        has_alpha,
        is_animated,
        orientation,
        exif if len(exif) <= limits.max_metadata_bytes else b"",
        xmp if len(xmp) <= limits.max_metadata_bytes else b"",
    )


def _boxes(data: bytes) -> dict[bytes, tuple[int, int]]:
    """Return where the boxes of the uppermost level begin and end, the first of each kind."""
    found: dict[bytes, tuple[int, int]] = {}
    at, size = 0, len(data)
    while at + 8 <= size:
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if length == 1 and at + 16 <= size:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        end = size if length == 0 else at + length  # 0: to the end of the file
        found.setdefault(kind, (at, min(end, size)))
        if length and length < 8:
            break
        at = end
    return found


def _largest(data: bytes) -> tuple[int, int, int]:
    """Return width and height of the largest picture that the description speaks of (tiles and grids alike), and the most bits.

    Boxes of sizes are looked for at any depth: whichever way they are nested, the decoder meets no larger one.
    """
    boxes = _boxes(data)
    width = height = 0
    bits = 8
    for kind in (b"meta", b"moov"):
        start, end = boxes.get(kind, (0, 0))
        at = data.find(b"ispe", start, end)
        while at >= 0 and at + 16 <= len(data):
            wide, high = struct.unpack(">II", data[at + 8 : at + 16])
            if wide * high > width * height:
                width, height = wide, high
            at = data.find(b"ispe", at + 4, end)
        at = data.find(b"pixi", start, end)
        while at >= 0 and at + 9 < len(data):
            bits = max(bits, data[at + 9] if data[at + 9] in (10, 12, 16) else 8)
            at = data.find(b"pixi", at + 4, end)
    return width, height, bits


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
