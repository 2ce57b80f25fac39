"""Candidates to evidence: features matched one to one, a transform they agree on, and the pictures laid on each other."""

from __future__ import annotations

import dataclasses

import numpy as np

from visdatcompy_ds.base.tables import Array
from visdatcompy_ds.catalog.features import Extractor
from visdatcompy_ds.catalog.geometry import LEAST, Geometry, agreement, corners_of, estimate
from visdatcompy_ds.engine.run import Workers, run
from visdatcompy_ds.stages.features.extract import LOOK, Features, mirrored_points


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What two pictures share.

    Attributes
    ----------
    matches, inliers : int
        Features that match one to one; those of them that agree on one transform.
    overlap : float
        Share that the overlap covers of the picture it covers more of.
    correlation : float
        Median over tiles of the overlap, -1 to 1; NaN where nothing is to be seen.
    worst : float
        What a tenth of the tiles in which both show something does not reach; NaN where there is none.
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
    overlap: float
    correlation: float
    worst: float
    scale: float
    rotation: float
    shift: float
    mirrored: bool
    left_points: Array
    right_points: Array


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
    found = estimate(a, b, shape)
    if found is None:
        return None
    correlation, worst, of_left, of_right = _laid(left, right, i, j, found, extractor.side)
    corners = np.array([[0, 0], [shape[1], 0], [shape[1], shape[0]], [0, shape[0]]], float)
    shift = float(np.abs(corners_of(found.matrix, shape) - corners).max() / max(shape))
    shown = a[found.is_inlier]
    if mirrored:
        shown = mirrored_points(shown, shape[1])
    overlap, inliers, way = max(of_left, of_right), int(found.is_inlier.sum()), (found.scale, found.rotation, shift, mirrored)
    return Evidence(len(matched), inliers, overlap, correlation, worst, *way, shown, b[found.is_inlier])


def _laid(left: Features, right: Features, i: int, j: int, found: Geometry, side: int) -> tuple[float, float, float, float]:
    reduce = np.diag([LOOK / side, LOOK / side, 1.0])
    matrix = reduce @ found.matrix @ np.linalg.inv(reduce)
    return agreement(np.ascontiguousarray(left.pictures[i]), np.ascontiguousarray(right.pictures[j]), matrix)


def match(left: Array, right: Array, extractor: Extractor) -> Array:
    """Return positions (m, 2) of descriptors that are each other's nearest, and clearly nearer than the second nearest."""
    if len(left) < 2 or len(right) < 2:
        return np.empty((0, 2), np.int64)
    if extractor.is_binary:
        a, b = (np.unpackbits(side, axis=1).astype(np.float32) for side in (left, right))
    else:
        a, b = left.astype(np.float32), right.astype(np.float32)
    apart = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None] - 2 * (a @ b.T)  # whole numbers: exact in float32 up to 2^24
    nearest = apart.argmin(axis=1)
    rows = np.arange(len(a))
    first = apart[rows, nearest]
    apart_but = apart.copy()
    apart_but[rows, nearest] = np.inf
    second = apart_but.min(axis=1)
    back = apart.argmin(axis=0)
    limit = extractor.ratio if extractor.is_binary else extractor.ratio**2  # bits are squared distances already, as ORB's ratio takes them
    keep = (back[nearest] == rows) & (first < limit * second)
    return np.stack([rows[keep], nearest[keep]], axis=1)
