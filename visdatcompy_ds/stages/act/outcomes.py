"""What became of each image of a plan, as a journal tells it."""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Sequence
from typing import Any

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.names import to_bytes, to_text

_FACTS = ("sha256", "size_bytes", "mtime_ns", "inode", "device")  # of a file, in the order of Moved


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one image.

    Attributes
    ----------
    number : int
        Its place in the plan.
    outcome : str
        "moved", "restored", "purged", "trashed", each with "would …" where it was only tried; or why not: "refused", "changed", "gone",
        "failed", "missing", "altered" (restored, and not as it was), "kept" (in the quarantine).
    dataset, id, klass, keeper : str
        The image, the class of the evidence, and the image that stays for it.
    reason : str
        "" where all went as planned.
    lift : str
        The name by which a refusal can be lifted.
    beside : tuple of str
        What went along: label files, RAW files.
    size_bytes : int
    """

    number: int
    outcome: str
    dataset: str
    id: str
    klass: str
    keeper: str
    reason: str = ""
    lift: str = ""
    beside: tuple[str, ...] = ()
    size_bytes: int = 0


@dataclasses.dataclass(frozen=True)
class Moved:
    """A file that a journal says was to be moved: an image, or what lay beside it.

    Attributes
    ----------
    root : bytes
        Folder that it was below.
    quarantine : bytes
        Folder below which it was put, under the same path.
    relative : bytes
    sha256 : str
    size_bytes, mtime_ns, inode, device : int
    """

    root: bytes
    quarantine: bytes
    relative: bytes
    sha256: str
    size_bytes: int
    mtime_ns: int
    inode: int
    device: int


@dataclasses.dataclass(frozen=True)
class Record:
    """All that a journal says of one image.

    Attributes
    ----------
    state : str
        "intent" (begun, not known to have ended), "moved", "undoing", "restored", "altered" (restored, and changed before), "purging",
        "purged", "trashed".
    moved_at : float
        When it was last moved into the quarantine, in seconds since 1970.
    line : dict
        The line of the intent.
    files : tuple of Moved
        The image, then what lay beside it.
    reason : str
    """

    state: str
    moved_at: float
    line: dict[str, Any]
    files: tuple[Moved, ...]
    reason: str = ""

    def outcome(self, word: str, reason: str = "") -> Outcome:
        """Return the outcome of this image, in a word."""
        line = self.line
        beside = tuple(to_text(file.relative) for file in self.files[1:])
        facts = (line["n"], word, line["dataset"], line["id"], line["class"], line["keeper"]["name"])
        return Outcome(*facts, reason, "", beside, self.files[0].size_bytes)


def now() -> str:
    """Return the time, for a journal."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def root_line(root: bytes, quarantine: bytes, folder: bytes) -> dict[str, str]:
    """Return what a journal in `folder` holds of a root: a disk that is mounted elsewhere later is found from the journal."""
    from_here = {f"{name}_from_here": os.path.relpath(path, folder) for name, path in (("path", root), ("quarantine", quarantine))}
    return {name: to_text(path) for name, path in {"path": root, "quarantine": quarantine, **from_here}.items()}


def roots_in(lines: Sequence[dict[str, Any]], folder: bytes) -> list[tuple[bytes, bytes]]:
    """Return the roots of a journal that lies in `folder`, and where their files are: as named, or where they lie from the journal."""
    found = []
    for root in lines[0]["roots"] if lines else []:
        named, quarantine = to_bytes(root["path"]), to_bytes(root["quarantine"])
        near = [os.path.normpath(os.path.join(folder, to_bytes(root[name]))) for name in ("path_from_here", "quarantine_from_here")]
        # The quarantine goes with its journal; of the root the place from here counts only where the named one is gone.
        is_here = not os.path.isdir(quarantine) or os.path.isdir(near[1])
        found.append((near[0] if not os.path.isdir(named) and os.path.isdir(near[0]) else named, near[1] if is_here else quarantine))
    return found


def records(lines: Sequence[dict[str, Any]], journal: bytes) -> tuple[dict[int, Record], dict[int, Outcome]]:
    """Return what a journal says, by number: of files that were to be moved, and of images that stayed.

    The last word counts: an image that was restored may have been moved again.

    Parameters
    ----------
    lines : sequence of dict
    journal : bytes
        Its path.

    Raises
    ------
    ArgumentError
        For lines that apply does not write.
    """
    try:
        return _records(lines, roots_in(lines, os.path.dirname(os.path.abspath(journal))))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise ArgumentError("A journal with lines that are none", "Allowed: a journal.jsonl as apply wrote it") from None


def _records(lines: Sequence[dict[str, Any]], roots: Sequence[tuple[bytes, bytes]]) -> tuple[dict[int, Record], dict[int, Outcome]]:
    found: dict[int, Record] = {}
    stayed: dict[int, Outcome] = {}
    for line in lines[1:]:
        number, word = line.get("n", -1), line["do"]
        at = datetime.datetime.fromisoformat(line["at"]).timestamp()
        if word == "intent":
            files = tuple(_moved(one, *roots[one["root"]]) for one in line["files"])
            found[number] = Record("intent", at, line, files)
            stayed.pop(number, None)
        elif word == "stayed":
            # Files of an intent that came to nothing stand where they stood.
            found.pop(number, None)
            stayed[number] = Outcome(
                number, line["outcome"], line["dataset"], line["id"], line["class"], line["keeper"], line["reason"], line["lift"]
            )
        elif number in found:
            moved_at = at if word == "moved" and found[number].state != "purging" else found[number].moved_at
            found[number] = dataclasses.replace(found[number], state=word, moved_at=moved_at, reason=line.get("reason", ""))
    return found, stayed


def _moved(one: dict[str, Any], root: bytes, quarantine: bytes) -> Moved:
    return Moved(root, quarantine, to_bytes(one["path"]), **{name: one[name] for name in _FACTS})


def file_line(root: int, relative: bytes, sha256: str, info: os.stat_result) -> dict[str, Any]:
    """Return what a journal holds of a file."""
    facts = (sha256, info.st_size, info.st_mtime_ns, info.st_ino, info.st_dev)
    return {"root": root, "path": to_text(relative), **dict(zip(_FACTS, facts, strict=True))}
