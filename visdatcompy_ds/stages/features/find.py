"""Pairs of images that show the same, by local features: candidates by votes, each verified; then the partners of partners."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.catalog.features import Extractor, to_side
from visdatcompy_ds.catalog.working import to_grey
from visdatcompy_ds.engine import decode
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.stages.features.extract import Features, alone, extract
from visdatcompy_ds.stages.features.verify import Evidence, verify
from visdatcompy_ds.stages.features.votes import vote

_MOST = 8  # candidates of an image
_MOST_PARTNERS = 12  # partners of partners of an image
LEAST_INLIERS, LEAST_CORRELATION = 6, 0.75


def is_same_picture(evidence: Evidence) -> bool:
    """Tell whether two pictures show the same where they overlap: features that agree on how one lies on the other, and pixels that agree.

    Of some 6400 pairs among photos and 760 usual edits of 40 of them 2 had both and were none, different shirts of one outline; pairs that
    share a frame of text, as screenshots do, have both, too.
    """
    return evidence.inliers >= LEAST_INLIERS and evidence.correlation >= LEAST_CORRELATION


def find(
    table: Fingerprints,
    rows: Array,
    others: Array | None,
    extractor: Extractor,
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
) -> tuple[Array, Array, list[Evidence]]:
    """Return pairs of `rows` with `others`, or among `rows`, with their evidence, sorted by rows.

    Parameters
    ----------
    table : Fingerprints
    rows, others : (n,) int64
    extractor : Extractor
    workers, limits, show_progress
        As everywhere.

    Returns
    -------
    left, right : (m,) int64
        Rows; within one set ``left < right``.
    evidence : list of Evidence
        How the left picture lies on the right one: the better of lying as it does, and mirrored.
    """
    upright, mirrored = extract(table, rows, extractor, workers, limits, show_progress)
    target = upright if others is None else extract(table, others, extractor, workers, limits, show_progress, mirrored=False)[0]
    found: dict[tuple[int, int], Evidence] = {}
    ways = []
    for query, is_mirrored in ((upright, False), (mirrored, True)):
        votes = vote(query, target, extractor, _MOST, workers)
        one, other = query.without(votes.is_common), target.without(votes.is_other_common)
        ways.append((one, other, is_mirrored))
        _look(one, other, _ordered(votes.pairs, others is None), is_mirrored, extractor, found, workers)
    partners = _of_partners(found, others is None)
    for one, other, is_mirrored in ways:
        _look(one, other, partners, is_mirrored, extractor, found, workers)
    at = sorted(found)
    left, right = upright.rows[[i for i, _ in at]], target.rows[[j for _, j in at]]
    return left.astype(np.int64), right.astype(np.int64), [found[pair] for pair in at]


def _ordered(pairs: Array, is_self: bool) -> Array:
    """Return pairs once, of one set with the first image on the left."""
    return np.unique(np.sort(pairs, axis=1) if is_self else pairs, axis=0).reshape(-1, 2)


def _look(
    left: Features,
    right: Features,
    pairs: Array,
    is_mirrored: bool,
    extractor: Extractor,
    found: dict[tuple[int, int], Evidence],
    workers: Workers,
) -> None:
    """Verify pairs and keep the better evidence of each."""
    for (i, j), evidence in zip(pairs.tolist(), verify(left, right, pairs, extractor, is_mirrored, workers), strict=True):
        held = found.get((i, j))
        if evidence is not None and (held is None or (is_same_picture(evidence), evidence.inliers) > (is_same_picture(held), held.inliers)):
            found[i, j] = evidence


def _of_partners(found: dict[tuple[int, int], Evidence], is_self: bool) -> Array:
    """Return pairs of images that show what a third one shows, and were no candidates: where many are alike, votes are shared."""
    by_left: dict[int, list[int]] = {}
    by_right: dict[int, list[int]] = {}
    for (i, j), evidence in sorted(found.items()):
        if is_same_picture(evidence):
            by_left.setdefault(i, []).append(j)
            by_right.setdefault(j, []).append(i)
            if is_self:
                by_left.setdefault(j, []).append(i)
    more = set()
    for i, partners in by_left.items():
        reached = [k for j in partners for k in (by_left[j] if is_self else (m for near in by_right[j] for m in by_left[near]))]
        new = [k for k in dict.fromkeys(reached) if k != i or not is_self]
        pairs = [((i, k) if not is_self else (min(i, k), max(i, k))) for k in new]
        more.update([pair for pair in pairs if pair not in found][:_MOST_PARTNERS])
    return np.array(sorted(more), np.int64).reshape(-1, 2)


def evidence_of(left: Array, right: Array, extractor: Extractor) -> tuple[Evidence | None, list[Array]]:
    """Return the evidence on two pictures (H, W, 3) uint8 RGB, lying as they do or mirrored, and the shapes its points refer to."""
    greys = [to_side(to_grey(np.ascontiguousarray(picture[:, :, ::-1])), extractor.side) for picture in (left, right)]
    sides = [alone(grey, extractor) for grey in greys]
    pair = np.zeros((1, 2), np.int64)
    found: dict[tuple[int, int], Evidence] = {}
    for query, is_mirrored in zip(sides[0], (False, True), strict=True):
        _look(query, sides[1][0], pair, is_mirrored, extractor, found, 1)
    return found.get((0, 0)), [np.array(grey.shape) for grey in greys]
