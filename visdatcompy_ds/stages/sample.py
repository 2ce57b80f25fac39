"""Fingerprints to a selection: buckets, quotas, an even stride. Exactly N distinct rows, or all there are."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.arguments import whole_number
from visdatcompy_ds.base.tables import Array, Fingerprints, SelectionTable
from visdatcompy_ds.catalog.buckets import BUCKETS
from visdatcompy_ds.kernels import hamming


def sample(table: Fingerprints, rows: Array, n: int, given: Array | None = None, rules: str = "visual", seed: int = 42) -> SelectionTable:
    """Choose `n` of `rows`, something of every bucket.

    Parameters
    ----------
    table : Fingerprints
    rows : (m,) int64
        Rows that may be chosen, in natural order.
    n : int
        How many; all rows when there are fewer.
    given : (g,) int64, optional
        Rows already had: never chosen, and counted as if drawn before, so that what they lack comes first.
    rules : str
        A bucket rule of the catalog.
    seed : int
        Where each bucket's stride begins; the same seed gives the same choice.

    Returns
    -------
    SelectionTable
        ``min(n, len(rows))`` rows, all distinct.
    """
    wanted = min(whole_number(n), len(rows))
    had = np.empty(0, np.int64) if given is None else given
    rule = BUCKETS[rules]
    everything = np.concatenate([rows, had])
    keys = rule.compute({name: table[name][everything] for name in rule.needs})
    names = np.array(["".join(str(part) for part in key) for key in keys.tolist()], object)
    buckets, codes = np.unique(names.astype(str), return_inverse=True) if len(names) else (np.empty(0, str), np.empty(0, np.int64))
    waiting, drawn = (np.bincount(part, minlength=len(buckets)) for part in (codes[: len(rows)], codes[len(rows) :]))
    chosen = quotas(waiting, drawn, wanted)
    generator = np.random.default_rng(seed)
    picked, places = [np.empty(0, np.int64)], [np.empty(0)]
    for bucket, quota in enumerate(chosen.tolist()):
        offset = generator.random()
        members = rows[codes[: len(rows)] == bucket]
        if quota:
            # Whole numbers: steps of at least one row, so no row comes twice.
            picked.append(members[(np.arange(quota) * len(members) + int(offset * len(members))) // quota])
            # A place between 0 and 1 in each bucket: sorted by it, every beginning of the list holds its share of all buckets.
            places.append((_van_der_corput(quota) + generator.random() / quota) % 1)
    row, place = np.concatenate(picked), np.concatenate(places)
    order = np.lexsort((row, place))
    row = row[order]
    bucket_of = dict(zip(rows.tolist(), names[: len(rows)], strict=True))
    nearest, distance = _nearest(table, row, had)
    labels = np.empty(len(row), object)
    labels[:] = [bucket_of[one] for one in row.tolist()]
    return SelectionTable(np.arange(1, len(row) + 1), row, labels, nearest, distance)


def of_distinct_content(table: Fingerprints, rows: Array, given: Array) -> Array:
    """Return `rows` without those whose bytes are among `given` or stand at an earlier row."""
    seen = {bytes(digest) for digest in table["sha256"][given]}
    kept = []
    for row, digest in zip(rows.tolist(), map(bytes, table["sha256"][rows]), strict=True):
        if digest not in seen:
            seen.add(digest)
            kept.append(row)
    return np.array(kept, np.int64)


def quotas(waiting: Array, drawn: Array, n: int) -> Array:
    """Return how many to take of each bucket: `n` in all, never more than wait there.

    Each bucket that was never drawn from gets one while they last, fullest first; the rest go where the share of the whole is
    furthest from reached, by largest remainder.
    """
    total = waiting + drawn
    quota = np.zeros(len(waiting), np.int64)
    n = min(n, int(waiting.sum()))
    unseen = np.flatnonzero((waiting > 0) & (drawn == 0))
    unseen = unseen[np.lexsort((unseen, -waiting[unseen]))][:n]
    quota[unseen] = 1
    while (left := n - int(quota.sum())) > 0:
        open_ = np.flatnonzero(quota < waiting)
        target = total[open_] * (quota[open_].sum() + drawn[open_].sum() + left) / total[open_].sum()
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


def _van_der_corput(n: int) -> Array:
    """Return the first n numbers of the base-2 van der Corput sequence: any beginning of it is spread over 0 to 1."""
    k = np.arange(n, dtype=np.int64)
    value, step = np.zeros(n), 0.5
    while k.any():
        value += step * (k & 1)
        k, step = k >> 1, step / 2
    return value


def _nearest(table: Fingerprints, rows: Array, given: Array) -> tuple[Array, Array]:
    if not len(given) or not len(rows):
        return np.full(len(rows), -1, np.int64), np.full(len(rows), np.nan)
    words, against = hamming.as_words(table["phash"][rows])[:, 0], hamming.as_words(table["phash"][given])[:, 0]
    best, least = np.empty(len(rows), np.int64), np.empty(len(rows))
    step = max(1, 2_000_000 // len(against))
    for start in range(0, len(rows), step):
        distance = hamming.popcount(words[start : start + step, None] ^ against[None, :])
        nearest = distance.argmin(axis=1)
        best[start : start + step] = given[nearest]
        least[start : start + step] = distance[np.arange(len(nearest)), nearest]
    return best, least
