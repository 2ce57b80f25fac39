"""Which images are equal pixel for pixel: by digests of full decodes, made only where a cheap look leaves it possible."""

from __future__ import annotations

import contextlib

import numpy as np

from visdatcompy_ds.base.errors import ArgumentError, ImageError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.run import Workers, progress, run
from visdatcompy_ds.stages.candidates import equal_content
from visdatcompy_ds.stages.candidates.distances import DISTANCES, equal_codes
from visdatcompy_ds.stages.candidates.distinct import Distinct, expanded, first_paths
from visdatcompy_ds.stages.metric_pairs import MOST_PAIRS

_BITS = 10  # JPEGs of equal pixels have equal coefficients but for flat ones, and are reduced alike but for how they lie
RULE = "images of one size: all where JPEG and other formats meet, else those with pHash within 10 bits of another's, and flat ones"


def equal_pixels(
    table: Fingerprints,
    rows: Array,
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
) -> tuple[Array, int]:
    """Return a number per row of the table that rows of equal pixels share, depth, alpha and frames included.

    Parameters
    ----------
    table : Fingerprints
        With "sha256", "format", "width", "height", "phash" and "low_information".
    rows : (n,) int64
        Usable, decoded rows.
    workers, limits, show_progress
        As everywhere.

    Returns
    -------
    numbers : (all rows,) int64
        -1 for a row that was not asked for or could not be decoded in full any more.
    decodes : int
        Full decodes made, by ``RULE``.
    """
    first = equal_content(table, rows)
    distinct = np.unique(first)
    asked = _possible(table, distinct)
    read = _Digest(table.files.path[asked], limits or decode.Limits())
    numbers, by_digest = np.arange(len(table)), dict[bytes, int]()
    with contextlib.closing(progress(len(asked), "reading pixels", show_progress)) as bar:
        for at, digest in enumerate(run(range(len(asked)), read, workers)):
            bar.update(1)
            row = int(asked[at])
            numbers[row] = -1 if digest is None else by_digest.setdefault(digest, row)
    found = np.full(len(table), -1, np.int64)
    found[rows] = numbers[first]
    return found, len(asked)


def pairs_of(numbers: Array, left: Array, right: Array | None, files: Array) -> tuple[Array, Array]:
    """Return all pairs of rows that share a number: of `left` with `right`, or among `left` with the smaller row first.

    Parameters
    ----------
    numbers : (all rows,) int64
        -1 is shared with nobody.
    files : (all rows,) int64
        Rows of one number are paths of one file: of several on a side the first counts, and none is paired with another.

    Raises
    ------
    ArgumentError
        For more than ten million pairs.
    """
    kept = [side[first_paths(side, files)[side] & (numbers[side] >= 0)] for side in ([left] if right is None else [left, right])]
    one, other = (Distinct.of(numbers[side][:, None], side) for side in (kept[0], kept[-1]))
    i, j = equal_codes(one.codes, other.codes).T
    sizes = one.sizes[i], other.sizes[j]
    count = int((sizes[0] * (sizes[0] - 1) // 2 if right is None else sizes[0] * sizes[1]).sum())
    if count > MOST_PAIRS:
        raise ArgumentError(
            f"{count:,} pairs of equal pixels",
            f"Allowed: {MOST_PAIRS // 10**6} million",
            "nearest() names one equal picture for each image",
        )
    parts = [(np.empty(0, np.int64), np.empty(0, np.int64)), *((a, b) for a, b, _ in expanded(one, other, i, j))]
    rows, others = (np.concatenate(side) for side in zip(*parts, strict=True))
    keep = rows < others if right is None else files[rows] != files[others]
    return rows[keep], others[keep]


def matrix(numbers: Array, rows: Array, columns: Array, equal: float) -> Array:
    """Return `equal` where numbers are the same and 0 where not, (n, m) float64; NaN for -1."""
    values = np.where(numbers[rows][:, None] == numbers[columns][None], equal, 0.0)
    values[numbers[rows] < 0] = np.nan
    values[:, numbers[columns] < 0] = np.nan
    return values


def first_equal(numbers: Array, rows: Array, columns: Array, files: Array) -> Array:
    """Return, for each row of the table, the first of `columns` of its number that is another file; -1 where there is none."""
    best = np.full(len(files), -1, np.int64)
    first: dict[int, list[int]] = {}  # by number, the first column and the first of another file
    for column in columns[numbers[columns] >= 0].tolist():
        some = first.setdefault(int(numbers[column]), [])
        if not some or (len(some) == 1 and files[some[0]] != files[column]):
            some.append(column)
    for row in rows[numbers[rows] >= 0].tolist():
        best[row] = next((column for column in first.get(int(numbers[row]), []) if files[column] != files[row]), -1)
    return best


def _possible(table: Fingerprints, rows: Array) -> Array:
    """Return those of `rows`, of distinct content, that may have the pixels of another."""
    size = table["width"][rows].astype(np.int64) << 32 | table["height"][rows].astype(np.int64)
    order = np.argsort(size, kind="stable")
    kept = [np.empty(0, np.int64)]
    for group in np.split(rows[order], np.flatnonzero(np.diff(size[order])) + 1):
        if len(group) < 2:
            continue
        is_jpeg = np.isin(table["format"][group], ("JPEG", "MPO"))
        if is_jpeg.any() and not is_jpeg.all():  # reduced in two ways: no hash bounds how far apart that can bring them
            kept.append(group)
            continue
        codes = Distinct.of(table["phash"][group], group)
        is_near = codes.sizes > 1
        for found in DISTANCES["hamming"].within(codes.codes, None, _BITS, 1):
            is_near[found.reshape(-1)] = True
        kept += [codes.rows[np.repeat(is_near, codes.sizes)], group[table["low_information"][group]]]
    return np.unique(np.concatenate(kept))


class _Digest:
    """The work on one image: a number in, the digest of its full decode out, None where that is not possible."""

    def __init__(self, paths: Array, limits: decode.Limits) -> None:
        self.paths, self.limits = paths, limits

    def __call__(self, at: int) -> bytes | None:
        try:
            data = files.read(self.paths[at])
            return decode.native_digest(data, decode.read_header(data, self.limits))
        except (OSError, ImageError):
            return None
