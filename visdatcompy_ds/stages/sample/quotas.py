"""How many to take of each bucket or group: what was asked for in all, and never more than wait there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from visdatcompy_ds.base.errors import ArgumentError, UnknownNameError
from visdatcompy_ds.base.tables import Array

# What a share is in proportion to. With equal shares small buckets are kept whole and the largest are trimmed to one level.
QUOTAS: dict[str, Callable[[Array], Array]] = {
    "proportional": lambda total: total.astype(float),
    "sqrt": np.sqrt,
    "equal": lambda total: (total > 0).astype(float),
    "trim": lambda total: (total > 0).astype(float),
}


def quotas(waiting: Array, drawn: Array, n: int, rule: str | Array = "proportional") -> Array:
    """Return how many to take of each bucket: `n` in all, or all that wait.

    Each bucket that was never drawn from gets one while they last, fullest first; the rest go where the share of the whole is
    furthest from reached, by largest remainder. What a bucket cannot give, the others do.

    Parameters
    ----------
    waiting, drawn : (b,) int64
        Images that wait in each bucket, and images of it that were had before.
    n : int
    rule : str or (b,) array
        A name of ``QUOTAS``, or what shares are in proportion to.
    """
    weight = QUOTAS[rule](waiting + drawn) if isinstance(rule, str) else rule.astype(float)
    quota = np.zeros(len(waiting), np.int64)
    n = min(n, int(waiting.sum()))
    unseen = np.flatnonzero((waiting > 0) & (drawn == 0))
    unseen = unseen[np.lexsort((unseen, -waiting[unseen]))][:n]
    quota[unseen] = 1
    while (left := n - int(quota.sum())) > 0:
        open_ = np.flatnonzero(quota < waiting)
        target = weight[open_] * (quota[open_].sum() + drawn[open_].sum() + left) / max(weight[open_].sum(), 1e-9)
        lack = np.maximum(target - quota[open_] - drawn[open_], 0)
        if lack.sum() == 0:
            lack = (waiting[open_] - quota[open_]).astype(float)
        share = np.minimum(lack * left / lack.sum(), waiting[open_] - quota[open_])
        whole = np.floor(share).astype(np.int64)
        quota[open_] += whole
        missing = left - int(whole.sum())
        if missing and not whole.any():
            order = np.lexsort((open_, -(share - whole)))
            quota[open_[order[:missing]]] += 1
    return quota


def group_quotas(names: Array, waiting: Array, drawn: Array, n: int, rule: str | Mapping[str, int]) -> tuple[Array, Array]:
    """Return how many were asked of each group, and how many to take of it: what a group cannot give, the others do.

    Parameters
    ----------
    names : (g,) str
    waiting, drawn : (g,) int64
    n : int
    rule : str or mapping
        A name of ``QUOTAS``, or numbers of images by group that add up to `n`.

    Raises
    ------
    ArgumentError
        For numbers that are none, or add up to something else.
    UnknownNameError
        For a group or rule that is not there.
    """
    if isinstance(rule, str):
        if rule not in QUOTAS:
            raise UnknownNameError("quota", rule, list(QUOTAS))
        # What would be asked for if each had enough; a group of which nothing is left to choose is asked for nothing.
        asked = quotas(np.where(waiting > 0, n, 0), drawn, n, QUOTAS[rule](waiting + drawn))
        return asked, quotas(waiting, drawn, n, rule)
    if not isinstance(rule, Mapping):
        raise ArgumentError(f"quota of type {type(rule).__name__}", f"Allowed: {', '.join(QUOTAS)}, or numbers by group")
    for name, number in rule.items():
        if name not in names.tolist():
            raise UnknownNameError("group", str(name), names.tolist())
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 0:
            raise ArgumentError(f"quota[{name!r}]={number!r}", "Allowed: whole numbers, 0 or more")
    asked = np.array([int(rule.get(name, 0)) for name in names.tolist()], np.int64)
    if asked.sum() != n:
        raise ArgumentError(f"quota that adds up to {asked.sum()}", f"Allowed: numbers that add up to n={n}", "Or sample that many")
    taken = np.minimum(asked, waiting)
    # Those that were asked for images give what others lack, and the rest only when that does not suffice.
    for is_next in (asked > 0, asked >= 0):
        lack = min(n, int(waiting.sum())) - int(taken.sum())
        taken = taken + quotas(np.where(is_next, waiting - taken, 0), taken, lack, np.maximum(asked, 1e-3))
    return asked, taken
