"""Files to stacks of pictures on a common grid, and stacks to matrices of a metric, tile by tile."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from visdatcompy_ds.base.errors import ArgumentError, ImageError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.catalog.metrics import Metric
from visdatcompy_ds.catalog.working import to_grey
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.run import Workers, progress, run

_IN_MEMORY = 512_000_000  # bytes of pictures; more lie in a temporary file that the system pages in and out
_PIXELS, _ZEROS = 256 * 256, 1 << 24
Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Stack:
    """Pictures of one shape and kind.

    Attributes
    ----------
    rows : (n,) int64
        Rows of the table.
    pictures : (n, H, W) uint8, grey, or (n, H, W, 3) uint8, BGR
    """

    rows: Array
    pictures: Array


def load(
    table: Fingerprints,
    rows: Array,
    size: tuple[int, int] | None,
    is_grey: bool = True,
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
) -> list[Stack]:
    """Decode images in full and bring them to a common grid, as ``Image.read(mode, size)`` does.

    Parameters
    ----------
    table : Fingerprints
        With "width" and "height" for pictures of their own size.
    rows : (n,) int64
        Usable rows.
    size : (int, int) or None
        Width and height; None keeps each picture's own, in a stack per shape.
    is_grey : bool
        Grey pictures, else blue-green-red ones.
    workers, limits, show_progress
        As everywhere.

    Returns
    -------
    list of Stack
        Rows that could not be read, or are damaged, are in none of them.
    """
    if size is None:
        shape = np.stack([table["height"][rows], table["width"][rows]], axis=1).astype(np.int64)
    else:
        shape = np.tile(np.array([size[1], size[0]], np.int64), (len(rows), 1))
    kinds, kind = np.unique(shape, axis=0, return_inverse=True)
    kind, count = kind.reshape(-1), np.bincount(kind.reshape(-1), minlength=len(kinds))
    rooms = _rooms(count, kinds if is_grey else np.column_stack([kinds, np.full(len(kinds), 3)]))
    read = _Read(table.files.path[rows], size, is_grey, limits or decode.Limits())
    kept: list[list[int]] = [[] for _ in kinds]
    with contextlib.closing(progress(len(rows), "reading pictures", show_progress)) as bar:
        for at, picture in enumerate(run(range(len(rows)), read, workers)):
            bar.update(1)
            if picture is None or picture.shape[:2] != tuple(kinds[kind[at]]):  # gone, damaged, or another picture than was measured
                continue
            held = kept[kind[at]]
            rooms[kind[at]][len(held)] = picture
            held.append(at)
    return [Stack(rows[held], room[: len(held)]) for held, room in zip(kept, rooms, strict=True) if held]


def _rooms(count: Array, kinds: Array) -> list[Array]:
    """Return room for so many pictures of each shape: in memory, or all in one temporary file."""
    sizes = count * kinds.prod(axis=1)
    whole = int(sizes.sum())
    flat = np.empty(whole, np.uint8) if whole <= _IN_MEMORY else _mapped(whole, int(count.sum()))
    ends = np.cumsum(sizes)
    return [flat[end - size : end].reshape(n, *kind) for end, size, n, kind in zip(ends, sizes, count, kinds, strict=True)]


def _mapped(size: int, count: int) -> Array:
    """Return room in a temporary file whose blocks are taken at once: a disk that fills up later would end the process."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    refused = ArgumentError(
        f"{count} pictures that take {size / 1e9:,.1f} GB",
        f"Allowed: what fits into the folder of temporary files, {folder}, with {free / 1e9:,.1f} GB free",
        "Give a smaller size=, or TMPDIR on a larger disk",
    )
    if size > 0.9 * free:
        raise refused
    with tempfile.TemporaryFile() as file:  # the map keeps it until the array is gone
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                for start in range(0, size, _ZEROS):
                    file.write(bytes(min(_ZEROS, size - start)))
                file.flush()
        except OSError:
            raise refused from None
        return np.memmap(file, np.uint8, "r+", shape=(size,))


class _Read:
    """The work on one image: a path by number in, a picture out, None where it cannot be read whole."""

    def __init__(self, paths: Array, size: tuple[int, int] | None, is_grey: bool, limits: decode.Limits) -> None:
        self.paths, self.size, self.is_grey, self.limits = paths, size, is_grey, limits

    def __call__(self, at: int) -> Array | None:
        try:
            data = files.read(self.paths[at])
            made = decode.decode_at(data, decode.read_header(data, self.limits), self.size)
        except (ImageError, OSError):
            return None
        if not made.status.is_usable:
            return None
        picture: Array = to_grey(made.pixels) if self.is_grey else made.pixels
        return picture


@dataclasses.dataclass(frozen=True)
class Tile:
    """A block of pairs: pictures `i` to `i_end` of one stack with `j` to `j_end` of another or, of one set (`is_self`), of the same."""

    one: Stack
    other: Stack
    i: int
    i_end: int
    j: int
    j_end: int
    is_self: bool

    @property
    def is_diagonal(self) -> bool:
        """The pictures of both sides are the same."""
        return self.is_self and self.i == self.j

    @property
    def size(self) -> int:
        """Number of pairs of two pictures, each in one order."""
        n, m = self.i_end - self.i, self.j_end - self.j
        return n * (n - 1) // 2 if self.is_diagonal else n * m

    @property
    def pictures(self) -> tuple[Array, Array]:
        """Both sides, (n, H, W) and (m, H, W); on the diagonal one and the same array."""
        left = np.asarray(self.one.pictures[self.i : self.i_end])
        return left, left if self.is_diagonal else np.asarray(self.other.pictures[self.j : self.j_end])

    @property
    def rows(self) -> tuple[Array, Array]:
        """Rows of the table of both sides."""
        return self.one.rows[self.i : self.i_end], self.other.rows[self.j : self.j_end]


def tiles(left: list[Stack], right: list[Stack] | None, step: int, halved: bool = False) -> list[Tile]:
    """Cut all pairs of pictures of one shape into blocks.

    Parameters
    ----------
    left, right : list of Stack
        None pairs `left` with itself.
    step : int
        Pictures a side of a block of pictures of 256 x 256; fewer of larger ones.
    halved : bool
        Within one set, leave out blocks below the diagonal.
    """
    cut = []
    for one in left:
        for other in left if right is None else right:
            if one.pictures.shape[1:] == other.pictures.shape[1:]:
                side = max(1, min(step, step * _PIXELS // one.pictures[0].size))
                for i in range(0, len(one.rows), side):
                    for j in range(i if halved else 0, len(other.rows), side):
                        ends = min(i + side, len(one.rows)), min(j + side, len(other.rows))
                        cut.append(Tile(one, other, i, ends[0], j, ends[1], right is None))
    return cut


def values_of(metric: Metric, left: Array, right: Array, cutoff: float | None = None) -> Array:
    """Return a metric of all left with all right pictures, (n, H, W, …) and (m, H, W, …) uint8, as (n, m) float64.

    With a cut-off, what lies beyond it may be infinite.
    """
    if metric.prepare is None or metric.block is None or min(left.shape[1:3]) < metric.least_side:
        return np.array([[metric.compute(a, b) for b in right] for a in left], np.float64).reshape(len(left), len(right))
    one = metric.prepare(left)
    other = one if right is left else metric.prepare(right)
    if cutoff is None or metric.search is None:
        return np.asarray(metric.block(left, one, right, other))
    return np.asarray(metric.search(left, one, right, other, cutoff))


def computed(
    cut: Sequence[Tile], work: Callable[[Tile], Result], what: str, workers: Workers, show_progress: bool | None
) -> Iterator[tuple[Tile, Result]]:
    """Yield each tile with what `work` made of it, under a bar that counts pairs."""
    with contextlib.closing(progress(sum(tile.size for tile in cut), what, show_progress, "pairs")) as bar:
        for tile, made in zip(cut, run(cut, work, workers), strict=True):
            yield tile, made
            bar.update(tile.size)


def matrix(
    metric: Metric,
    left: list[Stack],
    right: list[Stack] | None,
    rows: Array,
    others: Array,
    workers: Workers = "auto",
    show_progress: bool | None = None,
) -> Array:
    """Return a metric as a matrix, (len(rows), len(others)) float64; NaN where a picture is missing or the shapes differ.

    Parameters
    ----------
    metric : Metric
        One that compares pictures of the kind the stacks hold.
    left, right : list of Stack
        None compares `left` with itself.
    rows, others : (n,), (m,) int64
        Rows of the table that stand for rows and columns, in ascending order.
    workers : int or "auto"
        Values are the same to the last bit whatever their number.
    show_progress
        As everywhere.
    """
    table = np.full((len(rows), len(others)), np.nan)
    is_mirrored = right is None and metric.is_symmetric
    cut = tiles(left, right, metric.tile, halved=is_mirrored)
    for tile, values in computed(cut, lambda tile: values_of(metric, *tile.pictures), metric.name, workers, show_progress):
        i, j = np.searchsorted(rows, tile.rows[0]), np.searchsorted(others, tile.rows[1])
        table[np.ix_(i, j)] = values
        if is_mirrored:
            table[np.ix_(j, i)] = values.T
    return table
