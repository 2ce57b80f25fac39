"""The street door: the command line."""

from __future__ import annotations

import _thread
import atexit
import contextlib
import gc
import os
import signal
import sys
import threading

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and end the process with the exit code of the README."""
    ends: list[int] = []
    atexit.register(_end_by, ends)  # registered first, it is called last
    # Until the command begins there is nothing to end in good order, and an import that swallows KeyboardInterrupt would go on.
    hears = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # nohup and the like have it ignored
    if hears:
        signal.signal(signal.SIGINT, _leave)
    # Idle threads of NumPy's matrix library would spin on the cores that decode; they sleep at once instead.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    from visdatcompy_ds.cli.app import run

    # A command fills tables and ends. Its work leaves no cyclic garbage (tests/cli shows it), so the collector would only go through all of
    # numba and OpenCV again and again to find nothing, and once more at the end.
    gc.disable()
    try:
        if hears:
            _hear_all()
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before it began, or once more while it ended
        code = _INTERRUPTED
    if hears:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done and said; tidying up is no moment for a traceback
    if code == _INTERRUPTED:
        ends.append(code)
    gc.freeze()
    sys.exit(code)


def _hear_all() -> None:
    """Have Ctrl-C heard also where Python would only print it and go on: within a destructor, as llvmlite has many."""
    before = sys.unraisablehook

    def again(swallowed: sys.UnraisableHookArgs) -> None:
        if not issubclass(swallowed.exc_type, KeyboardInterrupt):
            before(swallowed)
            return
        later = threading.Timer(0.02, _thread.interrupt_main)  # here and now it would be swallowed once more
        later.daemon = True
        later.start()

    sys.unraisablehook = again


def _leave(*_: object) -> None:
    """End at once."""
    os.write(2, b"Interrupted.\n")
    os._exit(_INTERRUPTED)


def _end_by(codes: list[int]) -> None:
    """End the process with a code where there is one.

    Where KeyboardInterrupt passed through an ``exec`` of text, as ``dataclasses`` has them, Python would end itself by the signal all the
    same.
    """
    for code in codes:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(code)
