"""Connected components of pairs, numbered by their lowest row: the same whatever the order of pairs."""

from __future__ import annotations

import collections

import numpy as np

from visdatcompy_ds.base.tables import Array


def roots(left: Array, right: Array) -> dict[int, int]:
    """Return for each row of pairs the lowest row it is connected with."""
    root: dict[int, int] = {}

    def find(row: int) -> int:
        while root.setdefault(row, row) != row:
            root[row] = root[root[row]]
            row = root[row]
        return row

    for a, b in zip(left.tolist(), right.tolist(), strict=True):
        root[max(find(a), find(b))] = min(find(a), find(b))
    return {row: find(row) for row in root}


def components(left: Array, right: Array) -> list[Array]:
    """Return positions of pairs by connected component."""
    root = roots(left, right)
    parts: dict[int, list[int]] = collections.defaultdict(list)
    for at, row in enumerate(left.tolist()):
        parts[root[row]].append(at)
    return [np.array(parts[key]) for key in sorted(parts)]
