import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visdatcompy_ds import ArgumentError, Dataset, Downsampler, OutputError
from visdatcompy_ds.stages.sample import Wishes, quotas
from visdatcompy_ds.stages.sample import sample as sampled


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=32), st.integers(0, 2500))
@settings(max_examples=300)
def test_quotas_add_up_and_no_bucket_gives_more_than_it_has(buckets, n):
    waiting, drawn = (np.array([bucket[side] for bucket in buckets]) for side in (0, 1))
    quota = quotas(waiting, drawn, n)
    assert quota.sum() == min(n, waiting.sum()) and (quota <= waiting).all() and (quota >= 0).all()
    unseen = (waiting > 0) & (drawn == 0)
    if n >= unseen.sum():
        assert (quota[unseen] >= 1).all()


def test_what_we_lack_comes_first():
    assert quotas(np.array([50, 50]), np.array([80, 0]), 30).tolist() == [0, 30]
    assert quotas(np.array([45, 12, 890, 3]), np.zeros(4, int), 100).sum() == 100


def sample(*arguments, seed=42, **wishes):
    given = wishes.pop("given", None)
    return sampled(*arguments, given=given, wishes=Wishes(seed=seed, **wishes)).chosen


def table(rows, n=60):
    random = np.random.default_rng(1)
    return rows([f"{k}.jpg" for k in range(n)], brightness=random.uniform(50, 200, n), colour_variance=random.uniform(0, 200, n))


def test_exactly_n_distinct_for_every_n(rows):
    made = table(rows)
    for n in range(63):
        chosen = sample(made, np.arange(60), n)
        assert len(chosen) == len(set(chosen.row.tolist())) == min(n, 60)
        assert chosen.rank.tolist() == list(range(1, len(chosen) + 1))


def test_seeds_differ_and_repeat(rows):
    made = table(rows)
    first, again, other = (sample(made, np.arange(60), 20, seed=seed).row.tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_the_first_of_a_sample_are_spread_over_the_buckets(rows):
    chosen = sample(table(rows, 400), np.arange(400), 100)
    seen = len(set(chosen.bucket.tolist()))
    assert len(set(chosen.bucket[:40].tolist())) >= 0.75 * seen


def test_given_images_are_never_chosen_and_the_nearest_is_told(rows):
    made = table(rows)
    chosen = sample(made, np.arange(30), 30, given=np.arange(30, 60))
    assert set(chosen.row) == set(range(30)) and chosen.nearest_given.min() >= 30
    bits = np.unpackbits(made["phash"], axis=1)
    for row, near, distance in zip(chosen.row, chosen.nearest_given, chosen.nearest_given_distance, strict=True):
        assert distance == (bits[row] != bits[near]).sum() == min((bits[row] != bits[other]).sum() for other in range(30, 60))


@pytest.mark.parametrize("n", [-1, 1.5, "3", None, True])
def test_n_is_a_whole_number(rows, n):
    with pytest.raises(ArgumentError):
        sample(table(rows), np.arange(60), n)


@pytest.fixture
def card(tmp_path, photo, write):
    for k in range(8):
        write(f"card/CAM{k % 2}/{k}.jpg", photo(k))
    write("card/CAM0/again.jpg", photo(0))
    (tmp_path / "card/CAM0/0.txt").write_text("0 0.5 0.5 1 1")
    (tmp_path / "card/CAM1/broken.jpg").write_bytes(b"\xff\xd8\xff")
    return tmp_path / "card"


def test_a_sample_leaves_out_repeats_and_broken_files(card):
    selection = Downsampler(Dataset(card)).sample(100)
    assert len(selection) == 8 and selection.summary()["seen"] == 8
    assert len(selection.dataset) == 8 and set(selection.paths) == {str(card / row) for row in selection.table["id"]}


def test_a_sample_does_not_depend_on_workers_or_the_order_of_a_list(card):
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(card) for name in names if name.endswith(".jpg")]
    one = Downsampler(Dataset(sorted(paths), workers=1)).sample(4).table["id"].tolist()
    other = Downsampler(Dataset(sorted(paths, reverse=True), workers=3)).sample(4).table["id"].tolist()
    assert one == other


@pytest.mark.parametrize("how", ["copy", "hardlink", "symlink"])
def test_an_export_keeps_subfolders_takes_labels_and_never_overwrites(card, tmp_path, how):
    selection = Downsampler(Dataset(card)).sample(8)
    (tmp_path / "train/card/CAM0").mkdir(parents=True)
    (tmp_path / "train/card/CAM0/2.jpg").write_bytes(b"mine")
    done = selection.export(tmp_path / "train", how)
    assert (done.placed, done.labels, done.present, len(done.conflicts)) == (7, 1, 0, 1)
    assert (tmp_path / "train/card/CAM0/2.jpg").read_bytes() == b"mine"
    assert (tmp_path / "train/card/CAM1/1.jpg").read_bytes() == (card / "CAM1/1.jpg").read_bytes()
    assert (tmp_path / "train/card/CAM0/0.txt").read_text().startswith("0")
    again = selection.export(tmp_path / "train", how)
    assert (again.placed, again.present, len(again.conflicts)) == (0, 7, 1)


def test_an_export_into_the_dataset_or_by_no_known_way_is_refused(card, tmp_path):
    selection = Downsampler(Dataset(card)).sample(2)
    with pytest.raises(OutputError, match="lies in the dataset"):
        selection.export(card)
    with pytest.raises(ArgumentError, match="how"):
        selection.export(tmp_path / "x", "move")


def test_labels_of_a_parallel_tree_come_along(tmp_path, photo, write):
    for k in range(3):
        write(f"coco/images/train/{k}.jpg", photo(k))
        (tmp_path / "coco/labels/train").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"coco/labels/train/{k}.txt").write_text(f"{k} 0.5 0.5 1 1")
    done = Downsampler(Dataset(tmp_path / "coco")).sample(2).export(tmp_path / "train")
    assert (done.placed, done.labels) == (2, 2)
    placed = sorted(path.relative_to(tmp_path / "train").as_posix() for path in (tmp_path / "train").rglob("*.*"))
    assert [name for name in placed if name.endswith(".txt")] == [
        name.replace("/images/", "/labels/").replace(".jpg", ".txt") for name in placed if name.endswith(".jpg")
    ]
    # A dataset that is the folder of images itself: its labels lie beside it, there as here.
    done = Downsampler(Dataset(tmp_path / "coco/images")).sample(1).export(tmp_path / "other")
    assert done.labels == 1 and len(list((tmp_path / "other/labels/train").iterdir())) == 1


def test_exports_of_named_folders_and_of_lists(card, tmp_path):
    named = Downsampler(Dataset({"first": card / "CAM0", "second": card / "CAM1"})).sample(3)
    with pytest.raises(OutputError, match="lies in the dataset"):
        named.export(card / "CAM1" / "out")
    listed = Downsampler(Dataset([str(path) for path in card.rglob("*.jpg")])).sample(3)
    assert listed.export(tmp_path / "beside").placed == 3


def test_hard_links_across_disks_say_what_to_do(card, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OutputError, match="Place copies"):
        Downsampler(Dataset(card)).sample(2).export(tmp_path / "x", "hardlink")


def test_selections_are_saved_as_table_and_paths(card, tmp_path):
    selection = Downsampler(Dataset(card)).sample(3)
    selection.save(tmp_path / "selected.csv")
    assert (tmp_path / "selected.txt").read_text().splitlines() == selection.paths
    assert len((tmp_path / "selected.csv").read_text().splitlines()) == 4
