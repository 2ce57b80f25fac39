"""The fast forms of the metrics: grey pictures (n, H, W) uint8 with (m, H, W), of one shape, all pairs at once.

Each gives what the reference form of ``catalog.metrics`` gives, and the same to the last bit whatever pictures stand in a block.
"""

from __future__ import annotations

from typing import Any

_COLUMNS = 1024  # pixels multiplied at a time: 1024 * 128 * 128 is 2^24, up to which float32 counts exactly


def nothing(pictures: Any) -> tuple[Any, ...]:
    """Return that a metric needs nothing of a picture alone."""
    return ()


def squares(pictures: Any) -> tuple[Any, ...]:
    """Return the sums of (value - 128)² and of value², two (n,) float64 of whole numbers."""
    import numpy as np

    flat = pictures.reshape(len(pictures), -1)
    counts = np.stack([np.bincount(picture, minlength=256) for picture in flat]) if len(flat) else np.zeros((0, 256), np.int64)
    values = np.arange(256, dtype=np.int64)
    return (counts @ (values - 128) ** 2).astype(np.float64), (counts @ values**2).astype(np.float64)


def _squared_sums(left: Any, left_squares: tuple[Any, ...], right: Any, right_squares: tuple[Any, ...]) -> Any:
    """Return the sums of squared differences, (n, m) float64 of whole numbers."""
    import numpy as np

    a, b = left.reshape(len(left), -1), right.reshape(len(right), -1)
    products = np.zeros((len(a), len(b)))
    for start in range(0, a.shape[1], _COLUMNS):
        one, other = (some[:, start : start + _COLUMNS].astype(np.float32) - np.float32(128) for some in (a, b))
        products += one @ other.T  # whole numbers up to 2^24: exact in float32, in whatever order they are added
    return left_squares[0][:, None] + right_squares[0][None] - 2 * products


def mean_squared_errors(left: Any, left_facts: tuple[Any, ...], right: Any, right_facts: tuple[Any, ...]) -> Any:
    """Return MSE."""
    return _squared_sums(left, left_facts, right, right_facts) / left[0].size


def normalized_root_errors(left: Any, left_facts: tuple[Any, ...], right: Any, right_facts: tuple[Any, ...]) -> Any:
    """Return NRMSE relative to the left picture; 0 for two black ones, inf against a black left one."""
    import numpy as np

    error = np.sqrt(mean_squared_errors(left, left_facts, right, right_facts))
    norm = np.sqrt(left_facts[1] / left[0].size)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(norm > 0, error / norm, np.where(error > 0, np.inf, 0.0))


def signal_noise_ratios(left: Any, left_facts: tuple[Any, ...], right: Any, right_facts: tuple[Any, ...]) -> Any:
    """Return PSNR in decibel; inf for equal pictures."""
    import numpy as np

    with np.errstate(divide="ignore"):
        return 10 * np.log10(255.0**2 / mean_squared_errors(left, left_facts, right, right_facts))


def mean_absolute_errors(left: Any, left_facts: tuple[Any, ...], right: Any, right_facts: tuple[Any, ...]) -> Any:
    """Return MAE."""
    from visdatcompy_ds.kernels.metric_blocks import absolute_sums

    return absolute_sums(left.reshape(len(left), -1), right.reshape(len(right), -1)) / left[0].size


def windows(pictures: Any) -> tuple[Any, ...]:
    """Return the window statistics of SSIM."""
    from visdatcompy_ds.kernels.metric_blocks import window_statistics

    sums, spread = window_statistics(pictures)
    return sums, spread


def similarities(left: Any, left_facts: tuple[Any, ...], right: Any, right_facts: tuple[Any, ...]) -> Any:
    """Return SSIM with a 7 x 7 window; both sides are at least 7."""
    from visdatcompy_ds.kernels import metric_blocks

    (sums, spread), (other_sums, other_spread) = left_facts, right_facts
    return metric_blocks.similarities(left, sums, spread, right, other_sums, other_spread)


def levels(pictures: Any) -> tuple[Any, ...]:
    """Return the pictures in 100 levels, their entropy, and whether they are flat."""
    import numpy as np

    from visdatcompy_ds.kernels import metric_blocks

    binned = metric_blocks.levels(pictures)
    table, unit = metric_blocks.logarithms(binned.shape[1])
    counts = (np.bincount(picture, minlength=metric_blocks.BINS) for picture in binned)
    sums = np.array([table[count].sum() for count in counts])
    flat = pictures.reshape(len(pictures), -1)
    return binned, _entropy(sums * unit, binned.shape[1]), flat.min(axis=1) == flat.max(axis=1)


def _entropy(sums: Any, pixels: int) -> Any:
    import numpy as np

    return np.log(pixels) - sums / pixels


def mutual_informations(left: Any, left_facts: tuple[Any, ...], right: Any, right_facts: tuple[Any, ...]) -> Any:
    """Return NMI: 2 for equal pictures, 1 for two flat ones that differ."""
    import numpy as np

    from visdatcompy_ds.kernels import metric_blocks

    (binned, entropy, is_flat), (other_binned, other_entropy, other_is_flat) = left_facts, right_facts
    table, unit = metric_blocks.logarithms(binned.shape[1])
    joint = _entropy(metric_blocks.joint_sums(binned, other_binned, table) * unit, binned.shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        values = (entropy[:, None] + other_entropy[None]) / joint  # addition commutes: the same for either order
    values[is_flat[:, None] & other_is_flat[None]] = 1.0
    # Equal bins may be other pictures: only equal pixels are the same picture.
    for i, j in np.argwhere((values >= 2 - 1e-12) | (is_flat[:, None] & other_is_flat[None])).tolist():
        if np.array_equal(left[i], right[j]):
            values[i, j] = 2.0
    return np.clip(values, 1.0, 2.0)
