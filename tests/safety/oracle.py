"""What is on the disk, by a walk of its own: knows nothing of the remover, of its journal or of its words."""

from __future__ import annotations

import collections
import hashlib
import os
import stat

OURS = (b"journal.jsonl", b".visdatcompy_ds")  # what a quarantine holds beside files of people


EMPTY = hashlib.sha256(b"").hexdigest()


def sha256(path: bytes) -> str:
    with open(path, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def manifest(folder: bytes | str) -> dict[bytes, tuple]:
    """Return (kind, digest or target, mode, mtime_ns) of everything below a folder, quarantines aside; of folders that they are there."""
    root = os.fsencode(folder)
    found: dict[bytes, tuple] = {}
    for at, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.endswith(b".quarantine")]
        for name in folders + names:
            path = os.path.join(at, name)
            info = os.lstat(path)
            relative = os.path.relpath(path, root)
            if stat.S_ISLNK(info.st_mode):
                found[relative] = ("link", os.readlink(path), 0, info.st_mtime_ns)
            elif stat.S_ISDIR(info.st_mode):
                found[relative] = ("folder",)
            else:
                found[relative] = ("file", sha256(path), stat.S_IMODE(info.st_mode), info.st_mtime_ns)
    return found


def files_of(found: dict[bytes, tuple]) -> dict[bytes, tuple]:
    return {path: facts for path, facts in found.items() if facts[0] != "folder" and os.path.basename(path) not in OURS}


def contents(*folders: bytes | str) -> collections.Counter:
    """Return how often each content (or link) stands below folders, journals and marks aside."""
    count: collections.Counter = collections.Counter()
    for folder in folders:
        if os.path.isdir(folder):
            count.update(facts[:2] for facts in files_of(manifest(folder)).values())
    return count


def held(quarantine: bytes | str) -> dict[bytes, tuple]:
    """Return what a quarantine holds, by the path each file had in the tree."""
    if not os.path.isdir(quarantine):
        return {}
    found = {}
    for path, facts in files_of(manifest(quarantine)).items():
        parts = path.split(b"/", 2)  # run, "files", name of the root and path below it
        found[parts[2] if len(parts) == 3 and parts[1] == b"files" else path] = facts
    return found


def is_part(path: bytes) -> bool:
    return os.path.basename(path).startswith(b".visdatcompy-")


def check_middle(before: dict[bytes, tuple], tree: bytes | str, quarantine: bytes | str, twice: bool, keepers: set[bytes]) -> None:
    """Check a tree in the middle of a removal: each file whole, with its rights and time, in its place or in the quarantine.

    Parameters
    ----------
    twice : bool
        One file may stand in both places: its move was cut off between the second name and the first.
    keepers : set of bytes
        Stay in their places.
    """
    now, away = files_of(manifest(tree)), held(quarantine)
    for place in (now, away):
        if twice and any(is_part(path) for path in place):
            # On a file system without links a name is claimed by an empty file, for the copy that is still a part.
            for path in [path for path, facts in place.items() if facts[1] == EMPTY and path in before and before[path] != facts]:
                del place[path]
    both = []
    for path, facts in files_of(before).items():
        here, there = now.get(path) == facts, away.get(path) == facts
        assert here or there, f"{path!r} is lost: here {now.get(path)}, in the quarantine {away.get(path)}, before {facts}"
        assert path not in now or here, f"{path!r} was changed in its place"
        assert path not in away or there, f"{path!r} is another in the quarantine"
        assert path not in keepers or here, f"{path!r} was to stay"
        both += [path] * (here and there)
    assert len(both) <= (1 if twice else 0), f"in two places: {both}"
    strange = [path for path in (now.keys() | away.keys()) - files_of(before).keys() if not (twice and is_part(path))]
    assert not strange, f"nobody put them there: {strange}"


def check_back(before: dict[bytes, tuple], tree: bytes | str, quarantine: bytes | str) -> None:
    """Check that a tree is what it was, path by path, and that the quarantine holds nothing."""
    now = manifest(tree)
    different = {path: (before.get(path), now.get(path)) for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
    assert not different, f"undo did not bring back what was: {different}"
    assert not held(quarantine), f"left in the quarantine: {held(quarantine)}"
