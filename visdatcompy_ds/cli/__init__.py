"""The street door: the command line."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run the command line and end the process with the exit code of the README."""
    # Idle threads of NumPy's matrix library would spin on the cores that decode; they sleep at once instead.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    try:
        from visdatcompy_ds.cli.app import run
    except KeyboardInterrupt:
        sys.exit(130)

    # A command fills tables and ends. Its work leaves no cyclic garbage (tests/cli shows it), so the collector would only go through all of
    # numba and OpenCV again and again to find nothing, and once more at the end.
    gc.disable()
    code = run(sys.argv[1:])
    gc.freeze()
    sys.exit(code)
