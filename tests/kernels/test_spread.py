"""The loops of sampling, each against its plain form."""

import cv2
import numpy as np
import pytest

from visdatcompy_ds.kernels.edges import edge_histograms
from visdatcompy_ds.kernels.spread import draw, leaders, nearest_distances

WEIGHTS = np.repeat([1, 64], [6, 4]).astype(np.int32)


def plain_leaders(looks, before, waiting, most):
    scaled = looks * np.sqrt(WEIGHTS)
    held, out = list(before), []
    for i in waiting:
        near = [j for j in held if ((scaled[i] - scaled[j]) ** 2).sum() <= most**2]
        out.append(near[0] if near else -1)
        if not near:
            held.append(i)
    return out


@pytest.mark.parametrize("most", [0.0, 40.0, 120.0, 900.0])
def test_leaders_are_those_of_the_plain_loop(most):
    random = np.random.default_rng(0)
    looks = random.integers(0, 20, (700, 10)).astype(np.uint8)
    looks[300:350] = looks[:50]
    scaled = looks * np.sqrt(WEIGHTS)
    axes = np.linalg.svd(scaled - scaled.mean(axis=0), full_matrices=False)[2]
    space = ((scaled - scaled.mean(axis=0)) @ axes.T).astype(np.float32)
    before, waiting = np.arange(30), random.permutation(np.arange(30, 700))
    assert leaders(looks, WEIGHTS, space, before, waiting, most).tolist() == plain_leaders(looks, before, waiting, most)


@pytest.mark.parametrize("shown", [0, 25, 90])
def test_a_draw_takes_what_brings_most_nearer(shown):
    random = np.random.default_rng(1)
    space, taken = random.normal(size=(90, 5)).astype(np.float32), random.normal(size=(4, 5)).astype(np.float32)
    starts, cells = np.array([0, 40, 90]), random.permutation(np.repeat([0, 1], [30, 45]))
    chance, members, stands = random.random((len(cells), 5), np.float32), np.arange(90), np.sort(random.permutation(90)[:shown])
    drawn = draw(space, taken, stands, cells, starts, members.copy(), 5, chance)
    held, left, expected = list(taken), [40, 50], []

    def far(points, targets):
        return np.sqrt(((points[:, None] - np.array(targets)[None]) ** 2).sum(axis=2)).min(axis=1)

    for k, cell in enumerate(cells):
        ats = [starts[cell] + int(chance[k, t] * left[cell]) for t in range(5)]
        before = far(space[stands], held) if shown else np.empty(0)
        gains = []
        for at in ats:
            gain = np.maximum(before - far(space[stands], [space[members[at]]]), 0).sum() if shown else 0.0
            gains.append(gain + (0.0 if members[at] in stands else far(space[members[at]][None], held)[0]))
        at, last = ats[int(np.argmax(np.round(gains, 4)))], starts[cell] + left[cell] - 1
        expected.append(members[at])
        held.append(space[members[at]])
        members[at], members[last] = members[last], members[at]
        left[cell] -= 1
    assert drawn.tolist() == expected and len(set(expected)) == len(expected)


def test_the_first_of_all_is_the_middle_one():
    space = np.array([[0.0], [4.0], [5.0], [6.0], [10.0]], np.float32)
    chance = np.linspace(0, 0.999, 40, dtype=np.float32)[None]
    assert draw(space, space[:0], np.arange(5), np.zeros(1, np.int64), np.array([0, 5]), np.arange(5), 40, chance).tolist() == [2]


def test_everything_can_be_drawn():
    space = np.zeros((7, 3), np.float32)
    chance = np.full((7, 3), 0.9999999, np.float32)
    drawn = draw(space, space[:0], np.arange(3), np.zeros(7, np.int64), np.array([0, 7]), np.arange(7), 3, chance)
    assert sorted(drawn.tolist()) == list(range(7))


def test_nearest_distances():
    random = np.random.default_rng(2)
    space, targets = random.normal(size=(50, 6)).astype(np.float32), random.normal(size=(600, 6)).astype(np.float32)
    plain = np.sqrt(((space[:, None] - targets[None]) ** 2).sum(axis=2)).min(axis=1)
    np.testing.assert_allclose(nearest_distances(space, targets), plain, rtol=1e-5)
    assert np.isinf(nearest_distances(space, targets[:0])).all()


def test_edge_histograms_are_those_of_opencv(photo):
    greys = np.stack([cv2.resize(cv2.cvtColor(photo(k), cv2.COLOR_BGR2GRAY), (128, 128)) for k in range(3)])
    found = edge_histograms(greys)
    for grey, ours in zip(greys, found, strict=True):
        half = grey.reshape(64, 2, 64, 2).astype(np.float64).sum(axis=(1, 3))
        across, along = (cv2.Sobel(half, cv2.CV_64F, *way)[1:-1, 1:-1] for way in ((1, 0), (0, 1)))
        direction = (np.degrees(np.arctan2(along, across)) % 180 // 22.5).astype(int)
        part = np.arange(1, 63) // 16
        bins = np.zeros((4, 4, 8))
        np.add.at(bins, (part[:, None].repeat(62, 1), part[None].repeat(62, 0), direction), np.hypot(across, along))
        plain = 255 * np.sqrt(bins.ravel() / (bins.sum() + 32768))
        # A direction exactly between two belongs to either.
        assert np.abs(plain - ours).max() < 4 and np.abs(plain - ours).mean() < 0.6


def test_a_flat_picture_has_no_edges():
    assert not edge_histograms(np.full((1, 128, 128), 90, np.uint8)).any()
