"""A removal taken back, or looked after: each step can be cut off and done again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.names import to_bytes, to_text
from visdatcompy_ds.engine import files
from visdatcompy_ds.engine.move import Folder, Journal, Refused, digest_at, locked, move, read_journal
from visdatcompy_ds.engine.move.shift import part_name
from visdatcompy_ds.stages.act.outcomes import Moved, Outcome, Record, now, records, roots_in

_RESTORED = b" (restored"
IN_TRASH = "bring it back from the trash of the system, then undo moves it to its place"
BACK = ("restored", "altered")
ENDED = (*BACK, "purged")  # a removal that is over: nothing of it is in the quarantine


def undo(path: bytes, dry_run: bool = False) -> list[Outcome]:
    """Move everything back that a journal says was moved; what is back already stays.

    Parameters
    ----------
    path : bytes
        Of the journal.
    dry_run : bool
        Look only.

    Returns
    -------
    list of Outcome
        One for each image that was moved: "restored", where its name was taken meanwhile under a numbered one; "missing" where it is not
        in the quarantine either; "failed", and "purged".
    """
    if dry_run:
        found, _ = records(read_journal(path), path)
        return [record.outcome(*_foreseen(record)) for _, record in sorted(found.items())]
    with at_work(path) as journal:
        found, _ = records(journal.lines, path)
        return [undone(journal, record) for _, record in sorted(found.items(), reverse=True)][::-1]


@contextlib.contextmanager
def at_work(path: bytes) -> Iterator[Journal]:
    """Open a journal under the locks of its roots, which come first: half a line at its end may be one that is being written."""
    with locked([root for root, _ in _roots(path)]), contextlib.closing(Journal.open(path)) as journal:
        yield journal


def _roots(path: bytes) -> list[tuple[bytes, bytes]]:
    try:
        return roots_in(read_journal(path), os.path.dirname(os.path.abspath(path)))
    except (AttributeError, KeyError, TypeError):
        raise ArgumentError("A journal with lines that are none", "Allowed: a journal.jsonl as apply wrote it") from None


def settle(journal: Journal) -> dict[int, Record]:
    """Take back what was begun and not ended, and return what the journal then says of files."""
    found, _ = records(journal.lines, journal.path)
    for record in found.values():
        if record.state in ("intent", "undoing"):
            undone(journal, record)
    return records(journal.lines, journal.path)[0]


def outcomes_of(path: bytes) -> list[Outcome]:
    """Return what a journal says of each image, by number; nothing is looked at."""
    found, stayed = records(read_journal(path), path)
    words = {"intent": "failed", "undoing": "failed", "purging": "failed"}
    cut_off = "was cut off here: apply or undo goes on"
    told = {n: one.outcome(words.get(one.state, one.state), cut_off if one.state in words else one.reason) for n, one in found.items()}
    return [outcome for _, outcome in sorted({**stayed, **told}.items())]


def verify(path: bytes) -> list[Outcome]:
    """Look whether everything that was moved is in the quarantine, byte for byte, and each image that stayed for it in its place."""
    found, _ = records(read_journal(path), path)
    return [_verified(record) for _, record in sorted(found.items())]


def keeper_problem(record: Record) -> str:
    """Return what is wrong with the image that stayed, "" when it is as it was."""
    keeper = record.line["keeper"]
    path = os.path.join(to_bytes(keeper["root"]), to_bytes(keeper["path"]))
    try:
        digest = digest_at(path)
        if is_same_file(path, record.files[0]):  # its folder became a link into the quarantine
            return f"the copy that stayed, {keeper['name']}, is what was moved"
    except OSError as error:
        return f"the copy that stayed, {keeper['name']}, cannot be read: {files.describe(error)}"
    return "" if digest == keeper["sha256"] else f"the copy that stayed, {keeper['name']}, has changed"


def is_same_file(path: bytes, file: Moved) -> bool:
    """Tell whether a path leads to a file in the quarantine."""
    try:
        return os.path.samefile(path, os.path.join(file.quarantine, file.relative))
    except OSError:
        return False


def held_problem(file: Moved, may_be_gone: bool = False) -> str:
    """Return what is wrong with a file in the quarantine, "" when it is what was moved."""
    try:
        is_same = digest_at(os.path.join(file.quarantine, file.relative)) == file.sha256
    except FileNotFoundError:
        return "" if may_be_gone else f"{to_text(file.relative)} is not in the quarantine"
    except OSError as error:
        return f"{to_text(file.relative)} cannot be read in the quarantine: {files.describe(error)}"
    return "" if is_same else f"{to_text(file.relative)} has changed in the quarantine"


def _verified(record: Record) -> Outcome:
    if record.state in (*ENDED, "trashed"):
        return record.outcome(record.state)
    problems = [problem for file in record.files if (problem := held_problem(file))]
    problems += [problem] if (problem := keeper_problem(record)) else []
    return record.outcome("missing" if problems else "moved", "; ".join(problems))


def _foreseen(record: Record) -> tuple[str, str]:
    """Return what an undo would come to, and why."""
    if record.state in ENDED:
        return record.state, record.reason
    problem = held_problem(record.files[0])
    if record.state == "trashed" and problem:
        return "trashed", IN_TRASH
    return ("would restore", "") if not problem or record.state in ("intent", "undoing") else ("missing", problem)


def undone(journal: Journal, record: Record) -> Outcome:
    """Move one image back, with what went along."""
    if record.state == "purged":
        _bring_labels(record)
    if record.state in ENDED:
        return record.outcome(record.state, record.reason)
    if record.state == "trashed" and held_problem(record.files[0]):
        return record.outcome("trashed", IN_TRASH)
    number = record.line["n"]
    gone = [file.root for file in record.files if not os.path.isdir(file.root)]
    if gone:
        return record.outcome("failed", f"the folder {to_text(gone[0])} is not there: put it back, or mount its disk")
    altered = held_problem(record.files[0], True) if record.state == "moved" else ""
    journal.write({"do": "undoing", "n": number, "at": now()})
    reasons, worst = [f"{altered}: it came back as it is now"] if altered else [], "restored"
    for file in reversed(record.files):
        try:
            word, reason = _restored(file, record.state in ("intent", "undoing"))
        except OSError as error:
            word, reason = "failed", f"{to_text(file.relative)} cannot be moved back: {files.describe(error)}"
        except Refused as refused:
            word, reason = "failed", f"{to_text(file.relative)} cannot be moved back: {refused}"
        reasons += [reason] if reason else []
        worst = word if word != "restored" and worst != "failed" else worst
    reason = "; ".join(reasons)
    if worst == "restored":
        worst = "altered" if altered else "restored"
        journal.write({"do": worst, "n": number, "at": now(), "reason": reason})
    return record.outcome(worst, reason)


def _bring_labels(record: Record) -> None:
    """Move back what a purge left in the quarantine, since it lay nowhere else."""
    for file in record.files[1:]:
        if os.path.lexists(os.path.join(file.quarantine, file.relative)):
            with contextlib.suppress(OSError, Refused):
                _restored(file, False)


def _restored(file: Moved, was_cut_off: bool) -> tuple[str, str]:
    """Bring one file back and return "restored" or "missing", with what is worth saying."""
    folder_of, name = os.path.split(file.relative)
    with contextlib.ExitStack() as stack:
        try:
            with Folder.open(file.quarantine) as base:
                held = stack.enter_context(base.below(folder_of))
            _drop_part(held, name)
            there = held.holds(name)
        except FileNotFoundError:
            there = False
        if not there:
            found = _standing(file)
            said = f"{to_text(file.relative)} is neither in its place nor in the quarantine"
            return ("missing", said) if found is None else ("restored", "" if found == name else _renamed(file, found))
        with Folder.open(file.root) as root:
            home = stack.enter_context(root.below(folder_of, make=True))
        # Looked up only where there may be any: in a folder of ten thousand the list is long.
        others = _restored_names(home, name) if was_cut_off or home.holds(name) else []
        for target in (name, *others):
            _drop_part(home, target)
            if _is_second_name(file, held, home, target, was_cut_off):
                home.sync()
                held.unlink(name)
                break
        else:
            target = _free_name(home, name)
            move(held, name, home, target)
        tidy(file)
    return "restored", "" if target == name else _renamed(file, target)


def _drop_part(folder: Folder, name: bytes) -> None:
    """Take a copy away that was cut off, and the empty file that claimed its name where the file system knows no links."""
    part = part_name(name)
    if not folder.holds(part):
        return
    if folder.holds(name):
        claim = folder.lstat(name)
        if not claim.st_size and claim.st_ino != folder.lstat(part).st_ino:
            folder.unlink(name)
    folder.unlink(part)


def _restored_names(home: Folder, name: bytes) -> list[bytes]:
    """Return the numbered names that a file was restored under, or one like it."""
    return sorted(other for other in home.names() if other.startswith(_stem(name) + _RESTORED))


def _renamed(file: Moved, name: bytes) -> str:
    return f"its name was taken meanwhile: restored as {to_text(name)}"


def _standing(file: Moved) -> bytes | None:
    """Return the name under which a file stands in its folder, where an undo that was cut off may have put it; None where it does not."""
    folder, name = os.path.split(file.relative)
    names = [name]
    with contextlib.suppress(OSError), Folder.open(file.root) as root, root.below(folder) as home:
        names += _restored_names(home, name)
    for other in names:
        with contextlib.suppress(OSError):
            if digest_at(os.path.join(file.root, folder, other)) == file.sha256:
                return other
    return None


def _stem(name: bytes) -> bytes:
    """Return a name without its ending, short enough for more to be added."""
    return os.path.splitext(name)[0][:200]


def _is_second_name(file: Moved, held: Folder, home: Folder, name: bytes, was_cut_off: bool) -> bool:
    """Tell whether a file stands in both places: its move, here or back, was cut off after its second name, or a whole copy, was made."""
    if not home.holds(name):
        return False
    one, other = held.lstat(os.path.basename(file.relative)), home.lstat(name)
    if (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino):
        return True
    is_original = (other.st_dev, other.st_ino) == (file.device, file.inode)
    is_alike = (other.st_size, other.st_mtime_ns) == (file.size_bytes, file.mtime_ns)
    if not (is_original or was_cut_off) or not is_alike or held_problem(file):
        return False
    return digest_at(os.path.join(home.path, name)) == file.sha256


def _free_name(folder: Folder, name: bytes) -> bytes:
    """Return a name that is free: the own one, else "IMG (restored).jpg", "IMG (restored 2).jpg" …."""
    if not folder.holds(name):
        return name
    number = 1
    while folder.holds(target := _stem(name) + _RESTORED + (b")" if number == 1 else b" %d)" % number) + os.path.splitext(name)[1][:40]):
        number += 1
    return target


def tidy(file: Moved) -> None:
    """Take away folders of the quarantine that are empty now."""
    folder = os.path.join(file.quarantine, os.path.dirname(file.relative))
    ends = os.path.dirname(os.path.dirname(file.quarantine))  # where the journal lies
    with contextlib.suppress(OSError):
        while len(folder) > len(ends):
            os.rmdir(folder)
            folder = os.path.dirname(folder.rstrip(os.sep.encode()))
