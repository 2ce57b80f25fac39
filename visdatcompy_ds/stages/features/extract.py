"""Images to local features, each decoded once to a small grey picture."""

from __future__ import annotations

import contextlib
import dataclasses

import numpy as np

from visdatcompy_ds.base.errors import ImageError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.catalog.features import WIDTH, Extractor, to_side
from visdatcompy_ds.catalog.working import to_grey
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.run import Workers, progress, run

FRAMED = 0.1  # of its features, from which an image mostly shows what many do: a screenshot, a form
_NEAR = 16  # pixels of the extractor's picture
LOOK = 128  # longer side of the pictures that are laid on each other


@dataclasses.dataclass(frozen=True)
class Features:
    """Local features of some images.

    Attributes
    ----------
    rows : (n,) int64
        Rows of the table.
    starts : (n + 1,) int64
        Where the features of each image begin.
    points : (k, 2) float32
        In pixels of a picture whose longer side is that of the extractor.
    descriptors : (k, 32) uint8
    shapes : (n, 2) int64
        Height and width of that picture.
    pictures : list of (H, W) uint8
        Grey, the longer side 128 pixels.
    own : dict of int to (H, W) uint8
        By image, 255 in such a picture near features of its own, for images that mostly show what many others do.
    """

    rows: Array
    starts: Array
    points: Array
    descriptors: Array
    shapes: Array
    pictures: list[Array]
    own: dict[int, Array] = dataclasses.field(default_factory=dict)

    def of(self, image: int) -> tuple[Array, Array]:
        """Return points and descriptors of an image."""
        span = slice(int(self.starts[image]), int(self.starts[image + 1]))
        return self.points[span], self.descriptors[span]

    def without(self, is_common: Array) -> Features:
        """Return the features but for those of a mask (k,), which many images share."""
        left = self._keep(~is_common)
        shares = 1 - np.diff(left.starts) / np.maximum(np.diff(self.starts), 1)
        own = {image: _near(left.of(image)[0], left, image) for image in np.flatnonzero(shares >= FRAMED).tolist()}
        return dataclasses.replace(left, own=own)

    def strongest(self, most: int) -> Features:
        """Return at most so many features of each image."""
        rank = np.arange(len(self.points)) - np.repeat(self.starts[:-1], np.diff(self.starts))
        return self._keep(rank < most)

    def _keep(self, mask: Array) -> Features:
        kept = np.flatnonzero(mask)
        starts = np.searchsorted(kept, self.starts)
        return dataclasses.replace(self, starts=starts, points=self.points[kept], descriptors=self.descriptors[kept])

    @property
    def image(self) -> Array:
        """Position of the image of each feature, (k,)."""
        return np.repeat(np.arange(len(self.rows)), np.diff(self.starts))


def extract(
    table: Fingerprints,
    rows: Array,
    extractor: Extractor,
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
) -> tuple[Features, Features]:
    """Return the features of images, and those of the mirrored images; images that cannot be decoded have none.

    Parameters
    ----------
    table : Fingerprints
    rows : (n,) int64
    extractor : Extractor
    workers, limits, show_progress
        As everywhere.
    """
    work = _Extract(table.files.path[rows], extractor, limits or decode.Limits())
    made = []
    with contextlib.closing(progress(len(rows), f"{extractor.name} features", show_progress)) as bar:
        for found in run(range(len(rows)), work, workers):
            made.append(found)
            bar.update(1)
    return together(rows, made)


def together(rows: Array, made: list[Extracted]) -> tuple[Features, Features]:
    """Return the features of images, and those of the mirrored images."""
    shapes = np.array([found.shape for found in made], np.int64).reshape(-1, 2)
    upright = _joined(rows, [(found.points, found.descriptors) for found in made], shapes, [found.look for found in made])
    mirrored = [(found.mirrored_points, found.mirrored_descriptors) for found in made]
    return upright, _joined(rows, mirrored, shapes, [np.ascontiguousarray(found.look[:, ::-1]) for found in made])


def _joined(rows: Array, parts: list[tuple[Array, Array]], shapes: Array, pictures: list[Array]) -> Features:
    starts = np.concatenate([[0], np.cumsum([len(points) for points, _ in parts])]).astype(np.int64)
    points = np.concatenate([np.empty((0, 2), np.float32), *(points for points, _ in parts)])
    descriptors = np.concatenate([np.empty((0, WIDTH), np.uint8), *(values for _, values in parts)])
    return Features(rows, starts, points, descriptors, shapes, pictures)


def _near(points: Array, features: Features, image: int) -> Array:
    """Return 255 where a point lies within a few pixels, in the image's small picture."""
    height, width = features.pictures[image].shape
    scale = max(height, width) / max(features.shapes[image])
    near = np.zeros((height, width), np.uint8)
    for x, y in (points * scale).tolist():
        reach = _NEAR * scale
        near[max(0, int(y - reach)) : int(y + reach) + 1, max(0, int(x - reach)) : int(x + reach) + 1] = 255
    return near


def mirrored_points(points: Array, width: int) -> Array:
    """Return where points lie in the mirrored picture."""
    return np.stack([width - 1 - points[:, 0], points[:, 1]], axis=1)


@dataclasses.dataclass(frozen=True)
class Extracted:
    """What one image gives: points (k, 2), descriptors (k, 32), both mirrored, the picture's shape, and a small picture of it."""

    points: Array
    descriptors: Array
    mirrored_points: Array
    mirrored_descriptors: Array
    shape: tuple[int, int]
    look: Array


class _Extract:
    """The work on one image: a path by number in, its features and those of the mirrored picture out."""

    def __init__(self, paths: Array, extractor: Extractor, limits: decode.Limits) -> None:
        self.paths, self.extractor, self.limits = paths, extractor, limits

    def __call__(self, at: int) -> Extracted:
        try:
            data = files.read(self.paths[at])
            made = decode.decode_within(data, decode.read_header(data, self.limits), self.extractor.side)
        except (ImageError, OSError):
            none = np.empty((0, 2), np.float32), np.empty((0, WIDTH), np.uint8)
            return Extracted(*none, *none, (1, 1), np.zeros((1, 1), np.uint8))
        return extracted(to_side(to_grey(made.pixels), self.extractor.side), self.extractor)


def extracted(grey: Array, extractor: Extractor) -> Extracted:
    """Return the features of a grey picture (H, W) uint8, and those of the mirrored one."""
    points, descriptors = extractor.extract(grey)
    if extractor.mirror is None:
        mirrored = extractor.extract(np.ascontiguousarray(grey[:, ::-1]))
    else:
        mirrored = (mirrored_points(points, grey.shape[1]), extractor.mirror(descriptors))
    return Extracted(points, descriptors, *mirrored, grey.shape, to_side(grey, LOOK))


def alone(grey: Array, extractor: Extractor) -> tuple[Features, Features]:
    """Return the features of one picture (H, W) uint8 of the extractor's side, and those of the mirrored one."""
    return together(np.zeros(1, np.int64), [extracted(grey, extractor)])
