"""The end of a quarantine: files go for good where the copy that stayed is still there, byte for byte."""

from __future__ import annotations

import dataclasses
import os
import time

from visdatcompy_ds.base.names import to_bytes, to_text
from visdatcompy_ds.engine import files
from visdatcompy_ds.engine.move import Folder, Journal, digest_at, require_trash, send_to_trash
from visdatcompy_ds.stages.act.beside import Listings
from visdatcompy_ds.stages.act.outcomes import Moved, Outcome, Record, now, records
from visdatcompy_ds.stages.act.quarantine import JOURNAL
from visdatcompy_ds.stages.act.undoing import ENDED, at_work, held_problem, is_same_file, keeper_problem, settle, tidy

_DAY_S = 86_400.0


def journals_in(path: bytes) -> list[bytes]:
    """Return the journals that a path means: a journal, the folder of a removal, or a quarantine with several."""
    if not os.path.isdir(path):
        return [path]
    own = os.path.join(path, JOURNAL)
    if os.path.isfile(own):
        return [own]
    return sorted(found for name in os.listdir(path) if os.path.isfile(found := os.path.join(path, name, JOURNAL)))


def purge(path: bytes, older_than_days: float = 30.0, dry_run: bool = False, trash: bool = False) -> list[Outcome]:
    """Delete for good, or put into the trash, what was moved at least so many days ago.

    An image goes only when it is still what was moved and the one that stayed for it still holds the bytes it was chosen for; what lay
    beside it is deleted only when the same lies beside that one. All else stays in the quarantine, with the reason.

    Parameters
    ----------
    path : bytes
        Of a journal.
    older_than_days : float
    dry_run : bool
        Look only.
    trash : bool
        Into the trash of the desktop, from where people may bring it back.

    Returns
    -------
    list of Outcome
        "purged" or "trashed" ("would purge", "would trash"); "kept" with the reason.
    """
    if trash:
        require_trash()
    with at_work(path) as journal:
        found = records(journal.lines, path)[0] if dry_run else settle(journal)
        held = [record for _, record in sorted(found.items()) if record.state not in (*ENDED, "trashed")]
        return [_purged(journal, record, older_than_days, dry_run, trash) for record in held]


def into_trash(path: bytes | None, outcomes: list[Outcome]) -> list[Outcome]:
    """Send what a removal just moved on into the trash, and return the outcomes with what became of it.

    Parameters
    ----------
    path : bytes or None
        Of the journal; None after a dry run.
    outcomes : list of Outcome
        Of the removal.
    """
    if path is None:
        return [dataclasses.replace(one, outcome="would trash") if one.outcome == "would move" else one for one in outcomes]
    trashed = {one.number: one for one in purge(path, 0, trash=True)}
    return [trashed.get(one.number, one) if one.outcome == "moved" else one for one in outcomes]


def _purged(journal: Journal, record: Record, older_than_days: float, dry_run: bool, trash: bool) -> Outcome:
    days = (time.time() - record.moved_at) / _DAY_S
    if record.state not in ("moved", "purging"):
        return record.outcome("failed", "its move was cut off: apply or undo goes on")
    if days < older_than_days:
        return record.outcome("kept", f"went less than {older_than_days:g} days ago")
    if problem := held_problem(record.files[0], record.state == "purging") or keeper_problem(record):
        return record.outcome("missing", problem)
    if dry_run:
        return record.outcome("would trash" if trash else "would purge")
    number, stays = record.line["n"], []
    journal.write({"do": "purging", "n": number, "at": now()})
    try:
        for file in reversed(record.files):
            if trash:
                _to_trash(file)
            elif file is record.files[0] or _lies_beside_keeper(record, file):
                _delete(file)
            else:
                stays.append(to_text(file.relative))
    except OSError as error:
        journal.write({"do": "moved", "n": number, "at": now()})
        return record.outcome("failed", f"cannot be {'put into the trash' if trash else 'deleted'}: {files.describe(error)}")
    reason = f"what belongs to it lies nowhere else and stays in the quarantine, undo brings it back: {', '.join(stays)}" if stays else ""
    word = "trashed" if trash else "purged"
    journal.write({"do": word, "n": number, "at": now(), "reason": reason})
    outcome = record.outcome(word, reason)
    return dataclasses.replace(outcome, beside=tuple(name for name in outcome.beside if name not in stays))


def _to_trash(file: Moved) -> None:
    path = os.path.join(file.quarantine, file.relative)
    if os.path.lexists(path):
        send_to_trash(path)
        tidy(file)


def _lies_beside_keeper(record: Record, file: Moved) -> bool:
    """Tell whether a file with the same bytes belongs to the image that stayed."""
    root, relative = (to_bytes(record.line["keeper"][name]) for name in ("root", "path"))
    found = Listings().beside(root, relative)
    for path in (*found.labels, *found.raws):
        try:
            if digest_at(os.path.join(root, path)) == file.sha256 and not is_same_file(os.path.join(root, path), file):
                return True
        except OSError:
            continue
    return False


def _delete(file: Moved) -> None:
    folder, name = os.path.split(file.relative)
    try:
        with Folder.open(file.quarantine) as base, base.below(folder) as held:
            held.unlink(name)
            held.sync()
        tidy(file)
    except FileNotFoundError:
        return  # an earlier purge was cut off here
