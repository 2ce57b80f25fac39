"""How well a choice covers what there is, and how well chance would."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.tables import Array
from visdatcompy_ds.engine.run import Workers, run

_LOOKED_AT = 5000  # images whose distance to the choice is measured
_RANDOM = 5


def coverage(space: Array, alike: Array, chosen: Array, given: Array, seed: int, workers: Workers = "auto") -> dict[str, dict[str, float]]:
    """Return how far images lie from the nearest chosen or given one, next to the mean of five random choices of the same size.

    Each near-duplicate group counts as one image: what its images lie away, on average. Bursts would dominate otherwise.

    Parameters
    ----------
    space : (n, d) float32
        Coordinates of the candidates.
    alike : (n,) int64
        Number of the near-duplicate group of each.
    chosen : (k,) int64
        Positions of the chosen ones.
    given : (g, d) float32
        Coordinates of images that were had before.
    seed : int
    workers : int or "auto"

    Returns
    -------
    dict of str to dict
        "chosen" and "random", each with mean, p95 and max; NaN where nothing is chosen or given, or nothing is there.
    """
    rng = np.random.default_rng(seed)
    looked = np.sort(rng.choice(len(space), min(len(space), _LOOKED_AT), replace=False))
    _, group, size = np.unique(alike, return_inverse=True, return_counts=True)
    weight = 1.0 / size[group.reshape(-1)][looked]
    from_given = _nearest(space[looked], given, workers)
    found = []
    for choice in (chosen, *(rng.choice(len(space), len(chosen), replace=False) for _ in range(_RANDOM))):
        found.append(_measured(np.minimum(_nearest(space[looked], space[choice], workers), from_given), weight))
    random = {name: float(np.mean([one[name] for one in found[1:]])) for name in found[0]}
    return {"chosen": found[0], "random": random}


def _measured(distance: Array, weight: Array) -> dict[str, float]:
    if not len(distance) or not np.isfinite(distance).all():
        return dict.fromkeys(("mean", "p95", "max"), float("nan"))
    order = np.argsort(distance, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    p95 = distance[order][np.searchsorted(share, 0.95 - 1e-9)]
    return {"mean": float((distance * weight).sum() / weight.sum()), "p95": float(p95), "max": float(distance.max())}


def _nearest(looked: Array, targets: Array, workers: Workers) -> Array:
    from visdatcompy_ds.kernels.spread import nearest_distances

    parts = np.array_split(looked, max(1, len(looked) // 256))
    return np.concatenate(list(run(parts, lambda part: nearest_distances(part, targets), workers))).astype(np.float64)
