"""How loops are compiled: without the GIL, kept on disk, and with NumPy's rules for division.

``compiled_slp`` adds LLVM's superword-level parallelism, which numba leaves off: neighbouring scalars, such as a pixel's channels, become
one SIMD register. For ``area_square`` it is worth a third of its time; loops over long arrays do not need it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import config, njit
from numba.extending import intrinsic

Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(loop: Loop) -> Loop:
    """Compile a loop when it is first called, for the types it is called with."""
    made: Loop = njit(cache=True, nogil=True, error_model="numpy")(loop)
    return made


def compiled_slp(signature: Any) -> Callable[[Loop], Loop]:
    """Return a decorator that compiles (or loads) a loop of one signature at once, with the pass on for that moment only."""

    def decorate(loop: Loop) -> Loop:
        before = config.SLP_VECTORIZE
        config.SLP_VECTORIZE = 1
        try:
            made: Loop = njit(signature, cache=True, nogil=True, error_model="numpy")(loop)
        finally:
            config.SLP_VECTORIZE = before
        return made

    return decorate


def instruction(generator: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that compiled loops call of one that writes LLVM's instructions for it."""
    made: Callable[..., Any] = intrinsic(generator)
    return made
