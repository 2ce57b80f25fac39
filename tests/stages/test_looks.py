"""Looks at a table by other than the default stages: metrics, look-alikes, several looks as one."""

import dataclasses

import numpy as np
import pytest
from PIL import Image as PillowImage

from visdatcompy_ds import ArgumentError, Dataset
from visdatcompy_ds.base.tables import CLASSES, Pairs
from visdatcompy_ds.catalog.metrics import METRICS
from visdatcompy_ds.catalog.probes import CLEAN_PROBES
from visdatcompy_ds.stages import by_metric
from visdatcompy_ds.stages.by_metric import copies_by_metric, look_alikes
from visdatcompy_ds.stages.compare import Judged, Look, conclude, judge, union
from visdatcompy_ds.stages.confirm import verdicts


def table_of(folder):
    return Dataset(folder).measured(*CLEAN_PROBES)


def told(table, pairs):
    ids = table.files.id
    columns = (pairs.left, pairs.right, pairs.klass, pairs.step, pairs.measure)
    return {(ids[a], ids[b]): (CLASSES[k], step, measure) for a, b, k, step, measure in zip(*columns, strict=True)}


@pytest.fixture
def frames(photo, write, tmp_path):
    """A picture, re-saved, losslessly saved again, the next frame, and two flat ones."""
    scene = photo(7, 1280, 960, noise=4)
    write("a.jpg", scene, quality=92)
    write("b_resaved.jpg", scene, quality=88)
    write("c_next.jpg", photo(7, 1280, 960, noise=4, noise_seed=5), quality=92)
    write("d_pixels.png", np.asarray(PillowImage.open(tmp_path / "a.jpg")))
    write("e_flat.png", np.full((200, 300, 3), 90, np.uint8))
    write("f_flat.jpg", np.full((200, 300, 3), 90, np.uint8))
    return table_of(tmp_path)


def test_a_metric_proposes_full_resolution_decides_and_the_rest_is_similar(frames):
    pairs, cost, counts = copies_by_metric(frames, np.arange(6), "mse", Pairs.empty())
    assert told(frames, pairs) == {
        ("a.jpg", "b_resaved.jpg"): ("reencoded", "metrics", "ssim"),
        ("a.jpg", "d_pixels.png"): ("pixels", "metrics", "full decode"),
        ("b_resaved.jpg", "d_pixels.png"): ("reencoded", "metrics", "ssim"),
        ("a.jpg", "c_next.jpg"): ("similar", "metrics", "mse"),
        ("b_resaved.jpg", "c_next.jpg"): ("similar", "metrics", "mse"),
        ("c_next.jpg", "d_pixels.png"): ("similar", "metrics", "mse"),
    }
    alike = pairs.take(pairs.of_class("similar"))
    assert (alike.score <= METRICS["mse"].cutoff_duplicate).all() and (alike.cutoff == METRICS["mse"].cutoff_duplicate).all()
    assert cost.decodes == 4 and counts == {"metrics_vetoed": 0}


def test_pairs_that_were_judged_keep_their_verdict(frames):
    judged = Pairs.build(np.array([0, 0]), np.array([1, 2]), "undecided", "hash", "ssim", 0.9)
    pairs, cost, _ = copies_by_metric(frames, np.arange(3), "mse", judged)
    assert list(told(frames, pairs)) == [("b_resaved.jpg", "c_next.jpg")] and cost.comparisons == 1


def test_exif_takes_a_pair_out_before_any_full_decode(frames, monkeypatch):
    taken = np.array([f"2025-01-01T00:00:0{k}" for k in range(6)], "datetime64[us]")
    dated = frames.with_columns(taken=taken, taken_source=np.array(["exif"] * 6, object))
    pairs, cost, counts = copies_by_metric(dated, np.arange(4), "mse", Pairs.empty())
    # A clock that was set right hides no copies: equal on the whole grid is looked at.
    assert told(dated, pairs) == {("a.jpg", "d_pixels.png"): ("pixels", "metrics", "full decode")}
    assert cost.decodes == 2 and counts == {"metrics_vetoed": 5}


def test_pix2pix_needs_no_proof_and_knows_flat_pictures(frames):
    pairs, cost, _ = copies_by_metric(frames, np.arange(6), "pix2pix", Pairs.empty())
    found = told(frames, pairs)
    assert found[("a.jpg", "d_pixels.png")] == ("pixels", "metrics", "pix2pix") and cost.decodes == 0
    assert ("e_flat.png", "f_flat.jpg") in found and len(found) == 2


def test_verdicts_are_kept_by_content(frames, tmp_path):
    known = verdicts()
    _, cost, _ = copies_by_metric(frames, np.arange(6), "mse", Pairs.empty(), known=known)
    assert cost.comparisons == 6 and cost.decodes == 4
    _, again, _ = copies_by_metric(frames, np.arange(6), "ssim", Pairs.empty(), known=known)
    assert again.decodes == 0
    for name in ("a.jpg", "b_resaved.jpg"):
        (tmp_path / name).rename(tmp_path / f"0_{name}")
    judged = judge(table_of(tmp_path), np.zeros(6, bool), known=known)
    assert judged.counts["confirm_decodes"] <= 2 and judged.counts["confirm_comparisons"] < 6


def test_a_metric_without_a_cut_off_says_what_to_do(frames, monkeypatch):
    monkeypatch.setattr(by_metric, "METRICS", {"mse": dataclasses.replace(METRICS["mse"], cutoff_duplicate=float("nan"))})
    with pytest.raises(ArgumentError, match="no cut-off"):
        copies_by_metric(frames, np.arange(2), "mse", Pairs.empty())


@pytest.mark.parametrize("name", ["phash", "ssim"])
def test_look_alikes_need_no_proof_and_flat_pictures_are_set_aside(frames, name):
    found = told(frames, look_alikes(frames, np.arange(6), name))
    step = "hash" if name == "phash" else "metrics"
    assert len(found) == 6 and set(found.values()) == {("similar", step, name)}


def test_the_stages_work_on_survivors(frames):
    judged = judge(frames, np.zeros(6, bool), Look(metrics=("mse", "ssim")))
    assert set(judged.pairs.step) == {"hash"}
    alone = judge(frames, np.zeros(6, bool), Look(stages=(), metrics=("mse", "ssim")))
    assert set(alone.pairs.step) == {"metrics"} and len(alone.pairs) == 6
    assert conclude(alone).plan.klass.tolist() == conclude(judged).plan.klass.tolist()


def test_images_that_do_not_take_part_are_in_no_pair(frames):
    is_in = np.array([True, False, True, True, True, True])
    judged = judge(frames, np.zeros(6, bool), is_in=is_in)
    assert 1 not in judged.order and 1 not in np.concatenate([judged.all_pairs.left, judged.all_pairs.right])


def test_several_looks_are_one_in_the_strongest_class_of_each_pair(rows):
    table = rows(["a", "b", "c"])
    free, order = np.zeros(3, bool), np.arange(3)

    def look(klass, left, right):
        pairs = Pairs.build(np.array([left]), np.array([right]), klass, "hash", klass, 1.0)
        return Judged(table, free, order, pairs, Pairs.empty(), {}, {})

    whole = union([look("similar", 0, 1), look("reencoded", 0, 1), look("edited", 1, 2)])
    assert told(table, whole.pairs) == {("a", "b"): ("reencoded", "hash", "reencoded"), ("b", "c"): ("edited", "hash", "edited")}
    assert conclude(whole).is_removed.tolist() == [False, True, False]
