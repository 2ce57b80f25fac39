"""The command ``sample``: exactly N images that show something of everything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from visdatcompy_ds.catalog.buckets import BUCKETS
from visdatcompy_ds.catalog.probes import CLEAN_PROBES
from visdatcompy_ds.cli.exporting import check_export, exported, say_exported
from visdatcompy_ds.cli.options import (
    Cache,
    Export,
    How,
    Json,
    Label,
    Limit,
    Out,
    Quiet,
    Seed,
    Station,
    Strict,
    WorkerOption,
    dataset_of,
    end,
    print_json,
    quoted,
    refuse_empty,
    results_folder,
    say_indexes,
    workers_of,
)


def draw(
    folder: Annotated[str, typer.Argument(help="Folder, file or pattern.")],
    number: Annotated[int, typer.Option("--number", "-n", help="How many images.", show_default=False)],
    given: Annotated[
        list[str] | None, typer.Option("--given", help="A folder already had: never chosen. May be given several times.")
    ] = None,
    out: Out = None,
    export: Export = None,
    how: How = "copy",
    strategy: Annotated[
        str, typer.Option("--strategy", metavar="spread|stride", help="What brings most images near, or an even stride in natural order.")
    ] = "spread",
    rules: Annotated[
        str, typer.Option("--rules", metavar="|".join(BUCKETS), help="How images are put into buckets, each of which gives something.")
    ] = "visual",
    per_group: Annotated[
        str | None,
        typer.Option("--per-group", metavar="COLUMN", help="A share for each station, event, label …", show_default=False),
    ] = None,
    quota: Annotated[
        str, typer.Option("--quota", metavar="proportional|sqrt|equal", help="What a group's share goes by.")
    ] = "proportional",
    max_per_event: Annotated[
        int | None, typer.Option("--max-per-event", metavar="N", help="At most N of an event while others wait.", show_default=False)
    ] = None,
    network: Annotated[
        Path | None, typer.Option("--onnx", metavar="FILE", help="A network whose numbers images lie apart in.", show_default=False)
    ] = None,
    network_side: Annotated[int, typer.Option("--onnx-side", metavar="PIXELS", help="Side of the pictures it takes.")] = 224,
    seed: Seed = 42,
    station: Station = "folder:1",
    label: Label = None,
    workers: WorkerOption = "auto",
    cache: Cache = "auto",
    limit: Limit = None,
    as_json: Json = False,
    quiet: Quiet = False,
    strict: Strict = False,
) -> None:
    """Choose exactly N distinct images that show something of everything."""
    from visdatcompy_ds.downsampler import Downsampler
    from visdatcompy_ds.engine.versions import versions
    from visdatcompy_ds.reports import tables, text

    check_export(export, how, number, out)
    target = results_folder(out)
    dataset = dataset_of(folder, station, label, workers, quiet, cache, limit)
    refuse_empty(dataset)
    had = [dataset_of(name, station, label, workers, quiet, cache, limit) for name in given or []]
    chosen = Downsampler(dataset, rules, workers_of(workers), False if quiet else None).sample(
        number,
        seed,
        had or None,
        strategy,
        per_group,
        quota,
        max_per_event,
        embeddings=network,
        embedding_side=network_side,
    )
    written = tables.prepare_folder(target)
    chosen.save(written / "selected.csv")
    chosen.plot_distribution(written / "buckets.png")
    chosen.plot_scatter(written / "scatter.html")
    tables.save(written / "problems.csv", tables.to_csv(tables.problem_columns(dataset.measured(*CLEAN_PROBES))))
    wishes = {"number": number, "seed": seed, "strategy": strategy, "rules": rules, "per_group": per_group, "quota": quota}
    wishes |= {"max_per_event": max_per_event, "onnx": None if network is None else str(network)}
    tables.save(
        written / "run.json",
        tables.to_json(
            {"command": "sample", "versions": versions(), "source": folder, "given": given or [], **wishes, "counts": chosen.summary()}
        ),
    )
    done = exported(chosen, export, how)
    unusable = len(dataset) - int(dataset.files.is_usable.sum())
    if as_json:
        coverage = chosen.coverage.to_dict("index")
        print_json({**chosen.summary(), "coverage": coverage, "unusable": unusable, "out": str(written), **done})
    elif not quiet:
        say_indexes((dataset, *had))
        typer.echo(text.selection(chosen.summary(), chosen.coverage))
        for line in text.left_out(dataset.problems.to_dict("records")):
            typer.echo(line)
        say_exported(done)
        page = quoted(written / "scatter.html")
        typer.echo(f"Next: open {page}; selected.txt there holds the chosen paths, selected.csv what is known. No image was changed.")
        typer.echo(f"Done: {len(dataset)} images" + (f", {unusable} unusable (problems.csv)." if unusable else "."))
    end(unusable, strict)
