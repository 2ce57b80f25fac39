"""Pairs of one frame that differ all over: which of them processing explains."""

from __future__ import annotations

import collections
import functools

import numpy as np

from visdatcompy_ds.base.errors import ImageError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.catalog.processing import processing
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.run import Workers, run
from visdatcompy_ds.stages.components import components, roots

_SIDE = 1024  # of the longer side: noise of a frame and what moved are seen there, and a pair costs a tenth of a second
_KEPT = 32
_REDUCED = 0.3  # share of the pixels
_CLEARLY = 0.02  # likeness by which a small picture lies better on one than on others; next frames differ by less


def are_processed(
    table: Fingerprints,
    left: Array,
    right: Array,
    is_alike: Array,
    likeness: Array,
    known: tuple[Array, Array],
    workers: Workers,
    limits: decode.Limits | None,
) -> Array:
    """Return a mask of the pairs of one frame of which one is made of the other, or both of a third.

    Parameters
    ----------
    table : Fingerprints
    left, right : (m,) int64
        Rows of pairs that show the same in the same place.
    is_alike : (m,) bool
        Pairs that count as copies where one was strongly reduced.
    likeness : (m,) float64
    known : two (k,) int64
        Rows of pairs that are copies for other reasons.
    workers, limits
        As everywhere.

    Notes
    -----
    Nothing tells a strongly reduced copy from the next frame, strongly reduced: such a pair counts as a copy unless the small picture lies
    about as well on several that are no copies of each other, as the frames of a burst.
    """
    pixels = table["width"].astype(np.int64) * table["height"]
    is_reduced = is_alike & (np.minimum(pixels[left], pixels[right]) <= _REDUCED * np.maximum(pixels[left], pixels[right]))
    original = roots(*known)
    work = _Component(table, left, right, pixels, is_reduced, likeness, original, limits or decode.Limits())
    parts = components(left, right)
    told = np.zeros(len(left), bool)
    for part, values in zip(parts, run(parts, work, workers), strict=True):
        told[part] = values
    return told


class _Component:
    """The work on one component of pairs: the picture with most pixels first, and nothing twice that follows from what is known."""

    def __init__(
        self,
        table: Fingerprints,
        left: Array,
        right: Array,
        pixels: Array,
        is_reduced: Array,
        likeness: Array,
        original: dict[int, int],
        limits: decode.Limits,
    ) -> None:
        self.original = original
        self.table, self.left, self.right, self.limits = table, left, right, limits
        self.pixels, self.is_reduced, self.likeness = pixels, is_reduced, likeness

    def __call__(self, part: Array) -> Array:
        picture = functools.lru_cache(_KEPT)(self._load)
        copy_of: dict[int, int] = {}

        def original(row: int) -> int:
            row = self.original.get(row, row)
            while copy_of.get(row, row) != row:
                row = copy_of[row]
            return row

        left, right = self.left[part], self.right[part]
        most, least = np.maximum(self.pixels[left], self.pixels[right]), np.minimum(self.pixels[left], self.pixels[right])
        told = np.zeros(len(part), bool)
        lies_on: dict[int, list[int]] = collections.defaultdict(list)
        for at in np.lexsort((right, left, -least, -most)).tolist():
            a, b = int(left[at]), int(right[at])
            if self.is_reduced[part[at]]:
                lies_on[a if self.pixels[a] < self.pixels[b] else b].append(at)
            elif original(a) != original(b) and _are_one_frame(picture(a), picture(b)):
                told[at] = True
                copy_of[max(original(a), original(b))] = min(original(a), original(b))
        for small, pairs in lies_on.items():
            best: dict[int, float] = {}
            larger = [original(int(right[at] if left[at] == small else left[at])) for at in pairs]
            for root, at in zip(larger, pairs, strict=True):
                best[root] = max(best.get(root, 0.0), float(self.likeness[part[at]]))
            first, *others = sorted(best, key=lambda root: (-best[root], root))
            if not others or best[first] - best[others[0]] >= _CLEARLY:
                told[[at for root, at in zip(larger, pairs, strict=True) if root == first]] = True
        # Two that were made of one third are copies of each other, whether or not one explains the other.
        return np.array([bool(told[at]) or original(int(left[at])) == original(int(right[at])) for at in range(len(part))], bool)

    def _load(self, row: int) -> Array | None:
        try:
            data = files.read(self.table.files.path[row])
            return decode.decode_within(data, decode.read_header(data, self.limits), _SIDE).pixels
        except (OSError, ImageError):
            return None


def _are_one_frame(one: Array | None, other: Array | None) -> bool:
    """Tell whether processing explains how two pictures (H, W, 3) differ; a file that is gone explains nothing."""
    from visdatcompy_ds.kernels.resample import area_resize

    if one is None or other is None:
        return False
    height, width = (min(one.shape[axis], other.shape[axis]) for axis in (0, 1))
    sides = (side if side.shape[:2] == (height, width) else area_resize(side, width, height) for side in (one, other))
    return processing(*sides) != ""
