import shutil

import numpy as np
import pytest
from PIL import Image

from visdatcompy_ds import Dataset
from visdatcompy_ds.base.tables import STATUSES
from visdatcompy_ds.catalog.probes import CLEAN_PROBES, HEADER_PROBES, PROBES
from visdatcompy_ds.stages.fingerprint import fingerprint
from visdatcompy_ds.stages.scan import scan


@pytest.fixture
def folder(tmp_path, photo, write):
    for k in range(6):
        write(f"a/{k}.jpg", photo(k), quality=88)
    shutil.copy(tmp_path / "a/0.jpg", tmp_path / "a/copy.jpg")
    (tmp_path / "a/text.jpg").write_text("hello")
    data = (tmp_path / "a/1.jpg").read_bytes()
    (tmp_path / "a/cut.jpg").write_bytes(data[: len(data) // 2])
    return tmp_path / "a"


def same(one, other):
    assert one.columns.keys() == other.columns.keys()
    for name, column in one.columns.items():
        assert column.dtype == other[name].dtype
        assert all(a == b or a != a for a, b in zip(column.ravel().tolist(), other[name].ravel().tolist(), strict=True)), name
    assert list(one.files.reason) == list(other.files.reason)


def test_one_read_and_one_decode_per_distinct_content(folder):
    table, counts = fingerprint(scan(folder), CLEAN_PROBES, 2)
    assert counts.reads == 9 and counts.decodes == 7  # six photos and the cut one; the copy costs its read, the text not even a try
    copy, first = list(table.files.id).index("copy.jpg"), list(table.files.id).index("0.jpg")
    for name, column in table.columns.items():
        assert np.array_equal(column[copy], column[first], equal_nan=column.dtype.kind in "fM"), name


def test_statuses_say_what_became_of_each_file(folder):
    table, _ = fingerprint(scan(folder), CLEAN_PROBES, 1)
    found = {
        file_id: (STATUSES[code], reason)
        for file_id, code, reason in zip(table.files.id, table.files.status, table.files.reason, strict=True)
    }
    assert found.pop("text.jpg")[0] == "unreadable" and found.pop("cut.jpg") == ("unreadable", "truncated")
    assert set(found.values()) == {("ok", "")}
    assert table["decoded"].sum() == 7


@pytest.mark.parametrize("workers", [2, 5])
def test_the_answer_does_not_depend_on_the_workers(folder, workers):
    one, _ = fingerprint(scan(folder), CLEAN_PROBES, 1)
    same(one, fingerprint(scan(folder), CLEAN_PROBES, workers)[0])


def test_a_hash_does_not_depend_on_what_runs_beside_it(folder):
    alone, _ = fingerprint(scan(folder), ["phash"], 1)
    beside, _ = fingerprint(scan(folder), [*CLEAN_PROBES, "block_mean"], 2)
    assert np.array_equal(alone["phash"], beside["phash"])


def test_header_probes_read_only_the_beginning(folder, monkeypatch):
    from visdatcompy_ds.engine import decode

    def never(*_, **__):
        raise AssertionError("decoded for the sake of a header")

    monkeypatch.setattr(decode, "decode_working", never)
    table, counts = fingerprint(scan(folder), HEADER_PROBES, 2)
    assert counts.decodes == 0 and table["width"].max() == 320


def test_every_probe_can_be_asked_for_alone(folder):
    files = scan(folder)
    for name in PROBES:
        table, _ = fingerprint(files, [name], 1)
        assert table[name].shape == (len(files), *PROBES[name].shape)


def test_turned_pictures_measure_like_the_upright_one(tmp_path, photo, write):
    upright = photo(3)
    write("u.png", upright)
    for orientation, turns in ((6, 1), (3, 2), (8, 3)):
        tag = Image.Exif()
        tag[0x0112] = orientation
        write(f"{orientation}.png", np.ascontiguousarray(np.rot90(upright, turns)), exif=tag)
    frame = Dataset(tmp_path).fingerprints("sha256", "phash", "dhash", "width")
    assert frame["phash"].nunique() == 1 and frame["dhash"].nunique() == 1 and set(frame["width"]) == {320}


def test_the_work_travels_to_another_process(folder):
    import pickle

    from visdatcompy_ds.engine.decode import Limits
    from visdatcompy_ds.stages.fingerprint.reading import Item, Reading

    files = scan(folder)
    there = pickle.loads(pickle.dumps(Reading(["sha256", "phash", "width"], Limits())))
    chunk = pickle.loads(pickle.dumps(there([Item(row, files.path[row]) for row in range(4)])))
    here, _ = fingerprint(files, ["phash"], 1)
    assert np.array_equal(chunk.blocks["phash"], here["phash"][chunk.block_rows])


def test_files_of_one_size_are_decoded_once_per_content_whoever_reads_them(tmp_path, photo, write):
    for k in range(60):
        write(f"a/{k}.bmp", photo(k % 5, 64, 48))  # 5 contents, one size
    for workers in (1, 3):
        table, counts = fingerprint(scan(tmp_path / "a"), ["phash"], workers)
        assert counts.reads == 60 and counts.decodes == 5
    assert len(np.unique(table["phash"], axis=0)) == 5


def test_a_vanished_file_is_a_row(folder):
    files = scan(folder)
    (folder / "3.jpg").unlink()
    table, _ = fingerprint(files, ["phash"], 2)
    row = list(files.id).index("3.jpg")
    assert STATUSES[table.files.status[row]] == "vanished" and not table["decoded"][row]


def test_opencv_threads_are_put_back(folder):
    import cv2

    before = cv2.getNumThreads()
    fingerprint(scan(folder), ["phash"], 2)
    assert cv2.getNumThreads() == before
