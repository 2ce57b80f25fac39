"""Figures of a sample: what was chosen of each bucket, how it looks, and where it lies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.names import for_display

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

GRID, THUMBNAIL = 10, 48  # small pictures a side of a bucket's grid, and their side in pixels
_FRAME = 4
_DOTS = 20_000
# Blue and orange are told apart by all; what was left is light, so that what was chosen is seen.
CHOSEN, LEFT, GIVEN = "#0b62c4", "#b9c2cc", "#e07b00"


def distribution(buckets: list[str], seen: NDArray[np.int64], chosen: NDArray[np.int64]) -> Figure:
    """Return a bar chart of images chosen and left by bucket, fullest first.

    Parameters
    ----------
    buckets : list of str
    seen, chosen : (b,) int64
    """
    from matplotlib.figure import Figure

    order = np.lexsort((np.array(buckets, str), -seen))[::-1]  # the fullest on top
    figure = Figure(figsize=(9, float(np.clip(1.4 + 0.24 * len(buckets), 2.5, 11))), layout="constrained")
    axes = figure.add_subplot()
    at = np.arange(len(order))
    axes.barh(at, chosen[order], color=CHOSEN, label="chosen")
    axes.barh(at, (seen - chosen)[order], left=chosen[order], color=LEFT, label="left")
    for y, (one, all_) in enumerate(zip(chosen[order].tolist(), seen[order].tolist(), strict=True)):
        axes.text(all_, y, f" {one} of {all_}", ha="left", va="center", fontsize=7)
    axes.set_yticks(at, [for_display(buckets[k]) for k in order.tolist()], fontsize=8)
    axes.set_xlabel("images")
    axes.margins(x=0.12, y=0.01)
    axes.set_title(
        f"{int(chosen.sum())} of {int(seen.sum())} images chosen, from {int((chosen > 0).sum())} of {len(order)} buckets", fontsize=10
    )
    axes.spines[["top", "right"]].set_visible(False)
    if len(order):
        axes.legend(frameon=False, loc="lower right")
    return figure


def thumbnails(
    shown: Mapping[str, NDArray[np.int64]],
    pictures: Mapping[int, NDArray[np.uint8]],
    chosen: set[int],
    counts: Mapping[str, tuple[str, int, int]],
) -> Figure:
    """Return a grid of small pictures for each bucket, fullest first, the chosen ones framed.

    Parameters
    ----------
    shown : mapping of str to (k,) int64
        Rows by bucket, at most 100.
    pictures : mapping of int to (48, 48, 3) uint8 BGR
    chosen : set of int
    counts : mapping of str to (str, int, int)
        By bucket its key in words, images seen and images chosen.
    """
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure

    buckets = sorted(shown, key=lambda name: (-counts[name][1], name))
    columns = min(4, max(1, len(buckets)))
    lines = -(-len(buckets) // columns) or 1
    figure = Figure(figsize=(3.2 * columns, 3.45 * lines + 0.5), layout="constrained")
    colour = np.round(np.array(to_rgb(CHOSEN)) * 255).astype(np.uint8)
    for place, name in enumerate(buckets):
        rows = shown[name].tolist()
        side = max(1, int(np.ceil(np.sqrt(len(rows)))))
        high = -(-len(rows) // side)
        sheet = np.full((high * THUMBNAIL, side * THUMBNAIL, 3), 255, np.uint8)
        for k, row in enumerate(rows):
            picture = pictures.get(row, np.full((THUMBNAIL, THUMBNAIL, 3), 230, np.uint8))[:, :, ::-1].copy()
            if row in chosen:
                inner = picture[_FRAME:-_FRAME, _FRAME:-_FRAME].copy()
                picture[:] = colour
                picture[_FRAME:-_FRAME, _FRAME:-_FRAME] = inner
            y, x = divmod(k, side)
            sheet[y * THUMBNAIL : (y + 1) * THUMBNAIL, x * THUMBNAIL : (x + 1) * THUMBNAIL] = picture
        axes = figure.add_subplot(lines, columns, place + 1)
        axes.imshow(sheet)
        axes.set_axis_off()
        says, seen, taken = counts[name]
        some = f", {len(rows)} shown" if len(rows) < seen else ""
        axes.set_title(f"{for_display(says)}\n{taken} of {seen}{some}", fontsize=8)
    total = [sum(chosen for _, _, chosen in counts.values()), sum(seen for _, seen, _ in counts.values())]
    figure.suptitle(f"{total[0]} of {total[1]} images chosen: framed" if buckets else "no images", fontsize=10)
    return figure


def scatter(space: NDArray[np.float32], is_chosen: NDArray[np.bool_], given: NDArray[np.float32]) -> Figure:
    """Return images as dots in the two directions in which they differ most.

    Parameters
    ----------
    space : (n, d) float32
    is_chosen : (n,) bool
    given : (g, d) float32
        Images that were had before.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.add_subplot()
    parts: list[tuple[str, Any, str, float]] = [
        ("left", space[~is_chosen], LEFT, 8),
        ("had before", given, GIVEN, 14),
        ("chosen", space[is_chosen], CHOSEN, 18),
    ]
    for name, points, colour, size in parts:
        if len(points):
            some = points[:: max(1, -(-len(points) // _DOTS))]
            second = some[:, 1] if some.shape[1] > 1 else np.zeros(len(some))
            marker = "^" if name == "had before" else "o"
            axes.scatter(some[:, 0], second, s=size, c=colour, label=f"{name} ({len(points)})", marker=marker, linewidths=0, alpha=0.85)
    axes.set_title(f"{int(is_chosen.sum())} of {len(space)} images; like ones lie near each other", fontsize=10)
    axes.set_xlabel("first direction in which images differ")
    axes.set_ylabel("second")
    axes.spines[["top", "right"]].set_visible(False)
    if len(space) + len(given):
        axes.legend(frameon=False, fontsize=8)
    return figure
