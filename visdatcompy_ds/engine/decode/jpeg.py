"""Decode JPEG by simplejpeg, which says when data are damaged; by Pillow where simplejpeg cannot.

A strict decode that passes is believed, but for one kind of damage it misses: sectors that a bad card gave back as zeros. A strict
decode that fails is looked into: cut short, only the end marker missing, damaged, or a rare subsampling that only Pillow reads.
"""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt
import simplejpeg

from visdatcompy_ds.base.errors import UnreadableImageError
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.engine.decode import reasons
from visdatcompy_ds.engine.decode.door import raise_if_out_of_memory
from visdatcompy_ds.engine.decode.jpeg_header import Scan, read_scans, without_stray_bytes
from visdatcompy_ds.engine.decode.picture import Header

Pixels = npt.NDArray[np.uint8]

_ZEROS = bytes(64)  # intact photos have at most 4 zero bytes in a row in their scans
_END = b"\xff\xd9"
_BUFFER_BYTES = 2 << 20
_thread = threading.local()


def decode_jpeg(data: bytes, header: Header, side: int) -> tuple[Pixels, Status, str]:
    """Decode a JPEG as stored, not yet upright.

    Parameters
    ----------
    data : bytes
        The whole file.
    header : Header
        Its header.
    side : int
        Both sides of the result have at least this many pixels, where the picture has them: the decoder reduces as far as that allows.
        0: full resolution.

    Returns
    -------
    numpy.ndarray, shape (H, W, 3), uint8
        The pixels. With a `side` they may lie in a buffer of the thread: the next decode overwrites them.
    Status, str
        What became of the file, and why.

    Raises
    ------
    UnreadableImageError
        Cut short, or damaged beyond reading.
    """
    buffer = _buffer(header, side) if side else None
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(data, "BGR", min_height=side, min_width=side, strict=True, buffer=buffer)
    except Exception as error:  # simplejpeg raises ValueError and more, all with the decoder's words
        raise_if_out_of_memory(error)
        return _second_try(data, header, side, str(error))
    # The scans begin behind the metadata, which may be padded with zeros and need not be looked at.
    if data.find(_ZEROS, len(header.exif) + len(header.xmp)) >= 0 and _has_zeroed_data(data):
        return pixels, Status.DAMAGED, reasons.ZEROED
    return pixels, Status.OK, ""


def _buffer(header: Header, side: int) -> Pixels | None:
    """Return the thread's own memory for a reduced picture, None for one that is too large for it.

    Pictures of this size are what malloc gives back to the system and asks for again, image by image: page faults that threads wait for.
    """
    short, long = sorted((header.width, header.height))
    eighths = min(8, max(1, -(-8 * side // short)))
    if 3 * (short * eighths // 8 + 1) * (long * eighths // 8 + 1) > _BUFFER_BYTES // 2:
        return None
    memory: Pixels | None = getattr(_thread, "memory", None)
    if memory is None:
        memory = _thread.memory = np.empty(_BUFFER_BYTES, np.uint8)
    return memory


def _second_try(data: bytes, header: Header, side: int, complaint: str) -> tuple[Pixels, Status, str]:
    if "subsampling" in complaint:
        return _by_pillow(data, header, side)
    progressive, components, scans = read_scans(data)
    if not scans:
        raise UnreadableImageError(reasons.TRUNCATED)
    if not _has_end(data, scans[0].start):  # two such bytes are always a marker in a scan
        return _without_end(data, side, progressive, components, scans)
    repaired = without_stray_bytes(data)
    if repaired is not None:
        try:
            return _strict(repaired, side), Status.RECOVERED, reasons.STRAY_BYTES
        except UnreadableImageError:
            pass
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(data, "BGR", min_height=side, min_width=side, strict=False)
    except Exception as error:
        raise_if_out_of_memory(error)
        try:
            pixels = _by_pillow(data, header, side)[0]
        except UnreadableImageError:
            raise UnreadableImageError(reasons.BEYOND_READING) from None
    return pixels, Status.DAMAGED, reasons.DAMAGED


def _strict(data: bytes, side: int) -> Pixels:
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(data, "BGR", min_height=side, min_width=side, strict=True)
    except Exception as error:
        raise_if_out_of_memory(error)
        raise UnreadableImageError(reasons.TRUNCATED) from None
    return pixels


def _has_end(data: bytes, start: int) -> bool:
    return data.find(_END, start) >= 0


def _without_end(data: bytes, side: int, progressive: bool, components: tuple[int, ...], scans: list[Scan]) -> tuple[Pixels, Status, str]:
    """Tell a file that lacks nothing but its end marker from one that was cut short."""
    whole = data[:-1] if data.endswith(b"\xff") else data
    if not _covers_all(progressive, components, scans):
        raise UnreadableImageError(reasons.TRUNCATED)
    pixels = _strict(whole + _END, side)
    if data.find(_ZEROS) >= 0 and _has_zeroed_data(data):
        return pixels, Status.DAMAGED, reasons.ZEROED
    return pixels, Status.RECOVERED, reasons.NO_END


def _covers_all(progressive: bool, components: tuple[int, ...], scans: list[Scan]) -> bool:
    """Tell whether the scans bring every coefficient in full: a progressive file may be cut exactly between two of them."""
    if not progressive:
        return {part for scan in scans for part in scan.components} >= set(components)
    exact: set[tuple[int, int]] = set()
    for scan in scans:
        if scan.bits[1] == 0:
            exact.update((part, k) for part in scan.components for k in range(scan.band[0], scan.band[1] + 1))
    return all((part, k) in exact for part in components for k in range(64))


def _has_zeroed_data(data: bytes) -> bool:
    """Tell whether zero bytes lie in the scans where no encoder puts them; zeros in metadata or behind the end do not count."""
    return any(data.find(_ZEROS, scan.start, scan.end) >= 0 and not _zeros_may_be_flat(data, scan) for scan in read_scans(data)[2])


def _zeros_may_be_flat(data: bytes, scan: Scan) -> bool:
    """Tell whether zero bits can stand for flat blocks: optimised tables may give "no change" the code 0, as in a page of plain white."""
    if scan.band[0] > 0:  # progressive: empty blocks are counted in runs, never one by one; corrections come 1000 bits at most together
        return scan.bits[0] > 0 and data.find(bytes(128), scan.start, scan.end) < 0
    if scan.bits[0] > 0:  # one raw bit a block
        return True
    return all(symbol & 15 == 0 for symbol in scan.first_symbols)


def _by_pillow(data: bytes, header: Header, side: int) -> tuple[Pixels, Status, str]:
    from visdatcompy_ds.engine.decode.pillow import draft_jpeg

    if not _has_end(data[-64:] if header.format == "JPEG" else data, 0) and not _has_end(data, len(data) // 2):
        raise UnreadableImageError(reasons.TRUNCATED)
    pixels = draft_jpeg(data, side)
    if data.find(_ZEROS) >= 0 and _has_zeroed_data(data):
        return pixels, Status.DAMAGED, reasons.ZEROED
    return pixels, Status.OK, ""
