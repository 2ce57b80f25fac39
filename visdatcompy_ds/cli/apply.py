"""The commands that move files, each of which says first what it will do: apply, undo, purge; and verify, which looks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.names import for_display
from visdatcompy_ds.cli.options import Json, Quiet, print_json, quoted

if TYPE_CHECKING:
    from visdatcompy_ds.receipt import Receipt

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Look at everything, say what would be done, and do nothing.")]
Journal = Annotated[Path, typer.Argument(metavar="RECEIPT", help="The journal that apply named, or the folder it is in.")]


def apply(
    plan: Annotated[Path, typer.Argument(help="plan.json of a run, or the folder it is in.")],
    overrides: Annotated[
        Path | None, typer.Option("--overrides", metavar="FILE", help="Decisions of people, which replace the plan's.", show_default=False)
    ] = None,
    quarantine: Annotated[
        Path | None,
        typer.Option("--quarantine", metavar="DIR", help="Where removed images go; else beside each folder.", show_default=False),
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option("--allow", metavar="NAME", help="A refusal to lift; the preview names them. Several times.")
    ] = None,
    trash: Annotated[bool, typer.Option("--trash", help="From the quarantine go on into the trash of the desktop.")] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Move what a plan removes into a quarantine, each image after a proof on the disk. Nothing is deleted; undo brings it back."""
    from visdatcompy_ds.plan import Plan

    sealed = Plan.load(plan / "plan.json" if plan.is_dir() else plan)
    show = False if quiet or as_json else None

    def step(dry_run: bool) -> Receipt:
        return sealed.apply(dry_run, quarantine, overrides, allow or (), trash, show)

    words, question = ("would trash", "Put them into the trash") if trash else ("would move", "Move them")
    done = _asked(step, (words, "would restore"), question, "to be moved", yes, dry_run, as_json, quiet)
    if done is not None:
        back = "the trash of the desktop" if trash else f"visdatcompy-ds undo {quoted(done.path or '')}"
        has_gone = done.counts.keys() & {"moved", "trashed"}
        _say(done, as_json, quiet, f"Next: {back} brings all back; verify looks after it. Nothing was deleted." if has_gone else "")


def undo(receipt: Journal, yes: Yes = False, dry_run: DryRun = False, as_json: Json = False, quiet: Quiet = False) -> None:
    """Bring back what apply moved; what is back already stays, and a name that was taken meanwhile gets a number."""
    from visdatcompy_ds.receipt import Receipt

    done = _asked(Receipt(receipt).undo, ("would restore",), "Bring them back", "to be brought back", yes, dry_run, as_json, quiet)
    if done is not None:
        _say(done, as_json, quiet, "")


def verify(receipt: Journal, as_json: Json = False, quiet: Quiet = False) -> None:
    """Look, byte for byte, whether what was moved is in the quarantine and the copies that stayed are in their places."""
    from visdatcompy_ds.receipt import Receipt

    _say(Receipt(receipt).verify(), as_json, quiet, "")


def purge(
    folder: Annotated[Path, typer.Argument(metavar="QUARANTINE", help="A quarantine, or the receipt of one removal.")],
    older_than: Annotated[str, typer.Option("--older-than", metavar="DAYS", help="Only what was moved so long ago: 30d, 0.")] = "30d",
    trash: Annotated[bool, typer.Option("--trash", help="Into the trash of the desktop instead.")] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Delete for good what was removed long ago, where the copy that stayed still holds the bytes it was chosen for."""
    from visdatcompy_ds.receipt import Receipt

    try:
        days = float(older_than.removesuffix("d"))
    except ValueError:
        raise ArgumentError(f"--older-than {older_than}", "Allowed: a number of days", "For example 30d") from None

    def step(dry_run: bool) -> Receipt:
        return Receipt(folder).purge(days, dry_run, trash)

    word, question = ("would trash", "Put them into the trash") if trash else ("would purge", "Delete them for good")
    done = _asked(step, (word,), question, "to go for good", yes, dry_run, as_json, quiet)
    if done is not None:
        _say(done, as_json, quiet, "")


def _asked(
    step: Callable[[bool], Receipt],
    words: tuple[str, ...],
    question: str,
    were_to: str,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> Receipt | None:
    """Say what would be done, ask, and do it; None where nothing is to be done or the answer was no."""
    if yes and not dry_run:
        return _done(step)
    from visdatcompy_ds.reports.outcomes import count_text

    tried = step(True)
    count = sum(tried.counts.get(word, 0) for word in words)
    if dry_run or not count:
        _say(tried, as_json, quiet, "")
        return None
    if not as_json and not quiet:
        _print(tried)
    if as_json or quiet or not sys.stdin.isatty():
        raise ArgumentError(f"{count_text(count)} {were_to}, and nobody can be asked", "", "Give --yes to go on, or --dry-run to look only")
    if not typer.confirm(f"{question}?"):
        typer.echo("Nothing was done.")
        return None
    return _done(step)


def _done(step: Callable[[bool], Receipt]) -> Receipt:
    try:
        return step(False)
    except KeyboardInterrupt:
        typer.echo("What was begun stands in the journal: the same command goes on.", err=True)
        raise


def _say(receipt: Receipt, as_json: bool, quiet: bool, next_step: str) -> None:
    if as_json:
        print_json({"counts": receipt.counts, "receipt": receipt.path, "images": receipt.to_frame().to_dict("records")})
    elif not quiet:
        _print(receipt)
        if next_step:
            typer.echo(next_step)
    if receipt.left_undone:
        raise typer.Exit(3)


def _print(receipt: Receipt) -> None:
    if receipt.warning:
        typer.echo(f"Warning: {receipt.warning}")
    typer.echo(receipt.summary())
    if receipt.path is not None:
        typer.echo(f"Receipt: {for_display(receipt.path)}")
