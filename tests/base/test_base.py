import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visdatcompy_ds.base.errors import ArgumentError, MissingSourceError, UnknownNameError, VisdatError
from visdatcompy_ds.base.names import for_display, size_text, to_bytes, to_text
from visdatcompy_ds.base.registry import Registry
from visdatcompy_ds.base.tables import Files, Groups, Pairs, text_array


@given(st.binary())
def test_every_name_comes_back_from_its_text(name):
    text = to_text(name)
    text.encode("utf-8")
    assert to_bytes(text) == name


@given(st.text())
def test_what_is_displayed_holds_no_control_characters(text):
    shown = for_display(text)
    assert "\x1b" not in shown and "\n" not in shown and "\u202e" not in shown
    shown.encode("utf-8")


def test_sizes_read_as_people_write_them():
    assert [size_text(n) for n in (0, 999, 1000, 27_300, 3_640_000, 2.4e12)] == ["0 B", "999 B", "1.0 kB", "27 kB", "3.6 MB", "2.4 TB"]


def test_an_unknown_name_suggests_the_nearest():
    error = UnknownNameError("hash", "fash", ["phash", "marr_hildreth"])
    assert "Did you mean 'phash'?" in str(error)
    assert isinstance(error, (KeyError, ValueError, VisdatError))


def test_errors_have_three_parts():
    error = MissingSourceError("No folder x", "Allowed: folders", "Check it")
    assert str(error) == "No folder x. Allowed: folders. Check it."
    assert isinstance(error, FileNotFoundError)


def test_a_registry_refuses_a_second_entry_of_a_name():
    class Entry:
        name = "a"

    registry = Registry("thing", {"alias": "a"})
    registry.add(Entry())
    assert registry["alias"].name == "a" and "alias" in registry and list(registry) == ["a"]
    with pytest.raises(ArgumentError, match="registered already"):
        registry.add(Entry())
    with pytest.raises(UnknownNameError):
        registry["b"]


def files(ids, dataset=None, names=("d",)):
    n = len(ids)
    zeros = np.zeros(n, np.int64)
    return Files(
        names,
        np.array(dataset or [0] * n, np.int16),
        text_array(ids),
        text_array(i.encode() for i in ids),
        zeros,
        zeros,
        zeros,
        zeros,
        zeros.astype(np.uint8),
        text_array([""] * n),
    )


def test_a_file_stands_once():
    with pytest.raises(ArgumentError, match="of another"):
        files(["a", "a"])


def test_same_names_in_two_datasets_stay_apart():
    both = Files.combine([files(["a"]), files(["a"])])
    assert both.names == ("d", "d (2)")
    assert [both.dataset_name(row) for row in (0, 1)] == ["d", "d (2)"]


def test_no_row_is_paired_with_itself():
    with pytest.raises(ArgumentError):
        Pairs.build(np.array([1]), np.array([1]), "bytes", "bytes", "sha256", 1.0)


def test_pairs_point_from_the_lower_row():
    pairs = Pairs.build(np.array([3]), np.array([1]), "bytes", "bytes", "sha256", 1.0)
    assert (pairs.left[0], pairs.right[0]) == (1, 3)


def test_a_keeper_of_a_keeper_is_an_error():
    with pytest.raises(ArgumentError, match="keeper of its own"):
        Groups(np.array([1, 2, 2]), np.array([0, 1, -1]))
