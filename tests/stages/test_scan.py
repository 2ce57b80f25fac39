import os

import numpy as np
import pytest

from visdatcompy_ds.base.errors import ArgumentError, MissingSourceError
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.base.tables import STATUSES
from visdatcompy_ds.stages.scan import scan

JPEG = b"\xff\xd8\xff\xe0"


@pytest.fixture
def folder(tmp_path):
    for name in (
        "b/IMG_10.jpg",
        "b/IMG_2.jpg",
        "a/IMG_1.JPG",
        "notes.txt",
        "clip.mp4",
        "raw.CR2",
        "Thumbs.db",
        "._IMG_1.jpg",
        "noending",
        "other.dat",
    ):
        path = tmp_path / "card" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG if name != "other.dat" else b"xyz")
    return tmp_path / "card"


def statuses(table):
    return {file_id: (STATUSES[code], reason) for file_id, code, reason in zip(table.id, table.status, table.reason, strict=True)}


def test_every_path_is_accounted_for(folder):
    found = statuses(scan(folder))
    assert found == {
        "._IMG_1.jpg": ("skipped", "system file"),
        "Thumbs.db": ("skipped", "system file"),
        "a/IMG_1.JPG": ("ok", ""),
        "b/IMG_2.jpg": ("ok", ""),
        "b/IMG_10.jpg": ("ok", ""),
        "clip.mp4": ("skipped", "video"),
        "noending": ("ok", ""),
        "notes.txt": ("skipped", "label or text file"),
        "other.dat": ("skipped", "not an image"),
        "raw.CR2": ("skipped", "RAW file"),
    }


def test_images_come_in_natural_order(folder):
    table = scan(folder)
    images = [file_id for file_id in table.id if file_id.lower().endswith(".jpg") and "/" in file_id]
    assert images == ["a/IMG_1.JPG", "b/IMG_2.jpg", "b/IMG_10.jpg"]


def test_patterns_include_and_exclude(folder):
    found = statuses(scan(folder, include="*.jpg", exclude="b/*2.jpg"))
    assert found["b/IMG_2.jpg"] == ("skipped", "in exclude") and found["a/IMG_1.JPG"] == ("skipped", "not in include")
    assert found["b/IMG_10.jpg"] == ("ok", "")


def test_without_recursion_subfolders_are_named_and_not_read(folder):
    found = statuses(scan(folder, recursive=False))
    assert found["b"] == ("skipped", "subfolder, not read without recursive") and "b/IMG_2.jpg" not in found


def test_sources_may_be_files_patterns_lists_and_named_folders(folder):
    assert list(scan(folder / "a" / "IMG_1.JPG").id) == ["IMG_1.JPG"]
    assert list(scan(str(folder / "**" / "*.jpg")).id) == ["IMG_2.jpg", "IMG_10.jpg"]
    assert set(scan(str(folder / "*")).id) == set(scan(folder).id) - {"._IMG_1.jpg"}
    assert list(scan([folder / "b" / "IMG_2.jpg", folder / "a" / "IMG_1.JPG", folder / "b" / "IMG_2.jpg"]).id) == [
        "a/IMG_1.JPG",
        "b/IMG_2.jpg",
    ]
    named = scan({"CAM1": folder / "a", "CAM2": folder / "b"})
    assert list(named.id) == ["CAM1/IMG_1.JPG", "CAM2/IMG_2.jpg", "CAM2/IMG_10.jpg"] and named.names == ("CAM1+CAM2",)


def test_a_listed_file_that_is_gone_has_vanished(folder):
    found = scan([folder / "a" / "IMG_1.JPG", folder / "a" / "gone.jpg"])
    assert statuses(found)["gone.jpg"] == ("vanished", "no such file")


@pytest.mark.parametrize("source", ["nowhere", "nowhere/*.jpg"])
def test_a_missing_source_is_an_error_that_names_it(source, tmp_path):
    with pytest.raises(MissingSourceError, match="nowhere"):
        scan(tmp_path / source)


@pytest.mark.parametrize("source", [{}, 5, "a\0b", {"../x": "."}, {"/abs": "."}, {"": "."}, {"a/../..": "."}])
def test_what_is_no_source_is_refused(source):
    with pytest.raises(ArgumentError):
        scan(source)


def test_names_of_any_bytes_are_found(tmp_path):
    names = [b"bad\xff\xfe.jpg", b"new\nline.jpg", b"=cmd.jpg", b"-rf.jpg", b"a" * 251 + b".jpg", "\u202egpj.jpg".encode()]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as stream:
            stream.write(JPEG)
    table = scan(tmp_path)
    assert sorted(os.path.basename(path) for path in table.path) == sorted(names)
    assert table.has_status(Status.OK).all()


def test_a_folder_that_may_not_be_opened_is_a_row(folder):
    if os.geteuid() == 0:
        # Root may open anything: ask as another user, in a child.
        os.chmod(folder / "b", 0o700)
        os.chmod(folder.parent, 0o755)
        for parent in list(folder.parents)[:4]:
            os.chmod(parent, 0o755)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.setuid(65534)
            os.write(writer, repr(statuses(scan(folder)).get("b")).encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reader, 1000).decode() == "('unreadable', 'folder: permission denied')"
    else:
        os.chmod(folder / "b", 0)
        assert statuses(scan(folder))["b"] == ("unreadable", "folder: permission denied")
        os.chmod(folder / "b", 0o700)


def test_the_order_is_that_of_natsort_folder_by_folder():
    from natsort import natsort_keygen

    from visdatcompy_ds.stages.scan import _natural_order

    natural = natsort_keygen()
    random = np.random.default_rng(4)
    parts = ["a", "B", "_", "0", "1", "10", "007", "00", "é", "e\u0301", "²", "٣", " ", "-", ".", "\x01", "\x02", "\x03", "½", "\\\\", "5"]
    ids = sorted(
        {"/".join("".join(random.choice(parts, random.integers(1, 5))) for _ in range(random.integers(1, 4))) for _ in range(5000)}
    )
    random.shuffle(ids)

    def key(file_id):
        return tuple(natural(part) for part in file_id.split("/")), file_id

    assert [ids[row] for row in _natural_order(ids)] == sorted(ids, key=key)


def test_the_same_id_from_two_sources_is_an_error_and_the_same_path_is_one_row(folder):
    (folder / "x" / "b").mkdir(parents=True)
    (folder / "x" / "b" / "IMG_2.jpg").write_bytes(JPEG)
    with pytest.raises(ArgumentError, match=r"Two sources give the id n/b/IMG_2\.jpg"):
        scan({"n": folder / "x", "n/b": folder / "b"})
    assert list(scan([folder / "b", folder / "b" / "IMG_2.jpg"]).id) == ["IMG_2.jpg", "IMG_10.jpg"]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("..jpg", "skipped"),
        (".jpg", "skipped"),
        (".a.jpg", "ok"),
        ("a.JPG", "ok"),
        ("a.jpg.", "skipped"),
        ("jpg", "skipped"),
        ("a.b.png", "ok"),
    ],
)
def test_what_counts_is_the_last_ending(tmp_path, name, status):
    (tmp_path / name).write_bytes(b"no image")
    assert [STATUSES[code] for code in scan(tmp_path).status] == [status]
