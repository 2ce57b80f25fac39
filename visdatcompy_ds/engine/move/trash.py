"""The trash of the desktop, by send2trash."""

from __future__ import annotations

import errno
import importlib.util
import os

from visdatcompy_ds.base.errors import MissingDependencyError


def require_trash() -> None:
    """Raise where the package for the trash is missing: before anything moves.

    Raises
    ------
    MissingDependencyError
        When send2trash is not installed.
    """
    if importlib.util.find_spec("send2trash") is None:
        raise MissingDependencyError("The trash needs the package send2trash", "", "pip install 'visdatcompy_ds[trash]'")


def send_to_trash(path: bytes) -> None:
    """Move a file into the trash, and look that it went.

    Raises
    ------
    OSError
        When the system has no trash for this file, or says it took it and did not.
    """
    from send2trash import send2trash

    send2trash(os.fsdecode(path))
    if os.path.lexists(path):
        raise OSError(errno.EIO, "the trash did not take it", path)
