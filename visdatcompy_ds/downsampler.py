"""The noun ``Downsampler``: exactly N images that show something of everything."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.arguments import path_bytes, whole_number
from visdatcompy_ds.base.errors import ArgumentError, UnknownNameError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.catalog.buckets import BUCKETS
from visdatcompy_ds.catalog.networks import Network
from visdatcompy_ds.catalog.probes import CLEAN_PROBES, PROBES
from visdatcompy_ds.dataset import Dataset, require_dataset
from visdatcompy_ds.engine.decode import Limits
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.image import Image
from visdatcompy_ds.selection import Selection
from visdatcompy_ds.stages.context import events_across
from visdatcompy_ds.stages.sample import QUOTAS, STRATEGIES, Wishes, of_distinct_content, sample

if TYPE_CHECKING:
    import pandas as pd


class Downsampler:
    """Draw images from a dataset.

    Images are put into buckets by what they look like; each bucket gives something. Near duplicates wait while others are there, and of
    some images that chance picks the one that brings most images nearer comes next: what is frequent is chosen more often, what is
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
        given: Dataset | Selection | Sequence[Dataset | Selection] | None = None,
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
        given : Dataset, Selection or sequence of them, optional
            Images already had, or queued: never chosen; near duplicates of them wait, and what they lack comes first.
        strategy : {"spread", "stride"}
            Within a bucket: of some by chance the one that brings most images nearer, or an even stride in natural order.
        per_group : str, optional
            A column, such as "station", "event", "label" or "camera", whose values get a share each.
        quota : {"proportional", "sqrt", "equal"} or mapping
            What the share of a group is in proportion to: its images, their root, nothing; or numbers by group that add up to `n`. What a
            group cannot give, the others do; ``Selection.groups`` says so. What was given of a group counts.
        max_per_event : int, optional
            At most so many images of an event (shots of a station or camera, less than a minute apart) while others wait, given ones
            counted; an image without a date is an event of its own.
        exclude : Dataset, Selection, or ids, paths or images, optional
            Never chosen, nor what has the same bytes; unlike `given` they cover nothing.
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
        how = HowToDraw(
            self.rules, strategy, per_group, quota, max_per_event, embeddings, embedding_side, bucket_quota, near_duplicates_last
        )
        given_ones = [given] if isinstance(given, (Dataset, Selection)) else list(given or [])
        had = [one.dataset if isinstance(one, Selection) else one for one in given_ones]
        for dataset in had:
            require_dataset(dataset, "given")
        table = Fingerprints.combine([dataset.measured(*CLEAN_PROBES) for dataset in (self.dataset, *had)])
        usable = np.flatnonzero(table.files.is_usable & table["decoded"])
        own, given_rows = usable[usable < len(self.dataset.files)], usable[usable >= len(self.dataset.files)]
        excluded = self._excluded(table, exclude)
        candidates = of_distinct_content(table, own, np.concatenate([given_rows, excluded]))
        rows = np.concatenate([candidates, given_rows])
        options = (self.workers, self.dataset._limits, self.show_progress)
        wishes = how.wishes(table, own, rows, seed, self.dataset._rules[0]["gap_s"], *options)
        sampled = sample(table, candidates, n, given_rows if had else None, wishes)
        taken = {bytes(digest) for digest in table["sha256"][np.concatenate([given_rows, excluded])]}
        had_or_excluded = sum(bytes(digest) in taken for digest in table["sha256"][own])
        left_out = {"had before or excluded": had_or_excluded, "copies of others": len(own) - len(candidates) - had_or_excluded}
        return Selection(table, sampled, self.dataset, seed, self.workers, {"asked": n, **left_out})

    def _excluded(self, table: Fingerprints, exclude: Any) -> Array:
        """Return rows that hold what is excluded: of this dataset, or, of another one, those with the same bytes."""
        if exclude is None:
            return np.empty(0, np.int64)
        own = np.arange(len(self.dataset.files))
        if isinstance(exclude, (Dataset, Selection)):
            dataset = exclude if isinstance(exclude, Dataset) else exclude.dataset
            digests = {bytes(digest) for digest in dataset.measured("sha256")["sha256"]}
            return own[[bytes(digest) in digests for digest in table["sha256"][own]]]
        items = [exclude] if isinstance(exclude, (str, bytes, os.PathLike, Image)) else exclude
        if not isinstance(items, Iterable):
            raise ArgumentError(f"exclude of type {type(exclude).__name__}", "Allowed: a Dataset, a Selection, or ids, paths or images")
        names = [os.fsdecode(item.path if isinstance(item, Image) else path_bytes(item, "exclude")) for item in items]
        row_of = {table.files.id[row]: row for row in own.tolist()}
        row_of |= {os.fsdecode(table.files.path[row]): row for row in own.tolist()}
        if any(name not in row_of for name in names):
            real = {os.path.realpath(os.fsdecode(table.files.path[row])): row for row in own.tolist()}
            row_of |= {name: real[os.path.realpath(name)] for name in names if name not in row_of and os.path.realpath(name) in real}
        unknown = [name for name in names if name not in row_of]
        if unknown:
            more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
            raise ArgumentError(
                f"exclude={', '.join(map(repr, unknown[:3]))}{more}, not in {self.dataset.name}",
                "Allowed: its ids, such as folder/1.jpg, or paths",
            )
        return np.array([row_of[name] for name in names], np.int64)


@dataclasses.dataclass(frozen=True)
class HowToDraw:
    """How to draw: keywords of :meth:`Downsampler.sample`, checked before anything is read."""

    rules: str = "visual"
    strategy: str = "spread"
    per_group: str | None = None
    quota: str | Mapping[str, int] = "proportional"
    max_per_event: int | None = None
    embeddings: pd.DataFrame | Mapping[Any, Any] | str | os.PathLike[str] | None = None
    embedding_side: int = 224
    bucket_quota: str = "proportional"
    near_duplicates_last: bool = True

    def __post_init__(self) -> None:
        """Check what can be checked without the images."""
        _ = BUCKETS[self.rules], self._network
        for name, known in (("strategy", STRATEGIES), ("bucket_quota", tuple(QUOTAS))):
            if getattr(self, name) not in known:
                raise UnknownNameError(name, str(getattr(self, name)), list(known))
        if self.max_per_event is not None:
            whole_number(self.max_per_event, "max_per_event", 1)
        whole_number(self.embedding_side, "embedding_side", 1)
        if self.per_group is None and self.quota != "proportional":
            raise ArgumentError(f"quota={self.quota!r} without per_group", "", 'Say which column, such as per_group="station"')
        columns = [name for name in (*CLEAN_PROBES, "station", "event", "label") if name not in PROBES or not PROBES[name].shape]
        if self.per_group is not None and self.per_group not in columns:
            raise UnknownNameError("column", str(self.per_group), columns)

    @classmethod
    def of(cls, rules: str, keywords: Mapping[str, Any]) -> HowToDraw:
        """Return the wishes of keywords that another function took in."""
        known = [field.name for field in dataclasses.fields(cls)]
        for name in keywords:
            if name not in known:
                raise UnknownNameError("keyword of a sample", name, known)
        return cls(rules, **keywords)

    @functools.cached_property
    def _network(self) -> Network | None:
        if not isinstance(self.embeddings, (str, os.PathLike)):
            return None
        return Network(os.fsdecode(path_bytes(self.embeddings, "embeddings")))

    def wishes(
        self,
        table: Fingerprints,
        own: Array,
        rows: Array,
        seed: int,
        gap_s: float,
        workers: Workers,
        limits: Limits,
        show_progress: bool | None,
    ) -> Wishes:
        """Return what the stage takes: groups of `own` rows have a share; `rows` may be chosen or are given."""
        group = None if self.per_group is None else np.array([str(value) for value in table[self.per_group].tolist()], object)
        if group is not None and len(own) and not any(group[own]):
            raise ArgumentError(
                f"per_group={self.per_group!r}, which is empty",
                "",
                'Dataset(…, label="folder:-1") says where labels are, station= stations',
            )
        space = None
        if self.embeddings is not None:
            from visdatcompy_ds.stages.sample.embeddings import embedded

            given: Any = self._network or self.embeddings
            space = embedded(table, rows, given, self.embedding_side, workers, limits, show_progress)
        return Wishes(
            rules=self.rules,
            bucket_quota=self.bucket_quota,
            strategy=self.strategy,
            seed=seed,
            group=group,
            group_names=() if group is None else tuple(dict.fromkeys(group[own].tolist())),
            group_quota=self.quota,
            max_per_event=self.max_per_event,
            event=None if self.max_per_event is None else events_across(table, rows, gap_s),
            near_duplicates_last=self.near_duplicates_last,
            space=space,
        )
