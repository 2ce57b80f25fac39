"""The functions of smartdownsample, same names and parameters, by our own means: a change of one import.

    from visdatcompy_ds.smartdownsample import sample_diverse

What differs: exactly N distinct images, also where a path is given twice; the seed matters; near duplicates wait; a file that cannot be
read is an error or is listed, never left out in silence; hashes are taken from upright pictures.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.arguments import path_bytes, whole_number
from visdatcompy_ds.base.errors import ArgumentError, UnreadableImageError
from visdatcompy_ds.base.names import for_display
from visdatcompy_ds.dataset import Dataset
from visdatcompy_ds.downsampler import Downsampler
from visdatcompy_ds.reports import figures, sample_figures, tables
from visdatcompy_ds.selection import Selection
from visdatcompy_ds.stages.thumbnails import difference_hashes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "plot_bucket_distribution",
    "plot_hash_similarity_scatter",
    "print_bucket_summary",
    "sample_diverse",
    "sample_diverse_with_stats",
]

Path = str | os.PathLike[str]
_LISTED = 5


def sample_diverse(
    image_paths: Iterable[Path],
    target_count: int,
    hash_size: int = 8,
    n_workers: int = 4,
    show_progress: bool = True,
    random_seed: int = 42,
    show_summary: bool = True,
    show_distribution: bool = False,
    show_thumbnails: bool = False,
    save_distribution: Path | None = None,
    save_thumbnails: Path | None = None,
    image_loading_errors: str = "raise",
    return_indices: bool = False,
) -> list[str] | list[int]:
    """Choose exactly `target_count` distinct images, or all that can be read where there are fewer.

    Parameters
    ----------
    image_paths : list of path
        A path that stands twice counts once.
    target_count : int
        0 or more.
    hash_size : int
        Side of the dHash in ``hash_arrays``, 2 to 64; buckets are told by 8.
    n_workers : int
        Threads; the choice does not depend on it.
    show_progress : bool
        Show a bar on a terminal when it takes more than two seconds.
    random_seed : int
        The same seed gives the same choice.
    show_summary : bool
        Print how many came from which bucket.
    show_distribution, show_thumbnails : bool
        Show figures: in a notebook below the cell, elsewhere as a file in the current folder whose name is printed.
    save_distribution, save_thumbnails : path, optional
        Where to write them as PNG.
    image_loading_errors : {"raise", "skip"}
        What a file that cannot be read is: an error that lists them, or left out with a warning that lists them.
    return_indices : bool
        Return positions in `image_paths` instead of paths.

    Returns
    -------
    list of str or list of int
        In the order of rank: its first k are a sample of k.
    """
    wishes = locals()
    _check_side(hash_size)
    return sample_diverse_with_stats(**{**wishes, "hash_size": 8})[0]  # nobody sees hashes here


def sample_diverse_with_stats(
    image_paths: Iterable[Path],
    target_count: int,
    hash_size: int = 8,
    n_workers: int = 4,
    show_progress: bool = True,
    random_seed: int = 42,
    show_summary: bool = True,
    show_distribution: bool = False,
    show_thumbnails: bool = False,
    save_distribution: Path | None = None,
    save_thumbnails: Path | None = None,
    image_loading_errors: str = "raise",
    return_indices: bool = False,
) -> tuple[list[str] | list[int], dict[str, Any]]:
    """Choose as :func:`sample_diverse`, and return what was seen, too.

    Returns
    -------
    list
        As :func:`sample_diverse`.
    dict
        ``bucket_stats``, a dict per bucket with bucket, says, original_size, kept, excluded and stride, fullest first; ``all_paths``, of
        all images that could be read; ``selected_indices`` of them; ``hash_arrays``, (n, hash_size²) bool; ``bucket_assignments``, a list
        of their positions by bucket; ``failed``, path and reason of those that could not be read; ``selection``, a Selection.
    """
    whole_number(target_count, "target_count")
    whole_number(n_workers, "n_workers", 1)
    whole_number(random_seed, "random_seed")
    _check_side(hash_size)
    if image_loading_errors not in ("raise", "skip"):
        raise ArgumentError(f"image_loading_errors={image_loading_errors!r}", 'Allowed: "raise" or "skip"')
    if isinstance(image_paths, (str, bytes, os.PathLike)) or not isinstance(image_paths, Iterable):
        raise ArgumentError(
            f"image_paths of type {type(image_paths).__name__}",
            "Allowed: a list of paths",
            "For a folder: Downsampler(Dataset(folder)).sample(n)",
        )
    given = [os.fsdecode(path_bytes(path)) for path in image_paths]
    first: dict[str, int] = {}
    for position, name in enumerate(given):
        first.setdefault(os.path.abspath(name), position)
    if not given:
        lists: dict[str, Any] = {name: [] for name in ("bucket_stats", "all_paths", "selected_indices", "bucket_assignments", "failed")}
        return [], {**lists, "hash_arrays": np.zeros((0, hash_size**2), bool), "selection": None}
    folders = [name for name in first if os.path.isdir(name)]
    failed = [(given[first.pop(name)], "a folder") for name in folders]
    dataset = Dataset(list(first), workers=n_workers, show_progress=None if show_progress else False)
    selection = Downsampler(dataset, workers=n_workers, show_progress=None if show_progress else False).sample(target_count, random_seed)
    table = selection.fingerprints
    failed += [
        (given[first[os.path.abspath(os.fsdecode(table.files.path[row]))]], table.files.reason[row])
        for row in np.flatnonzero(~(table.files.is_usable & table["decoded"])).tolist()
    ]
    _say_failed(failed, image_loading_errors)
    position_of = {row: first[os.path.abspath(os.fsdecode(path))] for row, path in enumerate(table.files.path.tolist())}
    chosen = [position_of[row] for row in selection.chosen.row.tolist()]
    rows = np.sort(selection.sampled.rows)
    stats = _stats(selection, rows)
    stats["hash_arrays"] = difference_hashes(table, rows, hash_size, n_workers)
    stats |= {"all_paths": [given[position_of[row]] for row in rows.tolist()], "failed": failed}
    if show_summary:
        print_bucket_summary(stats["bucket_stats"])
    _shown(selection.plot_distribution, "bucket_distribution.png", show_distribution, save_distribution)
    _shown(selection.plot_thumbnails, "bucket_thumbnails.png", show_thumbnails, save_thumbnails)
    return (chosen if return_indices else [given[position] for position in chosen]), stats


def plot_bucket_distribution(bucket_stats: list[Mapping[str, Any]], save_path: Path | None = None) -> Figure:
    """Return kept and excluded images by bucket as a bar chart; with `save_path` also write it as PNG."""
    names = [str(entry.get("says", entry.get("bucket", number))) for number, entry in enumerate(bucket_stats)]
    seen, kept = (np.array([int(entry[name]) for entry in bucket_stats], np.int64) for name in ("original_size", "kept"))
    figure = sample_figures.distribution(names, seen, kept)
    if save_path is not None:
        tables.save(save_path, figures.to_png(figure))
    return figure


def plot_hash_similarity_scatter(viz_data: Mapping[str, Any], save_path: Path | None = None) -> Figure | str:
    """Return images as dots, like ones near each other; a `save_path` ending in ``.html`` gets a page that shows them under the mouse."""
    selection: Selection | None = viz_data["selection"]
    if selection is None:
        raise ArgumentError("viz_data of no images", "", "Sample some first")
    return selection.plot_scatter(save_path)


def print_bucket_summary(bucket_stats: list[Mapping[str, Any]]) -> None:
    """Print how many images each bucket held and gave."""
    seen, kept = (sum(int(entry[name]) for entry in bucket_stats) for name in ("original_size", "kept"))
    print(f"{kept} of {seen} images, from {sum(entry['kept'] > 0 for entry in bucket_stats)} of {len(bucket_stats)} buckets")  # noqa: T201 - what was asked for
    for entry in sorted(bucket_stats, key=lambda entry: -entry["original_size"]):
        print(f"  {entry['kept']:>7} of {entry['original_size']:<7} {entry.get('says', '')}")  # noqa: T201 - what was asked for


def _check_side(hash_size: int) -> None:
    if not 2 <= whole_number(hash_size, "hash_size") <= 64:
        raise ArgumentError(f"hash_size={hash_size}", "Allowed: 2 to 64")


def _say_failed(failed: list[tuple[str, str]], what: str) -> None:
    if not failed:
        return
    names = "; ".join(f"{for_display(name)}: {reason}" for name, reason in failed[:_LISTED])
    more = f"; and {len(failed) - _LISTED} more" if len(failed) > _LISTED else ""
    message = f"{len(failed)} of the images cannot be used: {names}{more}"
    if what == "raise":
        raise UnreadableImageError(message, "", 'image_loading_errors="skip" leaves them out')
    warnings.warn(message, UserWarning, stacklevel=4)


def _stats(selection: Selection, rows: np.ndarray) -> dict[str, Any]:
    held = selection.sampled
    bucket = dict(zip(held.rows.tolist(), held.bucket.tolist(), strict=True))
    at = {row: position for position, row in enumerate(rows.tolist())}
    frame = selection.buckets.sort_values(["seen", "bucket"], ascending=[False, True])
    buckets = [
        {"bucket": name, "says": says, "original_size": seen, "kept": kept, "excluded": seen - kept, "stride": seen // kept if kept else 0}
        for name, says, seen, kept in frame.itertuples(index=False)
    ]
    members: dict[str, list[int]] = {entry["bucket"]: [] for entry in buckets}
    for row in rows.tolist():
        members[bucket[row]].append(at[row])
    return {
        "bucket_stats": buckets,
        "selected_indices": [at[row] for row in selection.chosen.row.tolist()],
        "bucket_assignments": list(members.values()),
        "selection": selection,
    }


def _shown(make: Any, name: str, is_shown: bool, path: Path | None) -> None:
    if not is_shown and path is None:
        return
    figure = make(path)
    if not is_shown:
        return
    notebook = sys.modules.get("IPython")
    if notebook is not None and notebook.get_ipython() is not None:
        from IPython.display import display

        display(figure)  # type: ignore[no-untyped-call]
    elif path is None:
        stem, number = name.removesuffix(".png"), 2
        while os.path.exists(name):
            name, number = f"{stem}-{number}.png", number + 1
        tables.save(name, figures.to_png(figure))
        print(f"The figure is in {name}.")  # noqa: T201 - what was asked for
    else:
        print(f"The figure is in {for_display(os.fsdecode(path_bytes(path)))}.")  # noqa: T201 - what was asked for
