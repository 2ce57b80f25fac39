"""Pairs and a rank to Groups: the best row keeps, and each member was confirmed against its own keeper."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from visdatcompy_ds.base.names import size_text
from visdatcompy_ds.base.tables import DUPLICATE_CLASSES, STATUSES, Array, Fingerprints, Groups, Pairs
from visdatcompy_ds.catalog.policies import POLICIES
from visdatcompy_ds.stages.candidates.near import Near


def rank(table: Fingerprints, is_protected: Array, policy: str = "best") -> Array:
    """Return rows best first: the protected before all others, then files before links, then by policy, ties by the order of the table.

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
    # np.lexsort sorts by its last key first. Nothing may go for a link: what it leads to may lie anywhere.
    return np.lexsort([np.arange(len(table)), *reversed(keys), table.files.is_link, ~is_protected])


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


def stars(near: Near, order: Array, n: int) -> tuple[Array, Array, Array, Array]:
    """Group images by pairs of near codes among themselves.

    Parameters
    ----------
    near : Near
        Within one set, without `expand`: images of one code are as near to any other as each other.
    order : (n,) int64
        Rows best first.
    n : int
        Rows of the table.

    Returns
    -------
    group, row, is_keeper, distance
        By group, the keeper first, then by distance and natural order.
    """
    codes = near.left_items
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    code = np.repeat(np.arange(len(codes.codes)), codes.sizes)
    best = codes.rows[np.lexsort((place[codes.rows], code))][codes.starts[:-1]]
    apart = near.left_item != near.right_item
    one, other = best[near.left_item[apart]], best[near.right_item[apart]]
    pairs = Pairs.build(one, other, "similar", "hash", "", near.distance[apart])
    held, _ = group(best[np.argsort(place[best])], n, pairs)
    row = codes.rows
    representative = np.repeat(best, codes.sizes)
    keeper = held.keeper[representative]
    evidence = held.pair[representative]
    distance = np.where(evidence >= 0, pairs.score[evidence] if len(pairs) else 0.0, 0.0)
    sizes = np.bincount(keeper, minlength=n)
    together = sizes[keeper] > 1
    row, keeper, distance = row[together], keeper[together], distance[together]
    by_group = np.lexsort((row, distance, row != keeper, keeper))
    row, keeper, distance = row[by_group], keeper[by_group], distance[by_group]
    number = np.unique(keeper, return_inverse=True)[1].reshape(-1) + 1
    return number, row, row == keeper, distance


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
