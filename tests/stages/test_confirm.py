"""Confirming at full resolution: what was judged is kept whatever ends it, and nothing is claimed of a photo that is not there."""

import json
import os
import signal
import sqlite3
import threading
import time

import numpy as np
import pytest

from visdatcompy_ds import Dataset
from visdatcompy_ds.catalog.probes import CLEAN_PROBES
from visdatcompy_ds.stages import candidates, confirm

BURST = 14
PAIRS = BURST * (BURST - 1) // 2


@pytest.fixture
def burst(tmp_path, photo, write):
    """One component: frames of one scene, each like each other."""
    for k in range(BURST):
        write(f"a/{k:02d}.jpg", photo(1, 160, 120, noise=4, noise_seed=k), quality=92)
    table = Dataset(tmp_path / "a").measured(*CLEAN_PROBES)
    found = candidates.propose(table, np.arange(BURST))
    assert len(found.left) == PAIRS and len(confirm.components(found.left, found.right)) == 1
    return table, found


class Counted:
    """A function that is counted, waits, and is interrupted at one of its calls."""

    def __init__(self, once):
        self.once, self.lock = once, threading.Lock()
        self.count, self.waits_s, self.at, self.interrupt = 0, 0.0, 0, None

    def __call__(self, *given):
        with self.lock:
            self.count += 1
            is_the_one = self.count == self.at
        if is_the_one:
            self.interrupt()
        time.sleep(self.waits_s)
        return self.once(*given)


@pytest.fixture
def decodes(monkeypatch):
    made = Counted(confirm.load_shot)
    monkeypatch.setattr(confirm, "load_shot", made)
    return made


@pytest.fixture
def comparisons(monkeypatch):
    made = Counted(confirm.compare)
    monkeypatch.setattr(confirm, "compare", made)
    return made


def an_error():
    raise KeyboardInterrupt


def a_signal():
    os.kill(os.getpid(), signal.SIGINT)


def kept(cache):
    """Return how many verdicts are in the cache."""
    with sqlite3.connect(cache / "known-1.sqlite") as db:
        kinds = {kind for kind, text in db.execute("SELECT kind, description FROM kinds") if json.loads(text).get("purpose") == "verdicts"}
        count = sum(db.execute("SELECT count(*) FROM facts WHERE kind = ?", (kind,)).fetchone()[0] for kind in kinds)
    db.close()
    return count


def threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("visdatcompy")]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("interrupt", [an_error, a_signal])
def test_what_was_judged_of_a_component_survives_an_interruption(burst, decodes, comparisons, tmp_path, workers, interrupt):
    cache = tmp_path / "cache"
    plain, cost = confirm.confirm(*burst, workers)
    assert cost.decodes == decodes.count == BURST and cost.comparisons == comparisons.count == PAIRS
    comparisons.count, comparisons.at, comparisons.interrupt, comparisons.waits_s = 0, 60, interrupt, 0.01
    with pytest.raises(KeyboardInterrupt):
        confirm.confirm(*burst, workers, known=confirm.verdicts(cache))
    assert not threads() and comparisons.count < 80
    judged = kept(cache)
    assert 58 <= judged < 80
    comparisons.at = 0
    again, rest = confirm.confirm(*burst, workers, known=confirm.verdicts(cache))
    assert again.to_frame().equals(plain.to_frame())
    assert rest.comparisons == PAIRS - judged and rest.decodes <= BURST - 4 and kept(cache) == PAIRS
    last, nothing = confirm.confirm(*burst, workers, known=confirm.verdicts(cache))
    assert last.to_frame().equals(plain.to_frame()) and nothing.decodes == 0


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_it_ends_after_the_decode_in_work(burst, decodes, workers):
    decodes.waits_s = 0.2  # 2.8 s for all
    timer = threading.Timer(0.5, a_signal)
    timer.start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        confirm.confirm(*burst, workers)
    assert time.monotonic() - started < 1.5 and not threads() and decodes.count < 8
    timer.join()


def test_a_task_that_fails_ends_all_and_what_was_judged_is_kept(tmp_path, photo, write, decodes):
    for k in range(6):
        write(f"a/{k}.jpg", photo(k), quality=92)
        write(f"a/{k}-again.jpg", photo(k), quality=80)
    table = Dataset(tmp_path / "a").measured(*CLEAN_PROBES)
    found = candidates.propose(table, np.arange(12))
    decodes.at, decodes.interrupt = 9, lambda: 1 // 0
    with pytest.raises(ZeroDivisionError):
        confirm.confirm(table, found, 2, known=confirm.verdicts(tmp_path / "cache"))
    assert 3 <= kept(tmp_path / "cache") <= 5 and not threads()


def test_verdicts_go_to_the_cache_while_a_component_is_in_work(burst, comparisons, tmp_path, monkeypatch):
    monkeypatch.setattr(confirm, "_KEPT_S", 0.05)
    monkeypatch.setattr(confirm, "_LOOK_S", 0.02)
    comparisons.waits_s = 0.01
    for workers in (1, 2):
        cache, seen = tmp_path / f"cache{workers}", []
        comparisons.count, comparisons.at, comparisons.interrupt = 0, PAIRS - 1, lambda cache=cache, seen=seen: seen.append(kept(cache))
        confirm.confirm(*burst, workers, known=confirm.verdicts(cache))
        assert seen and seen[0] > 20


def test_a_verdict_that_is_known_holds_only_while_both_photos_are_there(burst, tmp_path):
    table, found = burst
    known = confirm.verdicts(tmp_path / "cache")
    confirm.confirm(table, found, 1, known=known)
    os.rename(tmp_path / "a/03.jpg", tmp_path / "away.jpg")
    with open(tmp_path / "a/05.jpg", "ab") as stream:
        stream.write(b"more")
    plain, cost = confirm.confirm(table, found, 1)
    for workers in (1, 2):
        told, less = confirm.confirm(table, found, workers, known=confirm.verdicts(tmp_path / "cache"))
        assert told.to_frame().equals(plain.to_frame())
        # Of the others only what is compared with one of the two.
        assert less.comparisons == 2 * BURST - 3 < cost.comparisons
    reasons = list(told.measure)
    assert (reasons.count(confirm.GONE), reasons.count(confirm.CHANGED)) == (BURST - 1, BURST - 2)
    os.rename(tmp_path / "away.jpg", tmp_path / "a/03.jpg")
    told, _ = confirm.confirm(table, found, 1, known=confirm.verdicts(tmp_path / "cache"))
    assert list(told.measure).count(confirm.GONE) == 0
