"""The one road of ``clean`` and ``VisDatCompare``: the stage table, from fingerprints to a plan."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.tables import DUPLICATE_CLASSES, Array, Fingerprints, Groups, Pairs, PlanTable
from visdatcompy_ds.catalog.features import EXTRACTORS
from visdatcompy_ds.engine import decode
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.stages import candidates, confirm, group
from visdatcompy_ds.stages.by_metric import Pictures, are_among, copies_by_metric, look_alikes
from visdatcompy_ds.stages.candidates.distinct import file_numbers
from visdatcompy_ds.stages.decide import decide, may_go_for
from visdatcompy_ds.stages.features import Evidence, cascade
from visdatcompy_ds.stages.labels import Labels
from visdatcompy_ds.stages.shots import ShotFacts


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
    Stage("metrics", "a metric within its cut-off of duplicates", "full resolution", False),
    Stage("features", "votes of local features", "geometry, and full resolution where that cannot tell", False),
)
DEFAULT_STAGES = tuple(stage.name for stage in STAGES if stage.is_default)


@dataclasses.dataclass(frozen=True)
class Look:
    """By what to look for what is the same, in the order of the stage table; equal bytes always count.

    Attributes
    ----------
    stages : tuple of str
        Of "exif" and "hash".
    metrics : tuple of str
        Metrics of the catalog, one after the other.
    features : str or None
        An extractor of the catalog.
    alike : tuple of str
        Hashes and metrics of the catalog: what lies within their cut-off of similar pictures counts as `similar`, with no further proof.
    only_known_shots : bool
        Images whose EXIF tells no shot do not take part.
    within_protected : bool
        Also compare protected images with each other; else each pair but those of equal content has one that is not.
    """

    stages: tuple[str, ...] = DEFAULT_STAGES
    metrics: tuple[str, ...] = ()
    features: str | None = None
    alike: tuple[str, ...] = ()
    only_known_shots: bool = False
    within_protected: bool = True


@dataclasses.dataclass(frozen=True)
class Judged:
    """Pairs of a table with their verdicts; what to make of them is not decided yet.

    Attributes
    ----------
    table : Fingerprints
        All rows of all datasets.
    is_protected : (n,) bool
    order : (k,) int64
        Rows that took part, best first.
    pairs : Pairs
        Every pair that was judged and is worth reporting, but for those of equal content.
    told : Pairs
        Look-alikes that EXIF proves to be other shots, which group nothing.
    evidence : mapping of (int, int) to Evidence
        Of the pairs by features.
    counts : dict
        What it cost and what was left out.
    """

    table: Fingerprints
    is_protected: Array
    order: Array
    pairs: Pairs
    told: Pairs
    evidence: Mapping[tuple[int, int], Evidence]
    counts: dict[str, Any]

    @functools.cached_property
    def first(self) -> Array:
        """Of each row in `order` the best one of its content, (k,) int64."""
        return candidates.equal_content(self.table, self.order)

    @functools.cached_property
    def canonical(self) -> Array:
        """Of each row in `order` the best one of its file, which a link, a hard link or another source lists as well, (k,) int64."""
        _, best, inverse = np.unique(file_numbers(self.table)[self.order], return_index=True, return_inverse=True)
        return self.order[best[inverse.reshape(-1)]]

    @functools.cached_property
    def content(self) -> tuple[Pairs, Array]:
        """Each row of repeated content with the best row of its file, where that is another, else with the best of the content.

        With the position of its pair for each row in `order`, -1 for none.
        """
        is_alias = self.canonical != self.order
        is_copy = (self.first != self.order) & ~is_alias
        at = np.full(len(self.order), -1, np.int64)
        at[is_copy] = np.arange(is_copy.sum())
        at[is_alias] = is_copy.sum() + np.arange(is_alias.sum())
        copies = Pairs.build(self.first[is_copy], self.order[is_copy], "bytes", "bytes", "sha256", 1.0, 1.0)
        aliases = Pairs.build(self.canonical[is_alias], self.order[is_alias], "same_file", "bytes", "device and inode", 1.0, 1.0)
        return Pairs.concat([copies, aliases]), at

    @functools.cached_property
    def all_pairs(self) -> Pairs:
        """Pairs of equal content and all others, sorted by rows."""
        return Pairs.concat([self.content[0], self.pairs, self.told]).in_order()


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
    evidence : mapping of (int, int) to Evidence
        How one picture lies on the other, of the pairs by features: left and right row.
    """

    table: Fingerprints
    pairs: Pairs
    plan: PlanTable
    is_protected: Array
    is_removed: Array
    is_member: Array
    counts: dict[str, Any]
    evidence: Mapping[tuple[int, int], Evidence]

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
    look: Look | None = None,
) -> Comparison:
    """Find what is the same within and across datasets, and decide what stays: :func:`judge`, then :func:`conclude`."""
    judged = judge(table, is_protected, look, None, policy, workers, limits, show_progress)
    return conclude(judged, edited, similar)


def judge(
    table: Fingerprints,
    is_protected: Array,
    look: Look | None = None,
    is_in: Array | None = None,
    policy: str = "best",
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
    known: confirm.Verdicts | None = None,
) -> Judged:
    """Find what is the same within and across datasets.

    Each stage works on what the stages before left: of equal content, and later of one confirmed shot, the best stands for all. No pair is
    judged by two of them, but for those that features tell to be edited copies where full resolution could not.

    Parameters
    ----------
    table : Fingerprints
        Rows of all datasets with the columns of ``CLEAN_PROBES`` and the context.
    is_protected : (n,) bool
        Rows of which nothing is removed; they come first.
    look : Look, optional
        By default the stages that run unasked.
    is_in : (n,) bool, optional
        Rows that take part; by default all that are usable.
    policy : str
        Keep policy.
    workers, limits, show_progress
        As everywhere.
    known : Verdicts, optional
        Verdicts at full resolution of earlier calls, by content; new ones are added.
    """
    look, known = look or Look(), known or confirm.verdicts()
    if len(is_protected) != len(table):
        raise ArgumentError(f"{len(is_protected)} flags for {len(table)} rows", "One flag per row")
    takes_part = table.files.is_usable & table["decoded"] & (True if is_in is None else is_in)
    if look.only_known_shots:
        takes_part &= ShotFacts(table).shot_keys() >= 0
    order = group.rank(table, is_protected, policy)
    order = order[takes_part[order]]
    best = order[candidates.equal_content(table, order) == order]
    distinct = np.sort(best)
    options = (workers, limits, show_progress)
    is_asked = None if look.within_protected else ~is_protected
    proposed = candidates.propose(table, distinct, look.stages, workers=workers, is_asked=is_asked)
    started = time.perf_counter()
    pairs, cost = confirm.confirm(table, proposed, *options, known)
    counts, told = {**proposed.counts, "confirm_s": round(time.perf_counter() - started, 3)}, proposed.vetoed
    pictures = Pictures(table, *options)
    for name in look.metrics:
        started = time.perf_counter()
        rows = unmatched(best, len(table), pairs)
        found, more, left_out = copies_by_metric(table, rows, name, Pairs.concat([pairs, told]), *options, known, pictures)
        pairs, cost = Pairs.concat([pairs, found]), cost + more
        _count(counts, "metrics_s", started, left_out)
    for name in look.alike:
        found = look_alikes(table, distinct, name, *options, pictures)
        pairs = Pairs.concat([pairs, found.take(~are_among(found.left, found.right, pairs, len(table)))])
    counts["metrics_decodes"] = pictures.decodes
    judged = Judged(table, is_protected, order, pairs, told, {}, counts)
    if look.features is not None:
        started = time.perf_counter()
        rows = np.sort(order)
        others = None if is_asked is None else rows[is_asked[rows]]
        found_by = cascade(table, rows, others, judged.all_pairs, order, EXTRACTORS[look.features], *options, known)
        kept = found_by.pairs.take(found_by.pairs.step != "bytes")
        is_told = are_among(kept.left, kept.right, told, len(table)) & (kept.step != "features")
        judged = dataclasses.replace(judged, pairs=kept.take(~is_told), told=kept.take(is_told), evidence=found_by.evidence)
        cost += found_by.cost
        _count(counts, "features_s", started, {})
    counts.update({f"confirm_{name}": value for name, value in dataclasses.asdict(cost).items()})
    return judged


def _count(counts: dict[str, Any], name: str, started: float, more: dict[str, int]) -> None:
    """Add the seconds since `started`, and numbers."""
    for key, value in {name: time.perf_counter() - started, **more}.items():
        counts[key] = round(counts.get(key, 0) + value, 3)


def unmatched(best: Array, n: int, pairs: Pairs) -> Array:
    """Return, sorted, those of rows best first that no better one stands for, being proved to be one shot with it."""
    stars, _ = group.group(best, n, pairs.take(pairs.of_class(*DUPLICATE_CLASSES)))
    return np.sort(best[stars.keeper[best] == best])


def union(parts: Sequence[Judged], policy: str = "best") -> Judged:
    """Return what several looks at the rows of one table found: each pair once, in the strongest class it has.

    Of several in that class the first of the stage table counts, then the first by name: the order of `parts` does not matter.
    """
    table, is_protected = parts[-1].table, parts[-1].is_protected
    order = group.rank(table, is_protected, policy)
    order = order[np.isin(order, np.concatenate([part.order for part in parts]))]
    pairs = _strongest([part.pairs for part in parts])
    told = _strongest([part.told for part in parts])
    told = told.take(~are_among(told.left, told.right, pairs, len(table)))
    evidence = {pair: found for part in parts for pair, found in part.evidence.items()}
    return Judged(table, is_protected, order, pairs, told, evidence, {})


def _strongest(tables: Sequence[Pairs]) -> Pairs:
    pairs = Pairs.concat(tables)
    place = {stage.name: at for at, stage in enumerate(STAGES)}
    stage = np.array([place[name] for name in pairs.step.tolist()], np.int64)
    order = np.lexsort((pairs.measure.astype(str), stage, pairs.klass, pairs.right, pairs.left))
    left, right = pairs.left[order], pairs.right[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (np.diff(left) != 0) | (np.diff(right) != 0)
    return pairs.take(order[is_new])


def conclude(judged: Judged, edited: bool = False, similar: bool = False, label_conflicts: bool = False) -> Comparison:
    """Decide what stays.

    Parameters
    ----------
    judged : Judged
    edited, similar : bool
        Remove these classes too.
    label_conflicts : bool
        Remove copies that are labelled differently, too.
    """
    table, is_protected, order, first = judged.table, judged.is_protected, judged.order, judged.first
    removable = DUPLICATE_CLASSES + (("edited",) if edited else ()) + (("similar",) if similar else ())
    grouping, labels = judged.pairs.take(judged.pairs.of_class(*removable)), Labels(table)

    def may_hang(row: int, keeper: int) -> bool:
        return not may_go_for(table, labels, row, keeper, label_conflicts)

    # What is protected never goes, so each of it may keep for others; what is double within it is grouped apart, to be reported.
    groups = []
    for stays, asks in ((is_protected, may_hang), (~is_protected, None)):
        if not stays[order].all():
            stars, held = group.group(order[first == order], len(table), grouping, stays, asks)
            groups.append((*_with_equal_content(judged, stars, grouping, stays), held))
    plan = decide(table, labels, groups, is_protected, removable, label_conflicts)
    is_removed, is_member = np.zeros(len(table), bool), np.zeros(len(table), bool)
    is_removed[plan.row[plan.action == "remove"]] = True
    for _, _, pair, _ in groups:
        is_member |= pair >= 0
    return Comparison(table, judged.all_pairs, plan, is_protected, is_removed, is_member, judged.counts, judged.evidence)


def _with_equal_content(judged: Judged, stars: Groups, found: Pairs, stays: Array) -> tuple[Array, Pairs, Array]:
    """Hang rows of repeated content on a keeper: what was measured of one holds for all of them."""
    content, at = judged.content
    own = ~stays[judged.order] & (judged.first != judged.order)
    row, best, same, at = judged.order[own], judged.first[own], judged.canonical[own], at[own]
    keeper, pair = stars.keeper.copy(), stars.pair.copy()
    # Another path of a file: that file stays, whatever hangs on what. Where the best row goes for another, so do all of its content.
    keeper[row] = np.where(same != row, same, stars.keeper[best])
    pair[row] = np.where((same != row) | (stars.keeper[best] == best), len(found) + at, stars.pair[best])
    return keeper, Pairs.concat([found, content]), pair
