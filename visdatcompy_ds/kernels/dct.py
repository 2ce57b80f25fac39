"""How far two pictures lie apart in the lowest frequencies of JPEG's 8 x 8 blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visdatcompy_ds.kernels.compiled import compiled

# (down, across): the first nine frequencies of JPEG's zigzag without the mean; their quantisation is the finest there is.
FREQUENCIES = ((0, 1), (1, 0), (2, 0), (1, 1), (0, 2), (0, 3), (1, 2), (2, 1), (3, 0))
_MOST_BLOCKS = 16_384  # spread evenly over larger pictures


def _basis() -> NDArray[np.float64]:
    """Return the orthonormal DCT-II patterns of the frequencies, (9, 8, 8)."""
    k = np.arange(8)
    waves = np.cos((2 * k[None, :] + 1) * k[:, None] * np.pi / 16) * np.where(k == 0, np.sqrt(1 / 8), 0.5)[:, None]
    return np.stack([np.outer(waves[down], waves[across]) for down, across in FREQUENCIES])


_PATTERNS = _basis()


@compiled
def _energies(left: NDArray[np.uint8], right: NDArray[np.uint8], patterns: NDArray[np.float64], step: int) -> Any:
    rows, columns = left.shape[0] // 8, left.shape[1] // 8
    energy = np.zeros(len(patterns))
    number = 0
    for block in range(0, rows * columns, step):
        top, start = block // columns * 8, block % columns * 8
        number += 1
        for f in range(len(patterns)):
            total = 0.0
            for y in range(8):
                for x in range(8):
                    total += patterns[f, y, x] * (float(left[top + y, start + x]) - float(right[top + y, start + x]))
            energy[f] += total * total
    return energy / max(number, 1)


def energies(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the mean square of the difference's coefficients, by frequency.

    Parameters
    ----------
    left, right : (H, W) uint8 of one shape, as stored: blocks are counted from the top left corner

    Returns
    -------
    (9,) float64
        In squared levels of 255, in the order of ``FREQUENCIES``; zeros where there is no whole block.
    """
    blocks = (left.shape[0] // 8) * (left.shape[1] // 8)
    result: NDArray[np.float64] = _energies(left, right, _PATTERNS, -(-max(blocks, 1) // _MOST_BLOCKS))
    return result
