"""Metrics between two pictures of one shape: the reference forms, with their facts.

scikit-image's function where it has one, NumPy in float64 otherwise; everything is converted at one door, so that 8-bit values never
wrap around.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from visdatcompy_ds.base.registry import Registry
from visdatcompy_ds.catalog import metric_blocks as blocks


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric and its facts.

    Attributes
    ----------
    name : str
        Name in the API, as scikit-image spells it.
    compute : callable
        From two uint8 arrays of one shape, (H, W) grey or (H, W, 3), to a float.
    higher_is_better : bool
        True where more means more alike.
    identical : float
        What two equal pictures give.
    bounds : (float, float)
        Range of values.
    is_symmetric : bool
        True where swapping the pictures changes nothing.
    reads : {"grey", "colour", "digest"}
        What is compared: grey pictures, blue-green-red ones, or digests of full decodes, for which `compute` stands.
    source : str
        Formula or implementation.
    says : str
        What it looks at, in a few words.
    cutoff_duplicate, cutoff_similar : float
        From where two pictures on a grid of 256 x 256 count as duplicates, and as similar; NaN where nobody has measured that.
    cutoff_source : str
        What was measured to draw them.
    prepare : callable, optional
        From grey pictures (n, H, W) uint8 to a tuple of arrays (n, ...): what each brings alone.
    block : callable, optional
        From left pictures, what `prepare` gave of them, right pictures and theirs to (n, m) float64: the fast form of `compute`.
    search : callable, optional
        As `block`, with a cut-off behind: -inf where a pair is certainly beyond it, sooner told than the value.
    difference : Difference, optional
        What makes `prepare`, `block` and exact bounds, where the metric is a function of the mean difference of pixels.
    least_side : int
        Pixels a side from which the fast form holds.
    tile : int
        Pictures a side of a block of 256 x 256 pixels, so that what a picture brings alone is little beside its pairs.
    """

    name: str
    compute: Callable[[Any, Any], float]
    higher_is_better: bool
    identical: float
    bounds: tuple[float, float]
    is_symmetric: bool = True
    reads: Literal["grey", "colour", "digest"] = "grey"
    source: str = ""
    says: str = ""
    cutoff_duplicate: float = float("nan")
    cutoff_similar: float = float("nan")
    cutoff_source: str = ""
    prepare: Callable[[Any], tuple[Any, ...]] | None = None
    block: Callable[[Any, tuple[Any, ...], Any, tuple[Any, ...]], Any] | None = None
    search: Callable[[Any, tuple[Any, ...], Any, tuple[Any, ...], float], Any] | None = None
    difference: blocks.Difference | None = None
    least_side: int = 1
    tile: int = 64

    def is_within(self, values: Any, cutoff: float) -> Any:
        """Tell which values are as good as a cut-off, or better."""
        return values >= cutoff if self.higher_is_better else values <= cutoff


METRICS: Registry[Metric] = Registry("metric")
_CALIBRATED = (
    "Metrics.calibrate, size 256, November 2026, 1004 photos (clothes, pets, camera traps, drone, fruit, cows, potatoes): of 503 497 pairs "
    "that are no copies 1 (duplicate) and 100 (similar) are let through; found of 8 kinds of edited copies: "
)
_INFINITY = float("inf")
Function = TypeVar("Function", bound=Callable[[Any, Any], float])


def metric(name: str, **facts: Any) -> Callable[[Function], Function]:
    """Return a decorator that registers a function of two pictures as the metric `name`.

    Parameters
    ----------
    name : str
    **facts
        Fields of :class:`Metric`: at least ``higher_is_better``, ``identical`` and ``bounds``.

    Examples
    --------
    >>> @metric("worst_pixel", higher_is_better=False, identical=0.0, bounds=(0, 255))  # doctest: +SKIP
    ... def worst_pixel(left, right):
    ...     return float(abs(left.astype(float) - right).max())
    """
    difference = facts.get("difference")
    if difference is not None:
        facts = {"prepare": difference.prepare, "block": difference.block, **facts}

    def register(compute: Function) -> Function:
        METRICS.add(Metric(name, compute, **facts))
        return compute

    return register


@metric(
    "pix2pix",
    higher_is_better=True,
    identical=1.0,
    bounds=(0, 1),
    reads="digest",
    source="equality",
    says="whether all pixels are equal, depth, alpha and frames included",
    cutoff_duplicate=1.0,
    cutoff_similar=1.0,
    cutoff_source="equality",
)
def pix2pix(left: Any, right: Any) -> float:
    """Return 1.0 when all pixels are equal, else 0.0."""
    import numpy as np

    return float(np.array_equal(left, right))


@metric(
    "mse",
    higher_is_better=False,
    identical=0.0,
    bounds=(0, 255**2),
    source="scikit-image mean_squared_error",
    says="mean of squared differences",
    cutoff_duplicate=2.8,
    cutoff_similar=640.0,
    cutoff_source=_CALIBRATED + "14 % and 67 %",
    difference=blocks.Difference(2, blocks.mean_itself, blocks.up_to_cutoff),
    tile=512,
)
def mean_squared_error(left: Any, right: Any) -> float:
    """Return the mean of squared differences."""
    from skimage.metrics import mean_squared_error as reference

    return float(reference(left, right))


@metric(
    "nrmse",
    higher_is_better=False,
    identical=0.0,
    bounds=(0, _INFINITY),
    is_symmetric=False,
    source="scikit-image normalized_root_mse, euclidean",
    says="root of the MSE, relative to the left picture",
    cutoff_duplicate=0.0138,
    cutoff_similar=0.179,
    cutoff_source=_CALIBRATED + "16 % and 64 %",
    difference=blocks.Difference(2, blocks.relative_root, blocks.up_to_relative_root),
    tile=512,
)
def normalized_root_mse(left: Any, right: Any) -> float:
    """Return the root of the MSE over the root mean square of `left`; 0 for two black pictures, inf against a black `left`."""
    import numpy as np

    error = float(np.sqrt(mean_squared_error(left, right)))
    norm = float(np.sqrt(np.mean(np.square(left, dtype=np.float64))))
    if norm == 0:
        return 0.0 if error == 0 else _INFINITY
    return error / norm


@metric(
    "ssim",
    higher_is_better=True,
    identical=1.0,
    bounds=(-1, 1),
    source="Wang et al. 2004, doi:10.1109/TIP.2003.819861; scikit-image",
    says="likeness of structure in windows of 7 x 7",
    cutoff_duplicate=0.993,
    cutoff_similar=0.668,
    cutoff_source=_CALIBRATED + "14 % and 81 %",
    prepare=blocks.windows,
    block=blocks.similarities,
    search=blocks.similarities,
    least_side=7,
)
def structural_similarity(left: Any, right: Any) -> float:
    """Return the mean SSIM with a 7 x 7 window, smaller (odd) where a side is shorter."""
    from skimage.metrics import structural_similarity as reference

    side = min(left.shape[:2])
    window = min(7, side if side % 2 else side - 1)
    if window < 3:  # no window has a variance: only equality can be told
        return pix2pix(left, right)
    channel = 2 if left.ndim == 3 else None
    return float(reference(left, right, win_size=window, data_range=255, channel_axis=channel))


@metric(
    "psnr",
    higher_is_better=True,
    identical=_INFINITY,
    bounds=(0, _INFINITY),
    source="scikit-image peak_signal_noise_ratio",
    says="the MSE in decibel below 255²",
    cutoff_duplicate=43.7,
    cutoff_similar=20.07,
    cutoff_source=_CALIBRATED + "14 % and 67 %",
    difference=blocks.Difference(2, blocks.decibels, blocks.up_to_decibels),
    tile=512,
)
def peak_signal_noise_ratio(left: Any, right: Any) -> float:
    """Return 10 log10(255² / MSE) in decibel; inf for equal pictures."""
    import numpy as np

    error = mean_squared_error(left, right)
    return _INFINITY if error == 0 else float(10 * np.log10(255.0**2 / error))


@metric(
    "mae",
    higher_is_better=False,
    identical=0.0,
    bounds=(0, 255),
    source="mean of absolute differences",
    says="mean of absolute differences",
    cutoff_duplicate=1.2,
    cutoff_similar=18.6,
    cutoff_source=_CALIBRATED + "15 % and 68 %",
    difference=blocks.Difference(1, blocks.mean_itself, blocks.up_to_cutoff),
)
def mean_absolute_error(left: Any, right: Any) -> float:
    """Return the mean of absolute differences."""
    import numpy as np

    return float(np.mean(np.abs(left.astype(np.float64) - right)))


@metric(
    "nmi",
    higher_is_better=True,
    identical=2.0,
    bounds=(1, 2),
    source="Studholme et al. 1999, doi:10.1016/S0031-3203(98)00091-0; scikit-image",
    says="how much one picture tells of the other",
    cutoff_duplicate=1.521,
    cutoff_similar=1.183,
    cutoff_source=_CALIBRATED + "42 % and 83 %",
    prepare=blocks.levels,
    block=blocks.mutual_informations,
    search=blocks.mutual_informations,
)
def normalized_mutual_information(left: Any, right: Any) -> float:
    """Return (H(left) + H(right)) / H(left, right) on 100 bins; two flat pictures tell nothing and give 1, equal ones 2."""
    import numpy as np
    from skimage.metrics import normalized_mutual_information as reference

    if np.array_equal(left, right):
        return 2.0
    if left.min() == left.max() and right.min() == right.max():
        return 1.0
    return float(reference(left, right))
