"""Headers: what a file says, by its content alone, and what is refused before a decoder sees it."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from visdatcompy_ds.base.errors import ImageError, RefusedImageError, UnreadableImageError
from visdatcompy_ds.engine.decode import Header, Limits, read_header
from visdatcompy_ds.engine.decode.sniff import sniff


def picture(width: int = 40, height: int = 30, mode: str = "RGB") -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], -1).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def encode(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int, bits: int = 8, colour: int = 2) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


@pytest.mark.parametrize(
    ("name", "mode", "expected"),
    [
        ("JPEG", "RGB", ("JPEG", 3, 8, "rgb", False)),
        ("JPEG", "L", ("JPEG", 1, 8, "grey", False)),
        ("JPEG", "CMYK", ("JPEG", 4, 8, "cmyk", False)),
        ("PNG", "RGB", ("PNG", 3, 8, "rgb", False)),
        ("PNG", "RGBA", ("PNG", 4, 8, "rgb", True)),
        ("PNG", "LA", ("PNG", 2, 8, "grey", True)),
        ("PNG", "P", ("PNG", 1, 8, "palette", False)),
        ("PNG", "1", ("PNG", 1, 1, "grey", False)),
        ("PNG", "I;16", ("PNG", 1, 16, "grey", False)),
        ("GIF", "RGB", ("GIF", 1, 8, "palette", False)),
        ("BMP", "RGB", ("BMP", 3, 8, "rgb", False)),
        ("BMP", "L", ("BMP", 1, 8, "palette", False)),
        ("TIFF", "RGB", ("TIFF", 3, 8, "rgb", False)),
        ("TIFF", "RGBA", ("TIFF", 4, 8, "rgb", True)),
        ("TIFF", "F", ("TIFF", 1, 32, "float", False)),
        ("TIFF", "I;16", ("TIFF", 1, 16, "grey", False)),
        ("TIFF", "CMYK", ("TIFF", 4, 8, "cmyk", False)),
        ("WEBP", "RGB", ("WEBP", 3, 8, "rgb", False)),
        ("WEBP", "RGBA", ("WEBP", 4, 8, "rgb", True)),
        ("PPM", "RGB", ("PPM", 3, 8, "rgb", False)),
        ("PPM", "L", ("PPM", 1, 8, "grey", False)),
        ("PPM", "1", ("PPM", 1, 1, "grey", False)),
    ],
)
def test_header_says_what_was_stored(name: str, mode: str, expected: tuple[object, ...]) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.arange(1200, dtype=np.uint16).reshape(30, 40))
    else:
        image = picture(mode="L").convert("F") if mode == "F" else picture(mode=mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(7)
    header = read_header(encode(image, name))
    assert (header.format, header.channels, header.bit_depth, header.colour, header.has_alpha) == expected
    assert (header.width, header.height, header.orientation, header.is_animated) == (40, 30, 1, False)


def test_avif_header() -> None:
    features = pytest.importorskip("PIL.features")
    if not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    header = read_header(encode(picture(), "AVIF"))
    assert (header.format, header.width, header.height, header.channels, header.bit_depth) == ("AVIF", 40, 30, 3, 8)


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "TIFF"])
def test_animations_are_flagged(name: str) -> None:
    frames = [picture(), picture().rotate(90), picture().rotate(180)]
    assert read_header(encode(frames[0], name, save_all=True, append_images=frames[1:])).is_animated


def test_second_picture_of_an_mpo_is_no_animation() -> None:
    header = read_header(encode(picture(), "MPO", save_all=True, append_images=[picture()]))
    assert (header.format, header.is_animated) == ("MPO", False)


@pytest.mark.parametrize(("name", "orientation"), [(n, o) for n in ("JPEG", "PNG", "TIFF", "WEBP") for o in range(1, 9)])
def test_size_is_upright(name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    header = read_header(encode(picture(), name, exif=exif))
    assert header.orientation == orientation
    assert (header.width, header.height) == ((40, 30) if orientation < 5 else (30, 40))


@pytest.mark.parametrize(
    ("data", "error", "reason"),
    [
        (b"", UnreadableImageError, "empty file"),
        (bytes(5000), UnreadableImageError, "only zero bytes"),
        (b"hello world\n" * 9, UnreadableImageError, "text, not an image"),
        (b"BM, the boot maker, has a name that begins like a bitmap", UnreadableImageError, "broken header"),
        (b"<!DOCTYPE html><html>404</html>", UnreadableImageError, "web page, not an image"),
        (b"%PDF-1.7", UnreadableImageError, "PDF, not an image"),
        (b"PK\x03\x04" + bytes(40), UnreadableImageError, "archive, not an image"),
        (b"\0\0\0\x18ftypmp42" + bytes(40), UnreadableImageError, "video, not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", RefusedImageError, "format SVG is off"),
        (b"8BPS\0\1" + bytes(40), RefusedImageError, "format PSD is off"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", RefusedImageError, "format EPS is off"),
        (b"\0\0\1\0\1\0\x10\x10\0\0" + bytes(40), RefusedImageError, "format ICO is off"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", RefusedImageError, "format JPEG 2000 is off"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(40), RefusedImageError, "format CR2 is off"),
        (png_header(20000, 20000), RefusedImageError, "400 Mpx, limit 100 Mpx"),
        (png_header(8, 8) + struct.pack(">I", 0x7E800000) + b"IDAT" + bytes(10), UnreadableImageError, "chunk longer than the file"),
        (png_header(0, 8), UnreadableImageError, "broken header"),
        (png_header(8, 8, bits=3), UnreadableImageError, "broken header"),
        (png_header(8, 8) + chunk(b"IEND", b""), UnreadableImageError, "truncated"),
        (b"\xff\xd8\xff", UnreadableImageError, "truncated"),
        (b"\xff\xd8\xff\xd9\0\0\0\0", UnreadableImageError, "no picture in it"),
        (b"GIF89a\1\0\1\0\0\0\0;", UnreadableImageError, "no picture in it"),
        (b"P6 4 4 255 " + bytes(47), UnreadableImageError, "truncated"),
        (b"II*\0\xff\xff\xff\xff", UnreadableImageError, "truncated"),
    ],
)
def test_reason_names_what_is_wrong(data: bytes, error: type[ImageError], reason: str) -> None:
    with pytest.raises(error) as caught:
        read_header(data)
    assert caught.value.reason == reason


def test_limits_hold_before_any_decoder() -> None:
    data = encode(picture(100, 100), "PNG")
    with pytest.raises(RefusedImageError, match=r"limit 0\.009999 Mpx"):
        read_header(data, Limits(max_pixels=9_999))
    assert read_header(data, Limits(max_pixels=10_000)).width == 100
    with pytest.raises(RefusedImageError, match="MB, limit"):
        read_header(data, Limits(max_file_bytes=100))


def test_scans_of_a_progressive_jpeg_are_counted_in_whole_files_only() -> None:
    data = encode(picture(64, 64), "JPEG", progressive=True)
    scans = data.count(b"\xff\xda")
    assert read_header(data, Limits(max_scans=scans)).format == "JPEG"
    with pytest.raises(RefusedImageError, match=f"{scans} scans, limit {scans - 1}"):
        read_header(data, Limits(max_scans=scans - 1))
    assert read_header(data, Limits(max_scans=1), complete=False).format == "JPEG"
    assert read_header(encode(picture(64, 64), "JPEG"), Limits(max_scans=1)).format == "JPEG"


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "PPM"])
def test_first_bytes_suffice_for_a_header(name: str) -> None:
    data = encode(picture(300, 200), name)
    assert read_header(data[: len(data) // 2], complete=False) == read_header(data)


@pytest.mark.parametrize("name", ["PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG"])
def test_every_prefix_of_a_header_ends_in_an_image_error_or_a_header(name: str) -> None:
    data = encode(picture(), name)
    for cut in [*range(200), *range(200, len(data), 97)]:
        for complete in (True, False):
            try:
                assert isinstance(read_header(data[:cut], complete=complete), Header)
            except ImageError as error:
                assert error.reason


def test_metadata_beyond_its_limit_is_left_out() -> None:
    exif = Image.Exif()
    exif[0x010E] = "x" * 2000
    data = encode(picture(), "JPEG", exif=exif)
    assert len(read_header(data).exif) > 2000
    assert read_header(data, Limits(max_metadata_bytes=1000)).exif == b""


def test_stray_bytes_between_segments_are_skipped() -> None:
    data = encode(picture(), "JPEG")
    assert read_header(data[:20] + b"\1\2\3" + data[20:]).width == 40


@pytest.mark.parametrize("filling", [b"\xff\xe0\0\2" * 500_000, b"\xff" * 20_000_000, b"\xff\1" * 500_000, b"\xff\xe0\0\0" * 10])
def test_a_header_without_end_is_given_up(filling: bytes) -> None:
    with pytest.raises(UnreadableImageError):
        read_header(b"\xff\xd8\xff\xe0\0\2" + filling)


def test_bmp_needs_more_than_two_letters() -> None:
    assert sniff(encode(picture(), "BMP")) == "BMP"
    with pytest.raises(UnreadableImageError):
        sniff(b"BMW owners' club, minutes of the meeting")


def test_header_loads_no_decoder() -> None:
    code = "import sys; from visdatcompy_ds.engine.decode import read_header; read_header(b'P5 1 1 255 x'); sys.exit(bool({'numpy', 'PIL'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
