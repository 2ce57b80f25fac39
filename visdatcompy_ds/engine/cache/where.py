"""Where the cache lies: a folder of the user's own, another that was named, or nowhere."""

from __future__ import annotations

import os
from pathlib import Path

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.engine.files import MARKER

OFF = "off"
NAME = "known-1.sqlite"  # another layout gets another name: programs of two versions do not meet
VARIABLE = "VISDATCOMPY_CACHE"
Place = str | bytes | os.PathLike[str] | bool | None


def place_of(given: Place) -> Path | None:
    """Return the cache's folder for ``cache=``, None for none.

    Parameters
    ----------
    given : "auto", "off" or path
        "auto" (and True) is what the environment variable ``VISDATCOMPY_CACHE`` says, which takes the same, else the user's cache folder.
        False and None are "off".

    Raises
    ------
    ArgumentError
        For anything else, and for a path that is a file.
    """
    if given is None or given is False or given == OFF:
        return None
    if given is True or given == "auto":
        named = os.environ.get(VARIABLE, "")
        return _default() if named in ("", "auto") else place_of(named)
    if not isinstance(given, (str, bytes, os.PathLike)) or not os.fspath(given):
        raise ArgumentError(f"cache={given!r}", 'Allowed: "auto", "off" or the path of a folder')
    try:
        folder = Path(os.fsdecode(given)).expanduser().absolute()
        problem = _problem(folder)
    except (RuntimeError, ValueError) as error:  # no such user; a NUL
        raise ArgumentError(f"cache={given!r}: {error}", 'Allowed: "auto", "off" or the path of a folder') from None
    if problem:
        # Its mark keeps a folder from being scanned: photos that are in it would be lost to every later run.
        raise ArgumentError(f"The cache {folder} {problem}", 'Allowed: a new or empty folder, one that is a cache, "auto" or "off"')
    return folder


def _problem(folder: Path) -> str:
    """Return what speaks against a folder as a cache, "" for nothing."""
    if folder.exists() and not folder.is_dir():
        return "is a file"
    try:
        return "" if is_ours(folder) else "holds other files"
    except OSError:  # said when it is to be used
        return ""


def is_ours(folder: Path) -> bool:
    """Tell whether nothing but a cache is in a folder, or it is marked as one, empty, or not there."""
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    return os.fsdecode(MARKER) in names or all(name.startswith(NAME) for name in names)


def _default() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("visdatcompy_ds", appauthor=False)
