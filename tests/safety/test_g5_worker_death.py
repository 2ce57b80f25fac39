"""G5: a worker's death costs exactly the image in work; the others equal a clean run."""

import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="deaths are made by signals and RLIMIT_DATA")


def test_twenty_deaths_cost_twenty_images():
    import deaths

    deaths.run(500, 20)


def test_a_task_of_nothing_but_deaths_ends():
    import deaths

    task = [f"{kind}-{k}" for k in range(2) for kind in ("segv", "kill", "memory")]
    found = deaths.results([task, ["fine"]])
    assert {item: value for item, value in found.items() if item != "fine"} == {item: deaths.KINDS[item.split("-")[0]] for item in task}
    assert len(found["fine"]) == 1
