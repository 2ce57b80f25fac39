"""The small hostile images of the shared tools through every command: each file as its author says it must become, and nobody but us speaks."""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from visdatcompy_ds.base.names import to_bytes
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.cli.app import run

UNUSABLE = {"damaged", "unreadable", "refused", "crashed", "timeout", "vanished"}


@pytest.fixture(scope="module")
def hostile(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile") / "images"
    subprocess.run([sys.executable, shared / "tools/hostile_images.py", folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def expected(hostile):
    """By the bytes of a name: the statuses it may have."""
    with open(hostile / "expected.csv", newline="", encoding="utf-8") as stream:
        listed = {_name(row["file"]): set(row["status"].split("|")) for row in csv.DictReader(stream)}
    assert len(listed) > 100 and listed.keys() == {name for name in os.listdir(os.fsencode(hostile)) if name != b"expected.csv"}
    return listed


def _name(text: str) -> bytes:
    """Return the bytes that the tool wrote with "backslashreplace"; a backslash of a name itself stays."""
    return text.encode().replace(b"\\xff\\xfe", b"\xff\xfe")


@pytest.fixture
def command(capfd):
    """Run a command here; return its exit code and what it printed. Standard error belongs to our own messages."""

    def call(*words: object) -> tuple[int, str]:
        capfd.readouterr()
        code = run([str(word) for word in words])
        said, complained = capfd.readouterr()
        assert complained == "" and "Traceback" not in said
        return code, said

    return call


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def id_of(row: dict[str, str]) -> bytes:
    """Return an id as bytes; cells that a spreadsheet would run begin with an apostrophe."""
    return to_bytes(row["id"].removeprefix("'") if row["id"][1:2] in tuple("=+-@\t\r\n ") else row["id"])


def test_info(hostile, expected, command):
    for workers in ("processes:2", "threads:2"):
        code, said = command("info", hostile, "--deep", "--json", "--workers", workers)
        facts = json.loads(said)
        assert code == 0 and sum(facts["statuses"].values()) == len(expected) + 1  # and expected.csv itself
        least = sum(not found & UNUSABLE for found in expected.values())
        assert least <= facts["usable"] <= sum(bool(found - UNUSABLE) for found in expected.values())
    code, said = command("info", hostile, "--deep", "--strict", "--quiet")
    assert (code, said) == (3, "")


def test_clean_says_of_each_file_what_was_expected(hostile, expected, command, tmp_path):
    code, said = command("clean", hostile, "--out", tmp_path / "out", "--workers", "processes:2", "--json", "--sample", 20)
    assert code == 0
    listed = {id_of(row): row["status"] for row in rows_of(tmp_path / "out/images.csv")}
    assert listed.pop(b"expected.csv") == "skipped" and listed.keys() == expected.keys()
    assert {name: status for name, status in listed.items() if status not in expected[name]} == {}
    problems = {id_of(row): row["status"] for row in rows_of(tmp_path / "out/problems.csv")}
    assert problems == {name: status for name, status in listed.items() if status in UNUSABLE}
    facts = json.loads(said)
    (counted,) = facts["datasets"]
    unusable = sum(status in UNUSABLE for status in listed.values())
    assert counted["images"] == len(expected) and counted["images"] - counted["usable"] == unusable
    assert command("clean", hostile, "--out", tmp_path / "again", "--strict", "--quiet") == (3, "")
    assert [row["status"] for row in rows_of(tmp_path / "again/images.csv")] == [
        row["status"] for row in rows_of(tmp_path / "out/images.csv")
    ]


@pytest.mark.parametrize("method", ["phash", "ssim", "sift"])
def test_compare(hostile, expected, command, method):
    code, said = command("compare", hostile, "-m", method, "--json", "--workers", "threads:2")
    assert code == 0
    usable = {name for name, found in expected.items() if found - UNUSABLE}
    pairs = json.loads(said)["pairs"]
    assert pairs and {to_bytes(pair[side]) for pair in pairs for side in ("left_id", "right_id")} <= usable


def test_sample(hostile, expected, command, tmp_path):
    code, said = command("sample", hostile, "-n", 30, "--out", tmp_path / "out", "--workers", "threads:2", "--json")
    chosen = {id_of(row) for row in rows_of(tmp_path / "out/selected.csv")}
    assert code == 0 and json.loads(said) and len(chosen) == 30
    assert all("ok" in expected[name] or "recovered" in expected[name] for name in chosen)


def test_leakage(hostile, expected, command, tmp_path, photo, write):
    train = write("train/a.jpg", photo(1)).parent
    os.link(hostile / "base.jpg", train / "base.jpg")
    code, said = command("leakage", train, hostile, "--json", "--workers", "threads:2")
    facts = json.loads(said)
    assert code == 0 and facts["levels"]["same_file"] == 1


def test_index(hostile, expected, command, tmp_path):
    code, said = command("index", hostile, "-o", tmp_path / "hostile.vdx", "--json", "--workers", "threads:2")
    facts = json.loads(said)
    assert code == 0 and facts["images"] == len(expected) and facts["other_files"] == 1
    assert command("index", hostile, "-o", tmp_path / "hostile.vdx", "--strict", "--quiet") == (3, "")
    code, said = command("info", tmp_path / "hostile.vdx", "--deep", "--json")
    assert code == 0 and json.loads(said)["usable"] == facts["usable"]


def test_real_hostile_files_each_end_in_a_status_within_a_minute(shared, command, tmp_path):
    folder = shared / "data/hostile"
    if not folder.is_dir():
        pytest.skip(f"no files: {folder} is absent")
    files = sum(len(names) for _, _, names in os.walk(folder))
    before = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    code, said = command("clean", folder, "--out", tmp_path / "out", "--workers", "processes:2", "--json")
    after = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    assert code == 0 and after - before < 60
    rows = rows_of(tmp_path / "out/images.csv")
    (counted,) = json.loads(said)["datasets"]
    ends = [row["status"] for row in rows]
    assert len(ends) == files and set(ends) <= {status.value for status in Status}
    assert counted["images"] == files - ends.count("skipped") > 300
    assert counted["usable"] == sum(end not in UNUSABLE | {"skipped"} for end in ends)
    assert "crashed" not in ends and "timeout" not in ends
