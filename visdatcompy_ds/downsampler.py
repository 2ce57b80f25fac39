"""The noun ``Downsampler``: exactly N images that show something of everything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visdatcompy_ds.base.arguments import whole_number
from visdatcompy_ds.base.tables import Fingerprints
from visdatcompy_ds.catalog.buckets import BUCKETS
from visdatcompy_ds.catalog.probes import CLEAN_PROBES
from visdatcompy_ds.dataset import Dataset, require_dataset
from visdatcompy_ds.selection import Selection
from visdatcompy_ds.stages.sample import of_distinct_content, sample


class Downsampler:
    """Draw images from a dataset.

    Parameters
    ----------
    dataset : Dataset
    rules : str
        How images are put into buckets: "visual" (structure at the centre, brightness, colour; at most 32) or "hash16".

    Examples
    --------
    >>> selection = Downsampler(Dataset("datasets/trail")).sample(10)
    >>> len(selection)
    10
    """

    def __init__(self, dataset: Dataset, rules: str = "visual") -> None:
        require_dataset(dataset, "dataset")
        self.dataset, self.rules = dataset, BUCKETS[rules].name

    def __repr__(self) -> str:
        """Return the dataset and the rule."""
        return f"Downsampler({self.dataset!r}, rules={self.rules!r})"

    def sample(self, n: int, seed: int = 42, given: Dataset | Sequence[Dataset] | None = None) -> Selection:
        """Choose exactly `n` distinct images, or all usable ones where there are fewer.

        Damaged and unreadable files are never chosen; of files with the same bytes only the first is.

        Parameters
        ----------
        n : int
            0 or more.
        seed : int
            The same seed gives the same choice, whatever the workers and the order of files.
        given : Dataset or sequence of Dataset, optional
            Images already had: never chosen, and counted as if drawn before.
        """
        whole_number(n)
        whole_number(seed, "seed")
        had = [] if given is None else [given] if isinstance(given, Dataset) else list(given)
        for dataset in had:
            require_dataset(dataset, "given")
        table = Fingerprints.combine([dataset.measured(*CLEAN_PROBES) for dataset in (self.dataset, *had)])
        usable = np.flatnonzero(table.files.is_usable & table["decoded"])
        is_own = usable < len(self.dataset.files)
        given_rows = usable[~is_own]
        candidates = of_distinct_content(table, usable[is_own], given_rows)
        chosen = sample(table, candidates, n, given_rows if had else None, self.rules, seed)
        return Selection(table, chosen, len(candidates), buckets_seen(table, candidates, self.rules), self.dataset)


def buckets_seen(table: Fingerprints, rows: np.ndarray, rules: str) -> int:
    """Return the number of buckets that hold any of `rows`."""
    rule = BUCKETS[rules]
    return len(np.unique(rule.compute({name: table[name][rows] for name in rule.needs}), axis=0)) if len(rows) else 0
