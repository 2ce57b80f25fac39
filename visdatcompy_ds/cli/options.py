"""What commands share: options, the datasets they name, and how they end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.names import for_display

if TYPE_CHECKING:
    from visdatcompy_ds.dataset import Dataset

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
WorkerOption = Annotated[
    str,
    typer.Option(
        "--workers", metavar="auto|N|processes[:N]|threads[:N]", help="'auto' is one per core: threads, or for large folders processes."
    ),
]
Cache = Annotated[
    str,
    typer.Option("--cache", metavar="auto|off|PATH", help="Where what is measured is kept, so that unchanged files are not read again."),
]
Limit = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=N",
        help="Raise or lower what is refused: max_pixels, max_file_bytes, max_scans, max_metadata_bytes, max_seconds, max_memory_bytes.",
        show_default=False,
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 3 when images were unusable.")]
Label = Annotated[
    str | None,
    typer.Option("--label", metavar="folder:K", help="Which folder names the class: copies of two classes stay.", show_default=False),
]
Station = Annotated[str, typer.Option("--station", metavar="folder:K", help="Which folder of a path names the station; -1 is the last.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="New or empty folder for the results; else 'results', 'results-2' ….", show_default=False)
]
Seed = Annotated[int, typer.Option("--seed", help="Of the sample: the same seed gives the same choice.")]
Export = Annotated[
    Path | None, typer.Option("--export", help="Also place the chosen images below this folder; never overwrites.", show_default=False)
]
How = Annotated[str, typer.Option("--how", metavar="copy|hardlink|symlink", help="How --export places them.")]
Features = Annotated[bool, typer.Option("--features", help="Also look for edited copies by local features: cropped, turned, mirrored ….")]


def dataset_of(
    folder: str, station: str, label: str | None, workers: str, quiet: bool, cache: str, limit: list[str] | None = None
) -> Dataset:
    """Return the dataset of a folder that was named."""
    from visdatcompy_ds.dataset import Dataset

    show, limits = False if quiet else None, limits_of(limit)
    return Dataset(folder, station=station, label=label, workers=workers_of(workers), cache=cache, limits=limits, show_progress=show)


def limits_of(given: list[str] | None) -> dict[str, int] | None:
    """Return ``--limit`` as numbers by name; None where none was given."""
    limits: dict[str, int] = {}
    for text in given or []:
        name, _, number = text.partition("=")
        if not number.replace("_", "").isdigit():
            raise ArgumentError(f"--limit {text}", "Allowed: a name with a whole number", "For example --limit max_pixels=400000000")
        limits[name] = int(number)
    return limits or None


def workers_of(text: str) -> int | str:
    """Return ``--workers`` as a number where it is one."""
    try:
        return int(text)
    except ValueError:
        return text


def say_indexes(datasets: Iterable[Dataset]) -> None:
    """Say of saved indexes whose photos are not, or not all, as they were when they were saved."""
    from visdatcompy_ds.reports import text
    from visdatcompy_ds.stages import whereabouts

    for dataset in datasets:
        for home in dataset._homes:
            now = whereabouts.standing(dataset.files, home)
            if now["changed"] or now["there"] < now["photos"]:
                typer.echo(f"Index {text.saved_index(now)}")


def refuse_empty(dataset: Dataset) -> None:
    """Raise an error that says what is there instead of images."""
    from visdatcompy_ds.base.errors import EmptySourceError

    if len(dataset):
        return
    reasons = dataset.files.reason.tolist()
    kinds = ", ".join(f"{reasons.count(reason)} × {reason}" for reason in sorted(set(reasons)))
    found = f"only {kinds}" if kinds else "it is empty"
    raise EmptySourceError(f"No images in {for_display(dataset.path)}: {found}", "", "Check the folder")


def results_folder(out: Path | None) -> Path:
    """Return where results go; a folder that was named must be new or empty, the default gets a number."""
    if out is None:
        number = 1
        while (path := Path("results" if number == 1 else f"results-{number}")).exists():
            number += 1
        return path
    from visdatcompy_ds.reports import tables

    tables.check_folder(out)
    return out


def print_json(value: Any) -> None:
    """Print a result for machines."""
    from visdatcompy_ds.reports import tables

    typer.echo(tables.to_json(value).decode("utf-8"), nl=False)


def quoted(path: str | Path) -> str:
    """Return a path as a shell takes it."""
    text = for_display(str(path))
    return f"'{text}'" if " " in text else text


def end(unusable: int, strict: bool) -> None:
    """End with 3 where images were unusable and that was asked for."""
    if strict and unusable:
        raise typer.Exit(3)
