"""Distances of hashes that are no bits: those of OpenCV, and bounds that lose nothing."""

import cv2
import numpy as np
import pytest

from visdatcompy_ds.kernels import vectors

RANDOM = np.random.default_rng(5)


@pytest.fixture(scope="module")
def pictures(photo):
    return [cv2.resize(photo(k // 3, noise_seed=k), (128, 128), interpolation=cv2.INTER_AREA) for k in range(24)]


def test_shifted_correlation_is_that_of_opencv(pictures):
    codes = np.stack([cv2.img_hash.radialVarianceHash(picture)[0] for picture in pictures])
    hasher = cv2.img_hash.RadialVarianceHash_create()
    one, other = np.triu_indices(len(codes))
    profile = vectors.profiles(codes)
    expected = [1 - hasher.compare(codes[a][None], codes[b][None]) for a, b in zip(one, other, strict=True)]
    assert np.allclose(vectors.shifted_correlation(profile[one], profile[other]), np.clip(expected, 0, 1), atol=1e-6)


def test_l2_is_that_of_opencv(pictures):
    codes = np.stack([cv2.img_hash.colorMomentHash(picture)[0] for picture in pictures])
    hasher = cv2.img_hash.ColorMomentHash_create()
    one, other = np.triu_indices(len(codes))
    expected = [hasher.compare(codes[a][None], codes[b][None]) for a, b in zip(one, other, strict=True)]
    assert np.allclose(vectors.l2(codes[one] * 1e4, codes[other] * 1e4), expected, rtol=1e-12, atol=1e-9)


def test_spectra_bound_the_correlation_and_do_not_change_with_a_shift():
    codes = RANDOM.integers(0, 256, (60, 40)).astype(np.uint8)
    codes[30:] = np.roll(codes[:30], 7, axis=1)
    profile = vectors.profiles(codes)
    spectrum = vectors.spectra(profile)
    one, other = np.triu_indices(60, 1)
    bound = ((spectrum[one] - spectrum[other]) ** 2).sum(axis=1) / 2
    distance = vectors.shifted_correlation(profile[one], profile[other])
    assert (bound <= distance + 1e-12).all()
    assert np.allclose(distance[other - one == 30][:30], 0, atol=1e-12)


def test_a_constant_profile_is_like_no_other_and_equal_ones_are_the_same():
    codes = RANDOM.integers(0, 256, (30, 40)).astype(np.uint8)
    codes[0] = 9
    profile = vectors.profiles(codes)
    assert vectors.shifted_correlation(profile[:1], profile[1:2]).tolist() == [1.0]
    assert vectors.shifted_correlation(profile, profile).tolist() == [0.0] * 30
    one, other = np.triu_indices(30)
    assert np.array_equal(
        vectors.shifted_correlation(profile[one], profile[other]), vectors.shifted_correlation(profile[other], profile[one])
    )


def test_a_window_loses_no_pair():
    left, right = RANDOM.normal(size=(300, 5)), RANDOM.normal(size=(200, 5))
    left, right = left[np.argsort(left[:, 3])], right[np.argsort(right[:, 3])]
    apart = np.sqrt(((left[:, None] - right[None]) ** 2).sum(axis=2))
    found = np.concatenate([vectors.l2_within(left, right, 3, a, a + 100, 0.8, False) for a in (0, 100, 200)])
    expected = np.argwhere(apart <= 0.8)
    assert len(expected) > 20
    assert np.array_equal(np.unique(found, axis=0), expected)
    own = vectors.l2_within(left, left, 3, 0, 300, 0.5, True)
    apart = np.sqrt(((left[:, None] - left[None]) ** 2).sum(axis=2))
    assert np.array_equal(np.unique(own, axis=0), np.argwhere(np.triu(apart <= 0.5, 1)))


@pytest.mark.parametrize("is_profile", [False, True])
def test_the_nearest_is_that_of_all(is_profile):
    codes = RANDOM.integers(0, 256, (80, 40)).astype(np.uint8)
    codes[40:] = np.clip(codes[:40].astype(int) + RANDOM.integers(-9, 9, (40, 40)), 0, 255)
    files = np.arange(80)
    files[1] = files[41]
    if is_profile:
        profile = vectors.profiles(codes)
        spectrum = vectors.spectra(profile)
        order = np.argsort(spectrum[:, 3])
        distance, position = vectors.nearest(profile, spectrum, files, 0, 80, profile, spectrum, files, order, 3, True)
        one, other = np.indices((80, 80)).reshape(2, -1)
        apart = vectors.shifted_correlation(profile[one], profile[other]).reshape(80, 80)
    else:
        points = codes.astype(float)
        points[60] = points[20]  # of equals the first
        order = np.argsort(points[:, 2])
        distance, position = vectors.nearest(points, points, files, 0, 80, points, points, files, order, 2, False)
        apart = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    apart[files[:, None] == files[None]] = np.inf
    assert np.array_equal(position, apart.argmin(axis=1))
    assert np.allclose(distance, apart.min(axis=1))
