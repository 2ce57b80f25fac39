"""Read the directories (IFDs) of a TIFF or EXIF block; nothing in the block is believed."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_CODES = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l", 11: "f", 12: "d", 13: "L"}
_MOST_ENTRIES = 4096  # a directory of 65 535 entries is an attack, not a camera
MOST_VALUES = 4096  # a longer list of numbers is no metadata


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag: its type, count and raw bytes, which are empty where they lie outside the block."""

    kind: int
    count: int
    raw: bytes
    offset: int  # of the value in the block


def byte_order(block: bytes) -> str:
    """Return "<" or ">" for struct, or "" where `block` is no TIFF."""
    return {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4], "")


def read_directory(block: bytes, offset: int, most_bytes: int = 1 << 20) -> tuple[dict[int, Entry], int]:
    """Return the entries of the directory at `offset` by tag, and the offset of the next directory (0: none).

    Parameters
    ----------
    block : bytes
        A TIFF block.
    offset : int
        Where the directory begins.
    most_bytes : int
        A value longer than this is left out.

    Returns
    -------
    tuple of dict of int to Entry, int
        The first entry of each tag; values outside the block are left out.
    """
    order = byte_order(block)
    entries: dict[int, Entry] = {}
    if not order or offset < 8 or offset + 2 > len(block):
        return entries, 0
    (count,) = struct.unpack_from(order + "H", block, offset)
    if count > _MOST_ENTRIES:
        return entries, 0
    for at in range(offset + 2, min(offset + 2 + 12 * count, len(block) - 11), 12):
        tag, kind, n = struct.unpack_from(order + "HHL", block, at)
        size = _SIZES.get(kind, 0) * n
        if not size or size > most_bytes or tag in entries:
            continue
        where = at + 8 if size <= 4 else struct.unpack_from(order + "L", block, at + 8)[0]
        if where + size <= len(block):
            entries[tag] = Entry(kind, n, block[where : where + size], where)
    end = offset + 2 + 12 * count
    following = struct.unpack_from(order + "L", block, end)[0] if end + 4 <= len(block) else 0
    return entries, int(following)


def first_directory(block: bytes) -> tuple[dict[int, Entry], int]:
    """Return the first directory of `block`, and the offset of the second."""
    order = byte_order(block)
    if not order or len(block) < 8:
        return {}, 0
    return read_directory(block, struct.unpack_from(order + "L", block, 4)[0])


def numbers(entry: Entry | None, order: str) -> tuple[Any, ...]:
    """Return the numbers of an entry; a rational with a zero denominator or an entry of text gives none."""
    if entry is None or entry.count > MOST_VALUES:
        return ()
    if entry.kind in (5, 10):
        flat = struct.unpack(f"{order}{entry.count * 2}{'L' if entry.kind == 5 else 'l'}", entry.raw)
        if 0 in flat[1::2]:
            return ()
        return tuple(top / bottom for top, bottom in zip(flat[::2], flat[1::2], strict=True))
    code = _CODES.get(entry.kind)
    return struct.unpack(f"{order}{entry.count}{code}", entry.raw) if code else ()


def text(entry: Entry | None) -> str:
    """Return the text of an entry without padding; stray bytes are shown as U+FFFD."""
    if entry is None or entry.kind not in (2, 7):
        return ""
    return entry.raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()


def orientation_of(block: bytes) -> int:
    """Return the orientation that a TIFF or EXIF block asks for, 1 to 8; 1 for anything else in it."""
    order = byte_order(block)
    if not order or len(block) < 8:
        return 1
    (offset,) = struct.unpack_from(order + "L", block, 4)
    if offset + 2 > len(block):
        return 1
    (count,) = struct.unpack_from(order + "H", block, offset)
    one = struct.Struct(order + "HHL")
    for at in range(offset + 2, min(offset + 2 + 12 * min(count, _MOST_ENTRIES), len(block) - 11), 12):
        tag, kind, n = one.unpack_from(block, at)
        if tag == 0x0112:
            code = _CODES.get(kind) if n == 1 and kind in (1, 3, 4) else None
            value = struct.unpack_from(order + code, block, at + 8)[0] if code else 1
            return value if 1 <= value <= 8 else 1
    return 1
