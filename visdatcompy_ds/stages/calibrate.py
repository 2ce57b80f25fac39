"""What a cut-off means on these images: how many copies it finds, and how many pairs that are none it lets through.

One mechanism for whatever compares two working pictures. Copies are made of a sample of the images themselves by the edits of the
catalog; pairs that are no copies are drawn at random and, apart, from shots of one event, where look-alikes are. Pairs so near that
they may be copies after all are confirmed at full resolution and taken out where they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from visdatcompy_ds.base.errors import ArgumentError, ImageError
from visdatcompy_ds.base.tables import CLASS_CODE, Array, Fingerprints, Pairs, text_array
from visdatcompy_ds.catalog.edits import EDITS
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.decode.encode import encode_jpeg
from visdatcompy_ds.engine.run import Workers, progress, run
from visdatcompy_ds.stages import confirm
from visdatcompy_ds.stages.candidates import Candidates, equal_content
from visdatcompy_ds.stages.shots import ShotFacts

_IMAGES, _PIXELS = 200, 300_000_000  # edited copies are made of so many images, or so many pixels
_ALL_PAIRS, _RANDOM_PAIRS, _EVENT_PAIRS = 2_000_000, 1_000_000, 100_000
_BORDERS = 1000
_CONFIRMED = 300  # near pairs looked at in full
_COPIES = ("same_file", "bytes", "pixels", "reencoded", "edited")
CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Measure:
    """What is calibrated.

    Attributes
    ----------
    name : str
    codes : callable
        From working pictures (n, 128, 128, 3) uint8 BGR to what is compared, (n, ...).
    distance : callable
        From two such arrays to (n,) distances, 0 for equal ones.
    """

    name: str
    codes: Callable[[Array], Array]
    distance: Callable[[Array, Array], Array]


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
    by_edit: dict[str, Array]
    by_cutoff: dict[str, Array]


def interval(found: int, of: int) -> tuple[float, float, float]:
    """Return a share with the exact interval of Clopper and Pearson: share, lower and upper limit, each at 95 % one-sided confidence."""
    from scipy.special import betaincinv

    low = float(betaincinv(found, of - found + 1, 1 - CONFIDENCE)) if found else 0.0
    high = float(betaincinv(found + 1, of - found, CONFIDENCE)) if found < of else 1.0
    return found / of, low, high


def calibrate(
    table: Fingerprints,
    rows: Array,
    codes: Array,
    measure: Measure,
    max_false_pairs: float = 1.0,
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
    codes : (n, ...) array
        What `measure` compares, of `rows`.
    measure : Measure
    max_false_pairs : float
        In all pairs of `rows`, more than 0.
    seed : int
        Of the samples; they do not depend on the order of files.
    workers, limits, show_progress
        As everywhere.

    Raises
    ------
    ArgumentError
        For fewer than 10 different images, or a wish that is no positive number.
    """
    if not isinstance(max_false_pairs, (int, float)) or isinstance(max_false_pairs, bool) or not 0 < max_false_pairs < np.inf:
        raise ArgumentError(f"max_false_pairs={max_false_pairs!r}", "Allowed: a number above 0", "In all pairs of the dataset")
    by_content = np.lexsort(table["sha256"][rows].T)  # an order that no renaming changes
    rows, codes = rows[by_content], codes[by_content]
    distinct = equal_content(table, rows) == rows
    rows, codes = rows[distinct], codes[distinct]
    if len(rows) < 10:
        raise ArgumentError(f"{len(rows)} different images that show enough", "Allowed: 10 or more", "Calibrate on a larger dataset")
    rng = np.random.default_rng(seed)
    positives, used = _edited(table, rows, codes, measure, rng, workers, limits, show_progress)
    if not used:
        raise ArgumentError("No image could be decoded in full", "", "Check that the files are still there")
    random, event = _different(table, rows, codes, measure, rng)
    near = float(np.quantile(positives, CONFIDENCE))
    taken_out = 0
    strata = []
    for (left, right, distance, total), room in ((random, _CONFIRMED), (event, _CONFIRMED)):
        copies = _copies(table, rows[left], rows[right], distance, near, room, workers, limits)
        taken_out += int(copies.sum())
        strata.append(_Stratum(np.sort(distance[~copies]), total - int(copies.sum())))
    return _conclude(measure, positives, used, strata, max_false_pairs, taken_out)


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
    edit = _Edit(table.files.path[rows[order]], limits or decode.Limits())
    kept, pictures = [], []
    for at, made in enumerate(run(range(len(order)), edit, workers)):
        bar.update(1)
        if made is not None:
            kept.append(order[at])
            pictures.append(made)
    bar.close()
    if not kept:
        return np.empty((0, len(EDITS))), 0
    block = np.stack(pictures)
    own = codes[np.array(kept)]
    distances = [measure.distance(own, measure.codes(np.ascontiguousarray(block[:, k]))) for k in range(len(EDITS))]
    return np.stack(distances, axis=1).astype(float), len(kept)


class _Edit:
    """The work on one image: decode it in full, edit and save it in every way, and give the working pictures of what came of it."""

    def __init__(self, paths: Array, limits: decode.Limits) -> None:
        self.paths, self.limits = paths, limits

    def __call__(self, at: int) -> Array | None:
        try:
            data = files.read(self.paths[at])
            pixels = decode.decode_full(data, decode.read_header(data, self.limits)).pixels
        except (ImageError, OSError):
            return None  # gone or damaged since it was measured
        made = []
        for edit in EDITS.values():
            saved = encode_jpeg(edit.apply(pixels), edit.quality)
            made.append(decode.decode_working(saved, decode.read_header(saved, self.limits)).pixels)
        return np.stack(made)


_Drawn = tuple[Array, Array, Array, int]


def _different(table: Fingerprints, rows: Array, codes: Array, measure: Measure, rng: np.random.Generator) -> tuple[_Drawn, _Drawn]:
    """Return pairs of images of different events and of one event: positions, distances, and how many such pairs there are."""
    _, event = np.unique(_event_keys(table, rows), return_inverse=True)
    sizes = np.bincount(event)
    within, n = int((sizes * (sizes - 1) // 2).sum()), len(rows)
    total = n * (n - 1) // 2
    if total <= _ALL_PAIRS:
        left, right = np.triu_indices(n, 1)
    else:
        left, right = rng.integers(0, n, (2, _RANDOM_PAIRS))
        left, right = np.minimum(left, right), np.maximum(left, right)
        keys = np.unique(left * n + right)
        left, right = keys // n, keys % n
        left, right = left[left != right], right[left != right]
    apart = event[left] != event[right]
    is_whole = total <= _ALL_PAIRS
    own_left, own_right = (left[~apart], right[~apart]) if is_whole else _within_events(event, rng)
    left, right = left[apart], right[apart]
    return (
        (left, right, _measured(measure, codes, left, right), total - within),
        (own_left, own_right, _measured(measure, codes, own_left, own_right), within),
    )


def _event_keys(table: Fingerprints, rows: Array) -> Array:
    """Return a text per row that shots of one event share; without a time each row is its own."""
    dated = ~np.isnat(table["taken"][rows])
    dataset = table.files.dataset[rows]
    return np.array(
        [f"{d}/{e}" if known else f"#{at}" for at, (d, e, known) in enumerate(zip(dataset, table["event"][rows], dated, strict=True))]
    )


def _within_events(event: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return pairs of one event, at most some, evenly drawn."""
    order = np.argsort(event, kind="stable")
    sizes = np.bincount(event)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    pairs = sizes * (sizes - 1) // 2
    total = int(pairs.sum())
    chosen = np.arange(total) if total <= _EVENT_PAIRS else np.sort(rng.choice(total, _EVENT_PAIRS, replace=False))
    ends = np.cumsum(pairs)
    which = np.searchsorted(ends, chosen, side="right")
    inside = chosen - (ends[which] - pairs[which])
    right = ((1 + np.sqrt(1 + 8 * inside.astype(float))) / 2).astype(np.int64)
    right -= right * (right - 1) // 2 > inside  # the root was rounded up
    left = inside - right * (right - 1) // 2
    one, other = order[starts[which] + left], order[starts[which] + right]
    return np.minimum(one, other), np.maximum(one, other)


def _measured(measure: Measure, codes: Array, left: Array, right: Array) -> Array:
    parts = [np.empty(0)]
    for start in range(0, len(left), 100_000):
        parts.append(measure.distance(codes[left[start : start + 100_000]], codes[right[start : start + 100_000]]).astype(float))
    return np.concatenate(parts)


def _copies(
    table: Fingerprints, left: Array, right: Array, distance: Array, near: float, room: int, workers: Workers, limits: decode.Limits | None
) -> Array:
    """Return a mask of the pairs that prove to be copies at full resolution: the nearest `room` of those within `near` are looked at."""
    is_copy = np.zeros(len(left), bool)
    order = np.argsort(distance, kind="stable")
    at = order[: min(room, int((distance <= near).sum()))]
    if not len(at):
        return is_copy
    one, other = np.minimum(left[at], right[at]), np.maximum(left[at], right[at])
    by_row = np.lexsort((other, one))
    at, one, other = at[by_row], one[by_row], other[by_row]
    vetoed = ShotFacts(table).are_other_shots(one, other)
    proposed = Candidates(one, other, np.full(len(at), "hash", object), vetoed, np.zeros(len(at), np.int64), Pairs.empty(), {})
    found, _ = confirm.confirm(table, proposed, workers, limits, False)
    proved = found.take(np.isin(found.klass, [CLASS_CODE[name] for name in _COPIES]))
    keys = set(zip(proved.left.tolist(), proved.right.tolist(), strict=True))
    is_copy[at] = [pair in keys for pair in zip(one.tolist(), other.tolist(), strict=True)]
    return is_copy


def _conclude(measure: Measure, positives: Array, images: int, strata: list[_Stratum], wanted: float, copies_taken_out: int) -> Calibrated:
    negatives = np.concatenate([stratum.distances for stratum in strata])
    # Where a border can matter: at the copies, and at the nearest pairs that are none.
    values = np.unique(np.concatenate([[0.0], positives.reshape(-1), np.sort(negatives)[:_BORDERS]]))
    values = values[values <= positives.max()]
    expected = np.array([np.sum([stratum.expected(value) for stratum in strata], axis=0) for value in values])
    recall = np.array([(positives <= value).mean() for value in values])
    by_cutoff = {"cutoff": values, "recall": recall, "false_pairs": expected[:, 0], "false_pairs_at_most": expected[:, 1]}
    supported = np.flatnonzero(expected[:, 1] <= wanted)
    clean = np.flatnonzero(expected[:, 0] == 0)
    at = int(supported[-1]) if len(supported) else int(clean[-1]) if len(clean) else -1
    cutoff = float(values[at]) if at >= 0 else None
    found = (positives <= (-1.0 if cutoff is None else cutoff)).sum(axis=0)
    shares = [interval(int(count), images) for count in found]
    recalls, low, high = np.array(shares).T
    says = text_array(edit.says for edit in EDITS.values())
    by_edit = {"edit": text_array(EDITS), "recall": recalls, "low": low, "high": high, "says": says}
    return Calibrated(
        measure.name,
        cutoff,
        float(wanted),
        bool(len(supported)),
        float(expected[at if at >= 0 else 0, 0]),
        float(expected[at if at >= 0 else 0, 1]),
        float(recall[at]) if at >= 0 else 0.0,
        sum(stratum.total for stratum in strata),
        sum(len(stratum.distances) for stratum in strata),
        strata[1].total,
        copies_taken_out,
        images,
        by_edit,
        by_cutoff,
    )
