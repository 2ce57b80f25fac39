"""Putting files into folders without ever overwriting one."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile

from visdatcompy_ds.base.errors import ArgumentError

HOW = ("copy", "hardlink", "symlink")


def place(source: bytes, target: bytes, how: str) -> None:
    """Make `source` appear at `target`, whose folder is made where needed.

    Parameters
    ----------
    source, target : bytes
        Paths.
    how : {"copy", "hardlink", "symlink"}
        A copy has the times of its source and appears whole or not at all; a link of either kind follows links to the real file.

    Raises
    ------
    FileExistsError
        When something has the name already.
    OSError
        When the disk is full, does not know such links, or cannot be written.
    """
    os.makedirs(os.path.dirname(target), exist_ok=True)
    real = os.path.realpath(source)
    if how == "symlink":
        os.symlink(real, target)
    elif how == "hardlink":
        os.link(real, target)
    elif how == "copy":
        _copy(real, target)
    else:
        raise ArgumentError(f"how={how!r}", f"Allowed: {', '.join(HOW)}")


def _copy(source: bytes, target: bytes) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    descriptor, temporary = tempfile.mkstemp(prefix=b".visdatcompy-", dir=os.path.dirname(target))
    try:
        with os.fdopen(descriptor, "wb") as out, open(source, "rb") as stream:
            shutil.copyfileobj(stream, out, 1 << 20)
        shutil.copystat(source, temporary)
        try:
            os.link(temporary, target)  # unlike a rename, a link never overwrites
        except OSError as error:
            if error.errno == errno.EEXIST:
                raise
            _rename_without_links(temporary, target)
            return
        os.unlink(temporary)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _rename_without_links(temporary: bytes, target: bytes) -> None:
    """Claim the name by an exclusive create, then put the file over the claim: for file systems without links."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    os.replace(temporary, target)
