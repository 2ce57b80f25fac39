"""Silence the warnings and logs of Pillow, its libtiff and tifffile while we call them, and only then, from any number of threads."""

from __future__ import annotations

import functools
import importlib
import logging
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# warnings.catch_warnings saves and restores the whole list of filters, which two threads that leave in the other order than they entered
# corrupt for good; one entry of our own, put in by the first and taken out by the last, does not
_ENTRY = ("ignore", None, Warning, re.compile(r"PIL\.|tifffile|visdatcompy_ds\.engine\.decode\."), 0)
_lock = threading.Lock()
_inside = 0
_speaker: int | None = None
_thread = threading.local()


def _is_not_ours(record: logging.LogRecord) -> bool:
    return not getattr(_thread, "depth", 0)


# What they log of a damaged file stands in the status of its row; what they log for others is not ours to hide.
for _name in ("PIL.TiffImagePlugin", "PIL.PngImagePlugin", "PIL.Image", "tifffile"):
    logging.getLogger(_name).addFilter(_is_not_ours)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Run the block without warnings and logs of the decoders; those of other modules and other threads are left alone."""
    global _inside
    _thread.depth = getattr(_thread, "depth", 0) + 1
    filters = warnings.filters
    assert isinstance(filters, list)
    with _lock:
        _inside += 1
        if _inside == 1:
            _hush_libtiff()
        if _ENTRY not in filters[:1]:
            filters.insert(0, _ENTRY)
            _tell()
    try:
        yield
    finally:
        _thread.depth -= 1
        with _lock:
            _inside -= 1
            if not _inside:
                _let_libtiff_speak()
                current = warnings.filters  # another list, where one was saved and restored meanwhile
                assert isinstance(current, list)
                while _ENTRY in current:
                    current.remove(_ENTRY)
                _tell()


def complaints() -> int:
    """Return how often libtiff met broken data in this thread: it tells, and goes on as if nothing was."""
    return int(getattr(_thread, "complaints", 0))


def _note(*_: object) -> None:
    _thread.complaints = complaints() + 1


@functools.cache
def _libtiff() -> tuple[Any, Any]:
    """Return what sets the function by which Pillow's libtiff tells errors to the terminal, and ours; None where it cannot be reached."""
    import ctypes

    try:
        # Found among the libraries that the core of Pillow is linked with.
        setter = ctypes.CDLL(importlib.import_module("PIL._imaging").__file__).TIFFSetErrorHandler
    except (ImportError, OSError, AttributeError):
        return None, None
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
    ours = kind(_note)
    return setter, (ours, ctypes.cast(ours, ctypes.c_void_p))  # the first keeps the second alive


def _hush_libtiff() -> None:
    global _speaker
    setter, ours = _libtiff()
    if setter is not None:
        _speaker = setter(ours[1])


def _let_libtiff_speak() -> None:
    setter, _ = _libtiff()
    if setter is not None:
        setter(_speaker)


def _tell() -> None:
    """Make the C side of `warnings` look at the list again."""
    refresh = getattr(warnings, "_filters_mutated", None) or getattr(warnings, "_filters_mutated_lock_held", None)
    if refresh is not None:
        refresh()
