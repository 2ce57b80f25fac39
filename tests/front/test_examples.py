"""Every example of the README runs as it stands, in a folder with the bundled sets."""

import re
import shutil
from pathlib import Path

import pytest

from visdatcompy_ds.cli.app import run

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)
COMMANDS = [line.split("#")[0].split() for line in re.findall(r"^visdatcompy-ds (.*)$", README, re.M)]


@pytest.fixture(autouse=True)
def in_a_folder_with_the_sets(tmp_path, datasets, monkeypatch):
    for name in ("datasets/trail", "datasets/trail_new", "train", "queue", "new", "test"):
        shutil.copytree(datasets / ("trail_new" if name.endswith(("new", "test")) else "trail"), tmp_path / name)
    monkeypatch.chdir(tmp_path)


def test_the_python_examples_run(tmp_path, capsys):
    shutil.rmtree(tmp_path / "train")
    space = {}
    for block in BLOCKS:
        exec(block, space)
    said = capsys.readouterr().out
    assert len(BLOCKS) == 10 and "Dataset trail" in said and "Duplicates to remove: 16" in said and "phash on these images" in said
    assert "would go into a quarantine" in said
    assert len(space["selection"]) == 12 and len(list((tmp_path / "train").rglob("*.*"))) == 40


def test_the_commands_run_one_after_the_other(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda _: True)
    assert len(COMMANDS) == 8
    for command in COMMANDS:
        assert run(command) == (2 if "--fail-if-found" in command else 0), command
        said = capsys.readouterr().out
        assert "Next:" in said and "Traceback" not in said, command


def test_the_output_shown_is_the_output(capsys):
    assert run(["clean", "datasets/trail_new", "--against", "datasets/trail", "--sample", "40", "--out", "results"]) == 0
    assert re.search(r"```text\n(.*?)```", README, re.S)[1] == capsys.readouterr().out
