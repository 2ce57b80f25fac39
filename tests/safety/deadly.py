"""A probe of a user's own that dies of some files, as a decoder may; a worker imports it by this module."""

from __future__ import annotations

import ctypes
import os
import signal
import time

import numpy as np

from visdatcompy_ds.catalog.probes import PROBES, Probe

MARKS = (b"SEGFAULT", b"KILLED", b"GREEDY", b"HANGS")


def deadly(data: bytes) -> int:
    """Return 1, unless the file's end says otherwise."""
    end = data[-8:]
    if end == b"SEGFAULT":
        ctypes.string_at(0)
    if end.endswith(b"KILLED"):
        os.kill(os.getpid(), signal.SIGKILL)
    if end.endswith(b"GREEDY"):
        raise MemoryError(str(np.ones(10_000_000_000, np.uint8)[:1]))
    if end.endswith(b"HANGS"):
        time.sleep(3600)
    return 1


if __name__ == "deadly" and "test_deadly" not in PROBES:  # and not under the longer name that the collection of doctests gives it
    PROBES.add(Probe("test_deadly", "bytes", "uint8", 0, deadly, "1 for what did not die"))
