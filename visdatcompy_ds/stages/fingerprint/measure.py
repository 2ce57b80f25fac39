"""The pass: what is known already is looked up, the rest is read once, and each distinct content is decoded at most once."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import time
import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from visdatcompy_ds.base.status import Status
from visdatcompy_ds.base.tables import STATUS_CODE, Array, Files, Fingerprints, text_array
from visdatcompy_ds.catalog.probes import Probe, opencv_threads, select
from visdatcompy_ds.engine import decode
from visdatcompy_ds.engine.run import Workers, progress, run, worker_count, worker_kind
from visdatcompy_ds.engine.worker import run_isolated, why_not
from visdatcompy_ds.stages.fingerprint.known import Known, known_before
from visdatcompy_ds.stages.fingerprint.reading import ELSEWHERE, Chunk, Counts, Item, Reading

# A task is this many files or bytes, whichever comes first: enough for block probes to pay, little enough to spread evenly.
_TASK_FILES = 24
_TASK_BYTES = 6_000_000
# Values are put into their columns, and into the cache, when so many files have gathered, or so many seconds.
_GATHERED_FILES = 2000
_GATHERED_S = 2.0
_MOST_KNOWN = 500  # contents that go along with a file to another process
# From so many images on, processes cost at most a tenth more than threads, start-up included, and a decoder's death costs one image.
ISOLATED_FROM = 8000


def fingerprint(
    table: Files,
    probes: Iterable[str],
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
    cache: Path | None = None,
) -> tuple[Fingerprints, Counts]:
    """Measure `probes` of every file that is an image by its name.

    Parameters
    ----------
    table : Files
        Rows that hold a picture as far as is known are looked at; the others keep their status.
    probes : iterable of str
        Names from the catalog. Header probes alone read only the beginning of each file.
    workers : int or str
        As in ``engine.run``: threads, or processes in which a decoder's death costs one image; "auto" chooses by the number of images. The
        result does not depend on it, but for ``crashed`` and ``timeout``.
    limits : Limits, optional
        What is refused before a decoder sees it.
    show_progress : bool, optional
        None shows a bar on a terminal when it takes more than two seconds.
    cache : Path, optional
        Folder of what earlier runs measured, and where this one keeps what it measures.

    Returns
    -------
    Fingerprints
        A column per probe, ``status`` and ``reason`` brought up to date, and ``decoded``: which rows have a working picture.
    Counts
        Reads, decodes and bytes, and rows that were known.
    """
    chosen = select(probes)
    rows = np.flatnonzero(_is_file(table))
    reading = Reading([probe.name for probe in chosen], limits or decode.Limits())
    with known_before(cache, chosen, reading) as known:
        columns = _Columns(table, chosen, known)
        is_open = np.zeros(len(table), bool)
        is_open[rows] = True
        for at, values in known.of_files(table, rows):
            columns.put(at, values)
            is_open[at] = False
        columns.counts += Counts(known=len(rows) - int(is_open.sum()))
        rows = np.flatnonzero(is_open)
        tasks = _Tasks(table, rows, known)
        with (
            contextlib.closing(progress(len(rows), "reading images", show_progress)) as bar,
            contextlib.closing(columns),
            contextlib.closing(_read(tasks, reading, workers, len(rows))) as chunks,
        ):
            for chunk in chunks:
                bar.update(chunk.files - tasks.note(chunk, columns.add(chunk)))
    columns.copy_repeats()
    status, reason = _worse(table, columns.held.pop("status"), columns.held.pop("reason"))
    return Fingerprints(dataclasses.replace(table, status=status, reason=reason), columns.held), columns.counts


def _worse(table: Files, status: Array, reason: Array) -> tuple[Array, Array]:
    """Return the worse of what earlier passes made of each file and what this one did: a header knows less than a picture."""
    is_worse = status > table.status  # codes go from best to worst
    return np.where(is_worse, status, table.status), np.where(is_worse, reason, table.reason)


def _is_file(table: Files) -> Array:
    """Return a mask of the rows that are images by name and can be opened, whatever an earlier pass made of them."""
    again = (Status.UNREADABLE, Status.REFUSED, Status.CRASHED, Status.TIMEOUT)
    broken = table.has_status(*again) & (table.mtime_ns != 0)  # a folder that could not be listed has no time
    mask: Array = table.has_status(Status.OK, Status.RECOVERED, Status.DAMAGED) | broken
    return mask


def _read(tasks: Iterator[list[Item]], reading: Reading, workers: Workers, images: int) -> Generator[Chunk]:
    """Yield what is in the files of tasks, from processes where there is so much to do that they pay, or where they were asked for."""
    kind = worker_kind(workers)
    if kind == "processes" or (kind == "auto" and workers != 0 and images >= ISOLATED_FROM):
        obstacle = why_not(reading)
        if not obstacle:
            limits = reading.limits
            done = run_isolated(map(_to_travel, tasks), reading, worker_count(workers), limits.max_seconds, limits.max_memory_bytes)
            with contextlib.closing(done):
                yield from done
            return
        warnings.warn(f"Images are read in threads, not in processes: {obstacle}", RuntimeWarning, stacklevel=4)
    threads = opencv_threads(1) if reading.working else 0
    try:
        # The first image goes alone: it loads decoders and kernels, for which the threads would otherwise wait in each other's way.
        yield from itertools.chain(run(list(itertools.islice(tasks, 1)), reading, 1), run(tasks, reading, workers))
    finally:
        if reading.working:
            opencv_threads(threads)


def _to_travel(task: list[Item]) -> list[Item]:
    """Return a task with contents of its own; those of a size that very many files have stay here, at the price of some decodes twice."""
    own = {id(item.known): dict(item.known if len(item.known) <= _MOST_KNOWN else ()) for item in task if item.known is not None}
    return [item._replace(known=own.get(id(item.known))) for item in task]


class _Tasks(Iterator[list[Item]]):
    """Tasks of bounded files and bytes, in order, smaller towards the end, so that no worker waits long for the last one.

    First come the files that are the first of their size, in a second wave the others, by size: files of equal content have one size. The
    second wave begins when all of the first is done (until then there is no next task) and knows its contents, so that no content is
    decoded twice, whichever worker reads it. Of files of a size that the cache knows the content alone is asked for first.
    """

    def __init__(self, table: Files, rows: Array, known: Known) -> None:
        self._table, self._known = table, known
        _, first = np.unique(table.size_bytes[rows], return_index=True)
        is_first = np.zeros(len(rows), bool)
        is_first[first] = True
        later = rows[~is_first]
        self._waves = [rows[is_first], later[np.argsort(table.size_bytes[later], kind="stable")]]
        # By size: contents, and the row that is measured for all of each. A file that is the only one of its size is nobody's copy.
        self._shared: dict[int, dict[bytes, int]] = {size: {} for size in np.unique(table.size_bytes[later]).tolist()}
        self._is_asked: dict[int, bool] = {}  # by size shared: the cache knows files of it
        self._again: list[int] = []  # rows whose content the cache does not know after all
        self._start = self._in_work = 0

    def __next__(self) -> list[Item]:
        """Return the next task; with StopIteration, ask again when one is done."""
        if self._again:
            some, self._again = self._again[:_TASK_FILES], self._again[_TASK_FILES:]
            return self._task(np.array(some, np.int64), False)
        while self._waves and self._start == len(self._waves[0]) and not self._in_work:
            self._waves.pop(0)
            self._start = 0
        if not self._waves or self._start == len(self._waves[0]):
            raise StopIteration
        rows = self._waves[0][self._start : self._start + _TASK_FILES]
        most = max(8, (len(self._waves[0]) - self._start) // 8) if self._start else 1
        count = max(1, min(most, int(np.searchsorted(np.cumsum(self._table.size_bytes[rows]), _TASK_BYTES, side="right"))))
        self._start += len(rows[:count])
        return self._task(rows[:count], True)

    def _task(self, rows: Array, may_be_known: bool) -> list[Item]:
        self._in_work += len(rows)
        sizes = self._table.size_bytes[rows].tolist()
        asked = self._asked(sizes) if may_be_known else set()
        paths = self._table.path[rows].tolist()
        return [Item(row, path, self._shared.get(size), size in asked) for row, path, size in zip(rows.tolist(), paths, sizes, strict=True)]

    def _asked(self, sizes: list[int]) -> set[int]:
        """Return those of some sizes that the cache knows files of; each size that several files have is looked up once."""
        new = [size for size in sizes if size not in self._is_asked]
        found = self._known.sizes(new)
        self._is_asked.update({size: size in found for size in new if size in self._shared})
        return found | {size for size in sizes if self._is_asked.get(size)}

    def note(self, chunk: Chunk, unknown: list[int]) -> int:
        """Learn what a task found, and which rows of it are to be read again; return their number."""
        self._in_work -= chunk.files
        self._again += unknown
        for row, digest in chunk.digests.items():
            there = self._shared.get(int(self._table.size_bytes[row]))
            if there is not None and row not in chunk.repeats and len(there) <= _MOST_KNOWN:
                there.setdefault(digest, row)  # it was read in another process, which has a dict of its own
        return len(unknown)


class _Columns:
    """The columns of a pass while they fill.

    Attributes
    ----------
    held : dict of str to array
        A column per probe, "decoded", "status" and "reason".
    counts : Counts
    """

    def __init__(self, table: Files, probes: Sequence[Probe], known: Known) -> None:
        self.table, self.known = table, known
        self.held = {probe.name: _empty_column(len(table), probe) for probe in probes}
        # Nothing speaks against any file so far: what earlier passes found is theirs, and is not to be kept as what this one did.
        self.held["decoded"] = np.zeros(len(table), bool)
        self.held["status"], self.held["reason"] = np.zeros(len(table), np.uint8), text_array([""] * len(table))
        self.counts = Counts()
        self._gathered: list[Chunk] = []
        self._files, self._since = 0, time.monotonic()
        self._repeats: dict[int, int] = {}
        self._texts: dict[object, object] = {}

    def put(self, rows: Array, values: Mapping[str, Array]) -> None:
        """Set values of rows."""
        for name, column in values.items():
            self.held[name][rows] = column

    def add(self, chunk: Chunk) -> list[int]:
        """Take what a task found; return the rows whose content was asked for, and is not known."""
        unknown = dict.fromkeys(chunk.asked)
        for rows, values in self.known.of_contents({row: chunk.digests[row] for row in chunk.asked}):
            self.put(rows, values)
            for row in rows.tolist():
                chunk.repeats[row] = ELSEWHERE
                del unknown[row]
        for row in unknown:
            del chunk.digests[row]
        chunk.read = [row for row in chunk.read if row not in unknown]
        self.counts += chunk.counts + Counts(recognised=len(chunk.asked) - len(unknown))
        self._gathered.append(chunk)
        self._files += chunk.files
        if self._files >= _GATHERED_FILES or time.monotonic() - self._since > _GATHERED_S:
            self.close()
        return list(unknown)

    def close(self) -> None:
        """Put what has gathered into the columns and into the cache: also what a pass got done that is interrupted."""
        chunks, self._gathered, self._files = self._gathered, [], 0
        contents: dict[int, bytes] = {}
        read_ns: dict[int, int] = {}
        measured: list[int] = []
        for chunk in chunks:
            self._scatter(chunk)
            contents.update(chunk.digests)
            read_ns.update(dict.fromkeys(chunk.read, chunk.started_ns))
            measured += [row for row in chunk.read if row not in chunk.repeats]
            self._repeats.update({row: claimed for row, claimed in chunk.repeats.items() if claimed != ELSEWHERE})
        at = np.array(measured, np.int64)
        self.known.keep(self.table, read_ns, contents, at, {name: column[at] for name, column in self.held.items()})
        self._since = time.monotonic()

    def _scatter(self, chunk: Chunk) -> None:
        for name, (at, values) in chunk.single.items():
            column = self.held[name]
            # One text for all images of a camera, also where they come from other processes.
            column[at] = [self._texts.setdefault(value, value) for value in values] if column.dtype == object else values
        for name, block in chunk.blocks.items():
            self.held[name][chunk.block_rows] = block
        self.held["decoded"][chunk.block_rows] = True
        for row, (state, why) in chunk.statuses.items():
            self.held["status"][row], self.held["reason"][row] = STATUS_CODE[state], why

    def copy_repeats(self) -> None:
        """Give each repeated content what was measured of it elsewhere."""
        if self._repeats:
            to, source = np.array(list(self._repeats.items())).T
            for column in self.held.values():
                column[to] = column[source]


def _empty_column(n: int, probe: Probe) -> Array:
    column = np.empty((n, *probe.shape), probe.dtype)
    column[...] = probe.missing
    return column
