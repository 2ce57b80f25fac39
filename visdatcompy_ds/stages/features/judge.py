"""The cascade: bytes, EXIF and hashes confirmed at full resolution, then local features for what is open; each pair with its class."""

from __future__ import annotations

import dataclasses

import numpy as np

from visdatcompy_ds.base.tables import CLASS_CODE, CLASSES, Array, Fingerprints, Pairs, text_array
from visdatcompy_ds.catalog.features import Extractor
from visdatcompy_ds.engine import decode
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.stages.candidates import Candidates, equal_content
from visdatcompy_ds.stages.compare import compare
from visdatcompy_ds.stages.confirm import confirm
from visdatcompy_ds.stages.features.find import LEAST_INLIERS, find, is_same_picture
from visdatcompy_ds.stages.features.verify import Evidence
from visdatcompy_ds.stages.shots import ShotFacts

# A picture that only moved, by no more than this, may be the next frame of a camera in the hand: no crop keeps the scale of its frame.
_SAME_SCALE, _SAME_TURN, _SAME_FRAME = 0.015, 1.0, 0.03
_SAME_SCENE = 12  # features that agree on one transform while the pixels do not: the scene, from elsewhere or at another time


@dataclasses.dataclass(frozen=True)
class Cascade:
    """Pairs with their class, by whichever step came first.

    Attributes
    ----------
    pairs : Pairs
        Sorted by rows.
    evidence : dict of (int, int) to Evidence
        Of the pairs by features.
    first : (n,) int64
        For each row the first of its content.
    """

    pairs: Pairs
    evidence: dict[tuple[int, int], Evidence]
    first: Array


def cascade(
    table: Fingerprints,
    rows: Array,
    others: Array | None,
    extractor: Extractor,
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
) -> Cascade:
    """Return pairs of `rows` with `others`, or among `rows`, that show the same.

    Parameters
    ----------
    table : Fingerprints
        With the columns of ``CLEAN_PROBES`` and the context.
    rows, others : (n,) int64
        Images of one and of the other dataset.
    extractor : Extractor
    workers, limits, show_progress
        As everywhere.
    """
    cheap = compare(table, np.zeros(len(table), bool), workers=workers, limits=limits, show_progress=show_progress).pairs
    usable = table.files.is_usable & table["decoded"]
    sides = [side[usable[side]] for side in ([rows] if others is None else [rows, others])]
    if others is not None:
        is_left = np.isin(np.arange(len(table)), rows)
        cheap = cheap.take(np.flatnonzero(is_left[cheap.left] != is_left[cheap.right]))
    distinct = [np.unique(equal_content(table, side)) for side in sides]
    left, right, evidence = find(table, distinct[0], distinct[1] if others is not None else None, extractor, workers, limits, show_progress)
    low, high = np.minimum(left, right), np.maximum(left, right)
    judged = set(zip(cheap.left.tolist(), cheap.right.tolist(), strict=True))
    digests = np.ascontiguousarray(table["sha256"]).view("V32").reshape(-1)
    is_open = np.array([pair not in judged for pair in zip(low.tolist(), high.tolist(), strict=True)], bool)
    open_at = np.flatnonzero(is_open & (digests[low] != digests[high])).tolist()
    low, high, evidence = low[open_at], high[open_at], [evidence[at] for at in open_at]
    klass = _classes(table, low, high, evidence, workers, limits, show_progress)
    kept = np.flatnonzero(klass != "")
    some = [evidence[at] for at in kept.tolist()]
    pairs = Pairs(
        low[kept],
        high[kept],
        np.array([CLASS_CODE[name] for name in klass[kept]], np.uint8),
        text_array(["features"] * len(kept)),
        text_array([f"{extractor.name} inliers"] * len(kept)),
        np.array([found.inliers for found in some], np.float64),
        np.full(len(kept), float(LEAST_INLIERS)),
        text_array(_transform(found) for found in some),
    )
    held = {(int(low[at]), int(high[at])): evidence[at] for at in kept.tolist()}
    first = np.arange(len(table))
    for side in sides:
        first[side] = equal_content(table, side)
    return Cascade(Pairs.concat([cheap, pairs]).in_order(), held, first)


def _classes(
    table: Fingerprints,
    left: Array,
    right: Array,
    evidence: list[Evidence],
    workers: Workers,
    limits: decode.Limits | None,
    show_progress: bool | None,
) -> Array:
    """Return the class of each pair by features, "" for none."""
    klass = np.full(len(left), "", object)
    is_same = np.array([is_same_picture(found) for found in evidence], bool)
    is_scene = np.array([found.inliers >= _SAME_SCENE for found in evidence], bool)
    is_moved_only = np.array([_is_moved_only(found) for found in evidence], bool)
    is_in_place = is_moved_only & np.array([found.shift <= _SAME_FRAME for found in evidence], bool)
    vetoed = ShotFacts(table).are_other_shots(left, right) if len(left) else np.zeros(0, bool)
    klass[is_scene] = "similar"
    klass[is_same & ~is_moved_only] = "edited"
    klass[is_same & is_moved_only] = "undecided"
    klass[(klass != "") & vetoed] = "similar"
    # Both frame the same: full resolution tells a copy from the next frame, as for hashes.
    asked = np.flatnonzero(is_same & is_in_place & ~vetoed)
    if len(asked):
        proposed = Candidates(
            left[asked],
            right[asked],
            text_array(["features"] * len(asked)),
            np.zeros(len(asked), bool),
            np.zeros(len(asked), np.int64),
            Pairs.empty(),
            {"vetoed": 0, "set_aside": 0, "beyond_most": 0},
        )
        confirmed, _ = confirm(table, proposed, workers, limits, show_progress)
        columns = (confirmed.left, confirmed.right, confirmed.klass)
        told = {(i, j): CLASSES[code] for i, j, code in zip(*(column.tolist() for column in columns), strict=True)}
        for at in asked.tolist():
            klass[at] = told.get((int(left[at]), int(right[at])), "similar")
    return klass


def _is_moved_only(found: Evidence) -> bool:
    """Tell whether a picture lies on the other at its scale, unturned: as frames of one camera do, and no crop."""
    return not found.mirrored and abs(found.scale - 1) < _SAME_SCALE and abs(found.rotation) < _SAME_TURN


def _transform(found: Evidence) -> str:
    parts = ["mirrored"] if found.mirrored else []
    turn = round(found.rotation) % 360
    parts += [f"rotated {turn}"] if turn else []
    return ", ".join(parts) or "same"
