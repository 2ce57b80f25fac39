"""Whether matched points of two pictures agree on one way in which one lies on the other, and whether the pictures then agree."""

from __future__ import annotations

import dataclasses
from typing import Any

_TOLERANCE = 4.0  # pixels that a point may lie beside where the transform puts it
_ROUNDS = 1000
LEAST = 5  # matches that are worth an estimate


@dataclasses.dataclass(frozen=True)
class Geometry:
    """How the left picture lies on the right one.

    Attributes
    ----------
    matrix : (3, 3) float64
        From left to right pixels.
    is_inlier : (m,) bool
        Matches that agree with it.
    scale, rotation : float
        Of the right picture against the left one, at its middle; degrees, clockwise.
    """

    matrix: Any
    is_inlier: Any
    scale: float
    rotation: float


def estimate(left: Any, right: Any, shape: tuple[int, int]) -> Geometry | None:
    """Return the transform on which most matches agree: a similarity or, where clearly more agree, a homography; None for none.

    Parameters
    ----------
    left, right : (m, 2) float32
        Matched points.
    shape : (int, int)
        Height and width of the left picture.
    """
    import cv2
    import numpy as np

    if len(left) < LEAST:
        return None
    found, inliers = cv2.estimateAffinePartial2D(
        left, right, method=cv2.RANSAC, ransacReprojThreshold=_TOLERANCE, maxIters=_ROUNDS, refineIters=5
    )
    best, is_inlier = None, np.zeros(len(left), bool)
    if found is not None:
        best, is_inlier = np.vstack([found, [0, 0, 1]]), inliers.reshape(-1).astype(bool)
    if len(left) >= 8 and is_inlier.sum() < 0.9 * len(left):
        found, inliers = cv2.findHomography(left, right, cv2.USAC_MAGSAC, _TOLERANCE, maxIters=_ROUNDS, confidence=0.999)
        if found is not None and int(inliers.sum()) >= 1.25 * is_inlier.sum() + 4:
            best, is_inlier = found, inliers.reshape(-1).astype(bool)
    if best is None or is_inlier.sum() < LEAST:
        return None
    turn = _at_middle(best, shape)
    scale = float(np.sqrt(abs(np.linalg.det(turn))))
    if not np.isfinite(best).all() or not 0.05 < scale < 20 or np.linalg.det(turn) <= 0:
        return None  # a fold or a collapse, which no picture of a picture shows
    if np.linalg.cond(turn) > 4 or not _is_convex(best, shape):
        return None
    return Geometry(best, is_inlier, scale, float(np.degrees(np.arctan2(turn[1, 0], turn[0, 0]))))


def _at_middle(matrix: Any, shape: tuple[int, int]) -> Any:
    """Return the linear part of a transform at the middle of the left picture, (2, 2)."""
    import numpy as np

    x, y = shape[1] / 2, shape[0] / 2
    u, v, w = matrix @ (x, y, 1.0)
    return (matrix[:2, :2] - np.outer((u / w, v / w), matrix[2, :2])) / w


def _is_convex(matrix: Any, shape: tuple[int, int]) -> bool:
    import cv2
    import numpy as np

    corners = corners_of(matrix, shape)
    return bool(np.isfinite(corners).all()) and bool(cv2.isContourConvex(corners.astype(np.float32)))


def corners_of(matrix: Any, shape: tuple[int, int]) -> Any:
    """Return where a transform puts the corners of the left picture, (4, 2)."""
    import numpy as np

    height, width = shape
    at = matrix @ np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]], float)
    return (at[:2] / np.where(np.abs(at[2]) < 1e-9, 1e-9, at[2])).T


def agreement(left: Any, right: Any, matrix: Any) -> tuple[float, float, float, float]:
    """Lay the right picture on the left one and compare.

    Parameters
    ----------
    left, right : (H, W) uint8
        Grey.
    matrix : (3, 3) float64
        From left to right pixels of these pictures.

    Returns
    -------
    correlation : float
        Median over tiles of the overlap that show something of the correlation of grey values, -1 to 1; NaN where none does.
    worst : float
        Of the tiles in which both show something, the correlation that a tenth does not reach; NaN where there is none.
    of_left, of_right : float
        Shares of both pictures that the overlap covers.
    """
    import cv2
    import numpy as np

    height, width = left.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpPerspective(right, matrix, (width, height), flags=flags).astype(np.float32)
    inside = cv2.warpPerspective(
        np.full(right.shape, 255, np.uint8), matrix, (width, height), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    covered = inside > 0
    of_left = float(covered.mean())
    scale = abs(np.linalg.det(_at_middle(matrix, left.shape)))
    of_right = min(1.0, float(covered.sum()) * scale / right.size)
    one, side = left.astype(np.float32), max(8, round(np.sqrt(covered.sum()) / 6) if covered.any() else 8)
    box = (side, side)
    weight = cv2.boxFilter(covered.astype(np.float32), -1, box, borderType=cv2.BORDER_CONSTANT)

    def mean(values: Any) -> Any:
        return cv2.boxFilter(values * covered, -1, box, borderType=cv2.BORDER_CONSTANT) / np.maximum(weight, 1e-6)

    a, b = mean(one), mean(laid)
    spread_a, spread_b = mean(one * one) - a * a, mean(laid * laid) - b * b
    together = mean(one * laid) - a * b
    use = (weight > 0.95) & ((spread_a > 20) | (spread_b > 20))
    step = max(1, side // 2)
    some = np.zeros_like(use)
    some[step // 2 :: step, step // 2 :: step] = True
    use &= some
    if not use.any():
        return float("nan"), float("nan"), of_left, of_right
    values = together[use] / np.sqrt(np.maximum(spread_a[use], 1) * np.maximum(spread_b[use], 1))
    both = (spread_a[use] > 20) & (spread_b[use] > 20)
    worst = float(np.percentile(values[both], 10)) if both.any() else float("nan")
    return float(np.median(values)), worst, of_left, of_right


def texture(left: Any, right: Any) -> float:
    """Return how alike the fine structure of two grey pictures of one shape is: the median over tiles of its correlation.

    A copy keeps it when it is made brighter or recoloured; the next frame of a camera has noise, leaves and light of its own.
    """
    import cv2
    import numpy as np

    fine = [side.astype(np.float32) - cv2.GaussianBlur(side.astype(np.float32), (0, 0), 1.5) for side in (left, right)]
    tile = max(16, min(left.shape) // 16)
    values = []
    for y in range(0, left.shape[0] - tile + 1, tile):
        for x in range(0, left.shape[1] - tile + 1, tile):
            a, b = (side[y : y + tile, x : x + tile] for side in fine)
            own, other = float((a * a).mean()), float((b * b).mean())
            if max(own, other) > 1:
                values.append(float((a * b).mean()) / max(np.sqrt(own * other), 1e-6))
    return float(np.median(values)) if values else float("nan")
