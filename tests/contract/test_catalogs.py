"""What every entry of a catalog must keep, whoever adds it."""

import math

import cv2
import numpy as np
import pytest

from visdatcompy_ds.catalog.buckets import BUCKETS
from visdatcompy_ds.catalog.hashes import HASHES
from visdatcompy_ds.catalog.metrics import METRICS
from visdatcompy_ds.catalog.policies import POLICIES
from visdatcompy_ds.catalog.probes import CLEAN_PROBES, PROBES, select
from visdatcompy_ds.catalog.working import WorkingBlock

WORKING = [probe for probe in PROBES.values() if probe.reads == "working"]
OPENCV = {
    "average": "averageHash",
    "phash": "pHash",
    "marr_hildreth": "marrHildrethHash",
    "radial_variance": "radialVarianceHash",
    "block_mean": "blockMeanHash",
    "color_moment": "colorMomentHash",
}


@pytest.fixture(scope="module")
def pictures(photo):
    made = [cv2.resize(photo(k), (128, 128), interpolation=cv2.INTER_AREA) for k in range(5)]
    return np.stack([*made, np.zeros((128, 128, 3), np.uint8), np.full((128, 128, 3), 255, np.uint8)])


@pytest.mark.parametrize("probe", WORKING, ids=lambda probe: probe.name)
def test_a_working_probe_gives_its_dtype_and_shape_whatever_the_block(probe, pictures):
    whole = np.asarray(probe.compute(WorkingBlock(pictures)))
    assert whole.shape == (len(pictures), *probe.shape)
    alone = np.concatenate([np.asarray(probe.compute(WorkingBlock(pictures[k : k + 1]))) for k in range(len(pictures))])
    assert whole.astype(probe.dtype).tobytes() == alone.astype(probe.dtype).tobytes()
    assert probe.meaning


@pytest.mark.parametrize("name", OPENCV)
def test_opencv_hashes_are_those_of_opencv_bit_for_bit(name, pictures):
    for picture in pictures[:5]:
        expected = getattr(cv2.img_hash, OPENCV[name])(picture)[0]
        assert np.array_equal(HASHES[name].compute(picture), expected)
        assert expected.shape == (HASHES[name].width,) and expected.dtype == HASHES[name].dtype
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (40 if name != "marr_hildreth" else 2, 128, 128, 3), dtype=np.uint8)
    block = np.concatenate([pictures, noise])
    expected = np.stack([getattr(cv2.img_hash, OPENCV[name])(picture)[0] for picture in block])
    assert np.array_equal(PROBES[name].compute(WorkingBlock(block)), expected, equal_nan=name == "color_moment")


@pytest.mark.parametrize("method", HASHES.values(), ids=lambda method: method.name)
def test_hashes_come_back_from_hexadecimal(method, pictures):
    code = method.compute(pictures[0])
    assert np.array_equal(method.from_hex(method.to_hex(code)), code)
    assert (
        method.blind_to
        and method.source
        and method.cutoff_source
        and method.cost_us > 0
        and method.distance in ("hamming", "correlation", "l2")
    )


def test_dhash_bits_say_whether_a_cell_is_brighter_than_its_left_neighbour():
    ramp = np.repeat(np.linspace(0, 255, 128).astype(np.uint8)[None, :, None], 128, axis=0).repeat(3, axis=2)
    assert bytes(HASHES["dhash"].compute(ramp)) == b"\xff" * 8
    assert bytes(HASHES["dhash"].compute(ramp[:, ::-1])) == b"\x00" * 8


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_metrics_keep_their_facts(metric, pictures):
    left, right = pictures[0], pictures[1]
    if metric.reads == "grey":
        left, right = (cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in (left, right))
    assert metric.compute(left, left) == metric.identical
    value = metric.compute(left, right)
    assert metric.bounds[0] <= value <= metric.bounds[1]
    assert value < metric.identical if metric.higher_is_better else value > metric.identical
    if metric.is_symmetric:
        assert metric.compute(right, left) == pytest.approx(value, rel=1e-12)


def test_metrics_do_not_wrap_around():
    black, grey = np.zeros((8, 8), np.uint8), np.full((8, 8), 200, np.uint8)
    assert METRICS["mae"].compute(black, grey) == 200 and METRICS["mse"].compute(black, grey) == 40_000


def test_metrics_decide_the_edge_cases():
    black, white, dot = np.zeros((8, 8), np.uint8), np.full((8, 8), 255, np.uint8), np.full((1, 1), 9, np.uint8)
    assert METRICS["psnr"].compute(white, white) == math.inf
    assert METRICS["nmi"].compute(black, white) == 1.0 and METRICS["nmi"].compute(black, black) == 2.0
    assert METRICS["nrmse"].compute(black, white) == math.inf and METRICS["nrmse"].compute(black, black) == 0.0
    assert METRICS["ssim"].compute(dot, dot) == 1.0 and METRICS["ssim"].compute(dot, dot + 1) == 0.0


@pytest.mark.parametrize("rule", BUCKETS.values(), ids=lambda rule: rule.name)
def test_bucket_rules_need_probes_and_give_small_numbers(rule, pictures):
    block = WorkingBlock(pictures)
    columns = {name: np.asarray(PROBES[name].compute(block)) for name in rule.needs}
    keys = rule.compute(columns)
    assert keys.shape == (len(pictures), len(rule.words)) and np.prod([len(words) for words in rule.words]) <= 32
    assert (keys < [len(words) for words in rule.words]).all()
    assert all(rule.says("".join(map(str, key))) for key in keys.tolist())


def test_keep_policies_need_columns_that_a_pass_gives():
    given = {*CLEAN_PROBES, "label", "has_sidecar", "status_code", "size_bytes", "path_length"}
    for policy in POLICIES.values():
        assert set(policy.needs) <= given and policy.says


def test_select_gives_each_probe_once_in_the_order_of_the_catalog():
    assert [probe.name for probe in select(["p", "phash", "sha256"])] == ["sha256", "phash"]


@pytest.mark.parametrize("metric", [metric for metric in METRICS.values() if metric.block], ids=lambda metric: metric.name)
@pytest.mark.parametrize("side", [7, 30, 256])
def test_the_block_form_of_a_metric_is_its_reference_form(metric, side, photo):
    """On photos and on what is hostile to formulas: flat, inverted, nearly equal, noise; whatever stands in the block."""
    rng = np.random.default_rng(side)
    grey = [cv2.resize(cv2.cvtColor(photo(k), cv2.COLOR_RGB2GRAY), (side, side), interpolation=cv2.INTER_AREA) for k in range(4)]
    flat = [np.full((side, side), value, np.uint8) for value in (0, 7, 255)]
    pictures = np.stack([*grey, *flat, 255 - grey[0], grey[1] // 2 * 2, rng.integers(0, 256, (side, side), dtype=np.uint8), grey[2]])
    facts = metric.prepare(pictures)
    values = metric.block(pictures, facts, pictures, facts)
    expected = np.array([[metric.compute(left, right) for right in pictures] for left in pictures])
    assert np.array_equal(np.isinf(values), np.isinf(expected))
    finite = np.isfinite(expected)
    assert np.allclose(values[finite], expected[finite], rtol=1e-6, atol=1e-6)
    assert (np.diag(values) == metric.identical).all()
    for some, others in ((slice(2, 5), slice(0, 9)), (slice(9, 10), slice(3, 4))):
        part = metric.block(pictures[some], tuple(x[some] for x in facts), pictures[others], tuple(x[others] for x in facts))
        assert part.tobytes() == np.ascontiguousarray(values[some, others]).tobytes()


@pytest.mark.parametrize("side", [1, 3, 5, 12, 16, 31, 32, 40])
def test_a_tiny_image_shows_too_little_for_a_hash(side, tmp_path):
    from PIL import Image as Pillow

    from visdatcompy_ds import Dataset

    Pillow.fromarray(np.random.default_rng(side).integers(0, 256, (side, 3 * side, 3), dtype=np.uint8)).save(tmp_path / "noise.png")
    assert Dataset(tmp_path).fingerprints("low_information").low_information.tolist() == [side < 32]
