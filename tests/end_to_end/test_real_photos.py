"""The promises on real photos; skipped, saying so, where they are not."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from visdatcompy_ds import Dataset, VisDatCompare
from visdatcompy_ds.base.tables import STATUSES


@pytest.fixture
def data(shared):
    return shared / "data"


def plan_of(*folders):
    datasets = [Dataset(folder) for folder in folders]
    return VisDatCompare(*datasets).run()


def removed(plan):
    frame = plan.to_frame()
    frame = frame[frame["action"] == "remove"]
    return dict(zip(frame["id"], zip(frame["class"], frame["keeper_id"], strict=True), strict=True))


def classes(plan):
    frame = plan.pairs()
    return dict(zip(zip(frame["left_id"], frame["right_id"], strict=True), frame["class"], strict=True))


def test_all_copied_cows_are_had(data):
    gone = removed(plan_of(data / "cows", data / "cows_duplicates"))
    assert len(gone) == 5 and {klass for klass, _ in gone.values()} == {"bytes"}
    assert gone["V00001 (copy).png"][1] == "V00001.png"


def test_potatoes_v2_is_wholly_in_v1_and_nothing_else(data):
    plan = plan_of(data / "potatoes/v1", data / "potatoes/v2")
    gone = removed(plan)
    assert len(gone) == 16 and all(value == ("bytes", name) for name, value in gone.items())
    assert removed(plan_of(data / "potatoes/v1")) == {}


def test_drone_photos_without_gps_are_the_same_pixels(data):
    assert removed(plan_of(data / "drone/flight", data / "drone/flight_no_gps")) == {
        f"DJI_00{k}.JPG": ("pixels", f"DJI_00{k}.JPG") for k in (18, 19, 20)
    }


def test_orientation_is_read_upright_and_a_drawn_number_is_an_edit(data):
    ds = Dataset(data / "orientation")
    codes = {row.id: bytes.fromhex(row.phash) for row in ds.fingerprints("phash").itertuples()}
    for kind in ("Landscape", "Portrait"):
        nine = [np.unpackbits(np.frombuffer(codes[f"{kind}_{k}.jpg"], np.uint8)) for k in range(9)]
        assert max((one != other).sum() for one in nine for other in nine) <= 4
    plan = VisDatCompare(ds).run()
    assert removed(plan) == {}
    found = classes(plan)
    for kind in ("Landscape", "Portrait"):
        for one in range(9):
            for other in range(one + 1, 9):
                assert found[f"{kind}_{one}.jpg", f"{kind}_{other}.jpg"] == "edited"


def test_versions_of_the_elephants(data):
    plan = plan_of(data / "cameratrap/mixed")
    found = {frozenset(pair): klass for pair, klass in classes(plan).items()}
    name = "african_elephants{}.jpg".format
    assert found[frozenset((name(""), name("_cmyk")))] == "reencoded"
    assert found[frozenset((name(""), name("_with_exif_orientation")))] == "reencoded"
    assert found[frozenset((name(""), name("_bw")))] == "edited"
    assert [(p["id"], p["status"], p["reason"]) for p in plan.facts["problems"]] == [
        ("mixed/african_elephants_truncated_file.jpg", "unreadable", "truncated")
    ]
    assert len(removed(plan)) == 2 and name("_bw") not in removed(plan)


@pytest.mark.parametrize("with_exif", [True, False])
def test_of_a_burst_each_copy_is_a_duplicate_of_its_own_frame_only(data, tmp_path, with_exif):
    frames = sorted((data / "cameratrap/bursts").glob("*.JPG"))
    for path in frames:
        with Image.open(path) as picture:
            picture.load()
            options = {"exif": picture.info["exif"]} if with_exif else {}
            bare = io.BytesIO(path.read_bytes())
            if not with_exif:  # the frames themselves lose their EXIF too, without being re-saved
                (tmp_path / "have").mkdir(exist_ok=True)
                (tmp_path / "have" / path.name).write_bytes(without_exif(bare.getvalue()))
            (tmp_path / "new").mkdir(exist_ok=True)
            picture.save(tmp_path / f"new/{path.stem}_q75.jpg", quality=75, **options)
            half = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)
            half.save(tmp_path / f"new/{path.stem}_half.jpg", quality=85, **options)
    have = data / "cameratrap/bursts" if with_exif else tmp_path / "have"
    assert removed(plan_of(have)) == {}
    gone = removed(plan_of(have, tmp_path / "new"))
    assert gone == {f"{path.stem}_{kind}.jpg": ("reencoded", path.name) for path in frames for kind in ("q75", "half")}


def without_exif(data):
    """Drop the APP1 segments of a JPEG, pixels untouched."""
    out, at = bytearray(data[:2]), 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] != 0xE1:
            out += data[at:end]
        at = end
    return bytes(out + data[at:])


def test_distinct_owls_at_one_post_are_no_copies(data):
    assert removed(plan_of(data / "cameratrap/buow")) == {} and removed(plan_of(data / "banana")) == {}


def test_every_real_photo_is_read(data):
    for name in ("clothing", "cats_dogs", "drone", "banana"):
        ds = Dataset(data / name)
        assert len(ds.problems) == 0 and len(ds) > 6, name


def test_hostile_files_each_end_in_their_status(shared, tmp_path):
    import csv

    subprocess.run([sys.executable, str(shared / "tools/hostile_images.py"), str(tmp_path / "h")], check=True, capture_output=True)
    with open(tmp_path / "h/expected.csv", newline="", encoding="utf-8") as stream:
        expected = {row["file"]: row["status"].split("|") for row in csv.DictReader(stream)}
    (tmp_path / "h/expected.csv").unlink()
    plan = plan_of(tmp_path / "h")
    files = plan.comparison.table.files
    by_name = {
        path.rsplit(b"/", 1)[1].decode("utf-8", "backslashreplace"): STATUSES[code]
        for path, code in zip(files.path, files.status, strict=True)
    }
    wrong = {name: (by_name.get(name), wanted) for name, wanted in expected.items() if by_name.get(name) not in wanted}
    assert wrong == {}
    gone = removed(plan)
    assert not {"deep_1.png", "deep_2.png", "alpha_ramp.png", "alpha_zero.png", "flat_100x200.png", "flat_200x100.png"} & set(gone)
    assert not [name for name in gone if name.startswith("moving_") and gone[name][0] != "pixels"]
