"""Moving a file into another folder: never over another, never lost on the way, whatever the file systems can do."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import hashlib
import os
import stat
import sys
from collections.abc import Callable
from typing import Any

from visdatcompy_ds.engine import files
from visdatcompy_ds.engine.move.folders import Folder
from visdatcompy_ds.engine.move.prove import Proof, Refused, Stuck, digest_of, fingerprint

_CHUNK = 1 << 20
_NOREPLACE = 1  # RENAME_NOREPLACE of renameat2(2)
_CANNOT = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.EMLINK}


def shift(proof: Proof, target: Folder, name: bytes) -> None:
    """Move a file that was proved into a folder, and look whether it was that file that moved.

    Raises
    ------
    Refused
        When another file moved, since somebody changed it in between; it is put back.
    OSError
        When it cannot be moved; then it stands where it stood.
    """
    # The time of the last change of a file is its own only until it moves: bytes changed under the old time show now or never.
    if fingerprint(proof.folder.lstat(proof.name)) != fingerprint(proof.info):
        raise Refused("changed", "was changed while it was being removed")
    is_copy = move(proof.folder, proof.name, target, name, proof.sha256)
    try:
        if not is_copy and _identity(target.lstat(name)) != _identity(proof.info):  # a copy was compared by its digest
            raise Refused("changed", "was changed while it was being removed")
    except (OSError, Refused):
        put_back(target, name, proof.folder, proof.name)
        raise


def put_back(folder: Folder, name: bytes, home: Folder, home_name: bytes) -> None:
    """Move a file back that should not have gone.

    Raises
    ------
    Stuck
        When it cannot be: it stays in the quarantine.
    """
    try:
        move(folder, name, home, home_name)
    except OSError as error:
        raise Stuck(f"could not be put back: {files.describe(error)}") from None
    except Refused as refused:
        raise Stuck(f"could not be put back: {refused}") from None


def move(source: Folder, name: bytes, target: Folder, target_name: bytes, sha256: str = "") -> bool:
    """Move a file or a link, never over another; across file systems by a copy that is read again before the original goes.

    Returns
    -------
    bool
        Whether it was copied.

    Raises
    ------
    FileExistsError
        When the name is taken.
    OSError
        When it cannot be moved; what stood stands.
    """
    is_copy = False
    try:
        _rename(source, name, target, target_name)
    except OSError as error:
        if error.errno == errno.EXDEV:
            _carry(source, name, target, target_name, sha256)
            is_copy = True
        elif error.errno in _CANNOT:
            is_copy = _link_or_carry(source, name, target, target_name, sha256)
        else:
            raise
    target.sync()
    source.sync()
    return is_copy


def part_name(name: bytes) -> bytes:
    """Return the name that a copy of `name` has until it is whole."""
    return b".visdatcompy-" + hashlib.sha256(name).hexdigest()[:16].encode() + b".part"


def _rename(source: Folder, name: bytes, target: Folder, target_name: bytes) -> None:
    if sys.platform == "win32":
        os.rename(os.path.join(source.path, name), os.path.join(target.path, target_name))  # fails where the name is taken
        return
    call = _renameat2()
    if call is None or source.fd is None or target.fd is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if call(source.fd, name, target.fd, target_name, _NOREPLACE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target_name)


@functools.cache
def _renameat2() -> Callable[..., int] | None:
    """Return the system's renameat2, None where it has none."""
    try:
        call: Any = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return call


def _link_or_carry(source: Folder, name: bytes, target: Folder, target_name: bytes, sha256: str) -> bool:
    """Give the file its second name, then take the first away; a copy, and True, where the file system knows no links."""
    if target.holds(target_name):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target_name)
    try:
        link(source, name, target, target_name)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        _carry(source, name, target, target_name, sha256)
        return True
    target.sync()
    _leave(source, name, target, target_name)
    return False


def _leave(source: Folder, name: bytes, target: Folder, target_name: bytes) -> None:
    """Take the first name of a file away that has a second, or a copy; where that cannot be, the second goes again."""
    try:
        source.unlink(name)
    except OSError:
        if source.holds(name):
            target.unlink(target_name)
        raise


def link(source: Folder, name: bytes, target: Folder, target_name: bytes) -> None:
    """Give a file a second name; a link itself, not what it points to."""
    if source.fd is None or target.fd is None:
        os.link(os.path.join(source.path, name), os.path.join(target.path, target_name))
    else:
        os.link(name, target_name, src_dir_fd=source.fd, dst_dir_fd=target.fd, follow_symlinks=False)


def _carry(source: Folder, name: bytes, target: Folder, target_name: bytes, sha256: str) -> None:
    """Copy a file with its times and attributes, read the copy again, then take the original away."""
    before = source.lstat(name)
    if not stat.S_ISREG(before.st_mode):
        raise OSError(errno.EXDEV, "a link is not moved to another file system", name)
    if target.holds(target_name):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target_name)
    _require_space(target, before.st_size)
    part = part_name(target_name)
    with contextlib.suppress(FileNotFoundError):
        target.unlink(part)  # of an earlier try that was cut off
    try:
        digest = _copied(source, name, target, part)
        after = source.lstat(name)
        if (sha256 and digest != sha256) or fingerprint(after) != fingerprint(before):
            raise Refused("changed", "was changed while it was being moved")
        try:
            link(target, part, target, target_name)
            target.unlink(part)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            # The name is claimed first: a rename alone would replace whatever took it meanwhile.
            os.close(target.create(target_name))
            try:
                _replace(target, part, target_name)
            except BaseException:
                target.unlink(target_name)
                raise
        target.sync()
    except BaseException:
        with contextlib.suppress(OSError):
            target.unlink(part)
        raise
    # Between the copy and now the disk was waited for: what was changed in that time is not in the copy.
    if fingerprint(source.lstat(name)) != fingerprint(before):
        target.unlink(target_name)
        raise Refused("changed", "was changed while it was being moved")
    _leave(source, name, target, target_name)


def _copied(source: Folder, name: bytes, target: Folder, part: bytes) -> str:
    """Copy to a new file, sync it, and return the digest of what was read back from it."""
    inner = source.open_file(name)
    try:
        outer = target.create(part)
        digest = hashlib.sha256()
        try:
            info = os.fstat(inner)
            while data := os.read(inner, _CHUNK):
                digest.update(data)
                while data:
                    data = data[os.write(outer, data) :]
            _take_over(inner, outer, info, os.path.join(target.path, part))
            os.fsync(outer)
        finally:
            os.close(outer)
    finally:
        os.close(inner)
    back = target.open_file(part)
    try:
        read_back = digest_of(back)
    finally:
        os.close(back)
    if read_back != digest.hexdigest():
        raise OSError(errno.EIO, "the copy differs from what was written", part)
    return read_back


def _take_over(inner: int, outer: int, info: os.stat_result, path: bytes) -> None:
    """Give a copy the rights, owner, attributes and times of its original, as far as the file system knows them."""
    if hasattr(os, "fchmod"):
        with contextlib.suppress(OSError):
            os.fchown(outer, info.st_uid, info.st_gid)
        with contextlib.suppress(OSError):
            os.fchmod(outer, stat.S_IMODE(info.st_mode))
    if hasattr(os, "listxattr"):
        with contextlib.suppress(OSError):
            for attribute in os.listxattr(inner):
                with contextlib.suppress(OSError):
                    os.setxattr(outer, attribute, os.getxattr(inner, attribute))
    times = (info.st_atime_ns, info.st_mtime_ns)
    os.utime(outer if os.utime in os.supports_fd else path, ns=times)


def _replace(folder: Folder, name: bytes, taken: bytes) -> None:
    if folder.fd is None:
        os.replace(os.path.join(folder.path, name), os.path.join(folder.path, taken))
    else:
        os.rename(name, taken, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)


def _require_space(target: Folder, size: int) -> None:
    if not hasattr(os, "statvfs"):
        return
    space = os.statvfs(target.path if target.fd is None else target.fd)
    if space.f_bavail * space.f_frsize < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target.path)


def _identity(info: os.stat_result) -> tuple[int, ...]:
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns
