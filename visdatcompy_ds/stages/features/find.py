"""Pairs of images that show the same, by local features: candidates by votes, each verified; then the partners of partners."""

from __future__ import annotations

import dataclasses

import numpy as np

from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.catalog.features import Extractor, to_side
from visdatcompy_ds.catalog.working import to_grey
from visdatcompy_ds.engine import decode
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.stages.features.extract import FRAMED, Features, alone, extract
from visdatcompy_ds.stages.features.verify import LEAST_LIKENESS, Evidence, verify
from visdatcompy_ds.stages.features.votes import across, vote

_MOST = 8  # candidates of an image
_MOST_PARTNERS = 12  # partners of partners of an image
LEAST_INLIERS = 6
_LEAST_OVERLAP = 0.25  # less is a banner, a line of text, a corner
_SETTLED = 30  # inliers of the same picture with which it need not be tried whether it was mirrored, too


def is_same_picture(evidence: Evidence) -> bool:
    """Tell whether two pictures show the same where they overlap: features that agree on how one lies on the other, and pixels that agree.

    The mean of two correlations decides: of what is to be seen, and of its fine structure alone. Of 25 664 pairs that benchmarks/copies.py
    found none was wrong; clothes of one cut before one wall reach 28 inliers and a likeness of 0.68.
    """
    return agrees(evidence) and evidence.likeness >= LEAST_LIKENESS


def agrees(evidence: Evidence) -> bool:
    """Tell whether enough features agree on how two pictures lie on each other, and these overlap."""
    return evidence.inliers >= LEAST_INLIERS and evidence.overlap >= _LEAST_OVERLAP


@dataclasses.dataclass(frozen=True)
class Found:
    """Pairs with evidence.

    Attributes
    ----------
    left, right : (m,) int64
        Rows, ``left < right``.
    evidence : list of Evidence
        How one picture lies on the other: the better of lying as it does, and mirrored.
    framed : (k,) int64
        Rows of images that show much of what is common to many.
    """

    left: Array
    right: Array
    evidence: list[Evidence]
    framed: Array

    @property
    def keys(self) -> list[tuple[int, int]]:
        """Rows of the pairs."""
        return list(zip(self.left.tolist(), self.right.tolist(), strict=True))

    def take(self, at: Array) -> Found:
        """Return the pairs at positions."""
        return dataclasses.replace(self, left=self.left[at], right=self.right[at], evidence=[self.evidence[k] for k in at.tolist()])


def find(
    table: Fingerprints,
    rows: Array,
    others: Array | None,
    asked: Array,
    extractor: Extractor,
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
) -> Found:
    """Return pairs of `rows` with `others`, or among `rows`, with their evidence, sorted by rows.

    Parameters
    ----------
    table : Fingerprints
    rows, others : (n,) int64
    asked : (m, 2) int64
        Pairs of rows to be looked at whatever their features vote for.
    extractor : Extractor
    workers, limits, show_progress
        As everywhere.
    """
    everything = rows if others is None else np.union1d(rows, others)
    upright, mirrored = extract(table, everything, extractor, workers, limits, show_progress)
    # Both sides are one set to which images vote: what is common is so wherever it lies, and no side comes first.
    side = np.full(len(everything), 3) if others is None else np.isin(everything, rows) + 2 * np.isin(everything, others)
    found, is_common = among(upright, mirrored, side, _at(asked, everything), extractor, workers)
    at = sorted(found)
    left, right = (np.array([everything[pair[k]] for pair in at], np.int64) for k in (0, 1))
    shares = np.bincount(upright.image, weights=is_common, minlength=len(everything)) / np.maximum(np.diff(upright.starts), 1)
    return Found(left, right, [found[pair] for pair in at], everything[shares >= FRAMED])


def among(
    upright: Features, mirrored: Features, side: Array, wanted: Array, extractor: Extractor, workers: Workers = "auto"
) -> tuple[dict[tuple[int, int], Evidence], Array]:
    """Return the evidence on pairs of images that features vote for, and which features are common to many.

    Parameters
    ----------
    upright, mirrored : Features
        Of the same images.
    side : (n,) int
        Of each image: 1 left, 2 right, 3 both.
    wanted : (m, 2) int64
        Positions of pairs that are looked at in any case.
    extractor : Extractor
    workers : int or "auto"
    """
    found: dict[tuple[int, int], Evidence] = {}
    votes = [vote(query, upright, extractor, _MOST, side, workers) for query in (upright, mirrored)]
    # What is common in one direction is so in the other: boxes and lines look mirrored much as they do upright.
    is_common = votes[0].is_common | votes[1].is_common
    own = upright.without(is_common)
    # An extractor that mirrors features keeps their order; where it looks again, what is common is left out on the one side only.
    ways = [(own, False), (mirrored if extractor.mirror is None else mirrored.without(is_common), True)]
    for (query, is_mirrored), vote_of in zip(ways, votes, strict=True):
        _look(query, own, _ordered(np.concatenate([vote_of.pairs, wanted])), is_mirrored, extractor, found, workers)
    partners = _of_partners(found, side)
    for query, is_mirrored in ways:
        _look(query, own, partners, is_mirrored, extractor, found, workers)
    return found, is_common


def _at(pairs: Array, rows: Array) -> Array:
    """Return positions of pairs of rows; those of one image with itself are left out."""
    pairs = pairs[(pairs[:, 0] != pairs[:, 1]) & np.isin(pairs, rows).all(axis=1)]
    return np.searchsorted(rows, pairs).astype(np.int64).reshape(-1, 2)


def _ordered(pairs: Array) -> Array:
    """Return pairs once, the lower row on the left."""
    return np.unique(np.sort(pairs, axis=1), axis=0).reshape(-1, 2)


def _look(
    left: Features,
    right: Features,
    pairs: Array,
    is_mirrored: bool,
    extractor: Extractor,
    found: dict[tuple[int, int], Evidence],
    workers: Workers,
) -> None:
    """Verify pairs and keep the better evidence of each; what is settled is not looked at again."""
    pairs = np.array([pair for pair in pairs.tolist() if not _is_settled(found.get((pair[0], pair[1])))], np.int64).reshape(-1, 2)
    for (i, j), evidence in zip(pairs.tolist(), verify(left, right, pairs, extractor, is_mirrored, workers), strict=True):
        held = found.get((i, j))
        if evidence is not None and (held is None or (is_same_picture(evidence), evidence.inliers) > (is_same_picture(held), held.inliers)):
            found[i, j] = evidence


def _is_settled(held: Evidence | None) -> bool:
    return held is not None and is_same_picture(held) and held.inliers >= _SETTLED


def _of_partners(found: dict[tuple[int, int], Evidence], side: Array) -> Array:
    """Return pairs of images that show what a third one shows, and were no candidates: where many are alike, votes are shared."""
    partners: dict[int, list[int]] = {}
    for (i, j), evidence in sorted(found.items()):
        if is_same_picture(evidence):
            partners.setdefault(i, []).append(j)
            partners.setdefault(j, []).append(i)
    more = set()
    for i, known in partners.items():
        reached = dict.fromkeys(k for j in known for k in partners[j] if k != i and across(side[i], side[k]))
        pairs = [(min(i, k), max(i, k)) for k in reached]
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
