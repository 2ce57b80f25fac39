"""The noun ``Metrics``: seven metrics between the pictures of one or two datasets."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.arguments import whole_number
from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.tables import Array, Fingerprints, object_array
from visdatcompy_ds.catalog.metrics import METRICS, Metric
from visdatcompy_ds.catalog.probes import CLEAN_PROBES, HEADER_PROBES
from visdatcompy_ds.dataset import Dataset
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.image import picture_size
from visdatcompy_ds.reports import tables, text
from visdatcompy_ds.stages import metric_pairs, pixels, stacks
from visdatcompy_ds.stages.candidates.distinct import file_numbers
from visdatcompy_ds.two_datasets import TwoDatasets, identity_of, labels_of, require_photos

if TYPE_CHECKING:
    import pandas as pd

    from visdatcompy_ds.calibration import Calibration

Size = tuple[int, int] | int | None
_LOOKS = ("sha256", "phash", "low_information")


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
        self._held: tuple[Any, _Pictures] | None = None

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
            ``size``, ``unusable`` (how many images, named in ``unusable_images``), ``shapes_differ`` (cells) and ``same_file`` (images
            that are files of the other side, or further paths of a file). Labels are ids, with the dataset before them where one id stands
            for several images.

        Raises
        ------
        ArgumentError
            Above 50 million cells; ``pairs`` does without the matrix.
        """
        import pandas as pd

        metric = METRICS[name]
        self._refuse_large(f'pairs("{metric.name}", cutoff=…) finds all good pairs without it, nearest("{metric.name}") the best of each')
        held = self._pictures(metric, resize_images)
        if metric.reads == "digest":
            values = pixels.matrix(held.numbers, held.rows, held.columns, metric.identical)
        else:
            values = stacks.matrix(metric, held.left, held.right, held.rows, held.columns, self.workers, self.show_progress)
        frame = pd.DataFrame(values, index=labels_of(held.table, held.rows), columns=labels_of(held.table, held.columns))
        frame.attrs = self._facts(metric, held, resize_images)
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
        held = self._pictures(metric, resize_images)
        if metric.reads == "digest":
            left, right = pixels.pairs_of(held.numbers, held.rows, held.others, held.files)
            score, facts = np.full(len(left), metric.identical), {"decodes": held.decodes, "rule": pixels.RULE}
        else:
            found = metric_pairs.find(metric, held.left, held.right, least, held.files, self.workers, self.show_progress)
            left, right, score = found.left, found.right, found.score
            facts = {"pairs_total": found.pairs, "pairs_compared": found.compared}
        frame = pd.DataFrame(tables.scored_columns(held.table, left, right, score))
        frame["is_duplicate"] = metric.is_within(score, metric.cutoff_duplicate)
        facts = {**facts, "cutoff": least, "higher_is_better": metric.higher_is_better}
        frame.attrs = {**self._facts(metric, held, resize_images), **facts}
        return frame

    def nearest(self, name: str = "ssim", resize_images: bool = True) -> pd.DataFrame:
        """Return, for each image of `dataset1`, the other image of `dataset2` that scores best; the first of equals.

        Returns
        -------
        DataFrame
            Indexed by the id of the image; ``similar_image_name``, ``similar_dataset``, ``score``, ``is_similar`` (within
            ``cutoff_similar`` of the catalog) and ``is_duplicate``. Empty where an image cannot be used or nothing has its shape; for
            "pix2pix" where none is equal.
        """
        import pandas as pd

        metric = METRICS[name]
        held = self._pictures(metric, resize_images)
        if metric.reads == "digest":
            best = pixels.first_equal(held.numbers, held.rows, held.columns, held.files)
            score = np.where(best >= 0, metric.identical, np.nan)
        else:
            best, score = metric_pairs.nearest(metric, held.left, held.right, held.files, self.workers, self.show_progress)
        best, score = best[held.rows], score[held.rows]
        names, ids = tables.names_of(held.table, best)
        frame = pd.DataFrame(
            {
                "similar_image_name": object_array(name or None for name in ids),
                "similar_dataset": object_array(name or None for name in names),
                "score": score,
                "is_similar": metric.is_within(score, metric.cutoff_similar),
                "is_duplicate": metric.is_within(score, metric.cutoff_duplicate),
            },
            index=pd.Index(held.table.files.id[held.rows], name="image_name"),
        )
        frame.attrs = self._facts(metric, held, resize_images)
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

    def _facts(self, metric: Metric, held: _Pictures, resize_images: bool) -> dict[str, Any]:
        """Return what every table says of itself."""
        size = self.size if resize_images and metric.reads != "digest" else None
        grid = "full resolution" if size is None else f"{size[0]} x {size[1]}"
        unusable = [f"{name}/{image}" for name, image in zip(*tables.names_of(held.table, held.unusable), strict=True)]
        facts = {"unusable": len(unusable), "unusable_images": unusable, "shapes_differ": held.shapes_differ, "same_file": held.same_file}
        return {"metric": metric.name, "datasets": self._names(held.table), "size": grid, **facts}

    def _pictures(self, metric: Metric, resize_images: bool) -> _Pictures:
        """Return what `metric` compares of both datasets; pictures of the last call are kept."""
        if not isinstance(resize_images, (bool, np.bool_)):
            raise ArgumentError(f"resize_images={resize_images!r}", "Allowed: True or False")
        require_photos(self._datasets, f"{metric.name} compares pixels")
        table, rows, others = self._table(*HEADER_PROBES, *(_LOOKS if metric.reads == "digest" else ()))
        files, size = table.files, self.size if resize_images else None
        key = (metric.reads, None if metric.reads == "digest" else size, identity_of(table, rows, others))
        if self._held is None or self._held[0] != key:
            self._held = None  # both need not fit at once
            held = _Pictures(table, rows, others, file_numbers(table))
            sides = [side[files.is_usable[side]] for side in ([rows] if others is None else [rows, others])]
            if metric.reads == "digest":
                usable = np.unique(np.concatenate(sides))
                usable = usable[table["decoded"][usable]]
                held.numbers, held.decodes = pixels.equal_pixels(table, usable, self.workers, self._limits, self.show_progress)
            else:
                is_grey = metric.reads == "grey"
                loaded = [stacks.load(table, side, size, is_grey, self.workers, self._limits, self.show_progress) for side in sides]
                held.left, held.right = loaded[0], loaded[1] if len(loaded) > 1 else None
            self._held = (key, held)
        return self._held[1]


@dataclasses.dataclass
class _Pictures:
    """Images of one or two datasets and what is compared of them: stacks of pictures, or numbers of equal pixels."""

    table: Fingerprints
    rows: Array
    others: Array | None
    files: Array
    left: list[stacks.Stack] = dataclasses.field(default_factory=list)
    right: list[stacks.Stack] | None = None
    numbers: Array = dataclasses.field(default_factory=lambda: np.empty(0, np.int64))
    decodes: int = 0

    @property
    def columns(self) -> Array:
        """Images that stand for the columns of a matrix."""
        return self.rows if self.others is None else self.others

    @property
    def _shapes(self) -> list[dict[tuple[int, ...], int]]:
        """Number of pictures of each shape, by side."""
        return [{stack.pictures.shape[1:3]: len(stack.rows) for stack in side} for side in (self.left, self.right or [])]

    @property
    def everything(self) -> Array:
        """Images of both."""
        return self.rows if self.others is None else np.concatenate([self.rows, self.others])

    @property
    def unusable(self) -> Array:
        """Images that could not be read whole."""
        if len(self.numbers):
            return self.everything[self.numbers[self.everything] < 0]
        stood = [stack.rows for side in (self.left, self.right or []) for stack in side]
        return np.setdiff1d(self.everything, np.concatenate([np.empty(0, np.int64), *stood]))

    @property
    def same_file(self) -> int:
        """Images of the second side that are files of the first; of one side, further paths of a file."""
        if self.others is None:
            return len(self.rows) - len(np.unique(self.files[self.rows]))
        return int(np.isin(self.files[self.others], self.files[self.rows]).sum())

    @property
    def shapes_differ(self) -> int:
        """Number of cells of a matrix whose pictures have different shapes."""
        one, other = self._shapes[0], self._shapes[0 if self.right is None else 1]
        return sum(one.values()) * sum(other.values()) - sum(count * other.get(shape, 0) for shape, count in one.items())


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
    if metric.reads == "digest" and number <= 0:
        raise ArgumentError(f"cutoff={given!r}", f"Allowed for {metric.name}: 1", "Unequal pictures are all pairs but those")
    if isinstance(given, (str, bytes, bool, np.bool_)) or not low <= number <= high or is_endless:
        better = "as high or higher" if metric.higher_is_better else "as low or lower"
        limits = f"from {low:g} to {high:g}" if math.isfinite(high) else f"that is finite, {low:g} or more"
        raise ArgumentError(f"cutoff={given!r}", f"Allowed for {metric.name}: a number {limits}", f"Pairs {better} are found")
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
