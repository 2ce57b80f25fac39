"""Where tasks run. What a task does is a function from a task to a result; results come back in the order of the tasks."""

from __future__ import annotations

import collections
import itertools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

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
    """Return the number of threads for ``workers=``: "auto" is one per core, 0 or 1 is serial.

    Raises
    ------
    ArgumentError
        For anything but "auto" or a whole number from 0 to 256.
    """
    if workers == "auto":
        return available_cores()
    if isinstance(workers, bool) or not isinstance(workers, int) or not 0 <= workers <= 256:
        raise ArgumentError(f"workers={workers!r}", 'Allowed: "auto", or a whole number from 0 to 256', "0 and 1 run without threads")
    return max(1, workers)


def available_cores() -> int:
    """Return the cores this process may use, which a container may have made fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    tasks: Sequence[Task],
    work: Callable[[Task], Result],
    workers: Workers = "auto",
) -> Iterator[Result]:
    """Yield ``work(task)`` for each task, in order, on threads when there is more than one worker.

    Notes
    -----
    At most four tasks per worker are in flight, so that results never pile up. Leaving the generator early cancels what has not begun.
    """
    count = min(worker_count(workers), len(tasks))
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
