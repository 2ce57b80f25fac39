"""Pairs and a rank to Groups: the best row keeps, and each member was confirmed against its own keeper."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from visdatcompy_ds.base.names import size_text
from visdatcompy_ds.base.tables import DUPLICATE_CLASSES, STATUSES, Array, Fingerprints, Groups, Pairs
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


# Stronger evidence groups first: a picture that is a re-saved copy of one and an edited copy of another hangs on the first.
_TIERS = (DUPLICATE_CLASSES, ("edited",), ("similar",))


def group(
    order: Array, n: int, pairs: Pairs, stays: Array | None = None, may_hang: Callable[[int, int], bool] | None = None
) -> tuple[Groups, list[tuple[int, int, int]]]:
    """Give each row a keeper.

    Parameters
    ----------
    order : (k,) int64
        Rows best first; rows that are not in it keep themselves.
    n : int
        Rows of the table.
    pairs : Pairs
        Confirmed pairs of the classes that group.
    stays : (n,) bool, optional
        Rows that are no member whatever they were confirmed with, since they never go.
    may_hang : callable, optional
        ``(row, keeper)`` to False where a row may not go for that keeper: it then keeps for others like any row.

    Returns
    -------
    Groups
        Stars: going through `order`, a row that has no keeper becomes one and takes the rows it was confirmed with. A row that was
        confirmed only with a member stays: nothing hangs on a chain.
    list of (row, keeper, pair)
        Rows that `may_hang` held back.
    """
    held: dict[int, tuple[int, int, int]] = {}
    keeper, evidence = np.arange(n), np.full(n, -1, np.int64)
    is_settled = np.zeros(n, bool) if stays is None else stays.copy()
    position = np.full(n, n, np.int64)
    position[order] = np.arange(len(order))
    for tier in _TIERS:
        numbers = np.flatnonzero(pairs.of_class(*tier))
        one = np.concatenate([pairs.left[numbers], pairs.right[numbers]])
        other = np.concatenate([pairs.right[numbers], pairs.left[numbers]])
        doubled = np.tile(numbers, 2)
        by_row = np.lexsort((position[other], one))
        starts = np.searchsorted(one[by_row], np.arange(n + 1))
        for row in order[np.isin(order, one)].tolist():
            if keeper[row] != row:
                continue
            for at in by_row[starts[row] : starts[row + 1]].tolist():
                member = int(other[at])
                if is_settled[member] or not position[row] < position[member] < n:
                    continue
                if may_hang is not None and not may_hang(member, row):
                    held.setdefault(member, (member, row, int(doubled[at])))
                else:
                    is_settled[member] = is_settled[row] = True
                    keeper[member], evidence[member] = row, doubled[at]
    return Groups(keeper, evidence), [entry for member, entry in held.items() if keeper[member] == member]


def describe(table: Fingerprints, row: int) -> str:
    """Return what speaks for a row, for people: "4000×2250, 3.6 MB, EXIF, labelled"."""
    parts = [f"{table['width'][row]}×{table['height'][row]}", size_text(int(table.files.size_bytes[row]))]
    if table["has_exif"][row]:
        parts.append("EXIF")
    if table["label"][row] or table["has_sidecar"][row]:
        parts.append("labelled")
    status = STATUSES[int(table.files.status[row])]
    if status != "ok":
        parts.append(status)
    return ", ".join(parts)
