"""What two shots tell about being one and the same: measures at full resolution, from which ``catalog/same_shot`` judges."""

from __future__ import annotations

import dataclasses

import numpy as np

from visdatcompy_ds.base.tables import Array
from visdatcompy_ds.catalog.same_shot import ASPECT, Evidence
from visdatcompy_ds.engine.decode.upright import turn_upright

CELLS = 16
TILES = 24


@dataclasses.dataclass(frozen=True)
class Shot:
    """What a comparison needs of an image at full resolution.

    Attributes
    ----------
    grey : (H, W) uint8
    cells : (16, 16, 3) float32
        Mean blue, green, red of each cell.
    digest : bytes
        Of the full decode in the file's own depth and channels.
    orientation : int
        EXIF orientation, 1 to 8: how `grey` was turned.
    steps : (8, 8) float64 or None
        Quantisation of the stored brightness, 0 for a lossless format, None where it is not known.
    """

    grey: Array
    cells: Array
    digest: bytes
    orientation: int = 1
    steps: Array | None = None


def compare(first: Shot, second: Shot, is_grey_and_colour: bool) -> Evidence | None:
    """Return the evidence on two shots, compared on the common grid of the smaller sides; None below 8 pixels."""
    from visdatcompy_ds.kernels.resample import area_resize_grey
    from visdatcompy_ds.kernels.windows import ssim_tiles

    (h1, w1), (h2, w2) = first.grey.shape, second.grey.shape
    height, width = min(h1, h2), min(w1, w2)
    if min(height, width) < 2 * CELLS:
        return None
    left, right = (shot if shot.shape == (height, width) else area_resize_grey(shot, height, width) for shot in (first.grey, second.grey))
    similarity, tone = ssim_tiles(left, right, TILES)
    stretched = abs((w1 / h1) / (w2 / h2) - 1)
    return Evidence(
        mean=float(similarity.mean()),
        median=float(np.median(similarity)),
        worst=float(similarity.min()),
        tone=float(np.abs(tone).max()),
        colour=_colour_difference(first.cells, second.cells),
        layout=_correlation(first.cells.mean(axis=2), second.cells.mean(axis=2)),
        ratio=min(height / max(h1, h2), width / max(w1, w2)),
        side=min(height, width),
        is_stretched=stretched > max(ASPECT, 1.5 / min(height, width)),
        is_grey_and_colour=is_grey_and_colour,
        larger_side=min(max(h1, h2), max(w1, w2)),
        excess=_excess(first, second),
    )


_UNTURN = {6: 8, 8: 6}  # the other orientations undo themselves


def _excess(first: Shot, second: Shot) -> float | None:
    """Return how much more two pictures of one size differ than their quantisation explains; None where it cannot be told.

    A re-saved JPEG differs from its original by the rounding to its quantisation steps, a variance of step² / 12 per coefficient, and
    by nothing else. The next frame has noise of its own on top, also where a picture is small and SSIM sees none.
    """
    from visdatcompy_ds.kernels.dct import FREQUENCIES, energies

    if first.steps is None or second.steps is None or first.grey.shape != second.grey.shape or first.orientation != second.orientation:
        return None
    undo = _UNTURN.get(first.orientation, first.orientation)
    left, right = (np.ascontiguousarray(turn_upright(shot.grey, undo)) for shot in (first, second))
    at = tuple(np.array(FREQUENCIES).T)
    # 1: what rounding to whole levels and the way through red, green and blue add on both sides.
    explained = (first.steps[at] ** 2 + second.steps[at] ** 2) / 12 + 1
    return float(np.median(energies(left, right) / explained))


def _colour_difference(first: Array, second: Array) -> float:
    """Return the largest difference of red-green or blue-green of any cell."""
    return max(float(np.abs((first[..., c] - first[..., 1]) - (second[..., c] - second[..., 1])).max()) for c in (0, 2))


def _correlation(first: Array, second: Array) -> float:
    a, b = first.astype(np.float64) - first.mean(dtype=np.float64), second.astype(np.float64) - second.mean(dtype=np.float64)
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0
