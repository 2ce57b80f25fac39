"""A digest of the picture itself: equal if and only if the pictures are equal, whatever files hold them."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from visdatcompy_ds.base.errors import UnreadableImageError
from visdatcompy_ds.engine.decode import reasons
from visdatcompy_ds.engine.decode.decoding import decode_full
from visdatcompy_ds.engine.decode.deep_png import decode_deep_png
from visdatcompy_ds.engine.decode.door import at_the_door, raise_if_out_of_memory
from visdatcompy_ds.engine.decode.picture import Header, Picture
from visdatcompy_ds.engine.decode.pillow import decode_first, load, open_picture
from visdatcompy_ds.engine.decode.quiet import without_warnings
from visdatcompy_ds.engine.decode.upright import turn_upright

# Of all frames together: a few seconds. A longer animation is known by its bytes.
_MOST_PIXELS, _MOST_FRAMES = 300_000_000, 5000
_LARGE_TILE = 1 << 24
_GREY, _COLOUR = b"grey", b"bgr"


def pixels_digest(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Digest the pixels of an 8-bit opaque picture.

    Parameters
    ----------
    pixels : numpy.ndarray, shape (H, W, 3), uint8
        Blue, green, red.

    Returns
    -------
    bytes
        32 bytes of SHA-256 over width, height and pixels; a colour picture whose channels are all equal has the digest of the grey one.

    Examples
    --------
    >>> import numpy as np
    >>> grey = np.zeros((2, 3, 3), np.uint8)
    >>> pixels_digest(grey) == pixels_digest(grey.reshape(3, 2, 3))
    False
    """
    if _is_grey(pixels):
        return _digest(_GREY, pixels[:, :, 0])
    return _digest(_COLOUR, pixels)


@at_the_door
def native_digest(data: bytes, header: Header, picture: Picture | None = None) -> bytes:
    """Digest the picture in the file's own depth and channels.

    16 bit stays 16 bit; alpha counts unless opaque everywhere; a palette is resolved; all frames count. For an opaque 8-bit picture of one
    frame it is :func:`pixels_digest` of its full decode.

    Parameters
    ----------
    data : bytes
        The whole file.
    header : Header
        What :func:`read_header` said of it.
    picture : Picture, optional
        Its full decode, if at hand: used where it lost nothing, which saves a second decode.

    Returns
    -------
    bytes
        32 bytes. Equal digests mean equal pictures. The few kinds that no decoder here gives without loss (TIFF of 16-bit colour, 10-bit
        AVIF, animations beyond 300 Mpx or 5000 frames or with broken frames) are digested by their bytes: never equal by mistake, sometimes
        different in spite of equality.

    Raises
    ------
    UnreadableImageError
        Cut short, or damaged beyond reading.
    """
    is_reduced = header.bit_depth > 8 or header.has_alpha or header.is_animated
    if header.colour in ("grey", "rgb", "palette") and not is_reduced:
        return pixels_digest((picture or decode_full(data, header)).pixels)
    keeps_all = header.bit_depth <= 8 or header.colour == "float" or (header.colour == "grey" and not header.has_alpha)
    if header.format == "HEIF" or not keeps_all:
        return _digest_deep(data, header)
    return _digest_frames(data, header)


def _digest_deep(data: bytes, header: Header) -> bytes:
    """Digest what Pillow would cut to 8 bit."""
    decode_full(data, header)  # for its errors
    deep = decode_deep_png(data, header) if header.format == "PNG" and not header.is_animated else None
    if deep is None:
        return _digest_bytes(data, header)
    deep = turn_upright(deep, header.orientation)
    colours, layout = deep, b""
    if header.channels in (2, 4):
        colours = deep[:, :, :-1]
        layout = b"" if (deep[:, :, -1] == 0xFFFF).all() else b" alpha"
    is_grey = colours.shape[2] == 1 or _is_grey(colours)
    if is_grey:
        colours = colours[:, :, :1]
    whole = np.concatenate([colours, deep[:, :, -1:]], axis=2) if layout else colours
    return _digest((b"grey16" if is_grey else b"rgb16") + layout, whole)


def _digest_frames(data: bytes, header: Header) -> bytes:
    if header.format in ("JPEG", "MPO"):  # CMYK
        image: Image.Image = open_picture(data, "JPEG")
        load(image)
    else:
        image = decode_first(data, header)[0]
    most = header.width * header.height
    try:
        count = _count(image) if header.is_animated else 1
    except UnreadableImageError:
        return _digest_bytes(data, header)
    if count * most > _MOST_PIXELS or count > _MOST_FRAMES:
        return _digest_bytes(data, header)
    try:
        frames = [_digest_image(image, header)]
        for n in range(1, count):
            _seek(image, n)
            if image.width * image.height > most or _tile(image) > max(most, _LARGE_TILE):
                return _digest_bytes(data, header)
            load(image)
            frames.append(_digest_image(image, header))
    except UnreadableImageError:
        return _digest_bytes(data, header)
    return frames[0] if not header.is_animated else hashlib.sha256(b"frames" + struct.pack("<Q", count) + b"".join(frames)).digest()


def _count(image: Image.Image) -> int:
    """Return the number of frames, for which Pillow walks a TIFF."""
    with without_warnings():
        try:
            return int(getattr(image, "n_frames", 1))
        except Exception as error:
            raise_if_out_of_memory(error)
            raise UnreadableImageError(str(error)) from None


def _tile(image: Image.Image) -> int:
    """Return the pixels of a tile of this page of a TIFF, which is unpacked whole however small the page."""
    tags = getattr(image, "tag_v2", {})
    sides = tags.get(322, 0), tags.get(323, 0)
    return sides[0] * sides[1] if all(isinstance(side, int) for side in sides) else 0


def _seek(image: Image.Image, n: int) -> None:
    with without_warnings():
        try:
            image.seek(n)
        except Exception as error:
            raise_if_out_of_memory(error)
            raise UnreadableImageError(str(error)) from None


def _digest_image(image: Image.Image, header: Header) -> bytes:
    with without_warnings():
        try:
            layout, pixels = _native(image)
        except Exception as error:
            raise_if_out_of_memory(error)
            raise UnreadableImageError(reasons.BEYOND_READING) from None
    if header.format != "TIFF":
        pixels = turn_upright(pixels, header.orientation)
    return _digest(layout, pixels)


def _native(image: Image.Image) -> tuple[bytes, npt.NDArray[Any]]:
    """Return the layout and the pixels of a decoded frame, in the simplest layout that loses nothing."""
    mode = image.mode
    see_through = image.info.get("transparency")
    if mode.startswith("I;16"):
        return b"grey16" + _text(see_through), np.asarray(image).astype("<u2")
    if mode == "I":
        values = np.asarray(image)
        if image.format in ("PNG", "PPM") and values.min() >= 0 and values.max() < 1 << 16:
            return b"grey16" + _text(see_through), values.astype("<u2")
        return b"integer", values.astype("<i4")
    if mode == "F":
        return b"float", np.asarray(image).astype("<f4")
    if mode in ("CMYK", "LAB", "HSV"):
        return mode.lower().encode(), np.asarray(image)
    if mode in ("LA", "PA", "RGBA", "La", "RGBa") or see_through is not None:
        return _with_alpha(np.asarray(image.convert("RGBA")))
    colours = np.asarray(image.convert("RGB"))[:, :, ::-1]
    return (_GREY, colours[:, :, 0]) if _is_grey(colours) else (_COLOUR, colours)


def _with_alpha(pixels: npt.NDArray[np.uint8]) -> tuple[bytes, npt.NDArray[np.uint8]]:
    colours, alpha = pixels[:, :, 2::-1], pixels[:, :, 3]
    is_grey, is_opaque = _is_grey(colours), bool((alpha == 255).all())
    if is_opaque:
        return (_GREY, colours[:, :, 0]) if is_grey else (_COLOUR, colours)
    if is_grey:
        return b"grey alpha", np.dstack([colours[:, :, 0], alpha])
    return b"bgr alpha", np.dstack([colours, alpha])


def _is_grey(pixels: npt.NDArray[Any]) -> bool:
    line = pixels[len(pixels) // 2]  # nearly every colour picture shows it in its middle row
    if not (np.array_equal(line[:, 0], line[:, 1]) and np.array_equal(line[:, 1], line[:, 2])):
        return False
    return np.array_equal(pixels[:, :, 0], pixels[:, :, 1]) and np.array_equal(pixels[:, :, 1], pixels[:, :, 2])


def _text(value: object) -> bytes:
    return b"" if value is None else f" transparent {value}".encode()


def _digest(layout: bytes, pixels: npt.NDArray[Any]) -> bytes:
    start = b"visdatcompy picture 1 " + layout + struct.pack("<QQ", pixels.shape[1], pixels.shape[0])
    whole = hashlib.sha256(start)
    whole.update(np.ascontiguousarray(pixels).data)
    return whole.digest()


def _digest_bytes(data: bytes, header: Header) -> bytes:
    return hashlib.sha256(b"visdatcompy file 1 " + struct.pack("<QQ", header.width, header.height) + data).digest()
