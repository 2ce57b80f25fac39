"""Disk: finding files without following folder links, reading them without hanging, writing them without halves.

Works on bytes paths, so that no name is unreadable; knows nothing of images.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import secrets
import stat
from collections.abc import Iterator

# A folder that holds this file was made by us (results, a quarantine): it is never scanned as a source.
MARKER = b".visdatcompy_ds"
SYSTEM_FOLDERS = frozenset(
    {b".Trashes", b".Spotlight-V100", b".fseventsd", b"@eaDir", b"$RECYCLE.BIN", b"System Volume Information", b".git"}
)


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """One thing found by a walk; ``problem`` is empty for a regular file, else it says what stands in the way."""

    path: bytes
    name: bytes
    stat: os.stat_result | None
    problem: str
    is_folder: bool = False
    is_link: bool = False


def walk(root: bytes, recursive: bool = True) -> Iterator[Found]:
    """Yield everything below `root`: files, and what is passed over with the reason. No recursion, no folder links.

    Notes
    -----
    Order is that of the file system; callers sort. A folder that cannot be opened is yielded as a problem.
    """
    waiting = [(root, b"")]
    while waiting:
        folder, prefix = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                listed = list(entries)
        except OSError as error:
            yield Found(folder, prefix.rstrip(b"/"), None, f"folder: {describe(error)}", is_folder=True)
            continue
        if any(entry.name == MARKER for entry in listed) and prefix:
            yield Found(folder, prefix.rstrip(b"/"), None, "folder of results of visdatcompy_ds", is_folder=True)
            continue
        for entry in listed:
            name = prefix + entry.name
            if entry.name == MARKER:
                continue
            if not entry.is_dir(follow_symlinks=False):
                yield _file(entry, name)
            elif entry.name in SYSTEM_FOLDERS:
                yield Found(entry.path, name, None, "system folder", is_folder=True)
            elif recursive:
                waiting.append((entry.path, name + b"/"))
            else:
                yield Found(entry.path, name, None, "subfolder, not read without recursive", is_folder=True)


def _file(entry: os.DirEntry[bytes], name: bytes) -> Found:
    try:
        is_link = entry.is_symlink()
        info = os.stat(entry.path)  # entry.stat() knows no inode on Windows
    except OSError as error:
        problem = "dangling link" if error.errno in (errno.ENOENT, errno.ELOOP) else describe(error)
        return Found(entry.path, name, None, problem)
    return Found(entry.path, name, info, kind_problem(info, is_link), is_link=is_link)


def kind_problem(info: os.stat_result, is_link: bool = False) -> str:
    """Return "" for a regular file, else what it is."""
    mode = info.st_mode
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISDIR(mode):
        return "link to a folder" if is_link else "folder"
    kinds = ((stat.S_ISFIFO, "FIFO"), (stat.S_ISSOCK, "socket"), (stat.S_ISCHR, "device"), (stat.S_ISBLK, "device"))
    return next((text for test, text in kinds if test(mode)), "not a regular file")


def describe(error: OSError) -> str:
    """Return a short cause without the path: "permission denied", "no such file or directory"."""
    return (error.strerror or type(error).__name__).lower()


def read(path: bytes, limit: int | None = None) -> bytes:
    """Return the content of a regular file, or its first `limit` bytes.

    Raises
    ------
    OSError
        When it cannot be read; also for anything but a regular file, which is never waited for.
    """
    # O_NONBLOCK: a FIFO that took the name since the scan would hang an ordinary open for ever.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, kind_problem(info))
        size = info.st_size if limit is None else min(info.st_size, limit)
        data = os.read(descriptor, size)
        if len(data) < size:  # a read stops at 2 GiB, at signals, and on some network file systems earlier
            parts = [data]
            left = size - len(data)
            while left and (part := os.read(descriptor, left)):
                parts.append(part)
                left -= len(part)
            data = b"".join(parts)
        return data
    finally:
        os.close(descriptor)


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file whole or not at all: temporary name in the same folder, synced, renamed."""
    folder, name = os.path.split(os.fspath(path))
    temporary = os.path.join(folder, f".{name[:60]}.{secrets.token_hex(6)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
