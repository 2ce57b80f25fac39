"""Locks: two programs never move files of one folder at the same time."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence

from visdatcompy_ds.base.errors import OutputError
from visdatcompy_ds.base.names import for_display, to_text


@contextlib.contextmanager
def locked(folders: Sequence[bytes]) -> Iterator[None]:
    """Hold locks on those of the folders that exist; they go when the program ends, however it ends.

    Raises
    ------
    OutputError
        When another program holds one of them.

    Notes
    -----
    A lock is advisory and on the folder itself, so nothing is written into it. File systems that know no locks on folders are not locked:
    the look at the keeper after each move covers those.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    held: list[int] = []
    try:
        roots = {os.path.realpath(folder) for folder in folders if os.path.isdir(folder)}
        # What lies above is locked against whoever wants it whole, and not against those who work beside.
        for path in sorted(roots | {above for root in roots for above in _above(root)}):
            try:
                fd = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0))
            except OSError:
                if path in roots:
                    raise
                continue
            held.append(fd)
            try:
                fcntl.flock(fd, (fcntl.LOCK_EX if path in roots else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                    shown = for_display(to_text(path))
                    raise OutputError(f"Another removal is at work in {shown}", "", "Wait until it has ended") from None
        yield
    finally:
        for fd in held:
            os.close(fd)


def _above(path: bytes) -> list[bytes]:
    """Return the folders a path lies in."""
    found = []
    while (parent := os.path.dirname(path)) != path:
        found.append(parent)
        path = parent
    return found
