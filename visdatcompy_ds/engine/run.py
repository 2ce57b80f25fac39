"""Where tasks run. What a task does is a function from a task to a result; results come back in the order of the tasks."""

from __future__ import annotations

import collections
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Literal, Protocol, TypeVar

from visdatcompy_ds.base.errors import ArgumentError

Task = TypeVar("Task")
Result = TypeVar("Result")
Workers = int | str


class Progress(Protocol):
    """What a progress bar must be able to do."""

    def update(self, n: int) -> object:
        """Count `n` more."""

    def close(self) -> object:
        """End the bar."""


def worker_count(workers: Workers) -> int:
    """Return the number of workers that ``workers=`` asks for: one per core where it names none, 1 for serial work.

    Parameters
    ----------
    workers : int or str
        "auto"; a whole number, where 0 and 1 are serial; "threads" or "processes", alone or as in "threads:4".

    Raises
    ------
    ArgumentError
        For anything else, and for numbers outside 0 to 256 (1 to 256 after a colon).
    """
    _, count = _parse_workers(workers)
    return available_cores() if count is None else max(1, count)


def worker_kind(workers: Workers) -> Literal["auto", "threads", "processes"]:
    """Return what ``workers=`` asks for: "auto" where it leaves the kind to us.

    Raises
    ------
    ArgumentError
        As :func:`worker_count`.
    """
    return _parse_workers(workers)[0]


def _parse_workers(workers: Workers) -> tuple[Literal["auto", "threads", "processes"], int | None]:
    if isinstance(workers, int) and not isinstance(workers, bool) and 0 <= workers <= 256:
        return "auto", workers
    if isinstance(workers, str):
        kind, colon, number = workers.partition(":")
        count = int(number) if number.isdecimal() and len(number) <= 3 else 0
        if kind == "auto" and not colon:
            return "auto", None
        if not colon or 1 <= count <= 256:
            named = count if colon else None
            if kind == "threads":
                return "threads", named
            if kind == "processes":
                return "processes", named
    raise ArgumentError(
        f"workers={workers!r}",
        'Allowed: "auto", a whole number from 0 to 256, "threads", "processes", or these with a number: "threads:4"',
        "0 and 1 run without threads",
    )


def available_cores() -> int:
    """Return the cores this process may use, which a container may have made fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    tasks: Iterable[Task],
    work: Callable[[Task], Result],
    workers: Workers = "auto",
) -> Iterator[Result]:
    """Yield ``work(task)`` for each task, in order, on threads when there is more than one worker.

    Notes
    -----
    Tasks are taken from `tasks` as they are needed, by the caller's thread. At most four tasks per worker are in flight, so that results
    never pile up. Leaving the generator early cancels what has not begun.
    """
    count = worker_count(workers)
    if isinstance(tasks, Sized):
        count = min(count, len(tasks))
    if count <= 1:
        yield from map(work, tasks)
        return
    from concurrent.futures import Future, ThreadPoolExecutor

    pending: collections.deque[Future[Result]] = collections.deque()
    pool = ThreadPoolExecutor(count, thread_name_prefix="visdatcompy")
    try:
        waiting = iter(tasks)
        while True:
            for task in itertools.islice(waiting, 4 * count - len(pending)):
                pending.append(pool.submit(work, task))
            if not pending:
                return
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Quiet:
    """A progress bar that shows nothing."""

    def update(self, n: int) -> None:
        """Count nothing."""

    def close(self) -> None:
        """Close nothing."""


def progress(total: int, what: str, show: bool | None = None, unit: str = "img") -> Progress:
    """Return a progress bar for `total` items that appears after two seconds, on a terminal only.

    Parameters
    ----------
    total : int
        Number of items.
    what : str
        What is being done, in a few words.
    show : bool, optional
        True shows the bar also where standard error is no terminal, False never; None decides by the terminal.
    unit : str
        What is counted.
    """
    if show is False or (show is None and not (sys.stderr and sys.stderr.isatty())):
        return _Quiet()
    from tqdm import tqdm

    bar: Progress = tqdm(total=total, desc=what, unit=unit, unit_scale=total > 100_000, delay=2, leave=False, mininterval=0.2)
    return bar
