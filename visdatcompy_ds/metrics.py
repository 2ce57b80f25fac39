"""The noun ``Metrics``: seven metrics between the pictures of one or two datasets."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.arguments import whole_number
from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.tables import Array
from visdatcompy_ds.catalog.metrics import METRICS, Metric
from visdatcompy_ds.catalog.probes import CLEAN_PROBES
from visdatcompy_ds.dataset import Dataset
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.image import picture_size
from visdatcompy_ds.reports import tables, text
from visdatcompy_ds.stages import metric_pairs, pixels, stacks
from visdatcompy_ds.two_datasets import Compared, TwoDatasets

if TYPE_CHECKING:
    import pandas as pd

    from visdatcompy_ds.calibration import Calibration

Size = tuple[int, int] | int | None
_SHAPES, _LOOKS = ("width", "height"), ("sha256", "phash")  # looks only where digests are made


class Metrics(TwoDatasets):
    """Compare pictures by metrics, within a dataset or across two.

    Pictures are brought to a common grid, grey, 8 bit and upright, as ``Image.read("gray", size)`` gives them; "pix2pix" alone compares
    full decodes. Every metric of the catalog is a method: ``mse``, ``nrmse``, ``ssim``, ``psnr``, ``mae``, ``nmi``, ``pix2pix``, and those
    that are added later.

    Parameters
    ----------
    dataset1 : Dataset
    dataset2 : Dataset, optional
        None, or the same dataset, compares `dataset1` with itself.
    results_path : path, optional
        Folder for files; by default "results". It is made when something is saved.
    size : int, (int, int) or None
        Side, or width and height, of the common grid in pixels; None compares at full resolution, where only pictures of one shape have a
        value.
    workers : int or "auto"
        Threads; values are the same to the last bit whatever their number.
    show_progress : bool, optional
        None shows a bar on a terminal when it takes more than two seconds.

    Examples
    --------
    >>> from visdatcompy_ds import Dataset
    >>> metrics = Metrics(Dataset("datasets/trail_new"), Dataset("datasets/trail"))
    >>> metrics.mse().shape
    (70, 30)
    """

    methods = METRICS.keys()  # also those that are added later

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., pd.DataFrame]:
            """Return the method of a metric."""

    def __init__(
        self,
        dataset1: Dataset,
        dataset2: Dataset | None = None,
        results_path: str | os.PathLike[str] | None = None,
        size: Size = 256,
        workers: Workers = "auto",
        show_progress: bool | None = None,
    ) -> None:
        super().__init__(dataset1, dataset2, results_path, workers, show_progress)
        self.size = None if size is None else picture_size(size)
        self._held: tuple[Any, list[stacks.Stack], list[stacks.Stack] | None] | None = None

    def matrix(self, name: str, to_csv: bool = False, echo: bool = False, resize_images: bool = True) -> pd.DataFrame:
        """Return a metric of all images of `dataset1` (rows) with all of `dataset2` (columns), labelled by their ids.

        Parameters
        ----------
        name : str
            One of ``Metrics.methods``.
        to_csv : bool
            Also write ``metrics_<name>.csv`` into `results_path`, under a number where that name is taken; ``attrs["saved"]`` says where.
        echo : bool
            Also print it, with what it holds.
        resize_images : bool
            False compares at full resolution: pictures of different shapes have no value.

        Returns
        -------
        DataFrame
            float64; NaN for images that cannot be used and for different shapes. "pix2pix" gives 1.0 and 0.0. ``attrs`` holds ``metric``,
            ``size``, ``unusable`` (images) and ``shapes_differ`` (cells).

        Raises
        ------
        ArgumentError
            Above 50 million cells; ``pairs`` does without the matrix.
        """
        import pandas as pd

        metric = METRICS[name]
        found = self._measured(*_SHAPES, *(_LOOKS if metric.reads == "digest" else ()))
        found.refuse_large(f'pairs("{metric.name}", cutoff=…) finds all good pairs without it, nearest("{metric.name}") the best of each')
        rows, columns = found.rows, found.columns
        if metric.reads == "digest":
            numbers, _ = self._numbers(found)
            values = np.where(numbers[rows][:, None] == numbers[columns][None], metric.identical, 0.0)
            values[numbers[rows] < 0] = np.nan
            values[:, numbers[columns] < 0] = np.nan
        else:
            left, right = self._stacks(found, metric, resize_images)
            values = stacks.matrix(metric, left, right, rows, columns, self.workers, self.show_progress)
        ids = found.table.files.id
        frame = pd.DataFrame(values, index=list(ids[rows]), columns=list(ids[columns]))
        named = int(found.is_known[rows].sum()) * int(found.is_known[columns].sum())
        frame.attrs = {**self._facts(metric, found, resize_images), "shapes_differ": named - int((~np.isnan(values)).sum())}
        if to_csv:
            frame.attrs["saved"] = self.save(f"metrics_{metric.name}", frame)
        if echo:
            print(text.matrix(frame))  # noqa: T201
        return frame

    def pairs(self, name: str, cutoff: float | None = None, resize_images: bool = True) -> pd.DataFrame:
        """Return every pair of images as good as a cut-off or better: exact, best first, without the matrix.

        Pairs are told apart on cells of pixels first, which loses none (MSE, NRMSE, PSNR, MAE); SSIM gives a pair up where even an equal
        rest would not do, NMI where the entropies alone tell; "pix2pix" decodes only what shares size and looks.

        Parameters
        ----------
        name : str
            One of ``Metrics.methods``.
        cutoff : float, optional
            In the unit of the metric; by default ``cutoff_similar`` of the catalog, which was measured on a grid of 256.
        resize_images : bool
            False compares at full resolution, only pictures of one shape.

        Returns
        -------
        DataFrame
            left_dataset, left_id, right_dataset, right_id, score, is_duplicate (within ``cutoff_duplicate``). Two paths of one file are no
            pair. Within one dataset each pair comes once, for "nrmse" with the better of its two directions. ``attrs`` holds ``cutoff``,
            ``pairs_total``, ``pairs_compared`` (that were looked at to the end) and ``unusable``.

        Raises
        ------
        ArgumentError
            For a cut-off outside the range of the metric, and for more than ten million pairs.
        """
        import pandas as pd

        metric = METRICS[name]
        least = _cutoff_of(metric, cutoff)
        found = self._measured(*_SHAPES, *(_LOOKS if metric.reads == "digest" else ()))
        files = found.left.files
        if metric.reads == "digest":
            numbers, decodes = self._numbers(found)
            left, right = pixels.pairs_of(numbers, found.rows, found.others)
            score, facts = np.full(len(left), metric.identical), {"decodes": decodes}
        else:
            near = metric_pairs.find(metric, *self._stacks(found, metric, resize_images), least, self.workers, self.show_progress)
            left, right, score = near.left, near.right, near.score
            facts = {"pairs_total": near.pairs, "pairs_compared": near.compared}
        is_first = np.zeros(len(files), bool)  # of several paths of one file, only the first
        for side in (found.left, found.right):
            is_first[side.rows], is_first[side.flat] = True, True
        keep = is_first[left] & is_first[right] & (files[left] != files[right])
        frame = pd.DataFrame(tables.scored_columns(found.table, left[keep], right[keep], score[keep]))
        frame["is_duplicate"] = metric.is_within(score[keep], metric.cutoff_duplicate)
        frame.attrs = {**self._facts(metric, found, resize_images), **facts, "cutoff": least, "higher_is_better": metric.higher_is_better}
        return frame

    def nearest(self, name: str = "ssim", resize_images: bool = True) -> pd.DataFrame:
        """Return, for each image of `dataset1`, the other image of `dataset2` that scores best; the first of equals.

        Returns
        -------
        DataFrame
            Indexed by the id of the image; ``similar_image_name``, ``score``, ``is_similar`` (within ``cutoff_similar`` of the catalog) and
            ``is_duplicate``. Empty where an image cannot be used or nothing has its shape; for "pix2pix" where none is equal.
        """
        import pandas as pd

        metric = METRICS[name]
        found = self._measured(*_SHAPES, *(_LOOKS if metric.reads == "digest" else ()))
        files = found.left.files
        if metric.reads == "digest":
            best = pixels.first_equal(self._numbers(found)[0], found.rows, found.columns, files)
            score = np.where(best >= 0, metric.identical, np.nan)
        else:
            best, score = metric_pairs.nearest(metric, *self._stacks(found, metric, resize_images), files, self.workers, self.show_progress)
        best, score = best[found.rows], score[found.rows]
        frame = pd.DataFrame(
            {
                "similar_image_name": np.array([found.table.files.id[row] if row >= 0 else None for row in best.tolist()], object),
                "score": score,
                "is_similar": metric.is_within(score, metric.cutoff_similar),
                "is_duplicate": metric.is_within(score, metric.cutoff_duplicate),
            },
            index=pd.Index(found.table.files.id[found.rows], name="image_name"),
        )
        frame.attrs = self._facts(metric, found, resize_images)
        return frame

    def calibrate(self, name: str = "ssim", max_false_pairs: float = 1.0, seed: int = 42) -> Calibration:
        """Find the cut-off of a metric for a wanted number of false pairs among the images of both datasets, and the copies it finds.

        As ``Hash.calibrate``, on the common grid.
        """
        from visdatcompy_ds.catalog.working import to_grey
        from visdatcompy_ds.stages.calibrate import Measure

        metric = METRICS[name]
        whole_number(seed, "seed")
        if metric.reads == "digest" or self.size is None:
            given = f"calibrate({name!r})" + ("" if metric.reads == "digest" else " with size=None")
            raise ArgumentError(
                given, "Allowed: metrics of pictures on a common grid", 'For example Metrics(dataset, size=256).calibrate("ssim")'
            )
        found = self._measured(*CLEAN_PROBES)
        size, is_grey, sign = self.size, metric.reads == "grey", -1.0 if metric.higher_is_better else 1.0

        def load(rows: Array) -> tuple[Array, Array]:
            held = stacks.load(found.table, rows, size, is_grey, self.workers, self._limits, self.show_progress)
            return (held[0].rows, held[0].pictures) if held else (rows[:0], np.empty((0, size[1], size[0]), np.uint8))

        measure = Measure(
            metric.name,
            load,
            lambda pictures: np.stack([to_grey(picture) for picture in pictures]) if is_grey else pictures,
            lambda pictures, left, right: sign * metric_pairs.scores_of(metric, pictures, left, right, self.workers),
            size=size,
            equal=sign * metric.identical,
            is_similarity=metric.higher_is_better,
        )
        return self._calibrated(found, measure, max_false_pairs, seed)

    def _facts(self, metric: Metric, found: Compared, resize_images: bool) -> dict[str, Any]:
        """Return what every table says of itself."""
        size = self.size if resize_images and metric.reads != "digest" else None
        grid = "full resolution" if size is None else f"{size[0]} x {size[1]}"
        return {"metric": metric.name, "datasets": self._names, "size": grid, "unusable": found.unusable}

    def _numbers(self, found: Compared) -> tuple[Array, int]:
        """Return the numbers of equal pixels, -1 for unusable images, and the decodes they took."""
        rows = np.unique(found.everything[found.is_known[found.everything]])
        return pixels.equal_pixels(found.table, rows, self.workers, self._limits, self.show_progress)

    def _stacks(self, found: Compared, metric: Metric, resize_images: bool) -> tuple[list[stacks.Stack], list[stacks.Stack] | None]:
        """Return the pictures of both datasets; those of the last call are kept."""
        size, is_grey = self.size if resize_images else None, metric.reads == "grey"
        sides = [rows[found.is_known[rows]] for rows in ([found.rows] if found.others is None else [found.rows, found.others])]
        key = (size, is_grey, *(side.tobytes() for side in sides), *(id(dataset.files) for dataset in self._datasets))
        if self._held is None or self._held[0] != key:
            self._held = None  # both need not fit at once
            loaded = [stacks.load(found.table, side, size, is_grey, self.workers, self._limits, self.show_progress) for side in sides]
            self._held = (key, loaded[0], loaded[1] if len(loaded) > 1 else None)
        return self._held[1], self._held[2]


def _cutoff_of(metric: Metric, given: float | None) -> float:
    """Return a cut-off of `metric` that was asked for, checked; by default that of similar pictures."""
    low, high = metric.bounds
    if given is None and math.isnan(metric.cutoff_similar):
        raise ArgumentError(
            f"No cutoff for {metric.name}", "The catalog has none", f'pairs("{metric.name}", cutoff=…), or calibrate() finds one'
        )
    try:
        number = float(metric.cutoff_similar if given is None else given)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    is_endless = math.isinf(number) and number != metric.identical
    if isinstance(given, (str, bytes, bool, np.bool_)) or not low <= number <= high or is_endless:
        better = "as high or higher" if metric.higher_is_better else "as low or lower"
        raise ArgumentError(
            f"cutoff={given!r}", f"Allowed for {metric.name}: a number from {low:g} to {high:g}", f"Pairs {better} are found"
        )
    return number


def _add_method(metric: Metric) -> None:
    """Make a metric of the catalog a method."""

    def method(self: Metrics, to_csv: bool = False, echo: bool = False, resize_images: bool = True) -> pd.DataFrame:
        return self.matrix(metric.name, to_csv, echo, resize_images)

    low, high = metric.bounds
    better = "more" if metric.higher_is_better else "less"
    method.__name__, method.__qualname__ = metric.name, f"Metrics.{metric.name}"
    method.__doc__ = (
        f"Return {metric.name} as a matrix: {metric.says}.\n\n"
        f"{low:g} to {high:g}, {better} is more alike; equal pictures give {metric.identical:g}. "
        "Parameters and result are those of :meth:`matrix`."
    )
    if not hasattr(Metrics, metric.name):
        setattr(Metrics, metric.name, method)


METRICS.follow(_add_method)
