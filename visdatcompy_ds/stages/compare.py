"""The one road of ``clean`` and ``VisDatCompare.run``: the stage table, from fingerprints to a plan."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.tables import DUPLICATE_CLASSES, Array, Fingerprints, Groups, Pairs, PlanTable
from visdatcompy_ds.engine import decode
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.stages import candidates, confirm, group
from visdatcompy_ds.stages.decide import decide


@dataclasses.dataclass(frozen=True)
class Stage:
    """A row of the stage table: what proposes, what confirms, and whether it runs unasked."""

    name: str
    proposes: str
    confirms: str
    is_default: bool


STAGES = (
    Stage("bytes", "equal sha256", "the bytes", True),
    Stage("exif", "same shot key", "full resolution", True),
    Stage("hash", "pHash within the cut-off, dHash not against it", "full resolution", True),
)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What a run over the stage table found.

    Attributes
    ----------
    table : Fingerprints
        All rows of all datasets.
    pairs : Pairs
        Every pair that was judged and is worth reporting, sorted by rows.
    plan : PlanTable
    is_protected, is_removed, is_alias : (n,) bool
        An alias is a second path of a better row's file.
    counts : dict
        What it cost and what was left out, for ``run.json`` and the summary.
    """

    table: Fingerprints
    pairs: Pairs
    plan: PlanTable
    is_protected: Array
    is_removed: Array
    is_alias: Array
    counts: dict[str, Any]

    @property
    def survivors(self) -> Array:
        """Rows that a sample may be drawn from: usable, not protected, not removed, and no second path of another."""
        open_ = self.table.files.is_usable & self.table["decoded"] & ~self.is_protected & ~self.is_removed & ~self.is_alias
        return np.flatnonzero(open_)


def compare(
    table: Fingerprints,
    is_protected: Array,
    policy: str = "best",
    edited: bool = False,
    similar: bool = False,
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
) -> Comparison:
    """Find what is the same within and across datasets, and decide what stays.

    Parameters
    ----------
    table : Fingerprints
        Rows of all datasets with the columns of ``CLEAN_PROBES`` and the context.
    is_protected : (n,) bool
        Rows of which nothing is removed.
    policy : str
        Keep policy.
    edited, similar : bool
        Remove these classes too.
    workers, limits, show_progress
        As everywhere.
    """
    if len(is_protected) != len(table):
        raise ArgumentError(f"{len(is_protected)} flags for {len(table)} rows", "One flag per row")
    usable = table.files.is_usable & table["decoded"]
    order = group.rank(table, is_protected, policy)
    order = order[usable[order]]
    first = candidates.equal_content(table, order)
    content_pairs = _content_pairs(table, order, first)
    distinct = np.sort(order[first == order])
    proposed = candidates.propose(table, distinct)
    started = time.perf_counter()
    found, cost = confirm.confirm(table, proposed, workers, limits, show_progress)
    confirm_s = time.perf_counter() - started
    pairs = Pairs.concat([content_pairs, found, proposed.vetoed]).in_order()
    removable = DUPLICATE_CLASSES + (("edited",) if edited else ()) + (("similar",) if similar else ())
    grouping = found.take(found.of_class(*removable))
    # What is protected never goes, so each of it may keep for others; what is double within it is grouped apart, to be reported.
    groups = []
    for own, stays in ((order[~is_protected[order]], is_protected), (order[is_protected[order]], ~is_protected)):
        if len(own):
            stars = group.group(order[first == order], len(table), grouping, stays)
            groups.append(_with_equal_content(stars, grouping, content_pairs, order, first, stays))
    plan = decide(table, groups, is_protected, removable)
    is_removed = np.zeros(len(table), bool)
    is_removed[plan.row[plan.action == "remove"]] = True
    counts = {
        **proposed.counts,
        **{f"confirm_{name}": value for name, value in dataclasses.asdict(cost).items()},
        "confirm_s": round(confirm_s, 3),
    }
    return Comparison(table, pairs, plan, is_protected, is_removed, _aliases(table, order), counts)


def _aliases(table: Fingerprints, order: Array) -> Array:
    """Return a mask of the rows whose file has a better row already."""
    identity = np.column_stack([table.files.device, table.files.inode])[order]
    canonical = np.unique(identity, axis=0, return_index=True)[1] if len(order) else order
    is_alias = np.zeros(len(table), bool)
    is_alias[order] = True
    is_alias[order[canonical]] = False
    return is_alias & (table.files.inode != 0)


def _content_pairs(table: Fingerprints, order: Array, first: Array) -> Pairs:
    """Return each row of repeated content paired with the best row of that content."""
    repeats = first != order
    left, right = first[repeats], order[repeats]
    one_file = candidates.same_file(table, left, right)
    return Pairs.concat(
        [
            Pairs.build(left[~one_file], right[~one_file], "bytes", "bytes", "sha256", 1.0, 1.0),
            Pairs.build(left[one_file], right[one_file], "same_file", "bytes", "device and inode", 1.0, 1.0),
        ]
    )


def _with_equal_content(
    stars: Groups, found: Pairs, content: Pairs, order: Array, first: Array, stays: Array
) -> tuple[Array, Pairs, Array]:
    """Hang rows of repeated content on the keeper of their content: what was measured of one holds for all of them."""
    keeper, pair = stars.keeper.copy(), stars.pair.copy()
    repeats = (first != order) & ~stays[order]
    position = {(int(a), int(b)): at for at, (a, b) in enumerate(zip(content.left, content.right, strict=True))}
    for best, row in zip(first[repeats].tolist(), order[repeats].tolist(), strict=True):
        # Of repeated content whose best row keeps, the evidence is the bytes; else it is the best row's pair with its keeper.
        keeper[row] = keeper[best]
        pair[row] = len(found) + position[min(best, row), max(best, row)] if keeper[best] == best else pair[best]
    return keeper, Pairs.concat([found, content]), pair
