"""Groups to a plan table: what stays, what goes and why. Touches nothing."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.names import for_display
from visdatcompy_ds.base.tables import CLASSES, Array, Fingerprints, Pairs, PlanTable
from visdatcompy_ds.stages.candidates.distinct import file_numbers
from visdatcompy_ds.stages.group import describe
from visdatcompy_ds.stages.labels import DIFFER, Labels

LINKED = "the same file stands under another path too: never removed"


Evidence = tuple[Array, Pairs, Array, list[tuple[int, int, int]]]


def decide(
    table: Fingerprints,
    labels: Labels,
    groups: list[Evidence],
    is_protected: Array,
    removable: tuple[str, ...],
    label_conflicts: bool = False,
) -> PlanTable:
    """Turn groups into actions.

    Parameters
    ----------
    table : Fingerprints
    labels : Labels
        Of the table.
    groups : list of (keeper, pairs, pair, held)
        Keepers by row, the evidence, each row's position in it (-1 for none), and the rows held back from a keeper. A row is a member
        in one entry at most.
    is_protected : (n,) bool
        Rows that are never removed; duplicates among them are reported only.
    removable : tuple of str
        Classes to remove.
    label_conflicts : bool
        Remove copies labelled differently, too.
    """
    is_linked = linked(table)
    rows: dict[int, tuple[object, ...]] = {}
    keepers: set[int] = set()
    for keeper, pairs, pair, held in groups:
        members = [(row, int(keeper[row]), int(pair[row])) for row in np.flatnonzero(pair >= 0).tolist()]
        for row, stays, at in [*members, *(entry for entry in held if pair[entry[0]] < 0)]:
            keepers.add(stays)
            klass, stage = CLASSES[int(pairs.klass[at])], str(pairs.step[at])
            conflict = labels.compare(row, stays) == DIFFER
            held_back = _why_not(klass, bool(is_linked[row]), bool(is_protected[row]), removable) or may_go_for(
                table, labels, row, stays, label_conflicts
            )
            reason = held_back or _because(table, row, stays, klass)
            action = "keep" if held_back else "remove"
            measure, score, cutoff = str(pairs.measure[at]), pairs.score[at], pairs.cutoff[at]
            rows[row] = (row, action, klass, stage, reason, stays, measure, score, cutoff, labels.names(row), conflict)
    for row in keepers - rows.keys():
        reason = f"kept: {describe(table, row)}" + (", protected" if is_protected[row] else "")
        rows[row] = (row, "keep", "", "", reason, row, "", np.nan, np.nan, labels.names(row), False)
    ordered = sorted(rows.values(), key=lambda entry: (entry[5], entry[0] != entry[5], entry[0]))
    columns = list(zip(*ordered, strict=True)) if rows else [()] * 11
    kinds = (np.int64, object, object, object, object, np.int64, object, np.float64, np.float64, object, bool)
    return PlanTable(*(_column(values, kind) for values, kind in zip(columns, kinds, strict=True)))


def may_go_for(table: Fingerprints, labels: Labels, row: int, keeper: int, label_conflicts: bool = False) -> str:
    """Return "" where a row may go because of this keeper, else why it may not."""
    if not label_conflicts and labels.compare(row, keeper) == DIFFER:
        mine, other = table["label"][row], table["label"][keeper]
        return f"labels differ: {mine} here, {other} on the other" if mine != other else "labels differ: in the files beside them"
    kinds = labels.kinds(row)
    if kinds and not kinds <= labels.kinds(keeper):
        return "labelled, while the copy we have is not"
    if kinds and (outside := labels.outside(row)):
        return f"labels would stay behind: {for_display(outside)} lies outside the folder compared"
    if table.files.status[row] < table.files.status[keeper]:
        return "whole, while the other copy is not"
    # 2 %: rounding of a resized side is no reason to keep two.
    if _pixels(table, row) > 1.02 * _pixels(table, keeper):
        return f"larger than the copy we have: {describe(table, row)} against {describe(table, keeper)}"
    return ""


def _pixels(table: Fingerprints, row: int) -> int:
    return int(table["width"][row]) * int(table["height"][row])


def linked(table: Fingerprints) -> Array:
    """Return a mask of the rows whose file stands in the table under another path as well."""
    numbers = file_numbers(table)
    several: Array = np.bincount(numbers, minlength=len(table))[numbers] > 1
    return several


def _column(values: tuple[object, ...], kind: type) -> Array:
    out: Array = np.empty(len(values), kind)
    out[:] = values
    return out


def _why_not(klass: str, is_linked: bool, is_protected: bool, removable: tuple[str, ...]) -> str:
    """Return why a duplicate stays whichever copy it has, "" when it may go."""
    if klass == "same_file" or is_linked:
        return LINKED
    if is_protected:
        return "protected: reported only"
    return "" if klass in removable else f"{klass}: removed only on request"


def _because(table: Fingerprints, row: int, keeper: int, klass: str) -> str:
    words = {"bytes": "same bytes as", "pixels": "same pixels as", "reencoded": "same shot, re-saved, as"}
    name = f"{table.files.dataset_name(keeper)}/{table.files.id[keeper]}"
    return f"{words.get(klass, klass + ' of')} {name} ({describe(table, keeper)})"
