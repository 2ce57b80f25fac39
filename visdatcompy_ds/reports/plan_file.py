"""A plan on disk: every action with what the files were like then, sealed by a checksum; and people's decisions that replace its own."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from visdatcompy_ds.base.arguments import path_bytes
from visdatcompy_ds.base.errors import ArgumentError, MissingSourceError, SourceError
from visdatcompy_ds.base.names import for_display, to_bytes, to_text
from visdatcompy_ds.base.tables import STATUSES, Array, Fingerprints, PlanTable
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.move import Facts
from visdatcompy_ds.reports import tables
from visdatcompy_ds.stages.act import Order, Orders, Side

FORMAT, VERSION = "visdatcompy_ds plan", 2
OVERRIDES, OVERRIDES_VERSION = "visdatcompy_ds overrides", 1
_FACTS = ("size_bytes", "mtime_ns", "device", "inode", "links", "ctime_ns", "sha256")
_COLUMNS = ("dataset", "id", "keeper_dataset", "keeper_id")


def seal(
    table: Fingerprints,
    plan: PlanTable,
    folders: Collection[bytes],
    protected: Collection[bytes],
    is_protected: Array,
    limits: decode.Limits,
    created: datetime.datetime,
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """Return a plan as it is saved.

    Parameters
    ----------
    table : Fingerprints
    plan : PlanTable
    folders, protected : collection of bytes
        Folders that were compared, and those of them of which nothing goes.
    is_protected : (n,) bool
        Rows of the table that never go.
    limits : Limits
        Within which the images were decoded.
    created : datetime
        When the files were looked at.
    versions : mapping of str to str
        Of the program and its decoders.
    """
    columns = tables.plan_columns(table, plan)
    deepest = sorted(folders, key=len, reverse=True)
    facts_of = functools.cache(lambda row: _facts(table, row, deepest, bool(is_protected[row])))  # a keeper stands in many lines
    images = {name: int((table.files.is_usable & (table.files.dataset == code)).sum()) for code, name in enumerate(table.files.names)}
    body: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "created": created.isoformat(timespec="seconds"),
        "versions": dict(versions),
        "limits": dataclasses.asdict(limits),
        "images": images,
        "protected": sorted(to_text(folder) for folder in protected),
        "entries": [
            {
                **{name: _json_value(column[at]) for name, column in columns.items()},
                "file": facts_of(int(plan.row[at])),
                "keeper_file": facts_of(int(plan.keeper[at])),
            }
            for at in range(len(plan))
        ],
    }
    body["checksum"] = checksum(body)
    return body


def checksum(body: Mapping[str, Any]) -> str:
    """Return the sha256 of a plan without its checksum, in canonical JSON."""
    rest = {name: value for name, value in body.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return a plan that was saved.

    Raises
    ------
    MissingSourceError, SourceError
        When it cannot be read.
    ArgumentError
        When it is no plan, one of another version, or not what was saved.
    """
    name = for_display(to_text(path_bytes(path)))
    body = _json(path, f"{name} is no plan", "Allowed: a plan.json that clean wrote, or Plan.save")
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise ArgumentError(f"{name} is no plan", "Allowed: a plan.json that clean wrote, or Plan.save")
    if body.get("version") != VERSION:
        raise ArgumentError(f"{name} has version {body.get('version')}", f"This program knows version {VERSION}", "Make the plan anew")
    if body.get("checksum") != checksum(body):
        raise ArgumentError(
            f"{name} is not what was saved: its checksum differs",
            "A plan is sealed, since each of its lines was confirmed",
            "Make it anew; decide otherwise by a file of overrides",
        )
    return body


def orders(body: Mapping[str, Any]) -> Orders:
    """Return what a plan tells a removal.

    Raises
    ------
    ArgumentError
        For a plan of another shape than :func:`seal` gives it.
    """
    try:
        return _orders(body)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _misshapen() from None


def _misshapen() -> ArgumentError:
    return ArgumentError("A plan of another shape", "Allowed: a plan.json that clean wrote, or Plan.save", "Make it anew")


def _orders(body: Mapping[str, Any]) -> Orders:
    entries = []
    for number, entry in enumerate(body["entries"]):
        image, keeper = _side(entry, "", "file"), _side(entry, "keeper_", "keeper_file")
        facts = (entry["action"], entry["class"], entry["reason"], entry["measure"], entry["score"])
        entries.append(Order(number, *facts, image, keeper))
    if not isinstance(body["images"], dict):
        raise TypeError(body["images"])
    roots = dict.fromkeys(order.image.facts.root for order in sorted(entries, key=lambda order: order.is_keeper))
    created = datetime.datetime.fromisoformat(body["created"]).timestamp()
    protected = tuple(to_bytes(folder) for folder in body["protected"])
    return Orders(body["checksum"], created, protected, tuple(roots), body["images"], tuple(entries))


def limits(body: Mapping[str, Any]) -> decode.Limits:
    """Return the limits within which the images of a plan were decoded."""
    try:
        return decode.Limits(**body["limits"])
    except (KeyError, TypeError):
        raise _misshapen() from None


def overrides(path: str | os.PathLike[str], plan_checksum: str) -> dict[tuple[str, str], str]:
    """Return the decisions of a file of overrides: (dataset, id) to "keep" or "remove".

    Raises
    ------
    ArgumentError
        When it is no such file, or overrides another plan.
    """
    name = for_display(to_text(path_bytes(path)))
    given = f"{name} is no file of overrides"
    shape = f'{{"format": "{OVERRIDES}", "version": 1, "plan": "…", "overrides": [{{"dataset": "…", "id": "…", "action": "keep"}}]}}'
    body = _json(path, given, f"Allowed: {shape}")
    is_ours = isinstance(body, dict) and (body.get("format"), body.get("version")) == (OVERRIDES, OVERRIDES_VERSION)
    listed = body.get("overrides") if is_ours else None
    fields = ("dataset", "id", "action")
    if not isinstance(listed, list) or not all(
        isinstance(one, dict) and all(isinstance(one.get(f), str) for f in fields) for one in listed
    ):
        raise ArgumentError(given, f"Allowed: {shape}")
    if body.get("plan") != plan_checksum:
        raise ArgumentError(f"{name} overrides another plan", f"This plan has the checksum {plan_checksum}", "Take the file made for it")
    wishes: dict[tuple[str, str], str] = {}
    for one in listed:
        if wishes.setdefault((one["dataset"], one["id"]), one["action"]) != one["action"]:
            twice = for_display(f"{one['dataset']}/{one['id']}")
            raise ArgumentError(f"{name} keeps and removes {twice}", "Each image has one decision", "Take one of them out")
    return wishes


def _json(path: str | os.PathLike[str], given: str, allowed: str) -> Any:
    raw = path_bytes(path)
    try:
        return json.loads(files.read(raw))
    except FileNotFoundError:
        raise MissingSourceError(f"No such file: {for_display(to_text(raw))}", "", "Check the spelling") from None
    except OSError as error:
        raise SourceError(f"Cannot read {for_display(to_text(raw))}: {files.describe(error)}") from None
    except (ValueError, RecursionError):
        raise ArgumentError(given, allowed) from None


def _json_value(value: Any) -> Any:
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not np.isfinite(plain) else plain


def _facts(table: Fingerprints, row: int, folders: Sequence[bytes], is_protected: bool) -> dict[str, Any]:
    """Return what a file was like when it was read: apply refuses one that has changed since."""
    listed, path = table.files, table.files.path[row]
    root = next((folder for folder in folders if path.startswith(os.path.join(folder, b""))), _root_of(path, to_bytes(listed.id[row])))
    flags = {"low_information": "low_information", "has_alpha": "alpha", "is_animated": "frames"}
    known = [says for name, says in flags.items() if table[name][row]] + (["depth"] if table["bit_depth"][row] > 8 else [])
    facts = {
        "root": to_text(root),
        "path": to_text(path[len(os.path.join(root, b"")) :]),
        **{name: int(getattr(listed, name)[row]) for name in ("size_bytes", "mtime_ns", "device", "inode")},
        "sha256": bytes(table["sha256"][row]).hex(),
        "pixels": int(table["width"][row]) * int(table["height"][row]),
        "status": STATUSES[int(listed.status[row])],
        "flags": known,
        "is_protected": is_protected,
    }
    try:
        info = os.stat(path)
    except OSError:
        return {**facts, "links": None, "ctime_ns": None}
    return {**facts, "links": info.st_nlink, "ctime_ns": info.st_ctime_ns}


def _root_of(path: bytes, file_id: bytes) -> bytes:
    """Return the folder below which a file that was listed by itself has its id."""
    end = os.sep.encode() + file_id.replace(b"/", os.sep.encode())
    return path[: -len(end)] or os.sep.encode() if path.endswith(end) else os.path.dirname(path)


def _side(entry: Mapping[str, Any], prefix: str, field: str) -> Side:
    held = entry[field]
    facts = Facts(to_bytes(held["root"]), to_bytes(held["path"]), *(held[name] for name in _FACTS))
    about = (held["pixels"], held["status"], frozenset(held["flags"]), held["is_protected"])
    return Side(entry[prefix + "dataset"], entry[prefix + "id"], facts, *about)
