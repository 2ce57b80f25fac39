"""The command ``index``: what a folder holds, kept in one file that answers while the photos are offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from visdatcompy_ds.base.names import for_display, size_text
from visdatcompy_ds.cli.options import (
    Cache,
    Json,
    Label,
    Quiet,
    Station,
    Strict,
    WorkerOption,
    dataset_of,
    end,
    print_json,
    quoted,
    refuse_empty,
    workers_of,
)


def index(
    folder: Annotated[str, typer.Argument(help="Folder, file or pattern; or a saved index, to save it again.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="F.vdx", help="The index; an older one is replaced.", show_default=False)],
    root: Annotated[
        Path | None, typer.Option("--root", metavar="DIR", help="Of a saved index: where its photos are now.", show_default=False)
    ] = None,
    station: Station = "folder:1",
    label: Label = None,
    workers: WorkerOption = "auto",
    cache: Cache = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
    strict: Strict = False,
) -> None:
    """Save what is known of each image of a folder in one file, which stands for the folder wherever one is asked for.

    Comparing and sampling against it need no photo, but for pairs that only full resolution can tell.
    """
    if root is None:
        dataset = dataset_of(folder, station, label, workers, quiet, cache)
    else:
        from visdatcompy_ds.dataset import Dataset

        # What is not named stays as it was saved; ``station`` has a default that says so.
        rules = {name: rule for name, rule, default in (("station", station, "folder:1"), ("label", label, None)) if rule != default}
        progress = False if quiet else None
        dataset = Dataset.load(folder, root, workers=workers_of(workers), cache=cache, show_progress=progress, **rules)
    refuse_empty(dataset)
    written = dataset.save(out)
    usable = int(dataset.files.is_usable.sum())
    size, images, others = written.stat().st_size, len(dataset), len(dataset.files) - len(dataset)
    each = round(size / images)
    if as_json:
        facts = {"index": str(written), "source": dataset.path, "images": images, "usable": usable, "other_files": others}
        print_json({**facts, "size_bytes": size, "bytes_per_image": each})
    elif not quiet:
        beside = f" and the names of {others} other file{'' if others == 1 else 's'}" if others else ""
        typer.echo(
            f"Saved {for_display(str(written))}: {images} image{'' if images == 1 else 's'}{beside} of {for_display(dataset.path)}, "
            f"{size_text(size)} ({each} bytes an image)"
        )
        typer.echo(
            f"Next: visdatcompy-ds clean NEW --against {quoted(written)} tells which new photos are in it, also while these are offline."
        )
        unusable = f", {images - usable} unusable: visdatcompy-ds info {quoted(written)} --deep says why" if images > usable else ""
        typer.echo(f"Done: {images} image{'' if images == 1 else 's'}{unusable}. No image was changed.")
    end(images - usable, strict)
