import datetime
import os

import numpy as np
import pytest

from visdatcompy_ds import (
    ArgumentError,
    Dataset,
    EmptySourceError,
    Image,
    ImageError,
    MissingSourceError,
    OutputError,
    RefusedImageError,
    SourceError,
    UnknownNameError,
    UnreadableImageError,
    VisDatCompare,
)
from visdatcompy_ds.engine.decode import Limits


@pytest.fixture
def trail(datasets):
    return Dataset(datasets / "trail")


@pytest.mark.parametrize("kind", [str, os.fsencode, lambda path: path])
def test_an_image_takes_any_path_and_reads_nothing_at_first(datasets, kind):
    path = kind(datasets / "trail/CAM01/IMG_0001.JPG")
    img = Image(path)
    assert img.exif_data is None and "_content" not in img.__dict__
    assert (img.filename, img.width, img.height, img.channels, img.format) == ("IMG_0001.JPG", 640, 480, 3, "JPEG")
    assert img.size_bytes == os.path.getsize(path)


def test_reading_gives_the_modes_and_sizes_asked_for(datasets):
    img = Image(datasets / "trail/CAM01/IMG_0001.JPG")
    bgr, rgb, gray = img.read(), img.read("rgb"), img.read("gray")
    assert bgr.shape == (480, 640, 3) and np.array_equal(bgr[..., ::-1], rgb) and gray.shape == (480, 640)
    assert img.read(size=(100, 50)).shape == (50, 100, 3) and img.read("gray", 128).shape == (128, 128)
    for wrong in ({"mode": "hsv"}, {"size": 0}, {"size": (1, 2, 3)}, {"size": -5}, {"size": "big"}, {"size": True}):
        with pytest.raises(ArgumentError):
            img.read(**wrong)


def test_a_hash_can_be_checked_by_hand(datasets):
    import cv2

    img = Image(datasets / "trail/CAM01/IMG_0001.JPG")
    assert img.hash("phash") == img.hash("p") == cv2.img_hash.pHash(img.read(size=128)).tobytes().hex()
    assert Dataset(img).fingerprints("phash")["phash"][0] == img.hash("phash")
    with pytest.raises(UnknownNameError, match="Did you mean 'phash'"):
        img.hash("phsh")


def test_metadata_tells_the_shot(datasets):
    found = Image(datasets / "trail/CAM01/IMG_0001.JPG").metadata
    assert found["taken"].replace(microsecond=0) == datetime.datetime(2025, 5, 3, 6, 41, 12)
    assert found["gps"] == pytest.approx((48.9312, 13.4271)) and "TW24-004117" in found["camera"]
    assert found["file"]["format"] == "JPEG" and found["exif"]["Make"] == "TRAILWATCH"


def test_exif_is_kept_and_empty_without_any(tmp_path, write):
    img = Image(write("plain.png", np.zeros((20, 20, 3), np.uint8)))
    assert img.get_exif_data() == {} == img.exif_data
    assert img.metadata["gps"] is None and img.metadata["taken"] is None


def test_comparing_has_the_direction_of_the_metric(datasets):
    one, other = (Image(datasets / f"trail/CAM01/IMG_000{k}.JPG") for k in (1, 4))
    assert one.compare(one, "ssim") == 1.0 and one.compare(other, "ssim") < 0.9
    assert one.compare(one, "mse") == 0.0 < one.compare(other, "mse")
    assert one.compare(one, "pix2pix") == 1.0 and one.compare(other.path, "pix2pix") == 0.0
    small = Image(datasets / "trail_new/CAM02/IMG_0001_small.jpg")
    assert one.compare(small, "pix2pix") == 0.0
    with pytest.raises(ArgumentError, match="640×480 and 320×240"):
        one.compare(small, "mse", size=None)


def test_what_cannot_be_read_says_why(tmp_path):
    (tmp_path / "text.jpg").write_text("hello\n" * 20)
    with pytest.raises(MissingSourceError, match="No such file"):
        Image(tmp_path / "gone.jpg").read()
    with pytest.raises(SourceError, match="Use Dataset for folders"):
        Image(tmp_path).read()
    with pytest.raises(UnreadableImageError, match=r"text\.jpg: unreadable"):
        Image(tmp_path / "text.jpg").read()
    with pytest.raises(ArgumentError):
        Image(5)


def test_limits_are_options(datasets):
    path = datasets / "trail/CAM01/IMG_0001.JPG"
    with pytest.raises(RefusedImageError, match="limit"):
        Image(path, limits=Limits(max_pixels=1000)).read()
    assert isinstance(RefusedImageError("x"), ImageError)
    frame = Dataset(path, limits=Limits(max_pixels=1000)).problems
    assert list(frame["status"]) == ["refused"]


def test_an_image_shows_itself(datasets):
    img = Image(datasets / "trail/CAM01/IMG_0001.JPG")
    assert img.show().axes[0].get_title().startswith("IMG_0001.JPG")
    assert img._repr_png_().startswith(b"\x89PNG")


def test_a_dataset_is_a_sequence_with_names(trail):
    assert len(trail) == trail.image_count == len(trail.images) == len(trail.filenames) == 30
    assert trail[0] is trail["CAM01/IMG_0001.JPG"] is next(iter(trail)) and trail[-1].id.startswith("CAM03/")
    assert "CAM01/IMG_0001.JPG" in trail and trail.name == "trail"
    with pytest.raises(ArgumentError, match="Use the id"):
        trail["IMG_0001.JPG"]
    with pytest.raises(UnknownNameError, match=r"CAM01/IMG_0001\.JPG"):
        trail["CAM01/IMG_001.JPG"]
    with pytest.raises(IndexError):
        trail[30]


def test_deleting_takes_an_image_from_the_object_only(trail):
    img = trail["CAM01/IMG_0002.JPG"]
    trail.measured("phash")
    trail.delete_image(img)
    assert len(trail) == 29 and img.id not in trail and os.path.exists(img.path) and len(trail.fingerprints("phash")) == 29
    with pytest.raises(UnknownNameError):
        trail.delete_image(img)


def test_subsets_filters_and_sums_are_new_objects(trail, datasets):
    some = trail.subset(["CAM02/IMG_0001.JPG", "CAM01/IMG_0001.JPG"])
    assert some.filenames == ["CAM01/IMG_0001.JPG", "CAM02/IMG_0001.JPG"] and len(trail) == 30
    night = trail.filter(lambda row: row.is_grey)
    assert 0 < len(night) < 30 and night.table()["is_grey"].all()
    both = trail + Dataset(datasets / "trail_new")
    assert len(both) == 100 and both.name == "trail+trail_new"
    assert both.table()["dataset"].value_counts().to_dict() == {"trail_new": 72, "trail": 30}
    with pytest.raises(UnknownNameError):
        trail.subset(["nothing.jpg"])


def test_exif_is_a_table_in_order(trail):
    frame = trail.get_exif_data()
    assert list(frame["id"]) == trail.filenames and frame is trail.exif_data
    assert set(frame["Model"]) == {"TW-24"} and frame["BodySerialNumber"].notna().sum() == 21


def test_info_says_what_is_there(datasets, capsys):
    Dataset(datasets / "trail_new").info(deep=True)
    said = capsys.readouterr().out
    for part in ("70", "CAM04", "TW24-005063", "GPS 49", "truncated", "label or text file (1)", "grey"):
        assert part in said
    assert "Traceback" not in said


def test_the_summary_adds_up(datasets):
    facts = Dataset(datasets / "trail_new").summary(deep=True)
    assert sum(facts["statuses"].values()) == facts["files"] == 72
    assert facts["images"] == facts["usable"] + len(facts["problems"]) == 70
    assert facts["deep"]["grey"] + facts["deep"]["colour"] == facts["usable"]
    assert sum(station["images"] for station in facts["stations"].values()) == facts["usable"]


def test_empty_and_single_and_same_datasets_give_clear_answers(tmp_path, datasets, trail, write, photo):
    (tmp_path / "empty").mkdir()
    empty = Dataset(tmp_path / "empty")
    empty.info()
    assert len(empty) == 0 and len(empty.problems) == 0 and list(empty) == [] and len(empty.get_exif_data()) == 0
    with pytest.raises(EmptySourceError, match="No images"):
        VisDatCompare(empty).run()
    write("one/a.jpg", photo(1))
    assert len(VisDatCompare(Dataset(tmp_path / "one")).run(sample=5).selection) == 1
    assert VisDatCompare(trail).run().facts["removed"] == {"bytes": 1}
    for same in (trail, Dataset(datasets / "trail")):  # what we have is protected, whatever it is compared with
        twice = VisDatCompare(trail, same).run(sample=5)
        assert twice.facts["removed"] == {} and len(twice.selection) == 0


def test_running_again_gives_the_same(trail, datasets):
    compy = VisDatCompare(trail, Dataset(datasets / "trail_new"))
    first, again = compy.run(sample=10), compy.run(sample=10)
    assert first.to_frame().equals(again.to_frame()) and first.selection.paths == again.selection.paths
    assert compy.sample(10).paths == first.selection.paths


def test_several_references_are_protected(datasets, tmp_path):
    have = Dataset(datasets / "trail/CAM01") + Dataset(datasets / "trail/CAM02") + Dataset(datasets / "trail/CAM03")
    plan = VisDatCompare(have, Dataset(datasets / "trail_new")).run()
    assert sum(plan.facts["removed"].values()) == 16
    assert set(plan.to_frame().query("action == 'remove'")["dataset"]) == {"trail_new"}


def test_reports_go_into_new_folders_only(trail, tmp_path):
    compy = VisDatCompare(trail)
    compy.report(tmp_path / "out")
    with pytest.raises(OutputError, match="holds files already"):
        compy.report(tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        compy.report(tmp_path / "file")


@pytest.mark.parametrize("options", [{"gap_s": -1}, {"station": 5}, {"workers": "all"}, {"label": "class"}])
def test_options_of_a_dataset_are_checked_at_once(datasets, options):
    with pytest.raises(ArgumentError):
        Dataset(datasets / "trail", **options)
