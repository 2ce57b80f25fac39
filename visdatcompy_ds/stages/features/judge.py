"""The cascade: bytes, EXIF and hashes confirmed at full resolution, then local features for what is open; each pair with its class."""

from __future__ import annotations

import dataclasses

import numpy as np

from visdatcompy_ds.base.tables import CLASS_CODE, CLASSES, Array, Fingerprints, Pairs, text_array
from visdatcompy_ds.catalog.features import Extractor
from visdatcompy_ds.catalog.geometry import texture
from visdatcompy_ds.engine import decode
from visdatcompy_ds.engine.run import Workers, run
from visdatcompy_ds.stages.candidates import Candidates, equal_content
from visdatcompy_ds.stages.compare import compare
from visdatcompy_ds.stages.confirm import confirm, load_shot
from visdatcompy_ds.stages.features.find import LEAST_INLIERS, find, is_same_picture
from visdatcompy_ds.stages.features.verify import Evidence
from visdatcompy_ds.stages.shots import ShotFacts

# A picture that only moved, by no more than this, may be the next frame of a camera in the hand: no crop keeps the scale of its frame.
_SAME_SCALE, _SAME_TURN, _SAME_FRAME, _SAME_ASPECT = 0.015, 1.0, 0.03, 0.02
_ALIKE, _FIRM = 0.9, 12  # correlation and inliers from which the difference of two pictures of one frame is one of processing
_REDUCED, _LIGHTER, _RECOLOURED = 0.3, 14.0, 14.0  # share of the pixels; grey levels
# 40 photos made brighter or given another gamma: 0.91 and more. Frames of one post in other light: 0.15 at 8 MP, 0.77 a quarter as wide.
_SAME_TEXTURE = 0.9
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
    # What full resolution proved stays; what it could only call similar or undecided, features may tell to be an edited copy.
    position = {pair: at for at, pair in enumerate(zip(cheap.left.tolist(), cheap.right.tolist(), strict=True))}
    held_at = np.array([position.get(pair, -1) for pair in zip(low.tolist(), high.tolist(), strict=True)], np.int64)
    is_soft = cheap.of_class("similar", "undecided")
    digests = np.ascontiguousarray(table["sha256"]).view("V32").reshape(-1)
    is_open = (digests[low] != digests[high]) & ((held_at < 0) | np.append(is_soft, False)[held_at])
    open_at = np.flatnonzero(is_open)
    low, high, held_at, evidence = low[open_at], high[open_at], held_at[open_at], [evidence[at] for at in open_at.tolist()]
    klass = _classes(table, low, high, evidence, held_at >= 0, workers, limits, show_progress)
    klass[(held_at >= 0) & (klass != "edited")] = ""  # the earlier verdict stands
    cheap = cheap.take(np.setdiff1d(np.arange(len(cheap)), held_at[klass != ""]))
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
    is_judged: Array,
    workers: Workers,
    limits: decode.Limits | None,
    show_progress: bool | None,
) -> Array:
    """Return the class of each pair by features, "" for none; those that were judged at full resolution are not decoded again."""
    klass = np.full(len(left), "", object)
    is_same = np.array([is_same_picture(found) for found in evidence], bool)
    is_scene = np.array([found.inliers >= _SAME_SCENE for found in evidence], bool)
    facts = ShotFacts(table)
    has_same_frame = np.abs(facts.aspect[left] / np.maximum(facts.aspect[right], 1e-9) - 1) <= _SAME_ASPECT  # a caption or bars change it
    is_moved_only = has_same_frame & np.array([_is_moved_only(found) for found in evidence], bool)
    is_in_place = is_moved_only & np.array([found.shift <= _SAME_FRAME for found in evidence], bool)
    vetoed = facts.are_other_shots(left, right)
    klass[is_scene] = "similar"
    klass[is_same & ~is_moved_only] = "edited"
    klass[is_same & is_moved_only] = "undecided"
    klass[is_same & is_in_place & _is_processed(table, left, right, evidence, workers, limits)] = "edited"
    klass[(klass != "") & vetoed] = "similar"
    # Both frame the same: full resolution tells a copy from the next frame, as for hashes.
    asked = np.flatnonzero(is_same & is_in_place & ~vetoed & ~is_judged & (klass != "edited"))
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


def _is_processed(
    table: Fingerprints, left: Array, right: Array, evidence: list[Evidence], workers: Workers, limits: decode.Limits | None
) -> Array:
    """Return a mask of the pairs of one frame that are one shot made in two ways: strongly reduced, made brighter or recoloured.

    The next frame of a camera has its size. Other light it may have, but not the fine structure of the first: where light or colours
    differ, full resolution tells. Where the next frame itself was reduced, nothing tells: such a pair counts as a copy.
    """
    alike = np.array([found.correlation >= _ALIKE and found.inliers >= _FIRM for found in evidence], bool)
    pixels = table["width"].astype(np.float64) * table["height"]
    reduced = np.minimum(pixels[left], pixels[right]) <= _REDUCED * np.maximum(pixels[left], pixels[right])
    light = np.abs(table["brightness"][left].astype(np.float64) - table["brightness"][right])
    colour = np.abs(_tint(table, left) - _tint(table, right)).max(axis=1, initial=0)
    is_shot = alike & reduced
    asked = np.flatnonzero(alike & ~reduced & ((light >= _LIGHTER) | (colour >= _RECOLOURED)))
    look = _Texture(table, left, right, limits or decode.Limits())
    for at, value in zip(asked.tolist(), run(asked.tolist(), look, workers), strict=True):
        is_shot[at] = value >= _SAME_TEXTURE
    return is_shot


class _Texture:
    """The work on one pair: both pictures at the smaller one's resolution, and how alike their fine structure is."""

    def __init__(self, table: Fingerprints, left: Array, right: Array, limits: decode.Limits) -> None:
        self.paths, self.left, self.right, self.limits = table.files.path, left, right, limits

    def __call__(self, at: int) -> float:
        from visdatcompy_ds.kernels.resample import area_resize_grey

        shots = [load_shot(self.paths[side[at]], self.limits) for side in (self.left, self.right)]
        if shots[0] is None or shots[1] is None:
            return float("nan")
        greys = [shot.grey for shot in shots if shot is not None]
        height, width = (min(grey.shape[axis] for grey in greys) for axis in (0, 1))
        one, other = (grey if grey.shape == (height, width) else area_resize_grey(grey, height, width) for grey in greys)
        return texture(one, other)


def _tint(table: Fingerprints, rows: Array) -> Array:
    """Return blue and red less green, (n, 2), of the mean colour."""
    mean = table["mean_colour"][rows].astype(np.float64)
    return np.stack([mean[:, 0] - mean[:, 1], mean[:, 2] - mean[:, 1]], axis=1)


def _is_moved_only(found: Evidence) -> bool:
    """Tell whether a picture lies on the other at its scale, unturned: as frames of one camera do, and no crop."""
    return not found.mirrored and abs(found.scale - 1) < _SAME_SCALE and abs(found.rotation) < _SAME_TURN


def _transform(found: Evidence) -> str:
    parts = ["mirrored"] if found.mirrored else []
    turn = round(found.rotation) % 360
    parts += [f"rotated {turn}"] if turn else []
    return ", ".join(parts) or "same"
