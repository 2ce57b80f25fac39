"""The command leakage, and what clean takes of the stage table."""

import json

import pytest

from visdatcompy_ds.cli.app import run


@pytest.fixture
def sides(tmp_path, photo, write):
    """Train and test: one copy, one stranger."""
    write("train/a.jpg", photo(1), quality=92)
    write("train/b.jpg", photo(2), quality=92)
    write("test/a.jpg", photo(1), quality=80)
    write("test/c.jpg", photo(3), quality=80)
    return str(tmp_path / "train"), str(tmp_path / "test")


def test_what_leaks_is_told_by_level_with_examples_and_what_to_do(sides, capsys):
    assert run(["leakage", *sides]) == 0
    said = capsys.readouterr().out
    assert "1 in train, 1 clean" in said and "reencoded" in said and "a.jpg = a.jpg (ssim" in said
    assert said.splitlines()[-1].startswith("Next: visdatcompy-ds clean") and "No image was changed" in said


@pytest.mark.parametrize(("options", "code"), [([], 2), (["--level", "reencoded"], 2), (["--level", "pixels"], 0), (["--quiet"], 2)])
def test_a_ci_fails_where_something_as_strong_is_found(sides, options, code, capsys):
    assert run(["leakage", *sides, "--fail-if-found", *options]) == code


def test_a_station_alone_does_not_fail_unless_asked(tmp_path, photo, write):
    write("train/CAM01/a.jpg", photo(1))
    write("test/CAM01/b.jpg", photo(2))
    command = ["leakage", str(tmp_path / "train"), str(tmp_path / "test"), "--fail-if-found", "--quiet"]
    assert run(command) == 0 and run([*command, "--level", "station"]) == 2


@pytest.mark.parametrize("side", ["train", "test"])
def test_what_could_not_be_read_is_not_called_clean(tmp_path, photo, write, side, capsys):
    write("train/a.jpg", photo(1))
    write("test/b.jpg", photo(2))
    (tmp_path / side / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    command = ["leakage", str(tmp_path / "train"), str(tmp_path / "test")]
    assert run(command) == 0
    assert f"Could not be read in {side}: 1 image" in capsys.readouterr().out
    assert run([*command, "--fail-if-found"]) == 3


def test_what_shows_too_little_is_not_called_clean(tmp_path, photo, write, capsys):
    import numpy as np

    write("train/a.jpg", photo(1))
    write("test/flat.png", np.full((200, 300, 3), 250, np.uint8))
    command = ["leakage", str(tmp_path / "train"), str(tmp_path / "test")]
    assert run(command) == 0
    said = capsys.readouterr().out
    assert "1 cannot be told, 0 clean" in said and "1 image of test, not called clean" in said
    assert run([*command, "--fail-if-found"]) == 3


def test_copies_whose_label_files_differ_are_told(sides, tmp_path, capsys):
    for side, box in (("train", "0 .5 .5 .1 .1"), ("test", "1 .5 .5 .1 .1")):
        (tmp_path / side / "a.txt").write_text(box)
    assert run(["leakage", *sides]) == 0
    said = capsys.readouterr().out
    assert "labelled differently: 1" in said and "in their label files" in said


def test_tables_are_written_into_a_new_folder(sides, tmp_path, capsys):
    assert run(["leakage", *sides, "--out", str(tmp_path / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["levels"]["reencoded"] == 1 and [leak["test_id"] for leak in told["leaks"]] == ["a.jpg"]
    lines = (tmp_path / "out" / "leakage.csv").read_text().splitlines()
    assert lines[0].startswith('"test_dataset","test_id","level"') and len(lines) == 3
    assert json.loads((tmp_path / "out" / "run.json").read_text())["counts"]["clean"] == 1
    assert run(["leakage", *sides, "--out", str(tmp_path / "out")]) == 1


def test_wrong_calls_say_what_is_allowed(sides, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for command, says in (
        (["leakage", sides[0], str(tmp_path / "empty")], "No images"),
        (["leakage", *sides, "--level", "evnt"], "Did you mean 'event'"),
        (["leakage", *sides, "--label", "class"], "folder:1"),
        (["leakage", sides[0]], "TEST"),
    ):
        assert run(command) == 1
        assert says in capsys.readouterr().err


def test_train_and_test_as_one_folder_leak_every_file(sides, capsys):
    assert run(["leakage", sides[0], sides[0]]) == 0
    said = capsys.readouterr().out
    assert "2 in train, 0 clean" in said and "same_file" in said and "list files that are in both on one side only" in said


def test_clean_takes_metrics_features_and_label_conflicts(tmp_path, photo, write, capsys):
    write("deer/a.jpg", photo(1), quality=92)
    write("fox/a.jpg", photo(1), quality=80)
    out = ["--out", str(tmp_path / "out"), "--label", "folder", "--json"]
    assert run(["clean", str(tmp_path / "deer"), str(tmp_path / "fox"), "--metrics", "mse", "--metrics", "ssim", "--features", *out]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == {"reencoded": 1}
    asked = json.loads((tmp_path / "out" / "run.json").read_text())
    assert asked["metrics"] == ["mse", "ssim"] and asked["features"] == "sift" and asked["cutoffs"]["mse"] > 0
    for options, removed in (([], {}), (["--label-conflicts"], {"reencoded": 1})):
        command = ["clean", str(tmp_path), "--label", "folder", "--out", str(tmp_path / f"out{len(options)}"), "--json", *options]
        assert run(command) == 0
        assert json.loads(capsys.readouterr().out)["removed"] == removed
    assert run(["clean", str(tmp_path), "--metrics", "mse2"]) == 1 and "Did you mean" in capsys.readouterr().err
