"""What became of the images of a plan, as a table and in words."""

from __future__ import annotations

import collections
import textwrap
from collections.abc import Sequence

from visdatcompy_ds.base.names import for_display, size_text
from visdatcompy_ds.reports.tables import Columns
from visdatcompy_ds.stages.act import LIFTS, Outcome

_SHOWN = 4
_SAYS = {
    "moved": "moved into the quarantine",
    "would move": "would be moved into a quarantine",
    "restored": "back in their places",
    "purged": "deleted for good",
    "trashed": "in the trash of the system, from where it can bring them back",
    "would trash": "would be put into the trash",
    "would purge": "would be deleted for good",
    "kept": "stay in the quarantine",
    "refused": "stay: refused",
    "changed": "stay: they, or the copies that stay, have changed since the plan was made",
    "gone": "are gone, or the copies that stay are",
    "failed": "could not be moved",
    "missing": "are not as they should be",
}


def columns(outcomes: Sequence[Outcome]) -> Columns:
    """Return one row per image."""
    return {
        "dataset": [one.dataset for one in outcomes],
        "id": [one.id for one in outcomes],
        "class": [one.klass for one in outcomes],
        "outcome": [one.outcome for one in outcomes],
        "reason": [one.reason for one in outcomes],
        "lift": [one.lift for one in outcomes],
        "keeper": [one.keeper for one in outcomes],
        "beside": ["; ".join(one.beside) for one in outcomes],
        "size_bytes": [one.size_bytes for one in outcomes],
    }


def words(outcomes: Sequence[Outcome]) -> str:
    """Return how many images came to each outcome, with reasons and examples."""
    lines = []
    for word, says in _SAYS.items():
        found = [one for one in outcomes if one.outcome == word]
        if not found:
            continue
        classes = collections.Counter(one.klass for one in found)
        beside = sum(len(one.beside) for one in found)
        parts = [", ".join(f"{count} {klass}" for klass, count in classes.items()), size_text(sum(one.size_bytes for one in found))]
        parts += [f"with {beside} label or RAW files" if beside > 1 else "with 1 label or RAW file"] if beside else []
        lines.append(f"{len(found)} images {says} ({'; '.join(parts)})" if len(found) > 1 else f"1 image: {says} ({'; '.join(parts)})")
        lines += _reasons(found)
    return "\n".join(lines) or "No image is to be moved."


def _reasons(found: Sequence[Outcome]) -> list[str]:
    lines = []
    reasons: dict[tuple[str, str], list[Outcome]] = {}
    for one in found:
        if one.reason:
            reasons.setdefault((one.reason, one.lift), []).append(one)
    for (reason, lift), held in list(reasons.items())[:_SHOWN]:
        names = ", ".join(for_display(f"{one.dataset}/{one.id}") for one in held[:2]) + (
            f" and {len(held) - 2} more" if len(held) > 2 else ""
        )
        allow = f" (allow {lift}: {LIFTS[lift]})" if lift else ""
        lines += textwrap.wrap(f"{for_display(reason)}{allow}: {names}", 140, initial_indent="  ", subsequent_indent="    ")
    if len(reasons) > _SHOWN:
        lines.append(f"  … and {len(reasons) - _SHOWN} more reasons: to_frame() has all")
    return lines
