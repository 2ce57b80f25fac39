"""The safety gates: worlds, an oracle that knows nothing of the remover, and the faults of RELIABILITY.md."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(__file__))


@pytest.fixture
def place():
    """Return a maker of folders on this file system that everybody can enter; they go with the test."""
    made = []

    def make(on: str | None = None) -> str:
        made.append(tempfile.mkdtemp(prefix="safety-", dir=on))
        os.chmod(made[-1], 0o755)
        return made[-1]

    yield make
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def make_world(place):
    """Return a maker of worlds; ``across=True`` has the quarantine on another file system."""
    from world import HAS_SHM, SHM, World

    def make(across: bool = False, on: str | None = None) -> World:
        if across and not HAS_SHM:
            pytest.skip("no second file system (/dev/shm) here")
        return World(place(on), place(SHM) + "/q" if across else None)

    return make
