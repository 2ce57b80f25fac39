"""Tell a format by its first bytes, never by the name of the file."""

from __future__ import annotations

from visdatcompy_ds.base.errors import RefusedImageError, UnreadableImageError
from visdatcompy_ds.engine.decode import reasons

# format -> which decoder; the order is that of `doctor`
DECODERS = {
    "JPEG": "simplejpeg",
    "MPO": "simplejpeg",
    "PNG": "Pillow",
    "GIF": "Pillow",
    "BMP": "Pillow",
    "TIFF": "Pillow",
    "WEBP": "Pillow",
    "AVIF": "Pillow",
    "PPM": "Pillow",
    "HEIF": "pillow_heif",
}
HEIF_REMEDY = "Install it with pip install 'visdatcompy_ds[heif]'"

_ON = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
)
_OFF = (
    (b"8BPS", "PSD"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"SIMPLE  =", "FITS"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"DDS ", "DDS"),
    (b"icns", "ICNS"),
    (b"\x01\xda", "SGI"),
    (b"\x0a\x05\x01", "PCX"),
    (b"\x0a\x02\x01", "PCX"),
    (b"\x0a\x00\x20", "PCX"),
    (b"qoif", "QOI"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"#?RGBE", "Radiance HDR"),
    (b"II+\0", "BigTIFF"),
    (b"MM\0+", "BigTIFF"),
    (b"IIU\0", "RW2"),
    (b"IIRO", "ORF"),
    (b"FUJIFILMCCD-RAW", "RAF"),
    (b"farbfeld", "farbfeld"),
    (b"\x8aMNG\r\n\x1a\n", "MNG"),
    (b"\x8bJNG\r\n\x1a\n", "JNG"),
    (b"\xd7\xcd\xc6\x9a", "WMF"),
    (b"gimp xcf", "XCF"),
)
_OTHER = (
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "archive"),
    (b"Rar!", "archive"),
    (b"7z\xbc\xaf", "archive"),
    (b"\x1f\x8b", "archive"),
    (b"\x1aE\xdf\xa3", "video"),
    (b"\x7fELF", "program"),
    (b"MZ", "program"),
    (b"SQLite format 3", "database"),
    (b"\x89HDF", "data file"),
    (b"OggS", "sound or video"),
    (b"ID3", "sound"),
)
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}


def sniff(data: bytes) -> str:
    """Return the format of `data`, or raise the error that says what it looks like.

    Parameters
    ----------
    data : bytes
        A file, or its first bytes.

    Returns
    -------
    str
        One of the formats that are on.

    Raises
    ------
    UnreadableImageError
        Empty, or not an image.
    RefusedImageError
        An image of a format that is off.
    """
    for magic, name in _ON:
        if data.startswith(magic):
            if name == "TIFF" and data[8:10] == b"CR":
                raise reasons.is_off(reasons.RAW_CR2)
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _iso_media(data)
    if _is_bmp(data):
        return "BMP"
    if data[:1] == b"P" and data[1:2] in b"123456" and data[2:3].isspace():
        return "PPM"
    raise _not_ours(data)


def _is_bmp(data: bytes) -> bool:
    # "BM" alone also begins ordinary text; the size of the second header and its zero high bytes do not
    return data[:2] == b"BM" and len(data) >= 18 and data[14] in (12, 16, 40, 52, 56, 64, 108, 124) and data[15:18] == b"\0\0\0"


def _iso_media(data: bytes) -> str:
    size = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, size - 3, 4))}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    if brands & _HEIF_BRANDS:
        return "HEIF"
    if data[8:12] == b"crx ":
        raise reasons.is_off(reasons.RAW_CR3)
    raise reasons.is_no_image(reasons.VIDEO)


def _not_ours(data: bytes) -> UnreadableImageError | RefusedImageError:
    if not data:
        return UnreadableImageError(reasons.EMPTY)
    for magic, name in _OFF:
        if data.startswith(magic):
            return reasons.is_off(name)
    if data[:4] in (b"\0\0\1\0", b"\0\0\2\0") and data[4:5] != b"\0" and data[5:6] == data[9:10] == b"\0":
        return reasons.is_off("ICO" if data[2] == 1 else "CUR")
    for magic, name in _OTHER:
        if data.startswith(magic):
            return reasons.is_no_image(name)
    if data[:2] == b"BM" and len(data) >= 14:
        return UnreadableImageError(reasons.TRUNCATED if len(data) < 18 else reasons.BROKEN_HEADER)
    if data[:4] == b"RIFF":
        return UnreadableImageError(reasons.TRUNCATED if len(data) < 12 else "sound or video, not an image")
    if data[:2] == b"\xff\xd8":
        return UnreadableImageError(reasons.TRUNCATED if len(data) < 4 else reasons.BROKEN_HEADER)
    if data[128:132] == b"DICM":
        return reasons.is_off("DICOM")
    if _is_tga(data):
        return reasons.is_off("TGA")
    start = data[:4096]
    if not start.strip(b"\0"):
        return UnreadableImageError("only zero bytes")
    return _text(start) or UnreadableImageError("not an image")


def _is_tga(data: bytes) -> bool:
    """Tell whether the header is one that a TGA may have, which begins with no mark of its own."""
    if len(data) < 18 or data[1] > 1 or data[2] not in (1, 2, 3, 9, 10, 11) or data[16] not in (8, 15, 16, 24, 32) or data[17] & 0xC0:
        return False
    has_map, is_mapped = data[1] == 1, data[2] in (1, 9)
    if (is_mapped and not has_map) or (data[7] not in (15, 16, 24, 32) if has_map else data[5:7] != b"\0\0"):
        return False
    return data[12:14] != b"\0\0" and data[14:16] != b"\0\0"


def _text(start: bytes) -> UnreadableImageError | RefusedImageError | None:
    lower = start.lower()
    if b"<svg" in lower:
        return reasons.is_off("SVG")
    if b"<!doctype html" in lower or b"<html" in lower:
        return reasons.is_no_image("web page")
    if lower.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        return reasons.is_no_image("text")
    control = sum(byte < 32 and byte not in (9, 10, 12, 13) for byte in start)
    return None if control else reasons.is_no_image("text")
