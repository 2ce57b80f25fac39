"""What earlier runs measured of the same files, and of the same contents elsewhere: asked before a pass, kept during it."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from visdatcompy_ds.base.status import Status
from visdatcompy_ds.base.tables import Array, Files
from visdatcompy_ds.catalog.probes import Probe
from visdatcompy_ds.engine.cache import Cache, Records, Seen, Stat, kind_of
from visdatcompy_ds.engine.versions import decoders
from visdatcompy_ds.stages.fingerprint.reading import Reading

_OUTCOME = {"status": ("uint8", ()), "decoded": ("bool", ()), "reason": ("object", ())}
_ROWS = 5000  # rows looked up, and held in their packed form, at a time
Values = tuple[Array, dict[str, Array]]  # rows of the table, and columns of theirs


@contextlib.contextmanager
def known_before(folder: Path | None, probes: Sequence[Probe], reading: Reading) -> Iterator[Known]:
    """Open the cache in `folder` for one pass; None is none, and probes without a version are not kept."""
    if folder is None or not all(probe.version for probe in probes):
        yield Known(None, probes, reading)
    else:
        with Cache(folder) as cache:
            yield Known(cache, probes, reading)


class Known:
    """What a cache knows, and learns, of the probes of one pass.

    Parameters
    ----------
    cache : Cache or None
    probes : sequence of Probe
    reading : Reading
        What the pass reads. What a file's status can be depends on it, so head, bytes and picture are kinds of their own.
    """

    def __init__(self, cache: Cache | None, probes: Sequence[Probe], reading: Reading) -> None:
        self.cache, self.is_whole = cache, reading.needs_all
        self.description: dict[str, Any] = {
            "purpose": "probes",
            "reads": "picture" if reading.working else "bytes" if reading.needs_all else "head",
            "probes": {probe.name: [probe.version, probe.dtype, list(probe.shape)] for probe in probes},
            # What a user's own code does to a file, its end included, is no answer where that code was not asked for.
            "foreign": sorted(f"{probe.home}.{getattr(probe.compute, '__qualname__', '')}" for probe in probes if not probe.is_ours),
            "limits": dataclasses.asdict(reading.limits),
            "statuses": [status.value for status in Status],
            "decoders": decoders(),
        }
        self.names = [probe.name for probe in probes] + list(_OUTCOME)
        kept = cache.kinds("probes") if cache else {}
        own = kind_of(self.description)[0]
        self.kinds = {
            number: _records(kept[number]) for number in sorted(kept, key=lambda kind: kind != own) if self._has_all(kept[number])
        }

    def _has_all(self, other: Mapping[str, Any]) -> bool:
        """Tell whether a kind holds at least what this pass asks for, measured in the same way."""
        mine, probes = self.description, other.get("probes")
        is_alike = all(other.get(name) == mine[name] for name in mine if name != "probes")
        return is_alike and isinstance(probes, dict) and all(probes.get(name) == facts for name, facts in mine["probes"].items())

    def of_files(self, table: Files, rows: Array) -> Iterator[Values]:
        """Yield what is known of rows whose file is as it was when it was read, some thousands at a time."""
        for start in range(0, len(rows) if self.cache and self.kinds else 0, _ROWS):
            some = rows[start : start + _ROWS]
            paths = table.path[some].tolist()
            found = self.cache.files(paths, _stats(table, some), self.is_whole)  # type: ignore[union-attr]
            yield from self.of_contents({row: found[path] for row, path in zip(some.tolist(), paths, strict=True) if path in found})

    def of_contents(self, contents: Mapping[int, bytes]) -> list[Values]:
        """Return what is known of contents, given by row."""
        values: list[Values] = []
        left = dict(contents)
        for kind, records in self.kinds.items() if self.cache and left else ():
            facts = self.cache.facts(kind, left.values())  # type: ignore[union-attr]
            there = [row for row, content in left.items() if content in facts]
            if there:
                unpacked = records.unpack([facts[left[row]] for row in there])
                values.append((np.array(there, np.int64), {name: unpacked[name] for name in self.names}))
                left = {row: content for row, content in left.items() if content not in facts}
        return values

    def sizes(self, asked: Iterable[int]) -> set[int]:
        """Return those of some sizes in bytes that files had which were read as a whole, wherever they were."""
        return self.cache.sizes(asked) if self.cache and self.kinds and self.is_whole else set()

    def keep(
        self, table: Files, read_ns: Mapping[int, int], contents: Mapping[int, bytes], measured: Array, values: dict[str, Array]
    ) -> None:
        """Keep what was found.

        Parameters
        ----------
        table : Files
        read_ns : mapping of row to int
            Files that were read, and when.
        contents : mapping of row to bytes
            Their digests, where they were read as a whole.
        measured : (m,) int64
            Those of the rows of which something was measured.
        values : mapping of str to (m, ...) array
            What: all probes, ``status``, ``decoded`` and ``reason``.
        """
        if not self.cache or not read_ns:
            return
        rows = np.fromiter(read_ns, np.int64, len(read_ns))
        stats = dict(zip(rows.tolist(), _stats(table, rows), strict=True))
        paths: dict[int, bytes] = dict(zip(rows.tolist(), table.path[rows].tolist(), strict=True))
        if not self.is_whole:  # the beginning of a file is no content that another place could be known by
            contents = {row: _head_key(paths[row], stat) for row, stat in stats.items()}
        seen = [Seen(paths[row], stat, read_ns[row], self.is_whole, contents[row]) for row, stat in stats.items()]
        packed = _records(self.description).pack(values) if len(measured) else []
        self.cache.keep(self.description, [(contents[row], value) for row, value in zip(measured.tolist(), packed, strict=True)], seen)


def _records(description: Mapping[str, Any]) -> Records:
    # Sorted: a description that comes back from the cache has lost its order.
    columns = {name: (str(dtype), tuple(shape)) for name, (_, dtype, shape) in sorted(description["probes"].items())}
    return Records({**columns, **_OUTCOME})


def _stats(table: Files, rows: Array) -> list[Stat]:
    columns = (table.size_bytes, table.mtime_ns, table.ctime_ns, table.device.view(np.int64), table.inode.view(np.int64))
    return list(zip(*(column[rows].tolist() for column in columns), strict=True))


def _head_key(path: bytes, stat: Stat) -> bytes:
    return hashlib.sha256(repr((path, stat)).encode("ascii")).digest()
