"""What carrying out a plan hands back: what became of each image, and the way back."""

from __future__ import annotations

import collections
import os
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, TypeVar

from visdatcompy_ds.base.arguments import path_bytes
from visdatcompy_ds.base.errors import ArgumentError, MissingSourceError, OutputError
from visdatcompy_ds.base.names import for_display, to_text
from visdatcompy_ds.engine import files
from visdatcompy_ds.reports import outcomes as said
from visdatcompy_ds.stages.act import Outcome, journals_in, outcomes_of, purge, undo, verify

if TYPE_CHECKING:
    import pandas as pd


Result = TypeVar("Result")


class Receipt:
    """What became of the images of a plan.

    Attributes
    ----------
    path : str or None
        The journal in the quarantine, or a quarantine with several: what ``undo`` takes. None for a dry run.
    outcomes : sequence of Outcome
        One per image: "moved", "restored", "purged", "trashed" (each with "would …" after a dry run); or it stays: "refused", "changed"
        since it was planned, "gone", "failed".
    warning : str
        What was to be said before, "" for nothing.

    Examples
    --------
    >>> from visdatcompy_ds import Dataset, VisDatCompare
    >>> plan = VisDatCompare(Dataset("datasets/trail"), Dataset("datasets/trail_new")).run()
    >>> receipt = plan.apply()
    >>> receipt.is_dry_run, receipt.counts["would move"]
    (True, 16)
    """

    def __init__(
        self,
        path: str | bytes | os.PathLike[str] | None,
        outcomes: Sequence[Outcome] | None = None,
        warning: str = "",
        done: Collection[str] = ("moved", "restored", "purged", "trashed"),
    ) -> None:
        self._journals = [] if path is None else _guarded(journals_in, path_bytes(path))
        if path is not None and not self._journals:
            given = for_display(to_text(path_bytes(path)))
            raise ArgumentError(f"No journal in {given}", "Allowed: a quarantine, or the journal of one removal", "apply says where it is")
        self.path = None if path is None else os.fsdecode(path_bytes(path) if len(self._journals) > 1 else self._journals[0])
        self.warning, self._done = warning, done
        if outcomes is None:
            if path is None:
                raise ArgumentError("A receipt of nothing", "Allowed: the journal that apply wrote, or its folder")
            outcomes = [one for journal in self._journals for one in _guarded(outcomes_of, journal)]
        self.outcomes: tuple[Outcome, ...] = tuple(outcomes)

    def __repr__(self) -> str:
        """Return the counts."""
        counts = ", ".join(f"{count} {word}" for word, count in self.counts.items())
        return f"Receipt({counts or 'nothing'})"

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing was moved because nothing was to be."""
        return self.path is None

    @property
    def counts(self) -> dict[str, int]:
        """How many images came to each outcome."""
        return dict(collections.Counter(outcome.outcome for outcome in self.outcomes))

    @property
    def left_undone(self) -> int:
        """How many images did not come to what was asked for."""
        return sum(outcome.outcome not in self._done and not outcome.outcome.startswith("would ") for outcome in self.outcomes)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per image: dataset, id, class, outcome, reason, lift, keeper, beside, size_bytes."""
        import pandas as pd

        return pd.DataFrame(said.columns(self.outcomes))

    def summary(self) -> str:
        """Return in words what was done, what was not and why."""
        return said.words(self.outcomes)

    def undo(self, dry_run: bool = False) -> Receipt:
        """Move everything back, of several removals the last one first; what is back already stays, and may be asked for again."""
        outcomes = [one for journal in reversed(self._journals) for one in _guarded(lambda path: undo(path, dry_run), journal)]
        return Receipt(self.path, outcomes, done=("restored",))

    def verify(self) -> Receipt:
        """Look, byte for byte, whether what was moved is in the quarantine and what stayed in its place: "moved", else "missing"."""
        return Receipt(self.path, [one for journal in self._journals for one in _guarded(verify, journal)])

    def purge(self, older_than_days: float = 30, dry_run: bool = True, trash: bool = False) -> Receipt:
        """Delete for good, or put into the trash, what was moved at least so many days ago.

        Only where the copy that stayed still holds the bytes it was chosen for. What only the quarantine holds (a label, a RAW file)
        stays there.

        Parameters
        ----------
        older_than_days : float
        dry_run : bool
            Look only.
        trash : bool
            Into the trash of the desktop, by send2trash.
        """
        if isinstance(older_than_days, bool) or not isinstance(older_than_days, (int, float)) or not older_than_days >= 0:
            raise ArgumentError(f"older_than_days={older_than_days!r}", "Allowed: a number of days, 0 or more")
        steps = (_guarded(lambda path: purge(path, older_than_days, dry_run, trash), journal) for journal in self._journals)
        return Receipt(self.path, [one for step in steps for one in step], done=("purged", "trashed", "kept"))


def _guarded(step: Callable[[bytes], list[Result]], path: bytes) -> list[Result]:
    """Take a step on a journal; what the system says against it becomes an error of ours."""
    try:
        return step(path)
    except FileNotFoundError:
        raise MissingSourceError(f"No journal at {for_display(to_text(path))}", "", "apply says where its journal is") from None
    except OSError as error:
        if isinstance(error, (OutputError, MissingSourceError)):
            raise
        raise OutputError(f"Cannot use {for_display(to_text(path))}: {files.describe(error)}", "", "Check permissions and space") from None
