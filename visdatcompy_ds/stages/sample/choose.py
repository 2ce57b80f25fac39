"""The choice: exactly N distinct rows, or all there are, those that say something new first."""

from __future__ import annotations

import dataclasses

import numpy as np

from visdatcompy_ds.base.arguments import whole_number
from visdatcompy_ds.base.errors import UnknownNameError
from visdatcompy_ds.base.tables import Array, Fingerprints, SelectionTable
from visdatcompy_ds.catalog.looks import NEAR, UNIT
from visdatcompy_ds.kernels import hamming
from visdatcompy_ds.stages.sample.cells import Cells, Wishes
from visdatcompy_ds.stages.sample.quotas import quotas
from visdatcompy_ds.stages.sample.space import looks_of, projected

STRATEGIES = ("spread", "stride")
# When nothing waits that is farther than this from all that is chosen, nearer ones may come: first what differs a little.
_RADII = (NEAR, NEAR / 2, NEAR / 4, 0.0)
_COVERING = 20_000  # given images whose distance counts; near duplicates of any given one wait
# Of so many that chance picks the one is taken that brings most images nearer to what is chosen. Few leave much to chance, on which what is
# not seen in looks relies; of what waited because it looks like what is chosen, the farthest of many is taken.
_TRIES, _LAST_TRIES = 4, 64
_SHOWN = 2000  # images that stand for all of them


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
    given : int
        Number of images that were had before.
    space, given_space : (p, d), (g, d) float32
        Coordinates of the pool, and of at most 20 000 images that were had before, in units of looks, or of embeddings.
    alike : (p,) int64
        Of each image of the pool the number of its near-duplicate group.
    groups : dict of str to array
        group, seen, had, asked, chosen; empty without groups.
    """

    chosen: SelectionTable
    rules: str
    rows: Array
    bucket: Array
    pool: Array
    picked: Array
    given: int
    space: Array
    given_space: Array
    alike: Array
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
    # By content: where files lie changes nothing, nor what they are called, but for an even stride in the order of names.
    rows, had = (side[np.lexsort((side, *table["sha256"][side].T))] for side in (rows, had))
    whole_number(n)
    cells = Cells.of(table, rows, had, n, wishes)
    pool = cells.pool(n, np.random.default_rng(wishes.seed))
    work = _Choice(table, cells, pool, had, wishes)
    if not work.run() and len(pool) < len(rows):
        work = _Choice(table, cells, np.arange(len(rows)), had, wishes)
        work.run()
    return work.result()


class _Choice:
    """The work on one sample: positions are those in `pool`, and behind them those of the given images."""

    def __init__(self, table: Fingerprints, cells: Cells, pool: Array, had: Array, wishes: Wishes) -> None:
        self.table, self.cells, self.pool, self.had, self.wishes = table, cells, pool, had, wishes
        self.rng = np.random.default_rng(wishes.seed)
        self.rows = cells.rows[pool]
        everything = np.concatenate([self.rows, had])
        self.given = np.arange(len(pool), len(everything))
        self.cell = np.concatenate([cells.cell[pool], cells.cell[len(cells.rows) :]])
        self.looks, self.weights = looks_of(table, everything)
        self.look_space = projected(self.looks, self.weights)
        self.space = self.look_space / np.float32(UNIT) if wishes.space is None else np.ascontiguousarray(wishes.space[everything])
        self.event = np.full(len(table), -1)[everything] if wishes.event is None else wishes.event[everything]
        self.picked = np.empty(0, np.int64)
        self.alike = np.arange(len(pool))

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
            if level == 0:
                self.alike[waiting] = np.where(leader < 0, waiting, leader)
            free = self._within_events(waiting[leader < 0], most)
            self._draw(free, lack, level > 0)
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
        had = self.event[np.concatenate([self.given, self.picked])]
        counts = dict(zip(*(side.tolist() for side in np.unique(had, return_counts=True)), strict=True))
        kept = []
        for at, event in zip(waiting.tolist(), self.event[waiting].tolist(), strict=True):
            counts[event] = counts.get(event, 0) + 1
            if event < 0 or counts[event] <= max_per_event:
                kept.append(at)
        return np.array(kept, np.int64)

    def _draw(self, free: Array, lack: Array, is_late: bool) -> None:
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
        places = [(np.arange(count) + self.rng.random()) / count for count in quota[quota > 0].tolist()]
        cells = cells[np.lexsort((cells, np.concatenate(places)))] if len(cells) else cells
        order = np.argsort(self.cell[free], kind="stable")
        starts = np.concatenate([[0], np.cumsum(waiting)]).astype(np.int64)
        choose = self._spread if self.wishes.strategy == "spread" else self._stride
        self.picked = np.concatenate([self.picked, choose(free[order], cells, starts, is_late)])

    def _spread(self, members: Array, cells: Array, starts: Array, is_late: bool) -> Array:
        from visdatcompy_ds.kernels.spread import draw

        taken = self.space[np.concatenate([_some(self.given, _COVERING), self.picked])]
        shown = np.arange(0) if is_late else np.sort(self.rng.permutation(len(members))[:_SHOWN])
        tries = _LAST_TRIES if is_late else _TRIES
        chance = self.rng.random((len(cells), tries), np.float32)
        return members[draw(self.space[members], taken, shown, cells, starts, np.arange(len(members)), tries, chance)]

    def _stride(self, members: Array, cells: Array, starts: Array, is_late: bool) -> Array:
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
            table,
            self.wishes.rules,
            cells.rows,
            bucket,
            self.rows,
            self.picked,
            len(self.had),
            self.space[:own],
            _some(self.space[own:], _COVERING),
            self.alike,
            groups,
        )


def _some(values: Array, most: int) -> Array:
    """Return at most so many of the values, evenly."""
    return values[:: max(1, -(-len(values) // most))]


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
