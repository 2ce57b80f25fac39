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
from visdatcompy_ds.stages.decide import decide, may_go_for


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
DEFAULT_STAGES = tuple(stage.name for stage in STAGES if stage.is_default)


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
    is_protected, is_removed, is_member : (n,) bool
        A member hangs on a keeper, whether it goes or stays for another reason.
    counts : dict
        What it cost and what was left out, for ``run.json`` and the summary.
    """

    table: Fingerprints
    pairs: Pairs
    plan: PlanTable
    is_protected: Array
    is_removed: Array
    is_member: Array
    counts: dict[str, Any]

    @property
    def survivors(self) -> Array:
        """Rows of new images that stay: usable, not protected, not removed."""
        return np.flatnonzero(self.table.files.is_usable & self.table["decoded"] & ~self.is_protected & ~self.is_removed)

    @property
    def choosable(self) -> Array:
        """Survivors that show something of their own: no second path, no copy that stays for another reason."""
        rows = self.survivors
        return rows[~self.is_member[rows]]


def compare(
    table: Fingerprints,
    is_protected: Array,
    policy: str = "best",
    edited: bool = False,
    similar: bool = False,
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
    stages: tuple[str, ...] = DEFAULT_STAGES,
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
    stages : tuple of str
        Names of the stage table; "bytes" always runs.
    """
    if len(is_protected) != len(table):
        raise ArgumentError(f"{len(is_protected)} flags for {len(table)} rows", "One flag per row")
    usable = table.files.is_usable & table["decoded"]
    order = group.rank(table, is_protected, policy)
    order = order[usable[order]]
    first = candidates.equal_content(table, order)
    content_pairs = _content_pairs(table, order, first)
    distinct = np.sort(order[first == order])
    proposed = candidates.propose(table, distinct, stages, workers=workers)
    started = time.perf_counter()
    found, cost = confirm.confirm(table, proposed, workers, limits, show_progress)
    confirm_s = time.perf_counter() - started
    pairs = Pairs.concat([content_pairs, found, proposed.vetoed]).in_order()
    removable = DUPLICATE_CLASSES + (("edited",) if edited else ()) + (("similar",) if similar else ())
    grouping = found.take(found.of_class(*removable))
    # What is protected never goes, so each of it may keep for others; what is double within it is grouped apart, to be reported.
    groups = []
    for stays, may_hang in ((is_protected, lambda row, keeper: not may_go_for(table, row, keeper)), (~is_protected, None)):
        if not stays[order].all():
            stars, held = group.group(order[first == order], len(table), grouping, stays, may_hang)
            groups.append((*_with_equal_content(table, stars, grouping, content_pairs, order, first, stays), held))
    plan = decide(table, groups, is_protected, removable)
    is_removed, is_member = np.zeros(len(table), bool), np.zeros(len(table), bool)
    is_removed[plan.row[plan.action == "remove"]] = True
    for _, _, pair, _ in groups:
        is_member |= pair >= 0
    counts = {
        **proposed.counts,
        **{f"confirm_{name}": value for name, value in dataclasses.asdict(cost).items()},
        "confirm_s": round(confirm_s, 3),
    }
    return Comparison(table, pairs, plan, is_protected, is_removed, is_member, counts)


def _content_pairs(table: Fingerprints, order: Array, first: Array) -> Pairs:
    """Return each row of repeated content with the best row of its file, where that is another, else with the best of the content."""
    repeats = first != order
    canonical = _canonical(table, order)
    one_file = canonical != order
    aliases, copies = one_file, repeats & ~one_file
    return Pairs.concat(
        [
            Pairs.build(first[copies], order[copies], "bytes", "bytes", "sha256", 1.0, 1.0),
            Pairs.build(canonical[aliases], order[aliases], "same_file", "bytes", "device and inode", 1.0, 1.0),
        ]
    )


def _canonical(table: Fingerprints, order: Array) -> Array:
    """Return, for each of the rows best first, the best row of the same file: a link, a hard link, or overlapping sources."""
    device, inode = table.files.device[order], table.files.inode[order]
    best: dict[tuple[int, int], int] = {}
    keys = zip(order.tolist(), device.tolist(), inode.tolist(), strict=True)
    return np.array([best.setdefault((d, i), row) if i else row for row, d, i in keys], np.int64)


def _with_equal_content(
    table: Fingerprints, stars: Groups, found: Pairs, content: Pairs, order: Array, first: Array, stays: Array
) -> tuple[Array, Pairs, Array]:
    """Hang rows of repeated content on a keeper: what was measured of one holds for all of them."""
    keeper, pair = stars.keeper.copy(), stars.pair.copy()
    own = ~stays[order] & (first != order)
    position = {(int(a), int(b)): at for at, (a, b) in enumerate(zip(content.left, content.right, strict=True))}
    canonical = _canonical(table, order)
    for best, same, row in zip(first[own].tolist(), canonical[own].tolist(), order[own].tolist(), strict=True):
        if same != row:  # another path of a file: that file stays, whatever hangs on what
            keeper[row], pair[row] = same, len(found) + position[min(same, row), max(same, row)]
        elif keeper[best] == best:
            keeper[row], pair[row] = best, len(found) + position[min(best, row), max(best, row)]
        else:  # the best row of this content goes for another: so does this one, and for the same reason
            keeper[row], pair[row] = keeper[best], pair[best]
    return keeper, Pairs.concat([found, content]), pair
