"""The eight ways a picture can lie: turned by quarters, and mirrored first or not."""

from __future__ import annotations

from typing import Any

# In words, each says what was done to the left picture to get the right one; quarters are clockwise, mirroring is left to right.
TURNS = (
    "same",
    "rotated 90",
    "rotated 180",
    "rotated 270",
    "mirrored",
    "mirrored, rotated 90",
    "mirrored, rotated 180",
    "mirrored, rotated 270",
)


def turned(pictures: Any, turn: int) -> Any:
    """Return pictures (n, side, side, ...) turned, C order.

    >>> import numpy as np
    >>> turned(np.array([[[1, 2], [3, 4]]]), TURNS.index("rotated 90")).tolist()
    [[[3, 1], [4, 2]]]
    """
    import numpy as np

    return np.ascontiguousarray(np.rot90(pictures[:, :, ::-1] if turn >= 4 else pictures, -(turn % 4), axes=(1, 2)))


def inverse_turn(turn: int) -> int:
    """Return the turn that undoes another: a mirrored one undoes itself."""
    return turn if turn >= 4 else (4 - turn) % 4
