"""What every function at the door shares: memory that does not suffice is a status of the image, whichever decoder asked for it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from visdatcompy_ds.base.errors import ImageError, RefusedImageError
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.engine.decode import reasons

_P = ParamSpec("_P")
_R = TypeVar("_R")


class CrashedImageError(ImageError):
    """An image whose decoding broke down, for want of memory or by a fault of its decoder."""

    status = Status.CRASHED


def at_the_door(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return `function` with its MemoryError as a CrashedImageError: alike in a thread, in a worker with little memory, and alone."""

    @functools.wraps(function)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except MemoryError:
            raise CrashedImageError(reasons.NO_MEMORY) from None

    return guarded


def raise_if_out_of_memory(error: Exception) -> None:
    """Raise MemoryError where an error of a decoder is one, by its type or its words; RefusedImageError where it met its own limit."""
    words = str(error).lower()
    if "security limit" in words:
        raise RefusedImageError(reasons.DECODER_LIMIT) from None
    if isinstance(error, MemoryError) or "memory" in words:
        raise MemoryError from None
