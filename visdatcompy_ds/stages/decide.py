"""Groups to a plan table: what stays, what goes and why. Touches nothing."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.tables import CLASSES, Array, Fingerprints, Pairs, PlanTable
from visdatcompy_ds.stages.context import SIDECAR_ENDINGS
from visdatcompy_ds.stages.group import describe

LINKED = "the same file stands under another path too: never removed"


Evidence = tuple[Array, Pairs, Array, list[tuple[int, int, int]]]


def decide(table: Fingerprints, groups: list[Evidence], is_protected: Array, removable: tuple[str, ...]) -> PlanTable:
    """Turn groups into actions.

    Parameters
    ----------
    table : Fingerprints
    groups : list of (keeper, pairs, pair, held)
        Keepers by row, the evidence, each row's position in it (-1 for none), and the rows held back from a keeper. A row is a member
        in one entry at most.
    is_protected : (n,) bool
        Rows that are never removed; duplicates among them are reported only.
    removable : tuple of str
        Classes to remove.
    """
    sidecars, is_linked = _sidecars(table), linked(table)
    rows: dict[int, tuple[object, ...]] = {}
    keepers: set[int] = set()
    for keeper, pairs, pair, held in groups:
        members = [(row, int(keeper[row]), int(pair[row])) for row in np.flatnonzero(pair >= 0).tolist()]
        for row, stays, at in [*members, *(entry for entry in held if pair[entry[0]] < 0)]:
            keepers.add(stays)
            klass, stage = CLASSES[int(pairs.klass[at])], str(pairs.step[at])
            held_back = _why_not(table, row, stays, klass, bool(is_linked[row]), bool(is_protected[row]), removable)
            reason = held_back or _because(table, row, stays, klass)
            action = "keep" if held_back else "remove"
            measure, score, cutoff = str(pairs.measure[at]), pairs.score[at], pairs.cutoff[at]
            conflict = labels_differ(table, row, stays)
            rows[row] = (row, action, klass, stage, reason, stays, measure, score, cutoff, sidecars.get(row, ""), conflict)
    for row in keepers - rows.keys():
        reason = f"kept: {describe(table, row)}" + (", protected" if is_protected[row] else "")
        rows[row] = (row, "keep", "", "", reason, row, "", np.nan, np.nan, sidecars.get(row, ""), False)
    ordered = sorted(rows.values(), key=lambda entry: (entry[5], entry[0] != entry[5], entry[0]))
    columns = list(zip(*ordered, strict=True)) if rows else [()] * 11
    kinds = (np.int64, object, object, object, object, np.int64, object, np.float64, np.float64, object, bool)
    return PlanTable(*(_column(values, kind) for values, kind in zip(columns, kinds, strict=True)))


def labels_differ(table: Fingerprints, row: int, keeper: int) -> bool:
    """Tell whether both are labelled, and differently."""
    mine, other = table["label"][row], table["label"][keeper]
    return bool(mine and other and mine != other)


def may_go_for(table: Fingerprints, row: int, keeper: int) -> str:
    """Return "" where a row may go because of this keeper, else why it may not."""
    if labels_differ(table, row, keeper):
        return f"labels differ: {table['label'][row]} here, {table['label'][keeper]} on the other"
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
    files = table.files
    identity = np.column_stack([files.device, files.inode])
    _, inverse, counts = np.unique(identity, axis=0, return_inverse=True, return_counts=True)
    several: Array = (counts[inverse.reshape(-1)] > 1) & (files.inode != 0)
    return several


def _column(values: tuple[object, ...], kind: type) -> Array:
    out: Array = np.empty(len(values), kind)
    out[:] = values
    return out


def _why_not(
    table: Fingerprints, row: int, keeper: int, klass: str, is_linked: bool, is_protected: bool, removable: tuple[str, ...]
) -> str:
    """Return why a duplicate stays all the same, "" when it may go."""
    if klass == "same_file" or is_linked:
        return LINKED
    if is_protected:
        return "protected: reported only"
    if klass not in removable:
        return f"{klass}: removed only on request"
    return may_go_for(table, row, keeper)


def _because(table: Fingerprints, row: int, keeper: int, klass: str) -> str:
    words = {"bytes": "same bytes as", "pixels": "same pixels as", "reencoded": "same shot, re-saved, as"}
    name = f"{table.files.dataset_name(keeper)}/{table.files.id[keeper]}"
    return f"{words.get(klass, klass + ' of')} {name} ({describe(table, keeper)})"


def _sidecars(table: Fingerprints) -> dict[int, str]:
    """Return, by row, the label files that lie beside an image under its stem."""
    present: dict[tuple[int, str], list[str]] = {}
    for dataset, file_id in zip(table.files.dataset.tolist(), table.files.id.tolist(), strict=True):
        if file_id.lower().endswith(SIDECAR_ENDINGS):
            present.setdefault((dataset, file_id.rsplit(".", 1)[0]), []).append(file_id)
    found = {}
    for row in np.flatnonzero(table["has_sidecar"]).tolist():
        dataset, file_id = int(table.files.dataset[row]), str(table.files.id[row])
        names = {name for stem in (file_id, file_id.rsplit(".", 1)[0]) for name in present.get((dataset, stem), [])} - {file_id}
        found[row] = "; ".join(sorted(names))
    return found
