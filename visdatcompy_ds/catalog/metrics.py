"""Metrics between two pictures of one shape: the reference forms, with their facts.

scikit-image's function where it has one, NumPy in float64 otherwise; everything is converted at one door, so that 8-bit values never
wrap around.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

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
    on_grey : bool
        The metric compares grey pictures; else all channels.
    source : str
        Formula or implementation.
    prepare : callable, optional
        From grey pictures (n, H, W) uint8 to a tuple of arrays (n, ...): what each brings alone.
    block : callable, optional
        From left pictures, what `prepare` gave of them, right pictures and theirs to (n, m) float64: the fast form of `compute`.
    least_side : int
        Pixels a side from which the fast form holds.
    tile : int
        Pictures a side of a block, so that what a picture brings alone is little beside its pairs.
    """

    name: str
    compute: Callable[[Any, Any], float]
    higher_is_better: bool
    identical: float
    bounds: tuple[float, float]
    is_symmetric: bool = True
    on_grey: bool = True
    source: str = ""
    prepare: Callable[[Any], tuple[Any, ...]] | None = None
    block: Callable[[Any, tuple[Any, ...], Any, tuple[Any, ...]], Any] | None = None
    least_side: int = 1
    tile: int = 64


METRICS: Registry[Metric] = Registry("metric")
_INFINITY = float("inf")


def pix2pix(left: Any, right: Any) -> float:
    """Return 1.0 when all pixels are equal, else 0.0."""
    import numpy as np

    return float(np.array_equal(left, right))


def mean_squared_error(left: Any, right: Any) -> float:
    """Return the mean of squared differences."""
    from skimage.metrics import mean_squared_error as reference

    return float(reference(left, right))


def normalized_root_mse(left: Any, right: Any) -> float:
    """Return the root of the MSE over the root mean square of `left`; 0 for two black pictures, inf against a black `left`."""
    import numpy as np

    error = float(np.sqrt(mean_squared_error(left, right)))
    norm = float(np.sqrt(np.mean(np.square(left, dtype=np.float64))))
    if norm == 0:
        return 0.0 if error == 0 else _INFINITY
    return error / norm


def structural_similarity(left: Any, right: Any) -> float:
    """Return the mean SSIM with a 7 x 7 window, smaller (odd) where a side is shorter."""
    from skimage.metrics import structural_similarity as reference

    side = min(left.shape[:2])
    window = min(7, side if side % 2 else side - 1)
    if window < 3:  # no window has a variance: only equality can be told
        return pix2pix(left, right)
    channel = 2 if left.ndim == 3 else None
    return float(reference(left, right, win_size=window, data_range=255, channel_axis=channel))


def peak_signal_noise_ratio(left: Any, right: Any) -> float:
    """Return 10 log10(255² / MSE) in decibel; inf for equal pictures."""
    import numpy as np

    error = mean_squared_error(left, right)
    return _INFINITY if error == 0 else float(10 * np.log10(255.0**2 / error))


def mean_absolute_error(left: Any, right: Any) -> float:
    """Return the mean of absolute differences."""
    import numpy as np

    return float(np.mean(np.abs(left.astype(np.float64) - right)))


def normalized_mutual_information(left: Any, right: Any) -> float:
    """Return (H(left) + H(right)) / H(left, right) on 100 bins; two flat pictures tell nothing and give 1, equal ones 2."""
    import numpy as np
    from skimage.metrics import normalized_mutual_information as reference

    if np.array_equal(left, right):
        return 2.0
    if left.min() == left.max() and right.min() == right.max():
        return 1.0
    return float(reference(left, right))


for _metric in (
    Metric("pix2pix", pix2pix, True, 1.0, (0, 1), on_grey=False, source="equality"),
    Metric(
        "mse",
        mean_squared_error,
        False,
        0.0,
        (0, 255**2),
        source="scikit-image mean_squared_error",
        prepare=blocks.squares,
        tile=512,
        block=blocks.mean_squared_errors,
    ),
    Metric(
        "nrmse",
        normalized_root_mse,
        False,
        0.0,
        (0, _INFINITY),
        is_symmetric=False,
        source="scikit-image normalized_root_mse, euclidean",
        prepare=blocks.squares,
        tile=512,
        block=blocks.normalized_root_errors,
    ),
    Metric(
        "ssim",
        structural_similarity,
        True,
        1.0,
        (-1, 1),
        source="Wang et al. 2004, doi:10.1109/TIP.2003.819861; scikit-image",
        prepare=blocks.windows,
        block=blocks.similarities,
        least_side=7,
    ),
    Metric(
        "psnr",
        peak_signal_noise_ratio,
        True,
        _INFINITY,
        (0, _INFINITY),
        source="scikit-image peak_signal_noise_ratio",
        prepare=blocks.squares,
        tile=512,
        block=blocks.signal_noise_ratios,
    ),
    Metric(
        "mae",
        mean_absolute_error,
        False,
        0.0,
        (0, 255),
        source="mean of absolute differences",
        prepare=blocks.nothing,
        block=blocks.mean_absolute_errors,
    ),
    Metric(
        "nmi",
        normalized_mutual_information,
        True,
        2.0,
        (1, 2),
        source="Studholme et al. 1999, doi:10.1016/S0031-3203(98)00091-0; scikit-image",
        prepare=blocks.levels,
        block=blocks.mutual_informations,
    ),
):
    METRICS.add(_metric)
