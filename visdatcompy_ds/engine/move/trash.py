"""The trash of the desktop, by send2trash."""

from __future__ import annotations

import errno
import os

from visdatcompy_ds.base.errors import MissingDependencyError


def send_to_trash(path: bytes) -> None:
    """Move a file into the trash, and look that it went.

    Raises
    ------
    MissingDependencyError
        When send2trash is not installed.
    OSError
        When the system has no trash for this file, or says it took it and did not.
    """
    try:
        from send2trash import send2trash
    except ImportError:
        raise MissingDependencyError("The trash needs the package send2trash", "", "pip install 'visdatcompy_ds[trash]'") from None
    send2trash(os.fsdecode(path))
    if os.path.lexists(path):
        raise OSError(errno.EIO, "the trash did not take it", path)
