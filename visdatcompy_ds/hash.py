"""The noun ``Hash``: perceptual hashes of one or two datasets, compared exactly."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.arguments import path_bytes, whole_number
from visdatcompy_ds.base.errors import ArgumentError, EmptySourceError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.calibration import Calibration
from visdatcompy_ds.catalog.hashes import HASHES, HashMethod
from visdatcompy_ds.catalog.probes import CLEAN_PROBES
from visdatcompy_ds.catalog.working import WorkingBlock
from visdatcompy_ds.dataset import Dataset, require_dataset
from visdatcompy_ds.engine.run import Workers, worker_count
from visdatcompy_ds.reports import tables
from visdatcompy_ds.stages.candidates import distances, near
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

    methods = tuple(HASHES)

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
        self.dataset1, self.dataset2 = dataset1, None if dataset2 is dataset1 else dataset2
        self.results_path = Path(os.fsdecode(path_bytes("results" if results_path is None else results_path, "results_path")))
        self.workers = workers

    def __repr__(self) -> str:
        """Return the datasets."""
        return f"Hash({', '.join(map(repr, self._datasets))})"

    @property
    def _datasets(self) -> list[Dataset]:
        return [self.dataset1] if self.dataset2 is None else [self.dataset1, self.dataset2]

    def _measured(self, *probes: str) -> tuple[Fingerprints, Array, Array | None]:
        """Return the table of all files and the rows of the images of each dataset, whatever became of them."""
        for dataset in self._datasets:
            if not len(dataset):
                raise EmptySourceError(f"No images in {dataset.path}", "", "Check the folder; formats are told by content, not by name")
        table = Fingerprints.combine([dataset.measured("low_information", *probes) for dataset in self._datasets])
        rows = [dataset._rows for dataset in self._datasets]
        return table, rows[0], None if self.dataset2 is None else rows[1] + len(self.dataset1.files)

    def find_similars(self, method: str = "phash", to_csv: bool = False) -> pd.DataFrame:
        """Return, for each image of `dataset1`, the nearest other image of `dataset2`.

        Parameters
        ----------
        method : str
            One of ``Hash.methods``.
        to_csv : bool
            Also write ``hash_<method>.csv`` into `results_path`, under a number where that name is taken.

        Returns
        -------
        DataFrame
            Indexed by the id of the image; ``similar_image_name`` (id of the other), ``distance``, and ``is_similar``: within the cut-off
            of the catalog. Empty where an image cannot be read or is set aside, and where nothing is left to compare it with.
        """
        import pandas as pd

        entry = HASHES[method]
        table, rows, others = self._measured(entry.name)
        usable = near.comparable(table, rows)[0]
        targets = usable if others is None else near.comparable(table, others)[0]
        # Other paths of a file have its code, and are no neighbours of it: every path is looked up, the first of each file is found.
        asked = rows[table.files.is_usable[rows] & table["decoded"][rows] & ~table["low_information"][rows]]
        numbers = near.file_numbers(table)
        distance, position = distances.DISTANCES[entry.distance].nearest(
            table[entry.name][asked], numbers[asked], table[entry.name][targets], numbers[targets], self.workers
        )
        found = pd.DataFrame(
            {"similar_image_name": None, "distance": np.nan, "is_similar": False},
            index=pd.Index(table.files.id[rows], name="image_name"),
        )
        place = np.searchsorted(rows, asked)[position >= 0]
        names = np.full(len(rows), None, object)
        names[place] = table.files.id[targets[position[position >= 0]]]
        apart = np.full(len(rows), np.nan)
        apart[place] = distance[position >= 0]
        found["similar_image_name"], found["distance"], found["is_similar"] = names, apart, apart <= entry.cutoff
        found.attrs = self._attributes(table, rows, others, entry, entry.cutoff)
        if to_csv:
            found.attrs["saved"] = self._save(found.reset_index(), f"hash_{entry.name}")
        return found

    def matrix(self, method: str = "phash") -> pd.DataFrame:
        """Return the distances of all images of `dataset1` (rows) and `dataset2` (columns); NaN where an image cannot be read.

        Raises
        ------
        ArgumentError
            Above 50 million cells.
        """
        import pandas as pd

        entry = HASHES[method]
        table, rows, others = self._measured(entry.name)
        columns = rows if others is None else others
        if len(rows) * len(columns) > _MOST_CELLS:
            raise ArgumentError(
                f"A matrix of {len(rows)} x {len(columns)} cells",
                f"Allowed: {_MOST_CELLS // 10**6} million",
                f'pairs("{entry.name}", max_distance=…) finds all near ones without it',
            )
        table_of = np.full((len(rows), len(columns)), np.nan)
        known, other_known = (np.flatnonzero(table.files.is_usable[some] & table["decoded"][some]) for some in (rows, columns))
        codes = table[entry.name]
        table_of[np.ix_(known, other_known)] = distances.matrix(entry, codes[rows[known]], codes[columns[other_known]])
        return pd.DataFrame(table_of, index=list(table.files.id[rows]), columns=list(table.files.id[columns]))

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
            Also find turned and mirrored copies; ``transform`` says what was done to the left picture to get the right one.
        max_per_image : int, optional
            Keep a pair only where it is among so many nearest of one of its images (without `expand`: of one of its codes).
        expand : bool
            A row for each pair of images. By default images of equal codes share one row, with all their ids in ``left_members`` and
            ``right_members``; ``pair_count`` says how many pairs of images it stands for.

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
        entry = HASHES[method]
        cutoff = _distance_of(entry, max_distance)
        if max_per_image is not None:
            whole_number(max_per_image, "max_per_image", least=1)
        table, rows, others = self._measured(entry.name, *([f"{entry.name}_turns"] if orientations else []))
        usable = near.comparable(table, rows)[0]
        targets = None if others is None else near.comparable(table, others)[0]
        found = near.find(table, usable, targets, entry.name, cutoff, orientations, max_per_image, expand, self.workers)
        import pandas as pd

        frame = pd.DataFrame(tables.near_columns(table, found, expand))
        if entry.distance == "hamming":
            frame["distance"] = frame["distance"].astype(np.int64)
        frame.attrs = self._attributes(table, rows, others, entry, cutoff)
        return frame

    def groups(self, method: str = "phash", max_distance: float | None = None) -> pd.DataFrame:
        """Return groups of near images around a keeper: every member lies within the distance of its own keeper, never of a chain.

        Keepers are chosen as everywhere: usable, labelled, larger, older; see the keep policies.

        Returns
        -------
        DataFrame
            group (from 1), dataset, id, is_keeper, distance (to the keeper, which comes first). Images that stand alone are left out.
        """
        import pandas as pd

        entry = HASHES[method]
        cutoff = _distance_of(entry, max_distance)
        table, rows, others = self._measured(entry.name, *CLEAN_PROBES)
        everything = rows if others is None else np.concatenate([rows, others])
        usable = near.comparable(table, everything)[0]
        found = near.find(table, usable, None, entry.name, cutoff, workers=self.workers)
        order = rank(table, np.zeros(len(table), bool))
        frame = pd.DataFrame(tables.group_columns(table, *stars(found, order, len(table))))
        if entry.distance == "hamming":
            frame["distance"] = frame["distance"].astype(np.int64)
        frame.attrs = self._attributes(table, rows, others, entry, cutoff)
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
        table, rows, others = self._measured(entry.name, *CLEAN_PROBES)
        usable = near.comparable(table, rows if others is None else np.concatenate([rows, others]))[0]
        block = entry.block or (lambda working: np.stack([entry.compute(picture) for picture in working.pictures]))
        measure = Measure(entry.name, lambda pictures: block(WorkingBlock(pictures)), distances.DISTANCES[entry.distance].between)
        limits = self.dataset1._limits
        return Calibration(calibrate(table, usable, table[entry.name][usable], measure, max_false_pairs, seed, self.workers, limits))

    def set_aside(self) -> pd.DataFrame:
        """Return the images that show too little to be matched by a hash: dataset and id."""
        import pandas as pd

        table, rows, others = self._measured()
        flat = near.comparable(table, rows if others is None else np.concatenate([rows, others]))[1]
        return pd.DataFrame({"dataset": [table.files.dataset_name(row) for row in flat.tolist()], "id": list(table.files.id[flat])})

    def _attributes(self, table: Fingerprints, rows: Array, others: Array | None, entry: HashMethod, cutoff: float) -> dict[str, Any]:
        everything = rows if others is None else np.concatenate([rows, others])
        usable, flat = near.comparable(table, everything)
        broken = ~(table.files.is_usable[everything] & table["decoded"][everything])
        return {
            "method": entry.name,
            "max_distance": cutoff,
            "set_aside": len(flat),
            "unusable": int(broken.sum()),
            "compared": len(usable),
        }

    def _save(self, frame: pd.DataFrame, stem: str) -> str:
        """Write a table into `results_path` and return where."""
        tables.make_folder(self.results_path)
        path, number = self.results_path / f"{stem}.csv", 2
        while path.exists():
            path, number = self.results_path / f"{stem}-{number}.csv", number + 1
        tables.save(path, tables.to_csv({name: frame[name].to_numpy() for name in frame.columns}))
        return str(path)


def _distance_of(entry: HashMethod, given: float | None) -> float:
    """Return a distance of `entry` that was asked for, checked; by default its cut-off."""
    if given is None:
        return entry.cutoff
    most = {"hamming": 8 * entry.width, "correlation": 1}.get(entry.distance)
    is_whole = entry.distance == "hamming"
    if not isinstance(given, (int, float, np.integer, np.floating)) or isinstance(given, bool) or not given >= 0 or not np.isfinite(given):
        is_right = False
    else:
        is_right = (most is None or given <= most) and (not is_whole or given == int(given))
    if not is_right:
        kind = "a whole number of bits" if is_whole else "a number"
        raise ArgumentError(f"max_distance={given!r}", f"Allowed for {entry.name}: {kind}, 0 {'or more' if most is None else f'to {most}'}")
    return float(given)
