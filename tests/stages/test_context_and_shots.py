import numpy as np
import pytest

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.stages.context import add_context, date_in_name
from visdatcompy_ds.stages.shots import ShotFacts

NONE = "NaT"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IMG_20250603_051244.jpg", "2025-06-03T05:12:44"),
        ("2025-06-03 05.12.44.png", "2025-06-03T05:12:44"),
        ("cam/20250603-051244-1.jpg", "2025-06-03T05:12:44"),
        ("IMG_20250231_051244.jpg", None),
        ("IMG_0001.jpg", None),
        ("120250603_0512441.jpg", None),
    ],
)
def test_dates_in_names(name, expected):
    found = date_in_name(name)
    assert found is None if expected is None else str(found) == expected


def test_exif_goes_before_the_name_and_nothing_stays_unknown(rows):
    table = rows(["IMG_20250603_051244.jpg", "IMG_20240101_000000.jpg", "x.jpg"], taken=["2025-06-03T05:12:44", NONE, NONE])
    assert list(table["taken_source"]) == ["exif", "file name", "none"]


def test_stations_and_labels_are_folders(rows):
    table = add_context(rows(["CAM1/deer/a.jpg", "b.jpg"]), station="folder:1", label="folder")
    assert list(table["station"]) == ["CAM1", ""] and list(table["label"]) == ["deer", ""]
    assert list(add_context(table, station=lambda file_id: file_id[:2])["station"]) == ["CA", "b."]
    for wrong in ("folder:0", "parent", 3):
        with pytest.raises(ArgumentError):
            add_context(table, station=wrong)


def test_an_event_ends_after_its_gap(rows):
    ids = ["A/1.jpg", "A/2.jpg", "A/3.jpg", "B/1.jpg", "A/4.jpg"]
    taken = ["2025-01-01T00:00:00", "2025-01-01T00:01:00", "2025-01-01T00:02:01", "2025-01-01T00:00:30", NONE]
    table = add_context(rows(ids, taken=taken), gap_s=60)
    assert list(table["event"]) == ["A 2025-01-01T00:00:00", "A 2025-01-01T00:00:00", "A 2025-01-01T00:02:01", "B 2025-01-01T00:00:30", ""]


def facts(rows, **columns):
    columns.setdefault("taken", [NONE] * 2)
    return ShotFacts(rows(["a.jpg", "b.jpg"], **columns))


@pytest.mark.parametrize(
    ("columns", "other"),
    [
        ({"taken": ["2025-01-01T00:00:00", "2025-01-01T00:00:01"]}, True),
        ({"taken": ["2025-01-01T00:00:00.1", "2025-01-01T00:00:00.9"]}, False),
        ({"taken": ["2025-01-01T00:00:00.1", "2025-01-01T00:00:00.9"], "has_subsec": [True, True]}, True),
        ({"taken": ["2025-01-01T00:00:00", NONE]}, False),
        ({"camera": ["17", "18"]}, True),
        ({"camera": ["17", ""]}, False),
        ({"make": ["X", "X"], "model": ["1", "2"]}, True),
        ({"image_number": [4, 5]}, True),
        ({"image_number": [4, -1]}, False),
        ({"sequence": ["7:1/3", "7:2/3"]}, True),
        ({}, False),
    ],
)
def test_exif_vetoes_what_it_proves_and_no_more(rows, columns, other):
    assert facts(rows, **columns).are_other_shots(np.array([0]), np.array([1])).tolist() == [other]


def test_a_date_from_the_name_is_no_veto(rows):
    table = rows(["IMG_20250603_051244.jpg", "IMG_20250603_051299.jpg".replace("99", "45")])
    assert table["taken_source"][0] == "file name"
    assert not ShotFacts(table).are_other_shots(np.array([0]), np.array([1]))[0]


def test_shot_keys_join_rows_of_one_moment_of_one_camera(rows):
    same, later = "2025-01-01T00:00:00", "2025-01-01T00:00:05"
    table = rows(["a", "b", "c", "d"], taken=[same, same, later, NONE], camera=["7", "7", "7", "7"])
    keys = ShotFacts(table).shot_keys()
    assert keys[0] == keys[1] != keys[2] and keys[3] == -1
