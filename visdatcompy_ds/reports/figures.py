"""Figures by matplotlib, returned and never shown; small pictures as PNG."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray


def picture(rgb: NDArray[np.uint8], title: str) -> Figure:
    """Return a figure of one picture (H, W, 3) uint8 RGB."""
    from matplotlib.figure import Figure

    height, width = rgb.shape[:2]
    scale = 8 / max(width, height)
    figure = Figure(figsize=(max(2.0, width * scale), max(1.5, height * scale) + 0.4), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(rgb)
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()
    return figure


def png(bgr: NDArray[np.uint8], most: int) -> bytes:
    """Return a picture (H, W, 3) uint8 BGR as PNG, reduced to at most `most` pixels a side."""
    import cv2

    height, width = bgr.shape[:2]
    scale = min(1.0, most / max(height, width))
    if scale < 1:
        bgr = cv2.resize(bgr, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".png", bgr)[1].tobytes())
