import cv2
import numpy as np
import pytest

from visdatcompy_ds.kernels.metric_blocks import absolute_sums
from visdatcompy_ds.kernels.moments import BUSY_CELLS, COLOUR_SPREAD, EDGES, EDGES_SQUARES, GREY, GREY_SQUARES, RED, moments
from visdatcompy_ds.kernels.resample import area_resize, area_resize_grey
from visdatcompy_ds.kernels.windows import grey_and_cells, ssim_tiles

RANDOM = np.random.default_rng(3)


def test_ssim_of_a_picture_with_itself_is_one(photo):
    grey = cv2.cvtColor(photo(1), cv2.COLOR_BGR2GRAY)
    similarity, tone = ssim_tiles(grey, grey, 24)
    assert similarity.shape == (24, 24)
    assert np.allclose(similarity, 1) and not tone.any()


def test_ssim_is_that_of_its_formula(photo):
    left, right = (cv2.cvtColor(photo(1, noise_seed=k), cv2.COLOR_BGR2GRAY) for k in (1, 2))
    a, b = left.astype(np.float64), right.astype(np.float64)
    mean = lambda x: cv2.boxFilter(x, -1, (8, 8), anchor=(0, 0))[::4, ::4]  # noqa: E731
    ma, mb = mean(a), mean(b)
    va, vb, cab = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = 2.55**2, 7.65**2
    full = (2 * ma * mb + c1) * (2 * cab + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    rows, columns = a.shape[0] // 4 - 1, a.shape[1] // 4 - 1
    similarity, _ = ssim_tiles(left, right, 1)
    assert similarity[0, 0] == pytest.approx(full[:rows, :columns].mean(), abs=1e-9)


def test_tone_is_the_difference_of_brightness(photo):
    grey = np.full((80, 80), 100, np.uint8)
    brighter = grey.copy()
    brighter[:, 40:] += 12
    _, tone = ssim_tiles(grey, brighter, 2)
    assert tone[0, 0] == 0 and tone[1, 1] == pytest.approx(12, abs=1.3)


@pytest.mark.parametrize("shape", [(17, 33), (240, 320), (479, 641)])
def test_grey_and_cells_are_luma_and_means(shape):
    picture = RANDOM.integers(0, 256, (*shape, 3), dtype=np.uint8)
    grey, cells = grey_and_cells(picture, 16)
    assert np.abs(grey.astype(int) - cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)).max() <= 1
    weights = np.diff([i * shape[0] // 16 for i in range(17)])[:, None] * np.diff([j * shape[1] // 16 for j in range(17)])[None]
    assert (cells * weights[..., None]).sum(axis=(0, 1)) / weights.sum() == pytest.approx(picture.reshape(-1, 3).mean(axis=0), rel=1e-5)


def test_moments_are_sums_over_the_pixels(photo):
    pictures = np.stack([cv2.resize(photo(k), (128, 128), interpolation=cv2.INTER_AREA) for k in range(3)])
    grey = np.stack([cv2.cvtColor(p, cv2.COLOR_BGR2GRAY) for p in pictures])
    sums, _, _ = moments(pictures, grey)
    assert np.array_equal(sums[:, RED], pictures[..., 2].sum(axis=(1, 2)))
    assert np.array_equal(sums[:, GREY], grey.sum(axis=(1, 2))) and np.array_equal(
        sums[:, GREY_SQUARES], (grey.astype(np.int64) ** 2).sum(axis=(1, 2))
    )
    edges = np.stack([cv2.Laplacian(g, cv2.CV_16S)[1:-1, 1:-1] for g in grey]).astype(np.int64)
    assert np.array_equal(sums[:, EDGES], edges.sum(axis=(1, 2))) and np.array_equal(sums[:, EDGES_SQUARES], (edges**2).sum(axis=(1, 2)))
    cells = grey.reshape(3, 16, 8, 16, 8)
    assert np.array_equal(sums[:, BUSY_CELLS], ((cells.max(axis=(2, 4)).astype(int) - cells.min(axis=(2, 4))) >= 12).sum(axis=(1, 2)))
    patches = pictures.reshape(3, 16, 8, 16, 8, 3).mean(axis=(2, 4))
    assert np.abs(sums[:, COLOUR_SPREAD] - (patches.max(axis=3) - patches.min(axis=3)).max(axis=(1, 2))).max() <= 0.5


def test_layout_and_grid_are_area_means(photo):
    pictures = np.stack([cv2.resize(photo(k), (128, 128), interpolation=cv2.INTER_AREA) for k in range(3)])
    grey = np.stack([cv2.cvtColor(p, cv2.COLOR_BGR2GRAY) for p in pictures])
    _, layout, grid = moments(pictures, grey)
    means = pictures.reshape(3, 8, 16, 8, 16, 3).mean(axis=(2, 4))
    assert np.array_equal(layout, np.floor(means + 0.5))
    expected = np.stack([cv2.resize(g.astype(np.float64), (9, 8), interpolation=cv2.INTER_AREA) for g in grey])
    assert grid / (128 * 16) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("size", [(64, 48), (100, 37), (320, 240)])
def test_area_resampling_down_is_that_of_opencv(photo, size):
    picture = photo(4)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    expected = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    assert np.abs(area_resize_grey(grey, size[1], size[0]).astype(int) - expected).max() <= 1
    assert area_resize(picture, *size).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("pixels", [1, 63, 64, 65, 16_384, 16_385, 40_000])
def test_sums_of_absolute_differences_are_exact_at_their_largest(pixels):
    black, white = np.zeros((2, pixels), np.uint8), np.full((3, pixels), 255, np.uint8)
    noise = RANDOM.integers(0, 256, (3, pixels), dtype=np.uint8)
    assert (absolute_sums(black, white) == 255 * pixels).all()
    expected = np.abs(noise[:, None].astype(int) - white[None]).sum(axis=2)
    assert np.array_equal(absolute_sums(noise, white), expected)
