"""Disk: finding files without following folder links, reading them without hanging, writing them without halves.

Works on bytes paths, so that no name is unreadable; knows nothing of images.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

# A folder that holds this file was made by us (results, a quarantine): it is never scanned as a source.
MARKER = b".visdatcompy_ds"
_BLOCK = 1_000_000  # bytes of a file of any size held at a time
SYSTEM_FOLDERS = frozenset(
    {b".Trashes", b".Spotlight-V100", b".fseventsd", b"@eaDir", b"$RECYCLE.BIN", b"System Volume Information", b".git"}
)


class Found(NamedTuple):
    """One thing found by a walk; ``problem`` is empty for a regular file, else it says what stands in the way."""

    path: bytes
    name: bytes
    stat: os.stat_result | None
    problem: str
    is_folder: bool = False
    is_link: bool = False


class _Waiting(NamedTuple):
    """A folder to be listed; `depth` is the number of folders it lies in, from the root."""

    path: bytes
    prefix: bytes
    depth: int


# Where a folder can be listed by its descriptor (not on Windows), entries are asked for relative to it: a path may then be of any length.
_BY_DESCRIPTOR = os.scandir in os.supports_fd and os.open in os.supports_dir_fd
_ALWAYS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NONBLOCK", 0) | _ALWAYS
_ON_THE_WAY = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | _ALWAYS
_PIECE_BYTES = 2000  # of a path that is too long for one call; the least that any system takes whole is 4096 or 1024 (macOS)


def walk(root: bytes, recursive: bool = True) -> Iterator[Found]:
    """Yield everything below `root`: files, and what is passed over with the reason. No recursion, no folder links.

    Notes
    -----
    Order is that of the file system; callers sort. A folder that cannot be opened is yielded as a problem. One descriptor is held, however
    deep the tree; a folder is read entry by entry, however large. A folder that holds itself (by a mount) is not entered again.
    """
    waiting = [_Waiting(root, b"", 0)]
    # What is listed now and the folders it lies in: what waits last lies deepest. A set beside it, as trees may be made deep to cost time.
    trail: list[tuple[int, int]] = []
    inside: set[tuple[int, int]] = set()
    while waiting:
        folder = waiting.pop()
        while len(trail) > folder.depth:
            inside.discard(trail.pop())
        try:
            descriptor = _open_folder(folder)
        except OSError as error:
            yield _folder(folder, f"folder: {describe(error)}")
            continue
        try:
            identity = _identity(folder.path, descriptor)
            if identity[1] and identity in inside:
                yield _folder(folder, "folder that holds itself")
            elif folder.prefix and _has_marker(folder.path, descriptor):
                yield _folder(folder, "folder of results of visdatcompy_ds")
            else:
                trail.append(identity)
                inside.add(identity)
                yield from _listed(folder, descriptor, recursive, waiting)
        finally:
            if descriptor >= 0:
                os.close(descriptor)


def _open_folder(folder: _Waiting) -> int:
    """Return a descriptor of the folder, -1 where folders have none; a link that took its place meanwhile is not followed."""
    if not _BY_DESCRIPTOR:
        return -1
    return open_at(folder.path, _FOLDER | (getattr(os, "O_NOFOLLOW", 0) if folder.prefix else 0))


def _listed(folder: _Waiting, descriptor: int, recursive: bool, waiting: list[_Waiting]) -> Iterator[Found]:
    start = folder.path if folder.path.endswith(os.sep.encode()) else folder.path + os.sep.encode()
    try:
        # A descriptor gives names as text, a path gives them in its own type.
        with os.scandir(descriptor if descriptor >= 0 else folder.path) as entries:
            for entry in entries:
                base = os.fsencode(entry.name)
                name = folder.prefix + base
                if base == MARKER:
                    continue
                if not _is_folder(entry):
                    yield _file(entry, start + base, name)
                elif base in SYSTEM_FOLDERS:
                    yield Found(start + base, name, None, "system folder", is_folder=True)
                elif recursive:
                    waiting.append(_Waiting(start + base, name + b"/", folder.depth + 1))
                else:
                    yield Found(start + base, name, None, "subfolder, not read without recursive", is_folder=True)
    except OSError as error:  # a disk that fails, or a folder that went, while it is read
        yield _folder(folder, f"folder: {describe(error)}")


def _folder(folder: _Waiting, problem: str) -> Found:
    return Found(folder.path, folder.prefix.rstrip(b"/"), None, problem, is_folder=True)


def _identity(path: bytes, descriptor: int) -> tuple[int, int]:
    try:
        info = os.fstat(descriptor) if descriptor >= 0 else os.stat(path)
    except OSError:
        return 0, 0
    return info.st_dev, info.st_ino


def _has_marker(path: bytes, descriptor: int) -> bool:
    try:
        if descriptor >= 0:
            os.stat(MARKER, dir_fd=descriptor, follow_symlinks=False)
        else:
            os.lstat(os.path.join(path, MARKER))
    except OSError:
        return False
    return True


def _is_folder(entry: os.DirEntry[Any]) -> bool:
    try:
        if entry.is_dir(follow_symlinks=False):
            return not (hasattr(entry, "is_junction") and entry.is_junction())  # Windows' links to folders
    except OSError:
        pass
    return False


def _file(entry: os.DirEntry[Any], path: bytes, name: bytes) -> Found:
    is_link = False
    try:
        is_link = entry.is_symlink()
        info = entry.stat() if _BY_DESCRIPTOR else os.stat(path)  # on Windows, entry.stat() knows no inode
    except OSError as error:
        is_gone = error.errno in (errno.ENOENT, errno.ELOOP)
        return Found(path, name, None, ("dangling link" if is_link else "vanished") if is_gone else describe(error), is_link=is_link)
    return Found(path, name, info, kind_problem(info, is_link), is_link=is_link)


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
    words = error.strerror or type(error).__name__
    return words if words.isupper() else words.lower()


def open_at(path: bytes, flags: int) -> int:
    """Return a descriptor of `path`; one too long for the system is opened piece by piece, where folders have descriptors."""
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG or not _BY_DESCRIPTOR or len(path) <= _PIECE_BYTES:
            raise
    at = os.open(b"/" if path.startswith(b"/") else b".", _ON_THE_WAY)
    try:
        *pieces, last = _pieces(path)
        for piece in pieces:
            following = os.open(piece, _ON_THE_WAY, dir_fd=at)
            os.close(at)
            at = following
        return os.open(last, flags, dir_fd=at)
    finally:
        os.close(at)


def _pieces(path: bytes) -> list[bytes]:
    """Cut a path at its slashes into relative pieces that the system takes."""
    pieces, at = [], 0
    while at < len(path):
        end = len(path) if len(path) - at <= _PIECE_BYTES else path.rfind(b"/", at, at + _PIECE_BYTES) + 1
        if end <= at:  # a name longer than any may be: the system says so
            end = len(path)
        pieces.append(path[at:end].lstrip(b"/"))
        at = end
    return [piece for piece in pieces if piece]


def read(path: bytes, limit: int | None = None, check_size: Callable[[int], object] | None = None) -> bytes:
    """Return the content of a regular file, or its first `limit` bytes.

    Parameters
    ----------
    path : bytes
    limit : int, optional
        Bytes.
    check_size : callable, optional
        Given the size of the whole file in bytes before any of it is read; what it raises is passed on.

    Raises
    ------
    OSError
        When it cannot be read; also for anything but a regular file, which is never waited for.
    """
    with _opened(path) as (descriptor, info):
        if check_size is not None:
            check_size(info.st_size)
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


def digest(path: bytes) -> bytes:
    """Return the sha256 of a regular file of any size, read in blocks; errors are those of :func:`read`."""
    found = hashlib.sha256()
    with _opened(path) as (descriptor, _):
        while part := os.read(descriptor, _BLOCK):
            found.update(part)
    return found.digest()


@contextlib.contextmanager
def _opened(path: bytes) -> Iterator[tuple[int, os.stat_result]]:
    # O_NONBLOCK: a FIFO that took the name since the scan would hang an ordinary open for ever.
    descriptor = open_at(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _ALWAYS)
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, kind_problem(info))
        yield descriptor, info
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
