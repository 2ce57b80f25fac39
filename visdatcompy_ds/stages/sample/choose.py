"""The choice: exactly N distinct rows, or all there are, those that say something new first."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from visdatcompy_ds.base.arguments import whole_number
from visdatcompy_ds.base.errors import UnknownNameError
from visdatcompy_ds.base.tables import Array, Fingerprints, SelectionTable, text_array
from visdatcompy_ds.catalog.buckets import BUCKETS
from visdatcompy_ds.catalog.looks import NEAR, UNIT
from visdatcompy_ds.kernels import hamming
from visdatcompy_ds.stages.sample.quotas import group_quotas, quotas
from visdatcompy_ds.stages.sample.space import looks_of, projected

STRATEGIES = ("spread", "stride")
# When nothing waits that is farther than this from all that is chosen, nearer ones may come: first what differs a little.
_RADII = (NEAR, NEAR / 2, NEAR / 4, 0.0)
_POOL, _PER_IMAGE, _PER_CELL = 20_000, 4, 16  # of more images, as many as this are looked at by chance
_COVERING = 20_000  # given images whose distance counts; near duplicates of any given one wait
# Of so many that chance picks the farthest is taken. Few keep to where most images are and leave outliers alone; towards the end, when
# most of what differs has been chosen, distance matters more.
_LEAST_TRIES, _MORE_TRIES, _LAST_TRIES = 2, 8, 64


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
        Within a bucket: far from what is chosen, or an even stride in natural order.
    seed : int
    group : (n rows of the table,) object, optional
        Names of groups that have quotas.
    group_quota : str or mapping
    max_per_event : int, optional
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
    group_quota: str | Mapping[str, int] = "proportional"
    max_per_event: int | None = None
    near_duplicates_last: bool = True
    space: Array | None = None


@dataclasses.dataclass(frozen=True)
class Sampled:
    """A choice, and what it was made of.

    Attributes
    ----------
    chosen : SelectionTable
    rules : str
        The bucket rule.
    rows : (m,) int64
        Candidates.
    bucket : (m,) object
        Of each candidate.
    pool : (p,) int64
        Rows that were looked at: all candidates, or of very many some that chance picked.
    picked : (n,) int64
        Positions of the chosen ones in `pool`.
    space, given_space : (p, d), (g, d) float32
        Coordinates of the pool and of images that were had before, in units of looks, or of embeddings.
    distinct : (k,) int64
        Positions in `pool` of one image of each near-duplicate group.
    groups : dict of str to array
        group, seen, had, asked, chosen; empty without groups.
    """

    chosen: SelectionTable
    rules: str
    rows: Array
    bucket: Array
    pool: Array
    picked: Array
    space: Array
    given_space: Array
    distinct: Array
    groups: dict[str, Array]


def sample(table: Fingerprints, rows: Array, n: int, given: Array | None = None, wishes: Wishes | None = None) -> Sampled:
    """Choose `n` of `rows`.

    Parameters
    ----------
    table : Fingerprints
        With the columns of ``CLEAN_PROBES`` and the context.
    rows : (m,) int64
        Rows that may be chosen, in natural order.
    n : int
        How many; all rows when there are fewer.
    given : (g,) int64, optional
        Rows already had: never chosen, and counted as if drawn before, so that what they lack comes first.
    wishes : Wishes, optional

    Returns
    -------
    Sampled
        With ``min(n, len(rows))`` rows, all distinct, in an order of which every beginning is a sample, too.
    """
    wishes = wishes or Wishes()
    if wishes.strategy not in STRATEGIES:
        raise UnknownNameError("strategy", wishes.strategy, list(STRATEGIES))
    had = np.empty(0, np.int64) if given is None else given
    rows = rows[np.lexsort((rows, *table["sha256"][rows].T))]  # by content: what files are called and where they lie changes nothing
    n = min(whole_number(n), len(rows))
    cells = _Cells.of(table, rows, had, n, wishes)
    pool = cells.pool(n, np.random.default_rng(wishes.seed))
    work = _Choice(table, cells, pool, had, wishes)
    if not work.run() and len(pool) < len(rows):
        work = _Choice(table, cells, np.arange(len(rows)), had, wishes)
        work.run()
    return work.result()


@dataclasses.dataclass(frozen=True)
class _Cells:
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
    def of(cls, table: Fingerprints, rows: Array, had: Array, n: int, wishes: Wishes) -> _Cells:
        everything = np.concatenate([rows, had])
        rule = BUCKETS[wishes.rules]
        keys = rule.compute({name: table[name][everything] for name in rule.needs})
        code = (keys.astype(np.int64) << 8 * np.arange(keys.shape[1])).sum(axis=1)
        _, first, bucket = np.unique(code, return_index=True, return_inverse=True)
        buckets = text_array("".join(map(str, key)) for key in keys[first].tolist())
        groups, group = np.array([""]), np.zeros(len(everything), np.int64)
        if wishes.group is not None:
            groups, group = np.unique(wishes.group[everything].astype(str), return_inverse=True)
        known, cell = np.unique(group.reshape(-1) * max(1, len(buckets)) + bucket.reshape(-1), return_inverse=True)
        waiting, drawn = (np.bincount(part, minlength=len(groups)) for part in (group[: len(rows)], group[len(rows) :]))
        asked, needed = group_quotas(groups, waiting, drawn, n, wishes.group_quota)
        return cls(rows, cell.reshape(-1), known // max(1, len(buckets)), known % max(1, len(buckets)), groups, buckets, asked, needed)

    def __len__(self) -> int:
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


class _Choice:
    """The work on one sample: positions are those in `pool`, and behind them those of the given images."""

    def __init__(self, table: Fingerprints, cells: _Cells, pool: Array, had: Array, wishes: Wishes) -> None:
        self.table, self.cells, self.pool, self.had, self.wishes = table, cells, pool, had, wishes
        self.rng = np.random.default_rng(wishes.seed)
        self.rows = cells.rows[pool]
        everything = np.concatenate([self.rows, had])
        self.given = np.arange(len(pool), len(everything))
        self.cell = np.concatenate([cells.cell[pool], cells.cell[len(cells.rows) :]])
        self.looks, self.weights = looks_of(table, everything)
        self.look_space = projected(self.looks, self.weights)
        self.space = self.look_space / np.float32(UNIT) if wishes.space is None else np.ascontiguousarray(wishes.space[everything])
        self.event = table["event"][everything] if wishes.max_per_event is not None else np.empty(0, object)
        self.picked = np.empty(0, np.int64)
        self.distinct = np.arange(len(pool))

    def run(self) -> bool:
        """Choose, level by level: what waits behind others comes when these are gone; false where the pool had too few for the first."""
        everything = np.arange(len(self.pool))
        informative = everything[~self.table["low_information"][self.rows].astype(bool)]
        limit = self.wishes.max_per_event
        radii = _RADII if self.wishes.near_duplicates_last else _RADII[-1:]
        levels = [(informative, radius, limit) for radius in radii]
        levels += [(informative, 0.0, None)] if limit is not None else []
        for level, wanted in enumerate([*levels, (everything, 0.0, None)]):
            lack = self._lack()
            if not lack.any():
                break
            candidates, radius, most = wanted
            waiting = self.rng.permutation(np.setdiff1d(candidates, self.picked, assume_unique=True))
            leader = self._leaders(waiting, radius)
            if level == 0:  # one of each near-duplicate group, also of those that a given image leads
                led, first = np.unique(leader, return_index=True)
                self.distinct = np.sort(np.concatenate([waiting[leader < 0], waiting[first[led >= len(self.pool)]]]))
            free = self._within_events(waiting[leader < 0], most)
            self._draw(free, lack, None if level == 0 else _LAST_TRIES)
            if level == 0 and self._lack().any() and len(self.pool) < len(self.cells.rows):
                return False
        return True

    def _lack(self) -> Array:
        """Return how many are still to come of each group."""
        return self.cells.needed - np.bincount(self.cells.group_of[self.cell[self.picked]], minlength=len(self.cells.needed))

    def _leaders(self, waiting: Array, radius: float) -> Array:
        """Return for each what it is near: a chosen or given image, or one that stands earlier; -1 for none."""
        if radius == 0 or not len(waiting):
            return np.full(len(waiting), -1)
        from visdatcompy_ds.kernels.spread import leaders

        before = np.concatenate([self.given, self.picked])
        led: Array = leaders(self.looks, self.weights, self.look_space, before, waiting, radius * UNIT)
        return led

    def _within_events(self, waiting: Array, max_per_event: int | None) -> Array:
        """Return those that are not too many of one event."""
        if max_per_event is None:
            return waiting
        counts: dict[str, int] = {}
        for name in self.event[np.concatenate([self.given, self.picked])].tolist():
            counts[name] = counts.get(name, 0) + 1
        kept = []
        for at in waiting.tolist():
            name = self.event[at]
            counts[name] = counts.get(name, 0) + 1
            if not name or counts[name] <= max_per_event:
                kept.append(at)
        return np.array(kept, np.int64)

    def _draw(self, free: Array, lack: Array, tries: int | None) -> None:
        """Take of each group what it lacks, as far as it is free, something of every bucket."""
        if not len(free):
            return
        had = np.concatenate([self.given, self.picked])
        waiting, drawn = (self.cells.sizes(self.cell[part]) for part in (free, had))
        quota = np.zeros(len(self.cells), np.int64)
        for group in np.flatnonzero(lack).tolist():
            mine = np.flatnonzero(self.cells.group_of == group)
            quota[mine] = quotas(waiting[mine], drawn[mine], int(lack[group]), self.wishes.bucket_quota)
        cells = np.repeat(np.arange(len(quota)), quota)
        # A place between 0 and 1 in each cell: sorted by it, every beginning of the list holds its share of all cells.
        places = [(_van_der_corput(count) + self.rng.random() / count) % 1 for count in quota[quota > 0].tolist()]
        cells = cells[np.lexsort((cells, np.concatenate(places)))] if len(cells) else cells
        order = np.argsort(self.cell[free], kind="stable")
        starts = np.concatenate([[0], np.cumsum(waiting)]).astype(np.int64)
        choose = self._spread if self.wishes.strategy == "spread" else self._stride
        self.picked = np.concatenate([self.picked, choose(free[order], cells, starts, tries)])

    def _spread(self, members: Array, cells: Array, starts: Array, tries: int | None) -> Array:
        from visdatcompy_ds.kernels.spread import draw

        covering = self.given[np.linspace(0, len(self.given) - 1, min(len(self.given), _COVERING)).astype(np.int64)]
        taken = self.space[np.concatenate([covering, self.picked])]
        looked_at = (
            np.arange(len(cells)) * _MORE_TRIES // max(1, len(members)) + _LEAST_TRIES if tries is None else np.full(len(cells), tries)
        )
        chance = self.rng.random((len(cells), int(looked_at.max(initial=1))), np.float32)
        return members[draw(self.space[members], taken, cells, starts, np.arange(len(members)), looked_at, chance)]

    def _stride(self, members: Array, cells: Array, starts: Array, tries: int | None) -> Array:
        out = np.empty(len(cells), np.int64)
        for cell in np.unique(cells).tolist():
            at = np.flatnonzero(cells == cell)
            mine = members[starts[cell] : starts[cell + 1]]
            mine = mine[np.argsort(self.rows[mine])]  # natural order
            # Whole numbers: steps of at least one row, so no row comes twice. Places of the list follow chance, not natural order.
            even = (np.arange(len(at)) * len(mine) + int(self.rng.random() * len(mine))) // len(at)
            out[at] = mine[even[np.argsort(np.argsort(_van_der_corput(len(at))))]]
        return out

    def result(self) -> Sampled:
        """Return the choice as tables."""
        cells, row, known = self.cells, self.rows[self.picked], len(self.cells.rows)
        bucket = cells.buckets[cells.bucket_of[cells.cell[:known]]]
        nearest, distance = _nearest(self.table, row, self.had)
        table = SelectionTable(np.arange(1, len(row) + 1), row, bucket[self.pool[self.picked]], nearest, distance)
        groups = {}
        if self.wishes.group is not None:
            parts = (cells.cell[:known], cells.cell[known:], self.cell[self.picked])
            seen, had, chosen = (np.bincount(cells.group_of[part], minlength=len(cells.groups)) for part in parts)
            groups = {"group": cells.groups, "seen": seen, "had": had, "asked": cells.asked, "chosen": chosen}
        own = len(self.pool)
        return Sampled(
            table, self.wishes.rules, cells.rows, bucket, self.rows, self.picked, self.space[:own], self.space[own:], self.distinct, groups
        )


def of_distinct_content(table: Fingerprints, rows: Array, given: Array) -> Array:
    """Return `rows` without those whose bytes are among `given` or stand at an earlier row."""
    seen = {bytes(digest) for digest in table["sha256"][given]}
    kept = []
    for row, digest in zip(rows.tolist(), map(bytes, table["sha256"][rows]), strict=True):
        if digest not in seen:
            seen.add(digest)
            kept.append(row)
    return np.array(kept, np.int64)


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
