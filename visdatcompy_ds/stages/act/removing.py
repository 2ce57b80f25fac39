"""A plan carried out: each image proved, announced, moved, looked at, and reported; whatever happens, nothing is lost."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from visdatcompy_ds.base.names import to_text
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.move import Folder, Journal, Proof, Refused, Stuck, locked, put_back, read_journal, shift
from visdatcompy_ds.engine.run import progress
from visdatcompy_ds.stages.act.beside import Listings
from visdatcompy_ds.stages.act.orders import Order, Orders
from visdatcompy_ds.stages.act.outcomes import Outcome, Record, file_line, now, records
from visdatcompy_ds.stages.act.proving import Proved, Proving
from visdatcompy_ds.stages.act.quarantine import Quarantine, places, require_space
from visdatcompy_ds.stages.act.refusals import Refusals, checked
from visdatcompy_ds.stages.act.undoing import BACK, settle, undone

Pause = Callable[[str], None]
_KEPT = "to be kept, by hand"


def remove(
    plan: Orders,
    quarantine: bytes | None = None,
    dry_run: bool = True,
    lifted: Collection[str] = (),
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
    pause: Pause = lambda where: None,
) -> tuple[bytes | None, list[Outcome]]:
    """Move the images that a plan removes into a quarantine.

    Parameters
    ----------
    plan : Orders
    quarantine : bytes, optional
        Folder for what goes; by default one beside each root, on its file system.
    dry_run : bool
        Look at everything and move nothing.
    lifted : collection of str
        Refusals not to make.
    limits : Limits, optional
        Of decoding the copies that stay.
    show_progress : bool, optional
        As everywhere.
    pause : callable
        Called between steps with the name of the next one: tests change the world there.

    Returns
    -------
    journal : bytes or None
        Path of the journal; None where nothing was to be moved.
    outcomes : list of Outcome
        One for each image the plan removes.

    Raises
    ------
    OutputError
        When the quarantine or its journal cannot be written, or another removal is at work.

    Notes
    -----
    The journal of a plan is one: a plan that is carried out again goes on where it ended.
    """
    victims, lifted = plan.victims, checked(lifted)

    def proving() -> Proving:
        listings = Listings()
        return Proving(Refusals(plan, lifted, listings), listings, limits or decode.Limits())

    held = places(plan, quarantine)
    known = _known(held)
    if not victims and not known:
        return None, []
    bar = progress(len(victims), "looking" if dry_run else "moving", show_progress)
    try:
        if dry_run:
            trying = proving()
            back = [known[order.number].outcome("would restore", _KEPT) for order in plan.orders if _is_to_come_back(order, known)]
            return None, [*(_tried(trying, order, known.get(order.number), bar) for order in victims), *back]
        with locked([place.root for place in held]), contextlib.closing(held[0].journal(plan, held)) as journal:
            known = settle(journal)
            require_space(held, plan, known)
            # Folders are listed only now: what was just taken back is in them.
            back = [undone(journal, known[order.number]) for order in plan.orders if _is_to_come_back(order, known)]
            mover = _Mover(proving(), journal, {place.root: (at, place) for at, place in enumerate(held)}, pause)
            moved = [mover.move(order, known.get(order.number), bar) for order in victims]
            return journal.path, moved + [dataclasses.replace(one, reason=one.reason or _KEPT) for one in back]
    finally:
        bar.close()


def _known(held: Sequence[Quarantine]) -> dict[int, Record]:
    """Return what the journal of a plan says already; nothing where it was never carried out."""
    try:
        return records(read_journal(held[0].journal_path), held[0].journal_path)[0] if held else {}
    except OSError:
        return {}


def _is_to_come_back(order: Order, known: Mapping[int, Record]) -> bool:
    """Tell whether people decided to keep an image that was moved before."""
    return order.action == "keep" and order.number in known and known[order.number].state == "moved"


def _tried(proving: Proving, order: Order, record: Record | None, bar: Any) -> Outcome:
    """Return what would become of an image."""
    bar.update(1)
    if record is not None and record.state in ("moved", "purged", "trashed", "purging"):
        return record.outcome("moved" if record.state == "purging" else record.state)
    if record is not None and record.state not in BACK:
        return record.outcome("would move", "was cut off before: taken back first, then tried anew")
    try:
        with contextlib.ExitStack() as stack:
            proved = proving.prove(order, stack)
    except Refused as refused:
        return _outcome(order, refused.outcome, str(refused), refused.lift)
    proving.listings.forget(order.image.facts.root, [relative for relative, _ in proved.files])
    return _outcome(order, "would move", proved.left, beside=[relative for relative, _ in proved.files[1:]])


class _Mover:
    def __init__(self, proving: Proving, journal: Journal, places: dict[bytes, tuple[int, Quarantine]], pause: Pause) -> None:
        self.proving, self.journal, self.places, self.pause = proving, journal, places, pause

    def move(self, order: Order, record: Record | None, bar: Any) -> Outcome:
        """Move an image, unless that was done, and return what became of it."""
        bar.update(1)
        if record is not None and record.state in ("intent", "undoing"):  # the journal's last word stays: it may be in the quarantine
            return record.outcome("failed", "was cut off before, and cannot be taken back: undo says why")
        if record is not None and record.state not in BACK:
            return record.outcome("moved" if record.state == "purging" else record.state)
        try:
            with contextlib.ExitStack() as stack:
                return self._move(order, stack)
        except Stuck as stuck:  # the journal's last word stays that it may have moved
            return _outcome(order, stuck.outcome, str(stuck))
        except Refused as refused:
            outcome = _outcome(order, refused.outcome, str(refused), refused.lift)
        except OSError as error:
            outcome = _outcome(order, "failed", f"cannot be moved: {files.describe(error)}")
        said = {"outcome": outcome.outcome, "reason": outcome.reason, "lift": outcome.lift}
        with contextlib.suppress(OSError):  # without it, too, the journal says nothing else
            self._write("stayed", order, **said, dataset=outcome.dataset, id=outcome.id, **{"class": outcome.klass}, keeper=outcome.keeper)
        return outcome

    def _move(self, order: Order, stack: contextlib.ExitStack) -> Outcome:
        self.pause("prove")
        proved = self.proving.prove(order, stack)
        at, place = self.places[order.image.facts.root]
        targets = [stack.enter_context(place.folder(os.path.dirname(relative))) for relative, _ in proved.files]
        self.pause("announce")
        lines = [file_line(at, relative, proof.sha256, proof.info) for relative, proof in proved.files]
        keeper = order.keeper.facts
        stays = {"name": order.keeper.name, "root": to_text(keeper.root), "path": to_text(keeper.relative), "sha256": keeper.sha256}
        image = {"dataset": order.image.dataset, "id": order.image.id, "class": order.klass}
        self._write("intent", order, **image, files=lines, keeper=stays)
        self.pause("move")
        self._shift(order, proved, targets)
        self.proving.listings.forget(order.image.facts.root, [relative for relative, _ in proved.files])
        return _outcome(order, "moved", proved.left, beside=[relative for relative, _ in proved.files[1:]])

    def _shift(self, order: Order, proved: Proved, targets: list[Folder]) -> None:
        """Move an image and what belongs to it; all goes back when one of them cannot, or the copy that stays is not as it was."""
        moved: list[tuple[Proof, Folder]] = []
        try:
            for (_, proof), target in zip(proved.files, targets, strict=True):
                shift(proof, target, proof.name)
                moved.append((proof, target))
            self.pause("look")
            self.proving.look_again(order, proved)
            self.pause("done")
            self._write("moved", order)
        except (OSError, Refused):
            stuck = None
            for proof, target in reversed(moved):
                try:
                    put_back(target, proof.name, proof.folder, proof.name)
                except Stuck as error:
                    stuck = error
            if stuck is not None:
                raise stuck from None
            raise

    def _write(self, word: str, order: Order, **facts: object) -> None:
        self.journal.write({"do": word, "n": order.number, "at": now(), **facts})


def _outcome(order: Order, word: str, reason: str = "", lift: str = "", beside: Collection[bytes] = ()) -> Outcome:
    image, along = order.image, tuple(map(to_text, beside))
    return Outcome(order.number, word, image.dataset, image.id, order.klass, order.keeper.name, reason, lift, along, image.facts.size_bytes)
