"""The bundled sample sets: every row of truth.csv is met, from the command line to the files it leaves."""

import csv
import hashlib
import json
import os
import subprocess
import sys

import pytest

from visdatcompy_ds.cli.app import run
from visdatcompy_ds.reports.plan_file import checksum


def read(path):
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def digests(folder):
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def results(datasets, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("clean")
    before = digests(datasets)
    arguments = [
        "clean",
        str(datasets / "trail_new"),
        "--against",
        str(datasets / "trail"),
        "--sample",
        "40",
        "--out",
        str(scratch / "results"),
    ]
    assert run([*arguments, "--export", str(scratch / "train")]) == 0
    assert digests(datasets) == before, "an image was changed"
    return scratch / "results"


@pytest.fixture(scope="module")
def truth(datasets):
    return read(datasets / "truth.csv")


def test_every_file_has_the_status_of_the_truth(results, truth):
    found = {(row["dataset"], row["id"]): row["status"] for row in read(results / "images.csv")}
    assert found == {(row["dataset"], row["id"]): row["status"] for row in truth}


def test_every_copy_has_the_class_of_the_truth(results, truth):
    pairs = {}
    for row in read(results / "pairs.csv"):
        left, right = (row["left_dataset"], row["left_id"]), (row["right_dataset"], row["right_id"])
        pairs[left, right] = pairs[right, left] = row["class"]
    plan = {(row["dataset"], row["id"]): row for row in read(results / "plan.csv")}
    for row in truth:
        if row["class"]:
            key, original = (row["dataset"], row["id"]), (row["of_dataset"], row["of_id"])
            assert pairs[key, original] == row["class"], row
            if row["class"] in ("bytes", "pixels", "reencoded"):
                kept = {key, original} - {k for k in (key, original) if plan[k]["action"] == "remove"}
                assert len(kept) == (2 if row["dataset"] == row["of_dataset"] == "trail" else 1), row


def test_nothing_but_the_copies_goes_and_never_from_what_we_have(results, truth):
    copies = {(row["dataset"], row["id"]) for row in truth if row["class"] in ("bytes", "pixels", "reencoded")}
    originals = {(row["of_dataset"], row["of_id"]) for row in truth if row["of_dataset"] == row["dataset"] == "trail_new"}
    gone = {(row["dataset"], row["id"]) for row in read(results / "plan.csv") if row["action"] == "remove"}
    assert gone <= copies | originals and all(dataset == "trail_new" for dataset, _ in gone)
    assert len(gone) == len({key for key in copies if key[0] == "trail_new"})


def test_no_two_frames_of_a_burst_are_duplicates(results, truth):
    copies = {(row["dataset"], row["id"]) for row in truth if row["class"]}
    for row in read(results / "pairs.csv"):
        keys = {(row["left_dataset"], row["left_id"]), (row["right_dataset"], row["right_id"])}
        assert keys & copies or row["class"] in ("similar", "undecided"), row


def test_the_sample_is_forty_distinct_usable_survivors(results, truth):
    chosen = read(results / "selected.csv")
    assert [int(row["rank"]) for row in chosen] == list(range(1, 41)) and len({row["id"] for row in chosen}) == 40
    gone = {row["id"] for row in read(results / "plan.csv") if row["action"] == "remove"}
    usable = {row["id"] for row in truth if row["dataset"] == "trail_new" and row["status"] == "ok"}
    assert {row["id"] for row in chosen} <= usable - gone
    assert (results / "selected.txt").read_text().splitlines() == [row["path"] for row in chosen]
    for row in chosen:
        assert row["station"] and row["bucket"] and row["nearest_given_id"].startswith("trail/")


def test_the_export_holds_the_choice_under_the_datasets_name(results):
    placed = {path.relative_to(results.parent / "train").as_posix() for path in (results.parent / "train").rglob("*") if path.is_file()}
    assert placed == {f"trail_new/{row['id']}" for row in read(results / "selected.csv")}


def test_the_files_of_a_run_are_there_and_agree(results):
    names = set(os.listdir(results))
    assert names == {
        ".visdatcompy_ds",
        *["images.csv", "pairs.csv", "plan.json", "plan.csv", "selected.csv", "selected.txt", "problems.csv", "run.json", "report.html"],
    }
    plan = json.loads((results / "plan.json").read_text())
    assert plan["checksum"] == checksum(plan) and len(plan["entries"]) == len(read(results / "plan.csv"))
    facts = json.loads((results / "run.json").read_text())["counts"]
    for entry in facts["datasets"]:
        assert sum(entry["statuses"].values()) == entry["images"] + entry["skipped"]
    assert len(read(results / "problems.csv")) == sum(entry["images"] - entry["usable"] for entry in facts["datasets"]) == 2
    page = (results / "report.html").read_text()
    assert "<script" not in page and "http://" not in page and "https://" not in page and str(results) not in page


def test_a_second_run_gives_the_same_tables(results, datasets, tmp_path):
    arguments = ["clean", str(datasets / "trail"), str(datasets / "trail_new"), "--sample", "40", "--workers", "1", "--quiet"]
    assert run([*arguments, "--out", str(tmp_path / "again")]) == 0
    for name in ("images.csv", "pairs.csv", "plan.csv", "selected.csv", "problems.csv", "report.html"):
        assert (tmp_path / "again" / name).read_bytes() == (results / name).read_bytes(), name


def test_the_generator_makes_the_committed_files(datasets, tmp_path):
    """Pixels may differ in a rounding where library versions differ, so names, truth and sizes of pictures are compared."""
    subprocess.run([sys.executable, str(datasets / "make_samples.py"), str(tmp_path)], check=True, capture_output=True)
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    committed = {
        path.relative_to(datasets).as_posix() for path in datasets.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert made == committed and (tmp_path / "truth.csv").read_bytes() == (datasets / "truth.csv").read_bytes()
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) <= 3_000_000
