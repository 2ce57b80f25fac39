"""The tables that stages hand to each other: frozen, parallel arrays, checked at birth.

A row is known by (dataset, id). Inside a run the rows of all datasets stand in one table, and pairs and groups point at rows by
their position *in that table*; nothing that leaves a run is joined by position.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from visdatcompy_ds.base.errors import ArgumentError, UnknownNameError
from visdatcompy_ds.base.status import Status

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]
Self = TypeVar("Self", bound="Table")

# From the strongest evidence of sameness to the weakest; `undecided` says that the evidence does not suffice.
CLASSES = ("same_file", "bytes", "pixels", "reencoded", "edited", "similar", "undecided")
DUPLICATE_CLASSES = ("bytes", "pixels", "reencoded")
CLASS_CODE = {name: code for code, name in enumerate(CLASSES)}
STATUSES = tuple(status.value for status in Status)
STATUS_CODE = {status: code for code, status in enumerate(Status)}


def text_array(values: Iterable[str]) -> Array:
    """Return strings as an object array: names differ in length, and a fixed width would pay for the longest."""
    return object_array(values)


def object_array(values: Iterable[object]) -> Array:
    """Return values as an object array of one dimension."""
    listed = list(values)
    out = np.empty(len(listed), object)
    out[:] = listed
    return out


@dataclasses.dataclass(frozen=True)
class Table:
    """Parallel arrays of one length; the arrays of a subclass are its columns."""

    def __post_init__(self) -> None:
        """Check that all columns are arrays of one length."""
        lengths = {name: len(column) for name, column in self._columns().items()}
        if len(set(lengths.values())) > 1:
            raise ArgumentError(f"{type(self).__name__} columns differ in length: {lengths}", "All columns have one length")

    def _columns(self) -> dict[str, Array]:
        values = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        return {name: value for name, value in values if isinstance(value, np.ndarray)}

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self._columns().values())))

    def take(self: Self, rows: Array | slice) -> Self:
        """Return the rows of a boolean mask, a slice or an array of positions."""
        return dataclasses.replace(self, **{name: column[rows] for name, column in self._columns().items()})

    @classmethod
    def concat(cls: type[Self], tables: Sequence[Self]) -> Self:
        """Return the rows of all tables, in order."""
        columns = [table._columns() for table in tables]
        return dataclasses.replace(tables[0], **{name: np.concatenate([c[name] for c in columns]) for name in columns[0]})

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas DataFrame of the columns."""
        import pandas as pd

        return pd.DataFrame({name: list(column) if column.ndim > 1 else column for name, column in self._columns().items()})


@dataclasses.dataclass(frozen=True)
class Files(Table):
    """Every file found in one or more datasets, in natural order within each.

    Attributes
    ----------
    names : tuple of str
        Names of the datasets.
    dataset : (n,) int16
        Position of each row's dataset in `names`.
    id : (n,) object
        Text form of the path relative to its source's root (see ``base.names``).
    path : (n,) object
        The path as bytes, as the file system knows it.
    size_bytes, mtime_ns, device, inode : (n,) int64 or uint64
        What ``stat`` said; 0 where the file could not be asked.
    status : (n,) uint8
        Code of :class:`Status`; ``OK`` means only that nothing speaks against the file so far.
    reason : (n,) object
        Why, for every status but ``ok``.
    is_link : (n,) bool
        Symbolic links; none where it is not given.
    ctime_ns : (n,) int64
        When the file or its place was last changed, by the file system's clock; 0 where it is not given.
    """

    names: tuple[str, ...]
    dataset: Array
    id: Array
    path: Array
    size_bytes: Array
    mtime_ns: Array
    device: Array
    inode: Array
    status: Array
    reason: Array
    is_link: Array = dataclasses.field(default_factory=lambda: np.zeros(0, bool))
    ctime_ns: Array = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        """Check lengths, and that no (dataset, id) stands twice."""
        for name, dtype in (("is_link", bool), ("ctime_ns", np.int64)):
            if not len(getattr(self, name)):
                object.__setattr__(self, name, np.zeros(len(self.id), dtype))
        super().__post_init__()
        is_one = not len(self) or bool((self.dataset == self.dataset[0]).all())
        keys: int = len(set(self.id.tolist()) if is_one else set(zip(self.dataset.tolist(), self.id.tolist(), strict=True)))
        if keys != len(self):
            raise ArgumentError(f"{len(self) - keys} files have the dataset and id of another", "Each (dataset, id) stands once")

    @classmethod
    def combine(cls, tables: Sequence[Files]) -> Files:
        """Return the files of several datasets as one table; a name that comes twice gets a number."""
        names: list[str] = []
        shifted = []
        for table in tables:
            shifted.append(dataclasses.replace(table, dataset=(table.dataset + len(names)).astype(np.int16)))
            for name in table.names:
                names.append(_unused(name, names))
        return dataclasses.replace(cls.concat(shifted), names=tuple(names))

    def dataset_name(self, row: int) -> str:
        """Return the name of a row's dataset."""
        return self.names[int(self.dataset[row])]

    def has_status(self, *statuses: Status) -> Array:
        """Return a mask of the rows that have one of `statuses`."""
        return np.isin(self.status, [STATUS_CODE[status] for status in statuses])

    @property
    def is_usable(self) -> Array:
        """Mask of the rows whose picture is whole."""
        return self.has_status(*(status for status in Status if status.is_usable))


def _unused(name: str, taken: Sequence[str]) -> str:
    number = 2
    candidate = name
    while candidate in taken:
        candidate, number = f"{name} ({number})", number + 1
    return candidate


class Fingerprints:
    """What was measured of each file: a column per probe, of the dtype and shape that the probe declares.

    Parameters
    ----------
    files : Files
        The rows.
    columns : mapping of str to (n, ...) array
        Values by probe name. Rows that were not decoded hold the probe's missing value; ask ``decoded`` before comparing them: a
        missing fingerprint equals nothing, not even another missing one.
    """

    def __init__(self, files: Files, columns: Mapping[str, Array]) -> None:
        wrong = {name: len(column) for name, column in columns.items() if len(column) != len(files)}
        if wrong:
            raise ArgumentError(f"Columns {wrong} differ from {len(files)} files", "Each column has a value per file")
        self.files = files
        self.columns = dict(columns)

    def __getitem__(self, name: str) -> Array:
        """Return one column."""
        try:
            return self.columns[name]
        except KeyError:
            raise UnknownNameError("column", name, self.columns) from None

    def __contains__(self, name: object) -> bool:
        """Tell whether a column is there."""
        return name in self.columns

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.files)

    def take(self, rows: Array | slice) -> Fingerprints:
        """Return the rows of a mask, a slice or an array of positions."""
        return Fingerprints(self.files.take(rows), {name: column[rows] for name, column in self.columns.items()})

    def with_columns(self, **columns: Array) -> Fingerprints:
        """Return a copy with columns added or replaced."""
        return Fingerprints(self.files, {**self.columns, **columns})

    @classmethod
    def combine(cls, tables: Sequence[Fingerprints]) -> Fingerprints:
        """Return the rows of several datasets as one table; columns are those that all have."""
        if len(tables) == 1:  # and not a copy of it all
            return tables[0]
        shared = [name for name in tables[0].columns if all(name in table for table in tables)]
        return cls(
            Files.combine([table.files for table in tables]),
            {name: np.concatenate([table[name] for table in tables]) for name in shared},
        )


@dataclasses.dataclass(frozen=True)
class Pairs(Table):
    """Two rows that were judged, with the evidence.

    Attributes
    ----------
    left, right : (m,) int64
        Rows, ``left < right``: no row is paired with itself.
    klass : (m,) uint8
        Code of the class in ``CLASSES``.
    step, measure : (m,) object
        The stage that proposed the pair; what was measured ("sha256", "ssim", "phash").
    score, cutoff : (m,) float64
        What the measure gave, and the border that decided; NaN where there is none.
    transform : (m,) object
        How the right picture lies on the left ("same", "rotated 90", …).
    """

    left: Array
    right: Array
    klass: Array
    step: Array
    measure: Array
    score: Array
    cutoff: Array
    transform: Array

    def __post_init__(self) -> None:
        """Check lengths and that no row is paired with itself."""
        super().__post_init__()
        if len(self) and bool((self.left >= self.right).any()):
            raise ArgumentError("A pair has left >= right", "Pairs point from a lower row to a higher one")

    @classmethod
    def build(cls, left: Array, right: Array, klass: str, step: str, measure: str, score: Array | float, cutoff: float = np.nan) -> Pairs:
        """Return pairs that share class, step and measure."""
        low, high = np.minimum(left, right).astype(np.int64), np.maximum(left, right).astype(np.int64)
        m = len(low)
        return cls(
            low,
            high,
            np.full(m, CLASS_CODE[klass], np.uint8),
            text_array([step] * m),
            text_array([measure] * m),
            np.broadcast_to(np.asarray(score, np.float64), (m,)).copy(),
            np.full(m, cutoff, np.float64),
            text_array(["same"] * m),
        )

    @classmethod
    def empty(cls) -> Pairs:
        """Return a table without rows."""
        none = np.empty(0, np.int64)
        return cls.build(none, none, "undecided", "", "", 0.0)

    def of_class(self, *classes: str) -> Array:
        """Return a mask of the pairs of `classes`."""
        return np.isin(self.klass, [CLASS_CODE[name] for name in classes])

    def in_order(self) -> Pairs:
        """Return the pairs sorted by rows, so that equal runs give equal tables."""
        return self.take(np.lexsort((self.right, self.left)))


@dataclasses.dataclass(frozen=True)
class Groups(Table):
    """A keeper for each row.

    Attributes
    ----------
    keeper : (n,) int64
        The row that stands for this one; the row itself where it stands alone or keeps others.
    pair : (n,) int64
        Position in the pairs of the evidence between a row and its keeper; -1 where the row is its own keeper.
    """

    keeper: Array
    pair: Array

    def __post_init__(self) -> None:
        """Check that groups are stars: a keeper is its own keeper, so nothing hangs on a chain."""
        super().__post_init__()
        if bool((self.keeper[self.keeper] != self.keeper).any()):
            raise ArgumentError("A keeper has a keeper of its own", "Every member is confirmed against its own keeper")


@dataclasses.dataclass(frozen=True)
class PlanTable(Table):
    """One row per image that a group touches.

    Attributes
    ----------
    row : (k,) int64
        Row of the fingerprints.
    action : (k,) object
        "keep" or "remove".
    klass, stage, reason, measure : (k,) object
        Class of the evidence, the stage that found it, a sentence for people, what was measured.
    keeper : (k,) int64
        Row that stays for it; the row itself for a keeper.
    score, cutoff : (k,) float64
    sidecars : (k,) object
        Ids of label files of the same stem, joined by "; ".
    label_conflict : (k,) bool
        Both are labelled, and differently.
    """

    row: Array
    action: Array
    klass: Array
    stage: Array
    reason: Array
    keeper: Array
    measure: Array
    score: Array
    cutoff: Array
    sidecars: Array
    label_conflict: Array


@dataclasses.dataclass(frozen=True)
class SelectionTable(Table):
    """One row per chosen image, in the order of `rank`.

    Attributes
    ----------
    rank : (k,) int64
        From 1; the first of them are spread over the buckets too.
    row : (k,) int64
        Row of the fingerprints.
    bucket : (k,) object
        Key of the bucket.
    nearest_given : (k,) int64
        Row of the given image that is nearest by pHash; -1 where nothing was given.
    nearest_given_distance : (k,) float64
        Bits of pHash to it, NaN where nothing was given.
    """

    rank: Array
    row: Array
    bucket: Array
    nearest_given: Array
    nearest_given_distance: Array
