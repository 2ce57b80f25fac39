"""The noun Hash, as a user meets it."""

import os
import subprocess
import sys

import cv2
import numpy as np
import pandas as pd
import pytest

from visdatcompy_ds import ArgumentError, Dataset, EmptySourceError, Hash, OutputError, UnknownNameError, VisDatCompare
from visdatcompy_ds.catalog.hashes import HASHES


@pytest.fixture(scope="module")
def both(datasets):
    return Hash(Dataset(datasets / "trail_new"), Dataset(datasets / "trail"))


@pytest.fixture
def mixed(tmp_path, photo, write):
    """Photos of several sizes and modes in two folders of equal names, a broken and a flat one, and a second path of the first."""
    write("mixed/a/1.jpg", photo(1), quality=95)
    write("mixed/a/2.png", cv2.cvtColor(photo(2), cv2.COLOR_RGB2GRAY))
    write("mixed/a/3.jpg", photo(3, 500, 300))
    write("mixed/b/1.jpg", photo(1)[::2, ::2], quality=60)
    write("mixed/b/2.png", photo(2))
    write("mixed/b/flat.png", np.full((50, 60, 3), 90, np.uint8))
    (tmp_path / "mixed/b/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    os.link(tmp_path / "mixed/a/1.jpg", tmp_path / "mixed/b/link.jpg")
    return tmp_path / "mixed"


def bits(one, other):
    return bin(int(one, 16) ^ int(other, 16)).count("1")


@pytest.mark.parametrize("method", Hash.methods)
def test_every_method_finds_the_nearest_other_image(method, mixed):
    found = Hash(Dataset(mixed)).find_similars(method)
    assert found.index.tolist() == ["a/1.jpg", "a/2.png", "a/3.jpg", "b/1.jpg", "b/2.png", "b/broken.jpg", "b/flat.png", "b/link.jpg"]
    assert found.similar_image_name["a/1.jpg"] == "b/1.jpg" and found.similar_image_name["b/1.jpg"] == "a/1.jpg"
    assert found.similar_image_name["b/link.jpg"] == "b/1.jpg"  # not a/1.jpg, which is the same file
    assert pd.isna(found.similar_image_name["b/broken.jpg"]) and pd.isna(found.distance["b/broken.jpg"])
    assert pd.isna(found.similar_image_name["b/flat.png"]) and not found.is_similar["b/flat.png"]
    assert [found.attrs[name] for name in ("compared", "set_aside", "unusable", "same_file")] == [5, 1, 1, 1]
    assert (found.distance.dropna() >= 0).all()
    assert found.is_similar.equals((found.distance <= HASHES[method].cutoff).fillna(False).astype(bool))


def test_distances_are_those_of_the_hashes(mixed):
    data = Dataset(mixed)
    found = Hash(data).find_similars("p")
    matrix = Hash(data).matrix("phash")
    assert found.distance.dtype == "Int64"
    for name, row in found.dropna().iterrows():
        assert row.distance == bits(data[name].hash(), data[row.similar_image_name].hash()) == matrix.loc[name, row.similar_image_name]
    assert matrix.loc["b/broken.jpg"].isna().all() and matrix["b/broken.jpg"].isna().all()
    assert set(matrix.attrs) == {"method", "datasets", "compared", "set_aside", "unusable", "same_file"}
    assert (np.diag(matrix.drop("b/broken.jpg").drop(columns="b/broken.jpg")) == 0).all()
    codes = data.fingerprints("phash").set_index("id").phash
    assert codes["a/1.jpg"] == data["a/1.jpg"].hash("phash") and pd.isna(codes["b/broken.jpg"])


def test_across_rows_are_the_first_and_columns_the_second(both):
    matrix = both.matrix("dhash")
    assert matrix.shape == (len(both.dataset1), len(both.dataset2))
    found = both.find_similars("dhash")
    assert np.array_equal(found.distance.dropna().astype(float), matrix.min(axis=1).dropna())
    assert set(found.similar_image_name.dropna()) <= set(both.dataset2.filenames)


def test_pairs_are_all_within_the_distance_and_no_other(both):
    matrix = both.matrix("phash")
    pairs = both.pairs("phash", max_distance=7, expand=True)
    expected = {(a, b) for a in matrix.index for b in matrix.columns if matrix.loc[a, b] <= 7}
    assert {(row.left_id, row.right_id) for row in pairs.itertuples()} == expected
    assert pairs.distance.is_monotonic_increasing and pairs.distance.dtype == np.int64
    assert set(pairs.left_dataset) == {"trail_new"} and set(pairs.right_dataset) == {"trail"}


def test_entries_of_equal_codes_name_their_members(both):
    expanded, entries = both.pairs("phash", 6, expand=True), both.pairs("phash", 6)
    assert entries.pair_count.sum() == len(expanded) > len(entries)
    again = {(left, right, row.distance) for row in entries.itertuples() for left in row.left_members for right in row.right_members}
    assert again == set(zip(expanded.left_id, expanded.right_id, expanded.distance, strict=True))


def test_the_same_dataset_twice_is_compared_with_itself(datasets):
    data = Dataset(datasets / "trail")
    for again in (data, Dataset(datasets / "trail")):
        pd.testing.assert_frame_equal(Hash(data, again).pairs("dhash", 5), Hash(data).pairs("dhash", 5))
    assert (Hash(data).find_similars().index != Hash(data).find_similars().similar_image_name).all()


def test_datasets_that_overlap_do_not_match_an_image_with_itself(datasets):
    whole, part = Dataset(datasets / "trail"), Dataset(datasets / "trail" / "CAM01")
    found = Hash(part, whole).find_similars("phash")
    assert all(found.similar_image_name != "CAM01/" + found.index)
    pairs = Hash(part, whole).pairs("phash", 8, expand=True)
    assert len(pairs) and not ("CAM01/" + pairs.left_id == pairs.right_id).any()


def test_turned_copies_are_found_and_named(tmp_path, photo, write):
    write("a.png", photo(5))
    write("b.png", np.rot90(photo(5), -1).copy())
    write("c.png", photo(5)[:, ::-1].copy())
    write("d.png", photo(6))
    hashes = Hash(Dataset(tmp_path))
    assert not len(hashes.pairs("phash", 6))
    found = hashes.pairs("phash", 6, orientations=True)
    assert {(row.left_id, row.right_id, row.transform) for row in found.itertuples()} == {
        ("a.png", "b.png", "rotated 90"),
        ("a.png", "c.png", "mirrored"),
        ("b.png", "c.png", "mirrored, rotated 90"),
    }


def test_groups_have_the_best_as_keeper(datasets):
    groups = Hash(Dataset(datasets / "trail_new")).groups("phash", 3)
    assert (groups.groupby("group").is_keeper.sum() == 1).all() and (groups.groupby("group").size() > 1).all()
    assert (groups.distance[groups.is_keeper] == 0).all() and (groups.distance <= 3).all()
    matrix = Hash(Dataset(datasets / "trail_new")).matrix("phash")
    for _, group in groups.groupby("group"):
        keeper = group.id[group.is_keeper].item()
        assert all(matrix.loc[keeper, name] == distance for name, distance in zip(group.id, group.distance, strict=True))


def test_results_do_not_depend_on_workers(datasets):
    for method in ("phash", "radial_variance", "color_moment"):
        frames = [Hash(Dataset(datasets / "trail"), workers=workers).pairs(method, expand=True) for workers in (1, 3)]
        pd.testing.assert_frame_equal(*frames)


def test_a_table_is_saved_beside_others_and_never_over_them(mixed, tmp_path):
    hashes = Hash(Dataset(mixed), results_path=tmp_path / "out")
    first, second = hashes.find_similars("average", to_csv=True), hashes.find_similars("average", to_csv=True)
    assert [os.path.basename(frame.attrs["saved"]) for frame in (first, second)] == ["hash_average.csv", "hash_average-2.csv"]
    saved = pd.read_csv(first.attrs["saved"], keep_default_na=False)
    assert saved.image_name.tolist() == first.index.tolist()
    assert saved.similar_image_name[0] == "b/1.jpg" and saved.similar_image_name[5] == ""
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="file"):
        Hash(Dataset(mixed), results_path=tmp_path / "file").find_similars(to_csv=True)


def test_flat_images_are_named_and_never_matched(tmp_path, write, photo):
    for k in range(5):
        write(f"black{k}.png", np.full((64, 64, 3), k, np.uint8))
    write("photo.jpg", photo(1))
    hashes = Hash(Dataset(tmp_path))
    assert not len(hashes.pairs("average", 64)) and hashes.pairs().attrs["set_aside"] == 5
    assert hashes.set_aside().id.tolist() == [f"black{k}.png" for k in range(5)]
    assert hashes.matrix("average").loc["black0.png", "black1.png"] == 0


BAD = {
    "an unknown method": (lambda h: h.pairs("phsh"), UnknownNameError, "Did you mean 'phash'"),
    "less than nothing": (lambda h: h.pairs("phash", -1), ArgumentError, "0 to 64"),
    "half a bit": (lambda h: h.pairs("phash", 1.5), ArgumentError, "a whole number of bits"),
    "more bits than there are": (lambda h: h.groups("phash", 65), ArgumentError, "0 to 64"),
    "beyond all numbers": (lambda h: h.pairs("color_moment", 10**400), ArgumentError, "a number"),
    "a flag of text": (lambda h: h.pairs("phash", 5, orientations="yes"), ArgumentError, "True or False"),
    "text": (lambda h: h.pairs("phash", "5"), ArgumentError, "max_distance='5'"),
    "not a number": (lambda h: h.pairs("radial_variance", float("nan")), ArgumentError, "0 to 1"),
    "truth": (lambda h: h.pairs("phash", True), ArgumentError, "max_distance=True"),
    "none per image": (lambda h: h.pairs("phash", 5, max_per_image=0), ArgumentError, "1 or more"),
    "a path": (lambda h: Hash("folder"), ArgumentError, "a Dataset"),
    "a number as folder": (lambda h: Hash(h.dataset1, results_path=3), ArgumentError, "results_path"),
    "no such workers": (lambda h: Hash(h.dataset1, workers="all"), ArgumentError, "workers"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_say_what_is_allowed(name, both):
    call, kind, words = BAD[name]
    with pytest.raises(kind, match=words):
        call(both)


def test_an_empty_folder_is_an_error_and_nothing_to_compare_an_empty_table(tmp_path, photo, write):
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmptySourceError, match="No images"):
        Hash(Dataset(tmp_path / "empty")).pairs()
    write("one/1.jpg", photo(1))
    (tmp_path / "bad").mkdir()
    for k in range(3):
        (tmp_path / f"bad/{k}.jpg").write_bytes(b"\xff\xd8\xff nothing")
    for hashes in (
        Hash(Dataset(tmp_path / "one")),
        Hash(Dataset(tmp_path / "bad")),
        Hash(Dataset(tmp_path / "one"), Dataset(tmp_path / "bad")),
    ):
        for method in ("phash", "color_moment", "radial_variance"):
            assert hashes.find_similars(method).similar_image_name.isna().all()
            assert not len(hashes.pairs(method)) and not len(hashes.groups(method))
            assert not len(hashes.pairs(method, orientations=True, expand=True))
            assert len(hashes.matrix(method)) == len(hashes.dataset1)


def test_a_matrix_beyond_memory_names_the_way_without(both, monkeypatch):
    monkeypatch.setattr("visdatcompy_ds.two_datasets._MOST_CELLS", 100)
    with pytest.raises(ArgumentError, match="pairs"):
        both.matrix()


def test_clean_proposes_what_pairs_within_ten_bits_finds(datasets):
    """The default run and the noun stand on one search."""
    data = Dataset(datasets / "trail_new")
    duplicates = VisDatCompare(data).run().pairs()
    near = {frozenset(pair) for pair in Hash(data).pairs("phash", 10, expand=True)[["left_id", "right_id"]].itertuples(index=False)}
    hashed = duplicates[(duplicates.step == "hash")]
    assert len(hashed) and all(frozenset(pair) in near for pair in hashed[["left_id", "right_id"]].itertuples(index=False))


EIGHTH = """
import sys
import numpy as np
from visdatcompy_ds.catalog.hashes import HASHES, HashMethod

def halves(picture):
    grey = picture.mean(axis=2)
    return np.packbits(grey.reshape(8, 16, 8, 16).mean(axis=(1, 3)).reshape(64) > grey.mean())

from visdatcompy_ds import Dataset, Hash, Image  # whether added before or after these
HASHES.add(HashMethod("edges", 8, "uint8", "hamming", halves, cutoff=6, cutoff_source="test", cost_us=20, blind_to="colour", source="test"))
data = Dataset(sys.argv[1])
hashes = Hash(data)
assert "edges" in Hash.methods
found = hashes.pairs("edges", orientations=True)
assert len(found) and found.attrs["max_distance"] == 6
assert hashes.find_similars("edges").distance.notna().all()
assert data.fingerprints("edges").edges[0] == data[0].hash("edges") and len(data[0].hash("edges")) == 16
print(hashes.calibrate("edges").summary())
"""


def test_an_eighth_hash_is_one_entry(datasets):
    done = subprocess.run([sys.executable, "-c", EIGHTH, str(datasets / "trail" / "CAM01")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("edges on these images")
