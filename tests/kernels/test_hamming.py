"""Exact search: the pairs of brute force, whatever the codes, the radius and how the work is cut."""

import numpy as np
import pytest

from visdatcompy_ds.kernels import hamming, hamming_join, hamming_loops
from visdatcompy_ds.kernels.hamming_join import Join, Part, by_word

RANDOM = np.random.default_rng(3)


def codes_of(kind, n, width):
    codes = RANDOM.integers(0, 256, (n, width), dtype=np.uint8)
    if kind != "random":
        codes = codes[: n // 10][RANDOM.integers(0, n // 10, n)] ^ np.packbits(RANDOM.random((n, width * 8)) < 0.04, axis=1)
    if kind == "skewed":  # most bits are constant, as in flat or sparse pictures
        codes[:, ::2] &= 1
    return np.unique(codes, axis=0)


def brute_force(left, right, radius):
    distance = np.array([[bin(int.from_bytes(bytes(a ^ b), "big")).count("1") for b in right] for a in left])
    return distance <= radius


def joined(left, right, radius, parts=None):
    join = Join(hamming.as_words(left), None if right is None else hamming.as_words(right), radius)
    join.parts = parts or join.parts
    found = [np.empty((0, 2), np.int32)]
    for tasks in join.tasks():
        found += [join.search(task) for task in tasks]
    return np.concatenate(found), join


def as_matrix(pairs, n, m):
    count = np.zeros((n, m), int)
    np.add.at(count, (pairs[:, 0], pairs[:, 1]), 1)
    return count


@pytest.mark.parametrize("kind", ["random", "clustered", "skewed"])
@pytest.mark.parametrize("width", [2, 8, 12, 32, 72])
def test_the_join_finds_each_pair_once_and_no_other(kind, width):
    codes = codes_of(kind, 300, width)
    others = codes_of(kind, 120, width)
    some = min(60, len(others))
    others[:some] = codes[:some]
    for radius in (0, 1, 3, 7, 10, 16):
        if radius > 8 * width:
            continue
        expected = brute_force(codes, codes, radius)
        found, join = joined(codes, None, radius)
        count = as_matrix(found, len(codes), len(codes))
        assert np.array_equal(count + count.T, expected & ~np.eye(len(codes), dtype=bool)), (radius, join.parts)
        found, _ = joined(codes, others, radius)
        assert np.array_equal(as_matrix(found, len(codes), len(others)), brute_force(codes, others, radius))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("radius", [2, 9, 13])
def test_any_number_of_parts_finds_the_same_pairs(count, radius, monkeypatch):
    monkeypatch.setattr(hamming_join, "_TASK", 500)  # many small tasks, which begin and end within buckets
    codes = codes_of("clustered", 400, 8)
    parts = hamming_join._parts(64, count, radius)
    assert sum(part.threshold + 1 for part in parts) == radius + 1
    found, _ = joined(codes, None, radius, parts)
    whole, _ = joined(codes, None, radius, [Part(0, 0, 0)])
    assert len(found) == len(whole) > 0
    assert np.array_equal(np.unique(np.sort(found, 1), axis=0), np.unique(np.sort(whole, 1), axis=0))


def test_crowded_buckets_are_compared_all_with_all():
    crowded = np.zeros((3000, 8), np.uint8)
    crowded[:, 6:] = np.arange(3000, dtype=np.uint16)[:, None].view(np.uint8)
    assert Join(hamming.as_words(crowded), None, 10).parts == [Part(0, 0, 0)]
    spread = RANDOM.integers(0, 256, (200_000, 8), dtype=np.uint8)
    assert len(Join(hamming.as_words(spread), None, 10).parts) > 3


def test_comparing_all_with_all_in_numpy_gives_the_same():
    for width in (8, 72):
        codes, others = codes_of("clustered", 900, width), codes_of("clustered", 300, width)
        others[:100] = codes[:100]
        for right in (None, others):
            small = np.concatenate(list(hamming.within(hamming.as_words(codes), None if right is None else hamming.as_words(right), 12)))
            large, _ = joined(codes, right, 12)
            large = np.sort(large, axis=1) if right is None else large
            assert np.array_equal(small, np.unique(large, axis=0))


def test_keys_of_a_part_that_crosses_words():
    words = RANDOM.integers(0, 2**64, (50, 2), dtype=np.uint64)
    whole = [int(a) | int(b) << 64 for a, b in words]
    part = Part(57, 13, 1)
    assert part.keys(words).tolist() == [value >> 57 & 0x1FFF for value in whole]
    assert sum(int(word) << 64 * at for at, word in enumerate(part.mask(2))) == 0x1FFF << 57


def test_the_nearest_is_the_first_of_the_least_and_no_path_of_the_same_file():
    codes = codes_of("clustered", 500, 8)
    codes[7] = codes[3]
    files = np.arange(len(codes))
    files[20] = files[21]
    words = by_word(hamming.as_words(codes))
    distance, position = hamming_loops.nearest(words, files, 5, 60, words, files)
    bits = np.array([[bin(int.from_bytes(bytes(a ^ b), "big")).count("1") for b in codes] for a in codes[5:60]])
    bits[files[5:60, None] == files[None]] = 999
    assert np.array_equal(distance, bits.min(axis=1))
    assert np.array_equal(position, bits.argmin(axis=1))
    weights = RANDOM.integers(1, 9, len(codes))
    counts = hamming_loops.count_within(words, 5, 60, words, weights, 12)
    everything = np.array([[bin(int.from_bytes(bytes(a ^ b), "big")).count("1") <= 12 for b in codes] for a in codes[5:60]])
    assert np.array_equal(counts, everything @ weights)


def test_nothing_is_near_in_an_empty_set():
    none, words = np.zeros(0, np.int64), by_word(np.zeros((0, 1), np.uint64))
    one = by_word(np.ones((1, 1), np.uint64))
    distance, position = hamming_loops.nearest(one, np.zeros(1, np.int64), 0, 1, words, none)
    assert position.tolist() == [-1] and distance.tolist() == [65]


def test_shifts_and_adds_count_bits_as_numpy_does(monkeypatch):
    words = RANDOM.integers(0, 2**64, 100, dtype=np.uint64)
    ones = [bin(int(word)).count("1") for word in words]
    assert hamming.popcount(words).tolist() == ones
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert hamming.popcount(words).tolist() == ones
