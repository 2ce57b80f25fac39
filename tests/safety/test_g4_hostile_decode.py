"""Gate G4: whatever is done to an image, it ends in a status: no crash, no hang, none missing from the account, not a word on the terminal."""

from __future__ import annotations

import os
from pathlib import Path

import mutants
import pytest


@pytest.fixture
def folder(tmp_path):
    """Return a folder of seeds: those made by a formula, and the hostile files where they are at hand."""
    made = tmp_path / "seeds"
    made.mkdir()
    for number, data in enumerate(mutants.seeds()):
        (made / f"made_{number:04d}").write_bytes(data)
    real = Path(os.environ.get("VISDATCOMPY_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data/hostile"
    for number, path in enumerate(sorted(path for path in real.rglob("*") if path.is_file() and path.stat().st_size < 200_000)):
        (made / f"real_{number:04d}").write_bytes(path.read_bytes())
    return str(made)


def check(folder: str, numbers: range) -> mutants.Account:
    """Decode mutants, and let none be missing; used with more of them before a release."""
    assert len(os.listdir(folder)) >= 300
    account = mutants.run(folder, numbers)
    assert sorted(account.ends) == list(numbers)
    assert account.failures == {}
    assert account.said == ""
    return account


def test_two_thousand_mutants_end_in_a_status(folder):
    account = check(folder, range(2000))
    assert min(account.counts[end] for end in ("ok", "damaged", "unreadable", "refused")) >= 10, account.counts


def test_a_child_that_dies_or_complains_is_seen(folder, monkeypatch, tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text(
        "import os, sys\nfor line in sys.stdin:\n"
        "    if line == '3\\n': os.kill(os.getpid(), 11)\n"
        "    print('[0, \"' + ('ok' if line != '4\\n' else 'ValueError: x') + '\"]', flush=True)\n"
    )
    monkeypatch.setattr(mutants, "__file__", str(broken))
    account = mutants.run(folder, range(6), children=1)
    assert account.failures == {3: "died by SIGSEGV", 4: "ValueError: x"} and len(account.ends) == 6
