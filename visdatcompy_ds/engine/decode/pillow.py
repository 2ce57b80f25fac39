"""Decode everything that is not a plain JPEG by Pillow (a rare TIFF by tifffile), and convert to 8 bit blue, green, red.

| stored | picture |
|---|---|
| 1 bit | 0 and 255 |
| 2 or 4 bit grey | scaled to 0..255 |
| 16 bit grey | value / 257, rounded; never clipped |
| 16 bit colour | the high byte |
| 32 bit integer, float | least to greatest finite value becomes 0..255; not-a-number is 0; a flat one is 0 |
| palette | its colours |
| alpha, transparent colours | dropped: colours as stored; `has_alpha` flags it |
| CMYK, YCCK, Lab | Pillow's plain conversion, no profile (a JPEG's CMYK: libjpeg-turbo's) |
| animation, several pages | the first; `is_animated` flags it |
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from visdatcompy_ds.base.errors import UnreadableImageError
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.engine.decode import reasons
from visdatcompy_ds.engine.decode.containers import check_png, gif_has_end, without_packed_texts
from visdatcompy_ds.engine.decode.door import raise_if_out_of_memory
from visdatcompy_ds.engine.decode.picture import Header
from visdatcompy_ds.engine.decode.quiet import complaints, without_warnings
from visdatcompy_ds.engine.decode.upright import turn_upright

Pixels = npt.NDArray[np.uint8]

_STRIP_PIXELS = 1 << 20
_Picture = TypeVar("_Picture", bound=Image.Image)

# the class of the one format sniffed, called directly: Image.open would try others, and its own pixel limit is a global
_CLASSES = {
    "JPEG": ("JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "GIF": ("GifImagePlugin", "GifImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
    "TIFF": ("TiffImagePlugin", "TiffImageFile"),
    "WEBP": ("WebPImagePlugin", "WebPImageFile"),
    "AVIF": ("AvifImagePlugin", "AvifImageFile"),
    "PPM": ("PpmImagePlugin", "PpmImageFile"),
}


def is_available(name: str) -> bool:
    """Tell whether this Pillow can decode a format."""
    from PIL import features

    return bool(features.check(name.lower())) if name in ("WEBP", "AVIF") else name in _CLASSES


def open_picture(data: bytes, name: str) -> ImageFile.ImageFile:
    """Open a file as one format, without decoding it; every failure of Pillow becomes an UnreadableImageError."""
    module, kind = _CLASSES[name]
    with without_warnings():
        try:
            factory = getattr(importlib.import_module(f"PIL.{module}"), kind)
            image: ImageFile.ImageFile = factory(io.BytesIO(data))
        except Exception as error:
            raise_if_out_of_memory(error)
            raise UnreadableImageError(_reason(error)) from None
    return image


def load(image: Image.Image) -> None:
    """Decode an opened picture, first frame or the one it was moved to."""
    with without_warnings():
        try:
            image.load()
        except Exception as error:
            raise_if_out_of_memory(error)
            raise UnreadableImageError(_reason(error)) from None


def _reason(error: Exception) -> str:
    words = str(error).lower()
    if "truncated" in words or "not enough" in words or isinstance(error, EOFError):
        return reasons.TRUNCATED
    if "unsupported" in words or "unknown pixel mode" in words:
        return reasons.UNKNOWN_KIND
    return reasons.BEYOND_READING


def decode_first(data: bytes, header: Header) -> tuple[Image.Image, Status, str]:
    """Decode the first frame of any format but JPEG.

    Parameters
    ----------
    data : bytes
        The whole file.
    header : Header
        Its header.

    Returns
    -------
    PIL.Image.Image
        As stored, not yet upright (but TIFF and HEIF, which their decoders turn).
    Status, str
        OK, RECOVERED where a PNG or GIF lacks its end marker, or DAMAGED where libtiff went on over broken data.

    Raises
    ------
    UnreadableImageError
        Cut short or damaged.
    """
    status, reason = Status.OK, ""
    if header.format == "HEIF":
        return _of_size(_decode_heif(data), header), status, reason
    if (header.format == "PNG" and not check_png(data)) or (header.format == "GIF" and not gif_has_end(data)):
        status, reason = Status.RECOVERED, reasons.NO_END
    try:
        image = open_picture(without_packed_texts(data) if header.format == "PNG" else data, header.format)
    except UnreadableImageError as error:
        if header.format == "TIFF" and error.reason == reasons.UNKNOWN_KIND:
            return _decode_rare_tiff(data, header), status, reason
        raise
    _of_size(image, header)
    before = complaints()
    load(image)
    if complaints() > before:
        return image, Status.DAMAGED, reasons.DAMAGED
    return image, status, reason


def _of_size(image: _Picture, header: Header) -> _Picture:
    """Return `image`, or raise where it is larger than its header said: the limits were checked for another size."""
    if image.size[0] * image.size[1] > header.width * header.height:
        raise UnreadableImageError(reasons.BROKEN_HEADER)
    return image


def _decode_rare_tiff(data: bytes, header: Header) -> Image.Image:
    from visdatcompy_ds.engine.decode.rare_tiff import read_rare_tiff

    values = read_rare_tiff(data, header.width, header.height)
    return Image.fromarray(turn_upright(np.ascontiguousarray(_stretched(values)), header.orientation))


def _decode_heif(data: bytes) -> Image.Image:
    import pillow_heif

    try:
        pictures = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
        image = pictures[pictures.primary_index].to_pillow()
    except Exception as error:
        raise_if_out_of_memory(error)
        raise UnreadableImageError(reasons.BEYOND_READING) from None
    assert isinstance(image, Image.Image)
    return image


def to_bgr(image: Image.Image) -> Pixels:
    """Convert a decoded picture to 8 bit colour by the table above.

    Parameters
    ----------
    image : PIL.Image.Image
        Decoded.

    Returns
    -------
    numpy.ndarray, shape (H, W, 3), uint8
        Writable, C-contiguous.
    """
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    with without_warnings():
        try:
            eighths = _to_8_bit(image) if image.mode.startswith(("I", "F")) else None
            for start, end in _strips(image.height, image.width):
                if eighths is not None:
                    pixels[start:end] = eighths[start:end, :, None]
                    continue
                part = image if end - start == image.height else image.crop((0, start, image.width, end))
                colour = part if part.mode == "RGB" else part.convert("RGB")
                pixels[start:end] = np.frombuffer(colour.tobytes("raw", "BGR"), np.uint8).reshape(end - start, image.width, 3)
        except Exception as error:
            raise_if_out_of_memory(error)
            raise UnreadableImageError(reasons.BEYOND_READING) from None
    return pixels


def _strips(height: int, width: int) -> Iterator[tuple[int, int]]:
    """Yield the first and last row of strips: a whole picture converted at once would be held three times."""
    rows = max(1, _STRIP_PIXELS // max(1, width))
    for start in range(0, height, rows):
        yield start, min(start + rows, height)


def _to_8_bit(image: Image.Image) -> Pixels:
    values: npt.NDArray[Any] = np.asarray(image)
    if not (image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")):
        return _stretched(values)
    levels: Pixels = np.empty(values.shape, np.uint8)
    for start, end in _strips(*values.shape):
        levels[start:end] = (values[start:end].astype(np.uint32) + 128) // 257
    return levels


def _stretched(values: npt.NDArray[Any]) -> Pixels:
    levels: Pixels = np.zeros(values.shape, np.uint8)
    parts = list(_strips(len(values), values[0].size))
    low, high = np.inf, -np.inf
    with np.errstate(invalid="ignore"):  # signalling not-a-numbers
        for start, end in parts:
            numbers = values[start:end].astype(np.float64)
            finite = numbers[np.isfinite(numbers)]
            if finite.size:
                low, high = min(low, finite.min()), max(high, finite.max())
        if not low < high:
            return levels
        for start, end in parts:
            numbers = values[start:end].astype(np.float64)
            numbers[~np.isfinite(numbers)] = low
            levels[start:end] = np.floor((numbers - low) / (high - low) * 255 + 0.5)
    return levels


def draft_jpeg(data: bytes, side: int) -> Pixels:
    """Decode a JPEG that simplejpeg cannot, reduced while both sides keep at least `side` pixels (0: in full)."""
    image = open_picture(data, "JPEG")
    if side:
        with without_warnings():
            image.draft(None, (side, side))
    load(image)
    return to_bgr(image)
