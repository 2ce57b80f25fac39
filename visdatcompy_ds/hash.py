"""The noun ``Hash``: perceptual hashes of one or two datasets, compared exactly."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.arguments import path_bytes, whole_number
from visdatcompy_ds.base.errors import ArgumentError, EmptySourceError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.calibration import Calibration
from visdatcompy_ds.catalog.hashes import HASHES, HashMethod
from visdatcompy_ds.catalog.probes import CLEAN_PROBES, PROBES
from visdatcompy_ds.catalog.working import WorkingBlock
from visdatcompy_ds.dataset import Dataset, require_dataset
from visdatcompy_ds.engine.run import Workers, worker_count
from visdatcompy_ds.reports import tables
from visdatcompy_ds.stages.candidates import distances, near
from visdatcompy_ds.stages.candidates.distinct import Comparable, comparable
from visdatcompy_ds.stages.group import rank, stars

if TYPE_CHECKING:
    import pandas as pd

_MOST_CELLS = 50_000_000


class Hash:
    """Compare images by perceptual hashes, within a dataset or across two.

    A hash proposes, it never proves: near codes are worth a look. Images too flat to have a structure are set aside and never matched.

    Parameters
    ----------
    dataset1 : Dataset
    dataset2 : Dataset, optional
        None, or the same dataset, compares `dataset1` with itself.
    results_path : path, optional
        Folder for CSV files; by default "results".
    workers : int or "auto"
        Threads; results do not depend on it.

    Examples
    --------
    >>> hashes = Hash(Dataset("datasets/trail_new"), Dataset("datasets/trail"))
    >>> bool((hashes.pairs("phash", max_distance=4).distance <= 4).all())
    True
    """

    methods = HASHES.keys()  # also those that are added later

    def __init__(
        self,
        dataset1: Dataset,
        dataset2: Dataset | None = None,
        results_path: str | os.PathLike[str] | None = None,
        workers: Workers = "auto",
    ) -> None:
        require_dataset(dataset1, "dataset1")
        if dataset2 is not None:
            require_dataset(dataset2, "dataset2")
        worker_count(workers)
        self.dataset1, self.dataset2 = dataset1, None if dataset2 is None or dataset2.is_same_as(dataset1) else dataset2
        self.results_path = Path(os.fsdecode(path_bytes("results" if results_path is None else results_path, "results_path")))
        self.workers = workers

    def __repr__(self) -> str:
        """Return the datasets."""
        return f"Hash({', '.join(map(repr, self._datasets))})"

    @property
    def _datasets(self) -> list[Dataset]:
        return [self.dataset1] if self.dataset2 is None else [self.dataset1, self.dataset2]

    def _measured(self, *probes: str) -> _Compared:
        """Return the table of all files, and what of it may be compared."""
        for dataset in self._datasets:
            if not len(dataset):
                raise EmptySourceError(f"No images in {dataset.path}", "", "Check the folder; formats are told by content, not by name")
        table = Fingerprints.combine([dataset.measured("low_information", *probes) for dataset in self._datasets])
        rows = [dataset._rows for dataset in self._datasets]
        return _Compared(table, rows[0], None if self.dataset2 is None else rows[1] + len(self.dataset1.files))

    def find_similars(self, method: str = "phash", to_csv: bool = False) -> pd.DataFrame:
        """Return, for each image of `dataset1`, the nearest other image of `dataset2`.

        Parameters
        ----------
        method : str
            One of ``Hash.methods``.
        to_csv : bool
            Also write ``hash_<method>.csv`` into `results_path`, under a number where that name is taken; ``attrs["saved"]`` says where.

        Returns
        -------
        DataFrame
            Indexed by the id of the image; ``similar_image_name`` (id of the other), ``distance``, and ``is_similar``: within the cut-off
            of the catalog. Empty where an image cannot be used or is set aside, and where nothing is left to compare it with.
        """
        import pandas as pd

        entry = HASHES[method]
        found = self._measured(entry.name)
        distance, other = near.nearest(found.table, found.rows, found.right.rows, entry, found.left.files, self.workers)
        known = other >= 0
        names = [found.table.files.id[row] if row >= 0 else None for row in other.tolist()]
        apart = pd.Series(np.where(known, distance, np.nan)).astype("Int64" if entry.distance == "hamming" else "float64")
        frame = pd.DataFrame(
            {"similar_image_name": names, "distance": apart.array, "is_similar": known & (distance <= entry.cutoff)},
            index=pd.Index(found.table.files.id[found.rows], name="image_name"),
        )
        frame.attrs = found.attributes(entry, entry.cutoff)
        if to_csv:
            frame.attrs["saved"] = self._save(frame.reset_index(), f"hash_{entry.name}")
        return frame

    def matrix(self, method: str = "phash") -> pd.DataFrame:
        """Return the distances of all images of `dataset1` (rows) and `dataset2` (columns), plain numbers without judgement.

        Images that `pairs` sets aside stand in it, too; what cannot be used (damaged, unreadable) is NaN.

        Raises
        ------
        ArgumentError
            Above 50 million cells.
        """
        import pandas as pd

        entry = HASHES[method]
        found = self._measured(entry.name)
        table, rows, columns = found.table, found.rows, found.rows if found.others is None else found.others
        if len(rows) * len(columns) > _MOST_CELLS:
            raise ArgumentError(
                f"A matrix of {len(rows)} x {len(columns)} cells",
                f"Allowed: {_MOST_CELLS // 10**6} million",
                f'pairs("{entry.name}", max_distance=…) finds all near ones without it',
            )
        is_known = table.files.is_usable & table["decoded"]
        distance = distances.matrix(entry, table[entry.name][rows], table[entry.name][columns])
        distance[~is_known[rows]] = np.nan
        distance[:, ~is_known[columns]] = np.nan
        frame = pd.DataFrame(distance, index=list(table.files.id[rows]), columns=list(table.files.id[columns]))
        frame.attrs = found.attributes(entry, None)
        return frame

    def pairs(
        self,
        method: str = "phash",
        max_distance: float | None = None,
        orientations: bool = False,
        max_per_image: int | None = None,
        expand: bool = False,
    ) -> pd.DataFrame:
        """Return every pair of images within a distance: exact, nearest first.

        Parameters
        ----------
        method : str
            One of ``Hash.methods``.
        max_distance : int or float, optional
            In bits for Hamming hashes; 0 to 1 for "radial_variance"; in 1/10 000 for "color_moment". By default the cut-off of the catalog.
        orientations : bool
            Also find turned and mirrored copies; ``transform`` says what was done to the left picture to get the right one (quarters are
            clockwise). Either picture is turned, and the smaller of the two distances counts, so that their order does not matter.
        max_per_image : int, optional
            Keep a pair only where it is among so many nearest of one of its images (without `expand`: of one of its codes).
        expand : bool
            A row for each pair of images. By default images of equal codes share one row, with all their ids in ``left_members`` and
            ``right_members``; ``pair_count`` says how many pairs of images it stands for. With `orientations` they share it only where
            their codes are equal in all eight ways.

        Returns
        -------
        DataFrame
            left_dataset, left_id, right_dataset, right_id, distance, transform, and without `expand` pair_count, left_members,
            right_members. ``attrs`` holds ``set_aside`` and ``unusable``: how many images were not compared.

        Raises
        ------
        ArgumentError
            For a distance outside its range, and before a search that would give more than ten million pairs.
        """
        import pandas as pd

        entry = HASHES[method]
        cutoff = _distance_of(entry, max_distance)
        for name, flag in (("orientations", orientations), ("expand", expand)):
            if not isinstance(flag, (bool, np.bool_)):
                raise ArgumentError(f"{name}={flag!r}", "Allowed: True or False")
        if max_per_image is not None:
            whole_number(max_per_image, "max_per_image", least=1)
        found = self._measured(entry.name, *([f"{entry.name}_turns"] if orientations else []))
        left, right = found.left, None if found.others is None else found.right.rows
        pairs = near.find(found.table, left.rows, right, entry.name, cutoff, left.files, orientations, max_per_image, expand, self.workers)
        frame = pd.DataFrame(tables.near_columns(found.table, pairs, expand))
        frame["distance"] = frame["distance"].astype(np.int64 if entry.distance == "hamming" else np.float64)
        frame.attrs = found.attributes(entry, cutoff)
        return frame

    def groups(self, method: str = "phash", max_distance: float | None = None) -> pd.DataFrame:
        """Return groups of near images around a keeper: every member lies within the distance of its own keeper, never of a chain.

        Images of both datasets are grouped together, also those of one dataset among themselves. Keepers are chosen as everywhere: usable,
        labelled, larger, older; see the keep policies.

        Returns
        -------
        DataFrame
            group (from 1), dataset, id, is_keeper, distance (to the keeper, which comes first). Images that stand alone are left out.
        """
        import pandas as pd

        entry = HASHES[method]
        cutoff = _distance_of(entry, max_distance)
        found = self._measured(entry.name, *CLEAN_PROBES)
        pairs = near.find(found.table, found.both.rows, None, entry.name, cutoff, found.both.files, workers=self.workers)
        order = rank(found.table, np.zeros(len(found.table), bool))
        frame = pd.DataFrame(tables.group_columns(found.table, *stars(pairs, order, len(found.table))))
        frame["distance"] = frame["distance"].astype(np.int64 if entry.distance == "hamming" else np.float64)
        frame.attrs = found.attributes(entry, cutoff)
        return frame

    def calibrate(self, method: str = "phash", max_false_pairs: float = 1.0, seed: int = 42) -> Calibration:
        """Find the cut-off for a wanted number of false pairs among the images of both datasets, and the copies it finds.

        Copies are made of a sample of the images by re-encoding, resizing, brightening and cropping; pairs that are none are drawn at
        random and from shots of one event, and those near enough to be copies are confirmed at full resolution first.

        Parameters
        ----------
        method : str
        max_false_pairs : float
            In all pairs of these images.
        seed : int

        Returns
        -------
        Calibration
            ``cutoff``, ``by_edit`` (recall with its interval), ``by_cutoff``; ``is_supported`` is false where the sample is too small for
            the wish, and ``false_pairs_at_most`` says then what it does support. ``summary()`` says all of it in words.
        """
        from visdatcompy_ds.stages.calibrate import Measure, calibrate

        entry = HASHES[method]
        whole_number(seed, "seed")
        found = self._measured(entry.name, *CLEAN_PROBES)
        codes_of = PROBES[entry.name].compute
        measure = Measure(
            entry.name,
            lambda pictures: codes_of(WorkingBlock(pictures)),
            distances.DISTANCES[entry.distance].between,
            lambda codes, cutoff: near.rows_within(codes, np.arange(len(codes)), entry, cutoff, self.workers),
        )
        rows = found.both.rows
        side = None if found.others is None else (rows >= len(self.dataset1.files)).astype(np.int64)
        codes, limits = found.table[entry.name][rows], self.dataset1._limits
        return Calibration(calibrate(found.table, rows, codes, measure, max_false_pairs, side, seed, self.workers, limits))

    def set_aside(self) -> pd.DataFrame:
        """Return the images that show too little to be matched by a hash: dataset and id."""
        import pandas as pd

        found = self._measured()
        flat = found.both.flat.tolist()
        names = [found.table.files.dataset_name(row) for row in flat]
        return pd.DataFrame({"dataset": names, "id": [found.table.files.id[row] for row in flat]}, dtype=object)

    def _save(self, frame: pd.DataFrame, stem: str) -> str:
        """Write a table into `results_path` and return where."""
        tables.make_folder(self.results_path)
        path, number = self.results_path / f"{stem}.csv", 2
        while path.exists():
            path, number = self.results_path / f"{stem}-{number}.csv", number + 1
        tables.save(path, tables.to_csv({name: frame[name].to_numpy() for name in frame.columns}))
        return str(path)


class _Compared:
    """The files of one or two datasets, and which of their images may be matched."""

    def __init__(self, table: Fingerprints, rows: Array, others: Array | None) -> None:
        self.table, self.rows, self.others = table, rows, others
        self.left = comparable(table, rows)
        self.right = self.left if others is None else comparable(table, others, self.left.files)

    @property
    def both(self) -> Comparable:
        """What may be matched of both, of several paths of one file the first."""
        if self.others is None:
            return self.left
        return comparable(self.table, np.concatenate([self.rows, self.others]), self.left.files)

    def attributes(self, entry: HashMethod, cutoff: float | None) -> dict[str, Any]:
        """Return what a table says of itself: images compared, set aside (too flat or tiny), unusable, and further paths of a file."""
        everything = self.rows if self.others is None else np.concatenate([self.rows, self.others])
        sides = [self.left] if self.others is None else [self.left, self.right]
        compared, flat = sum(len(side.rows) for side in sides), sum(len(side.flat) for side in sides)
        unusable = int((~(self.table.files.is_usable[everything] & self.table["decoded"][everything])).sum())
        facts = {"method": entry.name, "compared": compared, "set_aside": flat, "unusable": unusable}
        facts["same_file"] = len(everything) - compared - flat - unusable
        return facts if cutoff is None else {**facts, "max_distance": cutoff}


def _distance_of(entry: HashMethod, given: float | None) -> float:
    """Return a distance of `entry` that was asked for, checked; by default its cut-off."""
    is_whole = entry.distance == "hamming"
    most = 8 * entry.width if is_whole else 1 if entry.distance == "correlation" else None
    try:
        number = float(entry.cutoff if given is None else given)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    is_number = not isinstance(given, (str, bytes, bool, np.bool_)) and math.isfinite(number)
    if not is_number or number < 0 or (most is not None and number > most) or (is_whole and number != int(number)):
        kind = "a whole number of bits" if is_whole else "a number"
        raise ArgumentError(f"max_distance={given!r}", f"Allowed for {entry.name}: {kind}, 0 {'or more' if most is None else f'to {most}'}")
    return int(number) if is_whole else number
