"""The street door: the command line."""

from __future__ import annotations

import contextlib
import gc
import os
import sys


def main() -> None:
    """Run the command line and end the process with the exit code of the README."""
    from visdatcompy_ds.cli.app import run

    # A command builds tables and ends: the cyclic collector would go through all of numba and OpenCV again and again to find nothing.
    gc.set_threshold(200_000, 50, 50)
    code = run(sys.argv[1:])
    # Everything is written and synced. Taking numba and OpenCV apart again would cost each command a sixth of a second.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # the reader has gone, or there is no stream
            stream.flush()
    os._exit(code)
