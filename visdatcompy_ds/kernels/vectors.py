"""Distances of hashes that are numbers and not bits: Euclidean, and the correlation of profiles at their best shift.

Sums run in a fixed order, so that a distance is the same to the last bit wherever and beside whatever it is computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visdatcompy_ds.kernels.compiled import compiled

_STEP = 7  # coordinates between two looks at whether a pair is too far apart already
Vectors = NDArray[np.float64]


@compiled
def _squared(a: Any, b: Any, most: float) -> float:
    """Return the squared distance, or some value above `most`."""
    total = 0.0
    for start in range(0, len(a), _STEP):
        for k in range(start, min(start + _STEP, len(a))):
            total += (a[k] - b[k]) ** 2
        if total > most:
            return total
    return total


@compiled
def l2(left: Any, right: Any) -> Any:
    """Return the Euclidean distance of each row of two arrays (m, d), (m,) float64."""
    distances = np.empty(len(left))
    for i in range(len(left)):
        distances[i] = np.sqrt(_squared(left[i], right[i], np.inf))
    return distances


@compiled
def l2_within(left: Any, right: Any, by: int, first: int, last: int, cutoff: float, is_self: bool) -> Any:
    """Return positions (m, 2) of rows within `cutoff`, for the left rows `first` to `last`.

    Both arrays are sorted by their coordinate `by`, so only a window of rows is looked at; within one set each pair comes in one order.
    """
    found, m = np.empty((256, 2), np.int32), 0
    begin, most = 0, cutoff * cutoff
    for i in range(first, last):
        while begin < len(right) and right[begin, by] < left[i, by] - cutoff:
            begin += 1
        for j in range(max(begin, i + 1) if is_self else begin, len(right)):
            if right[j, by] > left[i, by] + cutoff:
                break
            if _squared(left[i], right[j], most) <= most:
                if m == len(found):
                    larger = np.empty((2 * m, 2), np.int32)
                    larger[:m] = found
                    found = larger
                found[m, 0], found[m, 1] = i, j
                m += 1
    return found[:m].copy()


@compiled
def _outwards(values: Any, value: float, below: int, above: int) -> int:
    """Return which of two positions is nearer to a value in a sorted array, `below` or `above`; one of them lies within it."""
    if below < 0:
        return above
    if above >= len(values) or value - values[below] <= values[above] - value:
        return below
    return above


@compiled
def _peak(a: Any, b: Any, sums: Any) -> float:
    """Return the largest sum of products over all circular shifts of `b`."""
    n = len(a)
    sums[:] = 0.0
    for k in range(n):
        # Shifts side by side: independent sums become SIMD without changing their order.
        for shift in range(n - k):
            sums[shift] += a[k] * b[k + shift]
        for shift in range(n - k, n):
            sums[shift] += a[k] * b[k + shift - n]
    return float(sums.max())


@compiled
def _apart(a: Any, b: Any, sums: Any) -> float:
    """Return 1 - the peak, 0 for equal profiles, the same in either order."""
    for k in range(len(a)):
        if a[k] != b[k]:
            peak = _peak(a, b, sums) if a[k] < b[k] else _peak(b, a, sums)
            return min(max(1.0 - peak, 0.0), 1.0)
    return 0.0


@compiled
def shifted_correlation(left: Any, right: Any) -> Any:
    """Return 1 - the peak of the circular cross-correlation of each row of two arrays of profiles from :func:`profiles`, (m,) float64."""
    distances, sums = np.empty(len(left)), np.empty(left.shape[1])
    for i in range(len(left)):
        distances[i] = _apart(left[i], right[i], sums)
    return distances


@compiled
def nearest(
    left: Any,
    left_bounds: Any,
    left_files: Any,
    first: int,
    last: int,
    right: Any,
    right_bounds: Any,
    right_files: Any,
    order: Any,
    by: int,
    shifted: bool,
) -> Any:
    """Return distance and position of the nearest right row of another file, the first of equals; -1 where there is none.

    Parameters
    ----------
    left, right : (n, d), (m, d) float64
    left_bounds, right_bounds : (n, k), (m, k) float64
        Rows whose Euclidean distance bounds the distance: the rows themselves or, of profiles, their :func:`spectra`.
    left_files, right_files : (n,), (m,) int64
        Rows of one number are one file and no neighbours.
    first, last : int
        Left rows to look up.
    order : (m,) int64
        Right rows sorted by coordinate `by` of their bounds: they are looked at from the left row's value outwards, until no nearer one
        can come.
    by : int
    shifted : bool
        Distances are :func:`shifted_correlation` and not Euclidean.

    Returns
    -------
    distances : (last - first,) float64
    positions : (last - first,) int64
    """
    distances, positions = np.full(last - first, np.inf), np.full(last - first, -1, np.int64)
    sums, values = np.empty(left.shape[1]), right_bounds[order, by]
    for i in range(first, last):
        least, best, value = np.inf, -1, left_bounds[i, by]
        above = np.int64(np.searchsorted(values, value))
        below = above - 1
        while below >= 0 or above < len(values):
            at = _outwards(values, value, below, above)
            # A correlation is at least half the squared distance of the spectra apart; a hair is left for rounding.
            most = 2 * least + 1e-9 if shifted else least
            gap = values[at] - value
            if gap * gap > most:
                break
            if at == below:
                below -= 1
            else:
                above += 1
            j = order[at]
            if left_files[i] == right_files[j]:
                continue
            apart = _squared(left_bounds[i], right_bounds[j], most)
            if apart > most:
                continue
            if shifted:
                apart = _apart(left[i], right[j], sums)
            if apart < least or (apart == least and j < best):
                least, best = apart, j
        distances[i - first], positions[i - first] = least if shifted else np.sqrt(least), best
    return distances, positions


def profiles(codes: NDArray[np.uint8]) -> Vectors:
    """Return codes (n, d) less their mean and of length 1, so that a sum of products is a correlation; a constant one becomes zeros."""
    centred = codes.astype(np.float64)
    centred -= centred.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    return np.asarray(np.divide(centred, length, out=np.zeros_like(centred), where=length > 0))


def spectra(profile: Vectors) -> Vectors:
    """Return magnitudes of the Fourier transform, which no shift changes; their dot product bounds the peak correlation."""
    magnitude = np.abs(np.fft.rfft(profile, axis=1)) / np.sqrt(profile.shape[1])
    magnitude[:, 1 : (profile.shape[1] + 1) // 2] *= np.sqrt(2.0)
    return np.ascontiguousarray(magnitude)
