"""Pairs within a cut-off: those of the whole matrix, with the same scores to the last bit, whatever was pruned."""

import cv2
import numpy as np
import pytest

from visdatcompy_ds import ArgumentError
from visdatcompy_ds.catalog.metrics import METRICS, Metric
from visdatcompy_ds.kernels import metric_pairs as kernel
from visdatcompy_ds.stages import metric_pairs, stacks

GREY = [metric for metric in METRICS.values() if metric.reads == "grey"]
ABSOLUTE = Metric("worst", lambda left, right: float(np.abs(left.astype(int) - right).max()), False, 0.0, (0, 255))


def pictures_of(photo, side, count=40):
    """Return photos, noisy and shifted copies of them, flat, inverted and equal pictures, of any shape."""
    height, width = side
    rng = np.random.default_rng(height)
    base = [cv2.resize(cv2.cvtColor(photo(k), cv2.COLOR_RGB2GRAY), (width, height), interpolation=cv2.INTER_AREA) for k in range(6)]
    made = [*base, np.zeros(side, np.uint8), np.full(side, 255, np.uint8), np.full(side, 130, np.uint8), 255 - base[0], base[1].copy()]
    while len(made) < count:
        picture = made[rng.integers(0, 6)].astype(int) + rng.integers(-12, 13, side) + rng.integers(-20, 20)
        made.append(np.clip(picture, 0, 255).astype(np.uint8))
    return np.stack(made)[rng.permutation(len(made))]


def cutoffs_of(metric, values):
    finite = np.sort(values[np.isfinite(values)])
    some = [finite[0], finite[len(finite) // 30], finite[len(finite) // 2], finite[-1], (finite[5] + finite[6]) / 2]
    return [*some, metric.identical] if metric.name == "psnr" else some


@pytest.mark.parametrize("metric", [*GREY, ABSOLUTE], ids=lambda metric: metric.name)
@pytest.mark.parametrize("side", [(64, 64), (50, 37), (5, 90), (1, 1)], ids=str)
def test_pairs_are_those_of_the_matrix(metric, side, photo, monkeypatch):
    pictures = pictures_of(photo, side)
    monkeypatch.setattr(metric_pairs._Pruned, "step", 16)
    n = len(pictures)
    left, right = stacks.Stack(np.arange(n), pictures), stacks.Stack(np.arange(n, 2 * n - 9), pictures[::-1][9:].copy())
    whole = stacks.matrix(metric, [left], None, left.rows, left.rows)
    if not metric.is_symmetric:
        whole = np.minimum(whole, whole.T)
    across = stacks.matrix(metric, [left], [right], left.rows, right.rows)
    upper = np.triu(np.ones((n, n), bool), 1)
    for cutoff in cutoffs_of(metric, whole[upper]):
        found = metric_pairs.find(metric, [left], None, float(cutoff), np.arange(2 * n), 2)
        expected = metric.is_within(whole, cutoff) & upper
        assert len(found.left) == expected.sum() and expected[found.left, found.right].all()
        assert np.array_equal(whole[found.left, found.right], found.score)
        best_first = found.score if not metric.higher_is_better else -found.score
        assert (np.diff(best_first[np.isfinite(best_first)]) >= 0).all()
        assert found.pairs == n * (n - 1) // 2 and len(found.left) <= found.compared <= found.pairs
        found = metric_pairs.find(metric, [left], [right], float(cutoff), np.arange(2 * n), 1)
        expected = metric.is_within(across, cutoff)
        assert len(found.left) == expected.sum() and expected[found.left, found.right - n].all()
        assert np.array_equal(across[found.left, found.right - n], found.score)


@pytest.mark.parametrize("name", ["mse", "psnr", "nrmse", "mae"])
def test_cells_tell_most_pairs_apart(name, photo):
    metric, pictures = METRICS[name], pictures_of(photo, (128, 128), 200)
    stack = stacks.Stack(np.arange(200), pictures)
    whole = stacks.matrix(metric, [stack], None, stack.rows, stack.rows)
    values = np.sort(whole[np.triu_indices(200, 1)])
    cutoff = float(values[-200] if metric.higher_is_better else values[200])
    found = metric_pairs.find(metric, [stack], None, cutoff, np.arange(200))
    assert found.compared < 0.1 * found.pairs


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("side", [(64, 64), (33, 70), (3, 2)], ids=str)
def test_features_are_never_further_apart_than_pixels(power, side, photo):
    pictures = pictures_of(photo, side, 30)
    flat = pictures.reshape(30, -1).astype(float)
    i, j = np.triu_indices(30, 1)
    apart = (np.abs(flat[i] - flat[j]) ** power).sum(axis=1) ** (1 / power)
    pairs = np.stack([i, j], axis=1).astype(np.int32)
    for cells in (1, 8, 32):
        features = kernel.features(pictures, cells, power).astype(float)
        bound = (np.abs(features[i] - features[j]) ** power).sum(axis=1) ** (1 / power)
        assert (bound <= apart * (1 + 1e-5) + 0.1).all()
        reach = kernel.widened(np.full(30, np.median(apart)), features.astype(np.float32))
        for found in (
            kernel.near_features(features.astype(np.float32), features.astype(np.float32), reach, reach, power, True),
            kernel.still_near(features.astype(np.float32), features.astype(np.float32), reach, reach, power, pairs),
        ):
            kept = set(map(tuple, found.tolist()))
            assert {(a, b) for (a, b), near in zip(pairs.tolist(), apart <= np.median(apart), strict=True) if near} <= kept
    sums = kernel.sums_of(pictures.reshape(30, -1), pictures.reshape(30, -1), pairs, power)
    assert np.array_equal(sums, np.round((np.abs(flat[i] - flat[j]) ** power).sum(axis=1)))


@pytest.mark.parametrize("metric", GREY, ids=lambda metric: metric.name)
def test_the_nearest_is_that_of_the_matrix(metric, photo, monkeypatch):
    pictures = pictures_of(photo, (24, 24))
    stack, n = stacks.Stack(np.arange(40), pictures), 40
    whole = stacks.matrix(metric, [stack], None, stack.rows, stack.rows)
    files = np.arange(n)
    files[7] = files[3]
    apart = -whole if metric.higher_is_better else whole.copy()
    apart[files[:, None] == files[None]] = np.nan
    best, score = metric_pairs.nearest(metric, [stack], None, files, 2)
    assert np.array_equal(best, np.nanargmin(apart, axis=1))
    assert np.array_equal(score, whole[np.arange(n), best])
    monkeypatch.setattr(stacks, "_PIXELS", 24 * 24)  # tiles of one picture each make no difference
    small = metric_pairs.nearest(metric, [stack], None, files, 1)
    assert np.array_equal(small[0], best) and np.array_equal(small[1], score)


def test_scores_of_chosen_pairs_are_those_of_the_matrix(photo):
    pictures = pictures_of(photo, (20, 20))
    left, right = np.random.default_rng(1).integers(0, 40, (2, 300))
    for metric in GREY:
        stack = stacks.Stack(np.arange(40), pictures)
        whole = stacks.matrix(metric, [stack], [stack], stack.rows, stack.rows)
        for some in (slice(0, 150), slice(0, 300)):  # few of all pairs, and many
            expected = whole if metric.is_symmetric else np.minimum(whole, whole.T)  # NRMSE: the better of both directions
            assert np.array_equal(metric_pairs.scores_of(metric, pictures, left[some], right[some]), expected[left[some], right[some]])
    assert len(metric_pairs.scores_of(METRICS["mse"], pictures, left[:0], right[:0])) == 0


def test_too_many_pairs_are_refused_with_a_way_out(photo, monkeypatch):
    monkeypatch.setattr(metric_pairs, "MOST_PAIRS", 100)
    stack = stacks.Stack(np.arange(40), pictures_of(photo, (16, 16)))
    with pytest.raises(ArgumentError, match="stricter"):
        metric_pairs.find(METRICS["mse"], [stack], None, 65025.0, np.arange(40))


def test_pictures_of_other_shapes_are_no_pairs(photo):
    left = [stacks.Stack(np.arange(3), np.zeros((3, 8, 9), np.uint8)), stacks.Stack(np.arange(3, 5), np.zeros((2, 9, 8), np.uint8))]
    for metric in GREY:
        found = metric_pairs.find(metric, left, None, metric.identical if metric.name != "psnr" else 90.0, np.arange(5))
        assert set(zip(found.left.tolist(), found.right.tolist(), strict=True)) == {(0, 1), (0, 2), (1, 2), (3, 4)}
    best, _ = metric_pairs.nearest(METRICS["mse"], left[:1], left[1:], np.arange(5))
    assert (best == -1).all()
    assert len(metric_pairs.find(METRICS["mse"], [], None, 1.0, np.arange(0)).left) == 0


@pytest.mark.parametrize("name", ["mae", "mse"])
def test_rounding_of_large_sums_loses_no_pair(name):
    """On 3000 x 2000 pixels a cell's sum has no exact float32: pictures that differ in a few pixels are found all the same."""
    rng = np.random.default_rng(2)
    base = rng.integers(200, 256, (2000, 3000)).astype(np.uint8)
    pictures = np.stack([base] * 4)
    for k in range(1, 4):
        y, x = rng.integers(0, 2000, 40), rng.integers(0, 3000, 40)
        pictures[k, y, x] -= k
    stack = stacks.Stack(np.arange(4), pictures)
    whole = stacks.matrix(METRICS[name], [stack], None, stack.rows, stack.rows)
    for cutoff in whole[np.triu_indices(4, 1)]:
        found = metric_pairs.find(METRICS[name], [stack], None, float(cutoff), np.arange(4))
        assert len(found.left) == (whole[np.triu_indices(4, 1)] <= cutoff).sum()


@pytest.mark.parametrize("metric", GREY, ids=lambda metric: metric.name)
def test_a_pair_at_the_cutoff_is_within_it(metric, photo):
    """Every value of a matrix as the cut-off: none may be lost by a rounding."""
    pictures = pictures_of(photo, (21, 33))
    stack = stacks.Stack(np.arange(40), pictures)
    whole = stacks.matrix(metric, [stack], None, stack.rows, stack.rows)
    values = np.sort((whole if metric.is_symmetric else np.minimum(whole, whole.T))[np.triu_indices(40, 1)])
    for cutoff in values[np.isfinite(values)][::3]:
        found = metric_pairs.find(metric, [stack], None, float(cutoff), np.arange(40), 1)
        assert len(found.left) == metric.is_within(values, cutoff).sum()


def test_paths_of_one_file_are_no_pairs(photo):
    stack, files = stacks.Stack(np.arange(40), pictures_of(photo, (16, 16))), np.arange(40)
    files[[5, 9]] = 2
    found = metric_pairs.find(METRICS["mse"], [stack], None, 65025.0, files)
    assert len(found.left) == 38 * 37 // 2 and not {5, 9} & {*found.left.tolist(), *found.right.tolist()}
    across = metric_pairs.find(METRICS["mse"], [stack], [stack], 65025.0, files)
    assert len(across.left) == 38 * 38 - 38
