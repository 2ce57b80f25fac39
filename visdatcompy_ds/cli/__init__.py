"""The street door: the command line."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line and end the process with the exit code of the README."""
    from visdatcompy_ds.cli.app import run

    # A command builds tables and ends: the cyclic collector would go through all of numba and OpenCV again and again to find nothing.
    gc.set_threshold(200_000, 50, 50)
    sys.exit(run(sys.argv[1:]))
