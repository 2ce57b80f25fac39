"""Checks of what callers hand in, with errors that say what is allowed."""

from __future__ import annotations

import operator
import os
from typing import SupportsIndex

from visdatcompy_ds.base.errors import ArgumentError


def whole_number(value: object, name: str = "n", least: int = 0) -> int:
    """Return `value` as an int of `least` or more.

    Raises
    ------
    ArgumentError
        For anything else, also for True and 3.0.
    """
    allowed = f"Allowed: a whole number, {least} or more"
    try:
        number = operator.index(value) if isinstance(value, SupportsIndex) else least - 1
    except TypeError:  # an array that is no number
        number = least - 1
    if isinstance(value, bool) or number < least:
        raise ArgumentError(f"{name}={value!r}", allowed)
    return number


def path_bytes(path: object, name: str = "path") -> bytes:
    """Return a path (str, bytes or PathLike) as bytes.

    Raises
    ------
    ArgumentError
        For anything else, and for an empty path.
    """
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise ArgumentError(f"{name} of type {type(path).__name__}", "Allowed: str, bytes or pathlib.Path")
    raw = os.fsencode(path)
    if not raw:
        raise ArgumentError(f"An empty {name}", "Allowed: the path of a file or folder")
    return raw
