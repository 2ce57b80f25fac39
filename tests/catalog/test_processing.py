"""What was done to a picture of one frame is told from what another shot of it shows."""

import cv2
import numpy as np
import pytest

from visdatcompy_ds.catalog.geometry import agreement, estimate, estimate_homography
from visdatcompy_ds.catalog.processing import processing


def saved(picture, quality=90):
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


@pytest.fixture
def shot():
    """Pictures with edges and grain, as a camera that stands still takes them: the same scene, noise and a moved thing of their own."""

    def make(frame=0):
        rng = np.random.default_rng(5)
        scene = np.repeat(np.linspace(60, 190, 480)[None, :, None], 360, axis=0).repeat(3, axis=2).astype(np.uint8)
        for _ in range(60):
            (x, y), radius = rng.integers(0, (480, 360)), int(rng.integers(4, 40))
            cv2.circle(scene, (int(x), int(y)), radius, tuple(int(v) for v in rng.integers(20, 235, 3)), -1, cv2.LINE_AA)
        cv2.circle(scene, (100 + 25 * frame, 180), 20, (20, 30, 160), -1, cv2.LINE_AA)
        grain = np.random.default_rng(frame).normal(0, 4, scene.shape)
        return saved(np.clip(cv2.GaussianBlur(scene, (0, 0), 0.8) + grain, 0, 255).astype(np.uint8))

    return make


EDITS = {
    "noise": lambda p: np.clip(p + np.random.default_rng(9).normal(0, 14, p.shape), 0, 255).astype(np.uint8),
    "blur": lambda p: cv2.GaussianBlur(p, (0, 0), 2),
    "tone": lambda p: cv2.convertScaleAbs(p, alpha=0.8, beta=-15),
    "levels": lambda p: p // 51 * 51,
}


@pytest.mark.parametrize("name", EDITS)
def test_what_was_done_is_named_from_either_side(name, shot):
    made = saved(EDITS[name](shot()))
    named = {"tone", "levels"} if name == "levels" else {name}
    assert processing(shot(), made) in named and processing(made, shot()) in named


@pytest.mark.parametrize("reduced", [1, 2])
def test_the_next_frame_is_not_explained_by_processing(reduced, shot):
    one, other = (saved(np.ascontiguousarray(shot(k)[::reduced, ::reduced])) for k in (0, 1))
    assert processing(one, other) == ""
    assert processing(one, one) == ""


def test_a_thing_that_moved_is_seen_through_blur_and_noise(shot):
    for edit in (EDITS["blur"], EDITS["noise"]):
        assert processing(shot(0), saved(edit(shot(2)))) == ""


def test_pictures_too_small_to_tell_are_left_alone():
    assert processing(np.zeros((40, 50, 3), np.uint8), np.full((40, 50, 3), 200, np.uint8)) == ""


@pytest.mark.parametrize("turn", [0, 90])
def test_likeness_of_a_picture_with_its_own_part(turn, shot):
    """Pixels are counted from their middles: a part at twice the size lies on the whole to a fraction of a pixel."""
    grey = cv2.cvtColor(shot(), cv2.COLOR_BGR2GRAY)
    part = cv2.resize(grey[60:240, 100:340], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    matrix = np.array([[2, 0, 0.5 - 2 * 100], [0, 2, 0.5 - 2 * 60], [0, 0, 1]])
    if turn:
        part = np.ascontiguousarray(np.rot90(part, -1))
        matrix = np.array([[0, -1, part.shape[1] - 1], [1, 0, 0], [0, 0, 1]]) @ matrix
    found = agreement(grey, part, matrix)
    assert found.correlation > 0.98 and found.fine > 0.95 and found.likeness == (found.correlation + found.fine) / 2
    assert found.of_right == pytest.approx(1, abs=0.02) and found.of_left == pytest.approx(0.25, abs=0.02)
    back = agreement(part, grey, np.linalg.inv(matrix))
    assert back.likeness == pytest.approx(found.likeness, abs=0.01)
    other = cv2.cvtColor(shot(1)[:, ::-1], cv2.COLOR_BGR2GRAY)
    assert agreement(grey, other, np.eye(3)).likeness < 0.5


def test_estimates_find_the_transform_among_wrong_matches():
    rng = np.random.default_rng(2)
    left = rng.uniform(0, 250, (60, 2)).astype(np.float32)
    turn = np.array([[0.6, -0.3, 40], [0.3, 0.6, 10]])
    right = (left @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
    right[:15] = rng.uniform(0, 250, (15, 2))
    found = estimate(left, right, (200, 250))
    assert found.is_inlier[15:].all() and found.is_inlier[:15].sum() <= 3
    assert found.scale == pytest.approx(np.hypot(0.6, 0.3), abs=0.01) and found.rotation == pytest.approx(
        np.degrees(np.arctan2(0.3, 0.6)), abs=0.5
    )
    bent = np.array([[1, 0.1, 5], [0, 0.9, 3], [4e-4, 1e-4, 1]])
    seen = np.c_[left, np.ones(60)] @ bent.T
    assert estimate_homography(left, (seen[:, :2] / seen[:, 2:]).astype(np.float32), (200, 250)).is_inlier.all()
    assert estimate(left[:3], right[:3], (200, 250)) is None and estimate_homography(left[:7], right[:7], (200, 250)) is None
    assert (
        estimate(left, right[:, ::-1].copy(), (200, 250)) is None or estimate(left, right[:, ::-1].copy(), (200, 250)).is_inlier.sum() < 20
    )
