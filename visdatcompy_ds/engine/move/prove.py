"""Proof that a file may leave its place: what the plan says of it and of the copy that stays holds now, on the disk."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import stat
from collections.abc import Collection

from visdatcompy_ds.engine import files
from visdatcompy_ds.engine.move.folders import Folder

_CHUNK = 1 << 20
_SEAL = object()


class Refused(Exception):  # noqa: N818  # an outcome, not a fault
    """A file stays where it is.

    Attributes
    ----------
    outcome : str
        "refused", "changed", "gone" or "failed".
    reason : str
    lift : str
        The refusal's name, by which it can be lifted; "" where it cannot.
    """

    def __init__(self, outcome: str, reason: str, lift: str = "") -> None:
        super().__init__(reason)
        self.outcome, self.reason, self.lift = outcome, reason, lift


class Stuck(Refused):
    """A file was moved, should have been put back, and could not be: it is in the quarantine, and its journal says so."""

    def __init__(self, reason: str) -> None:
        super().__init__("failed", f"{reason}; it is in the quarantine, and undo brings it back")


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a file was like when it was planned.

    Attributes
    ----------
    root, relative : bytes
        Folder that was compared, and the path below it.
    size_bytes, mtime_ns, device, inode : int
    links, ctime_ns : int or None
        None where they were not known.
    sha256 : str
        Of all bytes.
    """

    root: bytes
    relative: bytes
    size_bytes: int
    mtime_ns: int
    device: int
    inode: int
    links: int | None
    ctime_ns: int | None
    sha256: str

    @property
    def path(self) -> bytes:
        """The whole path."""
        return os.path.join(self.root, self.relative)

    @property
    def name(self) -> bytes:
        """The last part of the path."""
        return os.path.basename(self.relative)


@dataclasses.dataclass(frozen=True)
class Proof:
    """That one file may go; only :func:`prove` and :func:`prove_beside` make one, and the mover demands it.

    Attributes
    ----------
    folder : Folder
        Open; belongs to whoever asked for the proof.
    name : bytes
        Name in `folder`.
    info : os.stat_result
        Of the file itself, a link not followed.
    sha256 : str
        Of all bytes; of a link of what it says.
    """

    folder: Folder
    name: bytes
    info: os.stat_result
    sha256: str
    _seal: object

    def __post_init__(self) -> None:
        """Refuse to be made by anything else."""
        if self._seal is not _SEAL:
            raise TypeError("A Proof is made by prove() alone")


def prove(
    victim: Facts, folder: Folder, keeper: Facts, keeper_folder: Folder, all_bytes: bool, lifted: Collection[str] = ()
) -> tuple[Proof, os.stat_result]:
    """Return the proof that a file is as planned and that the copy which stays is as planned, and what the keeper's ``stat`` says.

    Parameters
    ----------
    victim, keeper : Facts
    folder, keeper_folder : Folder
        The open folders they lie in.
    all_bytes : bool
        Compare all bytes of both, beside their digests.
    lifted : collection of str
        Refusals not to make: "symlinks", "hard_links", "empty".

    Raises
    ------
    Refused
        With the reason.
    """
    one = _open(victim, folder, "", lifted)
    try:
        other = _open(keeper, keeper_folder, "the copy that stays ", lifted)
        try:
            infos = os.fstat(one), os.fstat(other)
            if (infos[0].st_dev, infos[0].st_ino) == (infos[1].st_dev, infos[1].st_ino):
                raise Refused("refused", "the same file as the copy that stays, under another path")
            _check(victim, infos[0], "")
            _check(keeper, infos[1], "the copy that stays ")
            if infos[0].st_nlink > 1 and "hard_links" not in lifted:
                raise Refused("refused", f"has {infos[0].st_nlink} names (hard links)", "hard_links")
            if not infos[0].st_size and "empty" not in lifted:
                raise Refused("refused", "is empty", "empty")
            digests = _digests(one, other, all_bytes)
        finally:
            os.close(other)
        for facts, digest, who in ((victim, digests[0], ""), (keeper, digests[1], "the copy that stays ")):
            if digest != facts.sha256:
                raise Refused("changed", f"{who}holds other bytes than when it was planned")
        info = _named(victim, folder)
        if not stat.S_ISLNK(info.st_mode) and fingerprint(info) != fingerprint(infos[0]):
            raise Refused("changed", "was changed while it was read")
        if fingerprint(os.fstat(one)) != fingerprint(infos[0]):
            raise Refused("changed", "was changed while it was read")
        if stat.S_ISLNK(info.st_mode) and "symlinks" not in lifted:
            raise Refused("refused", "is a link", "symlinks")
    finally:
        os.close(one)
    digest = digest_of_link(folder, victim.name) if stat.S_ISLNK(info.st_mode) else digests[0]
    return Proof(folder, victim.name, info, digest, _SEAL), infos[1]


def prove_beside(folder: Folder, name: bytes) -> Proof:
    """Return the proof for a file that goes along with an image: what it is like now.

    Raises
    ------
    Refused
        When it is a link, has several names, or is no regular file.
    """
    try:
        fd = folder.open_file(name)
    except OSError as error:
        raise Refused("refused", f"what lies beside it, {os.fsdecode(name)}, cannot be read: {files.describe(error)}") from None
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode) or info.st_nlink > 1:
            raise Refused("refused", f"what lies beside it, {os.fsdecode(name)}, is no regular file of one name", "")
        digest = digest_of(fd)
    finally:
        os.close(fd)
    return Proof(folder, name, info, digest, _SEAL)


def digest_of(fd: int) -> str:
    """Return the sha256 of all bytes of an open file."""
    digest = hashlib.sha256()
    os.lseek(fd, 0, os.SEEK_SET)
    while data := os.read(fd, _CHUNK):
        digest.update(data)
    return digest.hexdigest()


def digest_of_link(folder: Folder, name: bytes) -> str:
    """Return the sha256 of what a link says: no file has it as its own."""
    return hashlib.sha256(b"link\0" + os.readlink(os.path.join(folder.path, name))).hexdigest()


def digest_at(path: bytes, follow: bool = False) -> str:
    """Return the sha256 of a file; of a link that of what it says, unless links are followed."""
    folder, name = os.path.split(os.path.realpath(path) if follow else path)
    with Folder.open(folder) as opened:
        if stat.S_ISLNK(opened.lstat(name).st_mode):
            return digest_of_link(opened, name)
        fd = opened.open_file(name)
    try:
        return digest_of(fd)
    finally:
        os.close(fd)


def is_as(info: os.stat_result, facts: Facts) -> bool:
    """Tell whether a file may be the one of the plan, by what ``stat`` says; its bytes are read in any case.

    A card that is mounted again has other devices and, with FAT, other inodes; a new name or new rights do not matter.
    """
    return (info.st_size, info.st_mtime_ns) == (facts.size_bytes, facts.mtime_ns)


def fingerprint(info: os.stat_result) -> tuple[int, ...]:
    """Return what changes whenever anything of a file changes, its bytes with the old time put back, too."""
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns


def _named(facts: Facts, folder: Folder) -> os.stat_result:
    try:
        return folder.lstat(facts.name)
    except FileNotFoundError:
        raise Refused("gone", "is gone") from None


def _open(facts: Facts, folder: Folder, who: str, lifted: Collection[str]) -> int:
    name = facts.name
    try:
        info = folder.lstat(name)
        if stat.S_ISLNK(info.st_mode):
            if "symlinks" not in lifted:
                raise Refused("refused", f"{who}is a link", "symlinks")
            fd = os.open(facts.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        elif not stat.S_ISREG(info.st_mode):
            raise Refused("changed", f"{who}is no regular file any more")
        else:
            fd = folder.open_file(name)
    except FileNotFoundError:
        raise Refused("gone", f"{who}is gone") from None
    except OSError as error:
        is_link = error.errno == errno.ELOOP
        raise Refused("changed" if is_link else "failed", f"{who}cannot be opened: {files.describe(error)}") from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise Refused("changed", f"{who}is no regular file any more")
    return fd


def _check(facts: Facts, info: os.stat_result, who: str) -> None:
    if not is_as(info, facts):
        raise Refused("changed", f"{who}has changed since it was planned")


def _digests(one: int, other: int, all_bytes: bool) -> tuple[str, str]:
    if not all_bytes:
        return digest_of(one), digest_of(other)
    digests = hashlib.sha256(), hashlib.sha256()
    for fd in (one, other):
        os.lseek(fd, 0, os.SEEK_SET)
    while True:
        left, right = _filled(one), _filled(other)
        digests[0].update(left)
        digests[1].update(right)
        if left != right:
            raise Refused("changed", "holds other bytes than the copy that stays")
        if not left:
            return digests[0].hexdigest(), digests[1].hexdigest()


def _filled(fd: int) -> bytes:
    """Return the next bytes of a file, as many as fit: a short read is no end."""
    parts, left = [], _CHUNK
    while left and (data := os.read(fd, left)):
        parts.append(data)
        left -= len(data)
    return b"".join(parts)
