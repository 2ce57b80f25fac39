"""G5 through the whole house: a decoder's death costs one image, which says so, and is not tried again until the file changes."""

from __future__ import annotations

import os
import time

import deadly
import pytest

from visdatcompy_ds import Dataset


@pytest.fixture
def folder(tmp_path, photo, write):
    for k in range(40):
        write(f"a/{k:02d}.jpg", photo(k, 64, 48), quality=88)
    for k, mark in zip((3, 11, 26, 39), deadly.MARKS, strict=True):
        with open(tmp_path / f"a/{k:02d}.jpg", "ab") as stream:
            stream.write(mark)
    return tmp_path / "a"


def test_a_death_costs_one_image(folder, tmp_path):
    limits = {"max_seconds": 2, "max_memory_bytes": 2_000_000_000}
    found = Dataset(folder, workers="processes:2", limits=limits).fingerprints("sha256", "test_deadly", "phash").set_index("id")
    lost = found[found["status"] != "ok"]
    assert dict(lost["status"]) == {"03.jpg": "crashed", "11.jpg": "crashed", "26.jpg": "crashed", "39.jpg": "timeout"}
    assert lost["phash"].isna().all() and lost["sha256"].notna().all()
    alive = found[found["status"] == "ok"]
    assert len(alive) == 36 and (alive["test_deadly"] == 1).all()
    plain = Dataset(folder, workers=1).fingerprints("phash").set_index("id")
    assert alive["phash"].equals(plain["phash"][alive.index])


def test_the_table_says_what_happened(folder):
    dataset = Dataset(folder, workers="processes:2", limits={"max_seconds": 2, "max_memory_bytes": 2_000_000_000})
    dataset.measured("test_deadly")
    reasons = dataset.problems.set_index("id")["reason"]
    assert "SIGSEGV" in reasons["03.jpg"] and "memory" in reasons["11.jpg"] and "memory" in reasons["26.jpg"]
    assert reasons["39.jpg"] == "took longer than 2 s" and len(reasons) == 4


def test_what_crashed_is_remembered_until_it_changes(folder, tmp_path, monkeypatch, photo, write):
    """What is kept of a death spares the next run from dying again."""
    import dataclasses

    from visdatcompy_ds.catalog.probes import PROBES

    monkeypatch.setitem(PROBES._entries, "test_deadly", dataclasses.replace(PROBES["test_deadly"], version=1))
    for name in ("11.jpg", "26.jpg", "39.jpg"):
        os.unlink(folder / name)
    time.sleep(2.1)  # what is read right after a change is not trusted, and workers have clocks of their own
    wishes = {"workers": "processes:2", "cache": tmp_path / "cache"}
    first = Dataset(folder, **wishes)
    table = first.fingerprints("test_deadly")
    again = Dataset(folder, **wishes)
    assert again.fingerprints("test_deadly").equals(table) and again.counts.reads == 0
    write("a/03.jpg", photo(3, 64, 48))
    mended = Dataset(folder, **wishes)
    assert set(mended.fingerprints("test_deadly")["status"]) == {"ok"} and mended.counts.reads == 1


def test_a_probe_of_a_script_runs_in_threads_and_says_so(folder):
    from visdatcompy_ds.catalog.probes import PROBES, Probe

    def own(data: bytes) -> int:
        return 1

    own.__module__ = "__main__"
    PROBES.add(Probe("test_own", "bytes", "uint8", 0, own, "1"))
    try:
        with pytest.warns(RuntimeWarning, match="threads"):
            found = Dataset(folder, workers="processes:2").fingerprints("test_own")
        assert (found["test_own"] == 1).all()
    finally:
        del PROBES._entries["test_own"]
