"""What a sample hands back: a table with verbs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.names import to_text
from visdatcompy_ds.base.tables import Fingerprints, SelectionTable
from visdatcompy_ds.reports import tables
from visdatcompy_ds.stages.act import Export, export

if TYPE_CHECKING:
    import pandas as pd

    from visdatcompy_ds.dataset import Dataset


class Selection:
    """Chosen images, in the order of their rank: the first k are spread over the buckets too.

    Attributes
    ----------
    dataset : Dataset
        The chosen images as a Dataset.
    paths : list of str
        Their paths, in the order of rank.
    table : DataFrame
        The columns of ``selected.csv``.
    """

    def __init__(
        self, fingerprints: Fingerprints, chosen: SelectionTable, seen: int, buckets_seen: int, dataset: Dataset | None = None
    ) -> None:
        self.fingerprints, self.chosen, self._dataset = fingerprints, chosen, dataset
        self._seen, self._buckets_seen = seen, buckets_seen

    def __repr__(self) -> str:
        """Return how many of how many were chosen."""
        return f"Selection({len(self)} of {self._seen} images)"

    def __len__(self) -> int:
        """Return how many were chosen."""
        return len(self.chosen)

    @property
    def paths(self) -> list[str]:
        """Paths in the order of rank, as the operating system knows them."""
        return [os.fsdecode(path) for path in self.fingerprints.files.path[self.chosen.row]]

    @property
    def table(self) -> pd.DataFrame:
        """The columns of ``selected.csv``, one row per chosen image."""
        import pandas as pd

        return pd.DataFrame(tables.selection_columns(self.fingerprints, self.chosen))

    @property
    def dataset(self) -> Dataset:
        """The chosen images as a Dataset, in natural order."""
        from visdatcompy_ds.dataset import Dataset

        if self._dataset is None:
            return Dataset(self.paths)
        return self._dataset._with_table(self.fingerprints.take(np.sort(self.chosen.row)))

    def summary(self) -> dict[str, Any]:
        """Return how many images and buckets were seen and chosen, and per station how many."""
        stations: dict[str, int] = {}
        for station in self.fingerprints["station"][self.chosen.row].tolist():
            stations[station] = stations.get(station, 0) + 1
        return {
            "seen": self._seen,
            "chosen": len(self),
            "buckets_seen": self._buckets_seen,
            "buckets_chosen": len(set(self.chosen.bucket.tolist())),
            "stations": dict(sorted(stations.items())),
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table as CSV and, beside it under the same stem, the paths as text: one a line, in the order of rank."""
        tables.save(path, tables.to_csv(tables.selection_columns(self.fingerprints, self.chosen)))
        lines = [
            path if b"\n" not in path else to_text(path).replace("\n", "\\x0a").encode()
            for path in self.fingerprints.files.path[self.chosen.row]
        ]
        tables.save(os.path.splitext(os.fspath(path))[0] + ".txt", b"".join(line + b"\n" for line in lines))

    def export(self, folder: str | os.PathLike[str], how: str = "copy", labels: bool = True) -> Export:
        """Build a folder of the chosen images, keeping subfolders under the dataset's name and never overwriting.

        Parameters
        ----------
        folder : path
        how : {"copy", "hardlink", "symlink"}
        labels : bool
            Also place label files of the same stem.

        Returns
        -------
        Export
            Images and label files placed, images already there, and names taken by other files.
        """
        return export(self.fingerprints, self.chosen.row, folder, how, labels)
