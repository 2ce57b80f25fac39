"""Calibration: bounds that hold, strata that are whole, samples that no renaming changes."""

import numpy as np
import pytest

from visdatcompy_ds import ArgumentError, Calibration, Dataset, Hash
from visdatcompy_ds.catalog.edits import EDITS
from visdatcompy_ds.catalog.probes import CLEAN_PROBES
from visdatcompy_ds.stages import calibrate
from visdatcompy_ds.stages.calibrate import Measure, calibrating, drawn
from visdatcompy_ds.stages.calibrate.calibrating import _Stratum, interval
from visdatcompy_ds.stages.calibrate.drawn import _within_events


@pytest.fixture(scope="module")
def photos(tmp_path_factory, photo):
    from PIL import Image

    folder = tmp_path_factory.mktemp("calibrate")
    for k in range(24):
        Image.fromarray(photo(k)).save(folder / f"{k}.jpg", quality=92)
    Image.fromarray(photo(3)).save(folder / "again.jpg", quality=60)
    return folder


def test_the_interval_is_that_of_clopper_and_pearson():
    share, low, high = interval(3, 20)
    from math import comb

    def at_most(k, n, p):
        return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))

    assert share == 0.15
    assert at_most(3, 20, high) == pytest.approx(0.025)
    assert 1 - at_most(2, 20, low) == pytest.approx(0.025)
    assert interval(0, 100)[2] == pytest.approx(1 - 0.025 ** (1 / 100))
    assert interval(0, 100)[1] == 0 and interval(100, 100)[2] == 1


def test_a_sample_gives_a_bound_and_the_whole_a_count():
    whole = _Stratum(np.array([1.0, 2, 2, 9]), 4)
    assert whole.expected(2) == (3, 3)
    sample = _Stratum(np.arange(1000.0), 1_000_000)
    guess, bound = sample.expected(1)
    assert guess == 2000 and 2000 < bound < 8000
    assert sample.expected(-1)[1] == pytest.approx(3.7e-3 * 1e6, rel=0.01)  # nothing seen: four in a thousand may be
    assert _Stratum(np.empty(0), 50).expected(3)[1] == 50


def test_pairs_of_one_event_are_all_of_them_or_an_even_draw(monkeypatch):
    event = np.repeat([0, 1, 2], [5, 1, 70])
    left, right = _within_events(event, np.random.default_rng(0))
    assert len(left) == 10 + 70 * 69 // 2 == len(set(zip(left.tolist(), right.tolist(), strict=True)))
    assert (left < right).all() and (event[left] == event[right]).all()
    monkeypatch.setattr(drawn, "_EVENT_PAIRS", 200)
    left, right = _within_events(event, np.random.default_rng(0))
    assert len(set(zip(left.tolist(), right.tolist(), strict=True))) == 200


def test_calibrating_finds_a_cutoff_that_keeps_its_word(photos):
    hashes = Hash(Dataset(photos))
    result = hashes.calibrate("phash", max_false_pairs=1)
    assert result.is_supported and result.false_pairs <= 1
    assert result.copies_taken_out == 1  # again.jpg is a copy, and counts as none of the false pairs
    assert result.pairs == result.pairs_seen == 25 * 24 // 2 - 1
    assert result.by_edit.edit.tolist() == list(EDITS) and result.images == 25
    assert ((result.by_edit.low <= result.by_edit.recall) & (result.by_edit.recall <= result.by_edit.high)).all()
    assert result.by_edit.set_index("edit").recall["jpeg_75"] == 1
    assert result.by_cutoff.recall.is_monotonic_increasing and result.by_cutoff.false_pairs.is_monotonic_increasing
    frame = hashes.pairs("phash", max_distance=64, expand=True)
    inside = frame[frame.distance <= result.cutoff]
    assert len(inside) - 1 == result.false_pairs  # all but the copy
    assert f"Cut-off {result.cutoff:g}" in result.summary() and "crop_8" in result.summary()


def test_however_many_copies_there_are_none_counts_as_false(tmp_path, photo, write):
    for k in range(60):
        write(f"{k}.jpg", photo(k, 200, 150), quality=92)
        write(f"{k}_again.jpg", photo(k, 200, 150), quality=75)
    result = Hash(Dataset(tmp_path)).calibrate("phash", max_false_pairs=3)
    assert result.copies_taken_out == 60 and result.pairs == 120 * 119 // 2 - 60
    assert result.cutoff is not None and result.cutoff >= 4


def test_across_only_pairs_of_two_datasets_count(photos, tmp_path, photo, write):
    for k in range(30, 42):
        write(f"{k}.jpg", photo(k))
    hashes = Hash(Dataset(photos), Dataset(tmp_path))
    result = hashes.calibrate("phash", max_false_pairs=2)
    assert result.pairs == 25 * 12
    assert len(hashes.pairs("phash", result.cutoff, expand=True)) == result.false_pairs <= 2


def test_names_and_workers_do_not_change_a_calibration(photos, tmp_path):
    for k, path in enumerate(sorted(photos.iterdir(), reverse=True)):
        (tmp_path / f"x{k:03d}.jpg").write_bytes(path.read_bytes())
    one = Hash(Dataset(photos), workers=1).calibrate("dhash", max_false_pairs=2)
    other = Hash(Dataset(tmp_path), workers=3).calibrate("dhash", max_false_pairs=2)
    assert (one.cutoff, one.recall, one.false_pairs) == (other.cutoff, other.recall, other.false_pairs)
    assert one.by_edit.equals(other.by_edit)


def test_a_sample_that_cannot_support_the_wish_says_what_it_supports(photos, monkeypatch):
    monkeypatch.setattr(drawn, "_ALL_PAIRS", 10)
    monkeypatch.setattr(drawn, "_RANDOM_PAIRS", 60)
    monkeypatch.setattr(calibrating, "_COUNTED", -1)
    result = Hash(Dataset(photos)).calibrate("phash", max_false_pairs=0.5)
    assert not result.is_supported and result.pairs_seen < result.pairs and result.counted_to == -1
    assert result.false_pairs == 0 and result.false_pairs_at_most > 0.5
    assert "supports at most" in result.summary() and "not 0.5" in result.summary()


def test_near_pairs_are_counted_where_the_rest_is_sampled(photos, monkeypatch):
    hashes = Hash(Dataset(photos))
    whole = hashes.calibrate("phash", max_false_pairs=2)
    monkeypatch.setattr(drawn, "_ALL_PAIRS", 10)
    monkeypatch.setattr(drawn, "_RANDOM_PAIRS", 150)
    sampled = hashes.calibrate("phash", max_false_pairs=2)
    assert sampled.pairs_seen < sampled.pairs and sampled.counted_to > 0
    assert (sampled.cutoff, sampled.false_pairs, sampled.false_pairs_at_most) == (whole.cutoff, whole.false_pairs, whole.false_pairs)
    assert sampled.is_supported and f"up to a distance of {sampled.counted_to:g}" in sampled.summary()


def test_a_measure_that_tells_nothing_apart_leaves_no_cutoff(photos):
    data = Dataset(photos)
    table = data.measured(*CLEAN_PROBES)
    nothing = Measure(
        "blind", lambda rows: (rows, np.zeros(len(rows))), lambda pictures: np.zeros(len(pictures)), lambda codes, a, b: codes[a]
    )
    result = calibrate.calibrate(table, np.arange(len(table)), nothing)
    assert result.cutoff is None and np.isnan(result.recall) and not result.is_supported
    assert result.false_pairs == result.pairs == 25 * 24 // 2 - result.copies_taken_out
    assert "No cut-off" in Calibration(result).summary()


@pytest.mark.parametrize("wish", [0, -1, "x", True, float("nan")])
def test_a_wish_is_a_number_above_nothing(photos, wish):
    with pytest.raises(ArgumentError, match="above 0"):
        Hash(Dataset(photos)).calibrate("phash", max_false_pairs=wish)


def test_too_few_images_cannot_be_calibrated_on(tmp_path, photo, write):
    for k in range(5):
        write(f"{k}.jpg", photo(k))
    with pytest.raises(ArgumentError, match=r"5 different images.*10 or more"):
        Hash(Dataset(tmp_path)).calibrate()
