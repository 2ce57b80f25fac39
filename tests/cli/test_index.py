"""The command index, and a saved index in the place of a folder."""

import json

import pytest

from visdatcompy_ds.cli.app import run


@pytest.fixture(autouse=True)
def sides(tmp_path, photo, write, monkeypatch):
    """What we have, saved and taken away, and what is new: a copy, one saved again, a stranger."""
    monkeypatch.chdir(tmp_path)
    for k in range(2):
        write(f"have/CAM01/{k}.jpg", photo(k), quality=92)
    write("new/equal.jpg", photo(0), quality=92)
    write("new/again.jpg", photo(1), quality=70)
    write("new/stranger.jpg", photo(9), quality=92)


@pytest.fixture
def offline(tmp_path, capsys):
    assert run(["index", "have", "-o", "have.vdx", "--quiet"]) == 0
    (tmp_path / "have").rename(tmp_path / "away")
    return "have.vdx"


def test_it_says_what_was_saved_how_large_it_is_and_what_to_do_next(tmp_path, capsys):
    assert run(["index", "have", "-o", "my have"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("Saved my have.vdx: 2 images of have, ") and "bytes an image)" in said[0]
    assert said[1].startswith("Next: visdatcompy-ds clean NEW --against 'my have.vdx'")
    assert said[2] == "Done: 2 images. No image was changed."
    assert run(["index", "have", "-o", "my have.vdx", "--json"]) == 0  # an index is replaced
    facts = json.loads(capsys.readouterr().out)
    assert (facts["images"], facts["usable"], facts["other_files"]) == (2, 2, 0)
    assert facts["size_bytes"] == (tmp_path / "my have.vdx").stat().st_size
    assert run(["index", "have", "-o", "x", "--quiet"]) == 0 and capsys.readouterr().out == ""


def test_it_ends_as_the_others_do(tmp_path, capsys):
    (tmp_path / "have/broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    assert run(["index", "have", "-o", "a", "--strict"]) == 3
    assert "1 unusable" in capsys.readouterr().out
    assert run(["index", "a.vdx", "-o", "b", "--strict"]) == 3
    (tmp_path / "empty").mkdir()
    (tmp_path / "mine.vdx").write_text("years of work")
    for command, words in (
        (["index", "nowhere", "-o", "c"], "No such folder"),
        (["index", "empty", "-o", "c"], "it is empty"),
        (["index", "have", "-o", "mine.vdx"], "Only an index is replaced"),
        (["index", "have", "-o", "c.json"], "ends with .vdx"),
        (["index", "have"], "Missing option"),
        (["info", "mine.vdx"], "is no index"),
    ):
        assert run(command) == 1 and words in capsys.readouterr().err
    assert (tmp_path / "mine.vdx").read_text() == "years of work" and not (tmp_path / "c.vdx").exists()


def test_the_index_stands_for_the_folder_while_that_is_offline(offline, tmp_path, capsys):
    assert run(["info", offline, "--deep"]) == 0
    said = capsys.readouterr().out
    assert "2 (" in said and "have.vdx, saved " in said and "the photos are not there" in said
    assert run(["compare", offline, "new", "-m", "ssim"]) == 1
    assert "ssim compares pixels, and the photos of have.vdx under" in capsys.readouterr().err
    assert run(["clean", "new", "--against", offline, "--out", "out", "--sample", "5"]) == 0
    said = capsys.readouterr().out
    assert "Duplicates to remove: 1 (1 same bytes)" in said and "1 undecided" in said and "Sample: 2 of 2" in said
    assert run(["clean", offline, "new", "--out", "again", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == {"bytes": 1}
    assert run(["compare", offline, "new", "--json"]) == 0
    assert {pair["right_id"] for pair in json.loads(capsys.readouterr().out)["pairs"]} == {"equal.jpg", "again.jpg"}
    assert run(["leakage", offline, "new", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["levels"]["bytes"] == 1
    assert run(["leakage", offline, "new", "--fail-if-found", "--quiet"]) == 2
    assert run(["sample", "new", "-n", "2", "--given", offline, "--out", "chosen"]) == 0
    assert "2 of" in capsys.readouterr().out
    assert "Traceback" not in said


def test_the_station_that_was_saved_stays_unless_another_is_asked_for(tmp_path, capsys):
    assert run(["index", "have", "-o", "s", "--station", "folder:2", "--quiet"]) == 0
    for options, stations in ((["--station", "folder:-1"], {"CAM01"}), ([], set())):
        assert run(["info", "s.vdx", "--json", *options]) == 0
        assert set(json.loads(capsys.readouterr().out)["stations"]) == stations


def test_an_index_follows_its_photos_to_another_folder(offline, tmp_path, capsys):
    assert run(["index", offline, "-o", "moved", "--root", "away"]) == 0
    assert run(["clean", "new", "--against", "moved.vdx", "--out", "out", "--json"]) == 0
    said = capsys.readouterr().out
    assert json.loads(said[said.index("{") :])["removed"] == {"bytes": 1, "reencoded": 1}
    assert run(["index", offline, "-o", "moved", "--root", "nowhere"]) == 1
    assert "No such folder" in capsys.readouterr().err


def test_its_other_options_hold_also_where_the_photos_moved(tmp_path, capsys, monkeypatch):
    from visdatcompy_ds.dataset import Dataset

    asked = []
    once = Dataset.__init__
    monkeypatch.setattr(Dataset, "__init__", lambda self, source, **options: asked.append(options) or once(self, source, **options))
    assert run(["index", "have", "-o", "s", "--station", "folder:2", "--quiet"]) == 0
    (tmp_path / "have").rename(tmp_path / "away")
    moved = ["index", "s.vdx", "--root", "away", "-o"]
    assert run([*moved, "as_it_was", "--workers", "threads:2", "--cache", "here", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert asked[-1] == {"workers": "threads:2", "cache": "here", "show_progress": False}
    assert run([*moved, "anew", "--station", "folder:-1", "--label", "folder:1"]) == 0
    assert run([*moved, "wrong", "--workers", "many"]) == 1 and "workers='many'" in capsys.readouterr().err
    for name, stations, labels in (("as_it_was", {""}, {""}), ("anew", {"CAM01"}, {"CAM01"})):
        table = Dataset(f"{name}.vdx").table()
        assert (set(table.station), set(table.label)) == (stations, labels)
