"""Where images belong, and how many are to come from there: groups that have quotas, and in each the buckets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from visdatcompy_ds.base.tables import Array, Fingerprints, text_array
from visdatcompy_ds.catalog.buckets import BUCKETS
from visdatcompy_ds.stages.sample.quotas import group_quotas

_POOL, _PER_IMAGE, _PER_CELL = 10_000, 8, 16  # of more images, as many as this are looked at by chance


@dataclasses.dataclass(frozen=True)
class Wishes:
    """How to choose.

    Attributes
    ----------
    rules : str
        A bucket rule of the catalog.
    bucket_quota : str
        A name of ``QUOTAS``.
    strategy : {"spread", "stride"}
        Within a bucket: of some by chance the one that brings most images nearer, or an even stride in natural order.
    seed : int
    group : (n rows of the table,) object, optional
        Names of groups that have quotas.
    group_names : tuple of str
        Groups that are there, whether or not any of their images may be chosen.
    group_quota : str or mapping
    max_per_event : int, optional
    event : (n rows of the table,) int64, optional
        Number of the event of each image, -1 for none.
    near_duplicates_last : bool
        At most one of each near-duplicate group while others wait.
    space : (n rows of the table, d) float32, optional
        Coordinates in which images lie apart, in the place of their looks; only those of candidates and given images are read.
    """

    rules: str = "visual"
    bucket_quota: str = "proportional"
    strategy: str = "spread"
    seed: int = 42
    group: Array | None = None
    group_names: tuple[str, ...] = ()
    group_quota: str | Mapping[str, int] = "proportional"
    max_per_event: int | None = None
    event: Array | None = None
    near_duplicates_last: bool = True
    space: Array | None = None


@dataclasses.dataclass(frozen=True)
class Cells:
    """Where candidates and given images belong: groups that have quotas, and in each the buckets.

    Attributes
    ----------
    rows : (m,) int64
        Candidates.
    cell : (m + g,) int64
        Of candidates, and behind them of given images.
    group_of, bucket_of : (c,) int64
        Of each cell.
    groups, buckets : (…,) str
    asked, needed : (groups,) int64
        How many were asked of each group, and how many are to come of it.
    """

    rows: Array
    cell: Array
    group_of: Array
    bucket_of: Array
    groups: Array
    buckets: Array
    asked: Array
    needed: Array

    @classmethod
    def of(cls, table: Fingerprints, rows: Array, had: Array, n: int, wishes: Wishes) -> Cells:
        """Return the cells of candidates and given images, and how many of `n` are to come of each group."""
        everything = np.concatenate([rows, had])
        rule = BUCKETS[wishes.rules]
        keys = rule.compute({name: table[name][everything] for name in rule.needs})
        code = (keys.astype(np.int64) << 8 * np.arange(keys.shape[1])).sum(axis=1)
        _, first, bucket = np.unique(code, return_index=True, return_inverse=True)
        buckets = text_array("".join(map(str, key)) for key in keys[first].tolist())
        groups, group = np.array([""]), np.zeros(len(everything), np.int64)
        if wishes.group is not None:
            names = np.concatenate([wishes.group[everything].astype(str), np.array(wishes.group_names, str)])
            groups, group = np.unique(names, return_inverse=True)
            group = group.reshape(-1)[: len(everything)]
        known, cell = np.unique(group * max(1, len(buckets)) + bucket.reshape(-1), return_inverse=True)
        waiting, drawn = (np.bincount(part, minlength=len(groups)) for part in (group[: len(rows)], group[len(rows) :]))
        asked, needed = group_quotas(groups, waiting, drawn, n, wishes.group_quota)
        return cls(rows, cell.reshape(-1), known // max(1, len(buckets)), known % max(1, len(buckets)), groups, buckets, asked, needed)

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.group_of)

    def sizes(self, cell: Array) -> Array:
        """Return how many of `cell` are each cell."""
        return np.bincount(cell, minlength=len(self))

    def pool(self, n: int, rng: np.random.Generator) -> Array:
        """Return positions of as many candidates, drawn by chance from each cell, as are enough to choose from."""
        own = self.cell[: len(self.rows)]
        size = self.sizes(own)
        of_group = np.maximum(np.bincount(self.group_of, size, len(self.groups)), 1)
        share = np.maximum(_POOL / max(1, len(self.rows)), _PER_IMAGE * self.needed / of_group)[self.group_of]
        most = np.maximum(np.minimum(size, _PER_CELL), np.ceil(size * np.minimum(share, 1)))
        order = rng.permutation(len(self.rows))
        order = order[np.argsort(own[order], kind="stable")]
        rank = np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size)
        return np.sort(order[rank < most[own[order]]])
