"""Files to Fingerprints: one read and at most one decode per distinct content serve every probe that was asked for."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from visdatcompy_ds.base.errors import ImageError
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.base.tables import STATUS_CODE, Array, Files, Fingerprints
from visdatcompy_ds.catalog.probes import Probe, opencv_threads, select
from visdatcompy_ds.catalog.working import WorkingBlock
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.run import Workers, progress, run

# A task is this many files or bytes, whichever comes first: enough for block probes to pay, little enough to spread evenly.
_TASK_FILES = 24
_TASK_BYTES = 6_000_000


@dataclasses.dataclass(frozen=True)
class Counts:
    """What a pass cost."""

    reads: int = 0
    decodes: int = 0
    bytes_read: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Return the sums."""
        return Counts(self.reads + other.reads, self.decodes + other.decodes, self.bytes_read + other.bytes_read)


@dataclasses.dataclass
class _Chunk:
    """What one task found: values by column, each with the rows it belongs to."""

    files: int
    statuses: dict[int, tuple[Status, str]]
    single: dict[str, tuple[list[int], list[object]]]
    blocks: dict[str, Array]
    block_rows: Array
    digests: dict[int, bytes]
    repeats: set[int]
    counts: Counts


def fingerprint(
    table: Files,
    probes: Iterable[str],
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
) -> tuple[Fingerprints, Counts]:
    """Measure `probes` of every file that is an image by its name.

    Parameters
    ----------
    table : Files
        Rows that hold a picture as far as is known are looked at; the others keep their status.
    probes : iterable of str
        Names from the catalog. Header probes alone read only the beginning of each file.
    workers : int or "auto"
        Threads; the result does not depend on it.
    limits : Limits, optional
        What is refused before a decoder sees it.
    show_progress : bool, optional
        None shows a bar on a terminal when it takes more than two seconds.

    Returns
    -------
    Fingerprints
        A column per probe, ``status`` and ``reason`` brought up to date, and ``decoded``: which rows have a working picture.
    Counts
        Reads, decodes and bytes.
    """
    chosen = select(probes)
    rows = np.flatnonzero(_is_file(table))
    columns = {probe.name: _empty_column(len(table), probe) for probe in chosen}
    decoded = np.zeros(len(table), bool)
    status, reason = table.status.copy(), table.reason.copy()
    worker = _Pass(table.path, [probe.name for probe in chosen], limits or decode.Limits())
    bar = progress(len(rows), "reading images", show_progress)
    counts = Counts()
    measured_row: dict[bytes, int] = {}
    repeats: dict[int, bytes] = {}
    single: dict[str, tuple[list[int], list[object]]] = {}
    blocks: dict[str, list[Array]] = {}
    block_rows: list[Array] = []
    threads = opencv_threads(1) if worker.working else 0
    try:
        # The first image goes alone: it loads decoders and kernels, for which the threads would otherwise wait in each other's way.
        chunks = run([rows[:1]] if len(rows) else [], worker, 1), run(_tasks(rows[1:], table.size_bytes), worker, workers)
        for chunk in itertools.chain.from_iterable(chunks):
            bar.update(chunk.files)
            for name, (at, values) in chunk.single.items():
                rows_of, values_of = single.setdefault(name, ([], []))
                rows_of += at
                values_of += values
            if len(chunk.block_rows):
                block_rows.append(chunk.block_rows)
                for name, block in chunk.blocks.items():
                    blocks.setdefault(name, []).append(block)
            for row, (state, why) in chunk.statuses.items():
                status[row], reason[row] = STATUS_CODE[state], why
            for row, digest in chunk.digests.items():
                if row in chunk.repeats:
                    repeats[row] = digest
                else:
                    measured_row[digest] = row
            counts += chunk.counts
    finally:
        bar.close()
        if worker.working:
            opencv_threads(threads)
    for name, (at, values) in single.items():
        columns[name][at] = values
    if block_rows:  # at the end, and not chunk by chunk beside the working threads
        places = np.concatenate(block_rows)
        decoded[places] = True
        for name, parts in blocks.items():
            columns[name][places] = np.concatenate(parts)
    _copy_repeats(repeats, measured_row, [*columns.values(), decoded, status, reason])
    measured = dataclasses.replace(table, status=status, reason=reason)
    return Fingerprints(measured, {**columns, "decoded": decoded}), counts


def _empty_column(n: int, probe: Probe) -> Array:
    column = np.empty((n, *probe.shape), probe.dtype)
    column[...] = probe.missing
    return column


def _tasks(rows: Array, sizes: Array) -> list[Array]:
    """Cut rows into tasks of bounded files and bytes, in order, smaller towards the end: so that no thread waits long for the last one."""
    tasks, start, filled = [], 0, 0
    for at, size in enumerate(sizes[rows].tolist()):
        most = min(_TASK_FILES, max(8, (len(rows) - start) // 8))
        if at > start and (at - start >= most or filled + size > _TASK_BYTES):
            tasks.append(rows[start:at])
            start, filled = at, 0
        filled += size
    if start < len(rows):
        tasks.append(rows[start:])
    return tasks


def _is_file(table: Files) -> Array:
    """Return a mask of the rows that are images by name and can be opened, whatever an earlier pass made of them."""
    broken = table.has_status(Status.UNREADABLE, Status.REFUSED) & (table.mtime_ns != 0)  # a folder that could not be listed has no time
    mask: Array = table.has_status(Status.OK, Status.RECOVERED, Status.DAMAGED) | broken
    return mask


def _copy_repeats(repeats: dict[int, bytes], measured_row: dict[bytes, int], columns: Sequence[Array]) -> None:
    """Give each repeated content what was measured of it elsewhere."""
    if not repeats:
        return
    to, source = np.array([(row, measured_row[digest]) for row, digest in repeats.items()]).T
    for column in columns:
        column[to] = column[source]


class _Pass:
    """The work on one task: rows in, plain values out. It holds probes by name, so that a process can take the place of a thread."""

    def __init__(self, paths: Array, names: Sequence[str], limits: decode.Limits) -> None:
        self.paths, self.names, self.limits = paths, list(names), limits
        probes = select(names)
        self.header = [probe for probe in probes if probe.reads == "header"]
        self.metadata = [probe for probe in self.header if probe.needs_metadata]
        self.facts = [probe for probe in self.header if not probe.needs_metadata]
        self.working = [probe for probe in probes if probe.reads == "working"]
        self.other_bytes = [probe for probe in probes if probe.reads == "bytes" and probe.name != "sha256"]
        self.keeps_digest = any(probe.name == "sha256" for probe in probes)
        self.needs_all = bool(self.working or self.other_bytes or self.keeps_digest)
        # Which row claimed a content first; dict.setdefault is atomic, so two threads never decode the same content.
        self.first: dict[bytes, int] = {}

    def __reduce__(self) -> tuple[type[_Pass], tuple[Array, list[str], decode.Limits]]:
        """Travel to another process as what it was made of."""
        return _Pass, (self.paths, self.names, self.limits)

    def __call__(self, rows: Array) -> _Chunk:
        single: dict[str, tuple[list[int], list[object]]] = {}
        chunk = _Chunk(len(rows), {}, single, {}, np.empty(0, np.int64), {}, set(), Counts())
        pictures = np.empty((len(rows) if self.working else 0, decode.WORKING_SIDE, decode.WORKING_SIDE, 3), np.uint8)
        picture_rows: list[int] = []
        shorter_sides: list[int] = []
        headers: list[decode.Header] = []
        header_rows: list[int] = []
        reads = bytes_read = decodes = 0
        for row in rows.tolist():
            try:
                data = files.read(self.paths[row], None if self.needs_all else decode.HEAD_BYTES)
            except OSError as error:
                chunk.statuses[row] = _reading_failed(error)
                continue
            reads, bytes_read = reads + 1, bytes_read + len(data)
            if self.needs_all and self._is_repeat(row, data, chunk):
                continue
            try:
                header = self._header(row, data)
                header_rows.append(row)
                headers.append(header)
                self._note_metadata(row, header, single)
                for probe in self.other_bytes:
                    _note(single, probe.name, row, probe.compute(data))
                if not self.working:
                    continue
                decodes += 1
                picture = decode.decode_working(data, header)
            except ImageError as error:
                chunk.statuses[row] = (error.status, error.reason)
                continue
            except OSError as error:  # gone between the head and the whole
                chunk.statuses[row] = _reading_failed(error)
                continue
            if picture.status is not Status.OK:
                chunk.statuses[row] = (picture.status, picture.reason)
            pictures[len(picture_rows)] = picture.pixels
            picture_rows.append(row)
            shorter_sides.append(min(header.width, header.height))
        for probe in self.facts:
            single[probe.name] = header_rows, [probe.compute(header, None) for header in headers]
        if picture_rows:
            block = WorkingBlock(pictures[: len(picture_rows)], np.array(shorter_sides))
            chunk.blocks = {probe.name: probe.compute(block) for probe in self.working}
            chunk.block_rows = np.array(picture_rows)
        chunk.counts = Counts(reads, decodes, bytes_read)
        return chunk

    def _is_repeat(self, row: int, data: bytes, chunk: _Chunk) -> bool:
        digest = hashlib.sha256(data).digest()
        chunk.digests[row] = digest
        if self.keeps_digest:
            _note(chunk.single, "sha256", row, np.frombuffer(digest, np.uint8))
        if self.first.setdefault(digest, row) == row:
            return False
        chunk.repeats.add(row)
        return True

    def _header(self, row: int, data: bytes) -> decode.Header:
        complete = self.needs_all or len(data) < decode.HEAD_BYTES
        try:
            return decode.read_header(data, self.limits, complete=complete)
        except ImageError:
            if complete:
                raise
            return decode.read_header(files.read(self.paths[row]), self.limits)

    def _note_metadata(self, row: int, header: decode.Header, single: dict[str, tuple[list[int], list[object]]]) -> None:
        if self.metadata and (header.exif or header.xmp):
            metadata = decode.read_metadata(header)
            for probe in self.metadata:
                _note(single, probe.name, row, probe.compute(header, metadata))


def _note(single: dict[str, tuple[list[int], list[object]]], name: str, row: int, value: object) -> None:
    rows, values = single.setdefault(name, ([], []))
    rows.append(row)
    values.append(value)


def _reading_failed(error: OSError) -> tuple[Status, str]:
    if isinstance(error, FileNotFoundError):
        return Status.VANISHED, "no such file"
    return Status.UNREADABLE, files.describe(error)
