"""Levels of leakage: on five-row tables made by hand."""

import numpy as np
import pytest

from visdatcompy_ds.base.tables import Pairs
from visdatcompy_ds.catalog.leaks import LEVELS
from visdatcompy_ds.stages.compare import Judged
from visdatcompy_ds.stages.leakage import leaks


@pytest.fixture
def judged(rows):
    """Return a maker of judged tables: two images of train, three of test, pairs as (left, right, class, score)."""

    def make(*pairs, ids=("a/1.jpg", "a/2.jpg", "t/1.jpg", "t/2.jpg", "t/3.jpg"), stations=("", "", "", "", ""), **columns):
        table = rows(list(ids), [0, 0, 1, 1, 1], ("train", "test"), **columns)
        table = table.with_columns(station=np.array(stations, object))
        is_train = np.array([True, True, False, False, False])
        usable = np.flatnonzero(table.files.is_usable)
        none = Pairs.empty()
        found = [Pairs.build(np.array([a]), np.array([b]), klass, "hash", "ssim", score, 0.9) for a, b, klass, score in pairs]
        return Judged(table, is_train, usable, Pairs.concat([none, *found]), none, {}, {}), is_train

    return make


def told(found):
    return dict(zip(found.row.tolist(), zip(found.level.tolist(), found.train.tolist(), strict=True), strict=True))


def test_images_of_which_nothing_is_known_in_train_are_clean(judged):
    assert told(leaks(*judged(), 60)) == {2: ("", -1), 3: ("", -1), 4: ("", -1)}


def test_the_strongest_level_counts_and_the_closest_image_is_named(judged):
    pairs = [(0, 2, "edited", 0.99), (1, 2, "reencoded", 0.95), (0, 3, "reencoded", 0.95), (1, 3, "reencoded", 0.97)]
    found = leaks(*judged(*pairs), 60)
    assert told(found) == {2: ("reencoded", 1), 3: ("reencoded", 1), 4: ("", -1)}
    assert found.score.tolist()[:2] == [0.95, 0.97] and found.measure.tolist() == ["ssim", "ssim", ""]


def test_one_file_by_two_paths_is_the_worst_even_where_it_cannot_be_read(judged):
    digests = np.arange(160, dtype=np.uint8).reshape(5, 32)
    digests[3] = digests[1]
    found = leaks(*judged(inode=[7, 8, 9, 10, 7], sha256=digests, status=[0, 0, 0, 2, 3]), 60)
    assert told(found) == {4: ("same_file", 0), 3: ("bytes", 1), 2: ("", -1)}
    assert found.row.tolist() == [4, 3, 2]


def test_what_could_not_be_read_is_never_clean_and_stands_before_the_clean(judged):
    day = "2025-01-01T00:00:00"
    found = leaks(*judged(status=[0, 0, 0, 3, 0], taken=[day] * 5, stations=("S",) * 2 + ("",) + ("S",) * 2), 60)
    assert told(found) == {4: ("event", 0), 3: ("unread", -1), 2: ("", -1)} and found.row.tolist() == [4, 3, 2]


def test_missing_digests_are_no_equal_bytes(judged):
    assert set(leaks(*judged(sha256=np.zeros((5, 32), np.uint8)), 60).level) == {""}


def test_events_and_stations_name_the_nearest_in_time(judged):
    taken = [f"2025-01-01T00:{minute:02}:00" for minute in (0, 30, 1, 2, 59)]
    found = leaks(*judged(taken=taken, stations=("S",) * 5), 60)
    assert told(found) == {2: ("event", 0), 3: ("event", 0), 4: ("station", 1)}
    assert found.score.tolist() == [60, 120, 29 * 60] and found.cutoff.tolist()[:2] == [60, 60]
    assert set(found.measure) == {"seconds apart"}


def test_a_camera_stands_in_where_no_station_is_known_and_no_folder_is_an_event(judged):
    taken = ["2025-01-01T00:00:00"] * 5
    assert told(leaks(*judged(taken=taken, camera=["7", "", "7", "", "8"]), 60)) == {2: ("event", 0), 3: ("", -1), 4: ("", -1)}


def test_without_dates_a_station_is_still_a_station(judged):
    found = leaks(*judged(stations=("S", "R", "R", "Q", "")), 60)
    assert told(found) == {2: ("station", 1), 3: ("", -1), 4: ("", -1)} and found.measure[0] == "station" and np.isnan(found.score[0])


def test_what_holds_of_an_image_holds_of_its_copies_in_test(judged):
    digests = np.arange(160, dtype=np.uint8).reshape(5, 32)
    digests[4] = digests[3]
    state, is_train = judged((0, 2, "edited", 0.97), (2, 3, "reencoded", 0.99), sha256=digests)
    assert told(leaks(state, is_train, 60)) == {2: ("edited", 0), 3: ("edited", 0), 4: ("edited", 0)}


def test_what_cannot_be_told_is_no_copy_and_never_clean(judged):
    state, is_train = judged((0, 2, "undecided", 0.9), (0, 3, "undecided", 0.9), (1, 3, "pixels", 1.0), (2, 4, "undecided", 0.9))
    found = leaks(state, is_train, 60)
    assert told(found) == {3: ("pixels", 1), 2: ("undecided", -1), 4: ("", -1)}
    assert found.is_open.tolist() == [False, True, False]


def test_what_shows_too_little_is_never_clean(judged):
    digests = np.arange(160, dtype=np.uint8).reshape(5, 32)
    digests[3] = digests[1]
    flat = {"low_information": [True] * 4 + [False], "sha256": digests, "stations": ("S", "", "S", "", "")}
    found = leaks(*judged(**flat), 60)
    assert told(found) == {3: ("bytes", 1), 2: ("station", 0), 4: ("", -1)} and found.is_open.tolist() == [False, True, False]
    assert told(leaks(*judged(**flat | {"stations": ("",) * 5}), 60))[2] == ("undecided", -1)


def test_levels_are_those_of_the_design():
    assert list(LEVELS) == ["same_file", "bytes", "pixels", "reencoded", "edited", "event", "station"]
