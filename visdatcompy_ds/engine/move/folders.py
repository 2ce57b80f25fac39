"""Open folders: what is below one is reached through its descriptor, so that nothing above can become a link meanwhile."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from types import TracebackType

from visdatcompy_ds.engine import files

_HAS_DESCRIPTORS = os.open in os.supports_dir_fd and os.rename in os.supports_dir_fd
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_FILE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class Folder:
    """An open folder; use it in a ``with`` statement.

    Attributes
    ----------
    path : bytes
        As it was named, for messages and records.
    fd : int or None
        Its descriptor; None on systems that cannot open files relative to one, where paths are used.
    """

    def __init__(self, path: bytes, fd: int | None) -> None:
        self.path, self.fd = path, fd

    @classmethod
    def open(cls, path: bytes) -> Folder:
        """Open a folder that somebody named; links on the way to it are followed."""
        if not _HAS_DESCRIPTORS:
            if not os.path.isdir(path):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            return cls(path, None)
        return cls(path, os.open(path, _FOLDER))

    def below(self, relative: bytes, make: bool = False) -> Folder:
        """Open a folder below this one, following no link; folders that are missing are made on request.

        Parameters
        ----------
        relative : bytes
            Names joined by ``os.sep``; empty for this folder itself.
        make : bool
            Make what is missing; what was made is synced.

        Raises
        ------
        OSError
            When a part is missing, a link, or no folder.
        """
        folder = Folder(self.path, None if self.fd is None else os.dup(self.fd))
        try:
            for part in _parts(relative):
                folder = folder._step(part, make)
        except BaseException:
            folder.close()
            raise
        return folder

    def _step(self, part: bytes, make: bool) -> Folder:
        path = os.path.join(self.path, part)
        if make:
            try:
                os.mkdir(self._at(part), dir_fd=self.fd)
                self.sync()
            except FileExistsError:
                pass
        if self.fd is None:
            if os.path.islink(path) or not os.path.isdir(path):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            return Folder(path, None)
        inner = os.open(part, _FOLDER | _NO_LINK, dir_fd=self.fd)
        os.close(self.fd)
        self.fd = None
        return Folder(path, inner)

    def open_file(self, name: bytes) -> int:
        """Return a descriptor for reading a file, which is no link; a FIFO is not waited for."""
        if self.fd is None and os.path.islink(os.path.join(self.path, name)):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
        return os.open(self._at(name), _FILE | _NO_LINK, dir_fd=self.fd)

    def read(self, name: bytes, follow: bool = False) -> bytes:
        """Return the content of a regular file; of what a link points to only where links are followed."""
        if follow and stat.S_ISLNK(self.lstat(name).st_mode):
            return files.read(os.path.join(self.path, name))
        with os.fdopen(self.open_file(name), "rb") as stream:
            return stream.read()

    def create(self, name: bytes, mode: int = 0o600) -> int:
        """Return a descriptor for writing a file that was not there."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        return os.open(self._at(name), flags, mode, dir_fd=self.fd)

    def lstat(self, name: bytes) -> os.stat_result:
        """Return what the file system says of a name, a link not followed."""
        return os.stat(self._at(name), follow_symlinks=False, dir_fd=self.fd)

    def holds(self, name: bytes) -> bool:
        """Tell whether something has this name, a dangling link too."""
        try:
            self.lstat(name)
        except FileNotFoundError:
            return False
        return True

    def unlink(self, name: bytes) -> None:
        """Take a name away."""
        os.unlink(self._at(name), dir_fd=self.fd)

    def names(self) -> list[bytes]:
        """Return what is in the folder."""
        return [os.fsencode(name) for name in os.listdir(self.path if self.fd is None else self.fd)]

    def sync(self) -> None:
        """Have names in the folder written to the disk, where the system can."""
        if self.fd is not None:
            with contextlib.suppress(OSError):  # some network file systems cannot sync a folder
                os.fsync(self.fd)

    def close(self) -> None:
        """Give the descriptor back."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def __enter__(self) -> Folder:
        """Return the folder."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def _at(self, name: bytes) -> bytes:
        return os.path.join(self.path, name) if self.fd is None else name


def _parts(relative: bytes) -> list[bytes]:
    parts = [part for part in relative.replace(os.sep.encode(), b"/").split(b"/") if part]
    if any(part in (b".", b"..") for part in parts):
        raise OSError(errno.EINVAL, "a path that leads out of its folder", relative)
    return parts
