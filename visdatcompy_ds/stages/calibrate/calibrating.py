"""What a cut-off means on these images: how many copies it finds, and how many pairs that are none it lets through.

One mechanism for whatever compares two working pictures. Copies are made of a sample of the images themselves by the edits of the
catalog; pairs that are no copies are drawn at random and, apart, from shots of one event, where look-alikes are. What ``clean`` proves
to be a copy at full resolution, or cannot decide, is taken out first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.special import betaincinv

from visdatcompy_ds.base.errors import ArgumentError, ImageError
from visdatcompy_ds.base.tables import Array, Fingerprints, text_array
from visdatcompy_ds.catalog.edits import EDITS
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.decode.encode import encode_jpeg
from visdatcompy_ds.engine.run import Workers, progress, run
from visdatcompy_ds.stages.calibrate.drawn import different
from visdatcompy_ds.stages.candidates import equal_content
from visdatcompy_ds.stages.compare import compare

_IMAGES, _PIXELS = 200, 300_000_000  # edited copies are made of so many images, or so many pixels
_COUNTED = 5_000_000  # near pairs that are counted one by one
_BORDERS = 1000
_COPIES = ("same_file", "bytes", "pixels", "reencoded", "edited")
_TAIL = 0.025  # of each side of an interval: two sides of a recall, or two bounds of false pairs, hold together with 95 % confidence


@dataclasses.dataclass(frozen=True)
class Measure:
    """What is calibrated.

    Attributes
    ----------
    name : str
    load : callable
        From rows of the table to those of them that can be compared, and what is compared of these, (n, ...).
    codes : callable
        From pictures (n, height, width, 3) uint8 BGR to the same.
    distance : callable
        From what is compared and positions (m,), (m,) in it to (m,) distances; smaller is more alike.
    within : callable, optional
        From codes and a distance to blocks of (left, right, distance) of all pairs within it: the near ones are then counted, not sampled.
    size : (int, int)
        Width and height of the pictures that `codes` takes.
    equal : float
        Distance of equal pictures.
    is_similarity : bool
        The distances are a score times -1: cut-offs are given in the unit of the score.
    """

    name: str
    load: Callable[[Array], tuple[Array, Array]]
    codes: Callable[[Array], Array]
    distance: Callable[[Array, Array, Array], Array]
    within: Callable[[Array, float], Iterator[tuple[Array, Array, Array]]] | None = None
    size: tuple[int, int] = (decode.WORKING_SIDE, decode.WORKING_SIDE)
    equal: float = 0.0
    is_similarity: bool = False


@dataclasses.dataclass(frozen=True)
class _Stratum:
    """Pairs that are no copies: distances of those that were looked at, sorted, of how many there are."""

    distances: Array
    total: int

    @property
    def is_whole(self) -> bool:
        return len(self.distances) >= self.total

    def expected(self, cutoff: float) -> tuple[float, float]:
        """Return how many of all pairs lie within `cutoff`: a best guess, and a bound that holds with 95 % confidence."""
        found, looked = int(np.searchsorted(self.distances, cutoff, side="right")), len(self.distances)
        if self.is_whole or not self.total:
            return float(found), float(found)
        if not looked:
            return 0.0, float(self.total)
        return found / looked * self.total, interval(found, looked)[2] * self.total


@dataclasses.dataclass(frozen=True)
class Calibrated:
    """What was found; ``Calibration`` says it to users.

    Attributes
    ----------
    measure : str
    cutoff : float or None
    max_false_pairs : float
    is_supported : bool
    false_pairs, false_pairs_at_most, recall : float
        At `cutoff`.
    pairs, pairs_seen, event_pairs, copies_taken_out, images : int
    counted_to : float
        Up to this distance false pairs were counted among all pairs, beyond it in a sample; -1 where all or none were.
    by_edit : dict of str to (edits,) array
        edit, recall, low, high, says.
    by_cutoff : dict of str to (borders,) array
        cutoff, recall, false_pairs, false_pairs_at_most.
    """

    measure: str
    cutoff: float | None
    max_false_pairs: float
    is_supported: bool
    false_pairs: float
    false_pairs_at_most: float
    recall: float
    pairs: int
    pairs_seen: int
    event_pairs: int
    copies_taken_out: int
    images: int
    counted_to: float
    by_edit: dict[str, Array]
    by_cutoff: dict[str, Array]


def interval(found: int, of: int) -> tuple[float, float, float]:
    """Return a share with the exact 95 % interval of Clopper and Pearson: share, lower and upper limit."""
    low = float(betaincinv(found, of - found + 1, _TAIL)) if found else 0.0
    high = float(betaincinv(found + 1, of - found, 1 - _TAIL)) if found < of else 1.0
    return found / of, low, high


def calibrate(
    table: Fingerprints,
    rows: Array,
    measure: Measure,
    max_false_pairs: float = 1.0,
    side: Array | None = None,
    seed: int = 42,
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
) -> Calibrated:
    """Find the cut-off of a measure for a wanted number of false pairs among these images.

    Parameters
    ----------
    table : Fingerprints
        With the columns of ``CLEAN_PROBES`` and the context.
    rows : (n,) int64
        Rows to calibrate on: usable, informative.
    measure : Measure
    max_false_pairs : float
        In all pairs that are compared, more than 0.
    side : (n,) int64, optional
        Number of the dataset of each of `rows`: only pairs of two datasets are compared. None compares all.
    seed : int
        Of the samples; they do not depend on the order of files.
    workers, limits, show_progress
        As everywhere.

    Raises
    ------
    ArgumentError
        For fewer than 10 different images, or a wish that is no positive number.
    """
    is_number = isinstance(max_false_pairs, (int, float, np.integer, np.floating)) and not isinstance(max_false_pairs, bool)
    if not is_number or not 0 < max_false_pairs < np.inf:
        raise ArgumentError(f"max_false_pairs={max_false_pairs!r}", "Allowed: a number above 0", "In all pairs of the dataset")
    by_content = np.lexsort(table["sha256"][rows].T)  # an order that no renaming changes
    by_content = by_content[equal_content(table, rows[by_content]) == rows[by_content]]
    rows, side = rows[by_content], None if side is None else side[by_content]
    loaded, codes = measure.load(rows)
    kept = np.isin(rows, loaded)
    rows, side = rows[kept], None if side is None else side[kept]
    if len(rows) < 10:
        raise ArgumentError(
            f"A dataset with {len(rows)} different images that are whole and neither flat nor tiny",
            "Allowed: 10 or more",
            "Calibrate on a larger one",
        )
    rng = np.random.default_rng(seed)
    positives, used = _edited(table, rows, codes, measure, rng, workers, limits, show_progress)
    if not used:
        raise ArgumentError("No image could be decoded in full", "", "Check that the files are still there")
    group, undecided = _copies(table, rows, workers, limits, show_progress)
    strata, taken_out = [], 0
    for left, right, total in different(table, rows, side, rng):
        is_none = (group[left] != group[right]) & ~np.isin(np.minimum(left, right) * len(rows) + np.maximum(left, right), undecided)
        share = total / max(1, len(left))  # of a sample, as many are taken out of all as it shows
        taken_out += int((~is_none).sum())
        left, right = left[is_none], right[is_none]
        left_over = round(len(left) * share) if len(is_none) else total
        strata.append(_Stratum(np.sort(measure.distance(codes, left, right).astype(float)), left_over))
    if not sum(stratum.total for stratum in strata):
        raise ArgumentError(
            "No pair of different pictures between the two datasets",
            "Allowed: some to tell copies from",
            "Calibrate on one of them, or on both joined by +",
        )
    counted = _counted(measure, codes, strata, positives, group, undecided, side)
    return _conclude(measure, positives, used, strata, counted, float(max_false_pairs), taken_out)


def _counted(
    measure: Measure, codes: Array, strata: list[_Stratum], positives: Array, group: Array, undecided: Array, side: Array | None
) -> tuple[float, Array] | None:
    """Return a distance, and the sorted distances of all pairs within it that are no copies: where a sample is too small for the tail."""
    if measure.within is None or all(stratum.is_whole for stratum in strata):
        return None
    reach = -1.0
    for border in np.unique(positives):
        if sum(stratum.expected(border)[1] for stratum in strata) > _COUNTED:
            break
        reach = float(border)
    found = [np.empty(0)]
    for left, right, distance in measure.within(codes, reach) if reach >= 0 else ():
        keep = (group[left] != group[right]) & ~np.isin(np.minimum(left, right) * len(codes) + np.maximum(left, right), undecided)
        keep &= (side[left] != side[right]) if side is not None else True
        found.append(distance[keep].astype(float))
    return reach, np.sort(np.concatenate(found))


def _copies(
    table: Fingerprints, rows: Array, workers: Workers, limits: decode.Limits | None, show_progress: bool | None
) -> tuple[Array, Array]:
    """Compare the images as ``clean`` does, and say which are copies.

    Returns
    -------
    group : (n,) int64
        A number per position in `rows` that copies of one picture share.
    undecided : (k,) int64
        Keys (lower position * n + higher) of pairs of which nobody can say: they count neither as copies nor as none.
    """
    position = np.full(len(table), -1, np.int64)
    position[rows] = np.arange(len(rows))
    found = compare(table, np.zeros(len(table), bool), workers=workers, limits=limits, show_progress=show_progress).pairs
    known = (position[found.left] >= 0) & (position[found.right] >= 0)
    low, high = (np.sort(np.stack([position[found.left[known]], position[found.right[known]]]), axis=0)).reshape(2, -1)
    copies = found.of_class(*_COPIES)[known]
    links = coo_matrix((np.ones(int(copies.sum())), (low[copies], high[copies])), (len(rows), len(rows)))
    unsure = found.of_class("undecided")[known]
    return connected_components(links, directed=False)[1].astype(np.int64), np.unique(low[unsure] * len(rows) + high[unsure])


def _edited(
    table: Fingerprints,
    rows: Array,
    codes: Array,
    measure: Measure,
    rng: np.random.Generator,
    workers: Workers,
    limits: decode.Limits | None,
    show_progress: bool | None,
) -> tuple[Array, int]:
    """Return the distance of each edited copy to its original, (images, edits), and the number of images."""
    order = rng.permutation(len(rows))[:_IMAGES]
    pixels = table["width"][rows[order]].astype(np.int64) * table["height"][rows[order]]
    order = order[: max(10, int(np.searchsorted(np.cumsum(pixels), _PIXELS, side="right")))]
    bar = progress(len(order), "making edited copies", show_progress)
    edit = _Edit(table.files.path[rows[order]], measure.size, limits or decode.Limits())
    kept, pictures = [], []
    for at, made in enumerate(run(range(len(order)), edit, workers)):
        bar.update(1)
        if made is not None:
            kept.append(order[at])
            pictures.append(made)
    bar.close()
    if not kept:
        return np.empty((0, len(EDITS))), 0
    own, each, distances = codes[np.array(kept)], np.arange(len(kept)), []
    for k in range(len(EDITS)):
        copies = measure.codes(np.stack([made[k] for made in pictures]))
        distances.append(measure.distance(np.concatenate([own, copies]), each, each + len(kept)))
    return np.stack(distances, axis=1).astype(float), len(kept)


class _Edit:
    """The work on one image: decode it in full, edit and save it in every way, and give small pictures of what came of it."""

    def __init__(self, paths: Array, size: tuple[int, int], limits: decode.Limits) -> None:
        self.paths, self.size, self.limits = paths, size, limits

    def __call__(self, at: int) -> list[Array] | None:
        try:
            data = files.read(self.paths[at])
            pixels = decode.decode_full(data, decode.read_header(data, self.limits)).pixels
        except (ImageError, OSError):
            return None  # gone or damaged since it was measured
        made = []
        for edit in EDITS.values():
            saved = encode_jpeg(edit.apply(pixels), edit.quality)
            made.append(decode.decode_at(saved, decode.read_header(saved, self.limits), self.size).pixels)
        return made


def _conclude(
    measure: Measure,
    positives: Array,
    images: int,
    strata: list[_Stratum],
    counted: tuple[float, Array] | None,
    wanted: float,
    copies_taken_out: int,
) -> Calibrated:
    reach, near = (-1.0, np.empty(0)) if counted is None else counted
    sign = -1.0 if measure.is_similarity else 1.0
    negatives = np.concatenate([near, *(stratum.distances for stratum in strata)])
    # Where a border can matter: at the copies, and at the nearest pairs that are none.
    values = np.unique(np.concatenate([[measure.equal], positives.reshape(-1), np.sort(negatives)[:_BORDERS]]))
    values = values[values <= positives.max()]
    expected = np.array([np.sum([stratum.expected(value) for stratum in strata], axis=0) for value in values])
    if counted is not None:
        expected[values <= reach] = np.searchsorted(near, values[values <= reach], side="right")[:, None]
    recall = np.array([(positives <= value).mean() for value in values])
    by_cutoff = {"cutoff": sign * values, "recall": recall, "false_pairs": expected[:, 0], "false_pairs_at_most": expected[:, 1]}
    supported = np.flatnonzero(expected[:, 1] <= wanted)
    clean = np.flatnonzero(expected[:, 0] == 0)
    at = int(supported[-1]) if len(supported) else int(clean[-1]) if len(clean) else -1
    cutoff = float(values[at]) if at >= 0 else None
    shares = [(np.nan,) * 3 if cutoff is None else interval(int(count), images) for count in (positives <= (cutoff or 0.0)).sum(axis=0)]
    recalls, low, high = np.array(shares).T
    says = text_array(edit.says for edit in EDITS.values())
    by_edit = {"edit": text_array(EDITS), "recall": recalls, "low": low, "high": high, "says": says}
    return Calibrated(
        measure.name,
        None if cutoff is None else sign * cutoff,
        float(wanted),
        len(supported) > 0,
        float(expected[at if at >= 0 else 0, 0]),
        float(expected[at if at >= 0 else 0, 1]),
        float(recall[at]) if at >= 0 else float("nan"),
        sum(stratum.total for stratum in strata),
        sum(len(stratum.distances) for stratum in strata),
        strata[1].total,
        copies_taken_out,
        images,
        reach,
        by_edit,
        by_cutoff,
    )
