"""Figures by matplotlib, returned and never shown; small pictures as PNG."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np

from visdatcompy_ds.base.names import for_display

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_LINES = 60  # of matches, so that a picture stays to be seen
_NAMED, _WRITTEN, _DOTS = 80, 12, 1500  # cells a side up to which ids stand beside, values within, and each has a dot of its own


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


def heat_map(frame: pd.DataFrame, name: str, higher_is_better: bool | None, identical: float = np.nan) -> Figure:
    """Return a heat map of a matrix: like pictures are bright whatever the direction of the metric, cells without a value grey.

    Parameters
    ----------
    frame : DataFrame
        With what ``matrix`` says of itself in ``attrs``.
    name : str
        Of what it holds.
    higher_is_better : bool or None
        None shows plain numbers, large ones bright.
    identical : float
        What equal pictures give: the bright end of the colours, so that they mean the same in every map. Infinite values have a colour of
        their own.
    """
    from matplotlib import colormaps
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    is_better = higher_is_better is not False
    values, step = _best_of_blocks(frame.to_numpy(np.float64), is_better)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    if np.isfinite(identical):
        low, high = min(low, identical), max(high, identical)
    if low == high:  # all alike: bright
        low, high = (low - 1, high) if is_better else (low, high + 1)
    rows, columns = frame.shape
    width = float(np.clip(3 + 0.32 * columns, 6, 11))
    figure = Figure(figsize=(width, float(np.clip(1.8 + 0.32 * rows, 4, 11))), layout="constrained")
    axes = figure.add_subplot()
    endless = "#e8590c" if is_better else "#000000"
    colours = colormaps["viridis" if is_better else "viridis_r"].with_extremes(bad="#b8b8b8", over=endless)
    # Distances that spread over decades, as squared errors do, are shown by their root.
    norm = PowerNorm(0.5 if not is_better and high > 1000 else 1.0, low, high)
    image = axes.imshow(
        np.ma.masked_invalid(np.where(np.isposinf(values), 2 * abs(high) + 1, values)),
        cmap=colours,
        norm=norm,
        aspect="auto",
        interpolation="nearest",
    )
    direction = "" if higher_is_better is None else f" ({'more' if is_better else 'less'} is more alike)"
    bar = figure.colorbar(image, ax=axes, label=name + direction, fraction=0.05, pad=0.02)
    if not is_better:
        bar.ax.invert_yaxis()  # the bright end, like pictures, stands above
    notes = [f"one dot is the best of {step} × {step}"] if step > 1 else []
    notes += ["grey: no value"] if np.isnan(values).any() else []
    notes += [f"{'orange' if is_better else 'black'}: ∞"] if np.isposinf(values).any() else []
    title = name + (f" of {for_display(frame.attrs['datasets'])}" if "datasets" in frame.attrs else "")
    title += f" · {frame.attrs['size']}" if "size" in frame.attrs else ""
    axes.set_title("\n".join([title, "; ".join(notes)]) if notes else title, fontsize=10)
    sides = str(frame.attrs.get("datasets", "")).split(" x ")
    for axis, labels, side in ((axes.xaxis, frame.columns, sides[-1]), (axes.yaxis, frame.index, sides[0])):
        if len(labels) <= _NAMED:
            axis.set_label_text(for_display(side))
            axis.set_ticks(range(len(labels)), [_short(str(label)) for label in labels], fontsize=7 if len(labels) <= 40 else 5)
        else:
            axis.set_label_text(f"{len(labels)} images{f' of {for_display(side)}' if side else ''}, in order")
            if step > 1:
                axis.set_major_formatter(lambda value, _: f"{value * step:.0f}")
    axes.tick_params(axis="x", labelrotation=90 if columns <= _NAMED else 0)
    if max(rows, columns) <= _WRITTEN:
        for (i, j), value in np.ndenumerate(values):
            if not np.isnan(value):
                is_dark = np.isposinf(value) or (norm(value) < 0.6) == is_better
                axes.text(
                    j,
                    i,
                    f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if is_dark else "black",
                )
    return figure


def _best_of_blocks(values: NDArray[np.float64], is_better: bool) -> tuple[NDArray[np.float64], int]:
    """Return a matrix small enough to be shown, and how many cells a side a dot stands for: the best counts, so no match vanishes."""
    step = -(-max(values.shape) // _DOTS)
    if step <= 1:
        return values, 1
    choose = np.fmax if is_better else np.fmin
    rows = choose.reduceat(values, np.arange(0, values.shape[0], step), axis=0)
    return choose.reduceat(rows, np.arange(0, values.shape[1], step), axis=1), step


def _short(label: str) -> str:
    shown = for_display(label)
    return shown if len(shown) <= 28 else "…" + shown[-27:]


def matches(pictures: list[NDArray[np.uint8]], points: list[NDArray[np.float64]], title: str) -> Figure:
    """Return two pictures side by side with lines between points that belong together.

    Parameters
    ----------
    pictures : list of two (H, W, 3) uint8
        RGB.
    points : list of two (m, 2) arrays
        As shares of width and height, 0 to 1.
    title : str
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.patches import ConnectionPatch

    figure = Figure(figsize=(12, 6), layout="constrained")
    axes = figure.subplots(1, 2)
    for axis, picture in zip(axes, pictures, strict=True):
        axis.imshow(picture)
        axis.set_axis_off()
    at = [point * (picture.shape[1], picture.shape[0]) for point, picture in zip(points, pictures, strict=True)]
    shown = np.linspace(0, len(at[0]) - 1, min(len(at[0]), _LINES)).astype(int) if len(at[0]) else np.empty(0, int)
    for k, one in enumerate(shown.tolist()):
        colour = colormaps["viridis"](k / max(1, len(shown) - 1))
        line = ConnectionPatch(
            at[0][one], at[1][one], "data", "data", axesA=axes[0], axesB=axes[1], color=colour, linewidth=0.8, alpha=0.9, arrowstyle="-"
        )
        figure.add_artist(line)
        for axis, place in zip(axes, at, strict=True):
            axis.plot(*place[one], "o", markersize=3.5, color=colour, markeredgecolor="white", markeredgewidth=0.4)
    figure.suptitle(for_display(title), fontsize=10)
    return figure


def to_png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in a script that no font here has becomes boxes
        figure.savefig(stream, format="png", dpi=150)
    return stream.getvalue()
