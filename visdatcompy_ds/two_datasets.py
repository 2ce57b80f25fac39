"""What nouns that compare one or two datasets share: whose images they are, which of them may be compared, where results go."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.arguments import path_bytes
from visdatcompy_ds.base.errors import ArgumentError, EmptySourceError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.calibration import Calibration
from visdatcompy_ds.catalog.metrics import METRICS
from visdatcompy_ds.catalog.probes import HEADER_PROBES
from visdatcompy_ds.dataset import Dataset, require_dataset
from visdatcompy_ds.engine.decode import Limits
from visdatcompy_ds.engine.run import Workers, worker_count
from visdatcompy_ds.reports import figures, html, tables
from visdatcompy_ds.stages import whereabouts
from visdatcompy_ds.stages.candidates.distinct import Comparable, comparable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from visdatcompy_ds.stages.calibrate import Measure

_MOST_CELLS = 50_000_000


class TwoDatasets:
    """Images of one or two datasets.

    Parameters
    ----------
    dataset1 : Dataset
    dataset2 : Dataset, optional
        None, or the same dataset, compares `dataset1` with itself.
    results_path : path, optional
        Folder for files; by default "results".
    workers : int or "auto"
        Threads; results do not depend on it.
    show_progress : bool, optional
        None shows a bar on a terminal when it takes more than two seconds.
    """

    def __init__(
        self,
        dataset1: Dataset,
        dataset2: Dataset | None = None,
        results_path: str | os.PathLike[str] | None = None,
        workers: Workers = "auto",
        show_progress: bool | None = None,
    ) -> None:
        require_dataset(dataset1, "dataset1")
        if dataset2 is not None:
            require_dataset(dataset2, "dataset2")
        worker_count(workers)
        self.dataset1, self.dataset2 = dataset1, None if dataset2 is None or dataset2.is_same_as(dataset1) else dataset2
        self.results_path = Path(os.fsdecode(path_bytes("results" if results_path is None else results_path, "results_path")))
        self.workers, self.show_progress = workers, show_progress

    def __repr__(self) -> str:
        """Return the datasets."""
        return f"{type(self).__name__}({', '.join(map(repr, self._datasets))})"

    @property
    def _datasets(self) -> list[Dataset]:
        return [self.dataset1] if self.dataset2 is None else [self.dataset1, self.dataset2]

    def _names(self, table: Fingerprints) -> str:
        """Return the names of both sides; two of one name are told apart as in the table."""
        names, first = table.files.names, len(self.dataset1.files.names)
        return " x ".join("+".join(side) for side in (names[:first], names[first:]) if side)

    @property
    def _limits(self) -> Limits:
        return limits_of(self._datasets)

    def _table(self, *probes: str) -> tuple[Fingerprints, Array, Array | None]:
        """Return the table of all files with these columns, and the rows of the images of both datasets; None where there is one."""
        refuse_empty(self._datasets)
        table = Fingerprints.combine([dataset.measured(*probes) for dataset in self._datasets])
        rows = [dataset._rows for dataset in self._datasets]
        return table, rows[0], None if self.dataset2 is None else rows[1] + len(self.dataset1.files)

    def _measured(self, *probes: str) -> Compared:
        """Return the table of all files, and what of it may be matched by hashes."""
        return Compared(*self._table("low_information", *probes))

    def _refuse_large(self, instead: str) -> None:
        """Raise an error for a matrix above 50 million cells, naming what to do instead."""
        rows, columns = len(self._datasets[0]), len(self._datasets[-1])
        if rows * columns > _MOST_CELLS:
            raise ArgumentError(f"A matrix of {rows} x {columns} cells", f"Allowed: {_MOST_CELLS // 10**6} million", instead)

    def _calibrated(self, found: Compared, measure: Measure, max_false_pairs: float, seed: int) -> Calibration:
        """Find the cut-off of a measure on these images; their table holds the columns of ``CLEAN_PROBES``."""
        from visdatcompy_ds.stages.calibrate import calibrate

        require_photos(self._datasets, "A calibration edits copies of the photos")
        rows = found.both.rows
        side = None if found.others is None else (rows >= len(self.dataset1.files)).astype(np.int64)
        limits, bar = self._limits, self.show_progress
        return Calibration(calibrate(found.table, rows, measure, max_false_pairs, side, seed, self.workers, limits, bar))

    def show(self, result: pd.DataFrame) -> Figure:
        """Return a heat map of a matrix, in which like pictures are bright whatever the metric; ids stand beside them where there is room.

        Parameters
        ----------
        result : DataFrame
            From ``matrix`` or a metric's method, or any table of numbers.
        """
        _require_table(result)
        if result.empty or not all(kind.kind in "fiub" for kind in result.dtypes):
            raise ArgumentError(
                f"A table of {result.shape[0]} x {result.shape[1]} without numbers", "Allowed: a matrix", "m.show(m.ssim())"
            )
        facts = result.attrs
        entry = METRICS.get(str(facts.get("metric")))
        if entry is not None:
            return figures.heat_map(result, entry.name, entry.higher_is_better, entry.identical)
        is_hash = "method" in facts  # a distance, 0 for equal ones
        return figures.heat_map(result, str(facts.get("method", "value")), False if is_hash else None, 0.0 if is_hash else np.nan)

    def save(self, name: str, result: pd.DataFrame | Figure) -> str:
        """Write a table as CSV, or a figure as PNG, into `results_path`; under a number where the name is taken.

        Parameters
        ----------
        name : str
            Of the file, with or without its ending.
        result : DataFrame or matplotlib Figure

        Returns
        -------
        str
            Where it was written.
        """
        if (
            not isinstance(name, str)
            or not name.strip(". ")
            or len(name) > 200
            or any(mark in "/\\" or not mark.isprintable() for mark in name)
        ):
            raise ArgumentError(
                f"name={name!r}" if isinstance(name, str) else f"A name of type {type(name).__name__}",
                "Allowed: the name of a file without a folder, up to 200 characters",
                "results_path= says where files go",
            )
        import pandas as pd

        if isinstance(result, pd.DataFrame):
            return self._write(f"{self._free(name.removesuffix('.csv'), '.csv')}.csv", tables.frame_csv(result))
        if not hasattr(result, "savefig"):
            raise ArgumentError(f"A result of type {type(result).__name__}", "Allowed: a DataFrame or a matplotlib Figure")
        return self._write(f"{self._free(name.removesuffix('.png'), '.png')}.png", figures.to_png(result))

    def report(self, pairs: pd.DataFrame) -> str:
        """Write ``pairs.html``, a page of pairs side by side, and ``pairs.csv`` into `results_path`; return where the page is.

        Parameters
        ----------
        pairs : DataFrame
            From ``pairs``; the first 200 are shown.
        """
        _require_table(pairs)
        missing = [column for column in ("left_dataset", "left_id", "right_dataset", "right_id") if column not in pairs.columns]
        missing += [] if {"score", "distance", "class"} & set(pairs.columns) else ["score"]
        if missing:
            raise ArgumentError(f"A table without {', '.join(missing)}", "Allowed: what pairs() gives", 'm.report(m.pairs("ssim"))')
        stem = self._free("pairs", ".csv", ".html")
        table, _, _ = self._table(*HEADER_PROBES)
        page = html.pairs_page(table, pairs, f"{stem}.csv")
        self._write(f"{stem}.csv", tables.frame_csv(pairs))
        return self._write(f"{stem}.html", page)

    def _free(self, stem: str, *suffixes: str) -> str:
        """Return a name for files in `results_path`, with a number where it is taken."""
        name, number = stem, 2
        while any((self.results_path / f"{name}{suffix}").exists() for suffix in suffixes):
            name, number = f"{stem}-{number}", number + 1
        return name

    def _write(self, name: str, data: bytes) -> str:
        """Write a file into `results_path` and return where."""
        tables.make_folder(self.results_path)
        tables.save(self.results_path / name, data)
        return str(self.results_path / name)


def refuse_empty(datasets: Sequence[Dataset]) -> None:
    """Raise an error where a dataset has no image by name."""
    for dataset in datasets:
        if not len(dataset):
            skipped = f"; {len(dataset.files)} other files were skipped" if len(dataset.files) else ""
            raise EmptySourceError(
                f"No images in {dataset.path}{skipped}", "", "Check the folder; formats are told by content, not by name"
            )


def require_photos(datasets: Sequence[Dataset], what: str) -> None:
    """Raise an error where photos of a saved index are not there; `what` says what needs them, as the beginning of a sentence."""
    for dataset in datasets:
        whereabouts.require_photos(dataset.files, dataset._homes, what, "phash and the other hashes that were saved need none")


def limits_of(datasets: Sequence[Dataset]) -> Limits:
    """Return the widest of the limits of all: what one of them refuses was refused when it was measured."""
    given = [dataclasses.asdict(dataset._limits) for dataset in datasets]
    return Limits(**{name: max(limits[name] for limits in given) for name in given[0]})


def cache_of(datasets: Sequence[Dataset]) -> Path | None:
    """Return the cache's folder of the first dataset; None where any has none, for what is kept of a pair is of both."""
    folders = [dataset._cache for dataset in datasets]
    return None if None in folders else folders[0]


def identity_of(table: Fingerprints, rows: Array, others: Array | None = None) -> tuple[object, ...]:
    """Return what tells these images from others, for what is kept between calls: their files as they were listed, and their status."""
    files = table.files
    everything = rows if others is None else np.concatenate([rows, others])
    facts = (files.dataset, files.size_bytes, files.mtime_ns, files.inode, files.status)
    digest = hashlib.sha256(b"\0".join(files.path[everything].tolist()))  # a digest, for tuples of so many numbers take much room
    for fact in facts:
        digest.update(fact[everything].tobytes())
    return others is None, len(everything), digest.digest()


def labels_of(table: Fingerprints, rows: Array) -> list[str]:
    """Return ids, with the dataset before them where one id stands for several images."""
    ids = table.files.id[rows]
    if len(set(ids.tolist())) == len(ids):
        return list(ids)
    return [f"{table.files.dataset_name(row)}/{table.files.id[row]}" for row in rows.tolist()]


class Compared:
    """The files of one or two datasets, and which of their images may be matched.

    Attributes
    ----------
    table : Fingerprints
        Files of both, the second's behind those of the first.
    rows, others : (n,), (m,) int64
        Images of the first and the second dataset; None for the second where there is one dataset.
    """

    def __init__(self, table: Fingerprints, rows: Array, others: Array | None) -> None:
        self.table, self.rows, self.others = table, rows, others
        self.left = comparable(table, rows)
        self.right = self.left if others is None else comparable(table, others, self.left.files)

    @property
    def columns(self) -> Array:
        """Images that stand for the columns of a matrix."""
        return self.rows if self.others is None else self.others

    @property
    def everything(self) -> Array:
        """Images of both."""
        return self.rows if self.others is None else np.concatenate([self.rows, self.others])

    @property
    def both(self) -> Comparable:
        """What may be matched of both, of several paths of one file the first."""
        return self.left if self.others is None else comparable(self.table, self.everything, self.left.files)

    @functools.cached_property
    def is_known(self) -> Array:
        """Mask of all files: their picture is whole and was measured."""
        return self.table.files.is_usable & self.table["decoded"]

    @property
    def unusable(self) -> int:
        """Number of images that cannot be compared."""
        return int((~self.is_known[self.everything]).sum())

    def attributes(self) -> dict[str, Any]:
        """Return what a table says of itself: images compared, set aside (too flat or tiny), unusable, other paths of a file."""
        sides = [self.left] if self.others is None else [self.left, self.right]
        compared, flat = sum(len(side.rows) for side in sides), sum(len(side.flat) for side in sides)
        same_file = len(self.everything) - compared - flat - self.unusable
        if self.others is not None:
            same_file += len(np.intersect1d(self.left.files[self.rows], self.left.files[self.others]))
        return {"compared": compared, "set_aside": flat, "unusable": self.unusable, "same_file": same_file}


def _require_table(value: object) -> None:
    import pandas as pd

    if not isinstance(value, pd.DataFrame):
        raise ArgumentError(
            f"A result of type {type(value).__name__}", "Allowed: a DataFrame", "m.show(m.ssim()), m.report(m.pairs('ssim'))"
        )
