"""Whether matched points of two pictures agree on one way in which one lies on the other, and whether the pictures then agree."""

from __future__ import annotations

import dataclasses
from typing import Any

TOLERANCE = 4.0  # pixels that a point may lie beside where the transform puts it
_ROUNDS = 1000
LEAST = 5  # matches that are worth an estimate
_SOFT = 0.6  # pixels
_SHOWN, _SHOWN_FINE = 20.0, 2.0  # variance of grey levels from which a tile shows something


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
    """Return the transform on which most matches agree, a similarity or, where clearly more agree, an affine map; None for none.

    Parameters
    ----------
    left, right : (m, 2) float32
        Matched points.
    shape : (int, int)
        Height and width of the left picture.
    """
    import cv2

    if len(left) < LEAST:
        return None
    ways: dict[str, Any] = {"method": cv2.RANSAC, "ransacReprojThreshold": TOLERANCE, "maxIters": _ROUNDS, "refineIters": 5}
    best = _checked(cv2.estimateAffinePartial2D(left, right, **ways), shape)
    if len(left) >= 6 and (best is None or best.is_inlier.sum() < 0.9 * len(left)):
        other = _checked(cv2.estimateAffine2D(left, right, **ways), shape)
        if other is not None and (best is None or other.is_inlier.sum() >= 1.15 * best.is_inlier.sum() + 3):
            best = other
    return best


def estimate_homography(left: Any, right: Any, shape: tuple[int, int]) -> Geometry | None:
    """Return the homography on which most matches agree, as :func:`estimate`: for a picture of a picture, taken at an angle."""
    import cv2

    if len(left) < 8:
        return None
    return _checked(cv2.findHomography(left, right, cv2.USAC_MAGSAC, TOLERANCE, maxIters=_ROUNDS, confidence=0.999), shape)


def _checked(estimated: tuple[Any, Any], shape: tuple[int, int]) -> Geometry | None:
    """Return a transform that pictures of pictures show; None for none, for too few inliers, and for a fold or a collapse."""
    import numpy as np

    found, inliers = estimated
    if found is None or int(inliers.sum()) < LEAST or not np.isfinite(found).all():
        return None
    matrix = found if found.shape == (3, 3) else np.vstack([found, [0, 0, 1]])
    turn = _at_middle(matrix, shape)
    scale = float(np.sqrt(abs(np.linalg.det(turn))))
    if not 0.05 < scale < 20 or np.linalg.det(turn) <= 0 or np.linalg.cond(turn) > 4 or not _is_convex(matrix, shape):
        return None
    return Geometry(matrix, inliers.reshape(-1).astype(bool), scale, float(np.degrees(np.arctan2(turn[1, 0], turn[0, 0]))))


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


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How alike two pictures are where they overlap.

    Attributes
    ----------
    correlation : float
        Median over tiles that show something of the correlation of grey values, -1 to 1; NaN where none does.
    fine : float
        As `correlation`, of what is smaller than some pixels only.
    of_left, of_right : float
        Shares of both pictures that the overlap covers.
    """

    correlation: float
    fine: float
    of_left: float
    of_right: float

    @property
    def likeness(self) -> float:
        """Mean of both correlations."""
        return (self.correlation + self.fine) / 2


def agreement(left: Any, right: Any, matrix: Any, shown: tuple[Any, Any] | None = None) -> Agreement:
    """Lay the picture that shows more detail on the other one and compare.

    Parameters
    ----------
    left, right : (H, W) uint8
        Grey.
    matrix : (3, 3) float64
        From left to right pixels of these pictures.
    shown : two (H, W) uint8, optional
        255 where either picture shows something of its own; the rest does not count.
    """
    import numpy as np

    scale = float(np.sqrt(abs(np.linalg.det(_at_middle(matrix, left.shape)))))
    if scale >= 1:
        correlation, fine, covered = _laid(left, right, matrix, scale, shown)
        area = covered * left.size
    else:
        correlation, fine, covered = _laid(right, left, np.linalg.inv(matrix), 1 / scale, shown and shown[::-1])
        area = covered * right.size / scale**2
    return Agreement(correlation, fine, min(1.0, area / left.size), min(1.0, area * scale**2 / right.size))


def _laid(base: Any, finer: Any, matrix: Any, scale: float, shown: tuple[Any, Any] | None) -> tuple[float, float, float]:
    """Return correlation, fine, and the share of `base` that `finer` covers, `matrix` leading from base to finer pixels."""
    import cv2
    import numpy as np

    from visdatcompy_ds.kernels.windows import tile_correlations

    height, width = base.shape
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    smooth = finer if scale < 1.1 else cv2.GaussianBlur(finer, (0, 0), 0.4 * float(np.sqrt(scale**2 - 1)))
    laid = cv2.warpPerspective(smooth, matrix, (width, height), flags=way)
    covered = cv2.warpPerspective(np.full(finer.shape, 255, np.uint8), matrix, (width, height), flags=way) == 255
    if not covered.any():
        return float("nan"), float("nan"), 0.0
    share = float(covered.mean())
    if shown is not None:
        covered &= (shown[0] == 255) | (cv2.warpPerspective(shown[1], matrix, (width, height), flags=way) == 255)
    # Half a pixel of error matters less to pictures that are a little soft.
    one, other = (cv2.GaussianBlur(side.astype(np.float32), (0, 0), _SOFT) for side in (base, laid))
    side = max(8, round(float(np.sqrt(covered.sum())) / 6))
    soft = [cv2.GaussianBlur(values, (0, 0), 2.0) for values in (one, other)]
    coarse = _correlations(tile_correlations(one, other, covered, side, side // 2), _SHOWN)
    fine = _correlations(tile_correlations(one - soft[0], other - soft[1], covered, side, side // 2), _SHOWN_FINE)
    # Of a place that is its own, nearly all must agree: it lies beside the frame that agrees in any case.
    most = 50 if shown is None else 10
    return _percentile(coarse, most), _percentile(fine, most), share


def _correlations(tiles: Any, least: float) -> Any:
    """Return the correlation of tiles of which one shows something."""
    import numpy as np

    one, other, together = tiles[:, 2:].T
    values = together / np.sqrt(np.maximum(one, least / 20) * np.maximum(other, least / 20))
    return values[(one > least) | (other > least)]


def _percentile(values: Any, share: float) -> float:
    import numpy as np

    return float(np.percentile(values, share)) if len(values) else float("nan")
