"""The page of a run: one self-contained file without scripts, links or absolute paths."""

from __future__ import annotations

import base64
import collections
import functools
import hashlib
import importlib.resources
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds import __version__
from visdatcompy_ds.base.names import for_display, size_text
from visdatcompy_ds.base.tables import CLASSES, Fingerprints, SelectionTable
from visdatcompy_ds.catalog.buckets import BUCKETS
from visdatcompy_ds.reports import text
from visdatcompy_ds.reports.sample_figures import CHOSEN, GIVEN, LEFT
from visdatcompy_ds.stages.compare import Comparison
from visdatcompy_ds.stages.sample import Sampled
from visdatcompy_ds.stages.sample.space import projected
from visdatcompy_ds.stages.thumbnails import thumbnails

if TYPE_CHECKING:
    import jinja2
    import pandas as pd

# A page stays light: beyond this the tables hold the rest, and the page says so.
_MOST_GROUPS, _MOST_CHOSEN, _MOST_PROBLEMS, _MOST_PAIRS = 150, 120, 200, 60
_MOST_LISTED = 200  # of a page of pairs
_MOST_DOTS, _MOST_PICTURES = 20_000, 1000  # of a scatter, and of each kind those that show a picture
WORDS = {
    "same_file": "the same file by two paths",
    "bytes": "same bytes",
    "pixels": "same pixels, other file",
    "reencoded": "same shot, re-saved",
    "edited": "same shot, edited",
    "similar": "another shot of the scene",
    "undecided": "cannot be told",
}


def page(
    table: Fingerprints, found: Comparison, facts: Mapping[str, Any], chosen: SelectionTable | None, cache: Path | None = None
) -> bytes:
    """Return report.html.

    Parameters
    ----------
    table : Fingerprints
    found : Comparison
    facts : mapping
        Counts, as ``Plan.facts`` gives them.
    chosen : SelectionTable or None
    cache : Path, optional
        Where small pictures of contents are kept between runs.
    """
    groups = _groups(table, found)
    looks = _looks(table, found)
    sample = [] if chosen is None else chosen.row[:_MOST_CHOSEN].tolist()
    shown = (
        [card["row"] for group in groups[:_MOST_GROUPS] for card in group["cards"]]
        + [row for pair in looks for row in pair["rows"]]
        + sample
    )
    return _rendered(
        "report.html.j2",
        table,
        shown,
        facts=facts,
        groups=groups[:_MOST_GROUPS],
        more_groups=max(0, len(groups) - _MOST_GROUPS),
        looks=looks,
        sample=[_card(table, row) for row in sample],
        more_chosen=0 if chosen is None else max(0, len(chosen) - _MOST_CHOSEN),
        problems=facts["problems"][:_MOST_PROBLEMS],
        more_problems=max(0, len(facts["problems"]) - _MOST_PROBLEMS),
        words=WORDS,
        cache=cache,
    )


def pairs_page(table: Fingerprints, pairs: pd.DataFrame, whole: str) -> bytes:
    """Return a page of pairs side by side.

    Parameters
    ----------
    table : Fingerprints
        With the columns of ``HEADER_PROBES`` and the context.
    pairs : DataFrame
        left_dataset, left_id, right_dataset, right_id, and score or distance, or class with the evidence of features; the first of them
        are shown.
    whole : str
        Name of the file that holds all of them.
    """
    files, attributes = table.files, pairs.attrs
    is_classed = "class" in pairs.columns
    facts: dict[str, Any] = {"is_classed": is_classed, "name": attributes.get("metric", attributes.get("method"))}
    facts["cutoff"] = attributes.get("cutoff", attributes.get("max_distance"))
    is_higher = attributes.get("higher_is_better", False if "method" in attributes and not is_classed else None)
    facts["direction"] = "" if is_higher is None else f", {'more' if is_higher else 'less'} is more alike"
    facts |= {name: attributes.get(name) for name in ("datasets", "size", "unusable", "same_file")}
    row_of = {(files.dataset_name(row), files.id[row]): row for row in range(len(table))}
    entries: list[dict[str, Any]] = []
    for pair in pairs.head(_MOST_LISTED).rename(columns={"distance": "score", "class": "klass"}).itertuples():
        rows = [row_of.get((pair.left_dataset, pair.left_id), -1), row_of.get((pair.right_dataset, pair.right_id), -1)]
        if min(rows) >= 0:  # pairs of other datasets have no picture here
            notes = [
                str(getattr(pair, "transform", "same")),
                "within the cut-off of duplicates" if getattr(pair, "is_duplicate", False) else "",
                text.evidence(pair) if is_classed else "",
            ]
            note = "; ".join(note for note in notes if note not in ("", "same"))
            entries.append(
                {"cards": [_card(table, row) for row in rows], "score": pair.klass if is_classed else f"{pair.score:.4g}", "note": note}
            )
    shown = [card["row"] for entry in entries for card in entry["cards"]]
    return _rendered(
        "pairs.html.j2", table, shown, facts=facts, pairs=entries, total=len(pairs), more=len(pairs) - len(entries), whole=whole
    )


def _rendered(template: str, table: Fingerprints, shown: Sequence[int], cache: Path | None = None, **values: Any) -> bytes:
    """Return a page of a template, with small pictures of the rows it shows."""
    small = thumbnails(table, np.array(shown, np.int64), cache=cache)
    pictures = {row: base64.b64encode(data).decode() for row, data in small.items()}
    made = _environment().get_template(template).render(pictures=pictures, version=__version__, **values)
    return made.encode("utf-8", "backslashreplace")


@functools.cache
def _environment() -> jinja2.Environment:
    """Return what makes pages; templates are read once, and do not change while a program runs."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("visdatcompy_ds.reports"), autoescape=True, trim_blocks=True, lstrip_blocks=True, auto_reload=False
    )
    made.filters["shown"] = for_display
    made.filters["path"] = _breakable
    return made


def _breakable(path: str) -> Any:
    """Return a path as escaped markup that may break after each folder."""
    import markupsafe

    return markupsafe.Markup("/<wbr>").join(for_display(path).split("/"))


def _card(table: Fingerprints, row: int) -> dict[str, Any]:
    """Return what the page says of one image."""
    width, height = int(table["width"][row]), int(table["height"][row])
    taken = table["taken"][row]
    return {
        "row": row,
        "dataset": table.files.dataset_name(row),
        "id": table.files.id[row],
        "width": width,
        "height": height,
        "facts": f"{width} × {height}, {size_text(int(table.files.size_bytes[row]))}",
        "taken": "" if np.isnat(taken) else str(taken)[:19].replace("T", " "),
        "station": table["station"][row],
    }


def _groups(table: Fingerprints, found: Comparison) -> list[dict[str, Any]]:
    """Return the groups of the plan: the keeper first, then each member with its evidence."""
    plan = found.plan
    by_keeper: dict[int, list[dict[str, Any]]] = collections.defaultdict(list)
    for at in range(len(plan)):
        card = _card(table, int(plan.row[at]))
        score = plan.score[at]
        card.update(action=plan.action[at], klass=plan.klass[at], reason=plan.reason[at], is_keeper=plan.row[at] == plan.keeper[at])
        card["evidence"] = f"{plan.measure[at]} {score:.3f}" if plan.klass[at] == "reencoded" else plan.measure[at]
        by_keeper[int(plan.keeper[at])].append(card)
    return [{"cards": cards} for _, cards in sorted(by_keeper.items())]


def _looks(table: Fingerprints, found: Comparison) -> list[dict[str, Any]]:
    """Return the pairs a person should look at: edited and undecided ones."""
    at = np.flatnonzero(found.pairs.of_class("edited", "undecided"))[:_MOST_PAIRS]
    return [
        {
            "rows": [int(found.pairs.left[k]), int(found.pairs.right[k])],
            "cards": [_card(table, int(found.pairs.left[k])), _card(table, int(found.pairs.right[k]))],
            "klass": CLASSES[int(found.pairs.klass[k])],
            "evidence": f"{found.pairs.measure[k]} {found.pairs.score[k]:.3f}"
            if not np.isnan(found.pairs.score[k])
            else found.pairs.measure[k],
        }
        for k in at.tolist()
    ]


def scatter_page(table: Fingerprints, sampled: Sampled) -> bytes:
    """Return a page of the images of a sample as dots that show their pictures under the mouse.

    Parameters
    ----------
    table : Fingerprints
    sampled : Sampled
    """
    import markupsafe

    script = importlib.resources.files("visdatcompy_ds.reports").joinpath("templates/scatter.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    is_chosen = np.zeros(len(sampled.pool), bool)
    is_chosen[sampled.picked] = True
    left = np.flatnonzero(~is_chosen)
    ranked = sampled.picked[:_MOST_DOTS]
    shown = np.concatenate([left[:: max(1, -(-len(left) // _MOST_DOTS))], ranked[::-1]])  # the chosen ones lie on top, the first highest
    rank = dict(zip(sampled.picked.tolist(), sampled.chosen.rank.tolist(), strict=True))
    bucket = dict(zip(sampled.rows.tolist(), sampled.bucket.tolist(), strict=True))
    given = sampled.given_space[:: max(1, -(-len(sampled.given_space) // _MOST_DOTS))]
    at = projected(np.concatenate([given, sampled.space[shown]]), width=2).astype(np.float64)
    at = np.pad(at, ((0, 0), (0, 2 - at.shape[1])))
    span = np.maximum(np.ptp(at, axis=0), 1e-9) if len(at) else 1.0
    at = (at - at.min(axis=0)) / span if len(at) else at
    pictured = np.concatenate([sampled.picked[:_MOST_PICTURES], left[:: max(1, -(-len(left) // _MOST_PICTURES))]])
    small = thumbnails(table, sampled.pool[pictured], side=96)
    data: list[dict[str, Any]] = [{"x": x, "y": y, "r": 4, "c": GIVEN, "n": "had before"} for x, y in at[: len(given)].round(4).tolist()]
    for position, (x, y) in zip(shown.tolist(), at[len(given) :].round(4).tolist(), strict=True):
        row, taken = int(sampled.pool[position]), bool(is_chosen[position])
        entry = {"x": x, "y": y, "r": 5 if taken else 3, "c": CHOSEN if taken else LEFT, "k": taken}
        entry["n"] = for_display(f"{table.files.dataset_name(row)}/{table.files.id[row]}")
        entry["w"] = f"chosen as number {rank[position]}" if taken else "left"
        entry["w"] += f"; {BUCKETS[sampled.rules].says(bucket[row])}"
        if row in small:
            entry |= {"i": base64.b64encode(small[row]).decode(), "a": f"{table['width'][row]} / {table['height'][row]}"}
        data.append(entry)
    facts: dict[str, Any] = {
        "chosen": len(sampled.picked),
        "left": len(left),
        "seen": len(sampled.rows),
        "drawn": len(shown),
        "given": sampled.given,
    }
    colours = {"chosen": CHOSEN, "left": LEFT, "given": GIVEN}
    return _rendered(
        "scatter.html.j2", table, [], **facts, colours=colours, data=data, script=markupsafe.Markup(script), script_hash=f"sha256-{digest}"
    )
