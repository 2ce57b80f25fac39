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
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from visdatcompy_ds.base.errors import UnreadableImageError
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.engine.decode import reasons
from visdatcompy_ds.engine.decode.containers import check_png, gif_has_end
from visdatcompy_ds.engine.decode.picture import Header
from visdatcompy_ds.engine.decode.quiet import without_warnings
from visdatcompy_ds.engine.decode.upright import turn_upright

Pixels = npt.NDArray[np.uint8]

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
        except MemoryError:
            raise
        except Exception as error:
            raise UnreadableImageError(_reason(error)) from None
    return image


def load(image: Image.Image) -> None:
    """Decode an opened picture, first frame or the one it was moved to."""
    with without_warnings():
        try:
            image.load()
        except MemoryError:
            raise
        except Exception as error:
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
        OK, or RECOVERED where a PNG or GIF lacks its end marker.

    Raises
    ------
    UnreadableImageError
        Cut short or damaged.
    """
    status, reason = Status.OK, ""
    if header.format == "HEIF":
        return _decode_heif(data), status, reason
    if (header.format == "PNG" and not check_png(data)) or (header.format == "GIF" and not gif_has_end(data)):
        status, reason = Status.RECOVERED, reasons.NO_END
    try:
        image = open_picture(data, header.format)
    except UnreadableImageError as error:
        if header.format == "TIFF" and error.reason == reasons.UNKNOWN_KIND:
            return _decode_rare_tiff(data, header), status, reason
        raise
    expected = (header.height, header.width) if header.orientation > 4 and header.format != "TIFF" else (header.width, header.height)
    if image.size[0] * image.size[1] > expected[0] * expected[1]:
        raise UnreadableImageError(reasons.BROKEN_HEADER)  # the limit was checked for another size
    load(image)
    return image, status, reason


def _decode_rare_tiff(data: bytes, header: Header) -> Image.Image:
    from visdatcompy_ds.engine.decode.rare_tiff import read_rare_tiff

    values = read_rare_tiff(data, header.width, header.height)
    return Image.fromarray(turn_upright(np.ascontiguousarray(_stretched(values)), header.orientation))


def _decode_heif(data: bytes) -> Image.Image:
    import pillow_heif

    try:
        image = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)[0].to_pillow()
    except Exception:
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
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(_to_8_bit(image))
    with without_warnings():
        try:
            colour = image if image.mode == "RGB" else image.convert("RGB")
            raw = bytearray(colour.tobytes("raw", "BGR"))
        except MemoryError:
            raise
        except Exception:
            raise UnreadableImageError(reasons.BEYOND_READING) from None
    return np.frombuffer(raw, np.uint8).reshape(image.height, image.width, 3)


def _to_8_bit(image: Image.Image) -> Pixels:
    values: npt.NDArray[Any] = np.asarray(image)
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        rounded: Pixels = ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
        return rounded
    return _stretched(values)


def _stretched(values: npt.NDArray[Any]) -> Pixels:
    with np.errstate(invalid="ignore"):  # signalling not-a-numbers
        numbers = values.astype(np.float64)
    finite = np.isfinite(numbers)
    if not finite.any():
        return np.zeros(numbers.shape, np.uint8)
    low, high = numbers[finite].min(), numbers[finite].max()
    if low == high:
        return np.zeros(numbers.shape, np.uint8)
    scaled = (np.where(finite, numbers, low) - low) / (high - low)
    levels: Pixels = np.floor(scaled * 255 + 0.5).astype(np.uint8)
    return levels


def draft_jpeg(data: bytes, side: int) -> Pixels:
    """Decode a JPEG that simplejpeg cannot, reduced while both sides keep at least `side` pixels (0: in full)."""
    image = open_picture(data, "JPEG")
    if side:
        with without_warnings():
            image.draft(None, (side, side))
    load(image)
    return to_bgr(image)
