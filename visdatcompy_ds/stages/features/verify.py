"""Candidates to evidence: features matched one to one, a transform they agree on, and the pictures laid on each other."""

from __future__ import annotations

import dataclasses

import numpy as np

from visdatcompy_ds.base.tables import Array
from visdatcompy_ds.catalog.features import Extractor
from visdatcompy_ds.catalog.geometry import LEAST, TOLERANCE, Agreement, Geometry, agreement, corners_of, estimate, estimate_homography
from visdatcompy_ds.engine.run import Workers, run
from visdatcompy_ds.stages.features.extract import LOOK, Features, mirrored_points

# A picture that only moved, by no more than this, may be the next frame of a camera in the hand: no crop keeps the scale of its frame.
_SAME_SCALE, _SAME_TURN, _SAME_FRAME = 0.015, 1.0, 0.03
LEAST_LIKENESS = 0.7
_EXACT = 0.95  # likeness below which the picture may have been taken at an angle


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What two pictures share.

    Attributes
    ----------
    matches, inliers : int
        Features that match one to one; those of them that agree on one transform.
    agreement : Agreement
        How alike both are where they overlap.
    scale, rotation : float
        Of the right picture against the left one; degrees, clockwise.
    shift : float
        Largest way of a corner, in widths of the picture: 0 where both frame the same.
    mirrored : bool
        The left picture was mirrored first.
    left_points, right_points : (inliers, 2) float32
        In pixels of the extractor's pictures, the left one as it lies in its file.
    """

    matches: int
    inliers: int
    agreement: Agreement
    scale: float
    rotation: float
    shift: float
    mirrored: bool
    left_points: Array
    right_points: Array

    @property
    def likeness(self) -> float:
        """Mean of both correlations; NaN where nothing is to be seen."""
        return self.agreement.likeness

    @property
    def overlap(self) -> float:
        """Share that the overlap covers of the picture it covers more of."""
        return max(self.agreement.of_left, self.agreement.of_right)

    @property
    def steadiness(self) -> float:
        """Share of the matches that agree on one transform: nearly all on a picture of a picture, fewer where things have depth or move."""
        return self.inliers / max(self.matches, 1)

    @property
    def is_moved_only(self) -> bool:
        """One picture lies on the other at its scale, unturned: as frames of one camera do, and no crop."""
        return not self.mirrored and abs(self.scale - 1) < _SAME_SCALE and abs(self.rotation) < _SAME_TURN

    @property
    def is_in_place(self) -> bool:
        """Both frame the same, up to a few pixels."""
        return self.is_moved_only and self.shift <= _SAME_FRAME


def verify(
    left: Features, right: Features, pairs: Array, extractor: Extractor, mirrored: bool, workers: Workers = "auto"
) -> list[Evidence | None]:
    """Return the evidence on pairs of images, None where no transform was found.

    Parameters
    ----------
    left, right : Features
        With `mirrored`, `left` are the features of mirrored images.
    pairs : (m, 2) int64
        Positions in both.
    extractor : Extractor
    mirrored : bool
    workers : int or "auto"
    """
    blocks = np.array_split(pairs, max(1, len(pairs) // 32))

    def work(block: Array) -> list[Evidence | None]:
        return [_evidence(left, right, int(i), int(j), extractor, mirrored) for i, j in block]

    return [evidence for done in run(blocks, work, workers) for evidence in done]


def _evidence(left: Features, right: Features, i: int, j: int, extractor: Extractor, mirrored: bool) -> Evidence | None:
    (points, descriptors), (other_points, other_descriptors) = left.of(i), right.of(j)
    matched = match(descriptors, other_descriptors, extractor)
    if len(matched) < LEAST:
        return None
    a, b = points[matched[:, 0]], other_points[matched[:, 1]]
    shape = (int(left.shapes[i][0]), int(left.shapes[i][1]))
    shown = (left.own[i], right.own[j]) if i in left.own and j in right.own else None

    def lay(found: Geometry) -> Agreement:
        return _agreement(left.pictures[i], right.pictures[j], found.matrix, extractor.side, shown)

    found = estimate(a, b, shape)
    laid = None if found is None else lay(found)
    if laid is None or not laid.likeness >= _EXACT:
        other = estimate_homography(a, b, shape)
        if other is not None and (found is None or other.is_inlier.sum() >= found.is_inlier.sum()):
            bent = lay(other)
            if laid is None or not laid.likeness >= bent.likeness:
                found, laid = other, bent
    if found is None or laid is None:
        return None
    if laid.likeness >= LEAST_LIKENESS and left.pictures[i].shape == right.pictures[j].shape:
        # Rows of text and boxes lie on each other in many ways: two pictures that agree as they are lie as they are.
        turn = slice(None, None, -1 if mirrored else 1)
        as_is = None if shown is None else (shown[0][:, turn], shown[1])
        still = agreement(np.ascontiguousarray(left.pictures[i][:, turn]), right.pictures[j], np.eye(3), as_is)
        if still.likeness >= laid.likeness:
            if mirrored:
                return None
            is_still = np.abs(a - b).max(axis=1) <= TOLERANCE
            found, laid = Geometry(np.eye(3), is_still, 1.0, 0.0), still
    corners = np.array([[0, 0], [shape[1], 0], [shape[1], shape[0]], [0, shape[0]]], float)
    shift = float(np.abs(corners_of(found.matrix, shape) - corners).max() / max(shape))
    left_points = mirrored_points(a[found.is_inlier], shape[1]) if mirrored else a[found.is_inlier]
    way = (found.scale, found.rotation, shift, mirrored)
    return Evidence(len(matched), int(found.is_inlier.sum()), laid, *way, left_points, b[found.is_inlier])


def _agreement(left: Array, right: Array, matrix: Array, side: int, shown: tuple[Array, Array] | None) -> Agreement:
    # Pixels are counted from their middles, so a picture s times as large has its first one (s - 1) / 2 further.
    s = LOOK / side
    reduce = np.array([[s, 0, (s - 1) / 2], [0, s, (s - 1) / 2], [0, 0, 1]])
    return agreement(left, right, reduce @ matrix @ np.linalg.inv(reduce), shown)


def match(left: Array, right: Array, extractor: Extractor) -> Array:
    """Return positions (m, 2) of descriptors that are each other's nearest, and clearly nearer than the second nearest."""
    if len(left) < 2 or len(right) < 2:
        return np.empty((0, 2), np.int64)
    from visdatcompy_ds.kernels.descriptors import nearest_two

    nearest, first, second, back = nearest_two(*(np.ascontiguousarray(side).view(np.uint64) for side in (left, right)))
    rows = np.arange(len(left))
    keep = (back[nearest] == rows) & (first < extractor.ratio * second)
    return np.stack([rows[keep], nearest[keep]], axis=1)
