"""A worker process, which only ``child.py`` starts: like ``python -m visdatcompy_ds.engine.worker CELL``, without the current folder."""

from __future__ import annotations

import gc
import importlib
import mmap
import os
import pickle
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from io import FileIO
from typing import NoReturn

from visdatcompy_ds.engine.worker.pipe import CELL, EXIT_NO_MEMORY, Chunks, Frame, pack, receive, send, unpack

_MOST_CHATTER_BYTES = 1 << 16


def live() -> NoReturn:
    """Work until the parent ends, and end the process in no other way."""
    try:
        main()
    except BaseException:  # SystemExit too: no decoder has a say in how this process ends
        traceback.print_exc()
    finally:
        os._exit(1)


def main() -> None:
    """Work on tasks until the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    tasks, results = _take_pipes()
    _die_with_the_parent()
    begin = _open_cell(sys.argv[1])
    frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks, frames), daemon=True).start()
    paths, modules, most_bytes = unpack(frames.get())
    sys.path[:] = paths
    for name in modules:
        importlib.import_module(name)
    work = unpack(frames.get())
    gc.freeze()  # what is loaded stays: no collection need look at it again
    _limit_memory(most_bytes)
    send(results, pack(("ready", None)))
    while True:
        task = unpack(frames.get())
        begin(-1)
        try:
            result = work(task, begin)
            begin(-1)
            answer = pack(("result", result))
        except MemoryError:
            os._exit(EXIT_NO_MEMORY)  # the cell says which item it was; what this process still holds is anybody's guess
        except Exception as error:
            answer = _report(error)
        send(results, answer)
        _forget_chatter()


def _take_pipes() -> tuple[FileIO, FileIO]:
    """Take the pipes away from standard input and output, so that a library that prints or reads finds others there."""
    tasks, results = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return FileIO(tasks, "r"), FileIO(results, "w")


def _die_with_the_parent() -> None:
    """On Linux, have the kernel do it: a decoder that holds the GIL keeps :func:`_listen` from its work."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _listen(stream: FileIO, frames: queue.SimpleQueue[Frame]) -> None:
    """Take frames off the pipe while the main thread works; when the parent is gone, so is this process, even within a decode."""
    try:
        while frame := receive(stream):
            frames.put(frame)
    finally:
        os._exit(0)


def _open_cell(name: str) -> Callable[[int], None]:
    """Return ``begin``, which writes the item in work into memory that the parent sees: no system call, and the parent need not wake."""
    if sys.platform == "win32":
        memory = mmap.mmap(-1, CELL.size, tagname=name)
    else:
        memory = mmap.mmap(int(name), CELL.size)
    cell = memoryview(memory).cast("q")
    beat = 0

    def begin(item: int) -> None:
        nonlocal beat
        beat += 1
        cell[1] = item
        cell[0] = beat

    return begin


def _limit_memory(most_bytes: int) -> None:
    """Let this process take `most_bytes` more than it has, where the system can hold it to that.

    RLIMIT_DATA counts what can be written to; RLIMIT_AS also what is only reserved: 930 MB, not 280, with numba, OpenBLAS and cv2.
    """
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        with open("/proc/self/statm") as stream:
            most_bytes += int(stream.read().split()[5]) * resource.getpagesize()
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if soft == resource.RLIM_INFINITY or most_bytes < soft:
            resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, hard))
        with open("/proc/self/oom_score_adj", "w") as stream:
            stream.write("500")  # should memory end all the same, a worker is what can be spared
    except (ImportError, OSError, ValueError):  # Windows, macOS, a container without /proc
        return


def _report(error: Exception) -> Chunks:
    """Return an error as one the parent can raise: as it is where it travels, else in words."""
    text = traceback.format_exc()
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    return pack(("error", (error, text)))


def _forget_chatter() -> None:
    """Keep the file that standard error goes to from growing with every picture a decoder complains of."""
    if os.fstat(2).st_size > _MOST_CHATTER_BYTES:
        os.ftruncate(2, 0)
        os.lseek(2, 0, os.SEEK_SET)


if __name__ == "__main__":
    live()
