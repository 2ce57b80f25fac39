"""Pairs of different pictures: at random, and of one event, where look-alikes are."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.tables import Array, Fingerprints

_ALL_PAIRS, _RANDOM_PAIRS, _EVENT_PAIRS = 2_000_000, 1_000_000, 100_000


def different(table: Fingerprints, rows: Array, side: Array | None, rng: np.random.Generator) -> list[tuple[Array, Array, int]]:
    """Return pairs of different events and pairs of one event: positions of both, and how many such pairs there are."""
    _, event = np.unique(_event_keys(table, rows), return_inverse=True)
    n = len(rows)
    of = np.zeros(n, np.int64) if side is None else side
    total, within = (_pairs_of(np.zeros(n, np.int64), side), _pairs_of(event, side))
    is_whole = n * (n - 1) // 2 <= _ALL_PAIRS
    if is_whole:
        left, right = np.triu_indices(n, 1)
        own_left, own_right = left, right
    else:
        left, right = rng.integers(0, n, (2, _RANDOM_PAIRS * (1 if side is None else 2)))
        left, right = np.minimum(left, right), np.maximum(left, right)
        keys = np.unique(left * n + right)
        left, right = keys // n, keys % n
        own_left, own_right = _within_events(event, rng)
    drawn = []
    for one, other, is_own, count in ((left, right, False, total - within), (own_left, own_right, True, within)):
        keep = ((event[one] == event[other]) == is_own) & (one != other)
        keep &= (of[one] != of[other]) if side is not None else True
        drawn.append((one[keep], other[keep], count))
    return drawn


def _pairs_of(event: Array, side: Array | None) -> int:
    """Return how many pairs lie within events; with sides, of two sides."""
    sizes = np.bincount(event)
    if side is None:
        return int((sizes * (sizes - 1) // 2).sum())
    first = np.bincount(event, weights=side == side.min()).astype(np.int64)
    return int((first * (sizes - first)).sum())


def _event_keys(table: Fingerprints, rows: Array) -> Array:
    """Return a text per row that shots of one event share; without a time each row is its own."""
    dated = ~np.isnat(table["taken"][rows])
    dataset = table.files.dataset[rows]
    return np.array(
        [f"{d}/{e}" if known else f"#{at}" for at, (d, e, known) in enumerate(zip(dataset, table["event"][rows], dated, strict=True))]
    )


def _within_events(event: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return pairs of one event, at most some, evenly drawn."""
    order = np.argsort(event, kind="stable")
    sizes = np.bincount(event)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    pairs = sizes * (sizes - 1) // 2
    total = int(pairs.sum())
    chosen = np.arange(total) if total <= _EVENT_PAIRS else np.sort(rng.choice(total, _EVENT_PAIRS, replace=False))
    ends = np.cumsum(pairs)
    which = np.searchsorted(ends, chosen, side="right")
    inside = chosen - (ends[which] - pairs[which])
    right = ((1 + np.sqrt(1 + 8 * inside.astype(float))) / 2).astype(np.int64)
    right -= right * (right - 1) // 2 > inside  # the root was rounded up
    left = inside - right * (right - 1) // 2
    one, other = order[starts[which] + left], order[starts[which] + right]
    return np.minimum(one, other), np.maximum(one, other)
