"""Headers of PNG, GIF, BMP, WEBP and PPM: sizes, depth, flags, and whether the file is as long as it says."""

from __future__ import annotations

import re
import struct
import zlib

from visdatcompy_ds.base.errors import UnreadableImageError
from visdatcompy_ds.engine.decode import reasons
from visdatcompy_ds.engine.decode.ifd import orientation_of
from visdatcompy_ds.engine.decode.picture import Header, Limits

_MOST_CHUNKS, _MOST_BLOCKS = 50_000, 4_000_000
_MOST_WRITTEN_OUT = 10_000_000  # pixels of a PPM in digits, which are read one by one
_PNG_COLOURS = {0: (1, "grey", False), 2: (3, "rgb", False), 3: (1, "palette", False), 4: (2, "grey", True), 6: (4, "rgb", True)}
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


def upright(
    name: str, size: tuple[int, int], channels: int, bits: int, colour: str, has_alpha: bool, is_animated: bool, exif: bytes, xmp: bytes
) -> Header:
    """Return a header whose width and height are those of the upright picture."""
    orientation = orientation_of(exif) if exif else 1
    width, height = size if orientation < 5 else size[::-1]
    return Header(name, width, height, channels, bits, colour, has_alpha, is_animated, orientation, exif, xmp)


def read_png(data: bytes, limits: Limits, complete: bool) -> Header:
    """Return the header of a PNG or APNG; each chunk must lie within a complete file."""
    if len(data) < 33:
        raise UnreadableImageError(reasons.TRUNCATED)
    width, height, bits, colour_type = struct.unpack(">IIBB", data[16:26])
    if data[12:16] != b"IHDR" or not 0 < width < 1 << 31 or not 0 < height < 1 << 31 or bits not in _PNG_DEPTHS.get(colour_type, ()):
        raise UnreadableImageError(reasons.BROKEN_HEADER)
    channels, colour, has_alpha = _PNG_COLOURS[colour_type]
    if width * height > limits.max_pixels:
        return Header("PNG", width, height)  # the caller refuses it, whatever else is wrong with it
    is_animated = has_data = False
    exif = xmp = b""
    at, size, chunks = 33, len(data), 0
    while at + 8 <= size:
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"IEND":
            break
        if at + 12 + length > size:
            if complete:
                # Packed pixels take no more than plain ones and a little: a longer chunk is not that of a picture that was cut.
                is_cut = kind == b"IDAT" and length <= 8 * width * height + height + 65_536
                raise UnreadableImageError(reasons.TRUNCATED if is_cut else reasons.LONG_CHUNK)
            has_data = has_data or kind == b"IDAT"
            break
        if kind == b"IDAT":
            has_data = True
        elif kind == b"tRNS":
            has_alpha = True
        elif kind == b"acTL" and length >= 8 and not has_data:
            is_animated = int.from_bytes(data[at + 8 : at + 12], "big") > 1
        elif kind == b"eXIf" and length <= limits.max_metadata_bytes:
            exif = data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0")
        elif kind == b"iTXt" and data.startswith(b"XML:com.adobe.xmp\0", at + 8):
            xmp = _international_text(data[at + 26 : at + 8 + length], limits.max_metadata_bytes)
        at += 12 + length
        chunks += 1
        if chunks > _MOST_CHUNKS:
            raise reasons.is_beyond(reasons.CHUNKS, str(_MOST_CHUNKS))
    if complete and not has_data:
        raise UnreadableImageError(reasons.TRUNCATED)
    return upright("PNG", (width, height), channels, bits, colour, has_alpha, is_animated, exif, xmp)


def check_png(data: bytes) -> bool:
    """Check the sums of the chunks that make the picture, which Pillow does not; return whether the end marker is there."""
    at, size = 8, len(data)
    while at + 12 <= size:
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"IEND":
            return True
        end = at + 8 + length
        is_picture = kind in (b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"fdAT")
        if is_picture and zlib.crc32(memoryview(data)[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise UnreadableImageError(reasons.DAMAGED)
        at = end + 4
    return False


def without_packed_texts(data: bytes) -> bytes:
    """Return a checked PNG without its compressed texts and profile: Pillow would unpack them, and give up the picture over a large one."""
    at, size = 8, len(data)
    parts, start = [], 0
    while at + 12 <= size and data[at + 4 : at + 8] != b"IEND":
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] in (b"zTXt", b"iTXt", b"iCCP", b"tEXt"):
            parts.append(data[start:at])
            start = end
        at = end
    return b"".join([*parts, data[start:]]) if parts else data


def _international_text(body: bytes, most: int) -> bytes:
    """Return the text of an iTXt chunk after its keyword."""
    parts = body[2:].split(b"\0", 2)
    if len(parts) < 3:
        return b""
    if body[0] == 0:
        return parts[2] if len(parts[2]) <= most else b""
    try:
        return zlib.decompressobj().decompress(parts[2], most)
    except zlib.error:
        return b""


def gif_has_end(data: bytes) -> bool:
    """Tell whether a GIF ends with its trailer; some writers pad it with zeros."""
    return data[-4096:].rstrip(b"\0").endswith(b";")


def read_gif(data: bytes, limits: Limits, complete: bool) -> Header:
    """Return the header of a GIF; blocks are walked without unpacking them."""
    if len(data) < 13:
        raise UnreadableImageError(reasons.TRUNCATED)
    width, height, flags = struct.unpack("<HHB", data[6:11])
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    frames, has_alpha, xmp = 0, False, b""
    size, blocks = len(data), 0
    while at < size:
        kind = data[at]
        if kind == 0x3B:
            break
        if kind == 0x2C and at + 10 <= size:
            left, top, wide, high, local = struct.unpack("<HHHHB", data[at + 1 : at + 10])
            if frames == 0:  # Pillow, and every browser, grows the canvas to the first frame
                width, height = max(width, left + wide), max(height, top + high)
            frames += 1
            at += 11 + (3 << (local & 7) + 1 if local & 0x80 else 0)
        elif kind == 0x21 and at + 2 <= size:
            if data[at + 1] == 0xF9 and data[at + 2 : at + 3] == b"\4":
                has_alpha = has_alpha or bool(data[at + 3 : at + 4] and data[at + 3] & 1)
            elif data[at + 1] == 0xFF and data[at + 3 : at + 14] == b"XMP DataXMP" and complete:
                end = data.find(b"\1\xff\xfe", at + 14, at + 14 + limits.max_metadata_bytes)
                xmp = data[at + 14 : end] if end > 0 else b""
            at += 2
        else:
            break  # stray bytes: the decoder judges
        while at < size and data[at]:
            at += 1 + data[at]
            blocks += 1
            if blocks > _MOST_BLOCKS:
                raise reasons.is_beyond(reasons.BLOCKS, str(_MOST_BLOCKS))
        at += 1
    if complete and not frames:
        raise UnreadableImageError(reasons.TRUNCATED if at >= size else reasons.NO_PICTURE)
    if complete and at > size:
        raise UnreadableImageError(reasons.TRUNCATED)
    return upright("GIF", (width, height), 1, 8, "palette", has_alpha, frames > 1, b"", xmp)


def read_bmp(data: bytes, limits: Limits, complete: bool) -> Header:
    """Return the header of a BMP."""
    if len(data) < 26:
        raise UnreadableImageError(reasons.TRUNCATED)
    if data[14] == 12:
        width, height, _, bits = struct.unpack("<HHHH", data[18:26])
    else:
        if len(data) < 30:
            raise UnreadableImageError(reasons.TRUNCATED)
        width, height, _, bits = struct.unpack("<iiHH", data[18:30])
    compression = int.from_bytes(data[30:34], "little") if data[14] >= 40 else 0
    if (
        complete
        and compression in (0, 3)
        and (width * bits + 7) // 8 * abs(height) > len(data)
        and width * abs(height) <= limits.max_pixels
    ):
        raise UnreadableImageError(reasons.TRUNCATED)  # before a decoder takes memory for it
    has_alpha = bits == 32 and (data[14] >= 56 or data[30:31] in (b"\3", b"\6"))
    if bits <= 8:
        return upright("BMP", (width, abs(height)), 1, bits, "palette", False, False, b"", b"")
    return upright("BMP", (width, abs(height)), 4 if has_alpha else 3, 5 if bits == 16 else 8, "rgb", has_alpha, False, b"", b"")


def read_webp(data: bytes, limits: Limits, complete: bool) -> Header:
    """Return the header of a WEBP; the file must be as long as its container says."""
    if len(data) < 30:
        raise UnreadableImageError(reasons.TRUNCATED)
    if complete and 8 + int.from_bytes(data[4:8], "little") > len(data):
        raise UnreadableImageError(reasons.TRUNCATED)
    exif = xmp = b""
    has_alpha = is_animated = False
    kind = data[12:16]
    if kind == b"VP8X":
        flags = data[20]
        has_alpha, is_animated = bool(flags & 0x10), bool(flags & 0x02)
        size = 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
        at, chunks = 12, 0
        while at + 8 <= len(data) and chunks < _MOST_CHUNKS:
            name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
            if length <= limits.max_metadata_bytes and at + 8 + length <= len(data):
                if name == b"EXIF":
                    exif = data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0")
                elif name == b"XMP ":
                    xmp = data[at + 8 : at + 8 + length]
            at += 8 + length + (length & 1)
            chunks += 1
    elif kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        size, has_alpha = (1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)), bool(bits >> 28 & 1)
    elif kind == b"VP8 ":
        wide, high = struct.unpack("<HH", data[26:30])
        size = wide & 0x3FFF, high & 0x3FFF
    else:
        raise UnreadableImageError(reasons.BROKEN_HEADER)
    return upright("WEBP", size, 4 if has_alpha else 3, 8, "rgb", has_alpha, is_animated, exif, xmp)


_PPM = re.compile(rb"P([1-6])((?:\s|#[^\n]*\n)+(\d{1,10}))((?:\s|#[^\n]*\n)+(\d{1,10}))((?:\s|#[^\n]*\n)+(\d{1,10}))?")


def read_ppm(data: bytes, limits: Limits, complete: bool) -> Header:
    """Return the header of a PBM, PGM or PPM."""
    found = _PPM.match(data[:4096])
    if found is None:
        raise UnreadableImageError(reasons.BROKEN_HEADER)
    kind, width, height = int(found[1]), int(found[3]), int(found[5])
    is_bitmap = kind in (1, 4)
    if not is_bitmap and found[7] is None:
        raise UnreadableImageError(reasons.BROKEN_HEADER)
    if width * height > limits.max_pixels:
        return Header("PPM", width, height)
    bits = 1 if is_bitmap else 8 if int(found[7]) < 256 else 16
    channels = 3 if kind in (3, 6) else 1
    if kind < 4 and width * height > _MOST_WRITTEN_OUT:
        raise reasons.is_beyond(f"{width * height / 1e6:.4g} Mpx in digits", f"{_MOST_WRITTEN_OUT / 1e6:.4g} Mpx")
    start = found.end(5) if is_bitmap else found.end()
    if complete and kind > 3 and len(data) < start + 1 + (width * bits * channels + 7) // 8 * height:
        raise UnreadableImageError(reasons.TRUNCATED)
    return upright("PPM", (width, height), channels, bits, "rgb" if channels == 3 else "grey", False, False, b"", b"")
