"""One worker process as the parent sees it: pipes, the cell it writes what is in work to, its standard error."""

from __future__ import annotations

import collections
import dataclasses
import mmap
import os
import queue
import sys
import threading
from collections.abc import Sequence
from io import FileIO
from typing import IO, TYPE_CHECKING, Any, cast

from visdatcompy_ds.engine.worker.pipe import CELL, Chunks, Frame, pack, receive, send

if TYPE_CHECKING:
    import subprocess

_ONE_THREAD = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMBA_NUM", "NUMEXPR_NUM", "VECLIB_MAXIMUM")
_SAID_BYTES = 4096
# As ``python -m visdatcompy_ds.engine.worker``, but for the current folder, often one of photos that somebody sent: Python puts it first on
# the path, and a queue.py or numpy.py there would be run. PYTHONSAFEPATH forbids that from 3.11 on only.
_BEGINNING = "import sys; sys.path[:] = filter(None, sys.path); from visdatcompy_ds.engine.worker.__main__ import live; live()"


@dataclasses.dataclass
class Job:
    """A task or a part of one; an item that is `alone` was near a death."""

    items: Sequence[Any]
    alone: bool = False


class Child:
    """A worker process; a thread that starts it and reads from it, and one that writes to it, so that nobody else waits for a pipe.

    The thread that starts it lives as long as it: Linux ends a child with the *thread* that made it.
    """

    def __init__(self, hello: Sequence[Chunks], events: queue.SimpleQueue[tuple[Child, Frame | None]]) -> None:
        self.jobs: collections.deque[Job] = collections.deque()  # sent; the first is in work
        self.again: collections.deque[Job] = collections.deque()  # left by a predecessor, to be sent before others
        self.is_ready = False
        self.finished = 0
        self.seen, self.unchanged_s = (0, -1), 0.0
        self.overdue: tuple[Job | None, int] | None = None
        self._outbox: queue.SimpleQueue[Chunks | None] = queue.SimpleQueue()
        for chunks in hello:
            self._outbox.put(chunks)
        self._process: subprocess.Popen[bytes] | None = None
        self._code: int | None = None
        self._failure = ""
        self._started = threading.Event()
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._reader = threading.Thread(target=self._live, args=(events,), daemon=True)
        self._stderr = _scratch()
        self._cell = _Cell()
        self._environment = _environment()
        self._reader.start()
        self._writer.start()

    def send(self, job: Job) -> None:
        """Hand over a job; it waits its turn there."""
        self._outbox.put(pack(job.items))
        self.jobs.append(job)

    def in_work(self) -> tuple[int, int]:
        """Return how often an item was begun, and which item is in work: -1 for none."""
        return self._cell.read()

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._started.wait()
        if self._process:
            self._process.kill()

    def end(self) -> tuple[int | None, str]:
        """End the process if it lives; return its exit code, None when it gave none, and the end of its standard error."""
        self.kill()
        self._outbox.put(None)
        self._reader.join()
        self._writer.join()
        if self._process:
            cast(FileIO, self._process.stdin).close()
            cast(FileIO, self._process.stdout).close()
        self._cell.close()
        with self._stderr as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - _SAID_BYTES))
            return self._code, self._failure or stream.read().decode("utf-8", "replace")

    def _live(self, events: queue.SimpleQueue[tuple[Child, Frame | None]]) -> None:
        import subprocess

        inherited: dict[str, Any] = {} if sys.platform == "win32" else {"pass_fds": (self._cell.descriptor,)}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BEGINNING, self._cell.name],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env=self._environment,
                start_new_session=True,  # out of the reach of Ctrl-C, from the beginning; so is a process group on Windows
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0),
                **inherited,
            )
            self._started.set()
            while frame := receive(cast(FileIO, self._process.stdout)):
                events.put((self, frame))
            try:
                self._code = self._process.wait(1)
            except subprocess.TimeoutExpired:  # it closed its pipe and lives
                self._process.kill()
                self._process.wait()
        except OSError as error:
            self._failure = str(error)
        finally:
            self._started.set()
            events.put((self, None))

    def _write(self) -> None:
        self._started.wait()
        try:
            while self._process and (chunks := self._outbox.get()):
                send(cast(FileIO, self._process.stdin), chunks)
        except OSError:  # it died, which the reader sees as well
            return


class _Cell:
    """A few bytes that two processes see; `name` is how the child finds them."""

    def __init__(self) -> None:
        if sys.platform == "win32":
            self.name = f"visdatcompy-{os.getpid()}-{id(self)}"
            self._memory = mmap.mmap(-1, CELL.size, tagname=self.name)
        else:
            self._file = _scratch()
            self._file.truncate(CELL.size)
            self.descriptor = self._file.fileno()
            self.name = str(self.descriptor)
            self._memory = mmap.mmap(self.descriptor, CELL.size)
        CELL.pack_into(self._memory, 0, 0, -1)

    def read(self) -> tuple[int, int]:
        beat, item = CELL.unpack_from(self._memory)
        return beat, item

    def close(self) -> None:
        self._memory.close()
        if sys.platform != "win32":
            self._file.close()


def _scratch() -> IO[bytes]:
    """Return a file without a name, in memory where there is such a thing: a full disk does not matter to it."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("visdatcompy"), "w+b", buffering=0)
    import tempfile

    return tempfile.TemporaryFile(buffering=0)


def _environment() -> dict[str, str]:
    """Return the environment of a child: modules where we find them, and libraries on one thread that would take all cores."""
    paths = (os.path.abspath(path) for path in sys.path if isinstance(path, str) and os.pathsep not in path)
    return {**os.environ, **{f"{name}_THREADS": "1" for name in _ONE_THREAD}, "PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"}
