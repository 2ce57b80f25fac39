"""Compile a kernel with LLVM's superword-level parallelism: neighbouring scalars, such as a pixel's channels, become one SIMD register.

numba leaves that pass off. For ``area_square`` it is worth a third of its time; loops over long arrays do not need it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import config, njit


def njit_slp(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles (or loads) a kernel of one signature at once, with the pass on for that moment only."""

    def decorate(function: Callable[..., Any]) -> Any:
        before = config.SLP_VECTORIZE
        config.SLP_VECTORIZE = 1
        try:
            return njit(signature, cache=True, nogil=True, error_model="numpy")(function)
        finally:
            config.SLP_VECTORIZE = before

    return decorate
