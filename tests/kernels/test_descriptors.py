import numpy as np

from visdatcompy_ds.kernels.descriptors import nearest_two
from visdatcompy_ds.kernels.windows import tile_correlations

RANDOM = np.random.default_rng(11)


def test_nearest_two_are_those_of_all_distances():
    left, right = (RANDOM.integers(0, 2**63, (n, 4)).astype(np.uint64) for n in (70, 50))
    right[7] = right[20] = left[3]
    nearest, first, second, back = nearest_two(left, right)
    apart = np.unpackbits((left[:, None] ^ right[None]).view(np.uint8), axis=2).sum(axis=2)
    assert np.array_equal(nearest, apart.argmin(axis=1)) and np.array_equal(back, apart.argmin(axis=0))
    assert np.array_equal(np.stack([first, second], axis=1), np.sort(apart, axis=1)[:, :2])


def test_tiles_are_those_of_numpy_and_need_cover():
    left, right = (RANDOM.normal(100, 30, (40, 50)).astype(np.float32) for _ in range(2))
    covered = np.ones((40, 50), bool)
    covered[:10, :10] = False
    found = tile_correlations(left, right, covered, 12, 6)
    places = [(y, x) for y in range(0, 29, 6) for x in range(0, 39, 6) if covered[y : y + 12, x : x + 12].mean() >= 0.95]
    assert [tuple(row) for row in found[:, :2].astype(int).tolist()] == places
    for y, x, one, other, both in found:
        a, b = (
            side[int(y) : int(y) + 12, int(x) : int(x) + 12][covered[int(y) : int(y) + 12, int(x) : int(x) + 12]] for side in (left, right)
        )
        expected = np.cov(np.stack([a, b]).astype(float), bias=True)
        assert np.allclose((one, other, both), (expected[0, 0], expected[1, 1], expected[0, 1]), rtol=1e-5, atol=1e-3)
    assert len(tile_correlations(left[:5], right[:5], covered[:5], 12, 6)) == 0
