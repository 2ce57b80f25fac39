"""HEIF, where the extra is installed: upright once, at its depth, flagged, and bounded before the decoder is asked."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from visdatcompy_ds.base.errors import ImageError, RefusedImageError, UnreadableImageError
from visdatcompy_ds.engine.decode import HEAD_BYTES, Limits, decode_full, decode_working, native_digest, read_header, read_metadata

heif = pytest.importorskip("pillow_heif")

Y, X = np.mgrid[0:48, 0:64]
COLOUR = np.dstack([X * 3, Y * 4, 255 - X * 2]).astype(np.uint8)


def encode(*pictures: np.ndarray, mode: str = "RGB", **options: object) -> bytes:
    file = heif.HeifFile()
    for pixels in pictures:
        file.add_frombytes(mode, (pixels.shape[1], pixels.shape[0]), np.ascontiguousarray(pixels).tobytes())
    stream = io.BytesIO()
    file.save(stream, quality=95, chroma=444, **options)
    return stream.getvalue()


def rgb(data: bytes) -> np.ndarray:
    return decode_full(data, read_header(data)).pixels[:, :, ::-1].astype(int)


def test_a_picture_comes_near() -> None:
    data = encode(COLOUR)
    header = read_header(data)
    assert (header.format, header.width, header.height, header.channels, header.bit_depth, header.colour) == ("HEIF", 64, 48, 3, 8, "rgb")
    assert not header.has_alpha and not header.is_animated
    assert np.abs(rgb(data) - COLOUR).mean() < 4
    assert decode_working(data, header).pixels.shape == (128, 128, 3)
    assert native_digest(data, header) == native_digest(data, header, decode_full(data, header))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_once_though_container_and_exif_both_say_how(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x0110] = orientation, "phone"
    data = encode(COLOUR, exif=exif.tobytes())
    header = read_header(data)
    turn = [
        None,
        *(
            getattr(Image.Transpose, name)
            for name in ["FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90"]
        ),
    ]
    method = turn[orientation - 1]
    upright = COLOUR if method is None else np.asarray(Image.fromarray(COLOUR).transpose(method))
    assert (header.orientation, header.height, header.width) == (1, *upright.shape[:2])
    assert np.abs(rgb(data) - upright).mean() < 4
    assert read_metadata(header).model == "phone"


def test_ten_bits_are_scaled_and_flagged() -> None:
    deep = (COLOUR.astype(np.uint16) << 8) | 0x80
    data = encode(deep, mode="RGB;16")
    header = read_header(data)
    assert header.bit_depth == 10
    assert np.abs(rgb(data) - COLOUR).mean() < 4
    assert native_digest(data, header) != native_digest(encode(COLOUR), read_header(encode(COLOUR)))


def test_alpha_grey_and_further_pictures_are_flagged() -> None:
    see_through = np.dstack([COLOUR, (X * 4).astype(np.uint8)])
    header = read_header(encode(see_through, mode="RGBA"))
    assert (header.has_alpha, header.channels) == (True, 4)
    grey = encode(COLOUR[:, :, 1], mode="L")
    assert (read_header(grey).colour, read_header(grey).channels) == ("grey", 1)
    assert np.abs(rgb(grey) - COLOUR[:, :, 1:2]).mean() < 4
    several = encode(COLOUR, 255 - COLOUR)
    assert read_header(several).is_animated
    assert np.abs(rgb(several) - COLOUR).mean() < 4
    assert native_digest(several, read_header(several)) != native_digest(encode(COLOUR), read_header(encode(COLOUR)))


def test_a_file_cut_short_is_unreadable() -> None:
    data = encode(COLOUR)
    for length in range(12, len(data), 37):
        with pytest.raises(UnreadableImageError):
            read_header(data[:length])


def test_limits_hold_before_the_decoder_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(COLOUR)
    at = data.index(b"ispe") + 8
    large = data[:at] + struct.pack(">II", 60_000, 60_000) + data[at + 8 :]

    def asked(*_: object, **__: object) -> None:
        pytest.fail("the decoder was asked")

    monkeypatch.setattr(heif, "open_heif", asked)
    with pytest.raises(RefusedImageError, match="3600 Mpx, limit 100 Mpx"):
        read_header(large)
    with pytest.raises(RefusedImageError, match=r"to decode, limit 0\.00001 GB|to decode, limit 1e-05 GB"):
        read_header(data, Limits(max_memory_bytes=10_000))


def test_first_bytes_alone_say_nothing_so_that_no_picture_lies_on_its_side() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(COLOUR, exif=exif.tobytes())
    with pytest.raises(UnreadableImageError, match="first bytes"):
        read_header(data[:HEAD_BYTES], complete=False)


def test_what_the_decoder_calls_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(*_: object, **__: object) -> None:
        raise RuntimeError("Memory allocation error: Security limit exceeded: 13043 items")

    data = encode(COLOUR)
    monkeypatch.setattr(heif, "open_heif", too_much)
    with pytest.raises(RefusedImageError, match="beyond a limit of its decoder"):
        read_header(data)


def test_a_picture_larger_than_its_header_is_not_decoded() -> None:
    small, large = encode(COLOUR[:16, :16]), encode(COLOUR)
    with pytest.raises(ImageError):
        decode_full(large, read_header(small))
