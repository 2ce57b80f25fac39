"""The commands ``cache info``, ``cache prune`` and ``cache clear``: what earlier runs left for the next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.names import for_display, size_text
from visdatcompy_ds.cli.options import Cache, Json, print_json

app = typer.Typer(help="What is kept between runs, so that unchanged files are not read again. To delete it costs time and nothing else.")


def _folder(cache: str) -> Path:
    from visdatcompy_ds.engine.cache import place_of

    folder = place_of(cache)
    if folder is None:
        raise ArgumentError("The cache is off", 'Allowed: "auto", or a folder', "--cache PATH, or VISDATCOMPY_CACHE without 'off'")
    return folder


@app.command(epilog="Example: visdatcompy-ds cache info")
def info(cache: Cache = "auto", as_json: Json = False) -> None:
    """Say where the cache is, and how much it holds."""
    from visdatcompy_ds.engine import cache as engine

    folder = _folder(cache)
    with engine.Cache(folder) as opened:
        found = opened.summary()
    if as_json:
        print_json({"folder": str(folder), **(found or {})})
    elif found is not None:
        typer.echo(f"Cache  {for_display(str(folder))}")
        typer.echo(f"       {found['files']:,} files known, {found['facts']:,} facts about their contents, {size_text(found['bytes'])}")
        typer.echo("Next: visdatcompy-ds cache prune drops what was not asked for in 90 days, cache clear all of it.")
    if found is None:
        raise typer.Exit(1)


@app.command(epilog="Example: visdatcompy-ds cache prune --older-than 30d")
def prune(
    older_than: Annotated[str, typer.Option("--older-than", metavar="DAYSd", help="Drop what no run asked for in so many days.")] = "90d",
    cache: Cache = "auto",
    as_json: Json = False,
) -> None:
    """Drop files that no run asked for in a while, and what is known of contents that are left nowhere."""
    from visdatcompy_ds.engine import cache as engine

    days = older_than.removesuffix("d")
    if not days.isdigit():
        raise ArgumentError(f"--older-than {older_than}", "Allowed: a number of days", "For example --older-than 30d")
    with engine.Cache(_folder(cache)) as opened:
        dropped = opened.prune(int(days))
    if dropped is None:
        raise typer.Exit(1)
    if as_json:
        print_json(dropped)
    else:
        typer.echo(f"Dropped {dropped['files']:,} files and {dropped['facts']:,} facts.")


@app.command(epilog="Example: visdatcompy-ds cache clear")
def clear(cache: Cache = "auto", as_json: Json = False) -> None:
    """Delete the cache; the next run measures everything anew."""
    from visdatcompy_ds.engine import cache as engine

    freed = engine.clear(_folder(cache))
    if as_json:
        print_json({"bytes": freed})
    else:
        typer.echo(f"Deleted {size_text(freed)}." if freed else "There was nothing to delete.")
