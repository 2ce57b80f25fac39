"""What a comparison hands back: a plan that touches nothing."""

from __future__ import annotations

import collections
import datetime
import functools
import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.arguments import path_bytes
from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.base.tables import CLASSES, STATUSES
from visdatcompy_ds.engine.decode import Limits
from visdatcompy_ds.engine.versions import versions
from visdatcompy_ds.receipt import Receipt
from visdatcompy_ds.reports import plan_file, tables, text
from visdatcompy_ds.selection import Selection
from visdatcompy_ds.stages import act, whereabouts
from visdatcompy_ds.stages.compare import Comparison

if TYPE_CHECKING:
    import pandas as pd


class SealedPlan:
    """A plan as it is saved: what each image is to be, and what the files were like when that was decided.

    Attributes
    ----------
    body : dict
        What ``plan.json`` holds.
    checksum : str
        What overrides and a removal's journal know it by.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body
        self.checksum = str(body["checksum"])

    def __repr__(self) -> str:
        """Return how many images go, and since when the plan stands."""
        removed = sum(entry["action"] == "remove" for entry in self.body["entries"])
        return f"SealedPlan({removed} to remove, of {self.body['created']})"

    def summary(self) -> str:
        """Return in words how many images go, by class, and since when the plan stands."""
        removed = collections.Counter(entry["class"] for entry in self.body["entries"] if entry["action"] == "remove")
        classes = f" ({', '.join(f'{count} {klass}' for klass, count in removed.items())})" if removed else ""
        return f"Plan of {self.body['created']}: {removed.total()} images to remove{classes}; apply() looks at each anew"

    def refusals(self) -> dict[str, int]:
        """Return how many images :meth:`apply` will not move until their refusal is named, by its name; the files are not looked at yet."""
        return act.foreseen(plan_file.orders(self.body))

    def to_frame(self) -> pd.DataFrame:
        """Return the columns of ``plan.csv``: one row per image that a group touches."""
        import pandas as pd

        return pd.DataFrame([{name: entry[name] for name in tables.PLAN} for entry in self.body["entries"]], columns=list(tables.PLAN))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as JSON under its checksum."""
        tables.save(path, tables.to_json(self.body))

    def apply(
        self,
        dry_run: bool = True,
        quarantine: str | os.PathLike[str] | None = None,
        overrides: str | os.PathLike[str] | Mapping[tuple[str, str], str] | None = None,
        allow: Collection[str] = (),
        trash: bool = False,
        show_progress: bool | None = None,
    ) -> Receipt:
        """Move what the plan removes into a quarantine, each image after a proof on the disk; nothing is ever deleted.

        Parameters
        ----------
        dry_run : bool
            Look at everything, and move nothing.
        quarantine : path, optional
            By default a folder beside each root, on its file system: ``photos.quarantine`` for ``photos``.
        overrides : path or mapping, optional
            People's decisions: a file of them, or ``{(dataset, id): "keep" or "remove"}``.
        allow : collection of str
            Names of refusals to lift, such as "hard_links" or "whole_folder"; the receipt says which.
        trash : bool
            From the quarantine go on into the trash of the desktop.
        show_progress : bool, optional

        Returns
        -------
        Receipt
            What became of each image; ``receipt.undo()`` brings all back. A plan that is applied again goes on where it ended.

        Raises
        ------
        ArgumentError
            For an override or a name that is not known.
        OutputError
            When the quarantine cannot be written, another removal is at work, or the plan is older than 60 days.
        """
        if trash:
            act.require_trash()
        orders = plan_file.orders(self.body)
        wishes = plan_file.overrides(overrides, self.checksum) if isinstance(overrides, (str, os.PathLike)) else overrides
        if wishes:
            if not isinstance(wishes, Mapping) or not all(isinstance(key, tuple) and len(key) == 2 for key in wishes):
                raise ArgumentError("overrides of another form", 'Allowed: the path of a file, or {(dataset, id): "keep" or "remove"}')
            orders = act.overridden(orders, wishes)
        warning = act.age_warning(orders, allow)
        folder = None if quarantine is None else path_bytes(quarantine, "quarantine")
        journal, outcomes = act.remove(orders, folder, dry_run, allow, plan_file.limits(self.body), show_progress)
        if trash:
            outcomes = act.into_trash(journal, outcomes)
        return Receipt(journal, outcomes, warning)


class Plan:
    """What stays, what goes and why, and the sample where one was asked for.

    Attributes
    ----------
    comparison : Comparison
        The tables behind it.
    selection : Selection or None
        The sample.
    folders : collection of path
        That were compared: below them images go and stay.
    protected : collection of path
        Those of them of which nothing goes.
    limits : Limits, optional
        Within which the images were decoded.
    """

    def __init__(
        self,
        comparison: Comparison,
        selection: Selection | None = None,
        folders: Collection[str] = (),
        protected: Collection[str] = (),
        limits: Limits | None = None,
    ) -> None:
        self.comparison, self.selection = comparison, selection
        self._folders, self._protected = ([os.path.abspath(os.fsencode(one)) for one in several] for several in (folders, protected))
        self._limits, self._created = limits or Limits(), datetime.datetime.now(datetime.timezone.utc)

    def __repr__(self) -> str:
        """Return how many images stay and go."""
        removed = sum(self.facts["removed"].values())
        return f"Plan({removed} to remove, {self.facts['survivors']} stay; summary() says more)"

    @functools.cached_property
    def facts(self) -> dict[str, Any]:
        """Counts as plain data: what :meth:`summary` says in words."""
        found, files = self.comparison, self.comparison.table.files
        plan = found.plan
        removed = {klass: int(((plan.action == "remove") & (plan.klass == klass)).sum()) for klass in CLASSES}
        stays = (plan.action == "keep") & (plan.row != plan.keeper)
        reasons: dict[str, int] = {}
        for reason, klass in zip(plan.reason[stays].tolist(), plan.klass[stays].tolist(), strict=True):
            short = reason.split(":")[0] if reason.startswith(("larger", "labels")) else reason
            reasons[f"{klass}, {short}"] = reasons.get(f"{klass}, {short}", 0) + 1
        datasets = []
        for code, name in enumerate(files.names):
            own = files.dataset == code
            is_image = own & ~files.has_status(Status.SKIPPED)
            statuses = np.bincount(files.status[own], minlength=len(STATUSES))
            datasets.append(
                {
                    "name": name,
                    "is_protected": bool(found.is_protected[own].any()),
                    "images": int(is_image.sum()),
                    "usable": int((own & files.is_usable).sum()),
                    "skipped": int((own & ~is_image).sum()),
                    "statuses": {STATUSES[at]: int(count) for at, count in enumerate(statuses) if count},
                }
            )
        broken = np.flatnonzero(~files.is_usable & ~files.has_status(Status.SKIPPED))
        return {
            "datasets": datasets,
            "removed": {klass: count for klass, count in removed.items() if count},
            "held_back": reasons,
            "pairs": {klass: int(found.pairs.of_class(klass).sum()) for klass in CLASSES if found.pairs.of_class(klass).any()},
            "waiting": whereabouts.waiting(found.table, found.pairs),
            "survivors": len(found.survivors),
            "problems": [
                {"id": f"{files.dataset_name(row)}/{files.id[row]}", "status": STATUSES[files.status[row]], "reason": files.reason[row]}
                for row in broken.tolist()
            ],
            "costs": found.counts,
            "sample": None if self.selection is None else self.selection.summary(),
        }

    def summary(self) -> str:
        """Return in words what was found and what would be removed."""
        return text.comparison({**self.facts, "sample": None if self.selection is None else text.sample_line(self.selection.summary())})

    def to_frame(self) -> pd.DataFrame:
        """Return the columns of ``plan.csv``: one row per image that a group touches."""
        import pandas as pd

        return pd.DataFrame(tables.plan_columns(self.comparison.table, self.comparison.plan))

    def pairs(self) -> pd.DataFrame:
        """Return the columns of ``pairs.csv``: every pair that was judged and is worth reporting."""
        import pandas as pd

        return pd.DataFrame(tables.pair_columns(self.comparison.table, self.comparison.pairs, self.comparison.evidence))

    @functools.cached_property
    def sealed(self) -> SealedPlan:
        """The plan as it is saved; made once, so that it has one checksum."""
        found = self.comparison
        folders = (self._folders, self._protected, found.is_protected)
        return SealedPlan(plan_file.seal(found.table, found.plan, *folders, self._limits, self._created, versions()))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as JSON under a checksum of its own; changes nothing else."""
        self.sealed.save(path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> SealedPlan:
        """Return a plan that was saved.

        Raises
        ------
        MissingSourceError, SourceError, ArgumentError
            When it cannot be read, is no plan, or was changed since.
        """
        return SealedPlan(plan_file.load(path))

    @functools.wraps(SealedPlan.apply)
    def apply(self, *arguments: Any, **options: Any) -> Receipt:
        """Carry the plan out; see :meth:`SealedPlan.apply`."""
        return self.sealed.apply(*arguments, **options)
