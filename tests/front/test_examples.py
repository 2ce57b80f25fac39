"""Every example of the README runs as it stands, in a folder with the bundled sets."""

import re
from pathlib import Path

import pytest

from visdatcompy_ds.cli.app import run

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)
COMMANDS = [line.split("#")[0].split() for line in re.findall(r"^visdatcompy-ds (.*)$", README, re.M)]


@pytest.fixture(autouse=True)
def in_a_folder_with_the_sets(tmp_path, datasets, monkeypatch):
    (tmp_path / "datasets").symlink_to(datasets)
    for name in ("train", "queue", "new"):
        (tmp_path / name).symlink_to(datasets / ("trail_new" if name == "new" else "trail"))
    monkeypatch.chdir(tmp_path)


def test_the_python_examples_run(tmp_path, capsys):
    (tmp_path / "train").unlink()
    space = {}
    for block in BLOCKS:
        exec(block, space)
    said = capsys.readouterr().out
    assert len(BLOCKS) == 7 and "Dataset trail" in said and "Duplicates to remove: 16" in said and "phash on these images" in said
    assert len(space["selection"]) == 12 and len(list((tmp_path / "train").rglob("*.*"))) == 40


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_commands_run(command, capsys):
    assert run(command) == 0
    said = capsys.readouterr().out
    assert "Next:" in said and "Traceback" not in said


def test_the_output_shown_is_the_output(capsys):
    assert run(["clean", "datasets/trail_new", "--against", "datasets/trail", "--sample", "40", "--out", "results"]) == 0
    assert re.search(r"```text\n(.*?)```", README, re.S)[1] == capsys.readouterr().out
