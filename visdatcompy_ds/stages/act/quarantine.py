"""Where removed images go: a folder beside each root, on its file system, that no scan takes for a source."""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Collection, Sequence

from visdatcompy_ds.base.errors import OutputError
from visdatcompy_ds.base.names import for_display, size_text, to_text
from visdatcompy_ds.engine import files
from visdatcompy_ds.engine.move import Folder, Journal
from visdatcompy_ds.stages.act.orders import Orders
from visdatcompy_ds.stages.act.outcomes import root_line, roots_in

JOURNAL = b"journal.jsonl"
_MARK = b"Removed by visdatcompy_ds; 'visdatcompy-ds undo' brings it back. This folder is not scanned as a source.\n"


@dataclasses.dataclass(frozen=True)
class Quarantine:
    """Where files of one root go.

    Attributes
    ----------
    root : bytes
    base : bytes
        Folder of all removals.
    run : bytes
        Name of the folder of this removal in it.
    files : bytes
        Path below `base` under which the tree of the root is kept.
    """

    root: bytes
    base: bytes
    run: bytes
    files: bytes

    @property
    def journal_path(self) -> bytes:
        """Where the journal of the removal is, or will be."""
        return os.path.join(self.base, self.run, JOURNAL)

    def folder(self, relative: bytes) -> Folder:
        """Open the folder for what lies in a folder of the root, made where it is missing."""
        if not os.path.isdir(self.base):
            self.make()
        with Folder.open(self.base) as base:
            return base.below(os.path.join(self.files, relative), make=True)

    def make(self) -> None:
        """Make the base and mark it."""
        os.makedirs(self.base, mode=0o700, exist_ok=True)
        mark = os.path.join(self.base, files.MARKER)
        if not os.path.lexists(mark):
            files.write_atomically(os.fsdecode(mark), _MARK)

    def journal(self, plan: Orders, held: Sequence[Quarantine]) -> Journal:
        """Open the journal of a plan, which is in the first of its quarantines."""
        path = self.journal_path
        roots = [(place.root, os.path.join(place.base, place.files)) for place in held]
        head = {"plan": plan.checksum, "roots": [root_line(*root, os.path.dirname(path)) for root in roots]}
        try:
            self.make()
            with Folder.open(self.base) as base, base.below(self.run, make=True) as run:
                journal = Journal.open(path, head)
                run.sync()
        except OSError as error:
            where = for_display(to_text(self.base))
            raise OutputError(
                f"Cannot keep a quarantine in {where}: {files.describe(error)}", "", "Name another folder with --quarantine"
            ) from None
        if roots_in(journal.lines, os.path.dirname(path)) != roots:
            journal.close()
            shown = for_display(to_text(path))
            raise OutputError(f"{shown} keeps files of these folders elsewhere", "", "Undo that removal first, or name its quarantine")
        return journal


def places(plan: Orders, quarantine: bytes | None) -> list[Quarantine]:
    """Return where files of each root go.

    Raises
    ------
    OutputError
        When a root is gone, or the quarantine is one of the roots.
    """
    run = (
        datetime.datetime.fromtimestamp(plan.created, datetime.timezone.utc).strftime("%Y%m%d-%H%M%S-").encode()
        + plan.checksum[:8].encode()
    )
    needed = {order.image.facts.root for order in plan.victims}
    found: list[Quarantine] = []
    taken: set[bytes] = set()
    for root in plan.roots:
        if (root in needed or quarantine is None) and not os.path.isdir(root):
            raise OutputError(f"{for_display(to_text(root))} is gone", "", "Mount the disk it is on, or make the plan anew")
        base = _beside(root) if quarantine is None else os.path.abspath(quarantine)
        # Its mark hides a folder from every scan: neither photos of people nor a root may be in it.
        holds_root = os.path.join(os.path.realpath(root), b"").startswith(os.path.join(os.path.realpath(base), b""))
        if holds_root or not _is_ours(base):
            problem = "is what was compared, or holds it" if holds_root else "holds other files"
            raise OutputError(f"{for_display(to_text(base))} {problem}", "A quarantine is a folder of its own", "Choose another one")
        name = label = os.path.basename(root) or b"root"
        number = 2
        while label in taken:
            label, number = name + b"-%d" % number, number + 1
        taken.add(label)
        found.append(Quarantine(root, base, run, os.path.join(run, b"files", label)))
    return found


def require_space(held: Sequence[Quarantine], plan: Orders, known: Collection[int]) -> None:
    """Raise where a quarantine on another file system has no room for what is to go there."""
    if not hasattr(os, "statvfs"):
        return
    needed: dict[int, int] = {}
    bases = {place.root: place.base for place in held}
    devices = {root: tuple(os.stat(_standing(path)).st_dev for path in (base, root)) for root, base in bases.items()}
    for order in plan.victims:
        to, origin = devices[order.image.facts.root]
        if order.number not in known and to != origin:
            needed[to] = needed.get(to, 0) + order.image.facts.size_bytes
    for device, size in needed.items():
        base = next(base for base in bases.values() if os.path.isdir(base) and os.stat(base).st_dev == device)
        space = os.statvfs(base)
        if space.f_bavail * space.f_frsize < size:
            raise OutputError(
                f"{for_display(to_text(base))} has room for {size_text(space.f_bavail * space.f_frsize)}",
                f"{size_text(size)} are to go there",
                "Name another folder with --quarantine",
            )


def _standing(path: bytes) -> bytes:
    """Return a path, or the nearest folder above it that is there."""
    while not os.path.isdir(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path


def _is_ours(base: bytes) -> bool:
    """Tell whether a folder may be a quarantine: not there yet, empty, or one already."""
    try:
        if not os.path.isdir(base):
            return not os.path.lexists(base)
        with Folder.open(base) as opened:
            names = opened.names()
        return not names or (files.MARKER in names and files.read(os.path.join(base, files.MARKER)).startswith(_MARK[:10]))
    except OSError:
        return False


def _beside(root: bytes) -> bytes:
    """Return the folder beside a root; within it, hidden, where the root is a disk of its own or what holds it cannot be written."""
    parent, name = os.path.split(os.path.abspath(root))
    inner = os.path.join(root, b".visdatcompy_ds-quarantine")
    if not name or os.path.isdir(inner) or os.stat(parent).st_dev != os.stat(root).st_dev or not os.access(parent, os.W_OK | os.X_OK):
        return inner
    number = 1
    while not _is_ours(base := os.path.join(parent, name + (b".quarantine" if number == 1 else b".quarantine-%d" % number))):
        number += 1
    return base
