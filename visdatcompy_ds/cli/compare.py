"""The command ``compare``: pairs of like pictures by one hash or metric."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from visdatcompy_ds.base.errors import ArgumentError, UnknownNameError
from visdatcompy_ds.cli.options import Json, Quiet, Strict, WorkerOption, dataset_of, end, print_json, quoted, refuse_empty, workers_of

if TYPE_CHECKING:
    import pandas as pd

    from visdatcompy_ds.hash import Hash
    from visdatcompy_ds.metrics import Metrics

_SHOWN = 15  # pairs printed
_MOST_CELLS = 1_000_000  # of a matrix that is written, too


def compare(
    left: Annotated[str, typer.Argument(metavar="A", help="Folder, file or pattern.", show_default=False)],
    right: Annotated[str | None, typer.Argument(metavar="[B]", help="Another; without it A within itself.", show_default=False)] = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            "-m",
            metavar="NAME",
            help="A hash (average, phash, dhash, block_mean, marr_hildreth, radial_variance, color_moment) "
            "or a metric (pix2pix, mse, nrmse, ssim, psnr, mae, nmi).",
        ),
    ] = "phash",
    cutoff: Annotated[
        float | None,
        typer.Option("--cutoff", help="How far apart, or alike, pairs may be; else the method's own.", show_default=False),
    ] = None,
    size: Annotated[str, typer.Option("--size", metavar="N|WxH|full", help="Grid on which metrics compare, in pixels.")] = "256",
    turned: Annotated[bool, typer.Option("--turned", help="Hashes: also turned and mirrored pictures.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="New or empty folder for tables, a page and a heat map.", show_default=False)
    ] = None,
    workers: WorkerOption = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
    strict: Strict = False,
) -> None:
    """List the pairs of two folders, or within one, that a hash or a metric finds alike. It proves nothing: clean does."""
    from visdatcompy_ds.catalog.hashes import HASHES
    from visdatcompy_ds.catalog.metrics import METRICS
    from visdatcompy_ds.hash import Hash
    from visdatcompy_ds.metrics import Metrics
    from visdatcompy_ds.reports import tables, text

    if method not in HASHES and method not in METRICS:
        raise UnknownNameError("method", method, [*HASHES, *METRICS])
    if turned and method not in HASHES:
        raise ArgumentError(f"--turned with {method}", "Allowed: hashes, such as phash")
    grid = _size_of(size)
    if out is not None:
        tables.check_folder(out)
    datasets = [dataset_of(folder, "folder:1", None, workers, quiet) for folder in (left, right) if folder is not None]
    for dataset in datasets:
        refuse_empty(dataset)
    bar, threads = False if quiet else None, workers_of(workers)
    other = datasets[1] if len(datasets) > 1 else None
    compared: Hash | Metrics
    if method in HASHES:
        compared = Hash(datasets[0], other, out, threads, bar)
        pairs = compared.pairs(method, cutoff, orientations=turned, expand=True).rename(columns={"distance": "score"})
    else:
        compared = Metrics(datasets[0], other, out, grid, threads, bar)
        pairs = compared.pairs(method, cutoff)
    cells = len(datasets[0]) * len(datasets[-1])
    written = _written(compared, method, pairs, cells) if out is not None else []
    unusable, images = int(pairs.attrs["unusable"]), sum(map(len, datasets))
    if as_json:
        print_json({**pairs.attrs, "images": images, "written": written, "pairs": pairs.to_dict("records")})
    elif not quiet:
        typer.echo(text.pairs(pairs, _SHOWN))
        folders = " ".join(quoted(folder) for folder in (left, right) if folder is not None)
        if out is not None:
            names = ", ".join(Path(path).name for path in written)
            typer.echo(f"Next: open {quoted(out / 'pairs.html')}; {names} are there. No image was changed.")
        else:
            again = f"visdatcompy-ds compare {folders} --method {method}" + (f" --cutoff {cutoff:g}" if cutoff is not None else "")
            typer.echo(
                f"Next: {again} --out results writes tables and a page to look at; visdatcompy-ds clean tells copies from look-alikes."
            )
        typer.echo(f"Done: {images} images" + (f", {unusable} unusable." if unusable else "."))
    end(unusable, strict)


def _size_of(given: str) -> tuple[int, int] | int | None:
    if given == "full":
        return None
    sides = given.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() for side in sides):
        raise ArgumentError(f"--size {given}", "Allowed: a number of pixels, WxH, or full")
    return (int(sides[0]), int(sides[1])) if len(sides) == 2 else int(sides[0])


def _written(compared: Any, method: str, pairs: pd.DataFrame, cells: int) -> list[str]:
    """Write pairs and their page and, where it is of a size to be read, the matrix and its heat map; return the paths."""
    page = compared.report(pairs)
    written = [page, str(Path(page).with_suffix(".csv"))]
    if cells <= _MOST_CELLS:
        matrix = compared.matrix(method)
        written += [compared.save("matrix", matrix), compared.save("heat_map", compared.show(matrix))]
    return written
