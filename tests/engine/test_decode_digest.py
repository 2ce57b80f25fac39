"""Digests: equal if and only if the pictures are equal, whatever the container."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from visdatcompy_ds.engine.decode import decode_full, native_digest, pixels_digest, read_header


def picture(width: int = 60, height: int = 40) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x * 4, y * 6, (x * y) % 256], -1).astype(np.uint8))


def encode(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def digest(data: bytes) -> bytes:
    return native_digest(data, read_header(data))


def deep_png(pixels: np.ndarray, kind: int = 0) -> bytes:
    """A 16-bit PNG of any number of channels; `kind` is the line filter 0 (none), 1 (left) or 2 (above)."""
    height, width, channels = pixels.shape
    raw = pixels.astype(">u2").tobytes()
    stride, step = width * channels * 2, channels * 2
    lines = []
    for i in range(height):
        line = np.frombuffer(raw[i * stride : (i + 1) * stride], np.uint8)
        other = np.zeros(stride, np.uint8)
        if kind == 1:
            other[step:] = line[:-step]
        elif kind == 2 and i:
            other = np.frombuffer(raw[(i - 1) * stride : i * stride], np.uint8)
        lines.append(bytes([kind]) + (line - other).tobytes())

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(lines))) + chunk(b"IEND", b"")


def test_equal_pixels_have_one_digest_in_every_container() -> None:
    rgba = picture().convert("RGBA")
    files = [encode(picture(), name) for name in ("PNG", "BMP", "TIFF", "PPM")]
    files += [
        encode(picture(), "WEBP", lossless=True),
        encode(rgba, "PNG"),
        encode(rgba, "TIFF"),
        encode(picture(), "TIFF", compression="tiff_lzw"),
    ]
    assert len({digest(data) for data in files}) == 1
    assert digest(files[0]) == pixels_digest(decode_full(files[0], read_header(files[0])).pixels)


def test_grey_is_grey_however_stored() -> None:
    grey = picture().convert("L")
    files = [
        encode(grey, "PNG"),
        encode(grey.convert("RGB"), "PNG"),
        encode(grey.convert("LA"), "PNG"),
        encode(grey, "BMP"),
        encode(grey, "GIF"),
    ]
    files += [encode(grey.convert("RGBA"), "PNG"), encode(grey.convert("P"), "PNG"), encode(grey, "PPM")]
    assert len({digest(data) for data in files}) == 1
    assert digest(files[0]) == pixels_digest(decode_full(files[0], read_header(files[0])).pixels)


def test_a_jpeg_has_the_digest_of_its_full_decode() -> None:
    data = encode(picture(), "JPEG")
    header = read_header(data)
    full = decode_full(data, header)
    assert native_digest(data, header) == native_digest(data, header, full) == pixels_digest(full.pixels)
    again = encode(Image.fromarray(full.pixels[:, :, ::-1]), "PNG")
    assert digest(again) == digest(data)


def test_pictures_that_only_seem_equal_differ() -> None:
    ramp = Image.fromarray((np.mgrid[0:40, 0:60][1] * 4).astype(np.uint8))
    deep = (np.mgrid[0:40, 0:60][1] * 1000).astype(np.uint16) & 0xFF00
    image = picture()
    variants = [encode(image, "PNG")]
    for alpha in (ramp, Image.new("L", (60, 40), 0), Image.new("L", (60, 40), 254)):
        see_through = image.convert("RGBA")
        see_through.putalpha(alpha)
        variants.append(encode(see_through, "PNG"))
    variants += [encode(Image.fromarray(deep), "PNG"), encode(Image.fromarray(deep | 1), "PNG")]
    variants += [encode(Image.new("RGB", size), "PNG") for size in ((20, 10), (10, 20))]
    indices = image.convert("P")
    other = indices.copy()
    other.putpalette(indices.getpalette()[::-1])
    variants += [
        encode(indices, "PNG"),
        encode(other, "PNG"),
        encode(indices, "PNG", transparency=indices.getpixel((0, 0))),
        encode(image.convert("CMYK"), "TIFF"),
    ]
    variants += [encode(Image.fromarray(deep.astype(np.float32) + add), "TIFF") for add in (0, 1e-3)]
    digests = [digest(data) for data in variants]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "TIFF"])
def test_all_frames_count(name: str) -> None:
    frames = [picture().convert("L").rotate(turn) for turn in (0, 90, 180)]
    two, three = (encode(frames[0], name, save_all=True, append_images=frames[1:n]) for n in (2, 3))
    swapped = encode(frames[0], name, save_all=True, append_images=[frames[2]])
    assert len({digest(data) for data in (encode(frames[0], name), two, three, swapped)}) == 4
    assert digest(two) == digest(encode(frames[0], name, save_all=True, append_images=frames[1:2]))


def test_frames_are_the_same_in_two_containers() -> None:
    frames = [picture().convert("L"), picture().convert("L").rotate(90)]
    files = [encode(frames[0], name, save_all=True, append_images=frames[1:]) for name in ("TIFF", "PNG")]
    assert digest(files[0]) == digest(files[1])


@pytest.mark.parametrize("name", ["PNG", "TIFF", "WEBP"])
def test_digest_is_that_of_the_upright_picture(name: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"lossless": True} if name == "WEBP" else {}
    image = picture().convert("RGBA")
    image.putalpha(200)
    turned = encode(image.transpose(Image.Transpose.ROTATE_90), name, exif=exif, **options)
    assert digest(turned) == digest(encode(image, "PNG"))


def test_sixteen_bit_grey_is_the_same_in_png_tiff_and_pgm() -> None:
    deep = (np.mgrid[0:40, 0:60][1] * 1001).astype(np.uint16)
    assert len({digest(encode(Image.fromarray(deep), name)) for name in ("PNG", "TIFF", "PPM")}) == 1


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_sixteen_bit_colour_keeps_its_low_bytes(channels: int) -> None:
    deep = np.random.default_rng(1).integers(0, 65_535, (8, 9, channels)).astype(np.uint16)
    digests = {digest(deep_png(deep, kind)) for kind in (0, 1, 2)}
    assert len(digests) == 1  # filters are no part of the picture
    low = deep.copy()
    low[3, 4, 0] ^= 1
    assert digest(deep_png(low)) not in digests


def test_opaque_sixteen_bit_alpha_does_not_count_and_grey_is_grey() -> None:
    grey = np.random.default_rng(2).integers(0, 65_535, (8, 9, 1)).astype(np.uint16)
    opaque = np.full((8, 9, 1), 65_535, np.uint16)
    files = [deep_png(np.concatenate(parts, 2)) for parts in ([grey], [grey, opaque], [grey] * 3, [grey, grey, grey, opaque])]
    assert len({digest(data) for data in files}) == 1


def test_a_broken_later_frame_is_known_by_its_bytes() -> None:
    frames = [picture().rotate(turn) for turn in (0, 90)]
    data = encode(frames[0], "PNG", save_all=True, append_images=frames[1:])
    at = data.index(b"fdAT") + 40
    end = data.index(b"fdAT") + 4 + int.from_bytes(data[data.index(b"fdAT") - 4 : data.index(b"fdAT")], "big")
    broken = data[:at] + bytes(20) + data[at + 20 : end]
    broken += struct.pack(">I", zlib.crc32(broken[broken.index(b"fdAT") :])) + data[end + 4 :]
    header = read_header(broken)
    assert header.is_animated
    assert decode_full(broken, header).status.value == "ok"
    assert native_digest(broken, header) not in (digest(data), digest(encode(frames[0], "PNG")))
