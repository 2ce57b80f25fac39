"""What a comparison hands back: a plan that touches nothing."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.status import Status
from visdatcompy_ds.base.tables import CLASSES, STATUSES
from visdatcompy_ds.engine.versions import versions
from visdatcompy_ds.reports import tables, text
from visdatcompy_ds.selection import Selection
from visdatcompy_ds.stages.compare import Comparison

if TYPE_CHECKING:
    import pandas as pd


class Plan:
    """What stays, what goes and why, and the sample where one was asked for.

    Attributes
    ----------
    comparison : Comparison
        The tables behind it.
    selection : Selection or None
        The sample.
    """

    def __init__(self, comparison: Comparison, selection: Selection | None = None) -> None:
        self.comparison, self.selection = comparison, selection

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

        return pd.DataFrame(tables.pair_columns(self.comparison.table, self.comparison.pairs))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as JSON under a checksum of its own; changes nothing else."""
        tables.save(path, tables.sealed_plan(self.comparison.table, self.comparison.plan, versions()))
