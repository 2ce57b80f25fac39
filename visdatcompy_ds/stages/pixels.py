"""Which images are equal pixel for pixel: by digests of full decodes, made only where a cheap look leaves it possible."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.errors import ArgumentError, ImageError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.run import Workers, progress, run
from visdatcompy_ds.stages.candidates import equal_content
from visdatcompy_ds.stages.candidates.distances import DISTANCES, equal_codes
from visdatcompy_ds.stages.candidates.distinct import Distinct, expanded
from visdatcompy_ds.stages.metric_pairs import MOST_PAIRS

# The same pixels in a JPEG and in a PNG differ in pHash by the way a decoder reduces: by up to 3 bits on photos.
_BITS = 10


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
        With "sha256", "width", "height", "phash" and "low_information".
    rows : (n,) int64
        Usable, decoded rows.
    workers, limits, show_progress
        As everywhere.

    Returns
    -------
    numbers : (all rows,) int64
        -1 for a row that was not asked for or could not be decoded in full any more.
    decodes : int
        Full decodes made: of images that share their size and, up to 10 bits of pHash, their looks with another, or are flat.
    """
    first = equal_content(table, rows)
    distinct = np.unique(first)
    asked = _possible(table, distinct)
    read = _Digest(table.files.path[asked], limits or decode.Limits())
    bar = progress(len(asked), "reading pixels", show_progress)
    numbers, by_digest = np.arange(len(table)), dict[bytes, int]()
    for at, digest in enumerate(run(range(len(asked)), read, workers)):
        bar.update(1)
        row = int(asked[at])
        numbers[row] = -1 if digest is None else by_digest.setdefault(digest, row)
    bar.close()
    found = np.full(len(table), -1, np.int64)
    found[rows] = numbers[first]
    return found, len(asked)


def pairs_of(numbers: Array, left: Array, right: Array | None) -> tuple[Array, Array]:
    """Return all pairs of rows that share a number: of `left` with `right`, or among `left` with the smaller row first.

    Parameters
    ----------
    numbers : (all rows,) int64
        -1 is shared with nobody.

    Raises
    ------
    ArgumentError
        For more than ten million pairs.
    """
    one = Distinct.of(numbers[left[numbers[left] >= 0]][:, None], left[numbers[left] >= 0])
    other = one if right is None else Distinct.of(numbers[right[numbers[right] >= 0]][:, None], right[numbers[right] >= 0])
    i, j = equal_codes(one.codes, other.codes).T
    count = int((one.sizes[i] * other.sizes[j]).sum())
    if count > 2 * MOST_PAIRS:
        raise ArgumentError(
            f"{count:,} pairs of equal pixels",
            f"Allowed: {MOST_PAIRS // 10**6} million",
            "nearest() names one equal picture for each image",
        )
    parts = [(np.empty(0, np.int64), np.empty(0, np.int64)), *((a, b) for a, b, _ in expanded(one, other, i, j))]
    rows, others = (np.concatenate(side) for side in zip(*parts, strict=True))
    keep = rows < others if right is None else slice(None)
    return rows[keep], others[keep]


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
