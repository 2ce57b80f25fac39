"""Where the photos of a saved dataset are now: moved as a whole, gone with their disk, or changed since."""

from __future__ import annotations

import collections
import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from visdatcompy_ds.base.arguments import path_bytes
from visdatcompy_ds.base.errors import ArgumentError, MissingSourceError, SourceError, UnknownNameError
from visdatcompy_ds.base.names import for_display, to_bytes, to_text
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.base.tables import STATUS_CODE, Array, Files, Fingerprints, Pairs, object_array
from visdatcompy_ds.engine import files
from visdatcompy_ds.engine.run import Workers, run

ENDING = ".vdx"  # of a saved index; a scan passes over such files
_SEP = os.sep.encode()


@dataclasses.dataclass(frozen=True)
class At:
    """Where a saved index is, where its photos are now (`root`), and which rules were named to be applied anew: a source of ``Dataset``."""

    path: str | bytes | os.PathLike[str]
    root: Any = None
    rules: frozenset[str] = frozenset()


def at(source: object) -> At | None:
    """Return where the index is that a source names, None for any other source."""
    if isinstance(source, At):
        return source
    if isinstance(source, (str, bytes, os.PathLike)):
        raw = os.fsencode(source)
        if raw.lower().endswith(ENDING.encode()) and b"\0" not in raw and os.path.lexists(raw) and not os.path.isdir(raw):
            return At(raw)
    among = source.values() if isinstance(source, Mapping) else source if isinstance(source, (list, tuple)) else ()
    for one in among:
        if not isinstance(one, At) and at(one) is not None:
            raise ArgumentError(
                f"The index {for_display(os.fsdecode(one))} among other sources",
                "Allowed: an index by itself",
                "Dataset(index) + Dataset(folder)",
            )
    return None


@dataclasses.dataclass(frozen=True)
class Home:
    """What is known of the photos of a saved index.

    Attributes
    ----------
    index : str
        Name of its file, for people.
    saved : str
        When it was saved, in UTC.
    places : tuple of bytes
        Folders below which its photos are.
    """

    index: str
    saved: str
    places: tuple[bytes, ...]


def places_of(listed: Files, folders: Iterable[str]) -> tuple[bytes, ...]:
    """Return the folders of a dataset; of files that were listed one by one, those below which they have their ids."""
    given = tuple(os.fsencode(folder) for folder in folders)
    if given:
        return given
    places = []
    for path, file_id in zip(listed.path.tolist(), listed.id.tolist(), strict=True):
        end = _SEP + to_bytes(file_id).replace(b"/", _SEP)
        places.append(path[: -len(end)] if path.endswith(end) else os.path.dirname(path))
    return tuple(dict.fromkeys(place or _SEP for place in places))


def moves_of(places: Sequence[bytes], named: Mapping[str, bytes], root: object) -> dict[bytes, bytes]:
    """Return old and new folder for photos that were moved as a whole.

    Parameters
    ----------
    places : sequence of bytes
        Where they were.
    named : mapping of str to bytes
        Folders by name, where the dataset was made of such.
    root : path, or mapping of paths or names to paths
        Where they are now.

    Raises
    ------
    ArgumentError, UnknownNameError
        For one root of several places, and for a place that is none.
    MissingSourceError
        For a new one that does not exist.
    """
    if isinstance(root, Mapping):
        moves = {os.path.abspath(named[old] if old in named else path_bytes(old, "root")): path_bytes(new) for old, new in root.items()}
        unknown = [old for old in moves if old not in places]
        if unknown:
            raise UnknownNameError("folder of the index", to_text(unknown[0]), [*named, *map(to_text, places)])
    elif len(places) == 1:
        moves = {places[0]: path_bytes(root, "root")}
    else:
        shown = ", ".join(for_display(to_text(place)) for place in places[:5])
        raise ArgumentError(f"One root for photos of {len(places)} folders", f"They were in {shown}", 'Give each: root={"old": "new"}')
    for new in moves.values():
        if not os.path.isdir(new):
            raise MissingSourceError(f"No such folder: {for_display(to_text(new))}", "", "Check the spelling and that the disk is mounted")
    return {old: os.path.abspath(new) for old, new in moves.items()}


def moved(path: bytes, moves: Mapping[bytes, bytes]) -> bytes:
    """Return where a path is, the deepest of the folders that were moved counting; one of no such folder stays."""
    old = max((old for old in moves if path == old or path.startswith(os.path.join(old, b""))), key=len, default=None)
    if old is None:
        return path
    rest = path[len(os.path.join(old, b"")) :]
    return os.path.join(moves[old], rest) if rest else moves[old]


def relocated(listed: Files, moves: Mapping[bytes, bytes]) -> Files:
    """Return files with the paths they have now."""
    return dataclasses.replace(listed, path=object_array(moved(path, moves) for path in listed.path.tolist()))


def identities(listed: Files, places: Sequence[bytes]) -> tuple[Array, Array]:
    """Return device and inode of the images by ``stat``, (n,) uint64 each; 0 where a file is not there.

    What was saved may be another file's by now, on this disk or on a card that was mounted in its place.
    """
    device, inode = np.zeros(len(listed), np.uint64), np.zeros(len(listed), np.uint64)
    if any(os.path.isdir(place) for place in places):
        for row, info in looked_at(listed, _images(listed), places):
            if info is not None:
                device[row], inode[row] = info.st_dev, info.st_ino
    return device, inode


def _images(listed: Files) -> Array:
    return np.flatnonzero(~listed.has_status(Status.SKIPPED))


def looked_at(listed: Files, rows: Array, places: Iterable[bytes]) -> Iterator[tuple[int, os.stat_result | None]]:
    """Yield rows with what ``stat`` says of them now, None where a file is not there; below a folder that is gone nothing is asked."""
    gone = tuple(os.path.join(place, b"") for place in places if not os.path.isdir(place))
    paths = listed.path.tolist()
    for row in rows.tolist():
        info = None
        if not gone or not paths[row].startswith(gone):
            try:
                info = os.stat(paths[row])
            except OSError:
                info = None
        yield row, info


def standing(listed: Files, home: Home) -> dict[str, Any]:
    """Return, by ``stat`` alone, how many images of an index are there, and how many of them have another size or time now."""
    there = changed = 0
    rows = _below(listed, home.places)
    for row, info in looked_at(listed, rows, home.places):
        there += info is not None
        changed += info is not None and (info.st_size, info.st_mtime_ns) != (listed.size_bytes[row], listed.mtime_ns[row])
    return {"file": home.index, "saved": home.saved, "photos": len(rows), "there": there, "changed": changed}


def _below(listed: Files, places: Sequence[bytes]) -> Array:
    """Return the images below some folders."""
    starts = tuple(os.path.join(place, b"") for place in places)
    rows = _images(listed)
    return rows[[path.startswith(starts) for path in listed.path[rows]]] if len(rows) else rows


def require_photos(listed: Files, homes: Iterable[Home], what: str, remedy: str = "") -> None:
    """Raise an error where no photo of a folder of a saved index is there.

    Parameters
    ----------
    listed : Files
    homes : iterable of Home
    what : str
        What needs them, as the beginning of a sentence: "ssim compares pixels".
    remedy : str
        What else may be done, besides mounting their disk.

    Raises
    ------
    SourceError
        What was asked, where the photos are not, what to do.
    """
    for home in homes:
        for place in home.places:
            rows = _below(listed, [place])
            if len(rows) and not any(info is not None for _, info in looked_at(listed, rows, [place])):
                raise SourceError(
                    f"{what}, and the photos of {home.index} under {for_display(to_text(place))} are not there",
                    "A saved index answers what was measured before it was saved",
                    "Mount their disk, or say where they are now: Dataset.load(…, root=…)" + (f"; {remedy}" if remedy else ""),
                )


def for_measuring(table: Fingerprints, homes: Sequence[Home], missing: Sequence[str], workers: Workers) -> Files:
    """Return the files of a table as a pass may measure them.

    Of a saved index the photos must be there. One whose content is another than was saved is `vanished`, with that reason: what is measured
    of it now does not belong to what was measured then.

    Raises
    ------
    SourceError
        Where no photo of a folder of an index is there.
    """
    listed = table.files
    if not homes:
        return listed
    names = ", ".join(f'"{name}"' for name in missing)
    remedy = f"or save it again after ds.measured({names}) while they are there"
    require_photos(listed, homes, f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not in the index", remedy)
    status, reason = listed.status.copy(), listed.reason.copy()
    doubtful = []
    for home in homes:
        for row, info in looked_at(listed, _below(listed, home.places), home.places):
            if info is not None and (info.st_size, info.st_mtime_ns) != (listed.size_bytes[row], listed.mtime_ns[row]):
                doubtful.append(row)
    digests = table["sha256"] if "sha256" in table else np.zeros((len(table), 32), np.uint8)
    known = [row for row in doubtful if digests[row].any()]
    # Another time alone says little: a copy may have lost it, and a card shifts it with the clock of its computer.
    for row, digest in zip(known, run([listed.path[row] for row in known], _digest, workers), strict=True):
        if digest is not None and digest != bytes(digests[row]):
            status[row], reason[row] = STATUS_CODE[Status.VANISHED], "changed since the index was saved"
    return dataclasses.replace(listed, status=status, reason=reason)


def _digest(path: bytes) -> bytes | None:
    try:
        return files.digest(path)
    except OSError:
        return None


def waiting(table: Fingerprints, pairs: Pairs) -> dict[str, int]:
    """Return, by dataset, how many pairs are undecided because a photo of it is not there."""
    from visdatcompy_ds.stages.confirm import GONE

    undecided = pairs.take(pairs.of_class("undecided") & (pairs.measure == GONE))
    rows = np.unique(np.concatenate([undecided.left, undecided.right]))
    gone = {row for row, info in looked_at(table.files, rows, ()) if info is None}
    sides = zip(undecided.left.tolist(), undecided.right.tolist(), strict=True)
    names = ({table.files.dataset_name(row) for row in gone.intersection(pair)} for pair in sides)
    return dict(collections.Counter(name for of_pair in names for name in sorted(of_pair)))
