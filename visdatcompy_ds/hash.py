"""The noun ``Hash``: perceptual hashes of one or two datasets, compared exactly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from visdatcompy_ds.base.arguments import whole_number
from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.calibration import Calibration
from visdatcompy_ds.catalog.hashes import HASHES, HashMethod
from visdatcompy_ds.catalog.probes import CLEAN_PROBES, PROBES
from visdatcompy_ds.catalog.working import WorkingBlock
from visdatcompy_ds.reports import tables
from visdatcompy_ds.stages.candidates import distances, near
from visdatcompy_ds.stages.group import rank, stars
from visdatcompy_ds.two_datasets import TwoDatasets, labels_of

if TYPE_CHECKING:
    import pandas as pd


class Hash(TwoDatasets):
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
    show_progress : bool, optional
        None shows a bar on a terminal when it takes more than two seconds.

    Examples
    --------
    >>> from visdatcompy_ds import Dataset
    >>> hashes = Hash(Dataset("datasets/trail_new"), Dataset("datasets/trail"))
    >>> bool((hashes.pairs("phash", max_distance=4).distance <= 4).all())
    True
    """

    methods = HASHES.keys()  # also those that are added later

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
        frame.attrs = {"method": entry.name, "datasets": self._names(found.table), **found.attributes(), "max_distance": entry.cutoff}
        if to_csv:
            frame.attrs["saved"] = self.save(f"hash_{entry.name}", frame)
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
        self._refuse_large(f'pairs("{entry.name}", max_distance=…) finds all near ones without it')
        found = self._measured(entry.name)
        table, rows, columns = found.table, found.rows, found.columns
        distance = distances.matrix(entry, table[entry.name][rows], table[entry.name][columns])
        distance[~found.is_known[rows]] = np.nan
        distance[:, ~found.is_known[columns]] = np.nan
        frame = pd.DataFrame(distance, index=labels_of(table, rows), columns=labels_of(table, columns))
        frame.attrs = {"method": entry.name, "datasets": self._names(found.table), **found.attributes()}
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
        frame.attrs = {"method": entry.name, "datasets": self._names(found.table), **found.attributes(), "max_distance": cutoff}
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
        frame.attrs = {"method": entry.name, "datasets": self._names(found.table), **found.attributes(), "max_distance": cutoff}
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
        from visdatcompy_ds.stages.calibrate import Measure

        entry = HASHES[method]
        whole_number(seed, "seed")
        found = self._measured(entry.name, *CLEAN_PROBES)
        codes_of = PROBES[entry.name].compute
        measure = Measure(
            entry.name,
            lambda rows: (rows, found.table[entry.name][rows]),
            lambda pictures: codes_of(WorkingBlock(pictures)),
            lambda codes, left, right: distances.of_pairs(entry, codes, left, right),
            lambda codes, cutoff: near.rows_within(codes, np.arange(len(codes)), entry, cutoff, self.workers),
        )
        return self._calibrated(found, measure, max_false_pairs, seed)

    def set_aside(self) -> pd.DataFrame:
        """Return the images that show too little to be matched by a hash: dataset and id."""
        import pandas as pd

        found = self._measured()
        flat = found.both.flat.tolist()
        names = [found.table.files.dataset_name(row) for row in flat]
        return pd.DataFrame({"dataset": names, "id": [found.table.files.id[row] for row in flat]}, dtype=object)


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
