"""The noun ``Dataset``: a folder, a file, a pattern, a list or named folders, explored and measured on request."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.errors import ArgumentError, UnknownNameError
from visdatcompy_ds.base.names import for_display, to_text
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.base.tables import Files, Fingerprints
from visdatcompy_ds.catalog.hashes import HASHES
from visdatcompy_ds.catalog.probes import CLEAN_PROBES, HEADER_PROBES, PROBES
from visdatcompy_ds.engine.cache import Place, place_of
from visdatcompy_ds.engine.decode import Limits
from visdatcompy_ds.engine.run import Workers, worker_count
from visdatcompy_ds.image import Image
from visdatcompy_ds.stages import context, explore, scan, whereabouts
from visdatcompy_ds.stages.fingerprint import Counts, fingerprint

if TYPE_CHECKING:
    import pandas as pd


class Dataset:
    """Images from one or more sources.

    Making a Dataset lists the files and reads none of them. What is measured later is kept.

    Parameters
    ----------
    source : path, glob, sequence of paths, or dict of str to path
        A folder, a file, a pattern, a list (ids are relative to the common root), or named folders such as ``{"CAM01": "/media/sd1"}``.
    name : str, optional
        By default the last part of the path.
    recursive : bool
        Also read subfolders; links to folders are never followed.
    include, exclude : str or sequence of str, optional
        Patterns for ids or file names; the rest is ``skipped``.
    station : str, callable or None
        Where a shot was taken: ``"folder:1"`` is the first folder of the id, or a function of the id.
    label : str, callable or None
        The class of an image: ``"folder"`` is its last folder, or a function of the id.
    gap_s : float
        Seconds without a shot at a station that end an event.
    workers : int or str
        "auto" is one per core: threads for small jobs, for large ones processes of our own, in which a decoder's death costs one image. A
        number leaves the kind to us, too; "threads", "processes:4" and the like do not. Results do not depend on it.
    cache : "auto", "off" or path
        Folder where what is measured is kept, so that unchanged files are not read again; "auto" is what the environment variable
        ``VISDATCOMPY_CACHE`` says, else a folder of the user's own. Results do not depend on it.
    limits : dict, optional
        What is refused before a decoder sees it: "max_pixels" (100 million), "max_file_bytes" (2 GB), "max_scans" of a JPEG (200),
        "max_metadata_bytes" (4 MB); of a process "max_seconds" for one image (10) and "max_memory_bytes" (4 GB).
    show_progress : bool, optional
        None shows a bar on a terminal when it takes more than two seconds.

    Raises
    ------
    MissingSourceError, SourceError, ArgumentError
        For a source that does not exist, cannot be opened, or is none.

    Examples
    --------
    >>> ds = Dataset("datasets/trail")
    >>> len(ds), ds[0].filename
    (30, 'IMG_0001.JPG')
    """

    def __init__(
        self,
        source: scan.Source,
        name: str | None = None,
        recursive: bool = True,
        include: str | Sequence[str] | None = None,
        exclude: str | Sequence[str] | None = None,
        station: context.Rule = "folder:1",
        label: context.Rule = None,
        gap_s: float = 60,
        workers: Workers = "auto",
        cache: Place = "auto",
        limits: Limits | Mapping[str, int] | None = None,
        show_progress: bool | None = None,
    ) -> None:
        worker_count(workers)
        self._cache = place_of(cache)
        if (saved := whereabouts.at(source)) is not None:
            from visdatcompy_ds.reports import index_file

            asked = {"name": name, "recursive": recursive, "include": include, "exclude": exclude, "limits": limits}
            table, of_it = index_file.load(saved, {**asked, "station": station, "label": label, "gap_s": gap_s})
            self._source, self._folders, self._rules, self._limits, self._homes = of_it
            self._workers, self._show_progress = workers, show_progress
            self._take(table)
            return
        found = scan.scan(source, name, recursive, include, exclude)
        self._source, self._homes = source, ()
        self._folders = [os.path.abspath(folder) for folder in scan.folders_of(source)]  # where a later scan would look
        self._rules = [{"station": station, "label": label, "gap_s": gap_s}]  # one per name of the files
        self._workers, self._limits, self._show_progress = workers, Limits.of(limits), show_progress
        self._take(Fingerprints(found, {}))
        context.add_context(self._table.take(slice(0, 0)), **self._rules[0])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write what was measured, and what ``clean`` needs, into a ``.vdx`` that answers while the photos are offline; return its path."""
        from visdatcompy_ds.reports import index_file

        told = (self._source, self._folders, self._rules, self._limits)
        return index_file.save(path, lambda: self.measured(*CLEAN_PROBES), *told)

    @classmethod
    def load(cls, path: str | os.PathLike[str], root: Any = None, **options: Any) -> Dataset:
        """Return the dataset of a saved index, its photos there or not; `options` such as `station` replace what was saved.

        `root` says where the photos are now, when their disk is mounted elsewhere; of several folders a dict, by old path or name.
        """
        where: Any = whereabouts.At(path, root, frozenset(options))
        return cls(where, **options)

    def _take(self, table: Fingerprints) -> None:
        self._table = table
        self._images: list[Image] | None = None
        self.counts = Counts()
        self.exif_data: pd.DataFrame | None = None

    def _with_table(self, table: Fingerprints) -> Dataset:
        new = object.__new__(Dataset)
        new.__dict__.update(self.__dict__)
        new._take(table)
        return new

    def __repr__(self) -> str:
        """Return name and number of images."""
        return f"Dataset({for_display(self.name)!r}, {len(self)} images)"

    def is_same_as(self, other: Dataset) -> bool:
        """Tell whether both hold the same files under the same paths, read within the same limits."""
        if self is other:
            return True
        has_same_files = len(self.files) == len(other.files) and bool((self.files.path == other.files.path).all())
        return has_same_files and self._limits == other._limits

    @property
    def files(self) -> Files:
        """Every file found, images or not, each with its status."""
        return self._table.files

    @property
    def name(self) -> str:
        """Name; several are joined by "+"."""
        return "+".join(self.files.names)

    @property
    def path(self) -> str:
        """The source as text."""
        if isinstance(self._source, (str, bytes, os.PathLike)):
            return to_text(os.fsencode(self._source))
        if isinstance(self._source, dict):
            return ", ".join(to_text(os.fsencode(path)) for path in self._source.values())
        return f"{len(self._source)} paths"

    @property
    def images(self) -> list[Image]:
        """The images by name, usable or not, in natural order."""
        if self._images is None:
            rows = self._rows
            self._images = [Image(self.files.path[row], self._limits, id=self.files.id[row]) for row in rows.tolist()]
        return self._images

    @property
    def _rows(self) -> Any:
        return np.flatnonzero(~self.files.has_status(Status.SKIPPED))

    @property
    def filenames(self) -> list[str]:
        """Ids of the images: paths relative to the source."""
        return [str(file_id) for file_id in self.files.id[self._rows]]

    @property
    def image_count(self) -> int:
        """Number of images by name."""
        return len(self)

    def __len__(self) -> int:
        """Return the number of images by name."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Image]:
        """Iterate over the images in natural order."""
        return iter(self.images)

    def __getitem__(self, key: int | str) -> Image:
        """Return an image by position or by id."""
        if isinstance(key, str):
            return self.get_image(key)
        try:
            return self.images[key]
        except (IndexError, TypeError):
            message = f"No image at {key!r}: {self.name} has {len(self)} images, counted from 0, and they are found by id too"
            raise IndexError(message) from None

    def __contains__(self, key: object) -> bool:
        """Tell whether an image, or an id, is in the dataset."""
        return any(image is key or image.id == key for image in self.images)

    def get_image(self, name: str) -> Image:
        """Return an image by id ("CAM01/IMG_0001.jpg"), or by file name where only one has it.

        Raises
        ------
        UnknownNameError, ArgumentError
            When no image, or more than one, is called so.
        """
        found = [image for image in self.images if image.id == name] or [image for image in self.images if image.filename == name]
        if not found:
            raise self._unknown(name)
        if len(found) > 1:
            raise ArgumentError(
                f"{len(found)} images are called {name!r}", f"Their ids: {', '.join(image.id for image in found[:5])}", "Use the id"
            )
        return found[0]

    def _unknown(self, name: object) -> ArgumentError:
        """Return the error for a name that is no image's."""
        near = difflib.get_close_matches(str(name), self.filenames[:10_000], n=1)
        example = f"for example {for_display(self.filenames[0])!r}" if len(self) else "none"
        return UnknownNameError(
            "image", name, (), f"{self.name} has {len(self)} images, {example}", f"Did you mean {for_display(near[0])!r}?" if near else ""
        )

    def delete_image(self, image: Image | str) -> None:
        """Take an image out of this object; the file stays where it is."""
        target = image if isinstance(image, Image) else self.get_image(image)
        at = [row for row, held in zip(self._rows.tolist(), self.images, strict=True) if held is target or held.path == target.path]
        if not at:
            raise self._unknown(target.id)
        self._drop(at)

    def _drop(self, rows: Sequence[int]) -> None:
        """Take rows out of this object; the images of the others stay the same objects."""
        stays = np.ones(len(self._table), bool)
        stays[list(rows)] = False
        if self._images is not None:
            self._images = [image for image, kept in zip(self._images, stays[self._rows].tolist(), strict=True) if kept]
        self._table = self._table.take(stays)

    def subset(self, ids: str | Iterable[str | Image]) -> Dataset:
        """Return a new Dataset of the images of these ids, in natural order."""
        listed = [ids] if isinstance(ids, str) else ids
        wanted = {image.id if isinstance(image, Image) else image for image in listed}
        rows = self._rows[np.isin(self.files.id[self._rows].astype(str), list(wanted))] if wanted else self._rows[:0]
        missing = wanted - set(self.files.id[rows])
        if missing:
            raise self._unknown(min(missing, key=str))
        return self._with_table(self._table.take(rows))

    def filter(self, keep: Callable[[pd.Series[Any]], bool]) -> Dataset:
        """Return a new Dataset of the images for which `keep`, given their row of :meth:`table`, is true.

        Examples
        --------
        >>> bright = Dataset("datasets/trail").filter(lambda row: row.brightness > 100)
        """
        if not callable(keep):
            raise ArgumentError(
                f"A filter of type {type(keep).__name__}", "Allowed: a function of a row", "lambda row: row.brightness > 100"
            )
        frame = self.table()
        try:
            chosen = [bool(keep(row)) for _, row in frame.iterrows()]
        except (KeyError, AttributeError) as error:
            name = error.args[0] if isinstance(error, KeyError) else error.name
            is_of_row = isinstance(error, KeyError) or type(error.obj).__name__ == "Series"
            if is_of_row and isinstance(name, str) and name not in frame.columns:
                raise UnknownNameError("column", name, frame.columns) from None
            raise
        rows = np.flatnonzero(chosen)
        rows = rows[~self.files.has_status(Status.SKIPPED)[rows]]
        return self._with_table(self._table.take(rows))

    def __add__(self, other: Dataset) -> Dataset:
        """Return a new Dataset of the images of both; each keeps its dataset's name."""
        if not isinstance(other, Dataset):
            return NotImplemented
        wanted = CLEAN_PROBES if self._homes or other._homes else PROBES  # photos of an index may be offline
        names = [name for name in wanted if name in self._table or name in other._table]
        joined = self._with_table(Fingerprints.combine([self.measured(*names), other.measured(*names)]))
        joined._rules = [*self._rules, *other._rules]
        joined._source = [os.fsdecode(path) for path in joined.files.path]
        joined._folders = [*self._folders, *other._folders]
        joined._homes = (*self._homes, *other._homes)
        joined._cache = None if other._cache is None else self._cache
        return joined

    def measured(self, *probes: str) -> Fingerprints:
        """Return the table of all files with at least these columns; what is missing is measured in one pass.

        Parameters
        ----------
        *probes : str
            Names of the catalog: "sha256", "phash", "brightness", "width", ….
        """
        missing = [PROBES[name].name for name in probes if PROBES[name].name not in self._table]
        if missing:
            base = self._table
            files = whereabouts.for_measuring(base, self._homes, missing, self._workers)
            new, counts = fingerprint(files, missing, self._workers, self._limits, self._show_progress, self._cache)
            self.counts += counts
            decoded = new["decoded"] | base["decoded"] if "decoded" in base else new["decoded"]
            self._table = Fingerprints(new.files, {**base.columns, **new.columns, "decoded": decoded})
            if "taken" in missing:
                self._table = context.add_contexts(self._table, self._rules)
        return self._table

    def fingerprints(self, *names: str) -> pd.DataFrame:
        """Return columns of the catalog, one row per image; hashes and digests as hexadecimal digits.

        Parameters
        ----------
        *names : str
            By default "sha256" and "phash".
        """
        import pandas as pd

        wanted = [PROBES[name].name for name in (names or ("sha256", "phash"))]
        table = self.measured(*wanted).take(self._rows)
        columns: dict[str, Any] = {"id": list(table.files.id), "status": [status.value for status in self._statuses(table.files)]}
        for name in wanted:
            column = table[name]
            if name in HASHES:
                columns[name] = [HASHES[name].to_hex(code) if there else None for code, there in zip(column, table["decoded"], strict=True)]
            elif name == "sha256":
                columns[name] = [bytes(digest).hex() if digest.any() else None for digest in column]
            else:
                columns[name] = list(column) if column.ndim > 1 else column
        return pd.DataFrame(columns)

    @staticmethod
    def _statuses(files: Files) -> list[Status]:
        by_code = list(Status)
        return [by_code[code] for code in files.status.tolist()]

    def table(self) -> pd.DataFrame:
        """Return ``images.csv`` as a DataFrame: one row per file found, with status, dates, stations and measures."""
        import pandas as pd

        from visdatcompy_ds.reports import tables

        return pd.DataFrame(tables.image_columns(self.measured(*CLEAN_PROBES)))

    @property
    def problems(self) -> pd.DataFrame:
        """Every image by name that cannot be used, with status and reason; decodes what was not decoded yet."""
        import pandas as pd

        from visdatcompy_ds.reports import tables

        return pd.DataFrame(tables.problem_columns(self.measured(*CLEAN_PROBES)))

    def get_exif_data(self) -> pd.DataFrame:
        """Return the EXIF of each image, one row per image in order, a column per tag; kept as ``exif_data``."""
        import pandas as pd

        whereabouts.require_photos(self.files, self._homes, "get_exif_data() reads the files")
        rows = explore.exif_rows(self.files.path[self._rows], self._limits, self._workers)
        frame = pd.DataFrame(rows, index=range(len(rows)))
        frame.insert(0, "id", self.filenames)
        self.exif_data = frame
        return frame

    def summary(self, deep: bool = False) -> dict[str, Any]:
        """Return what is in the dataset as plain data; see :meth:`info`."""
        found = explore.summarise(self.measured(*(CLEAN_PROBES if deep else HEADER_PROBES)), deep)
        return found | ({"indexes": [whereabouts.standing(self.files, home) for home in self._homes]} if self._homes else {})

    def info(self, deep: bool = False) -> None:
        """Print what is in the dataset.

        Parameters
        ----------
        deep : bool
            Also decode every image and add damage, light and quality. Without it only the beginning of each file is read.
        """
        from visdatcompy_ds.reports import text

        print(text.dataset(self.name, self.path, self.summary(deep)))  # noqa: T201


def require_dataset(value: object, name: str) -> None:
    """Raise an error that says what is allowed when `value` is no Dataset."""
    if not isinstance(value, Dataset):
        raise ArgumentError(f"{name} of type {type(value).__name__}", "Allowed: a Dataset", 'For example Dataset("my/folder")')
