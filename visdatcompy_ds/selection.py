"""What a sample hands back: a table with verbs."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.arguments import path_bytes
from visdatcompy_ds.base.names import to_text
from visdatcompy_ds.base.tables import Fingerprints
from visdatcompy_ds.catalog.buckets import BUCKETS
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.reports import tables
from visdatcompy_ds.stages.act import Export, export
from visdatcompy_ds.stages.sample import Sampled, coverage

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from visdatcompy_ds.dataset import Dataset


class Selection:
    """Chosen images, in the order of their rank: the first k are a sample of k.

    Attributes
    ----------
    dataset : Dataset
        The chosen images as a Dataset.
    paths : list of str
        Their paths, in the order of rank.
    table : DataFrame
        The columns of ``selected.csv``.
    coverage : DataFrame
        How far images lie from the nearest chosen one, and from that of random choices.
    groups, buckets : DataFrame
        How many were seen and chosen of each group and bucket.
    """

    def __init__(
        self,
        fingerprints: Fingerprints,
        sampled: Sampled,
        dataset: Dataset | None = None,
        seed: int = 42,
        workers: Workers = "auto",
        counts: Mapping[str, int] | None = None,
    ) -> None:
        self.fingerprints, self.sampled, self._dataset = fingerprints, sampled, dataset
        self.chosen, self._seed, self._workers, self._counts = sampled.chosen, seed, workers, dict(counts or {})

    def __repr__(self) -> str:
        """Return how many of how many were chosen."""
        return f"Selection({len(self)} of {len(self.sampled.rows)} images)"

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

    @functools.cached_property
    def coverage(self) -> pd.DataFrame:
        """How far images lie from the nearest chosen or given one: rows "chosen" and "random", columns mean, p95 and max.

        Each near-duplicate group counts as one image; of very many images 5000 are looked at. "random" is the mean of five random choices
        of the same size. In units of looks (frames of a burst are 8 to 20 apart, near duplicates up to 70, other photos some 150), or of
        embeddings.
        """
        import pandas as pd

        held = self.sampled
        found = coverage(held.space, held.alike, held.picked, held.given_space, self._seed, self._workers)
        return pd.DataFrame.from_dict(found, orient="index", columns=["mean", "p95", "max"])

    @functools.cached_property
    def groups(self) -> pd.DataFrame:
        """One row per group of ``per_group=``: group, seen, had, asked, chosen; ``asked`` above ``chosen`` could not be given."""
        import pandas as pd

        return pd.DataFrame(self.sampled.groups, columns=["group", "seen", "had", "asked", "chosen"])

    @functools.cached_property
    def buckets(self) -> pd.DataFrame:
        """One row per bucket: bucket, says (its key in words), seen, chosen."""
        import pandas as pd

        names, seen = np.unique(self.sampled.bucket.astype(str), return_counts=True)
        chosen = dict(zip(*np.unique(self.chosen.bucket.astype(str), return_counts=True), strict=True))
        says = [BUCKETS[self.sampled.rules].says(name) for name in names.tolist()]
        counts = {"seen": seen, "chosen": [int(chosen.get(name, 0)) for name in names]}
        return pd.DataFrame({"bucket": names.astype(object), "says": says, **counts})

    def summary(self) -> dict[str, Any]:
        """Return how many images and buckets were seen and chosen, what was left out before, and of each group and station how many."""
        stations = self._numbers(self.fingerprints["station"][self.chosen.row])
        groups = {group: {"seen": seen, "had": had, "asked": asked, "chosen": chosen} for group, seen, had, asked, chosen in self._groups()}
        return {
            "seen": len(self.sampled.rows),
            **{name: count for name, count in self._counts.items() if name != "asked" or count > len(self)},
            "given": self.sampled.given,
            "chosen": len(self),
            "buckets_seen": len(self.buckets),
            "buckets_chosen": int((self.buckets["chosen"] > 0).sum()),
            "stations": stations,
            **({"groups": groups} if groups else {}),
        }

    def _groups(self) -> list[tuple[Any, ...]]:
        columns = self.sampled.groups
        return list(zip(*(columns[name].tolist() for name in ("group", "seen", "had", "asked", "chosen")), strict=True)) if columns else []

    @staticmethod
    def _numbers(names: Any) -> dict[str, int]:
        values, counts = np.unique(names.astype(str), return_counts=True)
        return dict(zip(values.tolist(), counts.tolist(), strict=True))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table as CSV and, beside it under the same stem, the paths as text: one a line, in the order of rank.

        Folders are made where needed; a name without an ending gets ``.csv``.
        """
        name = os.fsdecode(path_bytes(path))
        stem, ending = os.path.splitext(name)
        tables.save(f"{stem}{ending or '.csv'}", tables.to_csv(tables.selection_columns(self.fingerprints, self.chosen)))
        lines = [
            path if b"\n" not in path else to_text(path).replace("\n", "\\x0a").encode()
            for path in self.fingerprints.files.path[self.chosen.row]
        ]
        tables.save(f"{stem}.txt", b"".join(line + b"\n" for line in lines))

    def export(self, folder: str | os.PathLike[str], how: str = "copy", labels: bool = True) -> Export:
        """Build a folder of the chosen images: ``folder/DATASET/…``, subfolders kept, nothing overwritten.

        Parameters
        ----------
        folder : path
        how : {"copy", "hardlink", "symlink"}
        labels : bool
            Also place label files: those of the same stem beside an image, and YOLO's in the parallel tree, where ``images`` in a path
            is ``labels``.

        Returns
        -------
        Export
            Images and label files placed, images already there, and names taken by other files.
        """
        sources = [] if self._dataset is None else self._dataset._folders
        return export(self.fingerprints, self.chosen.row, folder, how, labels, sources)

    def plot_distribution(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Return how many were chosen and left in each bucket, as a bar chart; with `path` also write it as PNG."""
        from visdatcompy_ds.reports import sample_figures

        frame = self.buckets
        return _written(sample_figures.distribution(frame["says"].tolist(), frame["seen"].to_numpy(), frame["chosen"].to_numpy()), path)

    def plot_thumbnails(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Return small pictures of each bucket, up to 100 of it in natural order, the chosen ones framed; with `path` also write it."""
        from visdatcompy_ds.reports import sample_figures
        from visdatcompy_ds.stages.thumbnails import small_pictures

        held, shown = self.sampled, {}
        for bucket in self.buckets["bucket"]:
            rows = np.sort(held.rows[held.bucket == bucket])
            shown[bucket] = rows[np.linspace(0, len(rows) - 1, min(len(rows), sample_figures.GRID**2)).astype(np.int64)]
        pictures = small_pictures(
            self.fingerprints, np.concatenate([*shown.values(), np.empty(0, np.int64)]), sample_figures.THUMBNAIL, self._workers
        )
        counts = {bucket: (says, seen, chosen) for bucket, says, seen, chosen in self.buckets.itertuples(index=False)}
        return _written(sample_figures.thumbnails(shown, pictures, set(self.chosen.row.tolist()), counts), path)

    def plot_scatter(self, path: str | os.PathLike[str] | None = None) -> Figure | str:
        """Return the images as dots, like ones near each other, the chosen ones marked.

        Parameters
        ----------
        path : path, optional
            A name ending in ``.html`` is written as a page of its own that shows pictures and names under the mouse, and its path is
            returned; any other name as PNG.
        """
        from visdatcompy_ds.reports import html, sample_figures

        held = self.sampled
        if path is not None and os.fspath(path).lower().endswith((".html", ".htm")):
            tables.save(path, html.scatter_page(self.fingerprints, held))
            return os.fspath(path)
        is_chosen = np.zeros(len(held.pool), bool)
        is_chosen[held.picked] = True
        return _written(sample_figures.scatter(held.space, is_chosen, held.given_space), path)


def _written(figure: Figure, path: str | os.PathLike[str] | None) -> Figure:
    if path is not None:
        from visdatcompy_ds.reports import figures

        tables.save(path, figures.to_png(figure))
    return figure
