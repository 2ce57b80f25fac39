"""Where the cache lies: a folder of the user's own, another that was named, or nowhere."""

from __future__ import annotations

import os
from pathlib import Path

from visdatcompy_ds.base.errors import ArgumentError

OFF = "off"
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
    folder = Path(os.fsdecode(given)).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise ArgumentError(f"The cache {folder} is a file", 'Allowed: a folder, "auto" or "off"')
    return folder


def _default() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("visdatcompy_ds", appauthor=False)
