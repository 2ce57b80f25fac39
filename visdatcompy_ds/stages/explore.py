"""Fingerprints to a summary: what is in a dataset, as plain data. ``reports.text`` says it in words."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np

from visdatcompy_ds.base.errors import ImageError
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.base.tables import STATUSES, Array, Files, Fingerprints
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.run import Workers, run

DARK = 60  # mean brightness below which a picture is called dark: IR frames and unlit nights
BLURRED = 20  # variance of the Laplacian of the working picture below which hardly an edge stands out


def summarise(table: Fingerprints, deep: bool = False) -> dict[str, Any]:
    """Return what is in a dataset as plain data.

    Parameters
    ----------
    table : Fingerprints
        With the header columns and the context; with the working columns too for `deep`.
    deep : bool
        Add what only decoding shows: damage, light, sharpness, repeated content.

    Returns
    -------
    dict
        Counts, sizes in bytes, dates as ISO text; every file is in exactly one count of ``statuses``.
    """
    rows = table.files
    usable = rows.is_usable
    statuses = {STATUSES[code]: int(count) for code, count in enumerate(np.bincount(rows.status, minlength=len(STATUSES))) if count}
    summary: dict[str, Any] = {
        "files": len(rows),
        "images": int((~rows.has_status(Status.SKIPPED)).sum()),
        "usable": int(usable.sum()),
        "statuses": statuses,
        "size_bytes": int(rows.size_bytes[usable].sum()),
        "formats": _counted(table["format"][usable]),
        "resolutions": _counted(f"{w}×{h}" for w, h in zip(table["width"][usable], table["height"][usable], strict=True)),
        "folders": _counted(_folder(file_id) for file_id in rows.id[usable]),
        "skipped": _counted(rows.reason[rows.has_status(Status.SKIPPED)]),
        "problems": _problems(rows),
        "with_exif": int(table["has_exif"][usable].sum()),
        "with_gps": int((~np.isnan(table["latitude"][usable])).sum()),
        "with_date": _counted(table["taken_source"][usable]),
        "cameras": _spans(table, usable, _camera_names(table)),
        "stations": _spans(table, usable, table["station"]),
        "events": len(set(table["event"][usable].tolist()) - {""}),
        "first": _iso(table["taken"][usable], np.min),
        "last": _iso(table["taken"][usable], np.max),
        "notes": _notes(table, usable),
    }
    if deep:
        summary["deep"] = _deep(table, usable & table["decoded"])
    return summary


def _deep(table: Fingerprints, seen: Array) -> dict[str, Any]:
    brightness, sharpness = table["brightness"][seen], table["sharpness"][seen]
    digests = np.ascontiguousarray(table["sha256"][seen]).view("V32").reshape(-1)
    return {
        "grey": int(table["is_grey"][seen].sum()),
        "colour": int((~table["is_grey"][seen]).sum()),
        "dark": int((brightness < DARK).sum()),
        "low_information": int(table["low_information"][seen].sum()),
        "blurred": int((sharpness < BLURRED).sum()),
        "brightness": _quantiles(brightness),
        "contrast": _quantiles(table["contrast"][seen]),
        "sharpness": _quantiles(sharpness),
        "repeated_content": int(len(digests) - len(np.unique(digests))),
    }


def _quantiles(values: Array) -> list[float]:
    return [round(float(value), 1) for value in np.quantile(values, [0.05, 0.5, 0.95])] if len(values) else []


def _counted(values: Any) -> dict[str, int]:
    """Return counts by value, most frequent first, ties by name."""
    return dict(sorted(collections.Counter(values).items(), key=lambda item: (-item[1], item[0])))


def _folder(file_id: str) -> str:
    return file_id.rsplit("/", 1)[0] if "/" in file_id else "."


def _problems(rows: Files) -> list[dict[str, str]]:
    at = np.flatnonzero(~rows.is_usable & ~rows.has_status(Status.SKIPPED))
    return [{"id": rows.id[row], "status": STATUSES[rows.status[row]], "reason": rows.reason[row]} for row in at.tolist()]


def _camera_names(table: Fingerprints) -> Array:
    """Return a name per row: model and serial, as far as they are known."""
    names = np.empty(len(table), object)
    names[:] = [
        " ".join(part for part in (model, f"#{serial}" if serial else "") if part)
        for model, serial in zip(table["model"], table["camera"], strict=True)
    ]
    return names


def _spans(table: Fingerprints, usable: Array, names: Array) -> dict[str, dict[str, Any]]:
    """Return, by name, how many images and the first and last shot."""
    rows: dict[str, list[int]] = collections.defaultdict(list)
    for row in np.flatnonzero(usable).tolist():
        if names[row]:
            rows[names[row]].append(row)
    taken = table["taken"]
    return {
        name: {"images": len(at), "first": _iso(taken[at], np.min), "last": _iso(taken[at], np.max)} for name, at in sorted(rows.items())
    }


def _iso(taken: Array, pick: Any) -> str:
    dated = taken[~np.isnat(taken)]
    return str(pick(dated).astype("datetime64[s]")) if len(dated) else ""


def _notes(table: Fingerprints, usable: Array) -> dict[str, int]:
    """Return counts of what a reader should know before training."""
    wrong = [is_misnamed(str(file_id), str(kind)) for file_id, kind in zip(table.files.id[usable], table["format"][usable], strict=True)]
    counts = {
        "turned by EXIF": int((table["orientation"][usable] > 1).sum()),
        "with transparency": int(table["has_alpha"][usable].sum()),
        "with more than one frame": int(table["is_animated"][usable].sum()),
        "deeper than 8 bit": int((table["bit_depth"][usable] > 8).sum()),
        "CMYK": int(np.isin(table["colour"][usable], ["cmyk", "ycck"]).sum()),
        "named as another format": int(sum(wrong)),
    }
    return {what: count for what, count in counts.items() if count}


_ENDINGS = {
    "JPEG": {"jpg", "jpeg", "jpe", "jfif", "mpo"},
    "MPO": {"jpg", "jpeg", "mpo"},
    "PNG": {"png", "apng"},
    "GIF": {"gif"},
    "BMP": {"bmp", "dib"},
    "TIFF": {"tif", "tiff"},
    "WEBP": {"webp"},
    "HEIF": {"heic", "heif", "hif"},
    "AVIF": {"avif"},
}


def is_misnamed(file_id: str, kind: str) -> bool:
    """Tell whether a name's ending is none of its format's."""
    return kind in _ENDINGS and file_id.rsplit(".", 1)[-1].lower() not in _ENDINGS[kind]


def _header_of(path: bytes, limits: decode.Limits) -> decode.Header:
    head = files.read(path, decode.HEAD_BYTES, limits.check_size)
    if len(head) == decode.HEAD_BYTES:
        try:
            return decode.read_header(head, limits, complete=False)
        except ImageError:  # the header lies further back, or is truly broken
            head = files.read(path)
    return decode.read_header(head, limits)


def exif_rows(paths: Array, limits: decode.Limits, workers: Workers = "auto") -> list[dict[str, Any]]:
    """Return the EXIF of each file as tag name to plain value; {} where there is none."""

    def read(path: bytes) -> dict[str, Any]:
        try:
            return dict(decode.read_metadata(_header_of(path, limits)).exif)
        except (OSError, ImageError):
            return {}

    return list(run(list(paths), read, workers))
