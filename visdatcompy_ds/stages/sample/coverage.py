"""How well a choice covers what there is, and how well chance would."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.tables import Array
from visdatcompy_ds.engine.run import Workers, run

_LOOKED_AT = 5000  # images whose distance to the choice is measured
_RANDOM = 5


def coverage(space: Array, distinct: Array, chosen: Array, given: Array, seed: int, workers: Workers = "auto") -> dict[str, float]:
    """Return how far images lie from the nearest chosen or given one, next to the mean of five random choices of the same size.

    Parameters
    ----------
    space : (n, d) float32
        Coordinates of the candidates.
    distinct : (m,) int64
        Positions of the candidates that stand for all: one of each near-duplicate group.
    chosen : (k,) int64
        Positions of the chosen ones.
    given : (g, d) float32
        Coordinates of images that were had before.
    seed : int
    workers : int or "auto"

    Returns
    -------
    dict
        mean, p95, max and random_mean, random_p95, random_max; NaN where nothing is covered, or nothing is there to cover.
    """
    rng = np.random.default_rng(seed)
    looked = space[np.sort(rng.choice(distinct, min(len(distinct), _LOOKED_AT), replace=False))] if len(distinct) else space[:0]
    choices = [chosen, *(rng.choice(len(space), len(chosen), replace=False) for _ in range(_RANDOM))]
    ours, *random = (_measured(looked, np.concatenate([given, space[choice]]), workers) for choice in choices)
    return {**ours, **{f"random_{name}": float(np.mean([one[name] for one in random])) for name in ours}}


def _measured(looked: Array, targets: Array, workers: Workers) -> dict[str, float]:
    from visdatcompy_ds.kernels.spread import nearest_distances

    if not len(looked) or not len(targets):
        return dict.fromkeys(("mean", "p95", "max"), float("nan"))
    parts = np.array_split(looked, max(1, len(looked) // 256))
    distance = np.concatenate(list(run(parts, lambda part: nearest_distances(part, targets), workers))).astype(np.float64)
    return {"mean": float(distance.mean()), "p95": float(np.percentile(distance, 95)), "max": float(distance.max())}
