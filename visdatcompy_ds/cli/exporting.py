"""What ``clean`` and ``sample`` share: placing the chosen images, and saying so."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.names import for_display
from visdatcompy_ds.cli.options import quoted

if TYPE_CHECKING:
    from visdatcompy_ds.selection import Selection

_LISTED = 6


def check_export(export: Path | None, how: str, sample: int | None, out: Path | None) -> None:
    """Refuse what cannot be placed before the work begins."""
    from visdatcompy_ds.engine.move import HOW

    if how not in HOW:
        raise ArgumentError(f"--how {how}", f"Allowed: {', '.join(HOW)}")
    if sample is not None and sample < 0:
        raise ArgumentError(f"A sample of {sample}", "Allowed: a whole number, 0 or more")
    if export is None and how != "copy":
        raise ArgumentError(f"--how {how} without --export", "", "Say where with --export FOLDER")
    if export is not None and out is not None and export.absolute() == out.absolute():
        raise ArgumentError("--export and --out name one folder", "Results and images go into folders of their own", "Choose another one")
    if export is not None and sample is None:
        raise ArgumentError("--export without --sample", "An export places a sample", "Say how many with --sample N")


def exported(selection: Selection | None, folder: Path | None, how: str) -> dict[str, Any]:
    """Place the chosen images and return what was done, for ``--json``."""
    if folder is None or selection is None:
        return {}
    done = dataclasses.asdict(selection.export(folder, how))
    return {"export": {"folder": str(folder), **done, "missing": len(done["missing"])}}


def say_exported(done: dict[str, Any]) -> None:
    """Print what was placed, and what was left as it is."""
    if not done:
        return
    facts = done["export"]
    parts = [f"{facts['placed']} images placed in {quoted(facts['folder'])}"]
    parts += [f"{facts['labels']} label files with them"] if facts["labels"] else []
    parts += [f"{facts['present']} were there already"] if facts["present"] else []
    parts += [f"{facts['missing']} are gone since"] if facts["missing"] else []
    typer.echo(f"Export: {', '.join(parts)}")
    for name in facts["conflicts"][:_LISTED]:
        typer.echo(f"  left as it is, another file has the name: {for_display(name)}")
    if len(facts["conflicts"]) > _LISTED:
        typer.echo(f"  … and {len(facts['conflicts']) - _LISTED} more names that other files have")
