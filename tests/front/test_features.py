"""The noun FeatureExtractor: copies that hashes miss are found and proved, look-alikes stay apart."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from visdatcompy_ds import ArgumentError, Dataset, EmptySourceError, FeatureExtractor, Image, UnknownNameError
from visdatcompy_ds.catalog.features import EXTRACTORS, WIDTH


@pytest.fixture
def scene(photo):
    """Pictures with some hundred corners each."""

    def make(k):
        noise = np.random.default_rng(k).integers(0, 256, (30, 40, 3)).astype(np.uint8)
        return cv2.addWeighted(photo(k, 480, 360), 0.6, cv2.resize(noise, (480, 360), interpolation=cv2.INTER_CUBIC), 0.4, 0)

    return make


@pytest.fixture
def edited(tmp_path, scene, write):
    """Originals, and copies of the first five: mirrored, turned, cropped, padded, pasted small."""
    for k in range(12):
        write(f"have/{k}.jpg", scene(k), quality=92)
    turn = cv2.getRotationMatrix2D((240, 180), 30, 1)
    write("new/mirrored.jpg", np.ascontiguousarray(scene(0)[:, ::-1]), quality=80)
    write("new/turned.jpg", cv2.warpAffine(scene(1), turn, (480, 360)), quality=80)
    write("new/cropped.jpg", np.ascontiguousarray(scene(2)[90:320, 60:400]), quality=80)
    write("new/padded.jpg", cv2.copyMakeBorder(scene(3), 80, 80, 120, 120, cv2.BORDER_CONSTANT), quality=80)
    page = np.full((600, 500, 3), 240, np.uint8)
    page[200:380, 100:340] = cv2.resize(scene(4), (240, 180), interpolation=cv2.INTER_AREA)
    write("new/pasted.png", page)
    write("new/stranger.jpg", scene(40))
    write("new/flat.png", np.full((200, 300, 3), 90, np.uint8))
    write("new/dot.png", np.full((1, 1, 3), 9, np.uint8))
    (tmp_path / "new" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    return Dataset(tmp_path / "new"), Dataset(tmp_path / "have")


SAME = {"mirrored.jpg": "0.jpg", "turned.jpg": "1.jpg", "cropped.jpg": "2.jpg", "padded.jpg": "3.jpg", "pasted.png": "4.jpg"}


def test_edited_copies_are_found_and_say_how_they_were_made(edited):
    pairs = FeatureExtractor(*edited).pairs().set_index("left_id")
    assert {left: pairs.right_id[left] for left in pairs.index} == SAME
    assert (pairs["class"] == "edited").all() and (pairs.step == "features").all() and pairs.is_similar.all()
    assert pairs.mirrored.to_dict() == {left: left == "mirrored.jpg" for left in SAME}
    assert abs(pairs.rotation["turned.jpg"]) == pytest.approx(30, abs=2) and pairs.overlap["padded.jpg"] > 0.9
    assert (pairs.inliers <= pairs.matches).all() and (pairs.inliers >= 6).all()
    assert pairs.attrs["unusable"] == 1


@pytest.mark.parametrize("extractor", FeatureExtractor.extractors)
def test_similars_are_kept_under_the_name_of_the_extractor(extractor, edited):
    finder = FeatureExtractor(*edited, extractor=extractor)
    assert finder.sift_similars is None and finder.orb_similars is None
    found = finder.find_similars()
    assert getattr(finder, f"{extractor}_similars") is found and list(found) == edited[0].images
    named = {image.filename: other.filename for image, other in found.items() if other is not None}
    assert named.items() <= SAME.items() and len(named) >= (5 if extractor == "sift" else 3)
    assert found[edited[0]["flat.png"]] is None and found[edited[0]["broken.jpg"]] is None


def test_the_cascade_leaves_what_it_proved_to_the_first_step(datasets):
    pairs = FeatureExtractor(Dataset(datasets / "trail_new"), Dataset(datasets / "trail")).pairs()
    steps = set(zip(pairs["class"], pairs.step, strict=True))
    assert ("bytes", "bytes") in steps and any(step == "hash" or step == "exif" for klass, step in steps if klass == "reencoded")
    assert not pairs.duplicated(["left_id", "right_id"]).any()
    assert pairs.inliers[pairs.step != "features"].isna().all()


def test_the_cascade_runs_once_for_what_is_asked_of_it(edited, monkeypatch):
    from visdatcompy_ds import feature_extractor

    runs = []
    once = feature_extractor.cascade
    monkeypatch.setattr(feature_extractor, "cascade", lambda *arguments: runs.append(1) or once(*arguments))
    finder = FeatureExtractor(*edited)
    finder.pairs()
    finder.find_similars()
    assert runs == [1]
    edited[0].delete_image("stranger.jpg")
    assert len(finder.find_similars()) == len(edited[0]) and runs == [1, 1]


def test_workers_and_the_order_of_sides_change_nothing(edited):
    new, have = edited
    one, other = FeatureExtractor(new, have, workers=1).pairs(), FeatureExtractor(new, have, workers=3).pairs()
    assert one.equals(other)
    swapped = FeatureExtractor(have, new).pairs()
    assert set(zip(swapped.right_id, swapped.left_id, strict=True)) == set(SAME.items())


def test_copies_within_one_dataset(edited, tmp_path):
    whole = Dataset(tmp_path, exclude="*.png")
    pairs = FeatureExtractor(whole).pairs()
    found = {frozenset((pair.left_id, pair.right_id)) for pair in pairs.itertuples() if pair.is_similar}
    assert {frozenset((f"new/{new}", f"have/{have}")) for new, have in SAME.items() if new.endswith("jpg")} == found


def test_matches_are_drawn(edited):
    new, have = edited
    finder = FeatureExtractor(new, have)
    figure = finder.draw_matches(new["mirrored.jpg"], have["0.jpg"])
    assert "mirrored" in figure.get_suptitle() and len(figure.artists) > 10
    assert "nothing agrees" in finder.draw_matches(new["flat.png"], Image(have["0.jpg"].path)).get_suptitle()


def test_next_frames_of_a_fixed_camera_are_no_copies(shared):
    """Three bursts of one post and twenty shots of another: EXIF kept."""
    for name in ("bursts", "buow"):
        pairs = FeatureExtractor(Dataset(shared / "data" / "cameratrap" / name)).pairs()
        assert set(pairs["class"]) <= {"similar", "undecided"}


def test_next_frames_without_exif_are_no_copies(shared, tmp_path, write):
    for name, step in (("bursts", 2), ("buow", 1)):
        for image in Dataset(shared / "data" / "cameratrap" / name):
            write(f"{name}/{image.filename}", np.ascontiguousarray(image.read("rgb")[::step, ::step]), quality=90)
        pairs = FeatureExtractor(Dataset(tmp_path / name)).pairs()
        assert set(pairs["class"]) <= {"similar", "undecided"}, name


def test_bad_arguments_and_empty_sources(edited, tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'sift'"):
        FeatureExtractor(*edited, extractor="shift")
    with pytest.raises(ArgumentError, match="a Dataset"):
        FeatureExtractor("new")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmptySourceError):
        FeatureExtractor(Dataset(tmp_path / "empty")).pairs()
    lone = FeatureExtractor(edited[0].subset(["flat.png", "dot.png", "broken.jpg"]))
    assert len(lone.pairs()) == 0 and set(lone.find_similars().values()) == {None}


@pytest.mark.parametrize("extractor", EXTRACTORS.values(), ids=lambda extractor: extractor.name)
def test_an_extractor_keeps_its_promises(extractor, photo):
    grey = cv2.cvtColor(photo(5, extractor.side, extractor.side * 3 // 4), cv2.COLOR_RGB2GRAY)
    points, descriptors = extractor.extract(grey)
    again = extractor.extract(grey)
    assert np.array_equal(points, again[0]) and np.array_equal(descriptors, again[1])
    assert descriptors.shape == (len(points), WIDTH) and descriptors.dtype == np.uint8 and 0 < len(points) <= extractor.keypoints
    assert extractor.source
    for empty in (np.full((50, 60), 7, np.uint8), np.zeros((1, 1), np.uint8)):
        assert len(extractor.extract(empty)[0]) == 0
    if extractor.mirror is not None:
        assert np.array_equal(extractor.mirror(extractor.mirror(descriptors)), descriptors)
        seen = extractor.extract(np.ascontiguousarray(grey[:, ::-1]))[1]
        apart, unlike = (
            np.unpackbits(side[:, None] ^ seen[None], axis=2).sum(axis=2).min(axis=1)
            for side in (extractor.mirror(descriptors), descriptors)
        )
        assert np.median(apart) < 0.5 * np.median(unlike)


def test_screenshots_of_one_application_are_no_copies_of_each_other(tmp_path, scene, write):
    """The frame is common to many and counts for nothing; what is in it is found."""
    screen = np.full((480, 320, 3), 240, np.uint8)
    for row in range(8):
        cv2.rectangle(screen, (10 + 40 * (row % 2), 60 * row + 5), (230 + 40 * (row % 2), 60 * row + 40), (200, 210 - 9 * row, 220), -1)
        cv2.putText(screen, "some words of a chat", (20 + 40 * (row % 2), 60 * row + 28), 0, 0.5, (40, 40, 40), 1, cv2.LINE_AA)
    for k in range(60):
        write(f"have/{k}.jpg", scene(k), quality=92)
        shot = screen.copy()
        top, left = 40 + 5 * k, 20 + 2 * k
        shot[top : top + 120, left : left + 160] = cv2.resize(scene(k), (160, 120), interpolation=cv2.INTER_AREA)
        write(f"new/{k}.jpg", shot, quality=85)
    within = FeatureExtractor(Dataset(tmp_path / "new")).pairs()
    assert set(within["class"]) <= {"similar", "undecided"}
    across = FeatureExtractor(Dataset(tmp_path / "new"), Dataset(tmp_path / "have")).pairs()
    few, many = (Dataset(tmp_path / "new").subset([f"{k}.jpg" for k in some]) for some in (range(5), range(5, 60)))
    for sides in ((few, many), (many, few)):
        assert set(FeatureExtractor(*sides).pairs()["class"]) <= {"similar", "undecided"}
    copies = across[across["class"] == "edited"]
    assert (copies.left_id == copies.right_id).all() and len(copies) >= 55


def test_features_are_for_what_hashes_left(tmp_path, scene, write):
    """Of images proved to be one shot the best stands for all, and each of them shows what it shows."""
    write("have/photo.jpg", scene(1), quality=95)
    write("new/small.jpg", cv2.resize(scene(1), (240, 180), interpolation=cv2.INTER_AREA), quality=90)
    write("new/again.jpg", scene(1)[:, ::-1].copy(), quality=95)
    write("new/worse.jpg", scene(1)[:, ::-1].copy(), quality=70)
    finder = FeatureExtractor(Dataset(tmp_path / "new"), Dataset(tmp_path / "have"))
    pairs = finder.pairs().set_index("left_id")
    assert pairs.step["again.jpg"] == "features" and "worse.jpg" not in pairs.index
    found = {image.filename: other and other.filename for image, other in finder.find_similars().items()}
    assert found == {"small.jpg": "photo.jpg", "again.jpg": "photo.jpg", "worse.jpg": "photo.jpg"}


@pytest.mark.parametrize("name", ["potatoes/v1", "banana"])
def test_frames_of_a_camera_that_moved_are_no_copies(name, shared, tmp_path, write):
    for image in Dataset(shared / "data" / name):
        write(f"{Path(image.filename).stem}.jpg", image.read("rgb"), quality=90)
    pairs = FeatureExtractor(Dataset(tmp_path)).pairs()
    assert set(pairs["class"]) == {"similar"}


def test_a_thumbnail_of_one_frame_makes_no_copies_of_the_others(shared, tmp_path, write):
    for name, step in (("kept", None), ("removed", 2)):
        for image in Dataset(shared / "data" / "cameratrap" / "bursts"):
            if step is None:
                target = tmp_path / name / image.filename
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(Path(image.path).read_bytes())
            else:
                write(f"{name}/{image.filename}", np.ascontiguousarray(image.read("rgb")[::step, ::step]), quality=90)
        first = Dataset(shared / "data" / "cameratrap" / "bursts")[0].read("rgb")
        write(f"{name}/small.jpg", cv2.resize(first, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), quality=90)
        pairs = FeatureExtractor(Dataset(tmp_path / name)).pairs()
        frames = pairs[(pairs.left_id != "small.jpg") & (pairs.right_id != "small.jpg")]
        assert set(frames["class"]) <= {"similar", "undecided"}, name


def test_of_one_shot_saved_twice_each_has_a_partner(tmp_path, scene, write):
    write(tmp_path / "a.png", scene(0))
    write(tmp_path / "b.png", scene(0))
    write(tmp_path / "c.png", scene(1))
    similars = FeatureExtractor(Dataset(tmp_path)).find_similars()
    assert {image.filename: None if other is None else other.filename for image, other in similars.items()} == {
        "a.png": "b.png",
        "b.png": "a.png",
        "c.png": None,
    }
    cut = cv2.imread(str(tmp_path / "a.png"))[20:-60, 30:-40]
    cv2.imwrite(str(tmp_path / "d.png"), cut)
    finder = FeatureExtractor(Dataset(tmp_path))
    similars = {image.filename: other and other.filename for image, other in finder.find_similars().items()}
    assert similars["a.png"] == "b.png" and similars["b.png"] == "a.png" and similars["d.png"] in ("a.png", "b.png")
    pairs = finder.pairs()
    assert pairs["class"].tolist() == ["bytes", "edited"]
    with open(finder.save("pairs", pairs)) as file:
        assert "NA" not in file.read()


def test_likeness_is_calibrated_on_ones_own_images(tmp_path, scene, write):
    for k in range(14):
        write(f"all/{k:02}.jpg", scene(k), quality=92)
    found = FeatureExtractor(Dataset(tmp_path / "all"), extractor="orb").calibrate()
    assert found.measure == "orb likeness" and found.pairs == 14 * 13 // 2 and found.false_pairs <= 1
    assert 0.5 < found.cutoff <= 1 and found.recall > 0.8 and found.by_cutoff["cutoff"].is_monotonic_decreasing
    halves = FeatureExtractor(
        Dataset(tmp_path / "all").filter(lambda row: row.id < "07"), Dataset(tmp_path / "all").filter(lambda row: row.id >= "07")
    )
    assert halves.calibrate().pairs == 49
