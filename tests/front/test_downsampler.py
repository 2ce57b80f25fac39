"""The noun Downsampler, its Selection, and the older library's functions."""

import base64
import hashlib
import inspect
import re
import struct

import numpy as np
import pandas as pd
import PIL.Image
import pytest

from visdatcompy_ds import ArgumentError, Dataset, Downsampler, Image, OutputError, UnknownNameError, UnreadableImageError
from visdatcompy_ds.smartdownsample import (
    plot_bucket_distribution,
    plot_hash_similarity_scatter,
    print_bucket_summary,
    sample_diverse,
    sample_diverse_with_stats,
)


@pytest.fixture
def folder(tmp_path, photo, write):
    for k in range(12):
        write(f"pool/CAM{k % 3}/{k:02}.jpg", photo(k), quality=92)
        write(f"pool/CAM{k % 3}/{k:02}_again.jpg", photo(k, noise_seed=k + 50), quality=80)
    (tmp_path / "pool/CAM0/broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    return tmp_path / "pool"


def test_near_duplicates_wait_and_the_seed_matters(folder):
    chosen = [Downsampler(Dataset(folder)).sample(12, seed=seed) for seed in (1, 1, 2)]
    names = [[name[:7] for name in selection.table["id"]] for selection in chosen]
    assert all(len(set(some)) == 12 for some in names)
    assert chosen[0].paths == chosen[1].paths != chosen[2].paths
    assert len(Downsampler(Dataset(folder)).sample(99)) == 24


def test_what_is_given_or_excluded_is_never_chosen(folder):
    dataset = Dataset(folder)
    given = dataset.filter(lambda row: row.id.endswith("_again.jpg"))
    rest = dataset.filter(lambda row: not row.id.endswith("_again.jpg"))
    selection = Downsampler(rest).sample(99, given=[given])
    assert len(selection) == 12 and not {image.path for image in given} & set(selection.paths)
    for exclude in (given, [image.path for image in given], list(given), [image.id for image in given], Downsampler(given).sample(99)):
        left = Downsampler(dataset).sample(99, exclude=exclude)
        assert len(left) == 12 and not any(path.endswith("_again.jpg") for path in left.paths)
    assert len(Downsampler(dataset).sample(99, exclude=given[0].path)) == 23
    more = Downsampler(dataset).sample(3, given=Downsampler(dataset).sample(20))
    assert len(more) == 3 and more.summary()["given"] == 20
    assert len(Downsampler(dataset).sample(99, given=Downsampler(dataset).sample(20))) == 4
    for unknown in (["CAM0/nope.jpg"], ["00.jpg"], [7], 7):
        with pytest.raises(ArgumentError, match="exclude"):
            Downsampler(dataset).sample(3, exclude=unknown)


def test_what_has_the_same_bytes_is_excluded_too(tmp_path, photo, write):
    for name in ("a", "b", "c"):
        write(f"all/{name}.png", photo(1 if name < "c" else 2))
    dataset = Dataset(tmp_path / "all")
    for name in ("a", "b"):
        assert Downsampler(dataset).sample(9, exclude=[f"{name}.png"]).table["id"].tolist() == ["c.png"]
    write("else/x.png", photo(1))
    assert Downsampler(dataset).sample(9, exclude=Dataset(tmp_path / "else")).table["id"].tolist() == ["c.png"]


def test_groups_coverage_and_buckets_are_told(folder):
    selection = Downsampler(Dataset(folder)).sample(9, per_group="station", quota="equal")
    assert selection.groups["chosen"].tolist() == [3, 3, 3] and selection.groups["group"].tolist() == ["CAM0", "CAM1", "CAM2"]
    assert selection.summary()["groups"]["CAM1"] == {"seen": 8, "had": 0, "asked": 3, "chosen": 3}
    coverage = selection.coverage
    assert coverage.index.tolist() == ["chosen", "random"] and coverage.columns.tolist() == ["mean", "p95", "max"]
    assert 0 <= coverage.loc["chosen", "mean"] < coverage.loc["random", "mean"]
    buckets = selection.buckets
    assert buckets["seen"].sum() == 24 and buckets["chosen"].sum() == 9 and buckets["says"].str.len().min() > 0
    assert len(Downsampler(Dataset(folder)).sample(0)) == 0 and Downsampler(Dataset(folder)).sample(0).coverage.isna().loc["chosen"].all()


@pytest.mark.parametrize(
    "wish",
    [
        {"n": -1},
        {"n": 2.5},
        {"n": 3, "strategy": "best"},
        {"n": 3, "quota": "most", "per_group": "station"},
        {"n": 3, "quota": {"CAM0": 9}, "per_group": "station"},
        {"n": 3, "quota": "equal"},
        {"n": 3, "per_group": "label"},
        {"n": 3, "per_group": "nowhere"},
        {"n": 3, "max_per_event": 0},
        {"n": 3, "bucket_quota": "x"},
        {"n": 3, "exclude": 7},
        {"n": 3, "given": "folder"},
        {"n": 3, "embeddings": 7},
        {"n": 3, "embeddings": {}},
        {"n": 3, "embedding_side": 0, "embeddings": {}},
    ],
    ids=str,
)
def test_bad_wishes_are_refused(folder, wish):
    with pytest.raises((ArgumentError, UnknownNameError)):
        Downsampler(Dataset(folder)).sample(**wish)


def test_embeddings_by_id_decide_what_lies_apart(folder, tmp_path, photo, write):
    dataset = Dataset(folder)
    usable = [image.id for image in dataset if "broken" not in image.id]
    vectors = {name: [float(name.startswith("CAM2")) * 9, 0.1 * k] for k, name in enumerate(usable)}
    frame = pd.DataFrame.from_dict(vectors, orient="index")
    by_dict = Downsampler(dataset).sample(6, embeddings=vectors)
    assert by_dict.paths == Downsampler(dataset).sample(6, embeddings=frame).paths
    assert by_dict.sampled.space.shape == (24, 2)
    wide = {name: np.random.default_rng(k).normal(size=300) for k, name in enumerate(usable)}
    assert Downsampler(dataset).sample(6, embeddings=wide).sampled.space.shape == (24, 64)
    for broken, words in (
        ({name: vectors[name] for name in usable[1:]}, "without"),
        ({**vectors, usable[0]: [np.nan, 0]}, "NaN"),
        ({**vectors, usable[0]: [1.0]}, "1, 2 numbers"),
        ({**vectors, usable[0]: ["a", "b"]}, "no numbers"),
        (pd.concat([frame, frame]), "twice"),
    ):
        with pytest.raises(ArgumentError, match=words):
            Downsampler(dataset).sample(6, embeddings=broken)
    # Two datasets that share ids need keys with the dataset's name.
    write("other/CAM0/00.jpg", photo(60))
    other = Dataset(tmp_path / "other")
    with pytest.raises(ArgumentError, match="share ids"):
        Downsampler(dataset).sample(2, given=other, embeddings=vectors)
    assert (
        len(
            Downsampler(dataset).sample(
                2, given=other, embeddings={**vectors, ("pool", "CAM0/00.jpg"): [1, 1], ("other", "CAM0/00.jpg"): [2, 2]}
            )
        )
        == 2
    )


def field(number, value):
    """Return a field of a protocol buffer: a whole number, or bytes with their length."""
    if isinstance(value, int):
        return bytes([number << 3]) + varint(value)
    return bytes([number << 3 | 2]) + varint(len(value)) + value


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def pooling_network(side):
    """Return an ONNX file of one node: the mean of each channel."""

    def tensor(name, shape):
        dimensions = b"".join(field(1, field(1, length)) for length in shape)
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, dimensions)))

    node = field(1, b"x") + field(2, b"y") + field(4, b"GlobalAveragePool")
    graph = field(1, node) + field(2, b"g") + field(11, tensor(b"x", (1, 3, side, side))) + field(12, tensor(b"y", (1, 3, 1, 1)))
    return field(1, 7) + field(7, graph) + field(8, field(1, b"") + field(2, 13))


def test_a_network_gives_embeddings_offline(folder, tmp_path):
    (tmp_path / "net.onnx").write_bytes(pooling_network(32))
    selection = Downsampler(Dataset(folder)).sample(5, embeddings=tmp_path / "net.onnx", embedding_side=32)
    assert len(selection) == 5 and selection.sampled.space.shape == (24, 3)
    first = Image(selection.fingerprints.files.path[selection.sampled.pool[0]]).read("rgb", size=32) / 255
    means = (first.mean(axis=(0, 1)) - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    np.testing.assert_allclose(selection.sampled.space[0], means, atol=1e-3)
    for data in (b"", b"no network", struct.pack("<I", 7) * 40):
        (tmp_path / "none.onnx").write_bytes(data)
        with pytest.raises(ArgumentError, match="no network"):
            Downsampler(Dataset(folder)).sample(5, embeddings=tmp_path / "none.onnx")
    with pytest.raises(ArgumentError, match="No such file"):
        Downsampler(Dataset(folder)).sample(5, embeddings=str(tmp_path / "nowhere.onnx"))


def test_every_wish_is_heard(folder, tmp_path, photo, write):
    for k in range(30):
        write(f"many/{k:02}.jpg", photo(k, 160, 120))
    dataset = Dataset(tmp_path / "many")
    plain = set(Downsampler(dataset).sample(12).paths)
    assert set(Downsampler(dataset).sample(12, strategy="stride").paths) != plain
    themes = Downsampler(dataset, "theme").sample(12)
    assert set(themes.paths) != plain
    assert themes.buckets["says"].isin(["dark", "grey", "light", "red", "yellow", "green", "cyan", "blue", "violet"]).all()
    first = {
        last: [
            {name[:7] for name in Downsampler(Dataset(folder)).sample(18, seed, near_duplicates_last=last).table["id"][:12]}
            for seed in range(4)
        ]
        for last in (True, False)
    }
    assert min(map(len, first[True])) == 12 and min(map(len, first[False])) < 12
    for k in range(40):
        write(f"lit/{k:02}.png", np.clip(photo(k).astype(int) + (90 if k < 30 else -60), 0, 255).astype(np.uint8))
    lit = Dataset(tmp_path / "lit")
    trimmed, shared = (Downsampler(lit, "theme").sample(24, bucket_quota=rule).buckets for rule in ("trim", "proportional"))
    assert trimmed["chosen"].max() < shared["chosen"].max()


def test_events_are_those_of_both_datasets(tmp_path, photo, write):
    """One burst on two cards, half of it given, and a shot of another day."""
    for k in range(6):
        write(f"{'had' if k < 3 else 'new'}/CAM1/IMG_20250603_0512{k:02}.jpg", photo(k))
    write("new/CAM1/IMG_20250609_051200.jpg", photo(9))
    for seed in range(6):
        chosen = Downsampler(Dataset(tmp_path / "new")).sample(1, seed, given=Dataset(tmp_path / "had"), max_per_event=1)
        assert chosen.table["id"].tolist() == ["CAM1/IMG_20250609_051200.jpg"]
    assert len(Downsampler(Dataset(tmp_path / "new")).sample(9, given=Dataset(tmp_path / "had"), max_per_event=1)) == 4


def test_groups_that_hold_only_copies_are_told(folder, tmp_path, write, photo):
    for k in range(4):
        write(f"both/v1/{k}.png", photo(k))
        write(f"both/v2/{k}.png", photo(k))
    dataset = Dataset(tmp_path / "both")
    groups = Downsampler(dataset).sample(4, per_group="station", quota={"v1": 2, "v2": 2}).groups
    assert groups["group"].tolist() == ["v1", "v2"] and groups["asked"].tolist() == [2, 2] and groups["chosen"].tolist() == [4, 0]
    summary = Downsampler(dataset).sample(9).summary()
    assert (summary["seen"], summary["copies of others"], summary["asked"]) == (4, 4, 9)
    assert len(Downsampler(dataset).sample(20, per_group="station", quota={"v1": 10, "v2": 10})) == 4


def test_pictures_of_a_selection(folder, tmp_path, write, photo):
    write("pool/CAM0/<b>&quot;.jpg", photo(77))
    selection = Downsampler(Dataset(folder)).sample(5)
    for name, plot in (("a.png", selection.plot_distribution), ("b.png", selection.plot_thumbnails), ("c.png", selection.plot_scatter)):
        assert hasattr(plot(tmp_path / name), "savefig") and (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "scatter.html", selection.plot_scatter(tmp_path / "scatter.html"))[0].read_text()
    assert "<b>&quot;" not in page and "http" not in page.replace("http-equiv", "") and "5 of 25 images chosen" in page
    script = re.search(r"<script>(.*)</script>", page, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page and str(folder) not in page
    sheet = np.asarray(PIL.Image.open(tmp_path / "b.png").convert("RGB")).astype(int)
    assert (np.abs(sheet - (11, 98, 196)).max(axis=2) < 12).sum() > 500  # frames
    empty = Downsampler(Dataset(folder)).sample(0)
    assert hasattr(empty.plot_distribution(), "savefig") and hasattr(empty.plot_scatter(), "savefig")


def test_a_full_disk_or_a_taken_name_is_said(folder, tmp_path, monkeypatch):
    selection = Downsampler(Dataset(folder)).sample(3)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        selection.export(tmp_path / "file")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("visdatcompy_ds.engine.move.place", full)
    with pytest.raises(OutputError, match="space"):
        selection.export(tmp_path / "train")


def test_the_older_functions_give_what_they_gave(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [str(path) for path in sorted(folder.rglob("*.jpg")) if path.name != "broken.jpg"]
    chosen = sample_diverse(paths * 2, 12)
    assert len(chosen) == len(set(chosen)) == 12 and set(chosen) <= set(paths)
    assert "12 of 24 images" in capsys.readouterr().out
    indices = sample_diverse(paths, target_count=12, show_summary=False, return_indices=True, n_workers=1)
    assert [paths[k] for k in indices] == chosen and capsys.readouterr().out == ""
    assert sample_diverse(paths, 12, random_seed=3, show_summary=False) != chosen
    listed, stats = sample_diverse_with_stats(paths, 12, hash_size=6, show_summary=False)
    assert listed == chosen and [stats["all_paths"][k] for k in stats["selected_indices"]] == chosen
    assert stats["hash_arrays"].shape == (24, 36) and sum(len(members) for members in stats["bucket_assignments"]) == 24
    assert [len(members) for members in stats["bucket_assignments"]] == [entry["original_size"] for entry in stats["bucket_stats"]]
    assert sum(entry["kept"] for entry in stats["bucket_stats"]) == 12
    print_bucket_summary(stats["bucket_stats"])
    assert hasattr(plot_bucket_distribution(stats["bucket_stats"], save_path="d.png"), "savefig")
    assert plot_hash_similarity_scatter(stats, save_path="s.html") == "s.html"
    sample_diverse(paths, 3, show_distribution=True, save_thumbnails="t.png", show_summary=False)
    assert {path.name for path in tmp_path.glob("*.*")} == {"d.png", "s.html", "t.png", "bucket_distribution.png"}
    assert sample_diverse([], 5) == [] and sample_diverse(paths, 0) == []


def test_files_the_older_functions_cannot_read_are_named(folder):
    paths = sorted(folder.rglob("*.jpg"))
    with pytest.raises(UnreadableImageError, match=r"broken\.jpg"):
        sample_diverse(paths, 5)
    for more in (folder, folder / "CAM1"):
        with pytest.raises(UnreadableImageError, match="a folder"):
            sample_diverse([*paths[:3], more], 5)
    with pytest.warns(UserWarning, match=r"broken\.jpg"):
        assert len(sample_diverse(paths, 99, image_loading_errors="skip", show_summary=False)) == 24
    with pytest.warns(UserWarning, match=r"gone\.jpg"):
        assert len(sample_diverse([*paths[:3], folder / "gone.jpg"], 99, image_loading_errors="skip", show_summary=False)) == 3
    for wish in ({"hash_size": 1}, {"image_loading_errors": "ignore"}, {"n_workers": 0}):
        with pytest.raises(ArgumentError):
            sample_diverse(paths, 5, **wish)
    with pytest.raises(ArgumentError, match="list of paths"):
        sample_diverse(str(folder), 5)


def test_both_older_functions_take_the_same():
    assert inspect.signature(sample_diverse).parameters.keys() == inspect.signature(sample_diverse_with_stats).parameters.keys()
