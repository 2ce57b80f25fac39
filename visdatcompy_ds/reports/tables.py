"""Tables on disk: CSV for spreadsheets, JSON for exactness. Written whole or not at all."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.arguments import path_bytes
from visdatcompy_ds.base.errors import OutputError
from visdatcompy_ds.base.names import to_text
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.base.tables import CLASSES, STATUSES, Array, Fingerprints, Pairs, PlanTable, SelectionTable, object_array, text_array
from visdatcompy_ds.catalog.turns import TURNS
from visdatcompy_ds.engine import files
from visdatcompy_ds.stages.candidates.near import Near
from visdatcompy_ds.stages.explore import is_misnamed
from visdatcompy_ds.stages.features import Evidence

if TYPE_CHECKING:
    import pandas as pd

Columns = dict[str, Sequence[Any] | Array]
_BLOCK = 20_000  # rows of a large table made into text at a time
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def check_folder(folder: str | os.PathLike[str]) -> Path:
    """Return `folder` as a path where results may go: new, empty, or holding only our mark."""
    path = Path(os.fsdecode(path_bytes(folder, "folder")))
    try:
        if path.exists() and not path.is_dir():
            raise OutputError(f"{path} is a file", "Results go into a new or empty folder", "Choose another one")
        if path.exists() and any(entry.name != os.fsdecode(files.MARKER) for entry in path.iterdir()):
            raise OutputError(f"{path} holds files already", "Results go into a new or empty folder", "Choose another one, or move it away")
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"Cannot write to {path}: {files.describe(error)}", "", "Choose another folder") from None
    return path


def prepare_folder(folder: str | os.PathLike[str]) -> Path:
    """Make a folder for results and mark it, so that no scan takes it for a source.

    Raises
    ------
    OutputError
        When the folder holds anything already (results of two runs are never mixed), or cannot be written.
    """
    path = check_folder(folder)
    make_folder(path)
    return path


def make_folder(path: Path) -> None:
    """Make a folder and mark it as one of results, whatever it holds already."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        files.write_atomically(path / os.fsdecode(files.MARKER), b"Results of visdatcompy_ds; this folder is not scanned as a source.\n")
    except OSError as error:
        raise OutputError(f"Cannot write to {path}: {files.describe(error)}", "", "Choose another folder, or check permissions") from None


def save(path: str | os.PathLike[str], data: bytes) -> None:
    """Write one file of results; its folder is made where needed."""
    target = os.fsdecode(path_bytes(path))
    try:
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        files.write_atomically(target, data)
    except OSError as error:
        raise OutputError(f"Cannot write {target}: {files.describe(error)}", "", "Check space and permissions") from None


def to_csv(columns: Columns) -> bytes:
    """Return a CSV table that spreadsheets open without running anything: all cells quoted, formulas disarmed by an apostrophe."""
    return _to_csv(list(columns), list(columns.values()))


def _to_csv(names: Sequence[str], columns: Sequence[Sequence[Any] | Array]) -> bytes:
    rows = zip(*(_cells(column) for column in columns), strict=True)
    # As csv.writer quotes all, at a fifth of its time.
    lines = ('"' + '","'.join(cells) + '"\n' for cells in itertools.chain([_cells(names)], rows))
    return "".join(lines).encode("utf-8", "backslashreplace")


def images_csv(table: Fingerprints) -> bytes:
    """Return images.csv, made block by block: the texts of all rows at once would take many times their room."""
    starts = range(0, max(len(table), 1), _BLOCK)
    blocks = (to_csv(image_columns(table.take(slice(start, start + _BLOCK)))) for start in starts)
    return b"".join(block if not at else block[block.index(b"\n") + 1 :] for at, block in enumerate(blocks))


def frame_csv(frame: pd.DataFrame) -> bytes:
    """Return a DataFrame as :func:`to_csv` gives tables; an index that says something is the first column."""
    is_numbered = frame.index.name is None and list(frame.index) == list(range(len(frame)))
    names = [] if is_numbered else [str(frame.index.name or "id")]
    columns: list[Sequence[Any] | Array] = [] if is_numbered else [list(frame.index)]
    columns += [frame.iloc[:, at].to_numpy() for at in range(frame.shape[1])]
    return _to_csv([*names, *map(str, frame.columns)], columns)


def _cells(column: Sequence[Any] | Array) -> list[str]:
    if isinstance(column, np.ndarray):
        if column.dtype.kind in "iu":
            return list(map(str, column.tolist()))
        if column.dtype.kind == "M":
            return ["" if text == "NaT" else text for text in column.astype(str).tolist()]
        if column.dtype.kind == "f":
            return ["" if value != value else f"{value:.6g}" for value in column.tolist()]
        column = column.tolist() if column.dtype.kind == "O" else list(column)
    kinds = set(map(type, column))
    if kinds == {str}:
        return [_text_cell(value) for value in column]
    if len(kinds - {type(None)}) == 1 and kinds <= {int, bool, type(None)}:  # each value once: most columns repeat a few
        made = {value: _cell(value) for value in set(column)}
        return [made[value] for value in column]
    return [_cell(value) for value in column]


def _text_cell(value: str) -> str:
    return ("'" + value if value.startswith(_FORMULA) else value).replace('"', '""')


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return _text_cell(value)
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, np.datetime64):
        return "" if np.isnat(value) else str(value)
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else f"{float(value):.6g}"
    return "" if value is None or type(value).__name__ == "NAType" else str(value).replace('"', '""')


def to_json(value: Any) -> bytes:
    """Return JSON in a fixed form, readable by eye; what JSON has no number for is null (missing) or the text "inf" or "-inf"."""
    try:
        text = json.dumps(value, indent=1, ensure_ascii=False, default=_plain, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), indent=1, ensure_ascii=False, default=_plain, allow_nan=False)
    return (text + "\n").encode("utf-8", "backslashreplace")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_finite(part) for part in value]
    if isinstance(value, (float, np.floating)) and not np.isfinite(value):
        return None if np.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)


def names_of(table: Fingerprints, rows: Array) -> tuple[list[str], list[str]]:
    """Return dataset names and ids of rows; "" for -1."""
    known = [(table.files.dataset_name(row), table.files.id[row]) if row >= 0 else ("", "") for row in rows.tolist()]
    return [name for name, _ in known], [file_id for _, file_id in known]


def image_columns(table: Fingerprints) -> Columns:
    """Return the columns of images.csv: one row per file found, whatever became of it."""
    n = len(table)
    names, ids = names_of(table, np.arange(n))
    known = table["width"] > 0
    columns: Columns = {
        "dataset": names,
        "id": ids,
        "path": [to_text(path) for path in table.files.path],
        "status": [STATUSES[code] for code in table.files.status.tolist()],
        "reason": _reasons(table),
        "size_bytes": table.files.size_bytes,
        "sha256": _hex_digests(table["sha256"]),
        "width": _where(table["width"], known),
        "height": _where(table["height"], known),
    }
    for name in ("station", "camera", "taken", "taken_source", "event", "label"):
        columns[name] = table[name]
    columns["is_grey"] = _where(table["is_grey"], table["decoded"])
    columns["brightness"], columns["sharpness"] = table["brightness"], table["sharpness"]
    return columns


def _reasons(table: Fingerprints) -> Array:
    """Return why, for every status but ok; of an image whose name says another format than its content, what it is."""
    rows = zip(table.files.reason.tolist(), table.files.id.tolist(), table["format"].tolist(), strict=True)
    return text_array(reason or (f"{kind} by its content" if is_misnamed(name, kind) else "") for reason, name, kind in rows)


def _where(column: Array, is_known: Array) -> list[Any]:
    return [value if known else None for value, known in zip(column.tolist(), is_known.tolist(), strict=True)]


def _hex_digests(digests: Array) -> list[str]:
    text = digests.tobytes().hex()
    return [text[at : at + 64] if text[at : at + 64] != "0" * 64 else "" for at in range(0, len(text), 64)]


def pair_columns(table: Fingerprints, pairs: Pairs, evidence: Mapping[tuple[int, int], Evidence] | None = None) -> Columns:
    """Return the columns of pairs.csv; `evidence` is that of pairs by features."""
    (left_names, left_ids), (right_names, right_ids) = names_of(table, pairs.left), names_of(table, pairs.right)
    held = [(evidence or {}).get(pair) for pair in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)]
    return {
        "left_dataset": left_names,
        "left_id": left_ids,
        "right_dataset": right_names,
        "right_id": right_ids,
        "class": [CLASSES[code] for code in pairs.klass],
        "step": list(pairs.step),
        "measure": list(pairs.measure),
        "score": list(pairs.score),
        "cutoff": list(pairs.cutoff),
        "transform": list(pairs.transform),
        "inliers": [None if one is None else one.inliers for one in held],
        "overlap": [None if one is None else one.overlap for one in held],
    }


def near_columns(table: Fingerprints, near: Near, expand: bool) -> Columns:
    """Return the columns of pairs by hash; an entry of equal codes with the ids of all that have them."""
    columns = sides_columns(table, near.left, near.right)
    columns["distance"], columns["transform"] = near.distance, text_array(TURNS[turn] for turn in near.turn.tolist())
    if expand:
        return columns
    columns["pair_count"] = near.pairs
    sides = (("left_members", near.left_items, near.left_item), ("right_members", near.right_items, near.right_item))
    for name, items, item in sides:
        # One tuple per item, shared by all entries it stands in: an item may have a hundred thousand members.
        members = {at: tuple(table.files.id[items.members(at)].tolist()) for at in np.unique(item).tolist()}
        columns[name] = object_array(members[at] for at in item.tolist())
    return columns


def scored_columns(table: Fingerprints, left: Array, right: Array, score: Array) -> Columns:
    """Return the columns of pairs by a metric."""
    return {**sides_columns(table, left, right), "score": score}


def sides_columns(table: Fingerprints, left: Array, right: Array) -> Columns:
    """Return the names of both sides of pairs."""
    (left_names, left_ids), (right_names, right_ids) = names_of(table, left), names_of(table, right)
    return {
        "left_dataset": text_array(left_names),
        "left_id": text_array(left_ids),
        "right_dataset": text_array(right_names),
        "right_id": text_array(right_ids),
    }


def group_columns(table: Fingerprints, group: Array, row: Array, is_keeper: Array, distance: Array) -> Columns:
    """Return the columns of groups, a row per image."""
    names, ids = names_of(table, row)
    return {"group": group, "dataset": text_array(names), "id": text_array(ids), "is_keeper": is_keeper, "distance": distance}


PLAN = (
    *("dataset", "id", "action", "class", "stage", "reason", "keeper_dataset", "keeper_id"),
    *("measure", "score", "cutoff", "sidecars", "label_conflict"),
)


def plan_columns(table: Fingerprints, plan: PlanTable) -> Columns:
    """Return the columns of plan.csv."""
    (names, ids), (keeper_names, keeper_ids) = names_of(table, plan.row), names_of(table, plan.keeper)
    middle = {"action": plan.action, "class": plan.klass, "stage": plan.stage, "reason": plan.reason}
    last = {
        "measure": plan.measure,
        "score": plan.score,
        "cutoff": plan.cutoff,
        "sidecars": plan.sidecars,
        "label_conflict": plan.label_conflict,
    }
    columns: Columns = {"dataset": names, "id": ids, **{name: list(column) for name, column in middle.items()}}
    return {**columns, "keeper_dataset": keeper_names, "keeper_id": keeper_ids, **{name: list(column) for name, column in last.items()}}


def problem_columns(table: Fingerprints) -> Columns:
    """Return the columns of problems.csv: every image by name that cannot be used."""
    at = np.flatnonzero(~table.files.is_usable & ~table.files.has_status(Status.SKIPPED))
    columns = image_columns(table.take(at))
    return {name: columns[name] for name in ("dataset", "id", "path", "status", "reason", "size_bytes")}


def selection_columns(table: Fingerprints, chosen: SelectionTable) -> Columns:
    """Return the columns of selected.csv."""
    names, ids = names_of(table, chosen.row)
    given_names, given_ids = names_of(table, chosen.nearest_given)
    return {
        "rank": list(chosen.rank),
        "dataset": names,
        "id": ids,
        "path": [to_text(table.files.path[row]) for row in chosen.row],
        "station": list(table["station"][chosen.row]),
        "event": list(table["event"][chosen.row]),
        "bucket": list(chosen.bucket),
        "nearest_given_id": [f"{name}/{file_id}" if name else "" for name, file_id in zip(given_names, given_ids, strict=True)],
        "nearest_given_distance": list(chosen.nearest_given_distance),
    }
