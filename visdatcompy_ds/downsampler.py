"""The noun ``Downsampler``: exactly N images that show something of everything."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.arguments import whole_number
from visdatcompy_ds.base.errors import ArgumentError, UnknownNameError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.catalog.buckets import BUCKETS
from visdatcompy_ds.catalog.probes import CLEAN_PROBES
from visdatcompy_ds.dataset import Dataset, require_dataset
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.image import Image
from visdatcompy_ds.selection import Selection
from visdatcompy_ds.stages.sample import QUOTAS, STRATEGIES, Wishes, of_distinct_content, sample

if TYPE_CHECKING:
    import pandas as pd


class Downsampler:
    """Draw images from a dataset.

    Images are put into buckets by what they look like; each bucket gives something. Near duplicates wait while others are there, and of
    some images that chance picks the one farthest from all that is chosen comes next: what is frequent is chosen more often, what is
    rare is there, and nothing comes twice.

    Parameters
    ----------
    dataset : Dataset
    rules : str
        How images are put into buckets: "visual" (edges at the centre, brightness pattern, colour, brightness; at most 32), "hash16" (the
        first four bits of dHash) or "theme" (dark, grey, light, or one of six hues).
    workers : int or "auto"
        Threads; the choice does not depend on it.
    show_progress : bool, optional
        None shows a bar on a terminal when it takes more than two seconds.

    Examples
    --------
    >>> selection = Downsampler(Dataset("datasets/trail")).sample(10)
    >>> len(selection)
    10
    """

    def __init__(self, dataset: Dataset, rules: str = "visual", workers: Workers = "auto", show_progress: bool | None = None) -> None:
        require_dataset(dataset, "dataset")
        self.dataset, self.rules = dataset, BUCKETS[rules].name
        self.workers, self.show_progress = workers, show_progress

    def __repr__(self) -> str:
        """Return the dataset and the rule."""
        return f"Downsampler({self.dataset!r}, rules={self.rules!r})"

    def sample(
        self,
        n: int,
        seed: int = 42,
        given: Dataset | Sequence[Dataset] | None = None,
        strategy: str = "spread",
        per_group: str | None = None,
        quota: str | Mapping[str, int] = "proportional",
        max_per_event: int | None = None,
        exclude: Dataset | Selection | Iterable[str | os.PathLike[str] | Image] | None = None,
        embeddings: pd.DataFrame | Mapping[Any, Any] | str | os.PathLike[str] | None = None,
        embedding_side: int = 224,
        bucket_quota: str = "proportional",
        near_duplicates_last: bool = True,
    ) -> Selection:
        """Choose exactly `n` distinct images, or all usable ones where there are fewer.

        Damaged and unreadable files are never chosen; of files with the same bytes only the first is. Flat pictures come last.

        Parameters
        ----------
        n : int
            0 or more.
        seed : int
            The same seed gives the same choice, whatever the workers and the order of files; another one an equally good choice.
        given : Dataset or sequence of Dataset, optional
            Images already had, or queued: never chosen; near duplicates of them wait, and what they lack comes first.
        strategy : {"spread", "stride"}
            Within a bucket: far from all that is chosen, or an even stride in natural order.
        per_group : str, optional
            A column, such as "station", "event", "label" or "camera", whose values get a share each.
        quota : {"proportional", "sqrt", "equal"} or mapping
            What the share of a group is in proportion to: its images, their root, nothing; or numbers by group that add up to `n`. What a
            group cannot give, the others do; ``Selection.groups`` says so.
        max_per_event : int, optional
            At most so many images of an event (shots of a station less than a minute apart) while others wait.
        exclude : Dataset, Selection, or ids, paths or images, optional
            Never chosen; unlike `given` they cover nothing.
        embeddings : DataFrame, mapping or path, optional
            What images lie apart in, in the place of their looks: vectors by id, or by (dataset, id), of this and the given datasets;
            or an ONNX file that takes pictures (1, 3, side, side), red, green, blue, as networks trained on ImageNet do. Euclidean: for
            cosine give unit vectors. Near duplicates are still told by looks.
        embedding_side : int
            Side of the pictures that the ONNX file takes.
        bucket_quota : {"proportional", "trim", "sqrt"}
            What the share of a bucket is in proportion to; "trim" keeps small buckets whole and trims the largest.
        near_duplicates_last : bool
            False treats near duplicates as any other image.

        Returns
        -------
        Selection
            In the order of rank: its first k images are a sample of k.
        """
        whole_number(n)
        whole_number(seed, "seed")
        for name, known, value in (("strategy", STRATEGIES, strategy), ("bucket_quota", tuple(QUOTAS), bucket_quota)):
            if value not in known:
                raise UnknownNameError(name, str(value), list(known))
        if max_per_event is not None and whole_number(max_per_event, "max_per_event") < 1:
            raise ArgumentError(f"max_per_event={max_per_event}", "Allowed: 1 or more, or None")
        if whole_number(embedding_side, "embedding_side") < 1:
            raise ArgumentError(f"embedding_side={embedding_side}", "Allowed: 1 or more pixels")
        had = [] if given is None else [given] if isinstance(given, Dataset) else list(given)
        for dataset in had:
            require_dataset(dataset, "given")
        table = Fingerprints.combine([dataset.measured(*CLEAN_PROBES) for dataset in (self.dataset, *had)])
        usable = np.flatnonzero(table.files.is_usable & table["decoded"])
        is_own = usable < len(self.dataset.files)
        given_rows = usable[~is_own]
        candidates = of_distinct_content(table, usable[is_own], given_rows)
        candidates = candidates[~np.isin(candidates, _rows_of(table, candidates, exclude))]
        wishes = Wishes(
            rules=self.rules,
            bucket_quota=bucket_quota,
            strategy=strategy,
            seed=seed,
            group=None if per_group is None else _column(table, per_group),
            group_quota=quota,
            max_per_event=max_per_event,
            near_duplicates_last=near_duplicates_last,
            space=self._space(table, np.concatenate([candidates, given_rows]), embeddings, embedding_side),
        )
        sampled = sample(table, candidates, n, given_rows if had else None, wishes)
        return Selection(table, sampled, self.dataset, seed, self.workers)

    def _space(self, table: Fingerprints, rows: Array, embeddings: Any, side: int) -> Array | None:
        if embeddings is None:
            return None
        from visdatcompy_ds.stages.sample.embeddings import embedded

        return embedded(table, rows, embeddings, side, self.workers, self.dataset._limits, self.show_progress)


def _column(table: Fingerprints, name: str) -> Array:
    """Return a column of names that groups are told by."""
    known = [key for key, column in table.columns.items() if column.ndim == 1]
    if name not in known:
        raise UnknownNameError("column", str(name), known)
    return np.array([str(value) for value in table[name].tolist()], object)


def _rows_of(table: Fingerprints, candidates: Array, exclude: Any) -> Array:
    """Return those of `candidates` that are named: by a dataset or selection, by images, paths or ids."""
    if exclude is None:
        return candidates[:0]
    if isinstance(exclude, (str, bytes, os.PathLike, Image)):
        exclude = [exclude]
    if isinstance(exclude, Selection):
        named = set(exclude.paths)
    elif isinstance(exclude, Dataset):
        named = {os.fsdecode(path) for path in exclude.files.path}
    else:
        try:
            items = list(exclude)
        except TypeError:
            raise ArgumentError(
                f"exclude of type {type(exclude).__name__}", "Allowed: a Dataset, a Selection, or ids, paths or images"
            ) from None
        named = {os.fsdecode(item.path if isinstance(item, Image) else item) for item in items}
    real = {os.path.realpath(name) for name in named}
    files = table.files
    return np.array(
        [
            row
            for row in candidates.tolist()
            if files.id[row] in named or os.fsdecode(files.path[row]) in named or os.path.realpath(os.fsdecode(files.path[row])) in real
        ],
        np.int64,
    )
