"""The parent's side: a crew of worker processes, what each has in work, and what becomes of that when one dies.

All decisions are made in the thread that asks for results; the threads of a child only start it and move frames.
"""

from __future__ import annotations

import atexit
import importlib.machinery
import io
import itertools
import pickle
import queue
import sys
import time
import types
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from signal import Signals
from typing import Any, BinaryIO, Protocol, TypeVar

from visdatcompy_ds.base.errors import MissingDependencyError
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.engine.worker.child import Child, Job
from visdatcompy_ds.engine.worker.pipe import EXIT_NO_MEMORY, Frame, pack, unpack

Item = TypeVar("Item")
Result = TypeVar("Result")
ItemIn = TypeVar("ItemIn", contravariant=True)
ResultOut = TypeVar("ResultOut", covariant=True)

_MOST_QUIET_S = 300.0  # for start-up, and for work on no single item: kernels may have to be compiled
_MOST_FAILED_STARTS = 3


class Work(Protocol[ItemIn, ResultOut]):
    """What is done with a task. It travels to each worker once, by pickle, and is called there."""

    @property
    def modules(self) -> Sequence[str]:
        """Modules that a worker imports first, such as those of a user's own probes; the attribute may be missing."""

    def __call__(self, task: Sequence[ItemIn], begin: Callable[[int], None]) -> ResultOut:
        """Return what comes of a task. Call ``begin(k)`` before item `k` of it, ``begin(-1)`` when no single item is in work any more."""

    def lost(self, item: ItemIn, status: Status, reason: str) -> ResultOut:
        """Return what stands for an item that cost a worker its life; called in the parent."""


def run_isolated(
    tasks: Iterable[Sequence[Item]], work: Work[Item, Result], count: int, most_seconds: float, most_bytes: int
) -> Generator[Result, None, None]:
    """Yield what `work` makes of `tasks`, in processes: a death, a hang or hunger for memory costs the one item that was in work.

    Parameters
    ----------
    tasks : iterable of sequences
        Pulled when a worker has room, so that later tasks may depend on earlier results. One that ended is asked again after each result.
    work : Work
        What is done; see :func:`why_not` for what cannot travel.
    count : int
        Number of processes. They are started, all at once, by this call and not by the first ``next``.
    most_seconds : float
        The longest that one item may be in work.
    most_bytes : int
        Memory that a process may take for its work, on top of what it has when it begins.

    Returns
    -------
    generator
        Results as they come; one of each task, or several when it lost an item. Closing it ends the processes: use ``contextlib.closing``.

    Raises
    ------
    MissingDependencyError
        No worker process can be started here.
    Exception
        Whatever `work` raises, with the traceback of the worker as its cause.

    Notes
    -----
    An item is lost when it was the first of a fresh worker and alone, and that worker died: whatever was only near a death is done again.
    An item that exceeds its time has no second try.
    """
    results = _isolated(iter(tasks), work, count, most_seconds, most_bytes)
    next(results)  # a generator that has begun also ends its workers when it is dropped unused
    return results


def why_not(work: object) -> str:
    """Return why `work` cannot run in processes here, in words, or "" when it can."""
    if not sys.executable or getattr(sys, "frozen", False):
        return "there is no Python executable to start a worker with"
    pickler = _Names(io.BytesIO(), 5)
    try:
        pickler.dump(work)
    except (pickle.PicklingError, AttributeError, TypeError, RecursionError) as error:
        return f"the work cannot travel to a worker ({error})"
    for name in sorted({*pickler.modules, *getattr(work, "modules", ())}):
        if name == "__main__":
            return "something is defined in the script or notebook itself; a worker can only import it from a module"
        if not _is_importable(name):
            return f"a worker cannot import the module {name}"
    return ""


class _Names(pickle.Pickler):
    """A pickler that notes the modules which are needed to read what it writes."""

    def __init__(self, stream: BinaryIO, protocol: int) -> None:
        super().__init__(stream, protocol)
        self.modules: set[str] = set()

    def reducer_override(self, thing: object) -> Any:
        if isinstance(thing, (type, types.FunctionType)) and thing.__module__:
            self.modules.add(thing.__module__)
        return NotImplemented


def _is_importable(name: str) -> bool:
    """Say whether a module can be found by its name; that it is loaded here proves nothing."""
    path: Sequence[str] | None = None
    for part in itertools.accumulate(name.split("."), "{}.{}".format):
        if part != name.partition(".")[0] and path is None:
            return False  # within something that is no package
        specs = (finder.find_spec(part, path) for finder in sys.meta_path if hasattr(finder, "find_spec"))
        spec: importlib.machinery.ModuleSpec | None = next(filter(None, specs), None)
        if spec is None:
            return False
        path = spec.submodule_search_locations
    return True


class _Crew:
    """Children, and who does what."""

    def __init__(self, work: Work[Any, Any], count: int, most_seconds: float, most_bytes: int) -> None:
        self._work, self._most_seconds, self._most_bytes = work, most_seconds, most_bytes
        paths = [path for path in sys.path if isinstance(path, str)]
        self._hello = [pack((paths, list(getattr(work, "modules", ())), most_bytes)), pack(work)]
        self._events: queue.SimpleQueue[tuple[Child, Frame | None]] = queue.SimpleQueue()
        self._tick = min(0.25, most_seconds / 4)
        self._looked = time.monotonic()
        self._failed_starts, self._has_started = 0, False
        self._children: list[Child] = []
        atexit.register(self.close)  # later, threads cannot be joined any more
        try:
            for _ in range(max(1, count)):
                self._children.append(Child(self._hello, self._events))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all processes, and wait until they are gone."""
        for child in self._children:
            child.kill()
        while self._children:
            self._children.pop().end()
        atexit.unregister(self.close)

    def results(self, tasks: Iterator[Sequence[Any]]) -> Iterator[Any]:
        """Yield results until there are neither tasks nor work."""
        while self._hand_out(tasks):
            child, frame = self._next_event()
            if frame is None:
                yield from self._replace(child)
                continue
            kind, value = unpack(frame)
            if kind == "ready":
                child.is_ready, self._has_started, self._failed_starts = True, True, 0
            elif kind == "error":
                error, text = value
                raise error from WorkerError(text)
            else:
                child.jobs.popleft()
                child.finished += 1
                yield value

    def _hand_out(self, tasks: Iterator[Sequence[Any]]) -> bool:
        """Give each child one job to do and one to go on with; say whether anything is in work."""
        for depth in (1, 2):
            for child in self._children:
                if len(child.jobs) >= depth:
                    continue
                if child.again:
                    child.send(child.again.popleft())
                elif (task := next(tasks, None)) is not None:
                    child.send(Job(task))
        return any(child.jobs for child in self._children)

    def _next_event(self) -> tuple[Child, Frame | None]:
        while True:
            self._watch()
            try:
                return self._events.get(timeout=self._tick)
            except queue.Empty:
                continue

    def _watch(self) -> None:
        """End children whose item takes too long.

        What counts is time seen to pass, in short steps: a laptop that slept or a parent that was stopped makes no item late.
        """
        passed = time.monotonic() - self._looked
        if passed < self._tick:
            return
        self._looked += passed
        for child in self._children:
            seen = child.in_work()
            if seen != child.seen or (child.is_ready and not child.jobs) or child.overdue:
                child.seen, child.unchanged_s = seen, 0.0
                continue
            child.unchanged_s += min(passed, 2 * self._tick)
            if child.unchanged_s > (self._most_seconds if seen[1] >= 0 else _MOST_QUIET_S):
                child.overdue = (child.jobs[0] if child.jobs else None, seen[1])
                child.kill()

    def _replace(self, child: Child) -> Iterator[Any]:
        """Start a fresh child in place of a dead one, with what is left of its work; yield what stands for an item that was lost."""
        _, at = child.in_work()
        code, said = child.end()
        reason = self._reason(code)
        place = self._children.index(child)
        del self._children[place]
        if not child.is_ready:
            self._failed_starts += 1
            was_killed = code is not None and code < 0 and not child.overdue  # by want of memory, perhaps, which may pass
            if self._failed_starts >= _MOST_FAILED_STARTS or not (was_killed or self._has_started):
                why = said.strip().rpartition("\n")[2] or (f"not ready in {_MOST_QUIET_S:g} s" if child.overdue else reason)
                raise MissingDependencyError(f"Worker processes cannot be started here: {why}", "", 'Use workers="threads"')
            lost, parts = None, list[Job]()
        else:
            lost, parts = self._settle(child, at, reason)
        fresh = Child(self._hello, self._events)
        self._children.insert(place, fresh)
        fresh.again.extend(part for part in (*parts, *child.jobs, *child.again) if len(part.items))
        if lost:
            yield self._work.lost(*lost)

    def _settle(self, child: Child, at: int, reason: str) -> tuple[tuple[Any, Status, str] | None, list[Job]]:
        """Return which item a death has cost, if any, and what has to be done again of the job that was in work."""
        if not child.jobs:
            return None, []
        job = child.jobs.popleft()
        at = at if at < len(job.items) else -1
        status, is_proven = Status.CRASHED, job.alone and not child.finished
        if child.overdue and child.overdue[0] is job:
            most = _MOST_QUIET_S if child.overdue[1] < 0 else self._most_seconds
            status, reason = Status.TIMEOUT, f"took longer than {most:g} s"
            at, is_proven = child.overdue[1], is_proven or child.overdue[1] >= 0
        if at < 0 and not is_proven:
            return None, [Job(job.items[k : k + 1], alone=True) for k in range(len(job.items))]
        at = max(at, 0)
        others = [Job(job.items[:at]), Job(job.items[at + 1 :])]
        if is_proven:
            return (job.items[at], status, reason), others
        return None, [Job(job.items[at : at + 1], alone=True), *others]

    def _reason(self, code: int | None) -> str:
        if code == EXIT_NO_MEMORY:
            unit = 1e9 if self._most_bytes % (1 << 30) else 1 << 30
            return f"out of memory (limit {round(self._most_bytes / unit, 1):g} GB)"
        if code == -9:
            return "killed, probably out of memory"
        if code is None:
            return "the worker no longer answered"
        if code < 0:
            name = next((signal.name for signal in Signals if signal == -code), f"signal {-code}")
            return f"decoder crashed ({name})"
        return f"decoder ended the process (exit code {code})"


class WorkerError(Exception):
    """Where in a worker an error was raised; the cause of the error that the parent raises."""

    def __str__(self) -> str:
        """Return the traceback as it was written there."""
        return f"in a worker process:\n\n{self.args[0]}"


def _isolated(tasks: Iterator[Any], work: Work[Any, Any], count: int, most_seconds: float, most_bytes: int) -> Generator[Any, None, None]:
    crew = _Crew(work, count, most_seconds, most_bytes)
    try:
        yield None
        yield from crew.results(tasks)
    finally:
        crew.close()
