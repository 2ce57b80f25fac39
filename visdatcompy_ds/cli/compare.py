"""The command ``compare``: pairs of like pictures by one hash or metric."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from visdatcompy_ds.base.errors import ArgumentError, EmptySourceError, UnknownNameError
from visdatcompy_ds.catalog.features import EXTRACTORS
from visdatcompy_ds.catalog.hashes import HASHES
from visdatcompy_ds.catalog.metrics import METRICS
from visdatcompy_ds.cli.options import (
    Cache,
    Json,
    Limit,
    Quiet,
    Strict,
    WorkerOption,
    dataset_of,
    end,
    print_json,
    quoted,
    refuse_empty,
    workers_of,
)

if TYPE_CHECKING:
    import pandas as pd

    from visdatcompy_ds.feature_extractor import FeatureExtractor
    from visdatcompy_ds.hash import Hash
    from visdatcompy_ds.metrics import Metrics

_SHOWN = 15  # pairs printed
_MOST_CELLS = 250_000  # of a matrix that is written, too


def compare(
    left: Annotated[str, typer.Argument(metavar="A", help="Folder, file or pattern.", show_default=False)],
    right: Annotated[str | None, typer.Argument(metavar="[B]", help="Another; without it A within itself.", show_default=False)] = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            "-m",
            metavar="NAME",
            help=f"A hash ({', '.join(HASHES)}), a metric ({', '.join(METRICS)}) or local features ({', '.join(EXTRACTORS)}).",
        ),
    ] = "phash",
    cutoff: Annotated[
        float | None,
        typer.Option("--cutoff", help="How far apart, or alike, pairs may be; else the method's own.", show_default=False),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="N|WxH|full", help="Grid on which metrics compare, in pixels; else 256.", show_default=False),
    ] = None,
    turned: Annotated[bool, typer.Option("--turned", help="Hashes: also turned and mirrored pictures.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="New or empty folder for tables, a page and a heat map.", show_default=False)
    ] = None,
    workers: WorkerOption = "auto",
    cache: Cache = "auto",
    limit: Limit = None,
    as_json: Json = False,
    quiet: Quiet = False,
    strict: Strict = False,
) -> None:
    """List the pairs of two folders, or within one, that a hash, a metric or local features find alike."""
    from visdatcompy_ds.feature_extractor import FeatureExtractor
    from visdatcompy_ds.hash import Hash
    from visdatcompy_ds.metrics import Metrics
    from visdatcompy_ds.reports import tables, text

    method = method.lower()
    if method not in HASHES and method not in METRICS and method not in EXTRACTORS:
        raise UnknownNameError("method", method, [*HASHES, *METRICS, *EXTRACTORS])
    if cutoff is not None and method in EXTRACTORS:
        raise ArgumentError(f"--cutoff with {method}", "Allowed: hashes and metrics", "Features prove a pair or they do not")
    if turned and method not in HASHES:
        raise ArgumentError(f"--turned with {method}", "Allowed: hashes, such as phash")
    if size is not None and (method not in METRICS or METRICS[method].reads == "digest"):
        raise ArgumentError(f"--size with {method}", "Allowed: metrics of pictures, such as ssim", "Others see pictures of their own size")
    grid = _size_of(size)
    datasets = [dataset_of(folder, "folder:1", None, workers, quiet, cache, limit) for folder in (left, right) if folder is not None]
    for dataset in datasets:
        refuse_empty(dataset)
    if out is not None:
        tables.prepare_folder(out)  # whether it can be written shows before the work
    bar, threads = False if quiet else None, workers_of(workers)
    other = datasets[1] if len(datasets) > 1 else None
    compared: Hash | Metrics | FeatureExtractor
    if method in HASHES:
        compared = Hash(datasets[0], other, out, threads, bar)
        pairs = compared.pairs(method, cutoff, orientations=turned, expand=True).rename(columns={"distance": "score"})
    elif method in EXTRACTORS:
        compared = FeatureExtractor(datasets[0], other, method, out, threads, bar)
        pairs = compared.pairs()
    else:
        compared = Metrics(datasets[0], other, out, grid, threads, bar)
        pairs = compared.pairs(method, cutoff)
    is_within = compared.dataset2 is None
    images = sum(map(len, datasets[:1] if is_within else datasets))
    unusable = int(pairs.attrs["unusable"])
    if unusable == images:
        raise EmptySourceError(f"None of the {images} images can be read", "", "visdatcompy-ds info DIR --deep says why")
    written = _written(compared, method, pairs, len(datasets[0]) * len(datasets[-1])) if out is not None else []
    if as_json:
        print_json({**pairs.attrs, "images": images, "written": written, "pairs": pairs.to_dict("records")})
    elif not quiet:
        if is_within and other is not None:
            typer.echo("Both are the same images: they are compared among themselves.")
        typer.echo(text.pairs(pairs, _SHOWN, shutil.get_terminal_size().columns if sys.stdout.isatty() else None))
        _say_next(written, [folder for folder in (left, right) if folder is not None], method, cutoff, size, turned)
        typer.echo(f"Done: {images} image{'' if images == 1 else 's'}" + (f", {unusable} unusable." if unusable else "."))
    end(unusable, strict)


def _say_next(written: list[str], folders: list[str], method: str, cutoff: float | None, size: str | None, turned: bool) -> None:
    if written:
        names = ", ".join(Path(path).name for path in written)
        typer.echo(f"Next: open {quoted(written[0])}; {names} are there. No image was changed.")
        return
    again = ["visdatcompy-ds compare", *map(quoted, folders), "--method", method]
    again += [] if cutoff is None else ["--cutoff", repr(cutoff)]
    again += [] if size is None else ["--size", size]
    again += ["--turned"] if turned else []
    typer.echo(
        f"Next: {' '.join(again)} --out results writes tables and a page to look at; visdatcompy-ds clean tells copies from look-alikes."
    )


def _size_of(given: str | None) -> tuple[int, int] | int | None:
    if given is None:
        return 256
    if given.lower() == "full":
        return None
    sides = given.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and 1 <= int(side) <= 65_535 for side in sides):
        raise ArgumentError(f"--size {given}", "Allowed: a number of pixels or WxH, 1 to 65535, or full")
    return (int(sides[0]), int(sides[1])) if len(sides) == 2 else int(sides[0])


def _written(compared: Any, method: str, pairs: pd.DataFrame, cells: int) -> list[str]:
    """Write a page of pairs and their table and, where it is of a size to be read, the matrix and its heat map; return the paths."""
    page = compared.report(pairs)
    written = [page, str(Path(page).with_suffix(".csv"))]  # both under one name
    if cells <= _MOST_CELLS and hasattr(compared, "matrix"):
        matrix = compared.matrix(method)
        written += [compared.save("matrix", matrix), compared.save("heat_map", compared.show(matrix))]
    return written
