"""Pictures: upright, the same from every container, with a status that says whether they may be believed."""

from __future__ import annotations

import io
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from visdatcompy_ds.base.errors import ImageError, RefusedImageError, UnreadableImageError
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.engine.decode import decode_full, decode_working, read_header, supported_formats
from visdatcompy_ds.engine.decode.quiet import without_warnings

SHARED = Path(os.environ.get("VISDATCOMPY_SHARED", Path(__file__).resolve().parents[3] / "shared"))
needs_photos = pytest.mark.skipif(not (SHARED / "data").is_dir(), reason=f"no photos: {SHARED / 'data'} is absent")
T = Image.Transpose
TURNED = [None, T.FLIP_LEFT_RIGHT, T.ROTATE_180, T.FLIP_TOP_BOTTOM, T.TRANSPOSE, T.ROTATE_90, T.TRANSVERSE, T.ROTATE_270]


def picture(width: int = 320, height: int = 200) -> Image.Image:
    """A picture that no turn maps to itself, smooth enough for JPEG."""
    y, x = np.mgrid[0:height, 0:width]
    blob = 120 * np.exp(-((x - width / 4) ** 2 + (y - height / 3) ** 2) / 900)
    pixels = np.stack([x * 200 / width, y * 200 / height, 40 + blob], -1)
    return Image.fromarray(pixels.astype(np.uint8))


def encode(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def bgr(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"))[:, :, ::-1]


def noisy_jpeg(**options: object) -> bytes:
    pixels = np.asarray(picture()).copy()
    pixels[50:150, 100:250] = np.random.default_rng(0).integers(0, 255, (100, 150, 3))
    return encode(Image.fromarray(pixels), "JPEG", quality=90, **options)


def turned(orientation: int, name: str, **options: object) -> bytes:
    method = TURNED[orientation - 1]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(picture() if method is None else picture().transpose(method), name, exif=exif, **options)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["PNG", "TIFF", "WEBP"])
def test_all_orientations_are_one_picture(name: str, orientation: int) -> None:
    data = turned(orientation, name, **({"lossless": True} if name == "WEBP" else {}))
    header = read_header(data)
    np.testing.assert_array_equal(decode_full(data, header).pixels, bgr(picture()))
    plain = encode(picture(), "PNG")
    np.testing.assert_array_equal(decode_working(data, header).pixels, decode_working(plain, read_header(plain)).pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_orientations_of_a_jpeg_look_alike(orientation: int) -> None:
    data = turned(orientation, "JPEG", quality=95, subsampling=0)
    header = read_header(data)
    full, working = decode_full(data, header), decode_working(data, header)
    assert full.pixels.shape == (200, 320, 3)
    assert np.abs(full.pixels.astype(int) - bgr(picture())).mean() < 2
    exact = np.asarray(picture().resize((128, 128), Image.Resampling.BOX))[:, :, ::-1]
    assert np.abs(working.pixels.astype(int) - exact).mean() < 2
    assert working.pixels.flags.c_contiguous and full.pixels.flags.c_contiguous


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_container_does_not_change_the_picture(name: str) -> None:
    data = encode(picture(), name, **({"lossless": True} if name == "WEBP" else {}))
    header = read_header(data)
    np.testing.assert_array_equal(decode_full(data, header).pixels, bgr(picture()))
    pixels = decode_working(data, header).pixels
    assert (pixels.shape, pixels.dtype) == ((128, 128, 3), np.uint8)
    plain = encode(picture(), "PNG")
    np.testing.assert_array_equal(pixels, decode_working(plain, read_header(plain)).pixels)


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (127, 129), (200, 100)])
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_any_size_becomes_the_square(name: str, size: tuple[int, int]) -> None:
    data = encode(picture(*size), name)
    assert decode_working(data, read_header(data)).pixels.shape == (128, 128, 3)
    assert decode_working(data, read_header(data), side=32).pixels.shape == (32, 32, 3)


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    deep = np.array([[0, 128, 129, 257, 40_000, 65_535]], np.uint16)
    for name in ("PNG", "TIFF", "PPM"):
        data = encode(Image.fromarray(deep), name)
        assert decode_full(data, read_header(data)).pixels[0, :, 1].tolist() == [0, 0, 1, 1, 156, 255], name


def test_float_is_scaled_by_its_finite_values() -> None:
    data = encode(Image.fromarray(np.array([[-1, 0, 1, np.nan, np.inf]], np.float32)), "TIFF")
    assert decode_full(data, read_header(data)).pixels[0, :, 0].tolist() == [0, 128, 255, 0, 0]
    flat = encode(Image.fromarray(np.full((4, 4), 7, np.float32)), "TIFF")
    assert not decode_full(flat, read_header(flat)).pixels.any()


RARE = {
    "float32 colour": (np.float32, 3, {}),
    "float64 colour": (np.float64, 3, {}),
    "half colour": (np.float16, 3, {}),
    "float32 colour, deflated": (np.float32, 3, {"compression": "zlib"}),
    "float32 colour in planes": (np.float32, 3, {"planarconfig": "separate"}),
    "float32 with alpha": (np.float32, 4, {"extrasamples": ["unassalpha"]}),
    "32 bit colour": (np.uint32, 3, {}),
    "float64 grey": (np.float64, 1, {}),
    "half grey": (np.float16, 1, {}),
}


@pytest.mark.parametrize("kind", RARE)
@pytest.mark.parametrize("orientation", [1, 6])
def test_rare_tiff_is_scaled_like_float(kind: str, orientation: int) -> None:
    dtype, channels, options = RARE[kind]
    y, x = np.mgrid[0:12, 0:20]
    values = np.stack([x, y * 2, x + y, np.full_like(x, 7)], -1)[:, :, :channels].astype(dtype)
    values = values[:, :, 0] if channels == 1 else values
    stored = np.moveaxis(values, -1, 0) if "planes" in kind else values
    stream = io.BytesIO()
    photometric = "minisblack" if channels == 1 else "rgb"
    tifffile.imwrite(stream, stored, photometric=photometric, extratags=[(274, "H", 1, orientation, True)], **options)
    data = stream.getvalue()
    seen = values.astype(float)[..., None].repeat(3, 2) if channels == 1 else values[:, :, 2::-1].astype(float)
    expected = np.floor((seen - seen.min()) / (seen.max() - seen.min()) * 255 + 0.5).astype(np.uint8)
    expected = np.rot90(expected, -1) if orientation == 6 else expected
    np.testing.assert_array_equal(decode_full(data, read_header(data)).pixels, expected)


def test_damaged_rare_tiff_is_a_status_and_says_nothing_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.random.default_rng(0).random((32, 40, 3), np.float32), photometric="rgb")
    whole, rng = stream.getvalue(), np.random.default_rng(1)
    outcomes = set()
    for _ in range(400):
        data = bytearray(whole)
        for at in rng.integers(0, 300, rng.integers(1, 6)):
            data[at] = rng.integers(0, 256)
        try:
            decode_working(bytes(data), read_header(bytes(data)))
            outcomes.add("ok")
        except ImageError as error:
            outcomes.add(error.reason)
    assert "ok" in outcomes
    assert len(outcomes) > 3
    said = capfd.readouterr()
    assert said.out == said.err == ""


def test_other_modes_follow_the_table() -> None:
    expected = bgr(picture().convert("L"))
    for mode in ("L", "LA"):
        data = encode(picture().convert(mode), "PNG")
        np.testing.assert_array_equal(decode_full(data, read_header(data)).pixels, expected)
    bits = encode(picture().convert("1"), "PNG")
    assert set(np.unique(decode_full(bits, read_header(bits)).pixels)) == {0, 255}
    image = picture().convert("RGBA")
    image.putalpha(0)
    clear = encode(image, "PNG")
    np.testing.assert_array_equal(decode_full(clear, read_header(clear)).pixels, bgr(picture()))
    cmyk = encode(picture().convert("CMYK"), "JPEG", quality=95)
    assert np.abs(decode_full(cmyk, read_header(cmyk)).pixels.astype(int) - bgr(picture())).mean() < 3


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("percent", [30, 60, 90, 99])
def test_a_cut_jpeg_is_unreadable(percent: int, progressive: bool) -> None:
    data = noisy_jpeg(progressive=progressive)
    cut = data[: len(data) * percent // 100]
    header = read_header(cut)
    for decode in (decode_working, decode_full):
        with pytest.raises(UnreadableImageError) as caught:
            decode(cut, header)
        assert caught.value.reason == "truncated"


def test_a_progressive_jpeg_cut_between_two_scans_is_unreadable() -> None:
    data = noisy_jpeg(progressive=True)
    last = data.rindex(b"\xff\xda")
    at = data.rindex(b"\xff\xc4", 0, last)  # the table of the last scan
    for cut in (at, last):
        with pytest.raises(UnreadableImageError, match="truncated"):
            decode_working(data[:cut], read_header(data[:cut]))


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_only_the_end_marker_missing_is_recovered(progressive: bool, missing: int) -> None:
    data = noisy_jpeg(progressive=progressive)
    header = read_header(data)
    for decode in (decode_working, decode_full):
        found = decode(data[:-missing], header)
        assert (found.status, found.reason) == (Status.RECOVERED, "end marker missing")
        np.testing.assert_array_equal(found.pixels, decode(data, header).pixels)


@pytest.mark.parametrize("block", [bytes(512), b"\xff" * 512, np.random.default_rng(5).bytes(512)], ids=["zeros", "ones", "noise"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_bad_block_is_damage(block: bytes, progressive: bool) -> None:
    data = noisy_jpeg(progressive=progressive)
    middle = len(data) // 2
    bad = data[:middle] + block + data[middle + 512 :]
    header = read_header(bad)
    for decode, shape in ((decode_working, (128, 128, 3)), (decode_full, (200, 320, 3))):
        found = decode(bad, header)
        assert found.status is Status.DAMAGED
        assert found.reason and found.pixels.shape == shape


def test_zero_bytes_of_flat_pictures_and_metadata_are_no_damage() -> None:
    white = Image.new("RGB", (2000, 2000), "white")
    for options in ({"optimize": True}, {"progressive": True}, {}):
        data = encode(white, "JPEG", **options)
        assert decode_working(data, read_header(data)).status is Status.OK
    data = noisy_jpeg()
    padded = data[:2] + b"\xff\xe5\x01\x02" + bytes(256) + data[2:] + bytes(300)
    assert decode_working(padded, read_header(padded)).status is Status.OK


def test_stray_bytes_in_a_header_are_recovered() -> None:
    data = noisy_jpeg()
    bad = data[:20] + b"\1\2\3" + data[20:]
    found = decode_full(bad, read_header(bad))
    assert (found.status, found.reason) == (Status.RECOVERED, "stray bytes in the header")
    np.testing.assert_array_equal(found.pixels, decode_full(data, read_header(data)).pixels)


@pytest.mark.parametrize("name", ["PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF"])
@pytest.mark.parametrize("percent", [50, 90, 99])
def test_other_formats_cut_short_are_unreadable(name: str, percent: int) -> None:
    if supported_formats()[name].startswith("off"):
        pytest.skip(f"this Pillow was built without {name}")
    data = encode(picture(), name)
    cut = data[: len(data) * percent // 100]
    with pytest.raises(UnreadableImageError):
        decode_full(cut, read_header(cut))


def test_a_png_with_a_wrong_sum_is_unreadable_and_one_without_end_recovered() -> None:
    data = bytearray(encode(picture(), "PNG"))
    whole = bytes(data[:-12])
    assert decode_full(whole, read_header(whole)).status is Status.RECOVERED
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(UnreadableImageError, match="damaged data"):
        decode_full(bytes(data), read_header(bytes(data)))


def test_a_gif_cut_in_a_later_frame_is_unreadable_and_one_without_trailer_recovered() -> None:
    frames = [picture(), picture().rotate(90)]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(UnreadableImageError, match="truncated"):
        read_header(data[:-100])
    assert decode_full(data[:-1], read_header(data[:-1])).status is Status.RECOVERED
    assert decode_full(data, read_header(data)).status is Status.OK


def test_heif_names_its_extra_where_that_is_missing() -> None:
    data = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0\0\0\x14ispe\0\0\0\0" + (40).to_bytes(4, "big") + (30).to_bytes(4, "big")
    if not supported_formats()["HEIF"].startswith("off"):
        pytest.skip("pillow_heif is installed")
    with pytest.raises(RefusedImageError, match="visdatcompy_ds\\[heif\\]"):
        read_header(data)


def test_mutants_end_in_a_picture_or_an_image_error() -> None:
    random = np.random.default_rng(7)
    seeds = [encode(picture(60, 40), name) for name in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM")]
    seeds += [encode(picture(60, 40), "JPEG", progressive=True), encode(picture(60, 40), "TIFF", compression="tiff_lzw")]
    for seed in seeds:
        for _ in range(60):
            data = bytearray(seed)
            for at in random.integers(0, len(data) if random.random() < 0.5 else min(80, len(data)), random.integers(1, 6)):
                data[at] = random.integers(0, 256)
            try:
                header = read_header(bytes(data))
                assert decode_working(bytes(data), header).pixels.shape == (128, 128, 3)
            except ImageError as error:
                assert error.reason


def test_threads_and_repeats_give_the_same_bits() -> None:
    files = [noisy_jpeg(), turned(6, "JPEG"), turned(7, "PNG"), encode(picture(), "GIF")] * 6
    alone = [decode_working(data, read_header(data)).pixels for data in files]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda data: decode_working(data, read_header(data)).pixels, files))
    for first, second in zip(alone, together, strict=True):
        np.testing.assert_array_equal(first, second)


def test_warnings_of_pillow_stay_inside_and_filters_are_put_back() -> None:
    before = list(warnings.filters)
    with without_warnings(), without_warnings():
        warnings.warn_explicit("inside", UserWarning, "PIL/TiffImagePlugin.py", 1, module="PIL.TiffImagePlugin")
    assert list(warnings.filters) == before
    with pytest.warns(UserWarning, match="outside"):
        warnings.warn_explicit("outside", UserWarning, "PIL/TiffImagePlugin.py", 2, module="PIL.TiffImagePlugin")


@needs_photos
def test_jpegs_of_rare_subsampling_are_whole() -> None:
    for name in ("Cat/23.jpg", "Dog/50.jpg"):
        data = (SHARED / "data/cats_dogs" / name).read_bytes()
        header = read_header(data)
        working, full = decode_working(data, header), decode_full(data, header)
        assert working.status is full.status is Status.OK
        assert full.pixels.shape == (header.height, header.width, 3)
        with pytest.raises(UnreadableImageError, match="truncated"):
            decode_full(data[: len(data) // 2], header)


@needs_photos
def test_cmyk_photo_looks_like_the_rgb_one() -> None:
    folder = SHARED / "data/cameratrap/mixed"
    pictures = [
        decode_working(data, read_header(data)).pixels.astype(int)
        for data in ((folder / f"african_elephants{end}.jpg").read_bytes() for end in ("", "_cmyk", "_with_exif_orientation"))
    ]
    assert np.abs(pictures[0] - pictures[1]).mean() < 3
    assert np.abs(pictures[0] - pictures[2]).mean() < 3


@needs_photos
def test_turned_photos_are_one_photo() -> None:
    for kind in ("Landscape", "Portrait"):
        views = []
        for n in range(1, 9):
            data = (SHARED / f"data/orientation/{kind}_{n}.jpg").read_bytes()
            views.append(decode_working(data, read_header(data)).pixels.astype(int))
        assert max(np.abs(view - views[0]).mean() for view in views) < 12  # another digit is drawn on each


@needs_photos
def test_zeroed_sectors_are_seen() -> None:
    photos = sorted((SHARED / "data/clothing").glob("*/*.jpg"))[:40]
    for path in photos:
        data = path.read_bytes()
        assert decode_working(data, read_header(data)).status is Status.OK, path
        middle = (data.index(b"\xff\xda") + len(data)) // 2
        bad = data[:middle] + bytes(512) + data[middle + 512 :]
        assert decode_working(bad, read_header(bad)).status is Status.DAMAGED, path
