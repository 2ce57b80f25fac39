"""The street door: the command line."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and end the process with the exit code of the README."""
    from visdatcompy_ds.cli.app import run

    sys.exit(run(sys.argv[1:]))
