"""Sources to Files: what is there, in natural order, every path accounted for. No pixel is read."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from visdatcompy_ds.base.errors import ArgumentError, ImageError, MissingSourceError, SourceError
from visdatcompy_ds.base.names import to_bytes, to_text
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.base.tables import STATUS_CODE, Array, Files, object_array, text_array
from visdatcompy_ds.engine import files
from visdatcompy_ds.engine.decode.sniff import sniff

PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Source = PathLike | Sequence[PathLike] | Mapping[str, PathLike]


def _kinds(kind: str, endings: str) -> dict[bytes, str]:
    return {b"." + ending.encode(): kind for ending in endings.split()}


# Formats that are switched off stand here too: such a file is an image by its name, and `refused` says so.
IMAGE_ENDINGS = frozenset(
    _kinds(
        "image",
        "jpg jpeg jpe jfif mpo png apng gif bmp dib tif tiff webp avif heic heif hif ppm pgm pbm pnm tga "
        "jp2 j2k jpx psd ico icns dds pcx sgi exr hdr qoi eps",
    )
)
SKIPPED_ENDINGS = {
    **_kinds("video", "mp4 mov avi mkv mts m2ts wmv webm m4v mpg mpeg 3gp flv"),
    **_kinds("RAW file", "cr2 cr3 nef nrw arw srf sr2 dng raf orf rw2 pef srw x3f raw rwl iiq 3fr"),
    **_kinds("label or text file", "txt xml json csv tsv yaml yml xmp md log names data cfg ini toml pbtxt"),
    **_kinds("archive", "zip tar gz bz2 xz 7z rar tgz zst"),
    **_kinds("document", "pdf doc docx xls xlsx ppt pptx html htm svg ai"),
    **_kinds("audio", "wav mp3 m4a aac flac ogg"),
    **_kinds("index", "vdx parquet db sqlite npz npy pkl h5"),
}
SYSTEM_NAMES = frozenset({b"thumbs.db", b"desktop.ini", b".ds_store", b".nomedia", b"ehthumbs.db", b"icon\r"})
_SNIFF_BYTES = 32
_SEPARATOR = os.sep.encode()
_MOST_UNSIGNED = (1 << 64) - 1
# One text per id that sorts as natsort's tuples do holds 100 bytes where those hold 400. A folder ends before any number, a number stands
# before any other character; no name holds the one, and the other is escaped where a name does.
_NEXT_LEVEL, _NUMBER = "\0", "\1"
_DIGITS = re.compile("([0-9]+)")


def folders_of(source: Source) -> list[str]:
    """Return the folders that a scan of `source` looks into."""
    paths = source.values() if isinstance(source, Mapping) else [source] if isinstance(source, (str, bytes, os.PathLike)) else source
    names = [os.fsdecode(path) for path in paths]
    # Of a pattern the part before its first wildcard.
    fixed = [name if os.path.lexists(name) else os.path.dirname(re.split(r"[*?\[]", name)[0]) for name in names]
    return [name for name in fixed if os.path.isdir(name)]


def scan(
    source: Source,
    name: str | None = None,
    recursive: bool = True,
    include: str | Sequence[str] | None = None,
    exclude: str | Sequence[str] | None = None,
) -> Files:
    """Find the files of a source.

    Parameters
    ----------
    source : path, glob, sequence of paths, or mapping of str to path
        A folder, a file, a pattern, a list (ids are then relative to the common root), or named folders.
    name : str, optional
        Name of the dataset; by default the last part of the path.
    recursive : bool
        Also read subfolders. Folder links are never followed.
    include, exclude : str or sequence of str, optional
        Patterns (``*``, ``?``, ``[]``) matched against the id and against the file's name; what they leave out is ``skipped``.

    Returns
    -------
    Files
        One row per path found, images or not, in natural order of ids.

    Raises
    ------
    MissingSourceError, SourceError, ArgumentError
        For a path that does not exist, cannot be opened, or is no path at all.
    """
    wanted, unwanted = _patterns(include), _patterns(exclude)
    if name is not None and not isinstance(name, str):
        raise ArgumentError(f"name={name!r}", "Allowed: text")
    rows = _Rows(wanted, unwanted)
    for label, path in _named_sources(source):
        prefix = to_bytes(label) + b"/" if label else b""
        for name_below, found in _under(path, recursive):
            rows.add(prefix + name_below, found)
    return rows.table(name or default_name(source))


class _Rows:
    """What was found, as columns of plain numbers and texts: 200 000 files are 200 000 times what a row holds."""

    def __init__(self, wanted: tuple[str, ...], unwanted: tuple[str, ...]) -> None:
        self.wanted, self.unwanted = wanted, unwanted
        self.ids: list[str] = []
        self.paths: list[bytes] = []
        self.reasons: list[str] = []
        self.judged = array("B")
        self.is_link = array("B")
        self.signed = {name: array("q") for name in ("st_size", "st_mtime_ns", "st_ctime_ns")}
        self.unsigned = {name: array("Q") for name in ("st_dev", "st_ino")}

    def add(self, key: bytes, found: files.Found) -> None:
        file_id = to_text(key.replace(_SEPARATOR, b"/") if _SEPARATOR != b"/" else key)
        status, reason = _judge(found, file_id, self.wanted, self.unwanted)
        self.ids.append(file_id)
        self.paths.append(found.path)
        self.reasons.append(reason)
        self.judged.append(STATUS_CODE[status])
        self.is_link.append(found.is_link)
        info: Any = found.stat  # None: nothing is known
        for name, numbers in self.signed.items():
            numbers.append(getattr(info, name, 0))
        for name, numbers in self.unsigned.items():
            numbers.append(getattr(info, name, 0) & _MOST_UNSIGNED)

    def table(self, name: str) -> Files:
        order = self._in_order()

        def column(values: array[int], dtype: type) -> Array:
            return np.frombuffer(values, values.typecode)[order].astype(dtype) if len(order) else np.empty(0, dtype)

        return Files(
            names=(name,),
            dataset=np.zeros(len(order), np.int16),
            id=object_array([self.ids[row] for row in order]),
            path=object_array([self.paths[row] for row in order]),
            size_bytes=column(self.signed["st_size"], np.int64),
            mtime_ns=column(self.signed["st_mtime_ns"], np.int64),
            device=column(self.unsigned["st_dev"], np.uint64),
            inode=column(self.unsigned["st_ino"], np.uint64),
            status=column(self.judged, np.uint8),
            reason=text_array([self.reasons[row] for row in order]),
            is_link=column(self.is_link, bool),
            ctime_ns=column(self.signed["st_ctime_ns"], np.int64),
        )

    def _in_order(self) -> list[int]:
        """Return the rows in natural order; of one path that two sources hold, the first row."""
        order = _natural_order(self.ids)
        kept: list[int] = []
        for row in order:
            if kept and self.ids[kept[-1]] == self.ids[row]:
                if self.paths[kept[-1]] != self.paths[row]:
                    raise ArgumentError(f"Two sources give the id {self.ids[row]}", "Each id stands once", "Rename a source")
                continue
            kept.append(row)
        return kept


def default_name(source: Source) -> str:
    """Return the name a dataset gets from its source: the last part of its path."""
    if isinstance(source, Mapping):
        return "+".join(source) or "dataset"
    if isinstance(source, (str, bytes, os.PathLike)):
        path = os.fsencode(source)
        if glob.has_magic(path) and not os.path.lexists(path):
            path = os.path.dirname(path[: _first_magic(path)])
        return to_text(os.path.basename(os.path.abspath(path))) or "dataset"
    paths = [os.path.abspath(os.fsencode(path)) for path in source]
    return to_text(os.path.basename(_common_root(paths))) or "dataset" if paths else "dataset"


def _natural_order(ids: Sequence[str]) -> list[int]:
    """Return the positions of `ids` as a file browser shows them, folder by folder; the id itself ends all ties."""
    from natsort import natsort_keygen

    natural = natsort_keygen()
    folders: dict[str, str] = {"": ""}

    def level(name: str) -> str:
        # What natsort cuts a plain name into is soon told; all other names are its own affair: digits of other scripts, composed letters.
        parts = _DIGITS.split(name) if name.isascii() else natural(name)
        return "".join([_number(str(part)) if n % 2 else _level_text(part) for n, part in enumerate(parts)])

    def key(file_id: str) -> str:
        folder, _, name = file_id.rpartition("/")
        if folder not in folders:
            folders[folder] = "".join([level(part) + _NEXT_LEVEL for part in folder.split("/")])
        return folders[folder] + level(name)

    keys = [key(file_id) for file_id in ids]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    for start, end in _ties([keys[row] for row in order]):
        order[start:end] = sorted(order[start:end], key=ids.__getitem__)
    return order


def _number(digits: str) -> str:
    """Return text that sorts like the number, behind a mark that sorts before any text: its length first."""
    plain = digits.lstrip("0")
    return _NUMBER + chr(len(plain) + 1) + plain


def _level_text(part: str) -> str:
    """Return `part` without the marks of levels and numbers, in the same order."""
    return part if part.isprintable() else part.replace("\2", "\2\2").replace("\1", "\2\1")


def _ties(keys: list[str]) -> Iterable[tuple[int, int]]:
    """Yield the runs of equal keys."""
    start = 0
    for at in range(1, len(keys) + 1):
        if at == len(keys) or keys[at] != keys[start]:
            if at - start > 1:
                yield start, at
            start = at


def _named_sources(source: Source) -> Iterable[tuple[str, PathLike | list[bytes]]]:
    if isinstance(source, Mapping):
        if not source:
            raise ArgumentError("An empty mapping of sources", "Allowed: names with folders", 'For example {"CAM01": "/media/sd1"}')
        for label in source:
            parts = label.split("/") if isinstance(label, str) else [""]
            if any(part in ("", ".", "..") for part in parts) or "\0" in str(label):
                raise ArgumentError(
                    f"The source name {label!r}", 'Allowed: a name, or names joined by "/"', 'For example {"CAM01": "/media/sd1"}'
                )
        return list(source.items())
    if isinstance(source, (str, bytes, os.PathLike)):
        return [("", source)]
    try:
        listed = [os.path.abspath(os.fsencode(path)) for path in source]
        if not listed:
            raise ArgumentError("An empty list of paths", "Allowed: one path or more")
        return [("", listed)]
    except TypeError:
        raise ArgumentError(
            f"A source of type {type(source).__name__}", "Allowed: a folder, a file, a pattern, a list of paths, or named folders"
        ) from None


def _under(path: PathLike | list[bytes], recursive: bool) -> Iterable[tuple[bytes, files.Found]]:
    """Yield (path relative to the source's root, what was found)."""
    if isinstance(path, list):
        yield from _listed(path, recursive)
        return
    raw = os.fsencode(path)
    if b"\0" in raw:
        raise ArgumentError(f"The path {to_text(raw)!r}", "No path holds a NUL character")
    if not os.path.lexists(raw) and glob.has_magic(raw):
        matches = sorted(glob.glob(raw, recursive=recursive))
        if not matches:
            raise MissingSourceError(f"Nothing matches {to_text(raw)}", "", "Check the pattern; ** reads subfolders")
        yield from _listed([os.path.abspath(match) for match in matches], recursive)
        return
    if not os.path.lexists(raw):
        raise MissingSourceError(f"No such folder or file: {to_text(raw)}", "", "Check the spelling and that the disk or card is mounted")
    if os.path.isdir(raw):
        if not os.access(raw, os.R_OK | os.X_OK):
            raise SourceError(f"The folder {to_text(raw)} cannot be opened: permission denied", "", "Check its permissions")
        yield from ((found.name, found) for found in files.walk(os.path.abspath(raw), recursive))
        return
    yield os.path.basename(raw), _one(os.path.abspath(raw))


def _listed(paths: list[bytes], recursive: bool) -> Iterable[tuple[bytes, files.Found]]:
    if not paths:
        return
    root = _common_root(paths)
    for path in dict.fromkeys(paths):
        if os.path.isdir(path):
            prefix = os.path.relpath(path, root)
            for found in files.walk(path, recursive):
                yield os.path.normpath(os.path.join(prefix, found.name)), found
        else:
            yield os.path.relpath(path, root), _one(path)


def _common_root(paths: list[bytes]) -> bytes:
    try:
        root = os.path.commonpath(paths)
    except ValueError:  # two drives of Windows
        raise ArgumentError(
            "Paths on several drives", "A list has one common root", 'Use named folders: {"C": "C:/a", "D": "D:/b"}'
        ) from None
    return root if os.path.isdir(root) else os.path.dirname(root)


def _one(path: bytes) -> files.Found:
    try:
        info = os.stat(path)
    except FileNotFoundError:
        return files.Found(path, path, None, "dangling link" if os.path.islink(path) else "vanished")
    except OSError as error:
        return files.Found(path, path, None, files.describe(error))
    is_link = os.path.islink(path)
    return files.Found(path, path, info, files.kind_problem(info, is_link), is_link=is_link)


def _first_magic(path: bytes) -> int:
    return min(at for at in (path.find(char) for char in (b"*", b"?", b"[")) if at >= 0)


def _patterns(patterns: str | Sequence[str] | None) -> tuple[str, ...]:
    if patterns is None:
        return ()
    listed = (patterns,) if isinstance(patterns, str) else tuple(patterns) if isinstance(patterns, Sequence) else (patterns,)
    if not all(isinstance(pattern, str) for pattern in listed):
        raise ArgumentError(f"A pattern of {patterns!r}", 'Allowed: text such as "*.jpg", or several of them')
    return listed


def _judge(found: files.Found, file_id: str, wanted: tuple[str, ...], unwanted: tuple[str, ...]) -> tuple[Status, str]:
    """Return the status of a path before its content is looked at."""
    if found.problem:
        return _problem_status(found)
    base = found.path[found.path.rfind(_SEPARATOR) + 1 :].lower()
    if base in SYSTEM_NAMES or base.startswith(b"._"):
        return Status.SKIPPED, "system file"
    names = (file_id, file_id.rsplit("/", 1)[-1]) if wanted or unwanted else ()
    if wanted and not any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in wanted):
        return Status.SKIPPED, "not in include"
    if any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in unwanted):
        return Status.SKIPPED, "in exclude"
    ending = base[base.rfind(b".") :] if b"." in base.lstrip(b".") else b""
    if ending in IMAGE_ENDINGS:
        return Status.OK, ""
    if ending in SKIPPED_ENDINGS:
        return Status.SKIPPED, SKIPPED_ENDINGS[ending]
    return _sniffed(found.path)


def _problem_status(found: files.Found) -> tuple[Status, str]:
    if found.problem == "vanished":
        return Status.VANISHED, "no such file"
    passed_over = ("dangling link", "system folder", "subfolder,", "folder of", "folder that")
    unreadable = found.stat is None and not found.problem.startswith(passed_over)
    return (Status.UNREADABLE if unreadable else Status.SKIPPED), found.problem


def _sniffed(path: bytes) -> tuple[Status, str]:
    """Judge a file of unknown ending by its first bytes."""
    try:
        head = files.read(path, _SNIFF_BYTES)
    except OSError as error:
        return Status.UNREADABLE, files.describe(error)
    try:
        sniff(head)
    except ImageError:
        return Status.SKIPPED, "not an image"
    return Status.OK, ""
