"""Candidates, confirmation, groups and decisions: mostly on rows made by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visdatcompy_ds import Dataset
from visdatcompy_ds.base.tables import CLASSES, Fingerprints, Pairs
from visdatcompy_ds.catalog.probes import CLEAN_PROBES
from visdatcompy_ds.catalog.same_shot import Evidence, verdict
from visdatcompy_ds.stages import candidates
from visdatcompy_ds.stages.compare import STAGES, Judged, compare, conclude, union
from visdatcompy_ds.stages.confirm import confirm
from visdatcompy_ds.stages.decide import LINKED
from visdatcompy_ds.stages.group import group, rank

CODE = np.array([[1, 2, 3, 4, 5, 6, 7, 8]], np.uint8)


def proposed(table):
    found = candidates.propose(table, np.arange(len(table)))
    return {(int(a), int(b)): step for a, b, step in zip(found.left, found.right, found.step, strict=True)}, found


def look_alikes(rows, n=3, **columns):
    return rows([f"{k}.jpg" for k in range(n)], phash=np.repeat(CODE, n, 0), dhash=np.repeat(CODE, n, 0), **columns)


def test_rows_of_equal_hash_are_proposed(rows):
    assert proposed(look_alikes(rows))[0] == {(0, 1): "hash", (0, 2): "hash", (1, 2): "hash"}


def test_a_second_hash_that_disagrees_takes_a_pair_out(rows):
    table = rows(["a", "b"], phash=np.repeat(CODE, 2, 0), dhash=[[0] * 8, [255] * 8])
    assert proposed(table)[0] == {}


def test_exif_takes_other_shots_out_and_the_nearest_are_told(rows):
    table = look_alikes(rows, taken=["2025-01-01T00:00:00", "2025-01-01T00:00:01", "2025-01-01T00:00:01"])
    pairs, found = proposed(table)
    assert pairs == {(1, 2): "hash"}
    assert {(int(a), int(b)) for a, b in zip(found.vetoed.left, found.vetoed.right, strict=True)} == {(0, 1), (0, 2)}
    assert found.counts["vetoed"] == 2 and set(found.vetoed.klass) == {CLASSES.index("similar")}


def test_low_information_is_set_aside_and_counted(rows):
    pairs, found = proposed(look_alikes(rows, low_information=[True, True, False]))
    assert pairs == {} and found.counts["set_aside"] == 2


def test_one_moment_of_one_camera_is_proposed_whatever_the_hashes(rows):
    table = rows(["a", "b"], taken=["2025-01-01T00:00:00"] * 2, camera=["7", "7"])
    assert proposed(table)[0] == {(0, 1): "exif"}
    other_shape = rows(["a", "b"], taken=["2025-01-01T00:00:00"] * 2, camera=["7", "7"], width=[640, 300])
    assert proposed(other_shape)[0] == {}


def test_a_camera_whose_clock_stands_still_proposes_nothing_by_its_clock(rows):
    n = 100
    table = rows([f"{k}" for k in range(n)], taken=["2025-01-01T00:00:00"] * n, camera=["7"] * n)
    assert "exif" not in proposed(table)[0].values()


def test_of_very_many_look_alikes_the_nearest_are_judged_and_the_rest_counted(rows):
    n = 200
    found = proposed(look_alikes(rows, n))[1]
    assert found.counts["beyond_most"] == n * (n - 1) // 2 - len(found.left) > 0
    assert np.bincount(found.left, minlength=n)[:-16].tolist() == [16] * (n - 16)


def test_among_very_many_look_alikes_a_copy_is_still_judged(rows):
    n = 200
    layouts = np.random.default_rng(2).integers(0, 255, (n, 192))
    layouts[150] = np.clip(layouts[3] + 1, 0, 255)
    assert (3, 150) in proposed(look_alikes(rows, n, layout=layouts))[0]


def test_a_fixed_camera_with_dates_costs_no_decodes_and_one_pair_a_frame(rows):
    n = 3000
    dates = np.datetime64("2025-01-01T00:00:00") + np.arange(n) * np.timedelta64(60, "s")
    pairs, found = proposed(look_alikes(rows, n, taken=dates))
    assert pairs == {} and found.counts["vetoed"] == n * (n - 1) // 2 and len(found.vetoed) <= n


EVIDENCE = {
    "mean": 0.98,
    "median": 0.98,
    "worst": 0.9,
    "tone": 1.0,
    "colour": 2.0,
    "layout": 0.99,
    "ratio": 1.0,
    "side": 480,
    "is_stretched": False,
    "is_grey_and_colour": False,
    "larger_side": 480,
}


@pytest.mark.parametrize(
    ("change", "klass"),
    [
        ({}, "reencoded"),
        ({"ratio": 0.5, "mean": 0.955, "worst": 0.8}, "reencoded"),
        ({"ratio": 0.5, "mean": 0.945, "worst": 0.8}, "undecided"),
        ({"ratio": 0.5, "mean": 0.945, "worst": 0.8, "larger_side": 2400}, "reencoded"),
        ({"excess": 0.7, "mean": 0.85, "worst": 0.7}, "reencoded"),
        ({"excess": 2.0}, "undecided"),
        ({"excess": 2.0, "side": 1200}, "reencoded"),
        ({"ratio": 0.4}, "undecided"),
        ({"side": 90}, "undecided"),
        ({"mean": 0.92, "median": 0.92}, "undecided"),
        ({"mean": 0.87, "median": 0.87, "worst": 0.8}, "similar"),
        ({"worst": 0.3, "median": 0.98}, "edited"),
        ({"tone": 20.0, "median": 0.99}, "edited"),
        ({"is_grey_and_colour": True, "median": 0.99}, "edited"),
        ({"colour": 50.0, "median": 0.99}, "edited"),
        ({"worst": 0.3, "median": 0.95}, "similar"),
        ({"worst": 0.3, "median": 0.95, "side": 1200}, "edited"),
        ({"mean": 0.3, "median": 0.3, "worst": 0.0, "layout": 0.2}, ""),
    ],
)
def test_the_borders_between_classes(change, klass):
    assert verdict(Evidence(**{**EVIDENCE, **change}))[0] == klass


@given(st.integers(2, 30), st.data())
@settings(max_examples=150, deadline=None)
def test_groups_are_stars_and_every_member_was_confirmed_with_its_keeper(n, data):
    edges = sorted(data.draw(st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda e: e[0] < e[1]), max_size=40)))
    left, right = (np.array([edge[side] for edge in edges], np.int64) for side in (0, 1))
    pairs = Pairs.build(left, right, "reencoded", "hash", "ssim", 1.0)
    order = np.array(data.draw(st.permutations(range(n))))
    stars, held = group(order, n, pairs)
    assert held == []
    position = {int(row): at for at, row in enumerate(order)}
    for row in range(n):
        keeper = int(stars.keeper[row])
        if keeper == row:
            continue
        assert (min(row, keeper), max(row, keeper)) in edges and position[keeper] < position[row]
        assert {int(pairs.left[stars.pair[row]]), int(pairs.right[stars.pair[row]])} == {row, keeper}


def test_the_best_row_comes_first(rows):
    ids = ["damaged", "small", "big", "labelled", "protected", "later", "no_date"]
    day = "2025-01-0{}T00:00:00"
    table = rows(
        ids,
        status=[2, 0, 0, 0, 0, 0, 0],
        width=[900, 100, 800, 100, 50, 800, 800],
        taken=[day.format(1)] * 5 + [day.format(2), "NaT"],
        has_exif=[True] * 7,
    )
    table = table.with_columns(label=np.array(["", "", "", "deer", "", "", ""], object))
    protected = np.array([False] * 4 + [True] + [False] * 2)
    assert [ids[row] for row in rank(table, protected)] == ["protected", "labelled", "big", "later", "no_date", "small", "damaged"]


def compared(tmp_path, protect=False, **options):
    if not protect:
        table = Dataset(tmp_path, **options).measured(*CLEAN_PROBES)
        return compare(table, np.zeros(len(table), bool))
    tables = [Dataset(tmp_path / name, **options).measured(*CLEAN_PROBES) for name in ("have", "new")]
    table = Fingerprints.combine(tables)
    return compare(table, np.arange(len(table)) < len(tables[0]))


def removed(found):
    ids = found.table.files.id
    return {
        ids[row]: (ids[keeper], klass)
        for row, keeper, klass, action in zip(found.plan.row, found.plan.keeper, found.plan.klass, found.plan.action, strict=True)
        if action == "remove"
    }


def test_copies_are_found_and_the_next_frame_stays(tmp_path, photo, write):
    scene = photo(7, 640, 480, noise=5)
    write("have/orig.jpg", scene, quality=92)
    write("new/resaved.jpg", scene, quality=90)
    write("new/half.jpg", scene.reshape(240, 2, 320, 2, 3).mean(axis=(1, 3)).astype(np.uint8), quality=90)
    write("new/lossless.png", np.asarray(Dataset(tmp_path / "have")[0].read("rgb")))
    write("new/next.jpg", photo(7, 640, 480, noise=5, noise_seed=99), quality=92)
    write("new/other.jpg", photo(8, 640, 480), quality=92)
    found = compared(tmp_path, protect=True)
    assert removed(found) == {
        "resaved.jpg": ("orig.jpg", "reencoded"),
        "half.jpg": ("orig.jpg", "reencoded"),
        "lossless.png": ("orig.jpg", "pixels"),
    }
    classes = {CLASSES[code] for code in found.pairs.klass}
    assert "similar" in classes and found.counts["confirm_decodes"] == found.counts["confirm_images"]


def test_pictures_that_only_look_equal_are_not_removed(tmp_path, photo, write):
    scene = photo(5)
    high = (scene.astype(np.uint16) << 8)[..., 0]
    write("deep_1.png", high)
    write("deep_2.png", high | np.random.default_rng(0).integers(0, 255, high.shape).astype(np.uint16))
    write("clear.png", np.dstack([scene, np.full(scene.shape[:2], 255, np.uint8)]))
    write("faded.png", np.dstack([scene, (np.arange(scene.shape[1]) % 256).astype(np.uint8)[None].repeat(scene.shape[0], 0)]))
    assert removed(compared(tmp_path)) == {}


def test_flat_pictures_go_by_bytes_and_pixels_only(tmp_path, write):
    for name, value in (("white.png", 255), ("also_white.png", 255), ("grey.png", 254)):
        write(name, np.full((200, 300, 3), value, np.uint8))
    write("turned.png", np.full((300, 200, 3), 255, np.uint8))
    assert removed(compared(tmp_path)) == {"also_white.png": ("white.png", "bytes")} or removed(compared(tmp_path)) == {
        "white.png": ("also_white.png", "bytes")
    }


def test_damaged_files_neither_keep_nor_go(tmp_path, photo, write):
    path = write("good.jpg", photo(2), quality=90)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 512] = bytes(512)
    (tmp_path / "damaged.jpg").write_bytes(data)
    (tmp_path / "damaged_copy.jpg").write_bytes(data)
    found = compared(tmp_path)
    assert removed(found) == {} and len(found.survivors) == 1


def test_links_to_one_file_are_never_removed_and_sampled_once(tmp_path, photo, write):
    path = write("a.jpg", photo(2))
    (tmp_path / "link.jpg").symlink_to(path)
    (tmp_path / "hard.jpg").hardlink_to(path)
    write("z/copy.jpg", photo(2))
    found = compared(tmp_path)
    assert removed(found) == {"z/copy.jpg": ("a.jpg", "bytes")}
    assert (found.plan.reason == LINKED).sum() == 2 and len(found.survivors) == 3 and len(found.choosable) == 1
    assert found.pairs.of_class("same_file").sum() == 2


def test_a_link_keeps_for_no_file(tmp_path, photo, write):
    path = write("elsewhere/a.jpg", photo(2))
    write("here/a_much_longer_name.jpg", photo(2))
    (tmp_path / "here" / "a.jpg").symlink_to(path)
    (tmp_path / "here" / "b.jpg").write_bytes(path.read_bytes())
    table = Dataset(tmp_path / "here").measured(*CLEAN_PROBES)
    assert removed(compare(table, np.zeros(len(table), bool)))["a_much_longer_name.jpg"] == ("b.jpg", "bytes")


def test_copies_that_a_smaller_one_may_not_replace_are_still_copies_of_each_other(tmp_path, photo, write):
    scene = photo(9, 640, 480)
    half = scene.reshape(240, 2, 320, 2, 3).mean(axis=(1, 3)).astype(np.uint8)
    write("have/small.jpg", half, quality=90)
    write("new/large.jpg", scene, quality=90)
    write("new/twin.jpg", scene, quality=90)
    write("new/again.jpg", scene, quality=84)
    found = compared(tmp_path, protect=True)
    gone = removed(found)
    assert len(gone) == 2 and {keeper for keeper, _ in gone.values()} == {"twin.jpg"} and len(found.choosable) == 1


def test_asking_for_more_classes_loses_no_duplicate(tmp_path, photo, write):
    scene = photo(9, 640, 480)
    drawn = scene.copy()
    drawn[200:260, 300:360] = 0
    write("have/drawn.jpg", drawn, quality=93)
    write("new/a.jpg", scene, quality=93)
    write("new/a_copy.jpg", scene, quality=85)
    tables = [Dataset(tmp_path / name).measured(*CLEAN_PROBES) for name in ("have", "new")]
    table = Fingerprints.combine(tables)
    protected = np.arange(len(table)) < 1
    assert removed(compare(table, protected)) == {"a_copy.jpg": ("a.jpg", "reencoded")}
    more = removed(compare(table, protected, edited=True))
    assert more["a_copy.jpg"] == ("a.jpg", "reencoded") or more == {"a.jpg": ("drawn.jpg", "edited"), "a_copy.jpg": ("drawn.jpg", "edited")}


def test_a_clock_set_right_hides_no_copies(tmp_path, photo, write):
    from PIL import Image

    for name, hour in (("have/a.jpg", 10), ("new/a.jpg", 11)):
        tag = Image.Exif()
        tag.get_ifd(0x8769)[0x9003] = f"2025:01:01 {hour}:00:00"
        write(name, photo(3), quality=90, exif=tag)
    assert removed(compared(tmp_path, protect=True)) == {"a.jpg": ("a.jpg", "pixels")}


def test_a_labelled_image_is_kept_for_an_unlabelled_copy(tmp_path, photo, write):
    write("a.jpg", photo(1))
    write("much_longer_name.jpg", photo(1))
    (tmp_path / "much_longer_name.txt").write_text("0 0.5 0.5 1 1")
    found = compared(tmp_path)
    assert removed(found) == {"a.jpg": ("much_longer_name.jpg", "bytes")}
    assert "much_longer_name.txt" in found.plan.sidecars


def test_a_larger_new_copy_stays(tmp_path, photo, write):
    scene = photo(9, 640, 480)
    write("have/small.jpg", scene.reshape(240, 2, 320, 2, 3).mean(axis=(1, 3)).astype(np.uint8), quality=90)
    write("new/large.jpg", scene, quality=90)
    found = compared(tmp_path, protect=True)
    assert removed(found) == {} and any(reason.startswith("larger than the copy we have") for reason in found.plan.reason)


def test_copies_of_different_labels_stay(tmp_path, photo, write):
    write("deer/a.jpg", photo(1))
    write("fox/a.jpg", photo(1))
    found = compared(tmp_path, label="folder")
    assert removed(found) == {} and found.plan.label_conflict.sum() == 1


def test_duplicates_of_a_removed_copy_hang_on_its_keeper(tmp_path, photo, write):
    scene = photo(4)
    write("best.jpg", scene, quality=95)
    write("copy_1.jpg", scene, quality=80)
    write("copy_2.jpg", scene, quality=80)
    found = compared(tmp_path)
    assert removed(found) == {"copy_1.jpg": ("best.jpg", "reencoded"), "copy_2.jpg": ("best.jpg", "reencoded")}


def test_confirming_is_the_same_for_any_number_of_workers(tmp_path, photo, write):
    for k in range(3):
        for quality in (95, 80, 60):
            write(f"{k}_{quality}.jpg", photo(k), quality=quality)
    table = Dataset(tmp_path).measured(*CLEAN_PROBES)
    found = candidates.propose(table, np.arange(len(table)))
    frames = [confirm(table, found, workers)[0].to_frame() for workers in (1, 2, 4)]
    assert len(frames[0]) == 9
    assert all(frames[0].equals(frame) for frame in frames[1:])


def test_of_looks_that_found_a_pair_in_one_class_the_stage_table_chooses_and_not_the_order_of_calls(rows):
    table, none, one = rows(["a", "b"]), Pairs.empty(), np.array([0])
    found = [("metrics", "ssim"), ("hash", "phash"), ("metrics", "mse"), ("features", "orb inliers"), ("hash", "dhash")]
    parts = []
    for step, measure in found:
        pairs = Pairs.build(one, one + 1, "similar", step, measure, 1.0)
        parts.append(Judged(table, np.zeros(2, bool), np.arange(2), pairs, none, {}, {}))
    for some in itertools.permutations(parts, 3):
        (chosen,) = union(some).pairs.measure
        assert chosen == next(name for name in ("dhash", "phash", "mse", "ssim") if name in {part.pairs.measure[0] for part in some})


def test_copies_of_a_copy_and_other_paths_of_it_hang_on_its_keeper(rows):
    table = rows([f"{k}.jpg" for k in range(6)], inode=[1, 2, 3, 4, 4, 6])
    table.columns["sha256"][:] = table["sha256"][[0, 1, 1, 1, 1, 5]]
    pairs = Pairs.build(np.array([0]), np.array([1]), "reencoded", "hash", "ssim", 0.99, 0.9)
    judged = Judged(table, np.zeros(6, bool), np.arange(6), pairs, Pairs.empty(), {}, {})
    plan = conclude(judged).plan
    told = {row: (keeper, CLASSES.index(klass)) for row, keeper, klass in zip(plan.row, plan.keeper, plan.klass, strict=True) if klass}
    assert told == {1: (0, 3), 2: (0, 3), 3: (0, 3), 4: (3, 0)}
    assert (conclude(judged).pairs.klass == CLASSES.index("bytes")).sum() == 2


def test_the_stage_table_says_what_runs():
    assert [stage.name for stage in STAGES if stage.is_default] == ["bytes", "exif", "hash"]


@pytest.mark.parametrize(
    ("policy", "first"), [("best", "large.jpg"), ("oldest", "old/of/them.jpg"), ("newest", "new.jpg"), ("shortest_path", "a")]
)
def test_a_keep_policy_says_which_copy_stays(rows, policy, first):
    table = rows(
        ["a", "new.jpg", "large.jpg", "old/of/them.jpg", "undated.jpg"],
        width=[100, 100, 900, 100, 100],
        height=[100] * 5,
        taken=np.array(["2020-01-02", "2024-01-01", "2021-01-01", "2001-01-01", "NaT"], "datetime64[us]"),
    )
    order = rank(table, np.zeros(5, bool), policy)
    assert table.files.id[order[0]] == first
    protected = np.arange(5) == 4
    assert table.files.id[rank(table, protected, policy)[0]] == "undated.jpg"
