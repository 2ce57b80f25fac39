"""The last step of the cascade: local features for what bytes, EXIF and hashes left open; each pair with its class."""

from __future__ import annotations

import dataclasses

import numpy as np

from visdatcompy_ds.base.tables import CLASS_CODE, CLASSES, DUPLICATE_CLASSES, Array, Fingerprints, Pairs, text_array
from visdatcompy_ds.catalog.features import Extractor
from visdatcompy_ds.engine import decode
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.stages import group
from visdatcompy_ds.stages.candidates import Candidates, equal_content
from visdatcompy_ds.stages.confirm import Cost, Verdicts, confirm
from visdatcompy_ds.stages.features.find import LEAST_INLIERS, Found, find, is_same_picture
from visdatcompy_ds.stages.features.in_place import are_processed
from visdatcompy_ds.stages.features.verify import Evidence
from visdatcompy_ds.stages.shots import ShotFacts

_SAME_ASPECT = 0.02  # relative difference of aspect ratios that rounding explains
# Of frames of one object from a camera in the hand, or above a belt, at about one scale 0.43 to 0.85 of the matches agree on one transform,
# and the likeness is 0.92 at most: things have depth. Of crops, turns, pictures at an angle and prints 0.8, and 0.96 and more.
_NEAR_SCALE, _STEADY, _FLAT = 1.45, 0.78, 0.94
_ALIKE, _FIRM = 0.9, 12  # correlation and inliers from which a strongly reduced picture of one frame counts as a copy
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
    stands_for : (n,) int64
        For each row the one of its dataset whose features were looked at: itself, or the best of its duplicates.
    cost : Cost
        Of full resolution, where features could not tell.
    """

    pairs: Pairs
    evidence: dict[tuple[int, int], Evidence]
    stands_for: Array
    cost: Cost


def cascade(
    table: Fingerprints,
    rows: Array,
    others: Array | None,
    cheap: Pairs,
    order: Array,
    extractor: Extractor,
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
    known: Verdicts | None = None,
) -> Cascade:
    """Return pairs of `rows` with `others`, or among `rows`, that show the same.

    Features are for what the steps before left: of images that these proved to be one shot the best stands for all.

    Parameters
    ----------
    table : Fingerprints
        With the columns of ``CLEAN_PROBES`` and the context.
    rows, others : (n,) int64
        Images of one and of the other dataset; what is in both is compared within, too.
    cheap : Pairs
        What the steps before found, of equal content too.
    order : (k,) int64
        Rows best first; those that are not in it do not take part.
    extractor : Extractor
    workers, limits, show_progress, known
        As in :func:`confirm`.
    """
    is_asked = np.isin(np.arange(len(table)), order)
    sides = [side[is_asked[side]] for side in ([rows] if others is None else [rows, others])]
    stands_for = _standing(table, sides, cheap, order)
    cheap = dataclasses.replace(cheap, klass=cheap.klass.copy())
    if others is not None:
        is_left, is_right = (np.isin(np.arange(len(table)), side) for side in (rows, others))
        is_across = (is_left[cheap.left] & is_right[cheap.right]) | (is_right[cheap.left] & is_left[cheap.right])
        cheap = cheap.take(np.flatnonzero(is_across))
    is_open = cheap.of_class("similar", "undecided", "edited")
    vetoed = ShotFacts(table).are_other_shots(cheap.left, cheap.right)
    asked = np.stack([stands_for[side[is_open & ~vetoed]] for side in (cheap.left, cheap.right)], axis=1)
    distinct = [np.unique(stands_for[side]) for side in sides]
    found = find(table, distinct[0], distinct[1] if others is not None else None, asked, extractor, workers, limits, show_progress)
    cheap.klass[_only_framed(found, cheap, stands_for)] = CLASS_CODE["similar"]
    found = found.take(_unsettled(table, found, cheap))
    held = _positions(found, cheap)
    copies = cheap.take(cheap.of_class(*DUPLICATE_CLASSES, "edited"))
    klass, cost = _classes(table, found, held >= 0, copies, workers, limits, show_progress, known)
    # What full resolution called similar or undecided, features may tell to be an edited copy; else its verdict stands.
    klass[(held >= 0) & (klass != "edited")] = ""
    kept = np.flatnonzero(klass != "")
    pairs, found = _as_pairs(found.take(kept), klass[kept], extractor), found.take(kept)
    edited = {pair for pair, is_edited in zip(found.keys, klass[kept] == "edited", strict=True) if is_edited}
    ends = zip(*(stands_for[side].tolist() for side in (cheap.left, cheap.right)), strict=True)
    is_answered = np.array([(min(a, b), max(a, b)) in edited for a, b in ends], bool) & cheap.of_class("similar", "undecided")
    pairs = Pairs.concat([cheap.take(~is_answered), pairs]).in_order()
    return Cascade(pairs, dict(zip(found.keys, found.evidence, strict=True)), stands_for, cost)


def _standing(table: Fingerprints, sides: list[Array], cheap: Pairs, order: Array) -> Array:
    """Return for each row the best row of its side among those proved to be one shot with it."""
    order = order[np.isin(order, np.concatenate(sides))]
    first = np.arange(len(table))
    first[order] = equal_content(table, order)
    stars, _ = group.group(order[first[order] == order], len(table), cheap.take(cheap.of_class(*DUPLICATE_CLASSES)))
    keeper = stars.keeper[first]
    stands_for = np.arange(len(table))
    for side in sides:
        mine = order[np.isin(order, side)]
        _, best, inverse = np.unique(keeper[mine], return_index=True, return_inverse=True)
        stands_for[mine] = mine[best[inverse.reshape(-1)]]
    return stands_for


def _only_framed(found: Found, cheap: Pairs, stands_for: Array) -> Array:
    """Return positions of the edited pairs that share what many images do and nothing else: screenshots of one application, forms."""
    proved = {pair for pair, evidence in zip(found.keys, found.evidence, strict=True) if is_same_picture(evidence)}
    left, right = stands_for[cheap.left], stands_for[cheap.right]
    at = np.flatnonzero(cheap.of_class("edited") & (np.isin(left, found.framed) | np.isin(right, found.framed)))
    pairs = zip(at.tolist(), left[at].tolist(), right[at].tolist(), strict=True)
    return np.array([k for k, a, b in pairs if (min(a, b), max(a, b)) not in proved], np.int64)


def _positions(found: Found, cheap: Pairs) -> Array:
    """Return the position of each pair by features in the pairs of the steps before, -1 for none."""
    position = {pair: at for at, pair in enumerate(zip(cheap.left.tolist(), cheap.right.tolist(), strict=True))}
    return np.array([position.get(pair, -1) for pair in found.keys], np.int64)


def _unsettled(table: Fingerprints, found: Found, cheap: Pairs) -> Array:
    """Return positions of the pairs that the steps before left open: not one content, not proved to be one shot, or to be edited."""
    is_open = np.append(cheap.of_class("similar", "undecided"), True)
    digests = np.ascontiguousarray(table["sha256"]).view("V32").reshape(-1)
    return np.flatnonzero(is_open[_positions(found, cheap)] & (digests[found.left] != digests[found.right]))


def _as_pairs(found: Found, klass: Array, extractor: Extractor) -> Pairs:
    count = len(klass)
    return Pairs(
        found.left,
        found.right,
        np.array([CLASS_CODE[name] for name in klass], np.uint8),
        text_array(["features"] * count),
        text_array([f"{extractor.name} inliers"] * count),
        np.array([evidence.inliers for evidence in found.evidence], np.float64),
        np.full(count, float(LEAST_INLIERS)),
        text_array(_transform(evidence) for evidence in found.evidence),
    )


def _classes(
    table: Fingerprints,
    found: Found,
    is_judged: Array,
    copies: Pairs,
    workers: Workers,
    limits: decode.Limits | None,
    show_progress: bool | None,
    known: Verdicts | None,
) -> tuple[Array, Cost]:
    """Return the class of each pair by features, "" for none, and the cost of those that full resolution told; none is judged twice."""
    left, right, evidence = found.left, found.right, found.evidence
    klass = np.full(len(left), "", object)
    is_same = np.array([is_same_picture(one) for one in evidence], bool)
    is_scene = np.array([one.inliers >= _SAME_SCENE for one in evidence], bool)
    facts = ShotFacts(table)
    has_same_frame = np.abs(facts.aspect[left] / np.maximum(facts.aspect[right], 1e-9) - 1) <= _SAME_ASPECT  # a caption or bars change it
    is_moved_only = has_same_frame & np.array([one.is_moved_only for one in evidence], bool)
    is_in_place = is_moved_only & np.array([one.is_in_place for one in evidence], bool)
    vetoed = facts.are_other_shots(left, right)
    klass[is_scene] = "similar"
    klass[is_same & ~is_moved_only] = "edited"
    klass[is_same & has_same_frame & np.array([_may_be_another_shot(one) for one in evidence], bool)] = "similar"
    klass[is_same & is_moved_only] = "undecided"
    klass[(klass != "") & vetoed] = "similar"
    # Both frame the same: full resolution tells a copy from the next frame, as for hashes, and what processing explains is a copy, too.
    open_at = np.flatnonzero(is_same & is_in_place & ~vetoed)
    asked = open_at[~is_judged[open_at]]
    cost = Cost()
    if len(asked):
        proposed = Candidates.of(left[asked], right[asked], "features")
        confirmed, cost = confirm(table, proposed, workers, limits, show_progress, known)
        columns = (confirmed.left, confirmed.right, confirmed.klass)
        told = {(i, j): CLASSES[code] for i, j, code in zip(*(column.tolist() for column in columns), strict=True)}
        for at in asked.tolist():
            klass[at] = told.get((int(left[at]), int(right[at])), "similar")
    open_at = open_at[np.isin(klass[open_at], ("similar", "undecided"))]
    told_at = np.flatnonzero(is_in_place & np.isin(klass, ("edited", *DUPLICATE_CLASSES)))
    told_copies = np.concatenate([copies.left, left[told_at]]), np.concatenate([copies.right, right[told_at]])
    is_alike = np.array([evidence[at].agreement.correlation >= _ALIKE and evidence[at].inliers >= _FIRM for at in open_at.tolist()], bool)
    likeness = np.array([evidence[at].likeness for at in open_at.tolist()], np.float64)
    klass[open_at[are_processed(table, left[open_at], right[open_at], is_alike, likeness, told_copies, workers, limits)]] = "edited"
    return klass, cost


def _may_be_another_shot(found: Evidence) -> bool:
    """Tell whether a camera that moved a little, or before which something did, may have taken both."""
    is_near = not found.mirrored and 1 / _NEAR_SCALE <= found.scale <= _NEAR_SCALE
    return is_near and (found.steadiness < _STEADY or found.likeness < _FLAT)


def _transform(found: Evidence) -> str:
    parts = ["mirrored"] if found.mirrored else []
    turn = round(found.rotation) % 360
    parts += [f"rotated {turn}"] if turn else []
    return ", ".join(parts) or "same"
