"""Work that kills its worker where an item's name says so, and gate G5 run on it."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import random
import signal
import sys
import time

from visdatcompy_ds.base.status import Status
from visdatcompy_ds.engine.worker import run_isolated

LIMIT_S, LIMIT_BYTES = 1.0, 256 << 20
# How an item kills, and what has to stand for it.
KINDS = {
    "segv": (Status.CRASHED, "decoder crashed (SIGSEGV)"),
    "kill": (Status.CRASHED, "killed, probably out of memory"),
    "memory": (Status.CRASHED, "out of memory (limit 0.3 GB)"),
    "hang": (Status.TIMEOUT, "took longer than 1 s"),
}


class Dying:
    """The sha256 of each name, unless the name kills: "segv-7"."""

    def __init__(self, modules=(), note=""):
        self.modules, self.note = list(modules), note

    def __call__(self, task, begin):
        found = []
        for k, item in enumerate(task):
            begin(k)
            self.act(item)
            found.append((item, hashlib.sha256(item.encode()).hexdigest()))
        begin(-1)
        for item in task:
            if item.startswith("later-"):
                self.act(item.removeprefix("later-"))
        return found

    def act(self, item):
        kind, _, rest = item.partition("-")
        if kind == "segv":
            ctypes.string_at(0)
        elif kind == "abort":
            os.abort()
        elif kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif kind == "exit":
            sys.exit(5)
        elif kind == "memory":
            bytearray(2 * LIMIT_BYTES)
        elif kind == "hang":
            time.sleep(60)
        elif kind == "hold":  # the GIL as well
            ctypes.PyDLL(None).sleep(60)
        elif kind == "nap":
            time.sleep(0.4)
        elif kind == "bug":
            raise KeyError(item)
        elif kind == "chatter":
            print("x" * 100_000, flush=True)
            os.write(1, b"y" * 100_000)
            os.write(2, b"z" * 100_000)
            assert sys.stdin.read() == ""
        elif kind == "once":  # an innocent: dies the first time only
            with contextlib.suppress(FileExistsError):
                os.close(os.open(rest, os.O_CREAT | os.O_EXCL))
                os.kill(os.getpid(), signal.SIGSEGV)

    def lost(self, item, status, reason):
        return [(item, status, reason)]


def results(tasks, work=None, count=2, most_seconds=LIMIT_S, most_bytes=LIMIT_BYTES):
    """Return what comes of tasks, by item; each item exactly once."""
    with contextlib.closing(run_isolated(tasks, work or Dying(), count, most_seconds, most_bytes)) as found:
        rows = [row for part in found for row in part]
    by_item = {row[0]: row[1:] for row in rows}
    assert len(by_item) == len(rows), "an item came twice"
    return by_item


def run(images: int, deaths: int, seed: int = 0) -> str:
    """Kill workers at random items, in all ways in turn: exactly these are lost, and the others as without a death."""
    chance = random.Random(seed)
    names = [f"image-{k}" for k in range(images)]
    killing = {k: list(KINDS)[n % len(KINDS)] for n, k in enumerate(chance.sample(range(images), deaths))}
    mixed = [f"{killing[k]}-{k}" if k in killing else name for k, name in enumerate(names)]
    found = results(mixed[at : at + 24] for at in range(0, images, 24))
    clean = results(names[at : at + 24] for at in range(0, images, 24))
    assert len(found) == images == len(clean)
    for k, name in enumerate(mixed):
        assert found[name] == (KINDS[killing[k]] if k in killing else clean[name]), (name, found[name])
    return f"{deaths} deaths of workers in {images} items, in {len(KINDS)} ways"
