"""Loops that spread a choice: who is near whom, who brings most images nearer, how far the nearest chosen one is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visdatcompy_ds.kernels.compiled import compiled

_BLOCK = 256  # leaders that are looked at together
_FEW = 8  # coordinates that are looked at together
_SLACK = 1.0001  # coordinates are rounded


@compiled
def leaders(
    looks: NDArray[np.uint8],
    weights: NDArray[np.int32],
    space: NDArray[np.float32],
    before: NDArray[np.int64],
    waiting: NDArray[np.int64],
    most: float,
) -> Any:
    """Return which images are near one that stands earlier.

    Parameters
    ----------
    looks : (n, w) uint8
    weights : (w,) int32
        The squared distance of two looks is the sum of their squared differences times these.
    space : (n, d) float32
        Orthogonal projections of them, those that say most first: what is far apart there is so in looks.
    before : (b,) int64
        Positions that are leaders in any case.
    waiting : (m,) int64
        Positions in the order in which they may become leaders, behind those.
    most : float
        Largest distance of looks at which two are near.

    Returns
    -------
    (m,) int64
        Position of the leader within `most` that came first; -1 for those that are leaders.
    """
    limit, near = np.float32((most * _SLACK) ** 2), np.int64(most * most)
    width = space.shape[1]
    held = np.empty((width, len(before) + len(waiting)), np.float32)
    leader = np.empty(len(before) + len(waiting), np.int64)
    leader[: len(before)] = before
    for j in range(len(before)):
        held[:, j] = space[before[j]]
    count = len(before)
    out = np.full(len(waiting), -1, np.int64)
    apart = np.empty(_BLOCK, np.float32)
    for k in range(len(waiting)):
        i = waiting[k]
        for start in range(0, count, _BLOCK):
            size = min(_BLOCK, count - start)
            if not _may_be_near(space[i], held, start, size, limit, apart):
                continue
            for j in range(size):
                if apart[j] <= limit and _is_near(looks, weights, i, leader[start + j], near):
                    out[k] = leader[start + j]
                    break
            if out[k] >= 0:
                break
        if out[k] < 0:
            leader[count] = i
            held[:, count] = space[i]
            count += 1
    return out


@compiled
def _may_be_near(point: Any, held: Any, start: int, size: int, limit: Any, apart: Any) -> bool:
    """Write squared distances of a point to some columns of `held`; false as soon as the first coordinates say that all are farther."""
    for j in range(size):
        apart[j] = 0
    for first in range(0, len(point), _FEW):
        for c in range(first, min(first + _FEW, len(point))):
            value, line = point[c], held[c, start : start + size]
            for j in range(size):
                apart[j] += (line[j] - value) * (line[j] - value)
        within = 0
        for j in range(size):
            within += apart[j] <= limit
        if within == 0:
            return False
    return True


@compiled
def _is_near(looks: Any, weights: Any, i: int, j: int, most: int) -> bool:
    total = np.int32(0)
    for start in range(0, looks.shape[1], 64):
        for c in range(start, min(start + 64, looks.shape[1])):
            difference = np.int32(looks[i, c]) - np.int32(looks[j, c])
            total += difference * difference * weights[c]
        if total > most:
            return False
    return True


@compiled
def draw(
    space: NDArray[np.float32],
    taken: NDArray[np.float32],
    shown: NDArray[np.int64],
    cells: NDArray[np.int64],
    starts: NDArray[np.int64],
    members: NDArray[np.int64],
    tries: int,
    chance: NDArray[np.float32],
) -> Any:
    """Draw members of cells: of some that chance picks, the one that brings most of what is shown nearer to what is taken.

    Parameters
    ----------
    space : (n, d) float32
    taken : (t, d) float32
        What was taken before.
    shown : (s,) int64
        Rows of `space` that stand for all; with none of them, the farthest from what is taken is drawn.
    cells : (k,) int64
        From which cell each draw is; a cell is named no more often than it has members.
    starts : (c + 1,) int64
        Where the members of each cell begin.
    members : (m,) int64
        Rows of `space`; their order is lost.
    tries : int
        How many are looked at.
    chance : (k, tries) float32
        0 to 1.

    Returns
    -------
    (k,) int64
        Rows of `space`, all different.
    """
    held = np.empty((space.shape[1], len(taken) + len(cells)), np.float32)
    held[:, : len(taken)] = taken.T
    count = len(taken)
    apart, seen = np.full(len(space), np.inf, np.float32), np.zeros(len(space), np.int64)
    left, sums = starts[1:] - starts[:-1], np.empty(_BLOCK, np.float32)
    out = np.empty(len(cells), np.int64)
    stands = np.ascontiguousarray(space[shown].T)
    is_shown = np.zeros(len(space), np.bool_)
    is_shown[shown] = True
    far = np.empty(len(shown), np.float32)
    # Before anything is taken everything is as far away as no two are from each other.
    longest = np.float32(0)
    for i in range(len(space)):
        longest = max(longest, np.float32(np.sqrt((space[i] * space[i]).sum())))
    longest *= 2
    for j in range(len(shown)):
        far[j] = np.sqrt(_nearest(space[shown[j]], held, 0, count, sums)) if count else longest
    ways = np.empty((2, len(shown)), np.float32)
    for k in range(len(cells)):
        cell = cells[k]
        best, best_at, kept = np.float32(-np.inf), 0, 0
        for t in range(tries):
            at = starts[cell] + min(int(chance[k, t] * left[cell]), left[cell] - 1)
            i = members[at]
            score = _gain(space[i], stands, far, ways[1 - kept])
            if not is_shown[i]:
                apart[i] = min(apart[i], _nearest(space[i], held, seen[i], count, sums))
                seen[i] = count
                score += np.sqrt(apart[i]) if count else longest
            if score > best:
                best, best_at, kept = score, at, 1 - kept
        out[k] = members[best_at]
        last = starts[cell] + left[cell] - 1
        members[best_at], members[last] = members[last], members[best_at]
        left[cell] -= 1
        held[:, count] = space[out[k]]
        count += 1
        for j in range(len(shown)):
            far[j] = min(far[j], ways[kept, j])
    return out


@compiled
def _gain(point: Any, stands: Any, far: Any, way: Any) -> Any:
    """Return how much nearer a point brings what is shown, in all, and write how far each is from it."""
    for j in range(len(way)):
        way[j] = 0
    for c in range(len(point)):
        value, line = point[c], stands[c]
        for j in range(len(way)):
            way[j] += (line[j] - value) * (line[j] - value)
    gain = np.float64(0)
    for j in range(len(way)):
        way[j] = np.sqrt(way[j])
        gain += max(far[j] - way[j], np.float32(0))
    return gain


@compiled
def nearest_distances(space: NDArray[np.float32], targets: NDArray[np.float32]) -> Any:
    """Return the Euclidean distance of each row of `space` to the nearest of `targets`, (n,) float32; inf where there are none."""
    held = np.ascontiguousarray(targets.T)
    out, sums = np.empty(len(space), np.float32), np.empty(_BLOCK, np.float32)
    for i in range(len(space)):
        out[i] = np.sqrt(_nearest(space[i], held, 0, held.shape[1], sums))
    return out


@compiled
def _nearest(point: Any, held: Any, start: int, stop: int, sums: Any) -> Any:
    """Return the least squared distance of a point to columns of `held`."""
    nearest = np.float32(np.inf)
    for first in range(start, stop, _BLOCK):
        size = min(_BLOCK, stop - first)
        for j in range(size):
            sums[j] = 0
        for c in range(len(point)):
            value, line = point[c], held[c, first : first + size]
            for j in range(size):
                sums[j] += (line[j] - value) * (line[j] - value)
        for j in range(size):
            nearest = min(nearest, sums[j])
    return nearest
