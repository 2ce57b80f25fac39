"""How a picture looks, in numbers that cost no second decode: where which colours are, and where edges lie which way.

A distance of two looks is a property of the two pictures alone, whatever else is in a dataset. Frames of a burst are 8 to 20 apart, shots
that a hand or a belt moved a little 30 to 60, different animals before one fixed camera 54 and more; of 3.7 million pairs of different
photos of clothes, cats and dogs 5 are within 70, and so are 99 % of the pairs of frames of a burst that was shifted, zoomed, lit and
saved anew (benchmarks/sampling.py makes such bursts).
"""

from __future__ import annotations

from typing import Any

LOOK = {"layout": 1, "edge_histogram": 64}  # columns, and what a squared step of each weighs: Lab spans 255 steps, a histogram's root few
NEAR = 70.0  # within this two pictures are near duplicates for a sample: one of them can wait
UNIT = 8  # of the root of the weighted sum, to a unit of distance


def looks(columns: Any) -> tuple[Any, Any]:
    """Return looks of n images and the weights of their squared differences; the root of the weighted sum is 8 times the distance.

    Parameters
    ----------
    columns : mapping
        "layout" (n, 192) uint8 and "edge_histogram" (n, 128) uint8.

    Returns
    -------
    looks : (n, 320) uint8
    weights : (320,) int32
    """
    import numpy as np

    parts = [columns[name] for name in LOOK]
    weights = [np.full(part.shape[1], weight, np.int32) for part, weight in zip(parts, LOOK.values(), strict=True)]
    return np.concatenate(parts, axis=1), np.concatenate(weights)
