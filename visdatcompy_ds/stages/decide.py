"""Groups to a plan table: what stays, what goes and why. Touches nothing."""

from __future__ import annotations

import contextlib
import os

import numpy as np

from visdatcompy_ds.base.tables import CLASSES, Array, Fingerprints, Pairs, PlanTable
from visdatcompy_ds.engine import files
from visdatcompy_ds.stages.context import label_files, label_keys, with_labels
from visdatcompy_ds.stages.group import describe

LINKED = "the same file stands under another path too: never removed"


Evidence = tuple[Array, Pairs, Array, list[tuple[int, int, int]]]


def decide(
    table: Fingerprints, groups: list[Evidence], is_protected: Array, removable: tuple[str, ...], label_conflicts: bool = False
) -> PlanTable:
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
    label_conflicts : bool
        Remove copies labelled differently, too.
    """
    sidecars, is_linked = _sidecars(table), linked(table)
    rows: dict[int, tuple[object, ...]] = {}
    keepers: set[int] = set()
    for keeper, pairs, pair, held in groups:
        members = [(row, int(keeper[row]), int(pair[row])) for row in np.flatnonzero(pair >= 0).tolist()]
        for row, stays, at in [*members, *(entry for entry in held if pair[entry[0]] < 0)]:
            keepers.add(stays)
            klass, stage = CLASSES[int(pairs.klass[at])], str(pairs.step[at])
            held_back = _why_not(table, row, stays, klass, bool(is_linked[row]), bool(is_protected[row]), removable, label_conflicts)
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
    """Tell whether both are labelled, and differently: by their folders, or by what their YOLO label files say."""
    mine, other = table["label"][row], table["label"][keeper]
    if mine and other and mine != other:
        return True
    if not (table["has_sidecar"][row] and table["has_sidecar"][keeper]):
        return False
    said, other_said = (_annotations(table.files.path[one]) for one in (row, keeper))
    return said is not None and other_said is not None and said != other_said


def _annotations(path: bytes) -> list[bytes] | None:
    """Return the lines of the YOLO label file of an image, sorted; None where there is none."""
    stem = os.path.splitext(path)[0]
    for name in (stem, with_labels(stem)):
        with contextlib.suppress(OSError):
            return sorted(line.strip() for line in files.read(name + b".txt").splitlines() if line.strip())
    return None


def may_go_for(table: Fingerprints, row: int, keeper: int, label_conflicts: bool = False) -> str:
    """Return "" where a row may go because of this keeper, else why it may not."""
    if not label_conflicts and labels_differ(table, row, keeper):
        mine, other = table["label"][row], table["label"][keeper]
        return f"labels differ: {mine} here, {other} on the other" if mine != other else "labels differ: in the files beside them"
    if table["has_sidecar"][row] and not table["has_sidecar"][keeper]:
        return "labelled, while the copy we have is not"
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
    table: Fingerprints,
    row: int,
    keeper: int,
    klass: str,
    is_linked: bool,
    is_protected: bool,
    removable: tuple[str, ...],
    label_conflicts: bool,
) -> str:
    """Return why a duplicate stays all the same, "" when it may go."""
    if klass == "same_file" or is_linked:
        return LINKED
    if is_protected:
        return "protected: reported only"
    if klass not in removable:
        return f"{klass}: removed only on request"
    return may_go_for(table, row, keeper, label_conflicts)


def _because(table: Fingerprints, row: int, keeper: int, klass: str) -> str:
    words = {"bytes": "same bytes as", "pixels": "same pixels as", "reencoded": "same shot, re-saved, as"}
    name = f"{table.files.dataset_name(keeper)}/{table.files.id[keeper]}"
    return f"{words.get(klass, klass + ' of')} {name} ({describe(table, keeper)})"


def _sidecars(table: Fingerprints) -> dict[int, str]:
    """Return, by row, the label files that belong to an image."""
    rows = np.flatnonzero(table["has_sidecar"]).tolist()
    present, listed = label_files(table.files) if rows else {}, table.files
    found = {}
    for row in rows:
        names = {name for key in label_keys(listed.id[row]) for name in present.get((int(listed.dataset[row]), key), [])}
        found[row] = "; ".join(sorted(names - {listed.id[row]}))
    return found
