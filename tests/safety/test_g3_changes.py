"""Gate G3: the world changes between plan and act; nothing is lost, nothing that changed goes, and the outcome says so."""

from __future__ import annotations

import os

import changes
import pytest

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")


@pytest.mark.parametrize(("what", "who", "point"), changes.CASES, ids=["-".join(one) for one in changes.CASES])
@pytest.mark.parametrize("seed", range(2))
def test_a_file_that_changes_meanwhile_stays(what, who, point, seed):
    # The ways to move are dealt over the cases, so that each case sees more than one.
    changes.case(what, who, point, seed + changes.CASES.index((what, who, point)))
