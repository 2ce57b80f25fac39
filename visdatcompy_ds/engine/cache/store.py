"""The file behind the cache: SQLite, two tables, a checksum on every row.

``files``  path → size, times, place on the disk, and the digest of what was read there
``facts``  (kind, key) → value; the key is one content's digest, or two of a pair; a kind says what was measured, and by which versions

Rows are looked up by their keys in batches, so what a look costs does not depend on how much else is kept.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import sqlite3
import struct
import time
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from visdatcompy_ds.base.errors import CacheWarning, OutputError
from visdatcompy_ds.engine.cache.where import NAME, is_ours
from visdatcompy_ds.engine.files import MARKER, describe

_VERSION = 1
_APPLICATION = 0x76647863
_BATCH = 400  # keys in one question; SQLite allows 999 everywhere
_DAY_S = 86_400
_STAMP_DAYS = 7  # how stale a note of last use may get before it is written anew
# A clock that ticks every two seconds, as FAT's does, hides a change made right after a file was read.
_TICK_NS = 2_000_000_000
_SCHEMA = (
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
    "CREATE TABLE IF NOT EXISTS files (path BLOB, is_whole INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, device INTEGER,"
    " inode INTEGER, read_ns INTEGER, content BLOB, crc INTEGER, used INTEGER, PRIMARY KEY (path, is_whole))",
    "CREATE INDEX IF NOT EXISTS files_by_size ON files (size) WHERE is_whole",
    "CREATE TABLE IF NOT EXISTS facts (kind INTEGER, key BLOB, value BLOB, crc INTEGER, PRIMARY KEY (kind, key))",
    "CREATE TABLE IF NOT EXISTS kinds (kind INTEGER PRIMARY KEY, description TEXT)",
)
# How SQLite words a file that is no database any more, or lost a table; its codes are known to Python 3.11 and later only.
_DAMAGE = ("malformed", "not a database", "no such table", "no such column", "of another program")
_STAT = struct.Struct("<6q?")
_warned: set[Path] = set()  # folders of which a warning said so: one is enough
Stat = tuple[int, int, int, int, int]  # size_bytes, mtime_ns, ctime_ns, device and inode, each as a signed number of 64 bits
Method = TypeVar("Method", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True)
class Seen:
    """A file that was read: where, what ``stat`` said, when, and the digest of what was read.

    ``stat`` is (size_bytes, mtime_ns, ctime_ns, device, inode), each as a signed number of 64 bits. ``is_whole`` is False where only
    the beginning was read; `content` is then no digest of the file.
    """

    path: bytes
    stat: Stat
    read_ns: int
    is_whole: bool
    content: bytes


def kind_of(description: Mapping[str, Any]) -> tuple[int, str]:
    """Return the number of a kind, and the text it is a digest of."""
    text = json.dumps(description, sort_keys=True)
    return int.from_bytes(hashlib.blake2b(text.encode("ascii"), digest_size=8).digest(), "little", signed=True), text


def _guarded(instead: Callable[[], Any]) -> Callable[[Method], Method]:
    """Turn what SQLite and the disk refuse into a miss: `instead` is what the method gives then."""

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        def call(self: Cache, *arguments: Any) -> Any:
            if self.problem:
                return instead()
            try:
                return method(self, *arguments)
            except (sqlite3.Error, OSError, UnicodeError) as error:
                self._give_up(error)
                return instead()

        return call  # type: ignore[return-value]

    return decorate


class Cache:
    """A cache in a folder; use it in a ``with`` block, on one thread.

    Parameters
    ----------
    folder : Path
        Made, for its owner alone, where it does not exist.

    Attributes
    ----------
    problem : str
        Why it is not used any more, "" while all is well. A warning said so.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / NAME
        self.problem = ""
        self._held: sqlite3.Connection | None = None

    def __enter__(self) -> Cache:
        """Return itself; the file is opened when it is first needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        if self._held is not None:
            with contextlib.suppress(sqlite3.Error):
                self._held.close()
            self._held = None

    @property
    def _db(self) -> sqlite3.Connection:
        if self._held is None:
            make_private(self.folder)
            self._held = _opened(self.path)
        return self._held

    def _give_up(self, error: Exception) -> None:
        """Go on without; what was found damaged is removed, so that the next run begins anew."""
        self.problem = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
        self.__exit__()
        what = "not used"
        if _is_damage(error):
            with contextlib.suppress(OSError):
                remove(self.path)
                what = "damaged and was removed"
        if self.folder not in _warned:
            _warned.add(self.folder)
            text = f"The cache in {self.folder} is {what} ({self.problem}). Results are the same; the next run may take longer."
            warnings.warn(text, CacheWarning, stacklevel=2)

    @_guarded(dict)
    def kinds(self, purpose: str) -> dict[int, dict[str, Any]]:
        """Return the kinds that are kept whose description has this "purpose"."""
        found = {}
        for number, text in self._db.execute("SELECT kind, description FROM kinds"):
            with contextlib.suppress(ValueError, TypeError):
                description = json.loads(text)
                if isinstance(description, dict) and description.get("purpose") == purpose and kind_of(description)[0] == number:
                    found[number] = description
        return found

    @_guarded(dict)
    def files(self, paths: Sequence[bytes], stats: Sequence[Stat], is_whole: bool) -> dict[bytes, bytes]:
        """Return, by path, the digest of what lies there, where the file is as it was when it was read.

        Parameters
        ----------
        paths : sequence of bytes
        stats : sequence of (size_bytes, mtime_ns, ctime_ns, device, inode)
            What ``stat`` says of them now.
        is_whole : bool
            As in ``Seen``.
        """
        found: dict[bytes, bytes] = {}
        today = _today()
        for some, stated in zip(_batches(paths), _batches(stats), strict=True):
            now = dict(zip(some, stated, strict=True))
            stale = []
            columns = "path, size, mtime_ns, ctime_ns, device, inode, read_ns, content, crc, used"
            where = f"FROM files WHERE is_whole = {is_whole:d} AND path"
            for path, *stat, read_ns, content, crc, used in self._in(f"SELECT {columns} {where}", some):
                if tuple(stat) != now.get(path) or crc != _files_crc(path, stat, read_ns, is_whole, content):
                    continue
                if _is_settled(stat[1], stat[2], read_ns):
                    found[path] = content
                    if not isinstance(used, int) or today - used >= _STAMP_DAYS:
                        stale.append(path)
            if stale:
                self._in(f"UPDATE files SET used = {today} WHERE is_whole = {is_whole:d} AND path", stale)
        return found

    @_guarded(set)
    def sizes(self, sizes: Iterable[int]) -> set[int]:
        """Return those of some sizes in bytes that files had which were read as a whole: another of that size may be a copy."""
        one = "SELECT 1 FROM files WHERE is_whole AND size = ? LIMIT 1"  # however many files have this size
        return {size for size in set(sizes) if self._db.execute(one, (size,)).fetchone()}

    @_guarded(dict)
    def facts(self, kind: int, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the values of a kind by key; what is not kept, or damaged, is missing."""
        found: dict[bytes, bytes] = {}
        for some in _batches(list(dict.fromkeys(keys))):
            for key, value, crc in self._in(f"SELECT key, value, crc FROM facts WHERE kind = {kind} AND key", some):
                if crc == _facts_crc(kind, key, value):
                    found[key] = value
        return found

    @_guarded(lambda: None)
    def keep(self, description: Mapping[str, Any], facts: Iterable[tuple[bytes, bytes]], seen: Iterable[Seen] = ()) -> None:
        """Keep facts of a kind, and files that were read, in one transaction."""
        kind, text = kind_of(description)
        today = _today()
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            db.execute("INSERT OR REPLACE INTO kinds VALUES (?, ?)", (kind, text))
            rows = ((kind, key, value, _facts_crc(kind, key, value)) for key, value in facts)
            db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?)", rows)
            db.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        *(one.path, one.is_whole, *one.stat, one.read_ns, one.content),
                        *(_files_crc(one.path, one.stat, one.read_ns, one.is_whole, one.content), today),
                    )
                    for one in seen
                ),
            )
            db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise

    def _in(self, question: str, keys: Sequence[Any]) -> sqlite3.Cursor:
        return self._db.execute(f"{question} IN ({','.join('?' * len(keys))})", keys)

    @_guarded(lambda: None)
    def summary(self) -> dict[str, Any] | None:
        """Return how much is kept; None where it cannot be read."""
        if not self.path.exists():
            return {"files": 0, "facts": 0, "bytes": 0}
        count = {name: self._db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("files", "facts")}
        return {**count, "bytes": sum(part.stat().st_size for part in _parts(self.path) if part.exists())}

    @_guarded(lambda: None)
    def prune(self, days: float) -> dict[str, int] | None:
        """Drop files that no run asked for in so many days, and facts of contents that no file is left of; return how many."""
        if not self.path.exists():
            return {"files": 0, "facts": 0}
        db = self._db
        files = db.execute("DELETE FROM files WHERE used <= ?", (_today() - days,)).rowcount
        facts = db.execute(
            "DELETE FROM facts WHERE substr(key, 1, 32) NOT IN (SELECT content FROM files)"
            " OR (length(key) = 64 AND substr(key, 33) NOT IN (SELECT content FROM files))"
        ).rowcount
        db.execute("DELETE FROM kinds WHERE kind NOT IN (SELECT DISTINCT kind FROM facts)")
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return {"files": files, "facts": facts}


def clear(folder: Path) -> int:
    """Delete the cache in a folder, and the folder where nothing else is in it; return the bytes that it took."""
    path = folder / NAME
    freed = sum(part.stat().st_size for part in _parts(path) if part.exists())
    try:
        remove(path)
        (folder / os.fsdecode(MARKER)).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            folder.rmdir()
    except OSError as error:
        raise OutputError(f"The cache in {folder} cannot be deleted: {describe(error)}", "", "Check its permissions") from None
    return freed


def remove(path: Path) -> None:
    """Delete the file of a cache with what SQLite keeps beside it."""
    for part in _parts(path):
        part.unlink(missing_ok=True)


def _parts(path: Path) -> Iterator[Path]:
    return (path.with_name(path.name + ending) for ending in ("", "-wal", "-shm", "-journal"))


def make_private(folder: Path) -> None:
    """Make the folder of a cache, or take an empty one: for its owner alone, and marked, so that it is never scanned for images."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    mark = folder / os.fsdecode(MARKER)
    if not mark.exists():
        if not is_ours(folder):
            text = "it holds other files"
            raise OSError(text)
        folder.chmod(0o700)
        mark.write_text("visdatcompy_ds cache; may be deleted at any time\n", encoding="ascii")


def _opened(path: Path) -> sqlite3.Connection:
    try:
        return _connected(path)
    except (sqlite3.DatabaseError, UnicodeError) as error:
        if not _is_damage(error):
            raise
        remove(path)  # no database, or not ours: it is only a cache
        return _connected(path)


def _is_damage(error: Exception) -> bool:
    """Tell damage from a disk that is full, a folder that is read-only, a file that another program holds."""
    words = str(error)
    return isinstance(error, UnicodeError) or any(mark in words for mark in _DAMAGE)  # SQLite's own words quote what is damaged


def _connected(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=5, isolation_level=None)
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (application,) = db.execute("PRAGMA application_id").fetchone()
        if version > _VERSION and application == _APPLICATION:
            text = f"written by a newer version of visdatcompy_ds ({version})"
            raise sqlite3.OperationalError(text)
        path.chmod(0o600)
        db.text_factory = bytes  # a damaged text is to be found out by us
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last transactions, and never the rest
        if (version, application) != (_VERSION, _APPLICATION):
            _lay_out(db)
    except BaseException:
        db.close()
        raise
    return db


def _lay_out(db: sqlite3.Connection) -> None:
    """Make the tables, unless another program just did."""
    db.execute("BEGIN IMMEDIATE")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and version != _VERSION:
        text = "of another program, or another version"
        raise sqlite3.DatabaseError(text)
    for statement in _SCHEMA:
        db.execute(statement)
    db.execute("COMMIT")


def _is_settled(mtime_ns: int, ctime_ns: int, read_ns: int) -> bool:
    """Tell whether a change after the file was read would show in its times."""
    return abs(read_ns - mtime_ns) > _TICK_NS and ctime_ns < read_ns - _TICK_NS


def _files_crc(path: bytes, stat: Sequence[int], read_ns: int, is_whole: bool, content: bytes) -> int:
    try:
        return zlib.crc32(_STAT.pack(*stat, read_ns, is_whole) + content, zlib.crc32(path))
    except (TypeError, struct.error):  # not even numbers and bytes any more
        return -1


def _facts_crc(kind: int, key: bytes, value: bytes) -> int:
    try:
        return zlib.crc32(value, zlib.crc32(key, kind & 0xFFFFFFFF))
    except TypeError:
        return -1


def _today() -> int:
    return int(time.time() // _DAY_S)


def _batches(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[at : at + _BATCH] for at in range(0, len(values), _BATCH))
