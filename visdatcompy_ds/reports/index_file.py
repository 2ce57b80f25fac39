"""A dataset on disk: all that was measured of each file, in one sealed file that needs no photo to be read; and where its photos are.

The file is a zip of ``index.json`` and NumPy arrays, so that ``numpy.load`` opens it too. Its last bytes are the sha256 of all before them.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import io
import itertools
import json
import os
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from visdatcompy_ds.base.arguments import path_bytes
from visdatcompy_ds.base.errors import ArgumentError, MissingSourceError, OutputError, SourceError
from visdatcompy_ds.base.names import for_display, to_bytes, to_text
from visdatcompy_ds.base.tables import STATUSES, Array, Files, Fingerprints, object_array
from visdatcompy_ds.catalog.probes import PROBES
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.versions import versions
from visdatcompy_ds.reports import tables
from visdatcompy_ds.stages import context, whereabouts
from visdatcompy_ds.stages.whereabouts import ENDING

FORMAT, VERSION = "visdatcompy_ds index", 1
# What may be given anew for a saved dataset, and what a scan of folders alone can follow; with the values that ask for nothing.
RULES: dict[str, Any] = {"station": "folder:1", "label": None, "gap_s": 60}
OF_A_SCAN: dict[str, Any] = {"recursive": True, "include": None, "exclude": None, "limits": None}

_FACTS = "visdatcompy_ds.json"  # the first member: a file of ours is known by its first bytes, also where the rest is lost
_HEAD = b"PK\x03\x04"
_SEAL = b"visdatcompy_ds index, sha256 "
_TRIED = 65_536  # bytes of a member that show whether it gets smaller
_UNPACKED = 64  # an honest index unpacks to a few times its size, with the longest of paths to thirty times
_NO_INDEX = f"Allowed: a {ENDING} that visdatcompy-ds index wrote, or Dataset.save"


@dataclasses.dataclass(frozen=True)
class Index:
    """What an index says besides its table.

    Attributes
    ----------
    file : bytes
        Where it was read from.
    saved : str
        When, in UTC.
    source : str, dict or list
        Of the dataset, as it was given.
    folders : tuple of str
        In which its photos are.
    rules : list of dict
        Station, label and gap_s by dataset; a rule that was a function is the text "function".
    limits : Limits
    """

    file: bytes
    saved: str
    source: Any
    folders: tuple[str, ...]
    rules: list[dict[str, Any]]
    limits: decode.Limits


class Saved(NamedTuple):
    """What a Dataset holds besides its table."""

    source: Any
    folders: list[str]
    rules: list[dict[str, Any]]
    limits: decode.Limits
    homes: tuple[whereabouts.Home, ...]


def save(
    path: str | os.PathLike[str],
    table: Callable[[], Fingerprints],
    source: Any,
    folders: Sequence[str],
    rules: Sequence[Mapping[str, Any]],
    limits: decode.Limits,
) -> Path:
    """Write an index, whole or not at all, and return where; one of ours is replaced, nothing else is.

    Parameters
    ----------
    path : path
        A name without an ending gets ``.vdx``.
    table : callable
        Gives the table to save; called when it is known that the file may be written.
    source, folders, rules, limits
        Of the dataset.

    Raises
    ------
    ArgumentError
        For another ending: folders with such a file would not pass over it.
    OutputError
        When something else has this name, or it cannot be written.
    """
    target = Path(os.fsdecode(path_bytes(path)))
    if not target.suffix:
        target = target.with_name(target.name + ENDING)
    shown = for_display(to_text(os.fsencode(target)))
    if target.suffix.lower() != ENDING:
        raise ArgumentError(f"The index {shown}", f"Allowed: a name that ends with {ENDING}, or has no ending", f"{shown}{ENDING}")
    if os.path.lexists(target) and not _is_ours(os.fsencode(target)):
        raise OutputError(f"{shown} is there, and is no index", "Only an index is replaced", "Choose another name, or move it away")
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    tables.save(target, sealed(table(), source, folders, rules, limits, now))
    return target


def _is_ours(path: bytes) -> bool:
    try:
        return _begins_as_ours(files.read(path, 64))
    except OSError:
        return False


def _begins_as_ours(head: bytes) -> bool:
    return head.startswith(_HEAD) and head[30:].startswith(_FACTS.encode())


def sealed(
    table: Fingerprints, source: Any, folders: Sequence[str], rules: Sequence[Mapping[str, Any]], limits: decode.Limits, saved: str
) -> bytes:
    """Return an index as it is saved: the same bytes for the same dataset and time."""
    listed = table.files
    of_files = {field.name: getattr(listed, field.name) for field in dataclasses.fields(listed) if field.name != "names"}
    columns = {f"files/{name}": column for name, column in of_files.items()}
    columns |= {f"columns/{name}": column for name, column in table.columns.items()}
    texts = {name for name, column in columns.items() if column.dtype == object}
    facts = {
        "format": FORMAT,
        "version": VERSION,
        "saved": saved,
        "versions": versions(),
        "files": len(listed),
        "names": list(listed.names),
        "source": _source_text(source, listed),
        "folders": [to_text(os.fsencode(folder)) for folder in folders],
        "rules": [{name: "function" if callable(rule) else rule for name, rule in one.items()} for one in rules],
        "limits": dataclasses.asdict(limits),
        "probes": {name: PROBES[name].version for name in table.columns if name in PROBES},
        "arrays": sorted(columns.keys() - texts),
        "texts": sorted(texts),
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        _add(packed, _FACTS, json.dumps(facts, sort_keys=True, indent=1).encode())
        for name in facts["arrays"]:
            _add_array(packed, name, columns[name])
        for name in facts["texts"]:
            for part, held in _text_parts(name, columns[name]).items():
                _add_array(packed, f"{name}/{part}", held)
        packed.comment = _SEAL + bytes(64)
    data = stream.getbuffer()
    data[-64:] = hashlib.sha256(data[:-64]).hexdigest().encode()
    return bytes(data)


def _add(packed: zipfile.ZipFile, name: str, data: bytes) -> None:
    member = zipfile.ZipInfo(name)  # of 1980, so that time leaves no trace
    member.create_system, member.external_attr = 3, 0o600 << 16
    # Digests and hashes do not get smaller, and are most of the file.
    is_dense = len(zlib.compress(data[:_TRIED], 1)) > 0.9 * len(data[:_TRIED])
    packed.writestr(member, data, zipfile.ZIP_STORED if is_dense else zipfile.ZIP_DEFLATED, compresslevel=1)


def _add_array(packed: zipfile.ZipFile, name: str, array: Array) -> None:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    _add(packed, f"{name}.npy", stream.getvalue())


def _text_parts(name: str, column: Array) -> dict[str, Array]:
    """Return a column of text as its different values in one run, how long each is, and which each row has."""
    values = column.tolist()
    kind: type = bytes if name == "files/path" else str
    if not set(map(type, values)) <= {kind}:
        raise ArgumentError(f"The column {name.partition('/')[2]} holds something else than text", "An index keeps numbers and text")
    number = dict(zip(dict.fromkeys(values), itertools.count()))  # the count has no end
    raw = b"".join(number) if kind is bytes else "".join(number).encode("utf-8", "surrogatepass")
    return {
        "text": np.frombuffer(raw, np.uint8),
        "length": np.fromiter(map(len, number), np.min_scalar_type(max(map(len, number), default=0)), len(number)),
        "row": np.fromiter(map(number.__getitem__, values), np.min_scalar_type(len(number)), len(values)),
    }


def _source_text(source: Any, listed: Files) -> Any:
    if isinstance(source, Mapping):
        return {"named": {label: to_text(os.fsencode(path)) for label, path in source.items()}}
    if isinstance(source, (str, bytes, os.PathLike)):
        return to_text(os.fsencode(source))
    names = [os.fsencode(path) for path in source]
    return [to_text(name) for name in names] if names != listed.path.tolist() else {"files": len(names)}


def load(where: whereabouts.At, asked: Mapping[str, Any]) -> tuple[Fingerprints, Saved]:
    """Return the table of a dataset as it was saved, and what else it holds.

    Parameters
    ----------
    where : At
    asked : mapping
        What was given with it: ``name`` and those of ``RULES``, which are applied, those of ``OF_A_SCAN``, which are refused.

    Raises
    ------
    MissingSourceError, SourceError
        When it cannot be read.
    ArgumentError
        When it is no index, one of another version, or not what was saved; for what makes no sense with an index.
    """
    wrong = [name for name, default in OF_A_SCAN.items() if asked.get(name, default) != default]
    if wrong:
        raise ArgumentError(
            f"{wrong[0]}= with a saved index",
            f"Allowed: name, {', '.join(RULES)}, workers, cache and show_progress: the rest was settled when it was saved",
            "subset() and filter() choose from what it holds; index the folder anew for other limits",
        )
    raw = path_bytes(where.path)
    if b"\0" in raw:
        raise ArgumentError(f"The path {to_text(raw)!r}", "No path holds a NUL character")
    table, index = _unsealed(os.path.abspath(raw), _content(raw))
    places = whereabouts.places_of(table.files, index.folders)
    if where.root is not None:
        moves = whereabouts.moves_of(places, _named(index.source), where.root)
        table = Fingerprints(whereabouts.relocated(table.files, moves), table.columns)
        index, places = _relocated(index, moves), tuple(whereabouts.moved(place, moves) for place in places)
    if asked.get("name") is not None:
        table = Fingerprints(_renamed(table.files, asked["name"]), table.columns)
    given = {name: asked[name] for name, default in RULES.items() if name in where.rules or asked.get(name, default) != default}
    if given:
        table, index = _with_rules(table, index.rules, given), dataclasses.replace(index, rules=[{**rule, **given} for rule in index.rules])
    table.files.device[:], table.files.inode[:] = whereabouts.identities(table.files, places)
    home = whereabouts.Home(for_display(to_text(os.path.basename(index.file))), index.saved, places)
    return table, Saved(_source_of(index.source, table.files), list(index.folders), index.rules, index.limits, (home,))


def _content(raw: bytes) -> bytes:
    shown = for_display(to_text(raw))
    try:
        if not _begins_as_ours(files.read(raw, 64)):
            empty = ": it is empty" if not os.path.getsize(raw) else ""
            raise ArgumentError(f"{shown} is no index{empty}", _NO_INDEX)
        return files.read(raw)
    except FileNotFoundError:
        raise MissingSourceError(f"No such file: {shown}", "", "Check the spelling") from None
    except OSError as error:
        remedy = "A folder is scanned: Dataset(folder)" if os.path.isdir(raw) else "Check its permissions"
        raise SourceError(f"Cannot read {shown}: {files.describe(error)}", "", remedy) from None


def _unsealed(path: bytes, data: bytes) -> tuple[Fingerprints, Index]:
    shown = for_display(to_text(path))
    body, seal = data[:-64], data[-64:]
    if not body.endswith(_SEAL) or hashlib.sha256(body).hexdigest().encode() != seal:
        raise ArgumentError(
            f"{shown} is not what was saved: it is cut short or damaged",
            "An index is sealed by a checksum",
            "Take a copy of it, or index the folder anew",
        )
    # What is sealed was written by this program, or by one that means to look like it: nothing of it is believed unseen.
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            size = sum(member.file_size for member in packed.infolist())
            methods = {member.compress_type for member in packed.infolist()}
            if size > _UNPACKED * len(data) + 1_000_000 or not methods <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise ValueError(size)
            facts = json.loads(packed.read(_FACTS))
            version = int(facts["version"])
            if facts["format"] != FORMAT:
                raise ValueError(facts["format"])
            if version == VERSION:
                return _table(packed, facts), _index(path, facts)
    except (
        *(AttributeError, EOFError, IndexError, KeyError, MemoryError, NotImplementedError, OverflowError, RecursionError, RuntimeError),
        *(SyntaxError, TypeError, ValueError, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
    ):
        raise ArgumentError(f"{shown} is an index of another shape", _NO_INDEX, "Index the folder anew") from None
    remedy = f"{'Update visdatcompy_ds, or index' if version > VERSION else 'Index'} the folder anew"
    raise ArgumentError(f"{shown} has version {version}", f"This program knows version {VERSION}", remedy)


def _index(path: bytes, facts: Mapping[str, Any]) -> Index:
    folders = tuple(os.fsdecode(to_bytes(folder)) for folder in facts["folders"])
    rules = [{name: one[name] for name in RULES} for one in facts["rules"]]
    if len(rules) != len(facts["names"]):
        raise ValueError(rules)
    return Index(path, str(facts["saved"]), facts["source"], folders, rules, decode.Limits.of(facts["limits"]))


def _source_of(said: Any, listed: Files) -> Any:
    """Return the source of a saved dataset, as ``Dataset`` was given it."""
    if isinstance(said, str):
        return os.fsdecode(to_bytes(said))
    if isinstance(said, list):
        return [os.fsdecode(to_bytes(path)) for path in said]
    if "named" in said:
        return {label: os.fsdecode(to_bytes(path)) for label, path in said["named"].items()}
    return [os.fsdecode(path) for path in listed.path]


def _table(packed: zipfile.ZipFile, facts: Mapping[str, Any]) -> Fingerprints:
    n, names = facts["files"], tuple(facts["names"])
    columns = {name: _array(packed, name, n) for name in facts["arrays"]}
    columns |= {name: _text(packed, name, n) for name in facts["texts"]}
    of_files = {name.partition("/")[2]: column for name, column in columns.items() if name.startswith("files/")}
    listed = Files(names=names, **of_files)
    if n and (int(listed.status.max()) >= len(STATUSES) or not 0 <= listed.dataset.min() <= listed.dataset.max() < len(names)):
        raise ValueError(n)
    measured = {name.partition("/")[2]: column for name, column in columns.items() if name.startswith("columns/")}
    for name in measured.keys() & PROBES.keys():
        probe = PROBES[name]
        if facts["probes"].get(name) != probe.version:  # old numbers are not compared with new ones: it is measured anew
            del measured[name]
        elif measured[name].dtype != np.dtype(probe.dtype) or measured[name].shape[1:] != probe.shape:
            raise ValueError(name)
    return Fingerprints(listed, measured)


def _array(packed: zipfile.ZipFile, name: str, n: int | None = None) -> Array:
    data = packed.read(f"{name}.npy")
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError(name)
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if is_fortran or dtype.hasobject or (n is not None and shape[0] != n):
        raise ValueError(name)
    return np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape).copy()  # a view could not be written to


def _text(packed: zipfile.ZipFile, name: str, n: int) -> Array:
    raw, length, row = _array(packed, f"{name}/text"), _array(packed, f"{name}/length"), _array(packed, f"{name}/row", n)
    text: bytes | str = raw.tobytes() if name == "files/path" else raw.tobytes().decode("utf-8", "surrogatepass")
    ends = list(itertools.accumulate(length.tolist(), initial=0))
    if length.dtype.kind != "u" or row.dtype.kind != "u" or ends[-1] != len(text):
        raise ValueError(name)
    return np.asarray(object_array([text[start:end] for start, end in itertools.pairwise(ends)])[row])


def _renamed(listed: Files, name: object) -> Files:
    if not isinstance(name, str) or len(listed.names) > 1:
        allowed = "Allowed: text" if len(listed.names) == 1 else f"The index holds {len(listed.names)} datasets, which keep their names"
        raise ArgumentError(f"name={name!r}", allowed)
    return dataclasses.replace(listed, names=(name,))


def _with_rules(table: Fingerprints, rules: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> Fingerprints:
    """Return the context by rules of which some are given anew; the columns of a rule that was a function stay."""
    taken = np.where(table["taken_source"] == "exif", table["taken"], np.datetime64("NaT"))
    table, kept = table.with_columns(taken=taken), table
    for code, rule in enumerate({**rule, **given} for rule in rules):
        rows = np.flatnonzero(kept.files.dataset == code)
        held = {name: dict(zip(kept.files.id[rows], kept[name][rows], strict=True)).__getitem__ for name in ("station", "label")}
        rule = {name: held[name] if value == "function" else value for name, value in rule.items()}
        made = context.add_context(table.take(rows), **rule)
        for name in ("taken", "taken_source", "station", "event", "label"):  # label files may be offline: has_sidecar stays
            table[name][rows] = made[name]
    return table


def _named(source: Any) -> dict[str, bytes]:
    is_named = isinstance(source, dict) and "named" in source
    return {label: os.path.abspath(to_bytes(path)) for label, path in source["named"].items()} if is_named else {}


def _relocated(index: Index, moves: Mapping[bytes, bytes]) -> Index:
    """Return what an index says, with the folders where the photos are now."""

    def now(text: str) -> str:
        was = os.path.abspath(to_bytes(text))
        place = whereabouts.moved(was, moves)
        return text if place == was else to_text(place)

    source = index.source
    if isinstance(source, str):
        source = now(source)
    elif isinstance(source, list):
        source = [now(path) for path in source]
    elif "named" in source:
        source = {"named": {label: now(path) for label, path in source["named"].items()}}
    folders = tuple(os.fsdecode(whereabouts.moved(os.fsencode(folder), moves)) for folder in index.folders)
    return dataclasses.replace(index, source=source, folders=folders)
