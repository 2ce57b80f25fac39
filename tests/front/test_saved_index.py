"""A saved index: equal to the dataset it was saved from, with its photos there, offline, moved or changed; and never a wrong table."""

import dataclasses
import hashlib
import io
import os
import shutil
import time
import zipfile

import numpy as np
import pandas as pd
import pytest

from visdatcompy_ds import (
    ArgumentError,
    Dataset,
    Downsampler,
    FeatureExtractor,
    Hash,
    Metrics,
    MissingSourceError,
    OutputError,
    SourceError,
    VisDatCompare,
)
from visdatcompy_ds.engine.decode import Limits
from visdatcompy_ds.reports import index_file
from visdatcompy_ds.stages.whereabouts import At, waiting


@pytest.fixture
def card(tmp_path, photo, write):
    """Two stations, a copy, a broken image and a label file."""
    for k in range(3):
        write(f"card/CAM01/IMG_20250503_06411{k}.jpg", photo(k), quality=92)
    write("card/CAM02/a.jpg", photo(7), quality=92)
    shutil.copy(tmp_path / "card/CAM02/a.jpg", tmp_path / "card/CAM02/b.jpg")
    (tmp_path / "card/CAM02/broken.jpg").write_bytes((tmp_path / "card/CAM02/a.jpg").read_bytes()[:900])
    (tmp_path / "card/CAM02/a.txt").write_text("0 0.5 0.5 0.1 0.1")
    return tmp_path / "card"


@pytest.fixture
def saved(card, tmp_path):
    """An index of the card."""
    return Dataset(card).save(tmp_path / "card.vdx")


@pytest.fixture
def offline(card, saved, tmp_path):
    """An index whose card was taken out."""
    card.rename(tmp_path / "elsewhere")
    return saved


def test_what_is_loaded_equals_what_was_saved_and_needs_no_photo(card, tmp_path):
    ds = Dataset(card)
    ds.measured("marr_hildreth")
    path = ds.save(tmp_path / "card")
    card.rename(tmp_path / "elsewhere")
    for found in (Dataset.load(path), Dataset(path), Dataset(str(path))):
        assert path.name == "card.vdx" and found.is_same_as(ds) and (found.name, found.path) == (ds.name, ds.path)
        assert found.filenames == ds.filenames and list(found.files.path) == list(ds.files.path)
        pd.testing.assert_frame_equal(found.table(), ds.table())
        pd.testing.assert_frame_equal(found.problems, ds.problems)
        pd.testing.assert_frame_equal(found.fingerprints("marr_hildreth"), ds.fingerprints("marr_hildreth"))
        pd.testing.assert_frame_equal(Hash(found).pairs("phash"), Hash(ds).pairs("phash"))
        assert found._table.columns.keys() == ds._table.columns.keys() and found._rules == ds._rules and found._limits == ds._limits
        for name, column in ds._table.columns.items():
            assert found._table[name].dtype == column.dtype and found._table[name].flags.writeable
        told = {name: value for name, value in found.summary(deep=True).items() if name != "indexes"}
        assert told == ds.summary(deep=True) and found.counts.reads == 0


def test_an_index_is_the_same_bytes_for_the_same_dataset_and_time(card):
    table, facts = Dataset(card).measured("phash"), ("card", ["card"], [{"station": None, "label": None, "gap_s": 60}], Limits(), "today")
    assert index_file.sealed(table, *facts) == index_file.sealed(table, *facts)


def test_numpy_opens_it(saved):
    with np.load(saved) as arrays:
        assert arrays["columns/phash"].shape == (7, 8)


def test_hostile_names_come_back_exactly(tmp_path, photo, write):
    picture = write("one.jpg", photo(1)).read_bytes()
    names = [
        b"caf\xe9.jpg",
        b"a\nb.jpg",
        b"\xe2\x80\xae.jpg",
        b"=1+1.jpg",
        b"back\\slash.jpg",
        b"x" * 251 + b".jpg",
        "ünï/😀.jpg".encode(),
        b"-rf.jpg",
    ]
    os.makedirs(os.fsencode(tmp_path / "bad") + "/ünï".encode())
    for at, name in enumerate(names):
        with open(os.path.join(os.fsencode(tmp_path / "bad"), name), "wb") as file:
            file.write(picture + bytes(at))
    ds = Dataset(tmp_path / "bad", name="a\n\u202eb")
    found = Dataset.load(ds.save(tmp_path / "bad.vdx"))
    assert list(found.files.path) == list(ds.files.path) and found.filenames == ds.filenames and found.name == ds.name
    assert {os.path.relpath(path, os.fsencode(tmp_path / "bad")) for path in found.files.path} == set(names)


def test_stations_and_labels_stay_as_they_were_saved_unless_given_anew(card, tmp_path):
    path = Dataset(card, station=lambda file_id: file_id[:4].lower(), label="folder", gap_s=5).save(tmp_path / "card.vdx")
    found = Dataset.load(path)
    assert set(found.table().station) == {"cam0"} and set(found.table().label) == {"CAM01", "CAM02"}
    again = Dataset.load(found.save(tmp_path / "again.vdx"), gap_s=0.5, name="new")
    assert set(again.table().station) == {"cam0"} and again.name == "new" and again._rules[0]["gap_s"] == 0.5
    assert again.table().event.nunique() > found.table().event.nunique()  # shots a second apart
    anew = Dataset.load(path, station="folder:1", label=None)
    assert set(anew.table().station) == {"CAM01", "CAM02"} and set(anew.table().label) == {""}
    pd.testing.assert_frame_equal(anew.table().drop(columns="dataset"), Dataset(card, gap_s=5).table().drop(columns="dataset"))
    assert bool(found._table["has_sidecar"].any()) and bool(anew._table["has_sidecar"].any())
    assert set(Dataset(path, station="folder:-1").table().station) == {"CAM01", "CAM02"}


@pytest.mark.parametrize("options", [{"include": "*.jpg"}, {"exclude": "a*"}, {"recursive": False}, {"limits": {"max_pixels": 5}}])
def test_what_only_a_scan_can_follow_is_refused(saved, options):
    for make in (Dataset, Dataset.load):
        with pytest.raises(ArgumentError, match="with a saved index"):
            make(saved, **options)


@pytest.mark.parametrize(
    "options", [{"station": 7}, {"gap_s": -1}, {"name": 5}, {"root": 5}, {"root": {"/nowhere": "."}}, {"workers": "many"}]
)
def test_wrong_options_are_told(saved, options):
    with pytest.raises(ArgumentError):
        Dataset.load(saved, **options)


def test_what_the_index_does_not_hold_is_told_while_the_photos_are_offline(offline, card, tmp_path):
    ds = Dataset.load(offline)
    before = ds.table()
    with pytest.raises(
        SourceError, match=r"marr_hildreth is not in the index, and the photos of card.vdx under .*card are not there.*Mount"
    ) as told:
        ds.fingerprints("marr_hildreth")
    assert 'ds.measured("marr_hildreth")' in str(told.value)
    with pytest.raises(SourceError, match=r"photos of card.vdx"):
        ds.get_exif_data()
    with pytest.raises(MissingSourceError):
        ds[0].read()
    pd.testing.assert_frame_equal(ds.table(), before)
    (tmp_path / "elsewhere").rename(card)  # and all is well once the card is back
    assert len(ds.fingerprints("marr_hildreth")) == 6 and len(ds.get_exif_data()) == 6
    pd.testing.assert_frame_equal(ds.table(), before)


def test_an_empty_mount_point_is_no_card(offline, card):
    card.mkdir()
    with pytest.raises(SourceError, match="are not there"):
        Dataset.load(offline).measured("marr_hildreth")


def test_photos_that_moved_are_found_by_their_new_root(offline, card, tmp_path):
    ds = Dataset.load(offline, root=tmp_path / "elsewhere")
    fresh = Dataset(tmp_path / "elsewhere", name="card")
    pd.testing.assert_frame_equal(ds.fingerprints("marr_hildreth"), fresh.fingerprints("marr_hildreth"))
    pd.testing.assert_frame_equal(ds.table(), fresh.table())
    assert ds.is_same_as(fresh) and ds._folders == fresh._folders and ds[0].read().shape == (240, 320, 3)
    assert Dataset.load(ds.save(offline)).is_same_as(fresh)
    with pytest.raises(MissingSourceError, match="No such folder"):
        Dataset.load(offline, root=tmp_path / "nowhere")


def test_of_several_folders_each_moves_by_its_name_or_path(card, tmp_path):
    named = Dataset({"north": card / "CAM01", "south": card / "CAM02"})
    path = named.save(tmp_path / "both.vdx")
    assert Dataset.load(path).path == named.path
    (card / "CAM02").rename(tmp_path / "new")
    with pytest.raises(ArgumentError, match="One root for photos of 2 folders"):
        Dataset.load(path, root=tmp_path / "new")
    for key in ("south", card / "CAM02"):
        moved = Dataset.load(path, root={key: tmp_path / "new"})
        assert moved.filenames == named.filenames and moved["south/a.jpg"].path == str(tmp_path / "new/a.jpg")
        assert moved.measured("radial_variance").files.is_usable.sum() == 5
    with pytest.raises(SourceError, match=r"both.vdx under .*CAM02"):
        Dataset.load(path).measured("radial_variance")  # half of it is no dataset


def test_lists_of_files_and_sums_are_saved_too(card, tmp_path):
    first, second = Dataset([card / "CAM02/b.jpg", card / "CAM02/a.jpg"]), Dataset(card / "CAM01", station=None)
    both = first + second
    for ds in (first, both, both.subset(both.filenames[:2]), Dataset(str(card / "*/*.jpg")), Dataset(card / "CAM02/a.jpg")):
        found = Dataset.load(ds.save(tmp_path / "some.vdx"))
        assert found.is_same_as(ds) and found.path == ds.path and found.files.names == ds.files.names
        pd.testing.assert_frame_equal(found.table(), ds.table())
    first.measured("average", "marr_hildreth")
    again = Dataset.load(first.save(tmp_path / "first.vdx")) + Dataset.load(second.save(tmp_path / "second.vdx"))
    pd.testing.assert_frame_equal(again.table(), both.table())
    card.rename(tmp_path / "elsewhere")
    for ds in (again, Dataset.load(tmp_path / "first.vdx")):
        with pytest.raises(SourceError, match=r"photos of first\.vdx"):
            ds.measured("radial_variance")


def test_a_photo_that_changed_since_is_not_measured_as_what_it_was(card, saved, write, photo):
    write("card/CAM01/IMG_20250503_064110.jpg", photo(50), quality=92)
    os.utime(card / "CAM02/a.jpg", (1, 1))  # another time, the same bytes
    (card / "CAM01/IMG_20250503_064111.jpg").unlink()
    ds = Dataset.load(saved)
    assert [Dataset.load(saved).summary()["indexes"][0][name] for name in ("photos", "there", "changed")] == [6, 5, 2]
    assert set(ds.table().status) == {"ok", "unreadable", "skipped"}
    ds.measured("marr_hildreth")
    told = ds.problems.set_index("id").reason
    assert told["CAM01/IMG_20250503_064110.jpg"] == "changed since the index was saved"
    assert told["CAM01/IMG_20250503_064111.jpg"] == "no such file" and len(told) == 3


def test_a_file_is_known_by_what_it_is_now_and_not_by_an_old_inode(card, saved, tmp_path):
    there = Dataset.load(saved)
    assert there["CAM02/a.jpg"] and (there.files.inode[there._rows] == Dataset(card).files.inode[there._rows]).all()
    assert VisDatCompare(there, Dataset(card)).run().facts["removed"] == {}  # each is the same file by two ways
    card.rename(tmp_path / "elsewhere")
    gone = Dataset.load(saved)
    assert not gone.files.inode.any() and not gone.files.device.any()


def test_comparing_with_what_is_offline_proves_by_bytes_and_leaves_pixels_undecided(offline, tmp_path, photo, write):
    shutil.copy(tmp_path / "elsewhere/CAM01/IMG_20250503_064110.jpg", tmp_path)
    (tmp_path / "new").mkdir()
    (tmp_path / "IMG_20250503_064110.jpg").rename(tmp_path / "new/equal.jpg")
    write("new/saved_again.jpg", photo(1), quality=70)
    write("new/stranger.jpg", photo(40), quality=92)
    have, new = Dataset(offline), Dataset(tmp_path / "new")
    compared = VisDatCompare(have, new)
    plan = compared.run(sample=5)
    assert plan.facts["removed"] == {"bytes": 1} and plan.facts["pairs"]["undecided"] == 1
    assert waiting(plan.comparison.table, plan.comparison.pairs) == {"card": 1}
    told = compared.leakage().set_index("test_id").level
    assert told.to_dict() == {"equal.jpg": "bytes", "saved_again.jpg": "undecided", "stranger.jpg": ""}
    assert "photos of card, which are not there: 1 pair" in plan.summary() and compared.leakage().attrs["waiting"] == {"card": 1}
    with pytest.raises(OutputError, match="card is gone"):
        plan.apply()  # the copy that stays is not there
    for ask in (
        lambda: Metrics(have, new).ssim(),
        lambda: FeatureExtractor(have, new).pairs(),
        lambda: Hash(have, new).calibrate("phash"),
        lambda: compared.run(metrics="mse"),
        lambda: compared.run(features=True),
    ):
        with pytest.raises(SourceError, match=r"photos of card\.vdx under"):
            ask()
    page = (compared.report(tmp_path / "out") / "report.html").read_text()
    assert "saved_again.jpg" in page and "IMG_20250503_064111.jpg" in page
    assert Downsampler(new).sample(2, given=have).table["nearest_given_id"].str.startswith("card/").all()


def test_a_verdict_that_the_cache_knows_is_none_while_its_photos_are_offline(card, saved, tmp_path, photo, write):
    write("new/saved_again.jpg", photo(1), quality=70)
    cache = tmp_path / "cache"

    def planned(**options):
        plan = VisDatCompare(Dataset.load(saved, **options), Dataset(tmp_path / "new", **options)).run()
        return plan.facts["removed"], plan.facts["pairs"], plan.to_frame(), plan.pairs()

    assert planned(cache=cache)[0] == {"reencoded": 1}
    card.rename(tmp_path / "elsewhere")
    without, warm = planned(cache="off"), planned(cache=cache)
    assert without[0] == warm[0] == {} and without[1] == warm[1] and warm[1]["undecided"] == 1
    pd.testing.assert_frame_equal(without[2], warm[2])
    pd.testing.assert_frame_equal(without[3], warm[3])
    (tmp_path / "elsewhere").rename(card)
    there = VisDatCompare(Dataset.load(saved, cache=cache), Dataset(tmp_path / "new", cache=cache))
    assert there.run().facts["removed"] == {"reencoded": 1} and there.plan.comparison.counts["confirm_decodes"] == 0


def spoilt(path, change):
    """Seal an index anew with other members, as a hand that means harm would."""
    with zipfile.ZipFile(path) as packed:
        members = {member.filename: packed.read(member) for member in packed.infolist()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in change(members).items():
            packed.writestr(name, data)
        packed.comment = index_file._SEAL + bytes(64)
    data = stream.getvalue()[:-64]
    path.write_bytes(data + hashlib.sha256(data).hexdigest().encode())


def npy(array, allow_pickle=False):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=allow_pickle)
    return stream.getvalue()


HARM = {
    "a newer version": (
        lambda m: {**m, "visdatcompy_ds.json": m["visdatcompy_ds.json"].replace(b'"version": 1', b'"version": 2')},
        "version 2.*Update",
    ),
    "an older version": (
        lambda m: {**m, "visdatcompy_ds.json": m["visdatcompy_ds.json"].replace(b'"version": 1', b'"version": 0')},
        "version 0.*anew",
    ),
    "another format": (
        lambda m: {**m, "visdatcompy_ds.json": m["visdatcompy_ds.json"].replace(b"_ds index", b"_ds idol")},
        "another shape",
    ),
    "a pickle": (lambda m: {**m, "columns/phash.npy": npy(np.array([{}] * 7, object), True)}, "another shape"),
    "a short column": (lambda m: {**m, "columns/phash.npy": npy(np.zeros((6, 8), np.uint8))}, "another shape"),
    "a wide column": (lambda m: {**m, "columns/phash.npy": npy(np.zeros((7, 9), np.uint8))}, "another shape"),
    "an unknown status": (lambda m: {**m, "files/status.npy": npy(np.full(7, 99, np.uint8))}, "another shape"),
    "an unknown dataset": (lambda m: {**m, "files/dataset.npy": npy(np.full(7, 1, np.int16))}, "another shape"),
    "a missing column": (lambda m: {k: v for k, v in m.items() if k != "files/mtime_ns.npy"}, "another shape"),
    "texts that end elsewhere": (lambda m: {**m, "files/path/length.npy": npy(np.zeros(7, np.uint8))}, "another shape"),
    "a text that is none": (lambda m: {**m, "files/id/row.npy": npy(np.full(7, 77, np.uint8))}, "another shape"),
    "an id twice": (lambda m: {**m, "files/id/row.npy": npy(np.zeros(7, np.uint8))}, "another shape"),
    "a bomb": (lambda m: {**m, "columns/phash.npy": npy(np.zeros(30_000_000, np.uint8))}, "another shape"),
}


@pytest.mark.parametrize("harm", HARM)
def test_nothing_in_an_index_is_believed_unseen(saved, harm):
    change, words = HARM[harm]
    spoilt(saved, change)
    with pytest.raises(ArgumentError, match=words):
        Dataset.load(saved)


def test_a_column_that_means_something_else_now_is_measured_anew(saved, card, tmp_path):
    was, now = b'"phash": 1', b'"phash": 7'
    spoilt(
        saved,
        lambda m: {
            **m,
            "visdatcompy_ds.json": m["visdatcompy_ds.json"].replace(was, now),
            "columns/phash.npy": npy(np.zeros((7, 8), np.uint8)),
        },
    )
    assert Dataset.load(saved).fingerprints("phash").equals(Dataset(card).fingerprints("phash"))
    card.rename(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match="phash is not in the index"):
        Dataset.load(saved).fingerprints("phash")


def test_a_flipped_bit_or_a_lost_end_is_an_error_and_never_a_wrong_table(saved):
    data = saved.read_bytes()
    for at in [*range(0, len(data), len(data) // 60), *range(len(data) - 90, len(data), 7)]:
        flipped = bytearray(data)
        flipped[at] ^= 1 << (at % 8)
        saved.write_bytes(flipped)
        with pytest.raises(ArgumentError, match=r"no index|not what was saved"):
            Dataset.load(saved)
    for size in (0, 1, 40, 80, len(data) // 2, len(data) - 1):
        saved.write_bytes(data[:size])
        with pytest.raises(ArgumentError, match=r"no index|cut short"):
            Dataset.load(saved)


def test_what_is_no_index_is_told(tmp_path, write, photo):
    (tmp_path / "text.vdx").write_text("no index")
    for name in ("text.vdx", write("a.jpg", photo(1)).name):
        with pytest.raises(ArgumentError, match="is no index"):
            Dataset.load(tmp_path / name)
    (tmp_path / "folder.vdx").mkdir()
    write("folder.vdx/a.jpg", photo(1))
    assert len(Dataset(tmp_path / "folder.vdx")) == 1  # a folder is scanned, whatever it is called
    with pytest.raises(SourceError, match="A folder is scanned"):
        Dataset.load(tmp_path / "folder.vdx")
    for missing in (Dataset, Dataset.load):
        with pytest.raises(MissingSourceError):
            missing(tmp_path / "nowhere.vdx")
    os.mkfifo(tmp_path / "pipe.vdx")
    with pytest.raises(SourceError, match=r"(?i)fifo"):
        Dataset(tmp_path / "pipe.vdx")
    for wrong in (5, "", "a\0.vdx"):
        with pytest.raises(ArgumentError):
            Dataset.load(wrong)


def test_saving_replaces_an_index_and_nothing_else(card, saved, tmp_path, monkeypatch):
    ds, before = Dataset(card), saved.read_bytes()
    (tmp_path / "mine.vdx").write_text("years of work")
    (tmp_path / "folder.vdx").mkdir()
    for name in ("mine.vdx", "folder.vdx"):
        with pytest.raises(OutputError, match="is no index"):
            ds.save(tmp_path / name)
    assert (tmp_path / "mine.vdx").read_text() == "years of work" and ds.counts.reads == 0  # told before the work
    with pytest.raises(ArgumentError, match=r"ends with \.vdx"):
        ds.save(tmp_path / "card.json")
    saved.write_bytes(before[:5000])  # one of ours, cut short
    assert Dataset.load(ds.save(saved)).is_same_as(ds)
    assert ds.save(tmp_path / "new/folder/card.vdx").exists()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    whole = saved.read_bytes()
    with pytest.raises(OutputError, match="no space left"):
        ds.save(saved)
    assert saved.read_bytes() == whole and sorted(path.name for path in tmp_path.glob(".*")) == []


def test_an_index_among_the_photos_is_passed_over(card):
    Dataset(card).save(card / "card.vdx")
    assert len(Dataset(card)) == 6 and "index" in set(Dataset(card).files.reason)
    assert len(Dataset.load(Dataset(card).save(card / "card.vdx"))) == 6


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission_is_told(saved, card):
    saved.chmod(0)
    with pytest.raises(SourceError, match="permission denied"):
        Dataset.load(saved)


def test_twenty_thousand_images_take_little_room_and_time(rows, tmp_path):
    n = 20_000
    table = rows([f"CAM{k % 9}/IMG_{k:05d}.JPG" for k in range(n)])
    random = np.random.default_rng(1)
    many = {name: random.integers(0, 256, table[name].shape, dtype=np.uint8) for name in ("layout", "edge_histogram")}
    files = dataclasses.replace(table.files, path=np.array([b"/card/" + name.encode() for name in table.files.id], object))
    table = type(table)(files, {**table.columns, **many})
    rules = [{"station": "folder:1", "label": None, "gap_s": 60}]
    path = index_file.save(tmp_path / "many.vdx", lambda: table, "/card", ["/card"], rules, Limits())
    assert path.stat().st_size < 600 * n
    took = []
    for _ in range(3):
        start = time.perf_counter()
        found, _ = index_file.load(At(path), {})
        took.append(time.perf_counter() - start)
    assert min(took) < 0.3  # 0.06 s alone on 2 cores
    assert all(np.array_equal(found[name], column, equal_nan=column.dtype.kind in "fM") for name, column in table.columns.items())
