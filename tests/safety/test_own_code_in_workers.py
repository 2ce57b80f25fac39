"""What users register runs in processes where these can import it, else in threads with a word; never fails for where it runs."""

from __future__ import annotations

import own_hash
import pytest

from visdatcompy_ds import Dataset
from visdatcompy_ds.catalog.hashes import HASHES
from visdatcompy_ds.catalog.probes import PROBES
from visdatcompy_ds.stages.fingerprint import measure


@pytest.fixture
def folder(tmp_path, photo, write):
    for k in range(12):
        write(f"a/{k:02d}.jpg", photo(k, 64, 48), quality=88)
    return tmp_path / "a"


@pytest.mark.parametrize("names", [("test_rows",), ("test_rows_turns",), ("phash_turns", "phash")])
def test_a_hash_of_a_module_runs_in_processes(folder, names, recwarn):
    there = Dataset(folder, workers="processes:2").fingerprints(*names)
    assert not recwarn.list
    here = Dataset(folder, workers=1).fingerprints(*names)
    assert repr(there.to_dict("list")) == repr(here.to_dict("list"))


@pytest.mark.parametrize("turns", ["", "_turns"])
def test_a_hash_of_a_script_runs_in_threads_and_says_so(folder, monkeypatch, turns):
    monkeypatch.setattr(own_hash.rows_hash, "__module__", "__main__")
    monkeypatch.setattr(measure, "ISOLATED_FROM", 5)
    own_hash.add("test_script")
    try:
        with pytest.warns(RuntimeWarning, match="threads, not in processes"):
            found = Dataset(folder).fingerprints(f"test_script{turns}")
        assert found[f"test_script{turns}"].notna().all()
    finally:
        del HASHES._entries["test_script"], PROBES._entries["test_script"], PROBES._entries["test_script_turns"]
