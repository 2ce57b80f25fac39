"""Groups to a plan table: what stays, what goes and why. Touches nothing."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.tables import CLASSES, Array, Fingerprints, Pairs, PlanTable
from visdatcompy_ds.stages.group import describe

LINKED = "the same file stands under another path too: never removed"
SIDECAR_ENDINGS = (".txt", ".xml", ".json", ".xmp")


def decide(table: Fingerprints, groups: list[tuple[Array, Pairs, Array]], is_protected: Array, removable: tuple[str, ...]) -> PlanTable:
    """Turn groups into actions.

    Parameters
    ----------
    table : Fingerprints
    groups : list of (keeper, pairs, pair)
        Keepers by row, the evidence, and each row's position in it (-1 for none). A row is a member in one entry at most.
    is_protected : (n,) bool
        Rows that are never removed; duplicates among them are reported only.
    removable : tuple of str
        Classes to remove.
    """
    sidecars, is_linked = _sidecars(table), linked(table)
    rows: list[tuple[object, ...]] = []
    keepers: set[int] = set()
    for keeper, pairs, pair in groups:
        members = np.flatnonzero(pair >= 0)
        keepers.update(keeper[members].tolist())
        for row in members.tolist():
            at, stays = int(pair[row]), int(keeper[row])
            klass, stage = CLASSES[int(pairs.klass[at])], str(pairs.step[at])
            conflict = bool(table["label"][row] and table["label"][stays] and table["label"][row] != table["label"][stays])
            held_back = LINKED if is_linked[row] else _why_not(table, row, stays, klass, conflict, bool(is_protected[row]), removable)
            reason = held_back or _because(table, row, stays, klass)
            action = "keep" if held_back else "remove"
            measure, score, cutoff = str(pairs.measure[at]), pairs.score[at], pairs.cutoff[at]
            rows.append((row, action, klass, stage, reason, stays, measure, score, cutoff, sidecars.get(row, ""), conflict))
    for row in keepers.difference(entry[0] for entry in rows):
        reason = f"kept: {describe(table, row)}" + (", protected" if is_protected[row] else "")
        rows.append((row, "keep", "", "", reason, row, "", np.nan, np.nan, sidecars.get(row, ""), False))
    rows.sort(key=lambda entry: (entry[5], entry[0] != entry[5], entry[0]))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 11
    kinds = (np.int64, object, object, object, object, np.int64, object, np.float64, np.float64, object, bool)
    return PlanTable(*(_column(values, kind) for values, kind in zip(columns, kinds, strict=True)))


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


def _why_not(table: Fingerprints, row: int, keeper: int, klass: str, conflict: bool, is_protected: bool, removable: tuple[str, ...]) -> str:
    """Return why a duplicate stays all the same, "" when it may go."""
    if is_protected:
        return "protected: reported only"
    if klass not in removable:
        return f"{klass}: removed only on request"
    if conflict:
        return f"labels differ: {table['label'][row]} here, {table['label'][keeper]} on the other"
    if table.files.status[row] < table.files.status[keeper]:
        return "whole, while the other copy is not"
    pixels = table["width"].astype(np.int64) * table["height"]
    # 2 %: rounding of a resized side is no reason to keep two.
    if pixels[row] > 1.02 * pixels[keeper]:
        return f"larger than the copy we have: {describe(table, row)} against {describe(table, keeper)}"
    return ""


def _because(table: Fingerprints, row: int, keeper: int, klass: str) -> str:
    words = {"bytes": "same bytes as", "pixels": "same pixels as", "reencoded": "same shot, re-saved, as"}
    name = f"{table.files.dataset_name(keeper)}/{table.files.id[keeper]}"
    return f"{words.get(klass, klass + ' of')} {name} ({describe(table, keeper)})"


def _sidecars(table: Fingerprints) -> dict[int, str]:
    """Return, by row, the label files that lie beside an image under its stem."""
    present = {
        (int(d), file_id): True for d, file_id in zip(table.files.dataset, table.files.id, strict=True) if file_id.endswith(SIDECAR_ENDINGS)
    }
    if not present:
        return {}
    found = {}
    for row, file_id in enumerate(table.files.id.tolist()):
        stem = file_id.rsplit(".", 1)[0]
        dataset = int(table.files.dataset[row])
        names = [
            name
            for ending in SIDECAR_ENDINGS
            for name in (stem + ending, file_id + ending)
            if (dataset, name) in present and name != file_id
        ]
        if names:
            found[row] = "; ".join(names)
    return found
