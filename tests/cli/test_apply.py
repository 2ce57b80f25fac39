"""The commands that move files, as they are typed."""

import json
import shutil
from pathlib import Path

import pytest

from visdatcompy_ds.cli.app import run


@pytest.fixture(autouse=True)
def cleaned(datasets, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("trail", "trail_new"):
        shutil.copytree(datasets / name, tmp_path / name)
    assert run(["clean", "trail_new", "--against", "trail", "--out", "results"]) == 0
    capsys.readouterr()


def names():
    return sorted(str(path) for path in Path("trail_new").rglob("*"))


def said(capsys):
    out = capsys.readouterr()
    assert "Traceback" not in out.out + out.err
    return out


def test_apply_says_first_what_it_would_move_and_moves_nothing_unasked(capsys):
    before = names()
    assert run(["apply", "results/plan.json"]) == 1
    out = said(capsys)
    assert "16 images would go into a quarantine" in out.out
    assert "--yes" in out.err
    assert names() == before


def test_an_answer_decides(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    before = names()
    monkeypatch.setattr("typer.confirm", lambda _: False)
    assert run(["apply", "results/plan.json"]) == 0
    assert "Nothing was done" in said(capsys).out
    assert names() == before
    monkeypatch.setattr("typer.confirm", lambda _: True)
    assert run(["apply", "results/plan.json"]) == 0
    assert "16 images in the quarantine" in said(capsys).out


def test_apply_undo_verify_and_purge_go_all_the_way(capsys):
    before = names()
    assert run(["apply", "results/plan.json", "--yes"]) == 0
    out = said(capsys).out
    assert "16 images in the quarantine" in out and "visdatcompy-ds undo " in out and "Nothing was deleted" in out
    assert run(["verify", "trail_new.quarantine"]) == 0
    assert run(["undo", "trail_new.quarantine"]) == 1
    assert "16 images would come back" in said(capsys).out
    assert run(["undo", "trail_new.quarantine", "--yes"]) == 0
    assert "16 images back in place" in said(capsys).out
    assert names() == before
    assert run(["apply", "results/plan.json", "--yes", "--quiet"]) == 0
    assert run(["purge", "trail_new.quarantine", "--yes"]) == 0
    assert "left in the quarantine" in said(capsys).out
    assert run(["purge", "trail_new.quarantine", "--older-than", "0"]) == 1
    assert "16 images would be deleted for good" in said(capsys).out
    assert run(["purge", "trail_new.quarantine", "--older-than", "0d", "--yes", "--json"]) == 0
    assert json.loads(said(capsys).out)["counts"] == {"purged": 16}


def test_what_could_not_be_done_ends_with_3(capsys):
    plan = json.loads(Path("results/plan.json").read_text())
    gone = next(entry["id"] for entry in plan["entries"] if entry["action"] == "remove")
    (Path("trail_new") / gone).unlink()
    assert run(["apply", "results/plan.json", "--yes"]) == 3
    assert "gone" in said(capsys).out
    held = next(Path("trail_new.quarantine").rglob("*.JPG"))
    held.write_bytes(b"damaged")
    assert run(["verify", "trail_new.quarantine"]) == 3
    assert "has changed in the quarantine" in said(capsys).out


def test_json_holds_every_image(capsys):
    assert run(["apply", "results/plan.json", "--yes", "--json"]) == 0
    told = json.loads(said(capsys).out)
    assert told["counts"] == {"moved": 16}
    assert {row["outcome"] for row in told["images"]} == {"moved"}
    assert told["receipt"].endswith("journal.jsonl")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["apply", "nothing.json"], "No such file"),
        (["apply", "results/plan.csv"], "is no plan"),
        (["apply", "results/plan.json", "--yes", "--allow", "everything"], "Unknown refusal"),
        (["apply", "results/plan.json", "--yes", "--overrides", "results/plan.json"], "no file of overrides"),
        (["apply", "results/plan.json", "--yes", "--quarantine", "trail_new"], "is what was compared"),
        (["undo", "nowhere"], "No journal"),
        (["undo", "trail"], "No journal in trail"),
        (["verify", "results/plan.json"], "is no journal"),
        (["purge", "trail", "--older-than", "soon"], "number of days"),
        (["purge", "trail", "--yes"], "No journal in trail"),
        (["purge", "nowhere", "--yes"], "No journal"),
    ],
)
def test_bad_arguments_are_errors_in_words(arguments, words, capsys):
    before = names()
    assert run(arguments) == 1
    assert words in said(capsys).err
    assert names() == before


def test_an_empty_plan_moves_nothing_and_says_so(capsys):
    assert run(["clean", "trail_new", "--against", "trail_new", "--out", "none"]) == 0
    capsys.readouterr()
    assert run(["apply", "none/plan.json", "--yes"]) == 0
    assert "there is nothing to do" in said(capsys).out
    assert not Path("trail_new.quarantine").exists()


def test_a_purge_of_nothing_says_so(capsys):
    assert run(["apply", "results/plan.json", "--yes", "--quiet"]) == 0
    assert run(["undo", "trail_new.quarantine", "--yes", "--quiet"]) == 0
    assert run(["purge", "trail_new.quarantine", "--yes"]) == 0
    assert "No image" in said(capsys).out


def test_clean_says_what_apply_will_refuse(datasets, capsys):
    Path("one").mkdir()
    shutil.copy(datasets / "trail_new/CAM01/fox_dusk.jpg", "one/fox.jpg")
    assert run(["clean", "one", "--against", "trail", "--out", "o"]) == 0
    assert "1 of them only with --allow most_files (more than half" in said(capsys).out
