"""The noun VisDatCompare: finders, one road, one set of verdicts; leakage."""

import os

import numpy as np
import pytest
from PIL import Image as PillowImage

from visdatcompy_ds import ArgumentError, Dataset, UnknownNameError, VisDatCompare, VisdatError
from visdatcompy_ds.base.tables import CLASSES
from visdatcompy_ds.stages import confirm as confirming


def shot(hour: int = 10, second: int = 0) -> PillowImage.Exif:
    """EXIF of one moment of one camera."""
    tag = PillowImage.Exif()
    tag[0x0110] = "Camera"
    tag.get_ifd(0x8769).update({0x9003: f"2025:01:01 {hour}:00:{second:02}", 0xA431: "S7"})
    return tag


def ids(groups):
    return {image.id: [member.id for member in members] for image, members in groups.items()}


@pytest.fixture
def pictures(tmp_path, photo, write):
    """What we have, and what is new: copies of each kind, a burst, strangers."""
    scene = photo(7, 640, 480, noise=5)
    write("have/orig.jpg", scene, quality=92, exif=shot(10))
    write("have/other.jpg", photo(3), quality=92, exif=shot(11))
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "bytes.jpg").write_bytes((tmp_path / "have" / "other.jpg").read_bytes())
    write("new/resaved.jpg", scene, quality=90, exif=shot(10))
    write("new/next.jpg", photo(7, 640, 480, noise=5, noise_seed=99), quality=92, exif=shot(10))
    plain = np.asarray(Dataset(tmp_path / "have")["orig.jpg"].read("rgb"))
    write("new/lossless.png", plain)
    write("new/mirrored.jpg", np.ascontiguousarray(photo(21, 640, 480)[:, ::-1]), quality=92)
    write("new/stranger.jpg", photo(8, 640, 480), quality=92)
    return Dataset(tmp_path / "have"), Dataset(tmp_path / "new")


@pytest.fixture
def decoded(monkeypatch):
    """Count full decodes for comparison."""
    paths = []
    once = confirming.load_shot
    monkeypatch.setattr(confirming, "load_shot", lambda path, *known: paths.append(path) or once(path, *known))
    return paths


def test_exif_finds_copies_of_one_shot_and_never_the_next_frame(pictures):
    finder = VisDatCompare(*pictures).duplicates_finder
    found = finder.find_exif_duplicates()
    assert ids(found) == {"orig.jpg": ["resaved.jpg"], "other.jpg": ["bytes.jpg"]} and finder.exif_duplicates is found
    assert all(image in pictures[0].images for image in found)


@pytest.mark.parametrize("metric", ["mse", "nrmse", "ssim", "psnr", "mae", "nmi"])
def test_a_metric_proposes_and_full_resolution_decides(pictures, metric):
    found = ids(VisDatCompare(*pictures).duplicates_finder.find_metrics_duplicates(metric))
    assert found.pop("other.jpg") == ["bytes.jpg"]
    assert {name for members in found.values() for name in members} <= {"resaved.jpg", "lossless.png"} and "lossless.png" in found[
        "orig.jpg"
    ]


def test_two_frames_of_a_fixed_camera_are_no_duplicates_by_a_metric(tmp_path, photo, write):
    for k in range(3):
        write(f"{k}.jpg", photo(7, 1280, 960, noise=4, noise_seed=k), quality=92)
    compy = VisDatCompare(Dataset(tmp_path))
    plan = compy.run(metrics="mse")
    assert compy.duplicates_finder.find_metrics_duplicates("mse") == {} and plan.facts["removed"] == {}
    near = plan.pairs()
    assert set(near["class"]) <= {"similar", "undecided"} and len(near) == 3


def test_pix2pix_compares_all_pixels(pictures):
    found = ids(VisDatCompare(*pictures).duplicates_finder.find_metrics_duplicates("pix2pix"))
    assert found == {"orig.jpg": ["lossless.png"], "other.jpg": ["bytes.jpg"]}


def test_run_and_finders_share_what_was_judged(pictures, decoded):
    compy = VisDatCompare(*pictures)
    compy.duplicates_finder.find_exif_duplicates()
    assert len(decoded) == 3
    first = compy.run()
    told = {frozenset(pair) for pair in zip(first.comparison.pairs.left, first.comparison.pairs.right, strict=True)}
    many = len(decoded)
    assert many <= 7 and len(told) == len(first.comparison.pairs)
    for again in (compy.run(), compy.run(edited=True), compy.run(metrics=["mse", "ssim"])):
        assert again.facts["removed"] == first.facts["removed"]
    compy.duplicates_finder.find_exif_duplicates()
    compy.leakage()
    assert len(decoded) == many
    assert compy.run().to_frame().equals(first.to_frame())


def test_clearing_takes_members_out_of_the_objects_and_leaves_keepers_and_files(pictures, tmp_path):
    have, new = pictures
    compy = VisDatCompare(have, new)
    kept = have["orig.jpg"]
    groups = compy.duplicates_finder.find_exif_duplicates()
    compy.duplicates_finder.find_metrics_duplicates("pix2pix")
    gone = compy.duplicates_finder.clear_duplicates()
    assert list(gone) == ["dataset", "id", "class", "stage", "reason", "keeper_dataset", "keeper_id", "measure", "score"]
    assert dict(zip(gone["id"], zip(gone["class"], gone["stage"], gone["keeper_id"], strict=True), strict=True)) == {
        "resaved.jpg": ("reencoded", "exif", "orig.jpg"),
        "lossless.png": ("pixels", "metrics", "orig.jpg"),
        "bytes.jpg": ("bytes", "bytes", "other.jpg"),
    }
    assert gone["measure"].all() and gone["score"].notna().all()
    assert len(have) == 2 and new.filenames == ["mirrored.jpg", "next.jpg", "stranger.jpg"]
    assert have["orig.jpg"] is kept and kept in groups
    assert len(list((tmp_path / "new").iterdir())) == 6
    assert compy.duplicates_finder.clear_duplicates().empty and len(new) == 3
    assert compy.duplicates_finder.find_exif_duplicates() == {} and compy.run().facts["removed"] == {}


def test_each_find_may_be_repeated(pictures):
    compy = VisDatCompare(*pictures)
    finders = [
        compy.duplicates_finder.find_exif_duplicates,
        compy.duplicates_finder.find_metrics_duplicates,
        compy.similars_finder.find_hash_similars,
        compy.similars_finder.find_metrics_similars,
    ]
    for find in finders:
        find()
    first = [ids(find()) for find in finders]
    assert first == [ids(find()) for find in finders]


def test_similars_do_not_repeat_duplicates_that_were_found(pictures):
    compy = VisDatCompare(*pictures)
    assert ids(compy.similars_finder.find_hash_similars("phash"))["orig.jpg"] == ["lossless.png", "next.jpg", "resaved.jpg"]
    compy.duplicates_finder.find_exif_duplicates()
    found = compy.similars_finder.find_hash_similars("phash")
    assert ids(found) == {"orig.jpg": ["lossless.png", "next.jpg"]}
    assert compy.similars_finder.hash_similars == {"phash": found}
    compy.duplicates_finder.find_metrics_duplicates("pix2pix")
    assert ids(compy.similars_finder.find_metrics_similars("ssim")) == {"orig.jpg": ["next.jpg"]}
    gone = compy.similars_finder.clear_similars()
    assert gone[["id", "class", "measure", "keeper_id"]].to_numpy().tolist() == [["next.jpg", "similar", "phash", "orig.jpg"]]


@pytest.mark.parametrize("method", ["average", "marr_hildreth", "radial_variance", "block_mean", "color_moment", "dhash", "p"])
def test_every_hash_finds_a_copy(pictures, method):
    found = ids(VisDatCompare(*pictures).similars_finder.find_hash_similars(method))
    assert "resaved.jpg" in found["orig.jpg"] and "stranger.jpg" not in found["orig.jpg"]


def test_features_find_what_hashes_miss_and_say_so_in_the_plan(tmp_path, photo, write):
    import cv2

    def scene(k):
        noise = np.random.default_rng(k).integers(0, 256, (30, 40, 3)).astype(np.uint8)
        return cv2.addWeighted(photo(k, 480, 360), 0.6, cv2.resize(noise, (480, 360), interpolation=cv2.INTER_CUBIC), 0.4, 0)

    for k in range(6):
        write(f"have/{k}.jpg", scene(k), quality=92)
    write("new/mirrored.jpg", np.ascontiguousarray(scene(0)[:, ::-1]), quality=80)
    write("new/cropped.jpg", np.ascontiguousarray(scene(2)[90:320, 60:400]), quality=80)
    write("new/copy.jpg", scene(3), quality=80)
    have, new = Dataset(tmp_path / "have"), Dataset(tmp_path / "new")
    compy = VisDatCompare(have, new)
    assert compy.run(edited=True).facts["removed"] == {"reencoded": 1}
    plan = compy.run(features=True, edited=True)
    frame = plan.to_frame().set_index("id")
    assert frame.loc[["mirrored.jpg", "cropped.jpg"], ["action", "class", "stage", "keeper_id"]].to_numpy().tolist() == [
        ["remove", "edited", "features", "0.jpg"],
        ["remove", "edited", "features", "2.jpg"],
    ]
    assert frame.loc["copy.jpg", "class"] == "reencoded" and frame.loc["mirrored.jpg", "measure"] == "sift inliers"
    found = plan.comparison
    rows = {found.table.files.id[right]: evidence for (_, right), evidence in found.evidence.items()}
    assert rows["mirrored.jpg"].mirrored and rows["cropped.jpg"].inliers >= 6
    by_features = plan.pairs().query("step == 'features'")
    assert len(by_features) and (by_features.inliers >= 6).all() and by_features.overlap.between(0.25, 1).all()
    assert compy.run(features=True).facts["removed"] == {"reencoded": 1}
    levels = compy.leakage(features="sift").set_index("test_id").level.to_dict()
    assert levels == {"mirrored.jpg": "edited", "cropped.jpg": "edited", "copy.jpg": "reencoded"}
    assert compy.leakage().set_index("test_id").level.to_dict()["cropped.jpg"] == ""
    assert ids(compy.similars_finder.find_features_similars("sift")) == {
        "0.jpg": ["mirrored.jpg"],
        "2.jpg": ["cropped.jpg"],
        "3.jpg": ["copy.jpg"],
    }


def test_the_same_images_twice_lose_nothing(pictures, tmp_path):
    have, _ = pictures
    names = have.filenames
    inside = Dataset({"one": tmp_path / "have"}, name="whole")
    for other in (have, Dataset(tmp_path / "have"), Dataset([tmp_path / "have" / "orig.jpg", tmp_path / "have" / "other.jpg"]), inside):
        compy = VisDatCompare(have, other)
        compy.duplicates_finder.find_exif_duplicates()
        compy.duplicates_finder.find_metrics_duplicates("mse")
        assert compy.duplicates_finder.clear_duplicates().empty
        compy.similars_finder.find_hash_similars()
        assert compy.similars_finder.clear_similars().empty
        assert have.filenames == names and len(other) == 2 and compy.run().facts["removed"] == {}


def test_the_same_dataset_is_one_and_the_same_by_whichever_object(tmp_path, photo, write):
    write("have/a.jpg", photo(1), quality=92)
    write("have/b.jpg", photo(1), quality=85)
    have = Dataset(tmp_path / "have")
    for other in (have, Dataset(tmp_path / "have")):
        compy = VisDatCompare(have, other)
        assert compy.leakage()["level"].tolist() == ["same_file"] * 2
        assert compy.run().facts["removed"] == {} and set(compy.plan.to_frame().action) == {"keep"}
        assert ids(compy.duplicates_finder.find_metrics_duplicates()) == {"a.jpg": ["b.jpg"]}


def test_what_the_verdicts_cost_is_told_whichever_call_came_first(pictures):
    alone, after = VisDatCompare(*pictures), VisDatCompare(*pictures)
    after.duplicates_finder.find_exif_duplicates()
    costs = [compy.run().comparison.counts for compy in (alone, after)]
    assert costs[0]["confirm_comparisons"] == costs[1]["confirm_comparisons"] > 0
    assert costs[1]["confirm_decodes"] >= costs[0]["confirm_decodes"]


def test_several_references_and_one_inside_the_other(pictures, tmp_path):
    have, new = pictures
    whole = Dataset(tmp_path)
    compy = VisDatCompare(have + Dataset([tmp_path / "new" / "next.jpg"]), whole)
    found = ids(compy.duplicates_finder.find_exif_duplicates())
    assert found["orig.jpg"] == ["new/resaved.jpg"] and "next.jpg" not in found
    gone = compy.duplicates_finder.clear_duplicates()
    assert set(gone["id"]) == {"new/resaved.jpg", "new/bytes.jpg"} and len(whole) == 6 and len(new) == 6


def test_duplicates_within_what_is_protected_are_found_and_stay(tmp_path, photo, write):
    write("have/a.jpg", photo(1), quality=92, exif=shot())
    write("have/b.jpg", photo(1), quality=85, exif=shot())
    write("new/c.jpg", photo(2), quality=85)
    have, new = Dataset(tmp_path / "have"), Dataset(tmp_path / "new")
    compy = VisDatCompare(have, new)
    assert ids(compy.duplicates_finder.find_exif_duplicates()) == {"a.jpg": ["b.jpg"]}
    assert compy.duplicates_finder.clear_duplicates().empty and len(have) == 2
    free = VisDatCompare(have, new, protect=None)
    free.duplicates_finder.find_exif_duplicates()
    assert free.duplicates_finder.clear_duplicates()["id"].tolist() == ["b.jpg"] and have.filenames == ["a.jpg"]


def test_copies_that_are_labelled_differently_go_only_on_request(tmp_path, photo, write):
    write("deer/a.jpg", photo(1))
    write("fox/a.jpg", photo(1))
    write("fox/b.jpg", photo(2))
    compy = VisDatCompare(Dataset(tmp_path, label="folder"))
    assert ids(compy.duplicates_finder.find_metrics_duplicates()) == {"fox/a.jpg": ["deer/a.jpg"]}
    assert compy.duplicates_finder.clear_duplicates().empty
    assert compy.run().facts["removed"] == {} and compy.run().to_frame().label_conflict.sum() == 1
    assert compy.run(label_conflicts=True).facts["removed"] == {"bytes": 1}


def test_a_sample_takes_the_wishes_of_the_downsampler(datasets):
    compy = VisDatCompare(Dataset(datasets / "trail"), Dataset(datasets / "trail_new"))
    plan = compy.run(sample=12, strategy="stride", per_group="station", quota="equal", max_per_event=2)
    assert len(plan.selection) == 12 and dict(zip(plan.selection.groups.group, plan.selection.groups.had, strict=True))["CAM01"] == 10
    assert compy.sample(12, strategy="stride", per_group="station", quota="equal", max_per_event=2).paths == plan.selection.paths
    vectors = {name: np.random.default_rng(k).normal(size=4) for k, name in enumerate(Dataset(datasets / "trail_new").filenames)}
    vectors |= {(name, key): vectors.get(key, np.zeros(4)) for name in ("trail", "trail_new") for key in [*vectors]}
    vectors |= {("trail", name): np.ones(4) for name in Dataset(datasets / "trail").filenames}
    assert len(compy.sample(5, embeddings=vectors)) == 5


WRONG = {
    "an unknown metric": (lambda compy: compy.run(metrics="sim"), "Did you mean 'ssim'"),
    "a number for metrics": (lambda compy: compy.run(metrics=3), "Unknown metric"),
    "an unknown extractor": (lambda compy: compy.run(features="swift"), "Did you mean 'sift'"),
    "an unknown policy": (lambda compy: compy.run(policy="bst"), "Did you mean 'best'"),
    "an unknown wish": (lambda compy: compy.run(sample=1, stratgy="spread"), "Did you mean 'strategy'"),
    "an unknown bucket rule": (lambda compy: compy.sample(1, rules="visul"), "Did you mean 'visual'"),
    "a finder's metric": (lambda compy: compy.duplicates_finder.find_metrics_duplicates("msee"), "Did you mean 'mse'"),
    "a finder's hash": (lambda compy: compy.similars_finder.find_hash_similars("fash"), "phash"),
    "a finder's extractor": (lambda compy: compy.similars_finder.find_features_similars("orbb"), "Did you mean 'orb'"),
    "leakage of one": (lambda compy: compy.leakage(), "Allowed: two"),
}


@pytest.mark.parametrize("what", WRONG)
def test_errors_say_what_is_allowed(what, datasets):
    call, says = WRONG[what]
    with pytest.raises((ArgumentError, UnknownNameError)) as caught:
        call(VisDatCompare(Dataset(datasets / "trail")))
    assert isinstance(caught.value, VisdatError) and says in str(caught.value)


def test_leakage_tells_by_level_what_of_test_is_in_train(pictures, tmp_path, photo, write):
    train, _ = pictures
    os.symlink(tmp_path / "have" / "orig.jpg", tmp_path / "new" / "link.jpg")
    os.link(tmp_path / "have" / "orig.jpg", tmp_path / "new" / "z_hard.jpg")
    (tmp_path / "new" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    found = VisDatCompare(train, Dataset(tmp_path / "new")).leakage()
    levels = dict(zip(found["test_id"], found["level"], strict=True))
    assert levels == {
        "link.jpg": "same_file",
        "z_hard.jpg": "same_file",
        "bytes.jpg": "bytes",
        "lossless.png": "pixels",
        "resaved.jpg": "reencoded",
        "next.jpg": "event",
        "broken.jpg": "unread",
        "mirrored.jpg": "",
        "stranger.jpg": "",
    }
    assert list(found["test_id"]) == list(levels) and found.attrs["levels"]["same_file"] == 2
    assert found.attrs["clean"] == 2 and found.attrs["unread"] == 1 and found.attrs["train_unread"] == 0
    event = found.set_index("test_id").loc["next.jpg"]
    assert event.train_id == "orig.jpg" and event.score == 0 and event.cutoff == 60


def test_leakage_does_not_compare_train_with_itself(tmp_path, photo, write, decoded):
    for quality in range(70, 95):
        write(f"train/{quality}.jpg", photo(1), quality=quality)
    write("train/other.jpg", photo(2), quality=90)
    write("test/first.jpg", photo(2), quality=95)
    write("test/stranger.jpg", photo(3), quality=95)
    compy = VisDatCompare(Dataset(tmp_path / "train"), Dataset(tmp_path / "test"))
    found = compy.leakage()
    assert found[["test_id", "level", "train_id"]].to_numpy().tolist()[0] == ["first.jpg", "reencoded", "other.jpg"]
    assert {os.path.basename(path) for path in decoded} == {b"first.jpg", b"other.jpg"}
    assert len(compy.run().pairs()) > 100  # which reports what is double in train


def test_leakage_compares_labels_and_is_the_same_whatever_was_protected(tmp_path, photo, write):
    write("train/deer/a.jpg", photo(1), quality=92)
    write("train/fox/b.jpg", photo(2), quality=92)
    write("test/fox/a.jpg", photo(1), quality=80)
    write("test/fox/b.jpg", photo(2), quality=80)
    write("test/c.jpg", photo(3), quality=80)
    sides = [Dataset(tmp_path / name, label="folder") for name in ("train", "test")]
    found = VisDatCompare(*sides).leakage()
    assert found["labels_agree"].tolist()[:2] == [False, True] and found["labels_agree"].isna().tolist() == [False, False, True]
    assert found.attrs["labels_disagree"] == 1 and found.attrs["labels_agree"] == 1
    assert VisDatCompare(*sides, protect="dataset2").leakage().equals(found)


def test_the_example_of_the_seed_runs(shared):
    dataset1 = Dataset(shared / "data" / "cows")
    dataset2 = Dataset(shared / "data" / "cows_duplicates")
    compy = VisDatCompare(dataset1, dataset2)
    assert len(compy.duplicates_finder.find_metrics_duplicates("mse")) == 4
    assert len(compy.duplicates_finder.clear_duplicates()) == 5
    compy.similars_finder.find_features_similars("sift")
    compy.similars_finder.clear_similars()
    assert len(dataset1) == 10 and len(dataset2) == 0
    assert compy.run(sample=3).facts["survivors"] == 0


def test_no_two_frames_of_real_bursts_are_duplicates(shared):
    compy = VisDatCompare(Dataset(shared / "data" / "cameratrap" / "bursts"))
    finder = compy.duplicates_finder
    assert finder.find_exif_duplicates() == {} and finder.find_metrics_duplicates("ssim") == {}
    assert set(compy.run(metrics="ssim", features=True).pairs()["class"]) <= {"similar", "undecided"} <= set(CLASSES)


def test_metrics_of_one_kind_read_each_image_once(pictures, monkeypatch):
    from visdatcompy_ds.stages import stacks

    reads = []
    once = stacks.files.read
    monkeypatch.setattr(stacks.files, "read", lambda path, *limit: reads.append(path) or once(path, *limit))
    compy = VisDatCompare(*pictures)
    one, several = (compy.run(metrics=names).comparison.counts["metrics_decodes"] for names in ("mse", ["mse", "ssim", "mae"]))
    assert one == several > 0
    assert [os.path.basename(path) for path in reads].count(b"stranger.jpg") == 1 + 2  # the pass, and each of the two looks
