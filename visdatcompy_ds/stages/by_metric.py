"""Pairs by a metric or another hash than the default one: copies where full resolution says so, look-alikes by the cut-off alone."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.tables import Array, Fingerprints, Pairs
from visdatcompy_ds.catalog.hashes import HASHES
from visdatcompy_ds.catalog.metrics import METRICS, Metric
from visdatcompy_ds.engine import decode
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.stages import metric_pairs, pixels, stacks
from visdatcompy_ds.stages.candidates import Candidates, near
from visdatcompy_ds.stages.candidates.distinct import comparable, file_numbers
from visdatcompy_ds.stages.confirm import Cost, Verdicts, confirm
from visdatcompy_ds.stages.shots import ShotFacts

GRID = 256  # pixels a side, on which the cut-offs of the catalog were measured
_MOST_PER_IMAGE = 100  # of very many look-alikes by a hash, the nearest of each image


class Pictures:
    """Pictures of a table on the common grid, grey or in colours, each read once for all metrics of a look.

    Attributes
    ----------
    decodes : int
        Images read and decoded in full for metrics so far, each with a read of its file.
    """

    def __init__(
        self, table: Fingerprints, workers: Workers = "auto", limits: decode.Limits | None = None, show_progress: bool | None = None
    ) -> None:
        self.decodes = 0
        self._table, self._options = table, (workers, limits, show_progress)
        self._held: dict[bool, tuple[Array, list[stacks.Stack]]] = {}

    def holding(self, rows: Array, is_grey: bool) -> list[stacks.Stack]:
        """Return stacks that hold these rows, and those of an earlier call that had more."""
        if is_grey not in self._held or not np.isin(rows, self._held[is_grey][0]).all():
            self._held[is_grey] = rows, stacks.load(self._table, rows, (GRID, GRID), is_grey, *self._options)
            self.decodes += len(rows)
        return self._held[is_grey][1]


def copies_by_metric(
    table: Fingerprints,
    rows: Array,
    name: str,
    judged: Pairs,
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
    known: Verdicts | None = None,
    pictures: Pictures | None = None,
) -> tuple[Pairs, Cost, dict[str, int]]:
    """Return the pairs within a metric's cut-off of duplicates, with the class that full resolution gives them.

    Two frames of a fixed camera are as near on a small grid as a copy is: the metric proposes, and what full resolution does not prove to
    be a copy is at most `similar`, by the metric. EXIF that tells another shot takes a pair out, unless the metric sees no difference at
    all. "pix2pix" compares full decodes itself: its pairs are `pixels`, whatever EXIF says.

    Parameters
    ----------
    table : Fingerprints
        With the columns of ``CLEAN_PROBES`` and the context.
    rows : (n,) int64
        Usable rows of distinct content; those with too little to see are compared by "pix2pix" only.
    name : str
        A metric of the catalog.
    judged : Pairs
        Pairs that keep their verdict.
    workers, limits, show_progress, known
        As in :func:`confirm`.
    pictures : Pictures, optional
        What was read for other metrics.

    Returns
    -------
    Pairs
        Of the step "metrics".
    Cost
        Of full resolution.
    dict
        "metrics_vetoed": pairs that EXIF took out.
    """
    metric = METRICS[name]
    left, right, score = _within(table, rows, metric, metric.cutoff_duplicate, pictures, workers, limits, show_progress)
    is_open = ~are_among(left, right, judged, len(table))
    left, right, score = left[is_open], right[is_open], score[is_open]
    if metric.reads == "digest":
        return Pairs.build(left, right, "pixels", "metrics", metric.name, score, metric.cutoff_duplicate), Cost(), {"metrics_vetoed": 0}
    is_other_shot = ShotFacts(table).are_other_shots(left, right)
    kept = ~is_other_shot | (score == metric.identical)
    left, right, score, is_other_shot = left[kept], right[kept], score[kept], is_other_shot[kept]
    proved, cost = confirm(table, Candidates.of(left, right, "metrics", is_other_shot), workers, limits, show_progress, known)
    is_proved = ~proved.of_class("similar")
    proved = proved.take(is_proved)
    rest = ~are_among(left, right, proved, len(table))
    alike = Pairs.build(left[rest], right[rest], "similar", "metrics", metric.name, score[rest], metric.cutoff_duplicate)
    return Pairs.concat([proved, alike]), cost, {"metrics_vetoed": int((~kept).sum())}


def look_alikes(
    table: Fingerprints,
    rows: Array,
    name: str,
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
    pictures: Pictures | None = None,
) -> Pairs:
    """Return the pairs within the cut-off of similar pictures of a hash or a metric of the catalog, as `similar`; "pix2pix" gives `pixels`.

    Images with too little to see are set aside. Of very many look-alikes by a hash those stand here that are among the 100 nearest of one
    of both images.

    Parameters
    ----------
    table : Fingerprints
        With the column of the hash.
    rows : (n,) int64
        Usable rows of distinct content.
    name : str
    workers, limits, show_progress
        As everywhere.
    pictures : Pictures, optional
        What was read for other metrics.
    """
    if name in HASHES:
        method = HASHES[name]
        some = comparable(table, rows)
        found = near.find(
            table, some.rows, None, method.name, method.cutoff, some.files, most_per_image=_MOST_PER_IMAGE, expand=True, workers=workers
        )
        return Pairs.build(found.left, found.right, "similar", "hash", method.name, found.distance, float(method.cutoff))
    metric = METRICS[name]
    left, right, score = _within(table, rows, metric, metric.cutoff_similar, pictures, workers, limits, show_progress)
    klass = "pixels" if metric.reads == "digest" else "similar"
    return Pairs.build(left, right, klass, "metrics", metric.name, score, metric.cutoff_similar)


def are_among(left: Array, right: Array, pairs: Pairs, n: int) -> Array:
    """Return a mask of the pairs, of `n` rows, that `pairs` holds."""
    return np.isin(left * n + right, pairs.left * n + pairs.right)


def _within(
    table: Fingerprints,
    rows: Array,
    metric: Metric,
    cutoff: float,
    pictures: Pictures | None,
    workers: Workers,
    limits: decode.Limits | None,
    show_progress: bool | None,
) -> tuple[Array, Array, Array]:
    """Return left and right rows and scores of the pairs within a cut-off, ``left < right``."""
    if np.isnan(cutoff):
        raise ArgumentError(
            f"{metric.name}, for which the catalog has no cut-off",
            "Allowed: metrics with one",
            f'Metrics(…).pairs("{metric.name}", cutoff=…)',
        )
    pictures = pictures or Pictures(table, workers, limits, show_progress)
    numbers = file_numbers(table)
    if metric.reads == "digest":
        equal, decodes = pixels.equal_pixels(table, rows, workers, limits, show_progress)
        pictures.decodes += decodes
        left, right = pixels.pairs_of(equal, rows, None, numbers)
        return left, right, np.full(len(left), metric.identical)
    informative = rows[~table["low_information"][rows].astype(bool)]
    held = pictures.holding(informative, metric.reads == "grey")
    found = metric_pairs.find(metric, held, None, cutoff, numbers, workers, show_progress)
    is_asked = np.isin(found.left, informative) & np.isin(found.right, informative)
    return found.left[is_asked], found.right[is_asked], found.score[is_asked]
