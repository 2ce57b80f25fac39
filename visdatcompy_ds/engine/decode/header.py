"""Read what a file says about its picture, and refuse what goes beyond the limits, before any decoder sees it."""

from __future__ import annotations

from collections.abc import Callable

from visdatcompy_ds.base.errors import UnreadableImageError
from visdatcompy_ds.engine.decode import reasons
from visdatcompy_ds.engine.decode.containers import read_bmp, read_gif, read_png, read_ppm, read_webp
from visdatcompy_ds.engine.decode.cost import refuse_costly
from visdatcompy_ds.engine.decode.door import at_the_door
from visdatcompy_ds.engine.decode.isomedia import read_isomedia
from visdatcompy_ds.engine.decode.jpeg_header import read_jpeg
from visdatcompy_ds.engine.decode.picture import Header, Limits
from visdatcompy_ds.engine.decode.sniff import sniff
from visdatcompy_ds.engine.decode.tiff import read_tiff

Reader = Callable[[bytes, Limits, bool], Header]
_READERS: dict[str, Reader] = {
    "JPEG": read_jpeg,
    "PNG": read_png,
    "GIF": read_gif,
    "BMP": read_bmp,
    "TIFF": read_tiff,
    "WEBP": read_webp,
    "PPM": read_ppm,
    "AVIF": lambda data, limits, complete: read_isomedia(data, "AVIF", limits, complete),
    "HEIF": lambda data, limits, complete: read_isomedia(data, "HEIF", limits, complete),
}
_DEFAULT = Limits()


@at_the_door
def read_header(data: bytes, limits: Limits = _DEFAULT, complete: bool = True) -> Header:
    """Read the header of a file, whatever its name.

    Costs about 10 µs for a JPEG without EXIF; no pixel is decoded.

    Parameters
    ----------
    data : bytes
        The whole file, or its first bytes (256 kB hold the header of nearly every file).
    limits : Limits
        What a file may ask for.
    complete : bool
        `data` is the whole file. If not, nothing is concluded from where it ends, and the scans of a JPEG are not counted.

    Returns
    -------
    Header
        Format, size, depth, flags, orientation and raw metadata.

    Raises
    ------
    UnreadableImageError
        Empty, cut short, or not an image; ``reason`` says which.
    RefusedImageError
        Beyond a limit, or of a format that is off.
    CrashedImageError
        Out of memory; so do all functions of this package that decode.

    Examples
    --------
    >>> read_header(b"P5 4 3 255 " + bytes(12)).width
    4
    """
    limits.check_size(len(data))
    name = sniff(data)
    try:
        header = _READERS[name](data, limits, complete)
    except (IndexError, OverflowError) as error:  # a header cut short where no reader looked
        raise UnreadableImageError(reasons.BROKEN_HEADER) from error
    if header.width < 1 or header.height < 1:
        raise UnreadableImageError(reasons.BROKEN_HEADER)
    if header.width * header.height > limits.max_pixels:
        raise reasons.is_beyond(_megapixels(header.width * header.height), _megapixels(limits.max_pixels))
    refuse_costly(header, limits)
    if len(header.exif) > limits.max_metadata_bytes or len(header.xmp) > limits.max_metadata_bytes:
        return _without_metadata(header, limits.max_metadata_bytes)
    return header


def _megapixels(pixels: int) -> str:
    return f"{pixels / 1e6:.4g} Mpx" if pixels < 10**10 else f"{pixels // 10**6} Mpx"


def _without_metadata(header: Header, most: int) -> Header:
    from dataclasses import replace

    return replace(header, exif=header.exif if len(header.exif) <= most else b"", xmp=header.xmp if len(header.xmp) <= most else b"")
