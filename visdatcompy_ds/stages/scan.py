"""Sources to Files: what is there, in natural order, every path accounted for. No pixel is read."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    rows: dict[bytes, files.Found] = {}
    for label, path in _named_sources(source):
        prefix = to_bytes(label) + b"/" if label else b""
        for name_below, found in _under(path, recursive):
            if rows.setdefault(prefix + name_below, found).path != found.path:
                raise ArgumentError(f"Two sources give the id {to_text(prefix + name_below)}", "Each id stands once", "Rename a source")
    ids = {key: to_text(key.replace(os.sep.encode(), b"/")) for key in rows}
    ordered = sorted(rows, key=_natural_order(ids))
    judged = [_judge(rows[key], ids[key], wanted, unwanted) for key in ordered]
    infos = [rows[key].stat for key in ordered]

    def stat_column(attribute: str, dtype: type) -> Array:
        return np.array([getattr(info, attribute, 0) if info else 0 for info in infos], dtype)

    return Files(
        names=(name or default_name(source),),
        dataset=np.zeros(len(ordered), np.int16),
        id=text_array(ids[key] for key in ordered),
        path=object_array(rows[key].path for key in ordered),
        size_bytes=stat_column("st_size", np.int64),
        mtime_ns=stat_column("st_mtime_ns", np.int64),
        device=stat_column("st_dev", np.uint64),
        inode=stat_column("st_ino", np.uint64),
        status=np.array([STATUS_CODE[status] for status, _ in judged], np.uint8),
        reason=text_array(reason for _, reason in judged),
        is_link=np.array([rows[key].is_link for key in ordered], bool),
        ctime_ns=stat_column("st_ctime_ns", np.int64),
    )


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


def _natural_order(ids: Mapping[bytes, str]) -> Callable[[bytes], Any]:
    from natsort import natsort_keygen

    natural = natsort_keygen()
    folders: dict[str, tuple[Any, ...]] = {"": ()}

    def order(key: bytes) -> tuple[Any, ...]:
        # Folder by folder, as a file browser shows it; the id itself ends all ties, so that no order is left to the file system.
        folder, _, name = ids[key].rpartition("/")
        if folder not in folders:
            folders[folder] = tuple(natural(part) for part in folder.split("/"))
        return (*folders[folder], natural(name)), ids[key]

    return order


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
    base = os.path.basename(found.path)
    if found.problem:
        return _problem_status(found)
    if base.lower() in SYSTEM_NAMES or base.startswith(b"._"):
        return Status.SKIPPED, "system file"
    names = (file_id, file_id.rsplit("/", 1)[-1])
    if wanted and not any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in wanted):
        return Status.SKIPPED, "not in include"
    if any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in unwanted):
        return Status.SKIPPED, "in exclude"
    ending = os.path.splitext(base)[1].lower()
    if ending in IMAGE_ENDINGS:
        return Status.OK, ""
    if ending in SKIPPED_ENDINGS:
        return Status.SKIPPED, SKIPPED_ENDINGS[ending]
    return _sniffed(found.path)


def _problem_status(found: files.Found) -> tuple[Status, str]:
    if found.problem == "vanished":
        return Status.VANISHED, "no such file"
    unreadable = (
        found.stat is None and found.problem != "dangling link" and not found.problem.startswith(("system", "subfolder", "folder of"))
    )
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
