"""The command ``leakage``: which test images are in train."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from visdatcompy_ds.base.errors import UnknownNameError
from visdatcompy_ds.catalog.leaks import COPIES, LEVELS
from visdatcompy_ds.cli.options import (
    Cache,
    Features,
    Json,
    Label,
    Limit,
    Quiet,
    Station,
    Strict,
    WorkerOption,
    dataset_of,
    end,
    print_json,
    quoted,
    refuse_empty,
    say_indexes,
    workers_of,
)


def leakage(
    train: Annotated[str, typer.Argument(metavar="TRAIN", help="Folder, file or pattern.", show_default=False)],
    test: Annotated[str, typer.Argument(metavar="TEST", help="The other one.", show_default=False)],
    fail_if_found: Annotated[
        bool, typer.Option("--fail-if-found", help="Exit with 2 when something is found, with 3 when it cannot be told of all.")
    ] = False,
    level: Annotated[
        str,
        typer.Option("--level", metavar="LEVEL", help=f"The weakest level that --fail-if-found counts: {', '.join(LEVELS)}."),
    ] = "event",
    features: Features = False,
    out: Annotated[Path | None, typer.Option("--out", help="New or empty folder for leakage.csv and run.json.", show_default=False)] = None,
    station: Station = "folder:1",
    label: Label = None,
    workers: WorkerOption = "auto",
    cache: Cache = "auto",
    limit: Limit = None,
    as_json: Json = False,
    quiet: Quiet = False,
    strict: Strict = False,
) -> None:
    """Tell which test images are in train: as copies, edited, from one event, from one camera; and which could not be read."""
    from visdatcompy_ds.engine.versions import versions
    from visdatcompy_ds.reports import leakage as report
    from visdatcompy_ds.reports import tables
    from visdatcompy_ds.visdatcompare import VisDatCompare

    if level not in LEVELS:
        raise UnknownNameError("level", level, LEVELS)
    have, asked = (dataset_of(folder, station, label, workers, quiet, cache, limit) for folder in (train, test))
    for dataset in (have, asked):
        refuse_empty(dataset)
    if out is not None:
        tables.prepare_folder(out)  # whether it can be written shows before the work
    compared = VisDatCompare(have, asked, workers=workers_of(workers), show_progress=False if quiet else None)
    found = compared.leakage(features)
    if out is not None:
        tables.save(out / "leakage.csv", tables.frame_csv(found))
        facts = {"command": "leakage", "versions": versions(), "train": train, "test": test, "features": features, "counts": found.attrs}
        tables.save(out / "run.json", tables.to_json(facts))
    if as_json:
        leaks = found[found["level"] != ""]
        print_json({**found.attrs, "out": None if out is None else str(out), "leaks": leaks.to_dict("records")})
    elif not quiet:
        typer.echo(report.words(found))
        say_indexes((have, asked))
        typer.echo(_next(found.attrs, train, test, features, out))
    serious = list(LEVELS)[: list(LEVELS).index(level) + 1]
    if fail_if_found and any(found.attrs["levels"][name] for name in serious):
        raise typer.Exit(2)
    if fail_if_found and any(found.attrs[name] for name in ("unread", "train_unread", "undecided")):
        raise typer.Exit(3)
    end(found.attrs["unread"] + found.attrs["train_unread"], strict)


def _next(facts: Mapping[Any, Any], train: str, test: str, features: bool, out: Path | None) -> str:
    """Return what to do next."""
    steps, levels = [], facts["levels"]
    if levels["same_file"]:
        steps.append("list files that are in both on one side only")
    if any(levels[name] for name in COPIES if name != "same_file"):
        steps.append(f"visdatcompy-ds clean {quoted(train)} --against {quoted(test)} plans which copies may go from train")
    elif not levels["same_file"] and not features:
        steps.append(f"visdatcompy-ds leakage {quoted(train)} {quoted(test)} --features also looks for cropped, turned and mirrored copies")
    if levels["event"]:
        steps.append("split by event, or by station, not by image")
    steps.append(f"{quoted(out / 'leakage.csv')} lists every test image" if out else "--out FOLDER writes the table of every test image")
    return f"Next: {'; '.join(steps)}. No image was changed."
