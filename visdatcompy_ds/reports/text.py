"""Summaries in words, for terminals and notebooks. Plain text; the street door adds colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.names import for_display, size_text

if TYPE_CHECKING:
    import pandas as pd

_MOST = 6  # lines of a listing; more belong into a table
_STATIONS, _GROUPS = 8, 20


def counted(number: int, what: str) -> str:
    """Return a number with its noun: "1 image", "5 images".

    >>> counted(1, "image"), counted(5, "image")
    ('1 image', '5 images')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def dataset(name: str, path: str, summary: Mapping[str, Any]) -> str:
    """Return the exploration of a dataset, a fact a line."""
    lines = [f"Dataset {for_display(name)}", f"  {'path':<12}{for_display(path)}"]

    def add(what: str, text: str) -> None:
        if text:
            lines.append(f"  {what:<12}{text}")

    for index in summary.get("indexes", ()):
        add("index", saved_index(index))
    usable = summary["usable"]
    unusable = f", {usable} of them usable as far as is known" if usable < summary["images"] else ""
    add("images", f"{summary['images']} ({size_text(summary['size_bytes'])}){unusable}")
    add("formats", _listing(summary["formats"]))
    add("resolutions", _listing(summary["resolutions"]))
    add("shot", _span(summary["first"], summary["last"], counted(summary["events"], "event")))
    sources = {source: count for source, count in summary["with_date"].items() if source != "none"}
    known = [f"EXIF {summary['with_exif']} of {usable}", f"GPS {summary['with_gps']}", f"date {sum(sources.values())}"]
    add("metadata", ", ".join(known) if usable else "")
    for what in ("stations", "cameras"):
        for at, (label, facts) in enumerate(list(summary[what].items())[:_MOST]):
            span = _span(facts["first"], facts["last"])
            lines.append(
                f"  {what if at == 0 else '':<12}{for_display(label)}: {counted(facts['images'], 'image')}{', ' + span if span else ''}"
            )
        if len(summary[what]) > _MOST:
            lines.append(f"  {'':<12}… and {len(summary[what]) - _MOST} more")
    add("folders", _listing(summary["folders"]) if len(summary["folders"]) > 1 else "")
    add("notes", _listing(summary["notes"]))
    add("skipped", _listing(summary["skipped"]))
    if "deep" in summary:
        lines += _deep(summary["deep"])
    lines += problems(summary["problems"])
    return "\n".join(lines)


def saved_index(facts: Mapping[str, Any]) -> str:
    """Return when an index was saved, and what is there of its photos."""
    missing, saved = facts["photos"] - facts["there"], facts["saved"][:16].replace("T", " ")
    if not facts["there"]:
        now = "the photos are not there"
    else:
        parts = [f"{missing} of {counted(facts['photos'], 'photo')} missing now" if missing else ""]
        parts += [f"{facts['changed']} with another size or time now" if facts["changed"] else ""]
        now = ", ".join(part for part in parts if part) or "all photos are there as they were"
    return f"{facts['file']}, saved {saved} UTC; {now}"


def waiting(facts: Mapping[str, int]) -> list[str]:
    """Return, in a line each, how many undecided pairs need photos of which dataset that are not there."""
    return [
        f"Undecided for want of photos of {for_display(name)}, which are not there: {counted(count, 'pair')}; mount their disk, run again"
        for name, count in facts.items()
    ]


def _deep(deep: Mapping[str, Any]) -> list[str]:
    light = f"{deep['colour']} in colour, {deep['grey']} grey; {deep['dark']} of all are dark"
    lines = [f"  {'light':<12}{light}"]
    if deep["brightness"]:
        low, middle, high = deep["brightness"]
        lines.append(f"  {'brightness':<12}{middle} in the middle, 5 % below {low}, 5 % above {high} (0 to 255)")
    quality = {
        "blurred": deep["blurred"],
        "flat or nearly empty": deep["low_information"],
        "repeated byte for byte": deep["repeated_content"],
    }
    text = _listing({what: count for what, count in quality.items() if count})
    return [*lines, f"  {'quality':<12}{text or 'nothing stands out'}"]


def problems(found: list[dict[str, str]]) -> list[str]:
    """Return the files that cannot be used, the first few with their reason."""
    lines = [
        f"  {'problems' if at == 0 else '':<12}{for_display(problem['id'])}: {problem['status']} ({for_display(problem['reason'])})"
        for at, problem in enumerate(found[:_MOST])
    ]
    if len(found) > _MOST:
        lines.append(f"  {'':<12}… and {len(found) - _MOST} more")
    return lines


def _listing(counts: Mapping[str, int]) -> str:
    shown = [f"{for_display(str(what))} ({count})" for what, count in list(counts.items())[:_MOST]]
    if len(counts) > _MOST:
        shown.append(f"… and {len(counts) - _MOST} more")
    return ", ".join(shown)


def _span(first: str, last: str, more: str = "") -> str:
    if not first:
        return ""
    text = first.replace("T", " ") if first == last else f"{first.replace('T', ' ')} to {last.replace('T', ' ')}"
    return f"{text}, {more}" if more else text


def image(name: str, width: int, height: int, channels: int, kind: str, size_bytes: int, taken: str, camera: str) -> str:
    """Return the facts of one image."""
    lines = [
        f"Image {for_display(name)}",
        f"  {'resolution':<12}{width} x {height} x {channels}",
        f"  {'format':<12}{kind}, {size_text(size_bytes)}",
        f"  {'taken':<12}{taken or 'unknown'}{' with ' + for_display(camera) if camera else ''}",
    ]
    return "\n".join(lines)


def comparison(facts: Mapping[str, Any]) -> str:
    """Return what a comparison found and decided.

    Parameters
    ----------
    facts : mapping
        ``datasets``: list of name, counts and role; ``removed``: counts by class; ``held_back``: reasons with
        counts; ``pairs``: counts by class; ``problems``; ``sample`` (optional).
    """
    lines = []
    for entry in facts["datasets"]:
        role = ", protected" if entry["is_protected"] else ""
        unusable = entry["images"] - entry["usable"]
        broken = f", {unusable} unusable" if unusable else ""
        skipped = f", {counted(entry['skipped'], 'other file')} skipped" if entry["skipped"] else ""
        lines.append(f"{for_display(entry['name'])}{role}: {counted(entry['images'], 'image')}, {entry['usable']} read{broken}{skipped}")
    words = {"bytes": "same bytes", "pixels": "same pixels", "reencoded": "same shot, re-saved", "edited": "edited", "similar": "similar"}
    removed = facts["removed"]
    total = sum(removed.values())
    stay = "1 image stays" if facts["survivors"] == 1 else f"{facts['survivors']} images stay"
    detail = ", ".join(f"{count} {words.get(klass, klass)}" for klass, count in removed.items() if count)
    lines.append(f"Duplicates to remove: {total}{' (' + detail + ')' if detail else ''}; {stay}")
    for reason, count in facts["held_back"].items():
        lines.append(f"  stays all the same: {count} × {for_display(reason)}")
    looks = {klass: facts["pairs"].get(klass, 0) for klass in ("edited", "similar", "undecided", "same_file") if not removed.get(klass)}
    shown = ", ".join(f"{count} {klass.replace('_', ' ')}" for klass, count in looks.items() if count)
    if shown:
        lines.append(f"Pairs that also look alike, none of them to remove: {shown}")
    lines += waiting(facts.get("waiting", {}))
    lines += left_out(facts["problems"])
    if facts.get("sample"):
        lines.append(facts["sample"])
    return "\n".join(lines)


def left_out(entries: Sequence[Mapping[Any, Any]]) -> list[str]:
    """Return what could not be used and why, a line each: id, status, reason; of many the first."""
    if not entries:
        return []
    lines = [f"  {for_display(entry['id'])}: {entry['status']} ({for_display(entry['reason'])})" for entry in entries[:_MOST]]
    more = [f"  … and {len(entries) - _MOST} more, see problems.csv"] if len(entries) > _MOST else []
    return ["Could not be used:", *lines, *more]


def calibration(found: Mapping[str, Any]) -> str:
    """Return what a cut-off means, in words: the fields of ``stages.calibrate.Calibrated``."""
    wish, cutoff, images, bound = found["max_false_pairs"], found["cutoff"], found["images"], found["false_pairs_at_most"]
    all_seen = found["pairs_seen"] >= found["pairs"]
    seen = f"all {found['pairs']:,}" if all_seen else f"{found['pairs_seen']:,} of {found['pairs']:,}"
    near = "" if found["counted_to"] < 0 else f" (all of them up to a distance of {found['counted_to']:.4g})"
    all_seen = all_seen or (cutoff or 0) <= found["counted_to"]
    lines = [f"{found['measure']} on these images: {seen} pairs of different images measured{near}, copies made of {images}"]
    if found["copies_taken_out"]:
        lines.append(f"{counted(found['copies_taken_out'], 'pair')} of copies, or undecided at full resolution, left out")
    guess = f"{found['false_pairs']:.0f}" if all_seen else f"about {found['false_pairs']:.3g} (at most {bound:.3g} with 95 % confidence)"
    if cutoff is None:
        lines.append(f"No cut-off keeps false pairs to {wish:g}: {guess} pairs of different images have equal codes")
        return "\n".join([*lines, "Next: allow more false pairs, or take another measure; by_cutoff lists what each cut-off gives"])
    share = f"{found['recall']:.0%} of the edited copies found"
    if found["is_supported"]:
        lines.append(f"Cut-off {cutoff:.4g}: {guess} false {'pair' if guess == '1' else 'pairs'}, {share}")
    else:
        lines.append(f"Cut-off {cutoff:.4g}: no false pair was seen, {share}")
        lines.append(f"The sample supports at most {bound:.3g} false pairs with 95 % confidence, not {wish:g}")
    columns = zip(*(found["by_edit"][name] for name in ("edit", "recall", "low", "high", "says")), strict=True)
    lines += [f"  {edit:<13} {share:.2f} ({low:.2f} to {high:.2f})  {says}" for edit, share, low, high, says in columns]
    return "\n".join([*lines, "  (intervals of 95 % confidence)"])


def matrix(frame: pd.DataFrame) -> str:
    """Return a matrix of a metric with what it holds, in words; of a large one the corners."""
    facts, values = frame.attrs, frame.to_numpy()
    known = values[~np.isnan(values)]
    lines = [f"{facts['metric']} of {for_display(facts['datasets'])}, {facts['size']}: {len(frame)} x {frame.shape[1]}"]
    if len(known):
        lines[0] += f", {known.min():.4g} to {known.max():.4g}, median {np.median(known):.4g}"
    shown = frame.rename(index=_short, columns=_short)
    lines.append(shown.to_string(max_rows=20, max_cols=6, float_format=lambda value: f"{value:.4g}"))
    if facts["unusable"]:
        lines.append(f"{counted(facts['unusable'], 'image')} could not be used: NaN")
    if facts["shapes_differ"]:
        lines.append(f"{counted(facts['shapes_differ'], 'cell')} of pictures of different shapes: NaN")
    return "\n".join(lines)


def sample_line(facts: Mapping[str, Any]) -> str:
    """Return what a sample is, in a line."""
    stations = ", ".join(f"{for_display(name) or 'no station'} {count}" for name, count in facts["stations"].items())
    fewer = f", fewer than the {facts['asked']} asked for" if facts.get("asked") else ""
    out = [f"{facts[name]} {name}" for name in ("had before or excluded", "copies of others") if facts.get(name)]
    left = f", without {' and '.join(out)}" if out else ""
    buckets = f"{facts['buckets_chosen']} of {facts['buckets_seen']} buckets"
    line = f"Sample: {facts['chosen']} of {facts['seen']} images{left}{fewer}, from {buckets}"
    return f"{line} ({stations})" if stations and 1 < len(facts["stations"]) <= _STATIONS else line


def selection(facts: Mapping[str, Any], coverage: pd.DataFrame) -> str:
    """Return what a sample is, how far the rest lies from it, and what each group gave.

    Parameters
    ----------
    facts : mapping
        Of ``Selection.summary``.
    coverage : DataFrame
        Of ``Selection.coverage``.
    """
    lines = [sample_line(facts)]
    ours, random = coverage.loc["chosen"], coverage.loc["random"]
    if ours.notna().all():
        words = (("mean", "on average"), ("p95", "for 95 of 100"), ("max", "at most"))
        parts = [f"{ours[name]:.3g} {how} (random {random[name]:.3g})" for name, how in words]
        lines.append(f"  how far images lie from the nearest chosen{' or given' if facts['given'] else ''} one: {', '.join(parts)}")
    for name, group in list(facts.get("groups", {}).items())[:_GROUPS]:
        had = f", {group['had']} had before" if group["had"] else ""
        short = f"; {group['asked']} were asked for" if group["chosen"] < group["asked"] else ""
        lines.append(f"  {for_display(name) or '(none)'}: {group['chosen']} of {group['seen']}{had}{short}")
    more = len(facts.get("groups", {})) - _GROUPS
    return "\n".join(lines + ([f"  … and {more} more groups"] if more > 0 else []))


def evidence(pair: Any) -> str:
    """Return what proves a pair of ``FeatureExtractor.pairs``: the step before features, or what features agree on."""
    if pair.step != "features":
        return f"by {pair.step}"
    words = [f"{pair.inliers} of {pair.matches} matches agree", f"scale {pair.scale:.2f}"]
    words += [f"turned {round(pair.rotation)}°"] if round(pair.rotation) else []
    return ", ".join(words + (["mirrored"] if pair.mirrored else []))


def pairs(frame: pd.DataFrame, most: int, width: int | None = None) -> str:
    """Return pairs by a hash, a metric or features, best first, and what was compared.

    Parameters
    ----------
    frame : DataFrame
        Of ``Hash.pairs`` or ``Metrics.pairs``, the distance or score as "score"; or of ``FeatureExtractor.pairs``.
    most : int
        Pairs that are listed.
    width : int, optional
        Of the terminal, in characters: names are cut to fit, in their middle.
    """
    facts = frame.attrs
    name, cutoff = facts.get("metric", facts.get("method")), float(facts.get("cutoff", facts.get("max_distance", 0)))
    grid = f", {facts['size']}" if "size" in facts else ""
    if "step" in frame:  # by the cascade: a class and no cut-off
        kinds = frame["class"].value_counts()
        border = f"({', '.join(f'{count} {klass}' for klass, count in kinds.items())})" if len(frame) else "that show the same"
    else:
        border = f"at {cutoff + 0.0:.6g} or more" if facts.get("higher_is_better") else f"within {cutoff + 0.0:.6g}"
    of = ""
    if "is_duplicate" in frame and len(frame) and name != "pix2pix":
        of = f", {int(frame['is_duplicate'].sum())} of them within the cut-off of duplicates"
    lines = [f"{for_display(facts['datasets'])} by {name}{grid}: {counted(len(frame), 'pair')} {border}{of}"]
    room = 10_000 if width is None else max(20, (width - (62 if "step" in frame else 26)) // 2)
    sides = [
        [_cut(f"{dataset}/{name}", room) for dataset, name in zip(frame[f"{side}_dataset"][:most], frame[f"{side}_id"][:most], strict=True)]
        for side in ("left", "right")
    ]
    longest = max(map(len, sides[0]), default=0)
    top = frame[:most]
    if "step" in frame:
        longest_right = max(map(len, sides[1]), default=0)
        marks = [f"{klass:<9}" for klass in top["class"]]
        notes = [" " * (longest_right - len(name)) + evidence(pair) for name, pair in zip(sides[1], top.itertuples(), strict=True)]
    else:
        marks = [f"{score:>8.4g}" for score in top["score"].tolist()]
        notes = ["" if turn == "same" else turn for turn in (top["transform"] if "transform" in frame else ["same"] * len(top))]
    for mark, left, right, note in zip(marks, *sides, notes, strict=True):
        lines.append(f"  {mark}  {left:<{longest}}  {right}  {note}".rstrip())
    if len(frame) > most:
        lines.append(f"  … and {len(frame) - most} more")
    same = facts.get("same_file")
    if same:
        lines.append(f"{counted(same, 'image')} by another path only: the same file is on both sides, or twice on one, and no pair")
    if facts.get("set_aside"):
        lines.append(f"{counted(facts['set_aside'], 'image')} too flat or too small for a hash, set aside")
    if facts.get("shapes_differ"):
        lines.append(f"{counted(facts['shapes_differ'], 'pair')} of different shapes, not compared at full resolution")
    if facts.get("unusable_images"):
        lines.append("Could not be used:")
        lines += [f"  {for_display(name)}" for name in facts["unusable_images"][:_MOST]]
        more = len(facts["unusable_images"]) - _MOST
        lines += [f"  … and {more} more"] if more > 0 else []
    return "\n".join(lines)


def _cut(text: str, most: int) -> str:
    shown = for_display(text)
    return shown if len(shown) <= most else shown[: most // 3] + "…" + shown[len(shown) - (most - most // 3 - 1) :]


def _short(name: object) -> str:
    return _cut(str(name), 24)
