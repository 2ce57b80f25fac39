"""Pairs and a rank to Groups: the best row keeps, and each member was confirmed against its own keeper."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.names import size_text
from visdatcompy_ds.base.tables import STATUSES, Array, Fingerprints, Groups, Pairs
from visdatcompy_ds.catalog.policies import POLICIES


def rank(table: Fingerprints, is_protected: Array, policy: str = "best") -> Array:
    """Return rows best first: the protected before all others, then by policy, ties by the order of the table.

    Parameters
    ----------
    table : Fingerprints
    is_protected : (n,) bool
        Rows that are never removed, hence always keepers.
    policy : str
        A keep policy of the catalog.
    """
    columns = {
        **table.columns,
        "status_code": table.files.status,
        "size_bytes": table.files.size_bytes,
        "path_length": np.array([len(path) for path in table.files.path], np.int64),
    }
    keys = POLICIES[policy].keys({name: columns[name] for name in POLICIES[policy].needs})
    # np.lexsort sorts by its last key first.
    return np.lexsort([np.arange(len(table)), *reversed(keys), ~is_protected])


def group(order: Array, n: int, pairs: Pairs) -> Groups:
    """Give each row a keeper.

    Parameters
    ----------
    order : (k,) int64
        Rows best first; rows that are not in it keep themselves.
    n : int
        Rows of the table.
    pairs : Pairs
        Confirmed duplicates only.

    Returns
    -------
    Groups
        Stars: going through `order`, a row that has no keeper yet becomes one and takes the rows it was confirmed with. A row
        that was confirmed only with a member stays: nothing hangs on a chain.
    """
    keeper, evidence = np.arange(n), np.full(n, -1, np.int64)
    both = np.concatenate([pairs.left, pairs.right])
    other = np.concatenate([pairs.right, pairs.left])
    number = np.tile(np.arange(len(pairs)), 2)
    by_row = np.argsort(both, kind="stable")
    starts = np.searchsorted(both[by_row], np.arange(n + 1))
    is_settled = np.zeros(n, bool)
    position = np.full(n, n, np.int64)
    position[order] = np.arange(len(order))
    for row in order[np.isin(order, both)].tolist():
        if is_settled[row]:
            continue
        is_settled[row] = True
        for at in by_row[starts[row] : starts[row + 1]].tolist():
            member = int(other[at])
            if not is_settled[member] and position[member] < n:
                is_settled[member] = True
                keeper[member], evidence[member] = row, number[at]
    return Groups(keeper, evidence)


def describe(table: Fingerprints, row: int) -> str:
    """Return what speaks for a row, for people: "4000×2250, 3.6 MB, EXIF, labelled"."""
    parts = [f"{table['width'][row]}×{table['height'][row]}", size_text(int(table.files.size_bytes[row]))]
    if table["has_exif"][row]:
        parts.append("EXIF")
    if table["label"][row]:
        parts.append("labelled")
    status = STATUSES[int(table.files.status[row])]
    if status != "ok":
        parts.append(status)
    return ", ".join(parts)
