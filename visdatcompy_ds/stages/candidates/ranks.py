"""Places within groups."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.tables import Array


def ranked(group: Array, *by: Array) -> tuple[Array, Array]:
    """Return the order of entries by group and, within each, by some columns, the first of which weighs most; and the place of each.

    Parameters
    ----------
    group : (n,) int64
    *by : (n,) array

    Returns
    -------
    order : (n,) int64
    rank : (n,) int64
        Place of ``order[i]`` within its group, from 0.
    """
    order = np.lexsort((*by[::-1], group))
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) != 0]) if len(order) else order
    return order, np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
