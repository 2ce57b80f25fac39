"""What a shot's surroundings say: station, event, label, and the date in a file's name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.tables import Array, Fingerprints, text_array
from visdatcompy_ds.stages.labels import are_labelled

Rule = str | Callable[[str], str] | None
# 20250603_051244, 2025-06-03 05-12-44, IMG-20250603-WA0001; a date without a time says too little to order shots.
_DATE = re.compile(
    r"(?<!\d)(19\d\d|20\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])"
    r"[-_. T]{1,2}([01]\d|2[0-3])[-_.:h]?([0-5]\d)[-_.:m]?([0-5]\d)(?!\d)"
)
_SHORTEST_DATE = len("20250603_051244")


def add_context(table: Fingerprints, station: Rule = "folder:1", label: Rule = None, gap_s: float = 60) -> Fingerprints:
    """Return `table` with the columns taken, taken_source, station, event, label and has_sidecar.

    Parameters
    ----------
    table : Fingerprints
        With a column ``taken`` (EXIF) where it is known.
    station : str, callable or None
        ``"folder:k"`` is the k-th folder of the id, ``"folder:-1"`` the last; a callable gets the id; None leaves it empty.
    label : str, callable or None
        The same; ``"folder"`` is the last folder, as torchvision's ImageFolder has it.
    gap_s : float
        An event ends when nothing was shot at its station for this many seconds.
    """
    if not isinstance(gap_s, (int, float)) or isinstance(gap_s, bool) or not gap_s >= 0:
        raise ArgumentError(f"gap_s={gap_s!r}", "Allowed: a number of seconds, 0 or more")
    ids = table.files.id
    taken = table["taken"].copy() if "taken" in table else np.full(len(table), "NaT", "datetime64[us]")
    source = text_array("none" if missing else "exif" for missing in np.isnat(taken))
    for row in np.flatnonzero(np.isnat(taken) & table.files.is_usable).tolist():
        found = date_in_name(ids[row])
        if found is not None:
            taken[row], source[row] = found, "file name"
    stations, labels = _apply(station, "station", ids), _apply(label, "label", ids)
    return table.with_columns(
        has_sidecar=are_labelled(table.files),
        taken=taken,
        taken_source=source,
        station=stations,
        label=labels,
        event=_events(table.files.dataset, stations, taken, gap_s),
    )


def add_contexts(table: Fingerprints, rules: list[dict[str, Any]]) -> Fingerprints:
    """Return `table` with the context of each of its datasets by that dataset's own rules."""
    parts, places = [], []
    for code, rule in enumerate(rules):
        rows = np.flatnonzero(table.files.dataset == code)
        parts.append(add_context(table.take(rows), **rule))
        places.append(rows)
    back = np.argsort(np.concatenate(places))
    names = ("taken", "taken_source", "station", "event", "label", "has_sidecar")
    return table.with_columns(**{name: np.concatenate([part[name] for part in parts])[back] for name in names})


def events_across(table: Fingerprints, rows: Array, gap_s: float) -> Array:
    """Return the number of the event of each of `rows`, -1 for those without a date, across datasets, whose events have names of their own.

    Shots of one station belong together; without a station those of one camera, and without either those of one dataset.
    """
    dated = rows[~np.isnat(table["taken"][rows])]
    place = np.array(
        [
            f"station {station}" if station else f"camera {camera}" if camera else f"dataset {dataset}"
            for station, camera, dataset in zip(table["station"][dated], table["camera"][dated], table.files.dataset[dated], strict=True)
        ],
        str,
    )
    code = np.unique(place, return_inverse=True)[1].reshape(-1)
    order = np.lexsort((dated, table["taken"][dated], code))
    is_new = (np.diff(table["taken"][dated][order]) > np.timedelta64(round(gap_s * 1_000_000), "us")) | (np.diff(code[order]) != 0)
    events = np.full(len(table), -1)
    events[dated[order]] = np.concatenate([[0], np.cumsum(is_new)])[: len(dated)]
    return events


def date_in_name(file_id: str) -> np.datetime64 | None:
    """Return the date and time a file's name bears, or None.

    >>> str(date_in_name("cam/IMG_20250603_051244.jpg"))
    '2025-06-03T05:12:44'
    """
    name = file_id.rsplit("/", 1)[-1]
    match = _DATE.search(name) if len(name) >= _SHORTEST_DATE else None
    if match is None:
        return None
    try:
        return np.datetime64("{}-{}-{}T{}:{}:{}".format(*match.groups()))
    except ValueError:  # 31 February
        return None


def _apply(rule: Rule, what: str, ids: Array) -> Array:
    if rule is None:
        return text_array([""] * len(ids))
    if callable(rule):
        return text_array(str(rule(file_id)) for file_id in ids)
    match = re.fullmatch(r"folder(?::(-?[1-9]\d*))?", rule) if isinstance(rule, str) else None
    if match is None:
        raise ArgumentError(
            f"{what}={rule!r}", 'Allowed: "folder:1" (the first folder), "folder:-1" (the last), a function of the id, or None'
        )
    which = int(match[1] or -1)
    return text_array(_folder(file_id, which) for file_id in ids)


def _folder(file_id: str, which: int) -> str:
    folders = file_id.split("/")[:-1]
    at = which - 1 if which > 0 else len(folders) + which
    return folders[at] if 0 <= at < len(folders) else ""


def _events(dataset: Array, stations: Array, taken: Array, gap_s: float) -> Array:
    """Name each shot's event by station and start; shots without a date have none."""
    events = text_array([""] * len(taken))
    dated = np.flatnonzero(~np.isnat(taken))
    if not len(dated):
        return events
    station_codes = np.unique(stations[dated].astype(str), return_inverse=True)[1]
    order = np.lexsort((dated, taken[dated], station_codes, dataset[dated]))
    rows, codes = dated[order], station_codes[order]
    is_new = np.ones(len(rows), bool)
    gap = np.diff(taken[rows]) > np.timedelta64(round(gap_s * 1_000_000), "us")
    is_new[1:] = gap | (np.diff(codes) != 0) | (np.diff(dataset[rows]) != 0)
    start = ""
    for row, new in zip(rows.tolist(), is_new.tolist(), strict=True):
        if new:
            start = f"{stations[row] or 'shot'} {str(taken[row])[:19]}"
        events[row] = start
    return events
