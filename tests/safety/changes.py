"""G3: the world changes between plan and act, at each pause of a removal."""

from __future__ import annotations

import importlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile

import oracle
from world import World, picture, put

from visdatcompy_ds.stages import act

shift = importlib.import_module("visdatcompy_ds.engine.move.shift")  # the package has a function of that name

CHANGES = ("append", "rewrite", "replace", "link", "delete", "chmod")
POINTS = ("prove", "announce", "move", "look", "done")
CASES = list(itertools.product(CHANGES, ("victim", "keeper"), POINTS))
NOBODY = 65534


def change(what: str, path: bytes, fd: int) -> set[str]:
    """Change a file as another program would; return the digests that this itself destroys.

    `fd` was opened for writing before: where the file has moved meanwhile, it is still reached by it.
    """
    old = oracle.sha256(b"/proc/self/fd/%d" % fd)
    if what == "append":
        os.lseek(fd, 0, os.SEEK_END)
        os.write(fd, b"more")
        return {old}
    if what == "rewrite":  # the same size, and the time put back
        info = os.fstat(fd)
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, os.urandom(info.st_size))
        os.utime(fd, ns=(info.st_atime_ns, info.st_mtime_ns))
        return {old}
    if what == "chmod":
        os.fchmod(fd, 0)
        return set()
    was_there = os.path.lexists(path)
    if what in ("replace", "link"):
        with open(path + b".new", "wb") as stream:
            stream.write(b"another picture")
        if what == "replace":
            os.replace(path + b".new", path)
        else:
            if was_there:
                os.unlink(path)
            os.symlink(path + b".new", path)
    elif was_there:
        os.unlink(path)
    else:
        os.rmdir(os.path.dirname(path))  # its place goes: nothing else of it can be deleted
    return {old} if was_there else set()


def case(what: str, who: str, point: str, seed: int = 0) -> None:
    """Change one file at one pause, and ask the oracle; as somebody who is not root, where that matters."""
    if what == "chmod" and os.geteuid() == 0:
        base = tempfile.mkdtemp(prefix="safety-")
        try:
            os.chown(base, NOBODY, NOBODY)
            command = [sys.executable, __file__, json.dumps([what, who, point, seed, base])]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
        finally:
            shutil.rmtree(base)
        return
    base = tempfile.mkdtemp(prefix="safety-")
    try:
        _case(what, who, point, seed, base)
    finally:
        shutil.rmtree(base)


def _case(what: str, who: str, point: str, seed: int, base: str) -> None:
    how = ("rename", "link", "carry")[seed % 3]
    klass = ("bytes", "reencoded")[seed // 3 % 2]
    world = World(os.path.join(base, "w"))
    # A label of each, as well: what goes along goes back, too.
    world.pair(b"s/a.png", b"t/b.png", picture(seed), None if klass == "bytes" else picture(seed + 1000), klass)
    put(world.new, b"stays.png", picture(seed + 2000))
    for root, name in ((world.new, b"s/a.txt"), (world.have, b"t/b.txt")):
        put(root, name, b"label")
    world.seal()
    victim, keeper = os.path.join(world.new, b"s/a.png"), os.path.join(world.have, b"t/b.png")
    path = victim if who == "victim" else keeper
    digest = oracle.sha256(victim)
    before = oracle.contents(world.tree)
    destroyed: set[str] = set()
    fd = os.open(path, os.O_RDWR)

    def pause(where: str) -> None:
        if where == point:
            destroyed.update(change(what, path, fd))

    kept = shift._renameat2
    try:
        if how != "rename":
            shift._renameat2 = lambda: None
        if how == "carry":
            link = shift.link
            # A file system without links: the file is copied.
            shift.link = lambda *given: (_ for _ in ()).throw(PermissionError(1, "no links here"))
        try:
            _, (outcome,) = world.apply(pause=pause)
        finally:
            if how == "carry":
                shift.link = link
        _look(world, what, who, point, how, outcome, before, destroyed, digest)
    finally:
        shift._renameat2 = kept
        os.close(fd)


def _look(
    world: World, what: str, who: str, point: str, how: str, outcome: act.Outcome, before: dict, destroyed: set[str], digest: str
) -> None:
    if what == "chmod":  # the oracle must read it, and its reading changes nothing that matters now
        _readable(world)
    tree, away = oracle.files_of(oracle.manifest(world.tree)), oracle.held(world.quarantine)
    there = {facts[1] for facts in (*tree.values(), *away.values())}
    lost = {content[1] for content in before} - there - destroyed
    assert not lost, "a content is lost that nobody destroyed"
    is_early = point in ("prove", "announce", "move")
    is_late = point == "done" or (who == "victim" and point == "look")
    if is_late:
        # The move was looked at already: it stands. What went is whole in the quarantine, is never deleted, and comes back.
        assert outcome.outcome in ("moved", "changed", "failed"), outcome
        if who == "keeper" or what in ("append", "rewrite"):
            assert b"new/s/a.png" in away, outcome
            # A copy is another file: what is written through an open descriptor of the first is not in it.
            if what != "chmod" and not (who == "victim" and how == "carry"):
                assert {one.outcome for one in act.verify(world.journal)} == {"missing"}
                assert {one.outcome for one in act.purge(world.journal, 0)} == {"missing"}, (
                    "purged, although what stayed or went has changed"
                )
    else:
        assert outcome.outcome in ("changed", "gone", "failed", "refused"), outcome
        assert outcome.reason, "the row says why"
        assert not away, f"away although it, or the copy that stays, is not what was planned: {away}"
        assert tree[b"new/s/a.txt"][1], "its label stays with it"
        if who == "keeper":
            assert tree[b"new/s/a.png"][1] == digest
        elif what == "delete":
            assert b"new/s/a.png" not in tree
        elif what == "link":
            assert tree[b"new/s/a.png"][0] == "link"
        elif what != "chmod":
            assert tree[b"new/s/a.png"][1] != digest, "it stays with its new content"
        assert is_early or who == "keeper"
    everything = oracle.contents(world.tree, world.quarantine)
    told = act.undo(world.journal)
    assert {one.outcome for one in told} <= {"restored", "altered"}, told
    assert not oracle.held(world.quarantine)
    assert oracle.contents(world.tree) == everything, "undo brings all of it back"
    assert act.undo(world.journal) == told, "a second undo changes nothing"
    assert oracle.contents(world.tree) == everything


def _readable(world: World) -> None:
    for folder in (world.tree, world.quarantine):
        for at, _, names in os.walk(folder):
            for name in names:
                if not os.path.islink(os.path.join(at, name)):
                    os.chmod(os.path.join(at, name), 0o644)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:  # all is imported once: somebody else may not read Python's own files
        _case("append", "keeper", "done", given[3], scratch)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    os.environ["HOME"] = given[4]
    _case(*given)
