"""Which test images are in train: by the strongest level each, from one file by two paths to a camera that stood in one place."""

from __future__ import annotations

import dataclasses

import numpy as np

from visdatcompy_ds.base.status import Status
from visdatcompy_ds.base.tables import CLASSES, Array, Fingerprints, Pairs, Table, text_array
from visdatcompy_ds.catalog import leaks as catalog
from visdatcompy_ds.stages.candidates.distinct import file_numbers
from visdatcompy_ds.stages.compare import Judged
from visdatcompy_ds.stages.context import events_across

LEVELS = tuple(catalog.LEVELS)
UNREAD = "unread"
UNDECIDED = "undecided"


@dataclasses.dataclass(frozen=True)
class Leaks(Table):
    """One row per test image, the strongest level first, then those that could not be read or be decided on, then the clean ones.

    Attributes
    ----------
    row : (k,) int64
        Row of the test image.
    level : (k,) object
        One of ``LEVELS``, "unread", "undecided", or "" for a clean one.
    train : (k,) int64
        The closest train image at that level, -1 for none.
    is_open : (k,) bool
        No copy as far as is known, and it cannot be told that it is none.
    measure : (k,) object
    score, cutoff : (k,) float64
        How close; NaN where there is no number.
    """

    row: Array
    level: Array
    train: Array
    is_open: Array
    measure: Array
    score: Array
    cutoff: Array


def leaks(judged: Judged, is_train: Array, gap_s: float) -> Leaks:
    """Tell for each test image by which level it is in train.

    Images that could not be read whole are compared as files and by their bytes only; where that finds nothing they are "unread", never
    clean. Those with too little to see are compared by their bytes only; where that finds nothing they are "undecided", as are those that
    look like a train image so that the evidence does not suffice.

    Parameters
    ----------
    judged : Judged
        Of train and test, the rows of train protected.
    is_train : (n,) bool
        Rows of train; the others are test.
    gap_s : float
        An event ends when nothing was shot at its station for this many seconds.
    """
    table = judged.table
    is_image = ~table.files.has_status(Status.SKIPPED)
    test, train = np.flatnonzero(is_image & ~is_train), np.flatnonzero(is_image & is_train)
    best = _Closest(test)
    numbers = file_numbers(table)
    best.offer_equal("same_file", "device and inode", test, train, numbers)
    digests = np.ascontiguousarray(table["sha256"]).view("V32").reshape(-1)
    codes = np.unique(digests, return_inverse=True)[1].reshape(-1)
    codes[~table["sha256"].any(axis=1)] = -1
    best.offer_equal("bytes", "sha256", test, train, codes)
    _offer_pairs(best, judged, is_train, codes)
    is_read = table.files.is_usable & table["decoded"]
    read_test, read_train = test[is_read[test]], train[is_read[train]]
    events = events_across(table, np.concatenate([read_train, read_test]), gap_s)
    _offer_nearest(best, "event", table, read_test, read_train, events, gap_s)
    _offer_nearest(best, "station", table, read_test, read_train, _places(table), np.nan)
    return best.table(is_read, _cannot_be_told(judged, is_train, codes) & is_read)


def _cannot_be_told(judged: Judged, is_train: Array, codes: Array) -> Array:
    """Return a mask of the rows that show too little, or look like a train image so that the evidence does not suffice."""
    pairs = judged.pairs.take(judged.pairs.of_class("undecided"))
    across = is_train[pairs.left] != is_train[pairs.right]
    rows = np.where(is_train[pairs.left], pairs.right, pairs.left)[across]
    is_open: Array = judged.table["low_information"].astype(bool) | np.isin(codes, codes[rows])
    return is_open


class _Closest:
    """The strongest level of each test image so far, of equals the closest train image, of equally close ones the first."""

    def __init__(self, test: Array) -> None:
        self.test = test
        self.best: dict[int, tuple[int, float, int, str, float, float]] = {}

    def offer(self, row: int, level: str, away: float, train: int, measure: str, score: float, cutoff: float) -> None:
        offered = (LEVELS.index(level), away if away == away else np.inf, train, measure, score, cutoff)
        if row not in self.best or offered[:3] < self.best[row][:3]:
            self.best[row] = offered

    def offer_equal(self, level: str, measure: str, test: Array, train: Array, codes: Array) -> None:
        """Offer the first train image of the same code; -1 is shared with nobody."""
        first: dict[int, int] = {}
        for row in train[codes[train] >= 0].tolist():
            first.setdefault(int(codes[row]), row)
        for row in test.tolist():
            if (other := first.get(int(codes[row]))) is not None:
                self.offer(row, level, 0.0, other, measure, 1.0, 1.0)

    def table(self, is_read: Array, is_open: Array) -> Leaks:
        """Return what was found, in order."""
        names = (*LEVELS, UNREAD, UNDECIDED, "")
        # Of a row of which nothing was found: unread, undecided, or clean.
        rest = [names.index(UNREAD) + (2 - int(is_open[row]) if is_read[row] else 0) for row in range(len(is_read))]
        entries = [(row, *self.best.get(row, (rest[row], 0.0, -1, "", np.nan, np.nan))) for row in self.test.tolist()]
        entries.sort(key=lambda entry: (entry[1], entry[0]))
        row, level, _, train, measure, score, cutoff = zip(*entries, strict=True) if entries else ((),) * 7
        rows, levels = np.array(row, np.int64), text_array(names[code] for code in level)
        is_no_copy = ~np.isin(levels.astype(str), list(catalog.COPIES))
        numbers = np.array(train, np.int64), is_open[rows] & is_no_copy, text_array(measure)
        return Leaks(rows, levels, *numbers, np.array(score, np.float64), np.array(cutoff, np.float64))


def _offer_pairs(best: _Closest, judged: Judged, is_train: Array, codes: Array) -> None:
    """Offer what was proved of pairs of contents, to all test images of the content; then the same of their copies within test."""
    pairs = judged.pairs.take(judged.pairs.of_class("pixels", "reencoded", "edited"))
    rows_of: dict[int, list[int]] = {}
    for row in judged.order[~is_train[judged.order]].tolist():
        rows_of.setdefault(int(codes[row]), []).append(row)
    links = []
    for at, (left, right) in enumerate(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)):
        if is_train[left] == is_train[right]:
            links += [] if is_train[left] else [(left, right, at), (right, left, at)]
            continue
        test, train = (right, left) if is_train[left] else (left, right)
        for row in rows_of[int(codes[test])]:
            best.offer(row, *_evidence(pairs, at, train))
    direct = dict(best.best)
    # Of images proved to be one shot the best stands for all: what features told of it holds for its copies.
    for copy, known, at in links:
        if known in direct:
            level = max(CLASSES[int(pairs.klass[at])], LEVELS[direct[known][0]], key=LEVELS.index)
            for row in rows_of[int(codes[copy])]:
                best.offer(row, level, *direct[known][1:])


def _evidence(pairs: Pairs, at: int, train: int) -> tuple[str, float, int, str, float, float]:
    score = float(pairs.score[at])
    # All measures of these classes (SSIM, full decodes, inliers) grow with likeness.
    return CLASSES[int(pairs.klass[at])], -score, train, str(pairs.measure[at]), score, float(pairs.cutoff[at])


def _places(table: Fingerprints) -> Array:
    """Return a number per row that rows of one station share, or of one camera where no station is known; -1 for neither."""
    names = np.array(
        [
            f"station {station}" if station else f"camera {camera}" if camera else ""
            for station, camera in zip(table["station"], table["camera"], strict=True)
        ],
        str,
    )
    numbers = np.unique(names, return_inverse=True)[1].reshape(-1)
    return np.where(names == "", -1, numbers)


def _offer_nearest(best: _Closest, level: str, table: Fingerprints, test: Array, train: Array, groups: Array, cutoff: float) -> None:
    """Offer the train image of the same group that was shot nearest in time; where dates are missing, the first."""
    taken = table["taken"].astype("datetime64[us]")
    members: dict[int, list[int]] = {}
    for row in train[groups[train] >= 0].tolist():
        members.setdefault(int(groups[row]), []).append(row)
    sorted_of: dict[int, tuple[Array, Array]] = {}
    for row in test[groups[test] >= 0].tolist():
        number = int(groups[row])
        if number not in members:
            continue
        if number not in sorted_of:
            rows = np.array(members[number], np.int64)
            dated = rows[~np.isnat(taken[rows])]
            dated = dated[np.argsort(taken[dated], kind="stable")]
            sorted_of[number] = dated, taken[dated].astype(np.int64)
        dated, times = sorted_of[number]
        if np.isnat(taken[row]) or not len(dated):
            place = "station" if table["station"][row] else "camera"
            best.offer(row, level, np.inf, members[number][0], place, np.nan, cutoff)
            continue
        when = int(taken[row].astype(np.int64))
        after = int(np.searchsorted(times, when))
        # The first of those shot at one moment.
        near = [int(np.searchsorted(times, times[at])) for at in (after - 1, after) if 0 <= at < len(times)]
        seconds, other = min((abs(int(times[at]) - when) / 1_000_000, int(dated[at])) for at in near)
        best.offer(row, level, seconds, other, "seconds apart", seconds, cutoff)
