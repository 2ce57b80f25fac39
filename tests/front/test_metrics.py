"""The noun Metrics, as a user meets it."""

import csv
import errno
import math
import os
import re
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from visdatcompy_ds import ArgumentError, Dataset, EmptySourceError, Hash, Image, Metrics, OutputError, UnknownNameError
from visdatcompy_ds.catalog.metrics import METRICS, metric


@pytest.fixture(scope="module")
def both(datasets, tmp_path_factory):
    return Metrics(Dataset(datasets / "trail_new"), Dataset(datasets / "trail"), tmp_path_factory.mktemp("results") / "metrics", size=64)


@pytest.fixture
def mixed(tmp_path, photo, write):
    """Photos of several kinds: equal pixels in two formats, turned by EXIF, alpha, 16 bit, grey, one pixel, flat, broken, linked."""
    folder = tmp_path / "mixed"
    picture = photo(1, 200, 150)
    write("mixed/photo.png", picture)
    write("mixed/photo.bmp", picture)
    write("mixed/photo.jpg", picture, quality=90)
    exif = Pillow.Exif()
    exif[274] = 6
    write("mixed/turned.png", np.ascontiguousarray(np.rot90(picture)), exif=exif)
    alpha = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    write("mixed/opaque.png", alpha)
    alpha = alpha.copy()
    alpha[:40, :, 3] = 9
    write("mixed/see_through.png", alpha)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    write("mixed/grey.png", grey)
    deep = grey.astype(np.uint16) * 257
    write("mixed/deep.png", deep)
    write("mixed/deep_low.png", (deep + (deep < 60_000) * 3).astype(np.uint16))
    write("mixed/dot.png", np.full((1, 1, 3), 9, np.uint8))
    write("mixed/black.png", np.zeros((30, 40, 3), np.uint8))
    write("mixed/white.png", np.full((30, 40, 3), 255, np.uint8))
    write("mixed/other.jpg", photo(2, 200, 150))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    os.link(folder / "photo.png", folder / "z_link.png")
    return folder


@pytest.mark.parametrize("name", Metrics.methods)
def test_a_matrix_is_what_images_say_when_they_are_compared(name, both):
    frame = getattr(both, name)()
    one, other = both.dataset1, both.dataset2
    assert frame.shape == (70, 30) and list(frame.index) == one.filenames and list(frame.columns) == other.filenames
    assert frame.dtypes.unique().tolist() == [np.float64]
    broken = one.problems.id.tolist()
    assert frame.loc[broken].isna().all(axis=None) and frame.drop(index=broken).notna().all(axis=None)
    assert frame.attrs["unusable"] == len(broken) == 2 and frame.attrs["shapes_differ"] == 0 and frame.attrs["metric"] == name
    for k in range(0, 70, 13):
        left, right = one[k], other[k % 30]
        if left.id not in broken:
            expected = left.compare(right, name, 64)
            assert frame.loc[left.id, right.id] == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("name", Metrics.methods)
def test_within_one_dataset_the_diagonal_is_that_of_identical_pictures(name, datasets):
    frame = Metrics(Dataset(datasets / "trail"), size=48).matrix(name)
    assert (np.diag(frame) == METRICS[name].identical).all()
    assert (frame.equals(frame.T)) == METRICS[name].is_symmetric


def test_equal_pixels_count_depth_alpha_and_frames(mixed):
    frame = Metrics(Dataset(mixed)).pix2pix()
    same = {"photo.png", "photo.bmp", "turned.png", "opaque.png", "z_link.png"}
    for row in frame.index:
        for column in frame.columns:
            if "broken.jpg" in (row, column):
                assert math.isnan(frame.loc[row, column])
            else:
                assert frame.loc[row, column] == float(row == column or {row, column} <= same), (row, column)
                if row < column:
                    assert Image(mixed / row).compare(mixed / column, "pix2pix") == frame.loc[row, column]
    pairs = Metrics(Dataset(mixed)).pairs("pix2pix", 1)
    names = {"photo.png", "photo.bmp", "turned.png", "opaque.png"}  # a second path of a file is no pair of its own
    assert {frozenset(pair) for pair in zip(pairs.left_id, pairs.right_id, strict=True)} == {
        frozenset((a, b)) for a in names for b in names if a != b
    }
    nearest = Metrics(Dataset(mixed)).nearest("pix2pix")
    assert nearest.similar_image_name["photo.png"] == "opaque.png" and nearest.similar_image_name["z_link.png"] == "opaque.png"
    assert nearest.similar_image_name.isna()["deep.png"] and math.isnan(nearest.score["see_through.png"])


def test_edge_cases_are_decided(mixed):
    metrics = Metrics(Dataset(mixed), size=32)
    assert metrics.psnr().loc["photo.png", "photo.bmp"] == math.inf and metrics.psnr().loc["black.png", "white.png"] == 0
    nmi = metrics.nmi()
    assert nmi.loc["black.png", "white.png"] == 1.0 and nmi.loc["black.png", "black.png"] == 2.0 and nmi.loc["dot.png", "white.png"] == 1.0
    nrmse = metrics.nrmse()
    assert nrmse.loc["black.png", "white.png"] == math.inf and nrmse.loc["white.png", "black.png"] == 1.0
    assert nrmse.loc["black.png", "black.png"] == 0.0
    mse = metrics.mse()  # 8-bit, grey, without alpha: what these metrics see of a picture
    assert mse.loc["photo.png", "see_through.png"] == mse.loc["deep.png", "deep_low.png"] == mse.loc["grey.png", "deep.png"] == 0
    assert mse.loc["photo.png", "grey.png"] < 0.5 and mse.loc["photo.png", "turned.png"] < 0.5  # reduced in another order: rounding
    full = metrics.mse(resize_images=False)
    assert full.attrs["shapes_differ"] == int(full.drop(index="broken.jpg", columns="broken.jpg").isna().sum().sum()) > 50
    assert full.loc["dot.png", "dot.png"] == 0 and math.isnan(full.loc["dot.png", "photo.png"])
    assert full.loc["photo.png", "turned.png"] == full.loc["photo.png", "grey.png"] == 0 and full.attrs["size"] == "full resolution"
    assert Metrics(Dataset(mixed), size=None).mse().equals(full)
    assert Metrics(Dataset(mixed), size=(40, 20)).ssim().notna().sum().sum() == 14 * 14


def test_two_paths_of_a_file_are_no_pair_and_no_neighbours(mixed):
    metrics = Metrics(Dataset(mixed), size=32)
    pairs = metrics.pairs("mse", 0)
    assert "z_link.png" not in {*pairs.left_id, *pairs.right_id}
    assert pairs.is_duplicate.all() and pairs.attrs["unusable"] == 1 and (pairs.score == 0).all()
    assert metrics.nearest("mse").similar_image_name["z_link.png"] != "photo.png"
    assert metrics.nearest("mse").similar_image_name.isna().tolist() == [name == "broken.jpg" for name in metrics.dataset1.filenames]


def test_pairs_by_default_are_those_the_catalog_calls_similar(both):
    for name in ("mse", "nrmse", "ssim", "psnr", "mae", "nmi", "pix2pix"):
        entry = METRICS[name]
        pairs, frame = both.pairs(name), both.matrix(name)
        assert pairs.attrs["cutoff"] == entry.cutoff_similar and entry.cutoff_source
        assert len(pairs) == int(entry.is_within(frame, entry.cutoff_similar).to_numpy().sum())
        assert (pairs.is_duplicate == entry.is_within(pairs.score, entry.cutoff_duplicate)).all()
        for _, pair in pairs.head(5).iterrows():
            assert frame.loc[pair.left_id, pair.right_id] == pair.score
        nearest = both.nearest(name)
        best = frame.max(axis=1) if entry.higher_is_better else frame.min(axis=1)
        known = nearest.score.notna()
        assert (nearest.score[known] == best[known]).all()
        assert (nearest.is_similar == entry.is_within(nearest.score, entry.cutoff_similar)).all()


def test_files_are_written_under_names_that_are_free(both):
    frame = both.ssim(to_csv=True)
    again = both.ssim(to_csv=True)
    assert frame.attrs["saved"].endswith("metrics_ssim.csv") and again.attrs["saved"].endswith("metrics_ssim-2.csv")
    with open(frame.attrs["saved"], encoding="utf-8") as file:
        table = list(csv.reader(file))
    assert table[0] == ["id", *frame.columns] and [row[0] for row in table[1:]] == list(frame.index)
    assert float(table[1][1]) == pytest.approx(frame.iloc[0, 0], abs=1e-5)
    picture = both.save("heat", both.show(frame))
    with Pillow.open(picture) as heat:
        assert picture.endswith("heat.png") and heat.size[0] > 500
    page = both.report(both.pairs("mse", 100))
    text = Path(page).read_text(encoding="utf-8")
    assert (
        text.count("<img") >= 2
        and "by mse" in text
        and "http:" not in text
        and "https:" not in text
        and os.path.exists(page.replace(".html", ".csv"))
    )


def test_echo_prints_what_there_is(both, capsys):
    both.ssim(echo=True)
    said = capsys.readouterr().out
    assert "ssim of trail_new x trail, 64 x 64: 70 x 30" in said and "2 images could not be used" in said
    assert max(map(len, said.splitlines())) < 200


@pytest.mark.parametrize("name", ["mse", "ssim"])
def test_a_heat_map_is_bright_where_pictures_are_alike(name, datasets):
    trail = Metrics(Dataset(datasets / "trail"), size=32)
    figure = trail.show(trail.matrix(name))
    axes, bar = figure.axes
    image = axes.images[0]
    shown = image.to_rgba(image.get_array())[..., :3].sum(axis=2)
    assert shown[0, 0] == shown.max() and shown.min() < 0.6 * shown.max()
    assert name in axes.get_title() and "alike" in bar.get_ylabel()
    assert [label.get_text() for label in axes.get_yticklabels()] == trail.dataset1.filenames


@pytest.mark.parametrize("name", Metrics.methods)
def test_a_heat_map_of_equal_pictures_is_bright(name, tmp_path, photo, write):
    for k in range(3):
        write(f"{k}.png", photo(1))
    metrics = Metrics(Dataset(tmp_path), size=32)
    image = metrics.show(metrics.matrix(name)).axes[0].images[0]
    red, green, blue, _ = image.to_rgba(image.get_array())[0, 0]
    assert (red, green, blue) == pytest.approx((0.91, 0.35, 0.05) if name == "psnr" else (0.993, 0.906, 0.144), abs=0.01)


def test_the_nearest_may_be_endlessly_far_and_never_the_image_itself(tmp_path, photo, write):
    write("black.png", np.zeros((40, 40, 3), np.uint8))
    write("photo.png", photo(1))
    nearest = Metrics(Dataset(tmp_path), size=32).nearest("nrmse")
    assert nearest.similar_image_name["black.png"] == "photo.png" and nearest.score["black.png"] == math.inf


def test_images_of_one_id_are_told_apart_by_their_dataset(tmp_path, photo, write):
    for folder in ("a", "b"):
        write(f"{folder}/1.png", photo(1))
        write(f"{folder}/2.png", photo(2))
    metrics = Metrics(Dataset(tmp_path / "a") + Dataset(tmp_path / "b"), size=32)
    assert list(metrics.mse().index) == ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]
    assert metrics.nearest("mse").similar_dataset.tolist() == ["b", "b", "a", "a"]
    assert Metrics(Dataset(tmp_path / "a"), Dataset(tmp_path / "b")).mse().attrs["datasets"] == "a x b"


def test_a_heat_map_of_hashes_and_of_large_matrices(datasets, tmp_path):
    trail = Hash(Dataset(datasets / "trail"), results_path=tmp_path)
    assert "phash" in trail.show(trail.matrix("phash")).axes[0].get_title()
    large = pd.DataFrame(np.zeros((2000, 1700)))
    large.iloc[777, 1111] = 5
    figure = trail.show(large)
    assert figure.axes[0].images[0].get_array().max() == 5 and "best of 2 × 2" in figure.axes[0].get_title()
    assert trail.show(pd.DataFrame([[np.nan]])) is not None
    name = "\u732b.jpg"  # a script that the font of the figure may not have
    assert trail.save("cat", trail.show(pd.DataFrame([[1.0]], index=[name], columns=[name]))).endswith(".png")


def test_a_metric_of_ones_own_is_a_method_with_pairs(datasets, both):
    @metric(
        "worst_channel", higher_is_better=False, identical=0.0, bounds=(0, 255), reads="colour", says="largest mean difference of a channel"
    )
    def worst_channel(left, right):
        return float(np.abs(left.astype(float).mean(axis=(0, 1)) - right.mean(axis=(0, 1))).max())

    try:
        frame = both.worst_channel()
        left, right = both.dataset1[0], both.dataset2[3]
        assert frame.loc[left.id, right.id] == pytest.approx(left.compare(right, "worst_channel", 64))
        assert "largest mean difference" in Metrics.worst_channel.__doc__
        with pytest.raises(ArgumentError, match="cutoff="):
            both.pairs("worst_channel")
        pairs = both.pairs("worst_channel", 1.0)
        assert len(pairs) == (frame <= 1.0).sum().sum() > 0 and not pairs.is_duplicate.any()
    finally:
        del METRICS._entries["worst_channel"], Metrics.worst_channel


def test_what_a_pass_costs_is_said(both):
    facts = both.pairs("mse", 20).attrs
    assert facts["pairs_total"] == 68 * 30 and facts["pairs_compared"] < facts["pairs_total"] / 4 and facts["size"] == "64 x 64"
    assert both.pairs("pix2pix").attrs["decodes"] < 98


def test_sides_and_workers_change_nothing(both):
    one = Metrics(both.dataset1, both.dataset2, size=64, workers=1).pairs("ssim", 0.7)
    assert one.equals(both.pairs("ssim", 0.7))
    swapped = Metrics(both.dataset2, both.dataset1, size=64, workers=3).pairs("ssim", 0.7)
    sides = [set(zip(frame.left_id, frame.right_id, frame.score, strict=True)) for frame in (one, swapped)]
    assert sides[0] == {(a, b, score) for b, a, score in sides[1]}


def test_a_calibration_is_in_the_unit_of_the_metric(datasets):
    trail = Metrics(Dataset(datasets / "trail_new"), size=64)
    ssim, psnr = trail.calibrate("ssim", max_false_pairs=20), trail.calibrate("psnr", max_false_pairs=20)
    assert 0.3 < ssim.cutoff < 1 and 10 < psnr.cutoff < 40 and ssim.images > 30
    assert ssim.false_pairs == 20 or ssim.false_pairs_at_most <= 20
    frame = trail.ssim().to_numpy()
    seen = (frame[np.triu_indices(70, 1)] >= ssim.cutoff).sum()
    assert ssim.false_pairs <= seen  # the copies among them are taken out
    assert ssim.by_cutoff.cutoff.is_monotonic_decreasing and "ssim on these images" in ssim.summary()
    with pytest.raises(ArgumentError, match="common grid"):
        trail.calibrate("pix2pix")


BAD = {
    "an unknown metric": (lambda m: m.matrix("sim"), UnknownNameError, "Did you mean 'ssim'"),
    "an unknown metric for pairs": (lambda m: m.pairs("phash"), UnknownNameError, "Unknown metric 'phash'"),
    "a grid of nothing": (lambda m: Metrics(m.dataset1, size=0), ArgumentError, "size=0"),
    "a negative grid": (lambda m: Metrics(m.dataset1, size=-3), ArgumentError, "size=-3"),
    "a huge grid": (lambda m: Metrics(m.dataset1, size=10**6), ArgumentError, "65535"),
    "a grid of too many pixels": (lambda m: Metrics(m.dataset1, size=(60_000, 60_000)), ArgumentError, "100 million"),
    "a grid of text": (lambda m: Metrics(m.dataset1, size="256"), ArgumentError, "size='256'"),
    "three sides": (lambda m: Metrics(m.dataset1, size=(1, 2, 3)), ArgumentError, "size=(1, 2, 3)"),
    "a path for a dataset": (lambda m: Metrics("datasets"), ArgumentError, "a Dataset"),
    "a cut-off of text": (lambda m: m.pairs("ssim", "x"), ArgumentError, "cutoff='x'"),
    "a cut-off beyond the range": (lambda m: m.pairs("ssim", 1.5), ArgumentError, "-1 to 1"),
    "a cut-off that is none": (lambda m: m.pairs("mse", float("nan")), ArgumentError, "cutoff=nan"),
    "an endless cut-off": (lambda m: m.pairs("nrmse", float("inf")), ArgumentError, "cutoff=inf"),
    "a cut-off that all pairs meet": (lambda m: m.pairs("pix2pix", 0), ArgumentError, "Allowed for pix2pix: 1"),
    "a cut-off of yes": (lambda m: m.pairs("mse", True), ArgumentError, "cutoff=True"),
    "resizing by words": (lambda m: m.mse(resize_images="no"), ArgumentError, "resize_images='no'"),
    "saving in the wrong order": (lambda m: m.save(pd.DataFrame({"a": [1]}), "x"), ArgumentError, "A name of type DataFrame"),
    "showing text": (lambda m: m.show("x"), ArgumentError, "DataFrame"),
    "showing nothing": (lambda m: m.show(pd.DataFrame()), ArgumentError, "0 x 0"),
    "showing names": (lambda m: m.show(pd.DataFrame({"a": ["x"]})), ArgumentError, "without numbers"),
    "saving under a path": (lambda m: m.save("../x", pd.DataFrame({"a": [1]})), ArgumentError, "without a folder"),
    "saving under a long name": (lambda m: m.save("a" * 300, pd.DataFrame({"a": [1]})), ArgumentError, "200 characters"),
    "saving under two lines": (lambda m: m.save("a\nb", pd.DataFrame({"a": [1]})), ArgumentError, "name='a\\nb'"),
    "saving text": (lambda m: m.save("x", "text"), ArgumentError, "DataFrame or a matplotlib Figure"),
    "reporting another table": (lambda m: m.report(pd.DataFrame({"a": [1]})), ArgumentError, "left_dataset"),
    "a wish for no false pairs": (lambda m: m.calibrate("mse", 0), ArgumentError, "max_false_pairs"),
    "workers of text": (lambda m: Metrics(m.dataset1, workers="many"), ArgumentError, "workers='many'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_say_what_is_allowed(name, both):
    call, kind, words = BAD[name]
    with pytest.raises(kind, match=re.escape(words)):
        call(both)


def test_a_matrix_beyond_memory_names_the_way_without(both, monkeypatch):
    monkeypatch.setattr("visdatcompy_ds.two_datasets._MOST_CELLS", 2099)
    with pytest.raises(ArgumentError, match=r"70 x 30 cells.*pairs\(\"mse\""):
        both.mse()
    assert len(both.pairs("mse", 20))


def test_pictures_beyond_the_disk_are_refused(both, monkeypatch):
    from visdatcompy_ds.stages import stacks

    monkeypatch.setattr(stacks, "_IN_MEMORY", 10)
    monkeypatch.setattr(stacks.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(ArgumentError, match="smaller size="):
        Metrics(both.dataset1, size=65).mse()


def test_a_disk_that_fills_up_is_an_error_and_no_crash(both, monkeypatch):
    from visdatcompy_ds.stages import stacks

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stacks, "_IN_MEMORY", 10)
    monkeypatch.setattr(stacks.os, "posix_fallocate", full)
    with pytest.raises(ArgumentError, match="smaller size="):
        Metrics(both.dataset1, size=65).mse()


def test_a_file_that_is_gone_or_damaged_since_is_counted_as_unusable(tmp_path, photo, write):
    for k in range(6):
        write(f"{k}.jpg", photo(k))
    data = Dataset(tmp_path)
    data.fingerprints("phash")
    (tmp_path / "3.jpg").unlink()
    whole = (tmp_path / "4.jpg").read_bytes()
    (tmp_path / "4.jpg").write_bytes(whole[: len(whole) // 2])
    frame = Metrics(data, size=32).mse()
    assert frame.attrs["unusable"] == 2 and frame.attrs["shapes_differ"] == 0
    assert frame.isna().sum().sum() == 36 - 16
    assert Metrics(data, size=32).pairs("mse", 65025).attrs["unusable"] == 2


def test_equal_pixels_are_found_whatever_the_format_and_texture(tmp_path, photo, write):
    """JPEG and PNG of one decode are reduced in two ways: their hashes may differ by more than any cut-off."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (400, 400, 3), dtype=np.uint8)
    for name, picture in {"noise": noise, "binary": (noise > 127).astype(np.uint8) * 255, "photo": photo(3)}.items():
        path = write(f"{name}.jpg", picture, quality=50)
        write(f"{name}.png", Image(path).read("rgb"))
    pairs = Metrics(Dataset(tmp_path)).pairs("pix2pix")
    assert {(pair.left_id, pair.right_id) for pair in pairs.itertuples()} == {
        (f"{name}.jpg", f"{name}.png") for name in ("noise", "binary", "photo")
    }
    assert "JPEG" in pairs.attrs["rule"]


def test_a_second_report_names_its_own_table(tmp_path, datasets):
    metrics = Metrics(Dataset(datasets / "trail"), results_path=tmp_path, size=32)
    (tmp_path / "pairs.csv").write_text("of somebody else")
    page = metrics.report(metrics.pairs("mse", 50))
    assert page.endswith("pairs-2.html") and "pairs-2.csv" in Path(page).read_text(encoding="utf-8")
    assert (tmp_path / "pairs-2.csv").exists() and (tmp_path / "pairs.csv").read_text() == "of somebody else"


def test_results_go_where_they_can(tmp_path, datasets):
    data = Dataset(datasets / "trail").subset(["CAM01/IMG_0001.JPG", "CAM01/IMG_0002.JPG"])
    deep = Metrics(data, results_path=tmp_path / "new" / "deep", size=16)
    assert not (tmp_path / "new").exists()  # nothing is made before something is saved
    assert os.path.exists(deep.mse(to_csv=True).attrs["saved"])
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="file"):
        Metrics(data, results_path=tmp_path / "file", size=16).mse(to_csv=True)


def test_results_on_a_read_only_disk_are_a_clear_error(tmp_path, datasets, monkeypatch):
    def read_only(*arguments, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    data = Dataset(datasets / "trail").subset(["CAM01/IMG_0001.JPG", "CAM01/IMG_0002.JPG"])
    metrics = Metrics(data, results_path=tmp_path / "locked", size=16)
    monkeypatch.setattr("visdatcompy_ds.engine.files.write_atomically", read_only)
    with pytest.raises(OutputError, match=r"locked.*[Rr]ead-only"):
        metrics.mse(to_csv=True)
    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(OutputError, match=r"locked.*[Rr]ead-only"):
        metrics.report(metrics.pairs("mse"))


def test_bars_end_at_their_total(mixed, monkeypatch):
    from visdatcompy_ds.stages import stacks

    bars = []

    def progress(total, what, show, unit="img"):
        bars.append([what, total, 0])
        return SimpleNamespace(update=lambda n, bar=bars[-1]: bar.__setitem__(2, bar[2] + n), close=lambda: None)

    monkeypatch.setattr(stacks, "progress", progress)
    for resize in (True, False):
        metrics = Metrics(Dataset(mixed), size=32)
        metrics.ssim(resize_images=resize)
        metrics.pairs("mse", 50, resize_images=resize)
        metrics.nearest("nmi", resize_images=resize)
    assert len(bars) == 8 and all(total == counted > 0 for _, total, counted in bars)


def test_datasets_without_a_usable_image(tmp_path, write, photo):
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmptySourceError):
        Metrics(Dataset(tmp_path / "empty")).mse()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.jpg").write_bytes(b"\xff\xd8\xff no picture")
    metrics = Metrics(Dataset(tmp_path / "bad"))
    for name in Metrics.methods:
        frame = metrics.matrix(name)
        assert frame.shape == (1, 1) and frame.isna().all(axis=None) and frame.attrs["unusable"] == 1
        assert len(metrics.pairs(name)) == 0
        assert metrics.nearest(name).score.isna().all()
    assert metrics.show(metrics.mse()) is not None


def test_a_deleted_image_is_compared_no_more(datasets):
    data = Dataset(datasets / "trail")
    metrics = Metrics(data, size=16)
    before = metrics.mse()
    data.delete_image("CAM01/IMG_0001.JPG")
    assert metrics.mse().equals(before.iloc[1:, 1:])
