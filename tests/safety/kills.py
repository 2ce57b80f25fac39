"""G1: a removal, and its undo, killed at every system call that changes something, and at random times."""

from __future__ import annotations

import collections
import concurrent.futures
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import oracle
from world import World, picture, put

from visdatcompy_ds.stages import act

CHILD = os.path.join(os.path.dirname(__file__), "child.py")
STRACE = shutil.which("strace")
QUIET = threading.Lock()  # a fork of one thread would hold the locks of a removal in another until it is another program
CORES = max(2, min(8, os.cpu_count() or 2))
# All that change a file system; where one is unknown on a machine, strace is told not to mind ("?").
CHANGING = """
write pwrite64 writev copy_file_range sendfile rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat rmdir mkdir mkdirat
fsync fdatasync ftruncate truncate fallocate chmod fchmod fchmodat chown fchown lchown fchownat utime utimes utimensat futimesat
setxattr lsetxattr fsetxattr openat open creat
"""
_TRACED = ",".join("?" + name for name in CHANGING.split())
_LINE = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?([a-z0-9_]+)\((.*)$")
HOSTILE = b"line\nbreak \xff.png"


def five_files(world: World) -> World:
    """Make the removal of the gate: 5 images, 3 labels, a RAW file, subfolders, a hostile name."""
    plain = [
        (b"a.png", b"a.png"),
        (b"sub/b.png", b"x/b.png"),
        (b"sub/deep/" + HOSTILE, b"c.png"),
        (b"-rf.png", b"d.png"),
        (b"e.png", b"e.png"),
    ]
    for at, (victim, keeper) in enumerate(plain):
        world.pair(victim, keeper, picture(at), picture(100 + at) if at == 3 else None, "reencoded" if at == 3 else "bytes")
    for at, (victim, keeper) in enumerate(plain[:3]):
        for root, name in ((world.new, victim), (world.have, keeper)):
            put(root, os.path.splitext(name)[0] + b".txt", b"0 0.5 0.5 1 %d\n" % at, 0o600)
    for root in (world.new, world.have):
        put(root, b"e.CR2", b"raw" * 1000, 0o640)
    for name in (b"stays.png", b"sub/stays.png"):
        put(world.new, name, picture(77))
    world.seal()
    return world


def keepers_of(world: World) -> set[bytes]:
    return {b"have/" + keeper for _, keeper, _ in world.pairs} | {b"new/stays.png", b"new/sub/stays.png"}


class Zygote:
    """A process that forks removals, each of which is traced, or killed, from its first step on."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        with QUIET:
            self._process = subprocess.Popen([sys.executable, CHILD], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def start(self, word: str, world: World, how: str) -> int:
        """Fork a removal, which waits for SIGCONT; return its number."""
        path = world.plan_path if word == "apply" else world.journal
        request = [word, os.fsdecode(path), None if world.given is None else os.fsdecode(world.given), how]
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def wait(self) -> int:
        """Return the signal that ended it, 0 for none."""
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, f"the removal ended with {status}: see its traceback"
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    def traced(self, word: str, world: World, how: str, *more: str, log: str = os.devnull) -> int:
        """Run a removal to its end under strace; return the signal that ended it."""
        pid = self.start(word, world, how)
        with QUIET:
            tracer = subprocess.Popen([STRACE, "-f", "-y", "-s", "300", "-o", log, *more, "-p", str(pid)], stderr=subprocess.PIPE)
        first = tracer.stderr.readline()
        if b"attached" not in first:
            os.kill(pid, signal.SIGKILL)
            self.wait()
            raise AssertionError(f"strace cannot attach: {first!r}")
        os.kill(pid, signal.SIGCONT)
        ended = self.wait()
        tracer.communicate(timeout=60)
        return ended

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def moments(zygote: Zygote, word: str, world: World, how: str) -> list[tuple[str, int]]:
    """Return every changing system call from the one that opens the journal, as (name, how manieth of that name); the run goes to its end."""
    log = os.fsdecode(os.path.join(world.base, b"trace"))
    assert zygote.traced(word, world, how, "-e", f"trace={_TRACED}", log=log) == 0
    count: collections.Counter = collections.Counter()
    found: list[tuple[str, int]] = []
    for name, rest in calls(log):
        count[name] += 1
        changes = not name.startswith("open") or "O_CREAT" in rest or "O_RDWR" in rest
        if changes and (found or "journal.jsonl" in rest):
            found.append((name, count[name]))
    os.unlink(log)
    return found


def calls(log: str) -> list[tuple[str, str]]:
    """Return the system calls of a log of strace: name, and the rest of the line."""
    with open(log, errors="replace") as stream:
        return [match.groups() for line in stream if (match := _LINE.match(line))]


class Killing:
    """Kills one kind of removal at many moments, in worlds of its own; counts what was done."""

    def __init__(self, how: str = "rename", across: bool = False) -> None:
        self.how, self.across, self.kills, self.misses, self._lock = how, across or how == "copy", 0, 0, threading.Lock()

    def at_apply(self, zygote: Zygote, world: World, moment: tuple[str, int], goes_on: bool) -> None:
        """Kill an apply; then undo, or apply to the end and undo."""
        before = oracle.manifest(world.tree)
        self._kill(zygote, "apply", world, moment)
        twice = self.how != "rename" or self.across
        oracle.check_middle(before, world.tree, world.quarantine, twice, keepers_of(world))
        if goes_on:
            with QUIET:
                words = [outcome.outcome for outcome in world.apply()[1]]
            # A file that was taken back from another file system has another inode: that is not the one of the plan, and it stays.
            assert words.count("moved") >= len(world.pairs) - self.across and set(words) <= {"moved", "changed"}, words
            oracle.check_middle(before, world.tree, world.quarantine, False, keepers_of(world))
            away = len(oracle.held(world.quarantine))
            assert away == 9 or (self.across and away >= 7), f"all five, three labels and a RAW file are to be away: {away}"
        self._undo(world, before)

    def at_undo(self, zygote: Zygote, world: World, moment: tuple[str, int]) -> None:
        """Kill an undo; then undo again."""
        before = oracle.manifest(world.tree)
        with QUIET:
            words = [(outcome.outcome, outcome.reason) for outcome in world.apply()[1]]
        assert words == [("moved", "")] * len(world.pairs), words
        self._kill(zygote, "undo", world, moment)
        oracle.check_middle(before, world.tree, world.quarantine, self.how != "rename" or self.across, keepers_of(world))
        self._undo(world, before)

    def _undo(self, world: World, before: dict) -> None:
        for _ in range(2):  # the second time changes nothing
            if act.journals_in(world.quarantine):
                with QUIET:
                    told = act.undo(world.journal)
                assert {outcome.outcome for outcome in told} <= {"restored"}, told
                assert not any(outcome.reason for outcome in told), told
            oracle.check_back(before, world.tree, world.quarantine)

    def _kill(self, zygote: Zygote, word: str, world: World, moment: tuple[str, int]) -> None:
        name, number = moment
        ended = zygote.traced(word, world, self.how, "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}")
        with self._lock:
            self.kills += ended == signal.SIGKILL
            self.misses += ended != signal.SIGKILL


def kill_everywhere(make: Callable[[], World], how: str = "rename", across: bool = False, step: int = 1, offset: int = 0) -> Killing:
    """Kill a removal of five files, and its undo, at every `step`-th moment, on two cores."""
    killing = Killing(how, across)
    first = five_files(make())
    with Zygote() as zygote:
        applying, undoing = moments(zygote, "apply", first, how), moments(zygote, "undo", first, how)
    assert len(applying) > 60 and len(undoing) > 30, (len(applying), len(undoing))
    jobs = [("apply", moment, at % 2 == 0) for at, moment in enumerate(applying)][offset::step]
    jobs += [("undo", moment, False) for moment in undoing][offset::step]

    def work(own: list[tuple]) -> None:
        with Zygote() as zygote:
            for word, moment, goes_on in own:
                world = five_files(make())
                try:
                    if word == "apply":
                        killing.at_apply(zygote, world, moment, goes_on)
                    else:
                        killing.at_undo(zygote, world, moment)
                except BaseException as error:
                    what = f"{word} killed at {moment} ({how}, across={across}, goes on: {goes_on})"
                    raise AssertionError(f"{what}: {type(error).__name__} {error}") from error
                shutil.rmtree(world.base, ignore_errors=True)
                shutil.rmtree(world.quarantine, ignore_errors=True)

    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        for future in [pool.submit(work, jobs[at::CORES]) for at in range(CORES)]:
            future.result()
    return killing


def many_files(world: World, count: int) -> World:
    """Make a removal of many files, every third with a label."""
    for at in range(count):
        world.pair(b"%d/%d.png" % (at % 7, at), b"%d.png" % at, picture(at % 50) + b"%d" % at)
        if at % 3 == 0:
            put(world.new, b"%d/%d.txt" % (at % 7, at), b"label %d" % at)
            put(world.have, b"%d.txt" % at, b"label %d" % at)
    world.seal()
    return world


def kill_at_random(world: World, kills: int, seed: int) -> tuple[int, int]:
    """Kill applies and undos of one tree at random times; return how many were killed, and in how many files were on the way."""
    rng = random.Random(seed)
    before, keepers = oracle.manifest(world.tree), {b"have/" + keeper for _, keeper, _ in world.pairs}
    killed = midway = 0
    with Zygote() as zygote:
        longest = {}
        for word in ("apply", "undo", "apply"):  # the second apply finds a journal that is there
            started = time.monotonic()
            os.kill(zygote.start(word, world, "rename"), signal.SIGCONT)
            assert zygote.wait() == 0
            longest[word] = time.monotonic() - started
        all_away = len(oracle.held(world.quarantine))
        while killed < kills:
            word = "undo" if len(oracle.held(world.quarantine)) > all_away / 2 else "apply"
            pid = zygote.start(word, world, "rename")
            os.kill(pid, signal.SIGCONT)
            time.sleep(rng.uniform(0.2, 0.9) * longest[word])
            os.kill(pid, signal.SIGKILL)
            killed += zygote.wait() == signal.SIGKILL
            oracle.check_middle(before, world.tree, world.quarantine, False, keepers)
            midway += 0 < len(oracle.held(world.quarantine)) < all_away
    told = act.undo(world.journal)
    assert {outcome.outcome for outcome in told} == {"restored"}
    oracle.check_back(before, world.tree, world.quarantine)
    return killed, midway
