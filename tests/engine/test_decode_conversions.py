"""The conversions of docs/formats.md: what is stored becomes these 8-bit pixels, whatever the container, and what was lost is flagged."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from visdatcompy_ds.base.errors import RefusedImageError, UnreadableImageError
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.engine.decode import (
    Header,
    Limits,
    decode_at,
    decode_full,
    decode_within,
    decode_working,
    digest,
    native_digest,
    read_header,
)
from visdatcompy_ds.engine.decode.cost import bytes_per_pixel
from visdatcompy_ds.engine.decode.door import CrashedImageError

Y, X = np.mgrid[0:30, 0:40]
COLOUR = np.stack([X * 6, Y * 8, (X * Y) % 256], -1).astype(np.uint8)
GREY = (X * 6).astype(np.uint8)


def encode(image: Image.Image, name: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, name, **options)
    return stream.getvalue()


def tiff(pixels: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, **options)
    return stream.getvalue()


def rgb(data: bytes) -> np.ndarray:
    return decode_full(data, read_header(data)).pixels[:, :, ::-1]


def of_grey(levels: np.ndarray) -> np.ndarray:
    return np.repeat(levels[:, :, None], 3, 2)


PALETTE = Image.fromarray(GREY // 64)  # grey, until it gets its colours
PALETTE.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90, 250, 240, 230])
OF_PALETTE = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90], [250, 240, 230]], np.uint8)[GREY // 64]
BITS = (X + Y) % 2
DEEP = (X * 1600).astype(np.uint16)
SCALED = ((DEEP.astype(np.uint32) + 128) // 257).astype(np.uint8)
CMYK = np.dstack([COLOUR, (Y * 4).astype(np.uint8)])
INKS = Image.frombytes("CMYK", (40, 30), CMYK.tobytes())
OF_CMYK = np.asarray(INKS.convert("RGB"))
WITH_ALPHA = np.dstack([COLOUR, (X * 6).astype(np.uint8)])


def png(stored: np.ndarray, bits: int, colour: int) -> bytes:
    """A PNG of any depth; `stored` holds one number a sample."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = stored.shape[:2]
    if bits == 16:
        lines = [line.astype(">u2").tobytes() for line in stored]
    else:
        spread = (stored[:, :, None] >> np.arange(bits)[::-1]) & 1
        lines = [np.packbits(line.reshape(-1).astype(np.uint8)).tobytes() for line in spread]
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line for line in lines)))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


# name: (file, pixels, what the header must say)
EXACT: dict[str, tuple[bytes, np.ndarray, dict[str, object]]] = {
    "1 bit PNG": (encode(Image.fromarray(BITS.astype(bool)), "PNG"), of_grey(BITS.astype(np.uint8) * 255), {"bit_depth": 1}),
    "1 bit TIFF, fax": (
        encode(Image.fromarray(BITS.astype(bool)), "TIFF", compression="group4"),
        of_grey(BITS.astype(np.uint8) * 255),
        {"bit_depth": 1},
    ),
    "1 bit PBM": (encode(Image.fromarray(BITS.astype(bool)), "PPM"), of_grey(BITS.astype(np.uint8) * 255), {"bit_depth": 1}),
    "1 bit BMP": (encode(Image.fromarray(BITS.astype(bool)), "BMP"), of_grey(BITS.astype(np.uint8) * 255), {"colour": "palette"}),
    "2 bit grey PNG": (png(X % 4, 2, 0), of_grey((X % 4 * 85).astype(np.uint8)), {"bit_depth": 2}),
    "4 bit grey PNG": (png(X % 16, 4, 0), of_grey((X % 16 * 17).astype(np.uint8)), {"bit_depth": 4}),
    "16 bit colour PNG": (png(COLOUR.astype(np.uint16) << 8 | 77, 16, 2), COLOUR, {"bit_depth": 16}),
    "palette PNG": (encode(PALETTE, "PNG"), OF_PALETTE, {"colour": "palette", "has_alpha": False}),
    "palette PNG with a transparent colour": (encode(PALETTE, "PNG", transparency=2), OF_PALETTE, {"has_alpha": True}),
    "palette TIFF": (encode(PALETTE, "TIFF"), OF_PALETTE, {"colour": "palette"}),
    "palette GIF": (encode(PALETTE, "GIF"), OF_PALETTE, {"colour": "palette", "is_animated": False}),
    "grey with alpha PNG": (encode(Image.fromarray(np.dstack([GREY, 255 - GREY])), "PNG"), of_grey(GREY), {"has_alpha": True}),
    "colour with alpha PNG": (encode(Image.fromarray(WITH_ALPHA), "PNG"), COLOUR, {"has_alpha": True, "channels": 4}),
    "colour with alpha TIFF": (encode(Image.fromarray(WITH_ALPHA), "TIFF"), COLOUR, {"has_alpha": True}),
    "colour with alpha WEBP": (encode(Image.fromarray(WITH_ALPHA), "WEBP", lossless=True, exact=True), COLOUR, {"has_alpha": True}),
    "transparent colour PNG": (encode(Image.fromarray(COLOUR), "PNG", transparency=(0, 0, 0)), COLOUR, {"has_alpha": True}),
    "16 bit grey PNG": (encode(Image.fromarray(DEEP), "PNG"), of_grey(SCALED), {"bit_depth": 16}),
    "16 bit grey TIFF": (encode(Image.fromarray(DEEP), "TIFF"), of_grey(SCALED), {"bit_depth": 16}),
    "16 bit grey TIFF, big end first": (tiff(DEEP, byteorder=">"), of_grey(SCALED), {"bit_depth": 16}),
    "16 bit grey PGM": (encode(Image.fromarray(DEEP), "PPM"), of_grey(SCALED), {"bit_depth": 16}),
    "16 bit colour TIFF": (tiff(COLOUR.astype(np.uint16) << 8 | 77, photometric="rgb"), COLOUR, {"bit_depth": 16}),
    "32 bit integer TIFF": (tiff((X * 1000).astype(np.int32)), of_grey(np.floor(X / 39 * 255 + 0.5).astype(np.uint8)), {"bit_depth": 32}),
    "float TIFF": (tiff((X / 7).astype(np.float32)), of_grey(np.floor(X / 39 * 255 + 0.5).astype(np.uint8)), {"colour": "float"}),
    "CMYK TIFF": (encode(INKS, "TIFF"), OF_CMYK, {"colour": "cmyk", "channels": 4, "has_alpha": False}),
    "tiled TIFF": (tiff(COLOUR, photometric="rgb", tile=(16, 16)), COLOUR, {}),
    "tiled and deflated TIFF": (tiff(COLOUR, photometric="rgb", tile=(16, 16), compression="zlib", predictor=True), COLOUR, {}),
    "many strips TIFF": (tiff(COLOUR, photometric="rgb", rowsperstrip=3), COLOUR, {}),
    "LZW TIFF": (encode(Image.fromarray(COLOUR), "TIFF", compression="tiff_lzw"), COLOUR, {}),
    "packed TIFF": (encode(Image.fromarray(COLOUR), "TIFF", compression="packbits"), COLOUR, {}),
    "TIFF of two pages": (
        encode(Image.fromarray(COLOUR), "TIFF", save_all=True, append_images=[Image.fromarray(255 - COLOUR)]),
        COLOUR,
        {"is_animated": True},
    ),
    "PNG of two frames": (
        encode(Image.fromarray(COLOUR), "PNG", save_all=True, append_images=[Image.fromarray(255 - COLOUR)]),
        COLOUR,
        {"is_animated": True},
    ),
    "WEBP of two frames": (
        encode(Image.fromarray(COLOUR), "WEBP", save_all=True, append_images=[Image.fromarray(255 - COLOUR)], lossless=True),
        COLOUR,
        {"is_animated": True},
    ),
    "GIF of two frames": (encode(PALETTE, "GIF", save_all=True, append_images=[PALETTE.rotate(90)]), OF_PALETTE, {"is_animated": True}),
    "MPO": (
        encode(Image.fromarray(of_grey(GREY)), "MPO", save_all=True, append_images=[Image.fromarray(COLOUR)], quality=100, subsampling=0),
        None,
        {"format": "MPO", "is_animated": False},
    ),
    "PPM in digits": (b"P3 2 1 255 1 2 3 250 251 252\n", np.array([[[1, 2, 3], [250, 251, 252]]], np.uint8), {"format": "PPM"}),
}


@pytest.mark.parametrize("kind", EXACT)
def test_what_is_stored_becomes_the_pixels_of_the_table(kind: str) -> None:
    data, expected, said = EXACT[kind]
    header = read_header(data)
    assert {name: getattr(header, name) for name in said} == said
    if expected is None:  # a JPEG of grey, nearly as it was
        assert np.abs(rgb(data).astype(int) - of_grey(GREY)).max() <= 3
    else:
        np.testing.assert_array_equal(rgb(data), expected)
    assert decode_working(data, header).pixels.shape == (128, 128, 3)
    assert len(native_digest(data, header)) == 32


LOSSY = {
    "CMYK JPEG": (encode(INKS, "JPEG", quality=98, subsampling=0), OF_CMYK, {"colour": "cmyk"}),
    "JPEG in a TIFF": (encode(Image.fromarray(COLOUR), "TIFF", compression="jpeg", quality=98), COLOUR, {"format": "TIFF"}),
    "WEBP": (encode(Image.fromarray(of_grey(GREY)), "WEBP", quality=98), of_grey(GREY), {"format": "WEBP"}),
}


@pytest.mark.parametrize("kind", LOSSY)
def test_lossy_kinds_come_near(kind: str) -> None:
    data, expected, said = LOSSY[kind]
    header = read_header(data)
    assert {name: getattr(header, name) for name in said} == said
    assert np.abs(rgb(data).astype(int) - expected).mean() < 6


def test_ycck_is_read_like_cmyk() -> None:
    plain = encode(INKS, "JPEG", quality=95, subsampling=0)
    at = plain.index(b"Adobe") + 11  # the transform: 0 is CMYK, 2 is YCCK
    ycck = plain[:at] + b"\2" + plain[at + 1 :]
    assert (read_header(plain).colour, read_header(ycck).colour) == ("cmyk", "ycck")
    # Inks that Adobe inverts, in a colour space of their own: what counts is that another decoder sees the same.
    image = Image.open(io.BytesIO(ycck)).convert("RGB")
    assert np.abs(rgb(ycck).astype(int) - np.asarray(image)).mean() < 6


def test_lab_is_converted_without_a_profile() -> None:
    lab = np.zeros((8, 8, 3), np.uint8)
    lab[..., 0] = 128  # half as light as white, a and b zero: grey
    data = tiff(lab, photometric="cielab")
    header = read_header(data)
    assert header.colour == "lab"
    pixels = rgb(data)
    assert np.ptp(pixels.reshape(-1, 3), axis=0).max() == 0
    assert np.ptp(pixels[0, 0].astype(int)) <= 2 and 100 <= pixels[0, 0, 0] <= 140


def test_avif_is_read_and_flagged() -> None:
    features = pytest.importorskip("PIL.features")
    if not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    smooth = np.dstack([GREY, GREY[:, ::-1], GREY])
    data = encode(Image.fromarray(smooth), "AVIF", quality=95, subsampling="4:4:4")
    assert np.abs(rgb(data).astype(int) - smooth).mean() < 4
    see_through = encode(Image.fromarray(WITH_ALPHA), "AVIF", quality=95)
    assert read_header(see_through).has_alpha
    moving = encode(Image.fromarray(COLOUR), "AVIF", save_all=True, append_images=[Image.fromarray(255 - COLOUR)])
    assert read_header(moving).is_animated and not read_header(data).is_animated
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encode(Image.fromarray(smooth), "AVIF", quality=95, exif=exif, subsampling="4:4:4")
    assert (read_header(turned).width, read_header(turned).height) == (30, 40)
    assert np.abs(rgb(turned).astype(int) - np.rot90(smooth, -1)).mean() < 4


# Strips of a picture are converted one by one: the borders between them must not show.
def test_a_picture_of_many_strips_is_converted_like_one_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [data for data, expected, _ in EXACT.values() if expected is not None]
    whole = [rgb(data) for data in files]
    monkeypatch.setattr("visdatcompy_ds.engine.decode.pillow._STRIP_PIXELS", 100)
    for data, expected in zip(files, whole, strict=True):
        np.testing.assert_array_equal(rgb(data), expected)


def test_large_texts_and_profiles_in_a_png_cost_nothing_and_are_no_reason_to_give_it_up() -> None:
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text("workflow", "x" * 5_000_000, zip=True)
    texts.add_itxt("comment", "y" * 3_000_000, zip=True)
    data = encode(Image.fromarray(COLOUR), "PNG", pnginfo=texts, icc_profile=bytes(3_000_000))
    assert len(data) < 100_000
    header = read_header(data)
    np.testing.assert_array_equal(rgb(data), COLOUR)
    assert decode_full(data, header).status is Status.OK
    plain = encode(Image.fromarray(COLOUR), "PNG")
    assert native_digest(data, header) == native_digest(plain, read_header(plain))


def test_what_a_decode_takes_is_told_from_the_header() -> None:
    data = tiff(np.zeros((100, 100, 4), np.float64), photometric="rgb", extrasamples=["unassalpha"])
    with pytest.raises(RefusedImageError, match=r"about 0\.00064 GB to decode, limit 0\.0005 GB"):
        read_header(data, Limits(max_memory_bytes=500_000))
    assert read_header(data, Limits(max_memory_bytes=640_000)).width == 100
    small = encode(Image.fromarray(COLOUR), "PNG")
    with pytest.raises(RefusedImageError, match="to decode"):
        read_header(small, Limits(max_memory_bytes=10_000))
    depths = [bytes_per_pixel(Header("TIFF", 1, 1, channels, bits)) for channels, bits in ((1, 8), (3, 16), (3, 32), (4, 32))]
    assert depths == sorted(depths)


@pytest.mark.parametrize(
    "where", [decode_working, decode_full, lambda d, h: decode_at(d, h, (9, 9)), lambda d, h: decode_within(d, h, 9), native_digest]
)
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_want_of_memory_is_a_status(where, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(Image.fromarray(WITH_ALPHA if name == "PNG" else COLOUR), name)
    header = read_header(data)

    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("simplejpeg.decode_jpeg", fails)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fails)
    with pytest.raises(CrashedImageError, match="out of memory") as caught:
        where(data, header)
    assert caught.value.status is Status.CRASHED and caught.value.reason == "out of memory"


def test_a_decoder_that_says_it_lacks_memory_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(Image.fromarray(COLOUR), "JPEG")

    def fails(*_: object, **__: object) -> None:
        raise ValueError("Insufficient memory (case 4)")

    monkeypatch.setattr("simplejpeg.decode_jpeg", fails)
    with pytest.raises(CrashedImageError):
        decode_working(data, read_header(data))


def test_animations_beyond_a_limit_are_known_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    data = EXACT["GIF of two frames"][0]
    before = native_digest(data, read_header(data))
    monkeypatch.setattr(digest, "_MOST_FRAMES", 1)
    assert native_digest(data, read_header(data)) not in (
        before,
        native_digest(EXACT["palette GIF"][0], read_header(EXACT["palette GIF"][0])),
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\0\0\x02" + bytes(9) + struct.pack("<HHBB", 40, 30, 24, 0) + bytes(3600), "format TGA is off"),
        (b"\x8aMNG\r\n\x1a\n" + bytes(40), "format MNG is off"),
        (bytes(128) + b"DICM" + bytes(40), "format DICOM is off"),
        (b"SIMPLE  =                    T", "format FITS is off"),
        (b"gimp xcf v011" + bytes(40), "format XCF is off"),
        (b"II+\0" + bytes(40), "format BigTIFF is off"),
        (b"qoif" + bytes(40), "format QOI is off"),
    ],
)
def test_formats_that_are_off_are_refused_by_name(data: bytes, reason: str) -> None:
    with pytest.raises(RefusedImageError) as caught:
        read_header(data)
    assert caught.value.reason == reason


def test_a_broken_fax_is_damaged_and_the_terminal_hears_nothing_of_it(capfd: pytest.CaptureFixture[str]) -> None:
    y, x = np.mgrid[0:80, 0:300]
    whole = encode(Image.fromarray((x // 7 + y // 9) % 2 == 0), "TIFF", compression="group4")
    assert decode_working(whole, read_header(whole)).status is Status.OK
    outcomes = set()
    for at in range(8, len(whole) - 200, 10):
        broken = whole[:at] + b"\0\1\2" * 4 + whole[at + 12 :]
        with contextlib.suppress(UnreadableImageError):
            header = read_header(broken)
            outcomes.add(decode_working(broken, header).status)
            assert decode_full(broken, header).status in outcomes
    assert Status.DAMAGED in outcomes
    assert decode_working(whole, read_header(whole)).status is Status.OK
    said = capfd.readouterr()
    assert said.out == said.err == ""
