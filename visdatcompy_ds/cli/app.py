"""The commands. Each says what it found, and ends with what to do next; only apply, undo and purge move files, and say what first."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visdatcompy_ds.base.errors import ArgumentError, VisdatError
from visdatcompy_ds.base.names import for_display
from visdatcompy_ds.catalog.metrics import METRICS
from visdatcompy_ds.catalog.policies import POLICIES
from visdatcompy_ds.cli import cache as cache_commands
from visdatcompy_ds.cli.apply import apply, purge, undo, verify
from visdatcompy_ds.cli.compare import compare
from visdatcompy_ds.cli.exporting import check_export, exported, say_exported
from visdatcompy_ds.cli.index import index
from visdatcompy_ds.cli.leakage import leakage
from visdatcompy_ds.cli.options import (
    Cache,
    Export,
    Features,
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
from visdatcompy_ds.cli.sample import draw

if TYPE_CHECKING:
    from visdatcompy_ds.plan import Plan
    from visdatcompy_ds.stages.fingerprint import Counts

app = typer.Typer(
    name="visdatcompy-ds",
    help="Explore folders of images, find what is the same, and draw the most useful ones. Nothing is ever changed by looking.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Take the options that stand before a command."""
    if version:
        from visdatcompy_ds import __version__

        typer.echo(f"visdatcompy_ds {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(epilog="Example: visdatcompy-ds info datasets/trail --deep")
def info(
    folder: Annotated[str, typer.Argument(help="Folder, file or pattern.")],
    deep: Annotated[bool, typer.Option("--deep", help="Decode every image: damage, light, quality.")] = False,
    station: Station = "folder:1",
    label: Label = None,
    workers: WorkerOption = "auto",
    cache: Cache = "auto",
    limit: Limit = None,
    as_json: Json = False,
    quiet: Quiet = False,
    strict: Strict = False,
) -> None:
    """Say what is in a folder: counts, formats, resolutions, cameras, dates, and what cannot be used."""
    dataset = dataset_of(folder, station, label, workers, quiet, cache, limit)
    refuse_empty(dataset)
    summary = dataset.summary(deep)
    if as_json:
        print_json(summary)
    elif not quiet:
        from visdatcompy_ds.reports import text

        typer.echo(text.dataset(dataset.name, dataset.path, summary))
        again = "" if deep or dataset._homes else f"; visdatcompy-ds info {quoted(folder)} --deep decodes every image"
        typer.echo(f"Next: visdatcompy-ds clean {quoted(folder)} finds what is the same{again}.")
    end(len(dataset) - summary["usable"], strict)


@app.command(epilog="Example: visdatcompy-ds clean new_card --against train --sample 500 --out results --export train_more")
def clean(
    folders: Annotated[
        list[str], typer.Argument(metavar="[HAVE] NEW", help="The new folder; before it, optionally, one we have.", show_default=False)
    ],
    against: Annotated[list[str] | None, typer.Option("--against", help="A folder we have: protected. May be given several times.")] = None,
    sample: Annotated[int | None, typer.Option("--sample", help="Also choose N images of what stays.", show_default=False)] = None,
    out: Out = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metrics",
            metavar="NAME",
            help=f"Also look for copies by a metric ({', '.join(METRICS)}). May be given several times.",
            show_default=False,
        ),
    ] = None,
    features: Features = False,
    edited: Annotated[bool, typer.Option("--edited", help="Plan to remove edited copies too.")] = False,
    similar: Annotated[bool, typer.Option("--similar", help="Plan to remove other shots of the same scene too.")] = False,
    label_conflicts: Annotated[
        bool, typer.Option("--label-conflicts", help="Plan to remove copies that are labelled differently, too.")
    ] = False,
    policy: Annotated[str, typer.Option("--policy", metavar="|".join(POLICIES), help="Which of several copies stays.")] = "best",
    export: Export = None,
    how: How = "copy",
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
    """Find which new images we already have or have twice, plan what may go, and choose N of the rest.

    Changes no image: it writes tables, a plan and a page into --out.
    """
    from visdatcompy_ds.stages.act import LIFTS
    from visdatcompy_ds.visdatcompare import VisDatCompare

    if len(folders) > 2:
        raise ArgumentError(f"{len(folders)} folders", "Allowed: NEW, or HAVE NEW", "Give more references with --against, once each")
    check_export(export, how, sample, out)
    target = results_folder(out)
    new = dataset_of(folders[-1], station, label, workers, quiet, cache, limit)
    references = [dataset_of(folder, station, label, workers, quiet, cache, limit) for folder in [*folders[:-1], *(against or [])]]
    for dataset in (new, *references):
        refuse_empty(dataset)
    have = None
    for reference in references:
        have = reference if have is None else have + reference
    comparison = (
        VisDatCompare(new, None, workers=workers_of(workers)) if have is None else VisDatCompare(have, new, workers=workers_of(workers))
    )
    comparison.show_progress = False if quiet else None
    plan = comparison.run(sample, metrics, features, edited, similar, seed, policy=policy, label_conflicts=label_conflicts)
    written = comparison.report(target, "clean")
    placed = exported(plan.selection, export, how)
    if as_json:
        print_json({**plan.facts, "out": str(written), **placed})
    elif not quiet:
        typer.echo(plan.summary())
        say_indexes((new, *references))
        say_exported(placed)
        page = quoted(written / "report.html")
        typer.echo(f"Next: open {page}; plan.csv there lists what may go and why{_and_sample(plan, written)}")
        if plan.facts["removed"]:
            sealed = quoted(written / "plan.json")
            typer.echo(f"      visdatcompy-ds apply {sealed} moves what may go into a quarantine, and undo brings it back")
            for name, count in plan.sealed.refusals().items():
                typer.echo(f"      {count} of them only with --allow {name} ({LIFTS[name]})")
        counts = [dataset.counts for dataset in (new, have) if dataset is not None]
        typer.echo(f"{_last_line(plan, counts)} No image was changed.")
    end(_unusable(plan), strict)


app.command("sample", epilog="Example: visdatcompy-ds sample datasets/trail -n 10 --out chosen")(draw)
app.command(epilog="Example: visdatcompy-ds compare datasets/trail_new datasets/trail --method ssim")(compare)
app.command("index", epilog="Example: visdatcompy-ds index datasets/trail -o trail.vdx")(index)
app.command("apply", epilog="Example: visdatcompy-ds apply results/plan.json")(apply)
app.command("undo", epilog="Example: visdatcompy-ds undo photos.quarantine")(undo)
app.command("verify", epilog="Example: visdatcompy-ds verify photos.quarantine")(verify)
app.command("purge", epilog="Example: visdatcompy-ds purge photos.quarantine --older-than 30d")(purge)
app.command(epilog="Example: visdatcompy-ds leakage datasets/trail datasets/trail_new --fail-if-found")(leakage)

app.add_typer(cache_commands.app, name="cache")


def _and_sample(plan: Plan, written: Path) -> str:
    return "" if plan.selection is None else f", {quoted(written / 'selected.txt')} the chosen paths"


def _unusable(plan: Plan) -> int:
    return sum(entry["images"] - entry["usable"] for entry in plan.facts["datasets"])


def _last_line(plan: Plan, counts: list[Counts]) -> str:
    images = sum(entry["images"] for entry in plan.facts["datasets"])
    unusable, known, recognised = _unusable(plan), sum(one.known for one in counts), sum(one.recognised for one in counts)
    earlier = [f"{known} known from earlier runs" if known else "", f"{recognised} recognised by their content" if recognised else ""]
    told = "".join(f", {text}" for text in earlier if text)
    return f"Done: {images} images{told}" + (f", {unusable} unusable (problems.csv)." if unusable else ".")


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code.

    0 done · 1 error · 2 something was found, with --fail-if-found · 3 unusable images with --strict, a removal that left some undone, or
    images that could not be read with --fail-if-found · 130 interrupted.
    """
    command = typer.main.get_command(app)
    warnings.showwarning = _say_warning
    try:
        outcome = command.main(arguments, prog_name="visdatcompy-ds", standalone_mode=False)
    except VisdatError as error:
        return _failed(str(error))
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone; let the final flush succeed
        return 0
    except Exception as error:
        if not hasattr(error, "format_message"):
            if os.environ.get("VISDATCOMPY_DEBUG"):
                raise
            return _failed(f"Unexpected {type(error).__name__}: {error}. This is a bug of visdatcompy_ds; VISDATCOMPY_DEBUG=1 shows where.")
        return _failed(f"{error.format_message().rstrip('.')}. See visdatcompy-ds --help.")
    return _interrupted() if outcome == 130 else outcome if isinstance(outcome, int) else 0


def _interrupted() -> int:
    typer.echo("Interrupted. What was measured is in the cache, if that is on: the same command goes on from there.", err=True)
    return 130


def _say_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print what a library would warn of as a line for people, without the place in the code."""
    typer.echo(f"Warning: {for_display(str(message))}", err=True)


def _failed(message: str) -> int:
    typer.echo(f"Error: {for_display(message)}", err=True)
    return 1
