"""Label files: whose they are, what they say, and whether two agree."""

import json
import os

import numpy as np
import pytest

from visdatcompy_ds import Dataset, VisDatCompare
from visdatcompy_ds.base.tables import Files, Fingerprints, object_array, text_array
from visdatcompy_ds.stages import labels
from visdatcompy_ds.stages.act.beside import Listings
from visdatcompy_ds.stages.labels import AGREE, DIFFER, UNKNOWN, Labels, Sidecars, are_labelled

VOC = "<annotation><folder>{0}</folder><filename>{0}.jpg</filename>\n<object><name>{1}</name></object></annotation>"


@pytest.fixture
def place(tmp_path):
    """Return a writer of texts below the folder of the test."""

    def write(name, text="0 .5 .5 .1 .1\n"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def told(folder, ids, listed=(), label=""):
    """Return the table of images that nobody opens, and of what was listed beside them."""
    names = [*ids, *listed]
    n = len(names)
    number, none = np.zeros(n, np.int64), np.zeros(n, np.uint64)
    status = np.array([0] * len(ids) + [8] * len(listed), np.uint8)
    paths = object_array(os.fsencode(folder / name) for name in names)
    files = Files(("d",), number.astype(np.int16), text_array(names), paths, number, number, none, none, status, text_array([""] * n))
    assert files.is_usable.sum() == len(ids)
    return Fingerprints(files, {"label": text_array(label.split() or [""] * n), "has_sidecar": are_labelled(files)})


@pytest.mark.parametrize(
    ("one", "other", "ending", "answer"),
    [
        ("0 1\n2 3\n", "2 3\r\n 0 1", "txt", AGREE),
        ("0 1", "1 1", "txt", DIFFER),
        (VOC.format("a", "deer"), VOC.format("b", "deer"), "xml", AGREE),
        (VOC.format("a", "deer"), VOC.format("b", "fox"), "xml", DIFFER),
        ("<not xml", "<not xml", "xml", AGREE),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "<a>c</a>", "xml", DIFFER),
        (json.dumps({"shapes": [1], "imagePath": "a"}), json.dumps({"imageData": "x", "shapes": [1]}), "json", AGREE),
        (json.dumps({"shapes": [1]}), json.dumps({"shapes": [2]}), "json", DIFFER),
        ("[" * 100_000, "[" * 100_000, "json", AGREE),
        (b"\xff\xfe{", b"\xff\xfe}", "json", DIFFER),
        ("developed so", "developed otherwise", "xmp", UNKNOWN),
    ],
)
def test_label_files_are_compared_by_what_they_say(tmp_path, place, one, other, ending, answer):
    place(f"a.{ending}", one), place(f"b.{ending}", other)
    assert Labels(told(tmp_path, ["a.jpg", "b.jpg"])).compare(0, 1) == answer


def test_what_is_too_large_to_parse_is_compared_by_its_bytes(tmp_path, place, monkeypatch):
    monkeypatch.setattr(labels, "_MOST_PARSED", 3)
    place("a.txt", "0 1\n2 3"), place("b.txt", "2 3\n0 1"), place("c.txt", "0 1\n2 3")
    held = Labels(told(tmp_path, ["a.jpg", "b.jpg", "c.jpg"]))
    assert [held.compare(0, k) for k in (1, 2)] == [DIFFER, AGREE]


def test_folders_and_files_both_have_a_word(tmp_path, place):
    place("a.txt", "0"), place("b.txt", "0")
    ids = ["a.jpg", "b.jpg"]
    assert [Labels(told(tmp_path, ids, label=label)).compare(0, 1) for label in ("", "deer deer", "deer fox")] == [AGREE, AGREE, DIFFER]
    assert Labels(told(tmp_path, ["c.jpg", "d.jpg"], label="deer fox")).compare(0, 1) == DIFFER
    assert Labels(told(tmp_path, ["a.jpg", "c.jpg"])).compare(0, 1) == UNKNOWN


def test_each_label_file_is_read_once(tmp_path, place, monkeypatch):
    reads = []
    once = labels.files.read
    monkeypatch.setattr(labels.files, "read", lambda path: reads.append(path) or once(path))
    for name in "abc":
        place(f"{name}.txt"), place(f"{name}.xmp")
    held = Labels(told(tmp_path, ["a.jpg", "b.jpg", "c.jpg"]))
    assert [held.compare(i, j) for i in range(3) for j in range(3)] == [AGREE] * 9
    assert sorted(map(os.path.basename, reads)) == [b"a.txt", b"b.txt", b"c.txt"]


def test_folders_of_which_no_label_was_listed_are_listed_once(tmp_path, place, monkeypatch):
    place("new/labels/train/1.txt"), place("old/1.txt")
    listed = []
    once = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: listed.append(folder) or once(folder))
    table = told(tmp_path / "new" / "images", [f"train/{k}.jpg" for k in range(50)])
    assert np.flatnonzero(table["has_sidecar"]).tolist() == [1]
    assert len(listed) == 2
    (sidecar,) = Sidecars(table.files).of(1)
    assert sidecar.is_outside and sidecar.name == str(tmp_path / "new/labels/train/1.txt")
    found = Listings().beside(os.fsencode(tmp_path / "new" / "images"), b"train/1.jpg")
    assert found.outside == (sidecar.path,) and found.labels == ()


def test_what_was_listed_with_the_images_needs_no_disk():
    from pathlib import Path

    ids, listed = ["images/a.jpg", "b.jpg", "c.jpg"], ["labels/a.txt", "b.JPG.json", "b.txt", "c.xmp"]
    held = Labels(told(Path("/nowhere"), ids, listed))
    assert [held.names(row) for row in range(3)] == ["labels/a.txt", "b.txt", "c.xmp"]
    assert [held.kinds(row) for row in range(3)] == [{b".txt"}, {b".txt"}, set()]


def test_an_image_goes_only_for_one_that_has_a_label_of_the_same_kind(tmp_path, photo, write, place):
    write("have/a.jpg", photo(1)), write("new/a.jpg", photo(1))
    place("have/a.xmp"), place("new/a.txt"), place("new/a.xmp")
    sides = [Dataset(tmp_path / name) for name in ("have", "new")]
    assert VisDatCompare(*sides).run().to_frame().set_index("dataset").reason["new"] == "labelled, while the copy we have is not"
    place("have/a.txt")
    sides = [Dataset(tmp_path / name) for name in ("have", "new")]
    frame = VisDatCompare(*sides).run().to_frame().set_index("dataset")
    assert frame.action["new"] == "remove" and frame.sidecars["new"] == "a.txt; a.xmp"


def test_an_image_whose_label_would_stay_behind_stays(tmp_path, photo, write, place):
    for name in ("have/a.jpg", "new/images/a.jpg"):
        write(name, photo(1))
    place("new/labels/a.txt")
    have, new = Dataset(tmp_path / "have"), Dataset(tmp_path / "new" / "images")
    assert VisDatCompare(have, new).run().to_frame().set_index("dataset").reason["images"].startswith("labelled, while")
    place("have/a.txt")
    have = Dataset(tmp_path / "have")
    reason = VisDatCompare(have, new).run().to_frame().set_index("dataset").reason["images"]
    assert reason.startswith("labels would stay behind") and "new/labels/a.txt" in reason
    assert VisDatCompare(have, Dataset(tmp_path / "new")).run().facts["removed"] == {"bytes": 1}


def test_a_selection_of_images_is_labelled_as_the_whole_is(tmp_path, photo, write, place):
    write("a.jpg", photo(1)), write("longer_name.jpg", photo(1)), place("longer_name.txt")
    for dataset in (Dataset([tmp_path / "a.jpg", tmp_path / "longer_name.jpg"]), Dataset(tmp_path).subset(["a.jpg", "longer_name.jpg"])):
        frame = VisDatCompare(dataset).run().to_frame().set_index("id")
        assert frame.action["a.jpg"] == "remove"
