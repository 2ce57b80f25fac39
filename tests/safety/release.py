"""The column "before a release" of the safety gates: ``python tests/safety/release.py [--part NAME …]`` (about an hour on two cores).

Figures go into RESULTS.md beside this file. Parts: across (G1 with the quarantine on another file system), link (G1 where files move by a
second name), copy (G1 on a file system without links), random (G1, 500 random kills of 2 000 files), graphs (G2, 50 000), changes (G3, each case 20 times),
deaths (G5, 200 among 20 000 toy items), images (G5, the same among images), cache (G6, 500 kills and 5 000 flipped bits), answer (G10, 20 000 images), mutants (G4, 100 000), scan (G8),
million (G9).
"""

from __future__ import annotations

import argparse
import concurrent.futures
import datetime
import itertools
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.path.join(HERE, "RESULTS.md")
_HEAD = """# The safety gates before a release

Written by `python tests/safety/release.py`; one line per run of a part.

| Date | Part | Done | Failures | Seconds |
|---|---|---|---|---|
"""


def _everywhere(how: str, across: bool) -> str:
    import kills
    from world import FAST, SHM, World

    base, numbers = tempfile.mkdtemp(prefix="safety-", dir=None if across else FAST), itertools.count()
    away = tempfile.mkdtemp(prefix="safety-", dir=SHM)

    def make() -> World:
        number = next(numbers)
        return World(os.path.join(base, str(number)), os.path.join(away, f"{number}.quarantine") if across else None)

    try:
        done = kills.kill_everywhere(make, how, across)
    finally:
        shutil.rmtree(base)
        shutil.rmtree(away)
    assert not done.misses, f"{done.misses} moments did not come again"
    return f"{done.kills} kills, at every changing system call of a removal of 5 files and of its undo"


def across() -> str:
    """Kill everywhere, with the quarantine on another file system."""
    return _everywhere("rename", True)


def link() -> str:
    """Kill everywhere, where files move by a second name."""
    return _everywhere("link", False)


def copy() -> str:
    """Kill everywhere, where files are copied for want of links, as on exFAT."""
    return _everywhere("copy", False)


def random() -> str:
    """Kill at random."""
    import kills
    from world import FAST, World

    base = tempfile.mkdtemp(prefix="safety-", dir=FAST)
    try:
        killed, midway = kills.kill_at_random(kills.many_files(World(os.path.join(base, "w")), 2000), 500, seed=1)
    finally:
        shutil.rmtree(base)
    return f"{killed} random kills of 2 000 files, {midway} with files on the way"


def _graphs(first: int) -> dict[str, int]:
    sys.path.insert(0, HERE)
    import graphs

    return graphs.run(first, 500)


def graphs() -> str:
    """Apply, purge and undo random graphs; seeds that no commit has seen."""
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        parts = list(pool.map(_graphs, range(1_000_000, 1_050_000, 500)))
    done = {word: sum(part.get(word, 0) for part in parts) for part in parts for word in part}
    return "50 000 graphs: " + ", ".join(f"{count} {word}" for word, count in sorted(done.items()) if count)


def _changes(seed: int) -> int:
    sys.path.insert(0, HERE)
    import changes

    for case in changes.CASES:
        try:
            changes.case(*case, seed)
        except BaseException as error:
            raise AssertionError(f"{case}, seed {seed}: {error}") from error
    return len(changes.CASES)


def changes() -> str:
    """Change victims and keepers at each pause, 20 times."""
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        return f"{sum(pool.map(_changes, range(100, 120)))} cases"


def deaths() -> str:
    """Kill 200 workers among 20 000 items."""
    import deaths

    return deaths.run(20_000, 200, seed=1)


def images() -> str:
    """Kill 200 workers among 20 000 images."""
    import test_g5_images

    return test_g5_images.before_a_release()


def cache() -> str:
    """Kill 500 passes, and flip 5 000 bits of a cache."""
    import test_g6_cache

    return test_g6_cache.before_a_release()


def answer() -> str:
    """Compare 20 000 images in every way there is."""
    import same_answer

    place = tempfile.mkdtemp(prefix="safety-")
    try:
        return f"{same_answer.run(20_000, place)} ways agreed on 20 000 images with the serial one"
    finally:
        shutil.rmtree(place)


def mutants() -> str:
    """Decode 100 000 mutants that no commit has seen."""
    import mutants

    base = tempfile.mkdtemp(prefix="safety-")
    try:
        mutants.write_seeds(base + "/seeds")
        account = mutants.run(base + "/seeds", range(1_000_000, 1_100_000), os.cpu_count() or 2)
    finally:
        shutil.rmtree(base)
    assert len(account.ends) == 100_000 and not account.failures, account.failures
    return f"100 000 mutants: {', '.join(f'{count} {end}' for end, count in sorted(account.counts.items()))}"


def million() -> str:
    """Scan a million files, and clean 200 000."""
    import test_g9_bounds
    from world import FAST

    base = tempfile.mkdtemp(prefix="safety-", dir=FAST)
    try:
        scanned = test_g9_bounds.check_scan(base + "/scan", 1_000_000)
        shutil.rmtree(base + "/scan")
        return f"{scanned}; {test_g9_bounds.check_clean(base, 200_000)}"
    finally:
        shutil.rmtree(base)


def scan() -> str:
    """Scan what is in the way as root, and without the powers that let root read what it may not."""
    import subprocess

    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", os.path.join(HERE, "test_g8_scan.py")]
    powers = "-dac_override,-dac_read_search"
    # The one test that becomes another user by itself needs root's powers to tidy up.
    without = ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}", *tests, "-k", "not permission"]
    for command in (tests, without) if os.getuid() == 0 else (tests,):
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=os.path.dirname(os.path.dirname(HERE)))
        assert done.returncode == 0, done.stdout[-2000:]
    return "every case, as root and without its powers" if os.getuid() == 0 else "every case, not as root"


PARTS: dict[str, Callable[[], str]] = {
    part.__name__: part for part in (across, link, copy, random, graphs, changes, deaths, images, cache, answer, mutants, scan, million)
}


def main() -> int:
    """Run parts, and write down what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", action="append", choices=sorted(PARTS))
    failures = 0
    for name in parser.parse_args().part or PARTS:
        started = time.monotonic()
        try:
            done, failed = PARTS[name](), 0
        except AssertionError as error:
            print(f"{name}: {error}", file=sys.stderr)
            done, failed = "stopped at the first failure", 1
        failures += failed
        line = f"| {datetime.date.today()} | {name} | {done} | {failed} | {time.monotonic() - started:.0f} |"
        is_new = not os.path.exists(RESULTS)
        with open(RESULTS, "a", encoding="utf-8") as stream:
            stream.write((_HEAD if is_new else "") + line + "\n")
        print(line)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.path.insert(0, HERE)
    sys.exit(main())
