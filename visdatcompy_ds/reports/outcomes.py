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
    "moved": "in the quarantine",
    "would move": "would go into a quarantine",
    "restored": "back in place",
    "would restore": "would come back",
    "altered": "back in place, and changed while in the quarantine",
    "trashed": "in the trash of the system",
    "would trash": "would go into the trash",
    "purged": "deleted for good",
    "would purge": "would be deleted for good",
    "kept": "left in the quarantine",
    "refused": "not moved: refused",
    "changed": "not moved: changed since the plan was made, or the copy that stays has",
    "gone": "gone, or the copy that stays is",
    "failed": "failed",
    "missing": "not in order",
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
        lines.append(f"{count_text(len(found))} {says} ({'; '.join(parts)})")
        lines += _reasons(found)
    return "\n".join(lines) or "No image: there is nothing to do."


def count_text(count: int) -> str:
    """Return a number of images in words."""
    return f"{count} image{'' if count == 1 else 's'}"


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
        lines += [f"  {for_display(reason)}{allow}:", *_wrapped(names)]
    if len(reasons) > _SHOWN:
        lines.append(f"  … and {len(reasons) - _SHOWN} more reasons; --json lists all, and so does to_frame()")
    return lines


def _wrapped(names: str) -> list[str]:
    """Return names on lines of a page, none of them broken: people copy them."""
    return textwrap.wrap(names, 140, initial_indent="    ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
