"""Header of a TIFF, and an EXIF block of its own tags."""

from __future__ import annotations

import struct

from visdatcompy_ds.base.errors import UnreadableImageError
from visdatcompy_ds.engine.decode import reasons
from visdatcompy_ds.engine.decode.cost import check_bytes
from visdatcompy_ds.engine.decode.ifd import Entry, byte_order, first_directory, numbers, orientation_of, read_directory
from visdatcompy_ds.engine.decode.picture import Header, Limits

_MOST_PAGES = 1000
_XMP, _EXIF, _GPS = 700, 0x8769, 0x8825
_KEPT = frozenset((0x010E, 0x010F, 0x0110, 0x0112, 0x0131, 0x0132, 0x013B, 0x8298, 0xC62F))  # the tags of IFD0 that EXIF shares with TIFF


def read_tiff(data: bytes, limits: Limits, complete: bool) -> Header:
    """Return the header of a TIFF, from its first directory; strips must lie within a complete file.

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
        Upright.

    Raises
    ------
    UnreadableImageError
        Without a directory or a size, or cut short.
    """
    order = byte_order(data)
    start = struct.unpack_from(order + "L", data, 4)[0] if len(data) >= 8 else 0
    if start + 2 > len(data):
        raise UnreadableImageError(reasons.TRUNCATED if complete else reasons.NOT_IN_FIRST_BYTES)
    tags, following = first_directory(data)

    def number(tag: int, default: int) -> int:
        values = numbers(tags.get(tag), order)
        return int(values[0]) if values else default

    width, height = number(0x100, 0), number(0x101, 0)
    if width < 1 or height < 1:
        raise UnreadableImageError(reasons.BROKEN_HEADER)
    depths = numbers(tags.get(0x102), order) or (1,)
    channels, photometric, sample = number(0x115, 1), number(0x106, 1), number(0x153, 1)
    if complete and not _strips_lie_within(data, tags, order):
        raise UnreadableImageError(reasons.TRUNCATED)
    samples = max(channels, len(depths), 1)
    tile = number(0x142, 0) * number(0x143, 0)
    if max(width * height, tile) <= limits.max_pixels:  # else the caller refuses it
        # What is unpacked at once: all samples of all pixels, at their own depth; at least one tile, however small the picture.
        check_bytes(max(width * height, tile) * 2 * (samples * int(max(depths)) // 8), limits)
    elif tile > limits.max_pixels:
        raise reasons.is_beyond(f"tiles of {tile / 1e6:.4g} Mpx", f"{limits.max_pixels / 1e6:.4g} Mpx")
    colour = "float" if sample == 3 else {2: "rgb", 3: "palette", 5: "cmyk", 6: "rgb", 8: "lab"}.get(photometric, "grey")
    has_alpha = 0x152 in tags and channels in (2, 4, 5)
    orientation = orientation_of(data)
    if orientation > 4:
        width, height = height, width
    is_animated = _count_pictures(data, following, 1) > 1
    xmp = tags[_XMP].raw if _XMP in tags and len(tags[_XMP].raw) <= limits.max_metadata_bytes else b""
    exif = _exif_of(data, tags, order)
    bits = min(max(1, int(max(depths))), 32)
    return Header("TIFF", width, height, min(max(channels, 1), 4), bits, colour, has_alpha, is_animated, orientation, exif, xmp)


def _strips_lie_within(data: bytes, tags: dict[int, Entry], order: str) -> bool:
    for offsets, lengths in ((0x111, 0x117), (0x144, 0x145)):
        if offsets in tags:
            entry = tags[offsets]
            if entry.count > 1_000_000:
                return True  # the decoder judges
            starts = _integers(entry, order)
            sizes = _integers(tags[lengths], order) if lengths in tags else ()
            if not sizes:
                return max(starts, default=0) < len(data)
            return all(start + size <= len(data) for start, size in zip(starts, sizes, strict=False))
    return False


def _integers(entry: Entry, order: str) -> tuple[int, ...]:
    code = {3: "H", 4: "L"}.get(entry.kind)
    return struct.unpack(f"{order}{entry.count}{code}", entry.raw) if code else ()


def _count_pictures(data: bytes, following: int, pictures: int) -> int:
    """Count pages up to 2; reduced copies (thumbnails) do not count, and a chain that bites its tail ends."""
    seen: set[int] = set()
    order = byte_order(data)
    while following and following not in seen and len(seen) < _MOST_PAGES and pictures < 2:
        seen.add(following)
        tags, following = read_directory(data, following, most_bytes=64)
        kind = numbers(tags.get(0xFE), order)
        pictures += bool(tags) and not (kind and int(kind[0]) & 1)
    return pictures


def _exif_of(data: bytes, tags: dict[int, Entry], order: str) -> bytes:
    """Build an EXIF block of the tags a camera writes, so that a header does not hold the whole file."""
    directories: dict[int, dict[int, Entry]] = {}
    for pointer in (_EXIF, _GPS):
        where = numbers(tags.get(pointer), order)
        if where:
            directories[pointer] = {tag: entry for tag, entry in read_directory(data, int(where[0]))[0].items() if entry.kind != 13}
    kept = {tag: entry for tag, entry in tags.items() if tag in _KEPT}
    if not kept and not directories:
        return b""
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "L", 8))
    pointers = _write(block, {**kept, **{tag: tags[tag] for tag in directories}}, order)
    for pointer, entries in directories.items():
        struct.pack_into(order + "L", block, pointers[pointer], len(block))
        _write(block, entries, order)
    return bytes(block)


def _write(block: bytearray, entries: dict[int, Entry], order: str) -> dict[int, int]:
    """Append a directory with its values; return where each entry's value field lies."""
    start = len(block)
    block += struct.pack(order + "H", len(entries)) + bytes(12 * len(entries) + 4)
    fields: dict[int, int] = {}
    for n, tag in enumerate(sorted(entries)):
        entry, at = entries[tag], start + 2 + 12 * n
        fields[tag] = at + 8
        struct.pack_into(order + "HHL", block, at, tag, entry.kind, entry.count)
        if len(entry.raw) <= 4:
            block[at + 8 : at + 8 + len(entry.raw)] = entry.raw
        else:
            struct.pack_into(order + "L", block, at + 8, len(block))
            block += entry.raw + bytes(len(entry.raw) & 1)
    return fields
