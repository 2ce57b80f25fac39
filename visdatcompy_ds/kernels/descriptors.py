"""Descriptors of two pictures: the nearest and the second nearest one, and the nearest one back, in one pass over all pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visdatcompy_ds.kernels.compiled import compiled
from visdatcompy_ds.kernels.hamming_loops import ones

_FAR = np.uint64(2**31)


@compiled
def nearest_two(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> Any:
    """Return nearest neighbours by Hamming distance; runs without the GIL.

    Parameters
    ----------
    left, right : (n, 4), (m, 4) uint64

    Returns
    -------
    nearest : (n,) int64
        Row of `right`; the first of equals.
    first, second : (n,) int64
        Bits by which it differs, and the second nearest.
    back : (m,) int64
        The row of `left` nearest to each of `right`; the first of equals.
    """
    n, m = len(left), len(right)
    by_word = right.T.copy()  # neighbours in memory, so that SIMD loads them at once
    nearest, back = np.zeros(n, np.int64), np.zeros(m, np.int64)
    first, second = np.empty(n, np.int64), np.empty(n, np.int64)
    least, apart = np.full(m, _FAR), np.empty(m, np.uint64)
    for i in range(n):
        a, b, c, d = left[i, 0], left[i, 1], left[i, 2], left[i, 3]
        for j in range(m):
            apart[j] = ones(a ^ by_word[0, j]) + ones(b ^ by_word[1, j]) + ones(c ^ by_word[2, j]) + ones(d ^ by_word[3, j])
        one, two, at = _FAR, _FAR, 0
        for j in range(m):
            if apart[j] < two:
                if apart[j] < one:
                    one, two, at = apart[j], one, j
                else:
                    two = apart[j]
            if apart[j] < least[j]:
                least[j] = apart[j]
                back[j] = i
        nearest[i], first[i], second[i] = at, one, two
    return nearest, first, second, back
