"""Area resampling against its definition and against OpenCV."""

from __future__ import annotations

import numpy as np
import pytest

from visdatcompy_ds.kernels.resample import area_resize, area_resize_grey, area_square


def weights(n_in: int, n_out: int) -> np.ndarray:
    """Share of each source pixel in each output pixel, by the definition."""
    edges = np.arange(n_out + 1) * n_in / n_out
    low, high = np.arange(n_in), np.arange(n_in) + 1
    covered = np.minimum(high, edges[1:, None]) - np.maximum(low, edges[:-1, None])
    return np.clip(covered, 0, None) * n_out / n_in


@pytest.mark.parametrize("size", [(267, 150), (150, 267), (128, 128), (129, 127), (500, 375), (1, 1), (3, 700), (40, 50)])
def test_each_pixel_is_the_mean_of_what_it_covers(size: tuple[int, int]) -> None:
    src = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    exact = np.stack([weights(size[0], 128) @ src[:, :, c].astype(float) @ weights(size[1], 128).T for c in range(3)], -1)
    found = area_square(src, 128)
    assert (found.shape, found.dtype) == ((128, 128, 3), np.uint8)
    assert np.abs(found - exact).max() <= 0.501
    grey = np.ascontiguousarray(src[:, :, 1])
    exact = weights(size[0], 60) @ grey.astype(float) @ weights(size[1], 90).T
    assert np.abs(area_resize_grey(grey, 60, 90) - exact).max() <= 0.501
    np.testing.assert_array_equal(area_resize(src, 90, 60)[:, :, 1], area_resize_grey(grey, 60, 90))


@pytest.mark.parametrize("size", [(267, 150), (150, 267), (256, 256), (300, 200), (1000, 800)])
def test_downscaling_is_that_of_opencv(size: tuple[int, int]) -> None:
    cv2 = pytest.importorskip("cv2")
    src = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    expected = cv2.resize(src, (128, 128), interpolation=cv2.INTER_AREA)
    found = area_square(src, 128)
    assert (found != expected).mean() < 1e-3
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_a_flat_picture_stays_flat_and_equal_size_stays_equal() -> None:
    assert (area_square(np.full((333, 217, 3), 255, np.uint8), 128) == 255).all()
    src = np.random.default_rng(2).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    np.testing.assert_array_equal(area_square(src, 128), src)
    np.testing.assert_array_equal(area_resize_grey(np.ascontiguousarray(src[:, :, 0]), 128, 128), src[:, :, 0])


def test_turning_and_resampling_commute() -> None:
    src = np.random.default_rng(3).integers(0, 256, (240, 180, 3), dtype=np.uint8)
    turned = np.ascontiguousarray(src[::-1, ::-1].swapaxes(0, 1))
    np.testing.assert_array_equal(area_square(turned, 128), area_square(src, 128)[::-1, ::-1].swapaxes(0, 1))
