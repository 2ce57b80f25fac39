"""Walk the segments of a JPEG up to its first scan, and count and bound its scans."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from visdatcompy_ds.base.errors import UnreadableImageError
from visdatcompy_ds.engine.decode import reasons
from visdatcompy_ds.engine.decode.cost import check_bytes
from visdatcompy_ds.engine.decode.ifd import orientation_of
from visdatcompy_ds.engine.decode.picture import Header, Limits

_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")  # not a stuffed byte, a restart marker or fill
_FILL = re.compile(rb"\xff+")
_MOST_SCANNED = 4_000_000_000  # pixels times scans: a few seconds
_FEW_SCANS = 40  # what a large picture may have; encoders write about ten
_MOST_SEGMENTS = 20_000  # more before the first scan are an attack on our loop
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_COLOURS = {1: "grey", 3: "rgb", 4: "cmyk"}
_FRAMES = frozenset((0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF))
_LOSSLESS = frozenset((0xC3, 0xCB))
_HIERARCHICAL = frozenset((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF))


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan: its components, spectral band, bits, where its data lie, and the first symbol of each table in use."""

    components: tuple[int, ...]
    start: int
    end: int
    band: tuple[int, int]
    bits: tuple[int, int]
    first_symbols: tuple[int, ...] = field(default=())


def read_jpeg(data: bytes, limits: Limits, complete: bool) -> Header:
    """Return the header of a JPEG or MPO.

    Parameters
    ----------
    data : bytes
        The file, or its first bytes.
    limits : Limits
        What is allowed.
    complete : bool
        `data` is the whole file.

    Returns
    -------
    Header
        Upright; "MPO" where further pictures follow.
    """
    size = len(data)
    at = 2
    frame = -1
    exif = xmp = b""
    name, transform, kind = "JPEG", -1, 0
    for _ in range(_MOST_SEGMENTS):
        if data[at : at + 2] == b"\xff\xff":
            at = _after_fill(data, at)
        if at + 4 > size:
            raise UnreadableImageError(reasons.TRUNCATED if complete else reasons.NOT_IN_FIRST_BYTES)
        if data[at] != 0xFF:
            at = _next_marker(data, at)
            continue
        marker = data[at + 1]
        if marker == 0xD9:
            raise UnreadableImageError(reasons.NO_PICTURE)
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        length = data[at + 2] << 8 | data[at + 3]
        if marker in _FRAMES and frame < 0:
            frame, kind = at, marker
        elif marker == 0xDA:
            break
        elif marker == 0xE1:
            if not exif and data[at + 4 : at + 10] == b"Exif\0\0":
                exif = data[at + 10 : at + 2 + length]
            elif not xmp and data[at + 4 : at + 33] == _XMP:
                xmp = data[at + 33 : at + 2 + length]
        elif marker == 0xE2 and data[at + 4 : at + 8] == b"MPF\0":
            name = "MPO"
        elif marker == 0xEE and data[at + 4 : at + 9] == b"Adobe" and length >= 14:
            transform = data[at + 15]
        if length < 2:
            raise UnreadableImageError(reasons.BROKEN_HEADER)
        at += 2 + length
    else:
        raise UnreadableImageError(reasons.BROKEN_HEADER)
    if frame < 0 or frame + 10 > size or at + 5 > size:
        raise UnreadableImageError(reasons.BROKEN_HEADER)
    bits = data[frame + 4]
    height, width, channels = data[frame + 5] << 8 | data[frame + 6], data[frame + 7] << 8 | data[frame + 8], data[frame + 9]
    _refuse_rare(kind, bits)
    if not width or not height or channels not in _COLOURS:
        raise UnreadableImageError(reasons.BROKEN_HEADER)
    if width * height > limits.max_pixels:
        return Header(name, width, height)  # the caller refuses it
    if kind in (0xC2, 0xCA):  # progressive: all coefficients are held, of 2 bytes each
        check_bytes(width * height * (6 + 2 * channels), limits)
    if complete and (kind in (0xC2, 0xCA) or data[at + 4] < channels):
        scans = data.count(b"\xff\xda", at)
        most = (
            max(_FEW_SCANS, min(limits.max_scans, _MOST_SCANNED // (width * height))) if limits.max_scans > _FEW_SCANS else limits.max_scans
        )
        if scans > most:
            raise reasons.is_beyond(f"{scans} scans", str(most))
    orientation = orientation_of(exif) if exif else 1
    if orientation > 4:
        width, height = height, width
    colour = "ycck" if channels == 4 and transform == 2 else _COLOURS[channels]
    return Header(name, width, height, channels, bits, colour, False, False, orientation, exif, xmp)


def _after_fill(data: bytes, at: int) -> int:
    """Return the last of the fill bytes at `at`, which begins the marker."""
    found = _FILL.match(data, at)
    return found.end() - 1 if found else at


def _next_marker(data: bytes, at: int) -> int:
    """Return where the next marker begins; decoders, too, skip stray bytes between segments."""
    found = _MARKER.search(data, at)
    return found.end() - 2 if found else len(data)


def without_stray_bytes(data: bytes) -> bytes | None:
    """Return a JPEG without the stray bytes between its segments, and without metadata; None where there are none up to the first scan."""
    at, size, has_stray = 2, len(data), False
    parts = [data[:2]]
    for _ in range(_MOST_SEGMENTS):
        if data[at : at + 2] == b"\xff\xff":
            at = _after_fill(data, at)
        if at + 4 > size:
            break
        if data[at] != 0xFF:
            at, has_stray = _next_marker(data, at), True
            continue
        marker = data[at + 1]
        if marker == 0xDA:
            return b"".join([*parts, data[at:]]) if has_stray else None
        if marker == 0x01 or 0xD0 <= marker <= 0xD9:
            at += 2
            continue
        length = data[at + 2] << 8 | data[at + 3]
        if not 0xE1 <= marker <= 0xED and marker not in (0xEF, 0xFE):  # all but application data (Adobe's tells the colours) and comments
            parts.append(data[at : at + 2 + length])
        at += 2 + max(length, 2)
    return None


def _refuse_rare(kind: int, bits: int) -> None:
    if kind in _LOSSLESS:
        raise reasons.is_off(reasons.LOSSLESS)
    if kind in _HIERARCHICAL:
        raise reasons.is_off(reasons.HIERARCHICAL)
    if bits != 8:
        name = f"{bits}-bit JPEG"
        raise reasons.is_off(name)


def read_scans(data: bytes, most: int = 1000) -> tuple[bool, tuple[int, ...], list[Scan]]:
    """Walk the scans of a JPEG; slow beside the decoder, hence only for files that raised a doubt.

    Parameters
    ----------
    data : bytes
        The whole file.
    most : int
        Scans to walk at most.

    Returns
    -------
    bool
        The file is progressive.
    tuple of int
        Identifiers of the components.
    list of Scan
        In their order.
    """
    at, size = 2, len(data)
    progressive = False
    components: tuple[int, ...] = ()
    tables: dict[int, int] = {}
    scans: list[Scan] = []
    while len(scans) < most:
        found = _MARKER.search(data, at)
        if found is None or found.end() + 2 > size:
            break
        at = found.end()
        marker = data[at - 1]
        if marker == 0xD9:
            break
        if marker in (0x01, 0xD8):
            continue
        length = data[at] << 8 | data[at + 1]
        body = data[at + 2 : at + length]
        at += max(length, 2)
        if marker in _FRAMES and len(body) >= 6:
            progressive = marker in (0xC2, 0xCA)
            components = tuple(body[6 : 6 + 3 * body[5] : 3])
        elif marker == 0xC4:
            _note_tables(body, tables)
        elif marker == 0xDA and body and len(body) >= 4 + 2 * body[0]:
            following = _MARKER.search(data, at)
            scans.append(_scan(body, tables, at, following.start() if following else size))
    return progressive, components, scans


def _note_tables(body: bytes, tables: dict[int, int]) -> None:
    """Note the symbol of each table's all-zero code, the first of its shortest codes."""
    at = 0
    while at + 18 <= len(body):
        tables[body[at]] = body[at + 17]
        at += 17 + sum(body[at + 1 : at + 17])


def _scan(body: bytes, tables: dict[int, int], start: int, end: int) -> Scan:
    n = body[0]
    first, last, bits = body[1 + 2 * n], body[2 + 2 * n], body[3 + 2 * n]
    symbols: list[int] = []
    for selector in body[2 : 2 + 2 * n : 2]:
        if first == 0:
            symbols.append(tables.get(selector >> 4, 0xFF))
        if last > 0:
            symbols.append(tables.get(0x10 | (selector & 15), 0xFF))
    return Scan(tuple(body[1 : 1 + 2 * n : 2]), start, end, (first, last), (bits >> 4, bits & 15), tuple(symbols))
