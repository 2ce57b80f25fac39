"""What of test is in train: the table, and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.names import for_display
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.base.tables import Array, Fingerprints, object_array
from visdatcompy_ds.catalog.leaks import COPIES, LEVELS
from visdatcompy_ds.reports import tables, text
from visdatcompy_ds.reports.text import counted
from visdatcompy_ds.stages.compare import Judged
from visdatcompy_ds.stages.labels import AGREE, DIFFER, UNKNOWN, Labels
from visdatcompy_ds.stages.leakage import UNDECIDED, UNREAD, Leaks
from visdatcompy_ds.stages.whereabouts import waiting

if TYPE_CHECKING:
    import pandas as pd

_EXAMPLES = 3


def columns(table: Fingerprints, found: Leaks) -> dict[str, Any]:
    """Return the columns of leakage.csv: one row per test image."""
    (test_names, test_ids), (train_names, train_ids) = tables.names_of(table, found.row), tables.names_of(table, found.train)
    labels, train_labels = _labels(table, found.row), _labels(table, found.train)
    return {
        "test_dataset": object_array(test_names),
        "test_id": object_array(test_ids),
        "level": found.level,
        "train_dataset": object_array(train_names),
        "train_id": object_array(train_ids),
        "measure": found.measure,
        "score": found.score,
        "cutoff": found.cutoff,
        "test_label": object_array(labels),
        "train_label": object_array(train_labels),
        "labels_agree": object_array(_agreement(table, found)),
    }


def facts(judged: Judged, is_train: Array, found: Leaks, agree: Sequence[bool | None]) -> dict[str, Any]:
    """Return counts as plain data: what :func:`words` says in words; `agree` as in the columns."""
    table = judged.table
    names = ["+".join(table.files.names[code] for code in np.unique(table.files.dataset[side])) for side in (is_train, ~is_train)]
    is_train_image = ~table.files.has_status(Status.SKIPPED) & is_train
    return {
        "train": names[0],
        "test": names[1],
        "train_images": int(is_train_image.sum()),
        "test_images": len(found),
        "levels": {level: int((found.level == level).sum()) for level in LEVELS},
        "unread": int((found.level == UNREAD).sum()),
        "train_unread": int((is_train_image & ~(table.files.is_usable & table["decoded"])).sum()),
        "clean": int((found.level == "").sum()),
        "undecided": int(found.is_open.sum()),
        "waiting": waiting(table, judged.pairs),
        "labels_agree": agree.count(True),
        "labels_disagree": agree.count(False),
    }


def _agreement(table: Fingerprints, found: Leaks) -> list[bool | None]:
    """Return whether each copy is labelled as its train image is; None where that is not known, and for another shot of a place."""
    labels = Labels(table)
    answers: dict[str, bool | None] = {AGREE: True, DIFFER: False, UNKNOWN: None}
    rows = zip(found.row.tolist(), found.train.tolist(), found.level.tolist(), strict=True)
    return [answers[labels.compare(row, train)] if level in COPIES else None for row, train, level in rows]


def _labels(table: Fingerprints, rows: Array) -> list[str]:
    return [table["label"][row] if row >= 0 else "" for row in rows.tolist()]


def words(found: pd.DataFrame) -> str:
    """Return what was found, in words: counts by level with a few examples each, label conflicts, and what could not be read."""
    facts: dict[Any, Any] = found.attrs
    copies = sum(facts["levels"][level] for level in COPIES)
    near = sum(facts["levels"].values()) - copies
    test = f"{for_display(facts['test'])} (test, {counted(facts['test_images'], 'image')})"
    train = f"{for_display(facts['train'])} (train, {counted(facts['train_images'], 'image')})"
    parts = {
        "in train": copies,
        "shot at its events or stations": near,
        "could not be read": facts["unread"],
        "cannot be told": int((found["level"] == UNDECIDED).sum()),
        "clean": facts["clean"],
    }
    told = [f"{count} {what}" for what, count in parts.items() if count or what in ("in train", "clean")]
    lines = [f"{test} against {train}: {', '.join(told)}"]
    for level, count in facts["levels"].items():
        if count:
            lines.append(f"  {level:<9} {count:>6}  {LEVELS[level]}")
            some = found[found["level"] == level]
            lines += [f"      {_example(row)}" for row in some.head(_EXAMPLES).itertuples()]
            lines += [f"      … and {count - _EXAMPLES} more"] if count > _EXAMPLES else []
    conflicts = found[found["level"].isin(list(COPIES)) & ~found["labels_agree"].fillna(True)]
    if len(conflicts):
        lines.append(f"Copies that are labelled differently: {len(conflicts)}")
        for row in conflicts.head(_EXAMPLES).itertuples():
            told_by = "in their label files"
            if row.test_label != row.train_label:
                told_by = f"{for_display(row.test_label)} in test, {for_display(row.train_label)} in train"
            lines.append(f"      {_example(row)}: {told_by}")
    if facts["undecided"]:
        lines.append(
            f"It cannot be told whether they are copies, for they show too little or are too much like a train image: "
            f"{counted(facts['undecided'], 'image')} of test, not called clean"
        )
    lines += text.waiting(facts["waiting"])
    for side, count in (("test", facts["unread"]), ("train", facts["train_unread"])):
        if count:
            means = "cannot be called clean" if side == "test" else "may hide further leaks"
            lines.append(f"Could not be read in {side}: {counted(count, 'image')}, which {means}")
    return "\n".join(lines)


def _example(row: Any) -> str:
    names = for_display(row.test_id), for_display(row.train_id)
    if row.level not in COPIES:
        return f"{names[0]}, near {names[1]}" + (f" ({_apart(row.score)} apart)" if row.measure == "seconds apart" else "")
    measured = f" ({row.measure} {row.score:.3g})" if row.level in ("reencoded", "edited") else ""
    return f"{names[0]} = {names[1]}{measured}"


def _apart(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.3g} s"
