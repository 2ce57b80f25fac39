"""The noun ``FeatureExtractor``: copies that hashes miss, found by local features and verified."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from visdatcompy_ds.base.arguments import whole_number
from visdatcompy_ds.base.tables import CLASSES, Array, Fingerprints
from visdatcompy_ds.catalog.features import EXTRACTORS
from visdatcompy_ds.catalog.probes import CLEAN_PROBES
from visdatcompy_ds.dataset import Dataset
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.image import Image
from visdatcompy_ds.reports import figures, tables
from visdatcompy_ds.stages.compare import Look, judge
from visdatcompy_ds.stages.confirm import verdicts
from visdatcompy_ds.stages.features import Cascade, cascade
from visdatcompy_ds.two_datasets import TwoDatasets, cache_of, identity_of, require_photos

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from visdatcompy_ds.calibration import Calibration


class FeatureExtractor(TwoDatasets):
    """Find images that show the same, also mirrored, turned, cropped, framed or pasted into another, and say by what evidence.

    What bytes, EXIF and hashes prove at full resolution comes first; local features are for the rest. Features vote for images, and a
    candidate counts only where they agree on how one picture lies on the other and the pixels agree, too.

    Parameters
    ----------
    dataset1 : Dataset
    dataset2 : Dataset, optional
        None, or the same dataset, compares `dataset1` with itself.
    extractor : str
        "sift" finds most; "orb" and "fast" (FAST finds, ORB describes) save a quarter of the time, and miss more of what was cut small.
    results_path : path, optional
        Folder for files; by default "results".
    workers : int or "auto"
        Threads; results do not depend on it.
    show_progress : bool, optional
        None shows a bar on a terminal when it takes more than two seconds.

    Attributes
    ----------
    sift_similars, orb_similars, fast_similars : dict or None
        What :meth:`find_similars` found with that extractor.

    Examples
    --------
    >>> from visdatcompy_ds import Dataset
    >>> found = FeatureExtractor(Dataset("datasets/trail_new"), Dataset("datasets/trail")).find_similars()
    >>> len(found)
    70
    """

    extractors = EXTRACTORS.keys()

    def __init__(
        self,
        dataset1: Dataset,
        dataset2: Dataset | None = None,
        extractor: str = "sift",
        results_path: str | os.PathLike[str] | None = None,
        workers: Workers = "auto",
        show_progress: bool | None = None,
    ) -> None:
        super().__init__(dataset1, dataset2, results_path, workers, show_progress)
        self.extractor = EXTRACTORS[extractor].name
        self.sift_similars: dict[Image, Image | None] | None = None
        self.orb_similars: dict[Image, Image | None] | None = None
        self.fast_similars: dict[Image, Image | None] | None = None
        self._held: tuple[tuple[object, ...], Cascade] | None = None

    def _found(self) -> tuple[Fingerprints, Array, Array | None, Cascade]:
        """Return what the cascade finds; that of the last call is kept."""
        require_photos(self._datasets, "Local features are taken from the photos")
        table, rows, others = self._table(*CLEAN_PROBES)
        key = identity_of(table, rows, others)
        if self._held is None or self._held[0] != key:
            known = verdicts(cache_of(self._datasets))
            options = (self.workers, self._limits, self.show_progress, known)
            first = judge(table, np.zeros(len(table), bool), Look(), None, "best", *options)
            found = cascade(table, rows, others, first.all_pairs, first.order, EXTRACTORS[self.extractor], *options)
            self._held = (key, found)
        return table, rows, others, self._held[1]

    def pairs(self) -> pd.DataFrame:
        """Return every pair that shows the same, with its class and evidence; the surest class first, then most inliers.

        Returns
        -------
        DataFrame
            left_dataset, left_id, right_dataset, right_id, class, step, matches, inliers, overlap (share of the picture that is covered
            more), scale and rotation (of what the right picture shows against the left one, in pixels of their files; degrees clockwise),
            mirrored, is_similar (false for "undecided"). The evidence of features is missing where an earlier step decided; of images
            that were proved to be one shot the best stands for all in pairs by features.
        """
        import pandas as pd

        table, rows, others, found = self._found()
        pairs, nothing = found.pairs, [None] * len(found.pairs)
        frame = pd.DataFrame(tables.sides_columns(table, pairs.left, pairs.right))
        frame["class"] = [CLASSES[code] for code in pairs.klass.tolist()]
        frame["step"] = pairs.step
        longer = np.maximum(table["width"], table["height"]).astype(np.float64)
        for name in ("matches", "inliers", "overlap", "scale", "rotation", "mirrored"):
            column = list(nothing)
            for at, pair in enumerate(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)):
                if pair in found.evidence:
                    column[at] = getattr(found.evidence[pair], name)
                    if name == "scale":
                        column[at] *= longer[pair[1]] / longer[pair[0]]
            frame[name] = pd.Series(
                column, dtype="boolean" if name == "mirrored" else "Int64" if name in ("matches", "inliers") else "float64"
            )
        frame["is_similar"] = frame["class"] != "undecided"
        order = np.lexsort((-frame["inliers"].fillna(np.iinfo(np.int32).max).to_numpy(np.int64), pairs.klass))
        frame = frame.take(order).reset_index(drop=True)
        everything = rows if others is None else np.concatenate([rows, others])
        unusable = int((~(table.files.is_usable & table["decoded"])[everything]).sum())
        frame.attrs = {"method": self.extractor, "datasets": self._names(table), "unusable": unusable}
        return frame

    def find_similars(self) -> dict[Image, Image | None]:
        """Return, for each image of `dataset1`, the image of `dataset2` that shows the same, None where there is none.

        The surest class first ("similar" counts, "undecided" does not), then what an earlier step than features proved, then most inliers.
        Kept as ``sift_similars``, ``orb_similars`` or ``fast_similars``.
        """
        table, rows, others, found = self._found()
        images: dict[int, Image] = {}
        for side, dataset in zip([rows] if others is None else [rows, others], self._datasets, strict=True):
            images.update(zip(side.tolist(), dataset.images, strict=True))
        # Of images proved to be one shot the best stands for all, and so do its partners.
        shots: dict[int, list[int]] = {}
        for row in rows.tolist():
            shots.setdefault(int(found.stands_for[row]), []).append(row)
        best: dict[int, tuple[tuple[float, ...], int]] = {}
        undecided = CLASSES.index("undecided")
        is_target = np.isin(np.arange(len(table)), rows if others is None else others)
        columns = (found.pairs.left, found.pairs.right, found.pairs.klass, found.pairs.step, found.pairs.score)
        for left, right, klass, step, score in zip(*(column.tolist() for column in columns), strict=True):
            for one, other in ((left, right), (right, left)):
                key = (klass, step == "features", -score if score == score else 0.0, other)
                if klass != undecided and is_target[other]:
                    for row in {one, *shots.get(one, ())} - {other}:
                        best[row] = min(best.get(row, (key, other)), (key, other))
        similars = {images[row]: images[best[row][1]] if row in best else None for row in rows.tolist()}
        setattr(self, f"{self.extractor}_similars", similars)
        return similars

    def calibrate(self, max_false_pairs: float = 1.0, seed: int = 42) -> Calibration:
        """Find the likeness for a wanted number of false pairs among the images of both datasets, and the copies it finds.

        As ``Hash.calibrate``: of the pairs that features propose, and on which at least 6 agree. Pictures are squares of the extractor's
        side here. Pairs count as showing the same from a likeness of 0.7; the rules that tell a copy from the next shot come on top.
        """
        from visdatcompy_ds.stages.features.likeness import likeness_measure

        whole_number(seed, "seed")
        found = self._measured(*CLEAN_PROBES)
        measure = likeness_measure(found.table, EXTRACTORS[self.extractor], self.workers, self._limits, self.show_progress)
        return self._calibrated(found, measure, max_false_pairs, seed)

    def draw_matches(self, left: Image | str, right: Image | str) -> Figure:
        """Return both pictures side by side with the features that agree drawn between them.

        Parameters
        ----------
        left, right : Image or path
        """
        from visdatcompy_ds.stages.features.find import LEAST_INLIERS, evidence_of

        images = [image if isinstance(image, Image) else Image(image) for image in (left, right)]
        pictures = [image.read("rgb") for image in images]
        evidence, shapes = evidence_of(pictures[0], pictures[1], EXTRACTORS[self.extractor])
        names = " and ".join(image.filename for image in images)
        if evidence is None or evidence.inliers < LEAST_INLIERS:
            agree = "nothing agrees" if evidence is None else f"too few of {evidence.matches} matches agree"
            return figures.matches(pictures, [np.empty((0, 2)), np.empty((0, 2))], f"{names}: {agree}")
        points = [evidence.left_points / shapes[0][::-1], evidence.right_points / shapes[1][::-1]]
        scale = evidence.scale * max(pictures[1].shape) / max(pictures[0].shape)
        turn = round(evidence.rotation)
        way = f"{evidence.inliers} of {evidence.matches} matches agree, scale {scale:.2f}" + (f", turned {turn}°" if turn else "")
        return figures.matches(pictures, points, f"{names}: {way}{', mirrored' if evidence.mirrored else ''}")
