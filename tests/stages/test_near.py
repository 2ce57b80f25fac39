"""Near pairs over a table: equal codes once, files once, turns, bounds."""

import numpy as np
import pytest

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.tables import Files, Fingerprints, object_array
from visdatcompy_ds.catalog.hashes import HASHES
from visdatcompy_ds.catalog.turns import TURNS, inverse_turn, turned
from visdatcompy_ds.stages.candidates import distinct, near
from visdatcompy_ds.stages.candidates.distances import DISTANCES
from visdatcompy_ds.stages.candidates.distinct import comparable, file_numbers
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
    return near.find(table, rows, others, "phash", cutoff, file_numbers(table), **options)


def test_equal_codes_are_one_entry_with_all_their_pairs():
    result = found(table_of(FIVE))
    assert list(zip(result.left, result.right, result.distance, result.pairs, strict=True)) == [(0, 1, 0, 1), (0, 2, 1, 2), (2, 3, 2, 1)]
    assert result.left_items.members(result.left_item[0]).tolist() == [0, 1]


def test_expanding_gives_a_row_for_each_pair():
    result = found(table_of(FIVE), expand=True)
    assert list(zip(result.left, result.right, result.distance, strict=True)) == [(0, 1, 0), (0, 2, 1), (1, 2, 1), (2, 3, 2)]


def test_a_file_is_compared_once_whatever_its_paths():
    table = table_of(FIVE, inodes=[7, 7, 2, 3, 4])
    of = comparable(table, np.arange(5))
    assert of.rows.tolist() == [0, 2, 3, 4] and not len(of.flat)
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
    of = comparable(table, np.arange(5))
    assert of.rows.tolist() == [0, 3, 4] and of.flat.tolist() == [1]


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
    monkeypatch.setattr(near, "BLOCK", 50)
    monkeypatch.setattr(distinct, "BLOCK", 50)
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
    monkeypatch.setattr(distinct, "BLOCK", 37)
    small = [np.concatenate(parts) for parts in zip(*near.rows_within(codes, rows, HASHES["phash"], 26, 2), strict=True)]
    assert len(whole[0]) > 3000 and (whole[0] < whole[1]).all()
    assert sorted(zip(*whole, strict=True)) == sorted(zip(*small, strict=True))
    assert len(set(zip(whole[0], whole[1], strict=True))) == len(whole[0])


def test_a_search_that_would_give_too_many_pairs_says_so_before(monkeypatch):
    monkeypatch.setattr(near, "MOST_PAIRS", 1000)
    crowded = table_of([code(k % 50) for k in range(300)])
    with pytest.raises(ArgumentError, match=r"about .* pairs.*max_per_image"):
        found(crowded, cutoff=2, expand=True)
    with pytest.raises(ArgumentError, match=r"about 1\.2e\+03 pairs"):
        found(crowded, cutoff=2)  # 50 codes, each near the others
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


def brute_force(table, rows, others, cutoff, orientations):
    """Return {(left, right): (distance, turn)} by comparing all with all, both ways round."""
    turns, files = table["phash_turns"], table.files.inode
    bits = np.unpackbits(turns, axis=2).astype(int)
    found = {}
    for left in rows:
        for right in rows if others is None else others:
            if files[left] == files[right] or (others is None and left >= right):
                continue
            for turn in range(8 if orientations else 1):
                there = np.abs(bits[left, turn] - bits[right, 0]).sum()
                back = np.abs(bits[left, 0] - bits[right, inverse_turn(turn)]).sum()
                best = (min(there, back), turn)
                if best[0] <= cutoff and best < found.get((left, right), (99, 0)):
                    found[left, right] = best
    return found


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("orientations", [False, True])
def test_whatever_the_codes_files_and_sides_the_pairs_are_those_of_brute_force(seed, orientations, monkeypatch):
    rng = np.random.default_rng(seed)
    monkeypatch.setattr("visdatcompy_ds.stages.candidates.distances._NUMPY_CELLS", 0 if seed % 2 else 10**9)
    monkeypatch.setattr(distinct, "BLOCK", int(rng.integers(3, 60)))
    few = np.packbits(rng.random((5, 8, 64)) < 0.06, axis=2)
    turns = few[rng.integers(0, 5, 26)]
    odd = rng.random(26) < 0.3  # equal as they lie, and not when turned
    if seed % 4 == 0:
        turns[:, 2:] = turns[:, 1:2]  # pictures that lie alike in many ways
    turns[odd, 1:] ^= np.packbits(rng.random((int(odd.sum()), 7, 64)) < 0.03, axis=2)
    inodes = rng.integers(1, 22, 26) if seed % 3 else np.arange(1, 27)
    table = table_of(turns[:, 0], inodes=inodes, phash_turns=turns)
    cutoff = int(rng.integers(0, 9))
    for others in (None, np.arange(13, 26)):
        rows = comparable(table, np.arange(26 if others is None else 13)).rows
        targets = None if others is None else comparable(table, others).rows
        expected = brute_force(table, rows.tolist(), None if targets is None else targets.tolist(), cutoff, orientations)
        whole = found(table, rows, targets, cutoff, orientations=orientations, expand=True, workers=1 + seed % 3)
        assert {(a, b): (d, t) for a, b, d, t in zip(whole.left, whole.right, whole.distance, whole.turn, strict=True)} == expected
        entries = found(table, rows, targets, cutoff, orientations=orientations)
        again = {}
        for u, v, distance, turn in zip(entries.left_item, entries.right_item, entries.distance, entries.turn, strict=True):
            for a in entries.left_items.members(u).tolist():
                for b in entries.right_items.members(v).tolist():
                    pair = (a, b) if targets is not None or a < b else (b, a)
                    if table.files.inode[a] != table.files.inode[b]:
                        again[pair] = (distance, turn if pair == (a, b) else inverse_turn(turn))
        assert {pair: distance for pair, (distance, _) in again.items()} == {pair: distance for pair, (distance, _) in expected.items()}
        bits = np.unpackbits(turns, axis=2).astype(int)
        for (a, b), (distance, turn) in again.items():  # of turns that are as near, the one between the first rows of the two codes
            there, back = (np.abs(bits[x, y] - bits[z, w]).sum() for x, y, z, w in ((a, turn, b, 0), (a, 0, b, inverse_turn(turn))))
            assert min(there, back) == distance
        assert entries.pairs.sum() == len(expected)
        assert (table.files.inode[entries.left] != table.files.inode[entries.right]).all()
        few_each = found(table, rows, targets, cutoff, orientations=orientations, expand=True, most_per_image=2)
        kept = set(zip(few_each.left.tolist(), few_each.right.tolist(), strict=True))
        assert kept == among_nearest(expected, 2)


def among_nearest(expected, most):
    by_row = {}
    for (left, right), (distance, _) in expected.items():
        by_row.setdefault(("l", left), []).append((distance, right, left, right))
        by_row.setdefault(("r", right), []).append((distance, left, left, right))
    if any(left > 12 for left, _ in expected):  # one set: a row is a row on whichever side
        merged = {}
        for (_, row), pairs in by_row.items():
            merged.setdefault(row, []).extend(pairs)
        by_row = merged
    return {(left, right) for pairs in by_row.values() for _, _, left, right in sorted(pairs)[:most]}


def test_a_crowded_search_is_bounded_by_the_nearest_of_each():
    rng = np.random.default_rng(1)
    codes = np.packbits(rng.random((3000, 64)) < 0.08, axis=1)
    result = found(table_of(codes), cutoff=40, most_per_image=3)
    assert 3000 <= len(result.left) <= 9000
    with pytest.raises(ArgumentError, match="max_per_image"):
        found(table_of(np.packbits(rng.random((9000, 64)) < 0.08, axis=1)), cutoff=40)


def test_too_many_equal_codes_across_are_counted_before(monkeypatch):
    table = table_of(np.concatenate([np.zeros((8000, 8), np.uint8), np.random.default_rng(0).integers(0, 256, (2000, 8), dtype=np.uint8)]))
    with pytest.raises(ArgumentError, match=r"about 1\.6e\+07 pairs"):
        found(table, np.arange(4000), np.arange(4000, 10000), cutoff=0, expand=True)
    entries = found(table, np.arange(4000), np.arange(4000, 10000), cutoff=0)
    assert entries.pairs.tolist() == [16_000_000]


def test_numbers_at_exactly_the_distance_are_within_it():
    rng = np.random.default_rng(8)
    for name in ("color_moment", "radial_variance"):
        method = HASHES[name]
        codes = rng.normal(size=(40, 42)) * 1e-3 if name == "color_moment" else rng.integers(0, 256, (40, 40)).astype(np.uint8)
        distance = DISTANCES[method.distance]
        one, other = np.triu_indices(40, 1)
        apart = distance.between(codes[one], codes[other])
        assert np.array_equal(apart, distance.between(codes[other], codes[one]))
        for cutoff in np.sort(apart)[:60]:
            pairs = np.concatenate(list(distance.within(codes, None, float(cutoff), 1)))
            assert len(pairs) == (apart <= cutoff).sum()


def test_an_image_that_looks_alike_in_several_ways_takes_no_place_of_another():
    rng = np.random.default_rng(3)
    turns = np.packbits(rng.random((8, 8, 64)) < 0.5, axis=2)
    shown = turns[2, 0].copy()
    turns[2:, 0] = shown  # six images of one code
    turns[0, [1, 2, 3]] = shown  # one that gives it in three ways, and one in a single way
    turns[1, 4] = shown
    table = table_of(turns[:, 0], phash_turns=turns)
    expected = brute_force(table, range(8), None, 0, True)
    result = found(table, cutoff=0, orientations=True, expand=True, most_per_image=2)
    pairs = set(zip(result.left.tolist(), result.right.tolist(), strict=True))
    nearest = {row: sorted(pair for pair in expected if row in pair)[:2] for row in range(8)}
    assert pairs == {pair for some in nearest.values() for pair in some} and (1, 7) in pairs
