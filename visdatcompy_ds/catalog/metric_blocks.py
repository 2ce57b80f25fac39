"""The fast forms of the metrics: grey pictures (n, H, W) uint8 with (m, H, W), of one shape, all pairs at once.

Each gives what the reference form of ``catalog.metrics`` gives, and the same to the last bit whatever pictures stand in a block.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

_COLUMNS = 1024  # pixels multiplied at a time: 1024 * 128 * 128 is 2^24, up to which float32 counts exactly


@dataclasses.dataclass(frozen=True)
class Difference:
    """A metric that is a function of the mean difference of pixels: one sum per pair, which cells of pixels bound from below.

    Attributes
    ----------
    power : {1, 2}
        Of the differences: absolute, squared.
    score : callable
        From mean differences and the root mean square of the left pictures to the metric.
    reach : callable
        From a cut-off and the root mean square of the left picture to the largest mean difference that is within it.
    """

    power: int
    score: Callable[[Any, Any], Any]
    reach: Callable[[float, Any], Any]

    def prepare(self, pictures: Any) -> tuple[Any, ...]:
        """Return the sums of (value - 128)² and the root mean squares, two (n,) float64; zeros where absolute differences need neither."""
        import numpy as np

        if self.power == 1:
            return np.zeros(len(pictures)), np.zeros(len(pictures))
        from visdatcompy_ds.kernels.metric_blocks import square_sums

        flat = pictures.reshape(len(pictures), -1)
        centred, plain = square_sums(flat).T
        return centred.astype(np.float64), np.sqrt(plain / max(1, flat.shape[1]))

    def block(self, left: Any, left_facts: tuple[Any, ...], right: Any, right_facts: tuple[Any, ...]) -> Any:
        """Return the metric."""
        sums = _absolute_sums(left, right) if self.power == 1 else _squared_sums(left, left_facts[0], right, right_facts[0])
        return self.score(sums / left[0].size, left_facts[1][:, None])


def _absolute_sums(left: Any, right: Any) -> Any:
    from visdatcompy_ds.kernels.metric_blocks import absolute_sums

    return absolute_sums(left.reshape(len(left), -1), right.reshape(len(right), -1))


def _squared_sums(left: Any, left_squares: Any, right: Any, right_squares: Any) -> Any:
    """Return the sums of squared differences, (n, m) float64 of whole numbers."""
    import numpy as np

    a, b = left.reshape(len(left), -1), right.reshape(len(right), -1)
    products = np.zeros((len(a), len(b)))
    for start in range(0, a.shape[1], _COLUMNS):
        one, other = (some[:, start : start + _COLUMNS].astype(np.float32) - np.float32(128) for some in (a, b))
        products += one @ other.T  # whole numbers up to 2^24: exact in float32, in whatever order they are added
    return left_squares[:, None] + right_squares[None] - 2 * products


def mean_itself(mean: Any, rms: Any) -> Any:
    """Return the mean difference: MSE, MAE."""
    return mean


def up_to_cutoff(cutoff: float, rms: Any) -> Any:
    """Return that the mean difference may be as large as the cut-off."""
    return cutoff + 0 * rms


def relative_root(mean: Any, rms: Any) -> Any:
    """Return NRMSE: the root over the root mean square of the left picture; 0 for two black ones, inf against a black left one."""
    import numpy as np

    error = np.sqrt(mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(rms > 0, error / rms, np.where(error > 0, np.inf, 0.0))


def up_to_relative_root(cutoff: float, rms: Any) -> Any:
    """Return the mean squared difference of an NRMSE."""
    import numpy as np

    return np.minimum(cutoff * rms, 255.0) ** 2


def decibels(mean: Any, rms: Any) -> Any:
    """Return PSNR; inf for equal pictures."""
    import numpy as np

    with np.errstate(divide="ignore"):
        return 10 * np.log10(255.0**2 / mean)


def up_to_decibels(cutoff: float, rms: Any) -> Any:
    """Return the mean squared difference of a PSNR."""
    return 255.0**2 * 10 ** (-cutoff / 10) + 0 * rms


def windows(pictures: Any) -> tuple[Any, ...]:
    """Return the window statistics of SSIM."""
    from visdatcompy_ds.kernels.metric_blocks import window_statistics

    sums, spread = window_statistics(pictures)
    return sums, spread


def similarities(left: Any, left_facts: tuple[Any, ...], right: Any, right_facts: tuple[Any, ...], least: float = float("-inf")) -> Any:
    """Return SSIM with a 7 x 7 window; both sides are at least 7. Below `least`, -inf: the rest of a picture is then not looked at."""
    from visdatcompy_ds.kernels import metric_blocks

    (sums, spread), (other_sums, other_spread) = left_facts, right_facts
    return metric_blocks.similarities(left, sums, spread, right, other_sums, other_spread, least)


def levels(pictures: Any) -> tuple[Any, ...]:
    """Return the pictures in 100 levels, their entropy, and whether they are flat."""
    from visdatcompy_ds.kernels import metric_blocks

    binned, counts, is_flat = metric_blocks.levels(pictures)
    table, unit = metric_blocks.logarithms(binned.shape[1])
    return binned, _entropy(table[counts].sum(axis=1) * unit, binned.shape[1]), is_flat


def _entropy(sums: Any, pixels: int) -> Any:
    import numpy as np

    return np.log(pixels) - sums / pixels


def mutual_informations(left: Any, left_facts: tuple[Any, ...], right: Any, right_facts: tuple[Any, ...], least: float = 1.0) -> Any:
    """Return NMI: 2 for equal pictures, 1 for two flat ones that differ; -inf below `least` where the entropies alone tell that."""
    import numpy as np

    from visdatcompy_ds.kernels import metric_blocks

    (binned, entropy, is_flat), (other_binned, other_entropy, other_is_flat) = left_facts, right_facts
    table, unit = metric_blocks.logarithms(binned.shape[1])
    sums = np.zeros((len(left), len(right)), np.int64)
    # A joint entropy is no less than either: NMI is at most 1 + the smaller over the larger.
    low, high = np.minimum(entropy[:, None], other_entropy[None]), np.maximum(entropy[:, None], other_entropy[None])
    is_open = low + 1e-9 >= (least - 1) * high
    for i in range(len(left)):
        some = np.flatnonzero(is_open[i])
        if len(some):
            sums[i, some] = metric_blocks.joint_sums(
                binned[i : i + 1], other_binned if len(some) == len(right) else other_binned[some], table
            )
    with np.errstate(divide="ignore", invalid="ignore"):
        values = (entropy[:, None] + other_entropy[None]) / _entropy(sums * unit, binned.shape[1])  # addition commutes: either order
    both_flat = is_flat[:, None] & other_is_flat[None]
    alike = np.argwhere((values >= 2 - 1e-12) | both_flat).tolist()
    values = np.where(both_flat, 1.0, np.clip(values, 1.0, np.nextafter(2.0, 1.0)))
    for i, j in alike:  # equal bins may be other pictures: only equal pixels give 2
        if np.array_equal(left[i], right[j]):
            values[i, j] = 2.0
    return np.where(is_open | (values == 2), values, -np.inf)
