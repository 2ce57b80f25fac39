"""The work on a few files: paths in, plain values out. It keeps nothing between calls, so that any thread or process may do it."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from visdatcompy_ds.base.errors import ImageError
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.base.tables import Array
from visdatcompy_ds.catalog.probes import opencv_threads, select
from visdatcompy_ds.catalog.working import WorkingBlock
from visdatcompy_ds.engine import decode, files

ELSEWHERE = -1


class Item(NamedTuple):
    """One file to read.

    Attributes
    ----------
    row : int
        Of the table.
    path : bytes
    known : dict of bytes to int, optional
        Contents of files of its size by digest, with the row that is measured for all of them. All items of a size share it on the threads
        of a process, so that no content is decoded twice there.
    is_asked : bool
        Only its content is asked for: an earlier run may have measured that of another file.
    """

    row: int
    path: bytes
    known: dict[bytes, int] | None = None
    is_asked: bool = False


@dataclasses.dataclass(frozen=True)
class Counts:
    """What a pass cost: reads, decodes, bytes; images of which earlier runs knew all (`known`), and those recognised by their content."""

    reads: int = 0
    decodes: int = 0
    bytes_read: int = 0
    known: int = 0
    recognised: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Return the sums."""
        return Counts(*(getattr(self, field.name) + getattr(other, field.name) for field in dataclasses.fields(self)))


@dataclasses.dataclass
class Chunk:
    """What was found in some files: values by column, each with the rows it belongs to.

    Attributes
    ----------
    files : int
        Number of files looked at.
    started_ns : int
        When the first of them was read.
    statuses : dict of row to (Status, reason)
        Of those that are not ok.
    read : list of int
        Rows whose content was seen; what becomes of the others says nothing of it.
    digests : dict of row to bytes
        sha256 of the whole file.
    repeats : dict of int to int
        Rows whose content was known, with the row that is measured for it, or ELSEWHERE: nothing else was measured of these.
    asked : list of int
        Rows of which only the digest was asked for.
    single : dict of column to (rows, values)
    blocks : dict of column to (k, ...) array, for `block_rows`
    """

    files: int
    started_ns: int = 0
    statuses: dict[int, tuple[Status, str]] = dataclasses.field(default_factory=dict)
    read: list[int] = dataclasses.field(default_factory=list)
    digests: dict[int, bytes] = dataclasses.field(default_factory=dict)
    repeats: dict[int, int] = dataclasses.field(default_factory=dict)
    asked: list[int] = dataclasses.field(default_factory=list)
    single: dict[str, tuple[list[int], list[object]]] = dataclasses.field(default_factory=dict)
    blocks: dict[str, Array] = dataclasses.field(default_factory=dict)
    block_rows: Array = dataclasses.field(default_factory=lambda: np.empty(0, np.int64))
    counts: Counts = dataclasses.field(default_factory=Counts)

    def note(self, name: str, row: int, value: object) -> None:
        """Keep one value."""
        rows, values = self.single.setdefault(name, ([], []))
        rows.append(row)
        values.append(value)


class Reading:
    """Reads files and measures probes.

    Parameters
    ----------
    names : sequence of str
        Probes of the catalog. It travels to another process as these names and the limits.
    limits : Limits
    """

    def __init__(self, names: Sequence[str], limits: decode.Limits) -> None:
        self.names, self.limits = list(names), limits
        probes = select(names)
        self.header = [probe for probe in probes if probe.reads == "header"]
        self.metadata = [probe for probe in self.header if probe.needs_metadata]
        self.facts = [probe for probe in self.header if not probe.needs_metadata]
        self.working = [probe for probe in probes if probe.reads == "working"]
        self.other_bytes = [probe for probe in probes if probe.reads == "bytes" and probe.name != "sha256"]
        self.keeps_digest = any(probe.name == "sha256" for probe in probes)
        self.needs_all = bool(self.working or self.other_bytes or self.keeps_digest)
        self.modules = sorted({probe.home for probe in probes if not probe.is_ours})

    def __reduce__(self) -> tuple[Callable[..., Reading], tuple[list[str], decode.Limits]]:
        """Travel to another process as what it was made of."""
        return _arrived, (self.names, self.limits)

    def __call__(self, task: Sequence[Item], begin: Callable[[int], None] = lambda at: None) -> Chunk:
        """Return what is in some files; `begin` is told which of them is in work, -1 for none of its own."""
        chunk = Chunk(len(task), time.time_ns())
        pictures = np.empty((len(task) if self.working else 0, decode.WORKING_SIDE, decode.WORKING_SIDE, 3), np.uint8)
        picture_rows: list[int] = []
        shorter_sides: list[int] = []
        headers: list[decode.Header] = []
        header_rows: list[int] = []
        reads = bytes_read = decodes = 0
        for at, (row, path, known, is_asked) in enumerate(task):
            begin(-1)  # a disk that wakes up is no fault of the image
            try:
                data = files.read(path, None if self.needs_all else decode.HEAD_BYTES, self.limits.check_size)
            except (OSError, ImageError, MemoryError) as error:
                chunk.statuses[row] = reading_failed(error)
                continue
            begin(at)
            reads, bytes_read = reads + 1, bytes_read + len(data)
            chunk.read.append(row)
            if self.needs_all and self._is_settled(row, data, known, is_asked, chunk):
                continue
            try:
                header = self._header(path, data)
                header_rows.append(row)
                headers.append(header)
                self._note_metadata(row, header, chunk)
                for probe in self.other_bytes:
                    chunk.note(probe.name, row, probe.compute(data))
                if not self.working:
                    continue
                decodes += 1
                picture = decode.decode_working(data, header)
            except ImageError as error:
                chunk.statuses[row] = (error.status, error.reason)
                continue
            except OSError as error:  # gone between the head and the whole
                chunk.statuses[row] = reading_failed(error)
                chunk.read.pop()
                continue
            if picture.status is not Status.OK:
                chunk.statuses[row] = (picture.status, picture.reason)
            pictures[len(picture_rows)] = picture.pixels
            picture_rows.append(row)
            shorter_sides.append(min(header.width, header.height))
        begin(-1)
        for probe in self.facts:
            chunk.single[probe.name] = header_rows, [probe.compute(header, None) for header in headers]
        if picture_rows:
            block = WorkingBlock(pictures[: len(picture_rows)], np.array(shorter_sides))
            chunk.blocks = {probe.name: probe.compute(block) for probe in self.working}
            chunk.block_rows = np.array(picture_rows)
        chunk.counts = Counts(reads, decodes, bytes_read)
        return chunk

    def lost(self, item: Item, status: Status, reason: str) -> Chunk:
        """Return what is left to say of a file that cost a worker its life."""
        chunk = Chunk(1, time.time_ns(), {item.row: (status, reason)})
        if not self.needs_all:
            return chunk
        try:
            digest = files.digest(item.path)
        except OSError:
            return chunk
        if self.keeps_digest:
            chunk.note("sha256", item.row, np.frombuffer(digest, np.uint8))
        # What may pass by itself, a machine without memory or a disk that hung, is no fact about the content.
        if (status is Status.CRASHED and "killed" not in reason) or reason == f"took longer than {self.limits.max_seconds:g} s":
            chunk.digests[item.row] = digest
            chunk.read.append(item.row)
        return chunk

    def _is_settled(self, row: int, data: bytes, known: dict[bytes, int] | None, is_asked: bool, chunk: Chunk) -> bool:
        """Note a file's digest, and tell whether that is all: it was all that was asked for, or another file has this content."""
        digest = hashlib.sha256(data).digest()
        chunk.digests[row] = digest
        if is_asked:
            chunk.asked.append(row)
            return True
        if self.keeps_digest:
            chunk.note("sha256", row, np.frombuffer(digest, np.uint8))
        claimed = row if known is None else known.setdefault(digest, row)  # one step, whatever other threads do
        if claimed != row:
            chunk.repeats[row] = claimed
        return claimed != row

    def _header(self, path: bytes, data: bytes) -> decode.Header:
        complete = self.needs_all or len(data) < decode.HEAD_BYTES
        try:
            return decode.read_header(data, self.limits, complete=complete)
        except ImageError:
            if complete:
                raise
            return decode.read_header(files.read(path, None, self.limits.check_size), self.limits)

    def _note_metadata(self, row: int, header: decode.Header, chunk: Chunk) -> None:
        if self.metadata and (header.exif or header.xmp):
            metadata = decode.read_metadata(header)
            for probe in self.metadata:
                chunk.note(probe.name, row, probe.compute(header, metadata))


def _arrived(names: Sequence[str], limits: decode.Limits) -> Reading:
    """Return the work in a process of its own, with all loaded, and compiled where that was never done: no image is to wait for it."""
    reading = Reading(names, limits)
    if reading.working:
        opencv_threads(1)
        from visdatcompy_ds.engine.decode.encode import encode_jpeg

        data = encode_jpeg(np.zeros((decode.WORKING_SIDE, decode.WORKING_SIDE, 3), np.uint8), 50)
        block = WorkingBlock(decode.decode_working(data, decode.read_header(data)).pixels[None], np.array([decode.WORKING_SIDE]))
        for probe in reading.working:
            probe.compute(block)
    return reading


def reading_failed(error: OSError | ImageError | MemoryError) -> tuple[Status, str]:
    """Return status and reason of a file that could not be read."""
    if isinstance(error, ImageError):
        return error.status, error.reason
    if isinstance(error, MemoryError):
        return Status.CRASHED, "out of memory"
    if isinstance(error, FileNotFoundError):
        return Status.VANISHED, "no such file"
    return Status.UNREADABLE, files.describe(error)
