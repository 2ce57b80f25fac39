"""Near pairs over a table: equal codes once, files once, turns, bounds."""

import numpy as np
import pytest

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.tables import Files, Fingerprints, object_array
from visdatcompy_ds.catalog.hashes import HASHES
from visdatcompy_ds.catalog.turns import TURNS, inverse_turn, turned
from visdatcompy_ds.stages.candidates import near
from visdatcompy_ds.stages.candidates.distances import DISTANCES
from visdatcompy_ds.stages.group import stars


def table_of(codes, inodes=None, low=(), **columns):
    n = len(codes)
    zeros = np.zeros(n, np.int64)
    ids, paths = object_array([f"{k}.jpg" for k in range(n)]), object_array([f"/{k}".encode() for k in range(n)])
    inode = np.array(inodes if inodes is not None else np.arange(1, n + 1), np.uint64)
    status = zeros.astype(np.uint8)
    files = Files(("d",), zeros.astype(np.int16), ids, paths, zeros, zeros, zeros, inode, status, object_array([""] * n))
    flat = np.isin(np.arange(n), low)
    return Fingerprints(files, {"phash": np.array(codes, np.uint8), "decoded": np.ones(n, bool), "low_information": flat, **columns})


def code(*bits):
    out = np.zeros(64, bool)
    out[list(bits)] = True
    return np.packbits(out)


FIVE = [code(), code(), code(1), code(1, 2, 3), code(*range(30))]  # 0 and 1 equal; 2 near both; 3 near 2


def found(table, rows=None, others=None, cutoff=2, **options):
    rows = np.arange(len(table)) if rows is None else rows
    return near.find(table, rows, others, "phash", cutoff, **options)


def test_equal_codes_are_one_entry_with_all_their_pairs():
    result = found(table_of(FIVE))
    assert list(zip(result.left, result.right, result.distance, result.pairs, strict=True)) == [(0, 1, 0, 1), (0, 2, 1, 2), (2, 3, 2, 1)]
    assert result.left_codes.members(result.left_code[0]).tolist() == [0, 1]


def test_expanding_gives_a_row_for_each_pair():
    result = found(table_of(FIVE), expand=True)
    assert list(zip(result.left, result.right, result.distance, strict=True)) == [(0, 1, 0), (0, 2, 1), (1, 2, 1), (2, 3, 2)]


def test_a_file_is_compared_once_whatever_its_paths():
    table = table_of(FIVE, inodes=[7, 7, 2, 3, 4])
    usable, flat = near.comparable(table, np.arange(5))
    assert usable.tolist() == [0, 2, 3, 4] and not len(flat)
    across = found(table, np.array([0, 2]), np.array([1, 3]), expand=True)
    assert (0, 1) not in set(zip(across.left.tolist(), across.right.tolist(), strict=True))
    assert not (found(table, np.array([0]), np.array([1])).pairs > 0).any()
    several = found(table, np.array([0]), np.array([1, 2]), cutoff=1)
    assert list(zip(several.left, several.right, several.pairs, strict=True)) == [(0, 2, 1)]


def test_an_entry_across_counts_pairs_without_those_of_one_file():
    table = table_of([code()] * 4, inodes=[1, 2, 1, 3])
    result = found(table, np.array([0, 1]), np.array([2, 3]))
    assert result.pairs.tolist() == [3]
    assert table.files.inode[result.left[0]] != table.files.inode[result.right[0]]


def test_what_shows_too_little_or_was_not_read_is_set_aside():
    table = table_of(FIVE, low=[1])
    table.columns["decoded"][2] = False
    usable, flat = near.comparable(table, np.arange(5))
    assert usable.tolist() == [0, 3, 4] and flat.tolist() == [1]


def test_the_nearest_of_each_image_are_kept_and_its_own_nearest_always():
    rng = np.random.default_rng(0)
    codes = [code(*rng.permutation(64)[:3]) for _ in range(40)]
    table = table_of(codes)
    whole = found(table, cutoff=6, expand=True)
    few = found(table, cutoff=6, expand=True, most_per_image=1)
    assert 20 <= len(few.left) < len(whole.left)
    for row in range(40):
        mine = [at for at in range(len(whole.left)) if row in (whole.left[at], whole.right[at])]
        best = min(mine, key=lambda at: (whole.distance[at], whole.left[at] + whole.right[at] - row))
        assert (whole.left[best], whole.right[best]) in set(zip(few.left, few.right, strict=True))


def test_many_equal_codes_are_bounded_without_being_expanded(monkeypatch):
    monkeypatch.setattr(near, "_BLOCK", 50)
    table = table_of([code()] * 60 + [code(1)] * 3)
    result = found(table, expand=True, most_per_image=2)
    per_row = np.bincount(np.concatenate([result.left, result.right]), minlength=63)
    assert (per_row >= 2).all()
    assert len(result.left) < 63 * 3
    assert set(result.distance) == {0}


def test_blocks_of_any_size_give_the_same(monkeypatch):
    rng = np.random.default_rng(2)
    codes = np.packbits(rng.random((50, 64)) < 0.5, axis=1)[rng.integers(0, 50, 400)]
    rows = np.arange(400)
    whole = [np.concatenate(parts) for parts in zip(*near.rows_within(codes, rows, HASHES["phash"], 26, 1), strict=True)]
    monkeypatch.setattr(near, "_BLOCK", 37)
    small = [np.concatenate(parts) for parts in zip(*near.rows_within(codes, rows, HASHES["phash"], 26, 2), strict=True)]
    assert len(whole[0]) > 3000 and (whole[0] < whole[1]).all()
    assert sorted(zip(*whole, strict=True)) == sorted(zip(*small, strict=True))
    assert len(set(zip(whole[0], whole[1], strict=True))) == len(whole[0])


def test_a_search_that_would_give_too_many_pairs_says_so_before(monkeypatch):
    monkeypatch.setattr(near, "MOST_PAIRS", 1000)
    crowded = table_of([code(k % 50) for k in range(300)])
    with pytest.raises(ArgumentError, match=r"about .* pairs.*max_per_image"):
        found(crowded, cutoff=2, expand=True)
    with pytest.raises(ArgumentError, match=r"about 1\.3e\+03 pairs"):
        found(crowded, cutoff=2)  # 50 codes, each near the others, and 50 entries of equal ones
    assert 300 < len(found(crowded, cutoff=2, expand=True, most_per_image=3).left) <= 900
    assert len(found(table_of([code(k) for k in range(40)]), cutoff=2).left) == 40 * 39 / 2


def test_turned_copies_are_found_from_either_side_and_named():
    rng = np.random.default_rng(4)
    pictures = rng.integers(0, 256, (3, 16, 16), dtype=np.uint8)
    for turn, name in enumerate(TURNS):
        there = turned(pictures, turn)
        assert np.array_equal(turned(there, inverse_turn(turn)), pictures), name
    bits = np.unpackbits(rng.integers(0, 256, (2, 8), dtype=np.uint8), axis=1).reshape(2, 8, 8)

    def codes_of(picture):
        return np.stack([np.packbits(turned(picture[None], turn).reshape(64)) for turn in range(8)])

    for turn in range(1, 8):
        right = turned(bits[:1], turn)[0]
        for first, second, expected in ((bits[0], right, turn), (right, bits[0], inverse_turn(turn))):
            stacked = [codes_of(picture) for picture in (first, second, bits[1])]
            table = table_of([codes[0] for codes in stacked], phash_turns=np.stack(stacked))
            result = found(table, cutoff=0, orientations=True)
            assert (result.left.tolist(), result.right.tolist(), result.turn.tolist()) == ([0], [1], [expected])
            across = found(table, np.array([1]), np.array([0, 2]), cutoff=0, orientations=True, expand=True)
            assert (across.left.tolist(), across.right.tolist(), across.turn.tolist()) == ([1], [0], [inverse_turn(expected)])


def test_groups_hang_on_a_keeper_and_never_on_a_chain():
    table = table_of(FIVE)
    result = found(table, cutoff=2)
    number, row, is_keeper, distance = stars(result, np.array([2, 0, 1, 3, 4]), 5)
    assert (row[is_keeper].tolist(), row.tolist(), distance.tolist()) == ([2], [2, 0, 1, 3], [0, 1, 1, 2])
    number, row, is_keeper, distance = stars(result, np.array([3, 1, 0, 2, 4]), 5)
    assert list(zip(number, row, is_keeper, distance, strict=True)) == [
        (1, 1, True, 0),
        (1, 0, False, 0),
        (2, 3, True, 0),
        (2, 2, False, 2),
    ]


def test_groups_of_nothing_are_nothing():
    lonely = found(table_of([code(), code(*range(40))]), cutoff=2)
    assert [len(column) for column in stars(lonely, np.arange(2), 2)] == [0] * 4


@pytest.mark.parametrize("name", ["phash", "color_moment", "radial_variance"])
@pytest.mark.parametrize("workers", [1, 3])
def test_every_distance_finds_what_comparing_all_with_all_finds(name, workers):
    rng = np.random.default_rng(6)
    method = HASHES[name]
    if method.dtype == "uint8":
        codes = rng.integers(0, 256, (150, method.width)).astype(np.uint8)
        codes[75:] = codes[:75] ^ (rng.random((75, method.width)) < 0.2)
    else:
        codes = rng.normal(size=(150, method.width)) * 1e-3
        codes[75:] = codes[:75] + rng.normal(size=(75, method.width)) * 1e-5
    distance = DISTANCES[method.distance]
    one, other = np.triu_indices(150, 1)
    apart = distance.between(codes[one], codes[other])
    cutoff = float(np.quantile(apart, 0.01))
    pairs = np.concatenate([np.sort(block, axis=1) for block in distance.within(codes, None, cutoff, workers)])
    expected = np.stack([one, other], axis=1)[apart <= cutoff]
    assert len(expected) > 50
    assert np.array_equal(np.unique(pairs, axis=0), expected) and len(pairs) == len(expected)
    across = np.concatenate(list(distance.within(codes[:75], codes[75:], cutoff, workers)))
    whole = distance.between(np.repeat(codes[:75], 75, axis=0), np.tile(codes[75:], (75, 1))).reshape(75, 75)
    assert np.array_equal(np.unique(across, axis=0), np.argwhere(whole <= cutoff))
    files = np.arange(75)
    least, position = distance.nearest(codes[:75], files, codes[75:], files + 100, workers)
    assert np.array_equal(position, whole.argmin(axis=1)) and np.allclose(least, whole.min(axis=1))
