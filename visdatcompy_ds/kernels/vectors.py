"""Distances of hashes that are numbers and not bits: Euclidean, and the correlation of profiles at their best shift.

Sums run in a fixed order, so that a distance is the same to the last bit wherever and beside whatever it is computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

_STEP = 7  # coordinates between two looks at whether a pair is too far apart already
Vectors = NDArray[np.float64]


@njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _squared(a: Any, b: Any, most: float) -> float:
    """Return the squared distance, or some value above `most`."""
    total = 0.0
    for start in range(0, len(a), _STEP):
        for k in range(start, min(start + _STEP, len(a))):
            total += (a[k] - b[k]) ** 2
        if total > most:
            return total
    return total


@njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def l2(left: Any, right: Any) -> Any:
    """Return the Euclidean distance of each row of two arrays (m, d), (m,) float64."""
    distances = np.empty(len(left))
    for i in range(len(left)):
        distances[i] = np.sqrt(_squared(left[i], right[i], np.inf))
    return distances


@njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def l2_within(left: Any, right: Any, first: int, last: int, cutoff: float, is_self: bool) -> Any:
    """Return positions (m, 2) of rows within `cutoff`, for the left rows `first` to `last`.

    Both arrays are sorted by their first coordinate, so only a window of rows is looked at; within one set each pair comes in one order.
    """
    found, m = np.empty((256, 2), np.int32), 0
    begin, most = 0, cutoff * cutoff
    for i in range(first, last):
        while begin < len(right) and right[begin, 0] < left[i, 0] - cutoff:
            begin += 1
        for j in range(max(begin, i + 1) if is_self else begin, len(right)):
            if right[j, 0] > left[i, 0] + cutoff:
                break
            if _squared(left[i], right[j], most) <= most:
                if m == len(found):
                    larger = np.empty((2 * m, 2), np.int32)
                    larger[:m] = found
                    found = larger
                found[m, 0], found[m, 1] = i, j
                m += 1
    return found[:m].copy()


@njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def l2_nearest(left: Any, left_files: Any, first: int, last: int, right: Any, right_files: Any) -> Any:
    """Return distance and position of the nearest right row of another file for the left rows `first` to `last`; -1 where there is none."""
    distances, positions = np.full(last - first, np.inf), np.full(last - first, -1, np.int64)
    for i in range(first, last):
        least = np.inf
        for j in range(len(right)):
            squared = _squared(left[i], right[j], least)
            if squared < least and left_files[i] != right_files[j]:
                least, positions[i - first] = squared, j
        distances[i - first] = np.sqrt(least)
    return distances, positions


@njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
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


@njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _apart(a: Any, b: Any, sums: Any) -> float:
    """Return 1 - the peak, 0 for equal profiles, the same in either order."""
    for k in range(len(a)):
        if a[k] != b[k]:
            peak = _peak(a, b, sums) if a[k] < b[k] else _peak(b, a, sums)
            return min(max(1.0 - peak, 0.0), 1.0)
    return 0.0


@njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def shifted_correlation(left: Any, right: Any) -> Any:
    """Return 1 - the peak of the circular cross-correlation of each row of two arrays of profiles from :func:`profiles`, (m,) float64."""
    distances, sums = np.empty(len(left)), np.empty(left.shape[1])
    for i in range(len(left)):
        distances[i] = _apart(left[i], right[i], sums)
    return distances


@njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def shifted_nearest(
    left: Any, left_bounds: Any, left_files: Any, first: int, last: int, right: Any, right_bounds: Any, right_files: Any
) -> Any:
    """Return what :func:`l2_nearest` does, by shifted correlation; `bounds` are the :func:`spectra` of the profiles."""
    distances, positions = np.full(last - first, np.inf), np.full(last - first, -1, np.int64)
    sums = np.empty(left.shape[1])
    for i in range(first, last):
        least = np.inf
        for j in range(len(right)):
            # The distance is at least half the squared distance of the spectra; a hair is left for rounding.
            if _squared(left_bounds[i], right_bounds[j], 2 * least + 1e-9) > 2 * least + 1e-9 or left_files[i] == right_files[j]:
                continue
            distance = _apart(left[i], right[j], sums)
            if distance < least:
                least, positions[i - first] = distance, j
        distances[i - first] = least
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
