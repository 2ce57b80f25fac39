"""Files to stacks of grey pictures on a common grid, and stacks to matrices of a metric, tile by tile."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator

import numpy as np

from visdatcompy_ds.base.errors import ImageError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.catalog.metrics import Metric
from visdatcompy_ds.catalog.working import to_grey
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.run import Workers, progress, run

_IN_MEMORY = 512_000_000  # bytes of pictures; more lie in a temporary file that the system pages in and out


@dataclasses.dataclass(frozen=True)
class Stack:
    """Pictures of one shape.

    Attributes
    ----------
    rows : (n,) int64
        Rows of the table.
    pictures : (n, H, W) uint8
        Grey.
    """

    rows: Array
    pictures: Array


def load(
    table: Fingerprints,
    rows: Array,
    size: tuple[int, int] | None,
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
) -> list[Stack]:
    """Decode images in full and bring them to a common grid, as ``Image.read("gray", size)`` does.

    Parameters
    ----------
    table : Fingerprints
    rows : (n,) int64
        Usable rows.
    size : (int, int) or None
        Width and height; None keeps each picture's own, in a stack per shape.
    workers, limits, show_progress
        As everywhere.

    Returns
    -------
    list of Stack
        Rows that could not be read in full are in none of them.
    """
    bar = progress(len(rows), "reading pictures", show_progress)
    read = _Read(table.files.path[rows], size, limits or decode.Limits())
    by_shape: dict[tuple[int, int], list[tuple[int, Array]]] = {}
    grid = None if size is None else _room(len(rows), size[1], size[0])
    kept: list[int] = []
    for at, picture in enumerate(run(range(len(rows)), read, workers)):
        bar.update(1)
        if picture is None:
            continue
        if grid is None:
            by_shape.setdefault(picture.shape, []).append((at, picture))
        else:
            grid[len(kept)] = picture
            kept.append(at)
    bar.close()
    if grid is not None:
        return [Stack(rows[kept], grid[: len(kept)])] if kept else []
    stacks = []
    for shape in sorted(by_shape):
        held = by_shape.pop(shape)
        stacks.append(Stack(rows[[at for at, _ in held]], np.stack([picture for _, picture in held])))
    return stacks


def _room(n: int, height: int, width: int) -> Array:
    if n * height * width <= _IN_MEMORY:
        return np.empty((n, height, width), np.uint8)
    with tempfile.TemporaryFile() as file:  # the map keeps it until the array is gone
        return np.memmap(file, np.uint8, "w+", shape=(n, height, width))


class _Read:
    """The work on one image: a path by number in, a grey picture out, None where it cannot be read in full."""

    def __init__(self, paths: Array, size: tuple[int, int] | None, limits: decode.Limits) -> None:
        self.paths, self.size, self.limits = paths, size, limits

    def __call__(self, at: int) -> Array | None:
        from visdatcompy_ds.kernels.resample import area_resize

        try:
            data = files.read(self.paths[at])
            header = decode.read_header(data, self.limits)
            if self.size == (decode.WORKING_SIDE, decode.WORKING_SIDE):  # as Image.read: the picture that hashes see
                pixels = decode.decode_working(data, header).pixels
            else:
                pixels = decode.decode_full(data, header).pixels
                pixels = pixels if self.size is None else area_resize(pixels, *self.size)
        except (ImageError, OSError):
            return None
        grey: Array = to_grey(pixels)
        return grey


def tiles(metric: Metric, left: list[Stack], right: list[Stack] | None, workers: Workers = "auto") -> Iterator[tuple[Array, Array, Array]]:
    """Yield a metric of all left with all right pictures of one shape, block by block.

    Parameters
    ----------
    metric : Metric
        One that compares grey pictures.
    left, right : list of Stack
        None compares `left` with itself; a symmetric metric then comes for pairs in one order only, and on the diagonal.
    workers : int or "auto"
        Values are the same to the last bit whatever their number.

    Yields
    ------
    rows, others, values : (n,) int64, (m,) int64, (n, m) float64
    """
    halved, step = right is None and metric.is_symmetric, metric.tile
    tasks = [
        (one, other, i, j)
        for one in left
        for other in (left if right is None else right)
        if one.pictures.shape[1:] == other.pictures.shape[1:]
        for i in range(0, len(one.rows), step)
        for j in range(i if halved else 0, len(other.rows), step)
    ]

    def work(task: tuple[Stack, Stack, int, int]) -> tuple[Array, Array, Array]:
        one, other, i, j = task
        a, b = np.asarray(one.pictures[i : i + step]), np.asarray(other.pictures[j : j + step])
        return one.rows[i : i + step], other.rows[j : j + step], values_of(metric, a, b)

    yield from run(tasks, work, workers)


def values_of(metric: Metric, left: Array, right: Array) -> Array:
    """Return a metric of all left with all right pictures, (n, H, W) and (m, H, W) uint8 grey, (n, m) float64."""
    if metric.prepare is None or metric.block is None or min(left.shape[1:]) < metric.least_side:
        return np.array([[metric.compute(a, b) for b in right] for a in left], np.float64).reshape(len(left), len(right))
    values: Array = metric.block(left, metric.prepare(left), right, metric.prepare(right))
    return values


def matrix(metric: Metric, left: list[Stack], right: list[Stack] | None, rows: Array, others: Array, workers: Workers = "auto") -> Array:
    """Return a metric as a matrix, (len(rows), len(others)) float64; NaN where a picture is missing or the shapes differ.

    Parameters
    ----------
    metric, left, right, workers
        As in :func:`tiles`.
    rows, others : (n,), (m,) int64
        Rows of the table that stand for rows and columns, in ascending order.
    """
    table = np.full((len(rows), len(others)), np.nan)
    for one, other, values in tiles(metric, left, right, workers):
        i, j = np.searchsorted(rows, one), np.searchsorted(others, other)
        table[np.ix_(i, j)] = values
        if right is None and metric.is_symmetric:
            table[np.ix_(j, i)] = values.T
    return table
