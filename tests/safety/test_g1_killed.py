"""Gate G1: whenever a removal or its undo is killed, every file is whole in its place or in the quarantine, and undo brings all back."""

from __future__ import annotations

import itertools
import os

import kills
import pytest
from world import FAST, HAS_SHM, SHM, World

needs_strace = pytest.mark.skipif(kills.STRACE is None, reason="strace is not installed")
needs_two_disks = pytest.mark.skipif(not HAS_SHM, reason="no second file system (/dev/shm) here")


@pytest.fixture
def make(place):
    """Return a maker of makers of worlds: each world in a folder of its own, as kills run in threads."""

    def of(across: bool = False):
        base, away, numbers = place(None if across else FAST), place(SHM) if across else "", itertools.count()

        def one() -> World:
            number = next(numbers)
            return World(os.path.join(base, str(number)), os.path.join(away, f"{number}.quarantine") if across else None)

        return one

    return of


@needs_strace
def test_a_kill_at_every_changing_system_call_loses_nothing(make):
    killing = kills.kill_everywhere(make())
    assert killing.misses == 0, "a moment was named that did not come again"
    assert killing.kills > 100


@needs_strace
@needs_two_disks
def test_a_kill_across_file_systems_loses_nothing(make):
    assert kills.kill_everywhere(make(across=True), across=True, step=2).misses == 0


@needs_strace
def test_a_kill_where_files_move_by_a_second_name_loses_nothing(make):
    assert kills.kill_everywhere(make(), how="link", step=2).misses == 0


@needs_strace
def test_a_kill_where_files_are_copied_for_want_of_links_loses_nothing(make):
    assert kills.kill_everywhere(make(), how="copy", step=2).misses == 0


def test_fifty_random_kills_of_two_hundred_files_lose_nothing(make):
    killed, midway = kills.kill_at_random(kills.many_files(make()(), 200), 50, seed=20261123)
    assert killed == 50
    assert midway >= 10, "kills came too early or too late to mean anything"
