"""Who might show the same: features whose codes are near vote for each other's images, each the less the more images it votes for."""

from __future__ import annotations

import dataclasses

import numpy as np

from visdatcompy_ds.base.tables import Array
from visdatcompy_ds.catalog.features import KEY_BITS, Extractor
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.stages.candidates.distances import DISTANCES
from visdatcompy_ds.stages.candidates.ranks import ranked
from visdatcompy_ds.stages.features.extract import Features

# What so many images show (a banner, a logo, the frame of an application, plain cloth) tells nothing of two of them.
_COMMON = 24
_BESIDE = 10.0  # pixels
_ASKING = 250
_LEAST = 0.05  # a single feature that 20 images share is no reason to look


@dataclasses.dataclass(frozen=True)
class Votes:
    """Pairs of images that might show the same.

    Attributes
    ----------
    pairs : (m, 2) int64
        Positions of images.
    is_common : (k,) bool
        Features of the target that more than 24 images share, and those beside one.
    """

    pairs: Array
    is_common: Array


def vote(query: Features, target: Features, extractor: Extractor, most: int, side: Array, workers: Workers = "auto") -> Votes:
    """Return, for each image, the images that share most with it.

    A vote of a feature weighs 1 / the number of images it votes for.

    Parameters
    ----------
    query, target : Features
        Of the same images, one of them mirrored or not; an image is no candidate for itself. The strongest half of the features of `query`
        asks for all of `target`, which finds every pair once from either side.
    extractor : Extractor
    most : int
        Candidates of an image.
    side : (n,) int
        Of each image: 1 left, 2 right, 3 both; candidates come from both sides.
    workers : int or "auto"
    """
    query = query.strongest(_ASKING)
    image, other_image = query.image, target.image
    n, m = max(1, len(target.rows)), max(1, len(query.rows))
    keys, other_keys = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    codes, other_codes = (np.ascontiguousarray(side.descriptors[:, : KEY_BITS // 8]) for side in (query, target))
    if len(codes) and len(other_codes):
        for found in DISTANCES["hamming"].within(codes, other_codes, extractor.radius, workers):
            feature, other = found[:, 0].astype(np.int64), found[:, 1].astype(np.int64)
            differ = query.rows[image[feature]] != target.rows[other_image[other]]
            feature, other = feature[differ], other[differ]
            keys.append(_distinct(feature * n + other_image[other]))
            other_keys.append(_distinct(other * m + image[feature]))
    # Each feature votes once for an image, however many of its features are near.
    key, other_key = _distinct(np.concatenate(keys)), _distinct(np.concatenate(other_keys))
    count = np.bincount(key // n, minlength=len(image))
    other_count = np.bincount(other_key // m, minlength=len(other_image))
    feature, right = key // n, key % n
    known = count[feature] <= _COMMON
    known &= across(side[image[feature]], side[right])
    pair, inverse = np.unique(image[feature[known]] * n + right[known], return_inverse=True)
    votes = np.bincount(inverse.reshape(-1), weights=1.0 / count[feature[known]], minlength=len(pair))
    pair, votes = pair[votes > _LEAST], votes[votes > _LEAST]
    keep = np.zeros(len(pair), bool)
    for side, partner in ((pair // n, pair % n), (pair % n, pair // n)):
        order, rank = ranked(side, -votes, partner)
        keep[order[rank < most]] = True
    return Votes(np.stack([pair[keep] // n, pair[keep] % n], axis=1), _with_neighbours(target, other_count > _COMMON))


def across(one: Array, other: Array) -> Array:
    """Tell whether of two images one is of the left side and the other of the right one."""
    return ((one & 1 != 0) & (other & 2 != 0)) | ((one & 2 != 0) & (other & 1 != 0))


def _distinct(keys: Array) -> Array:
    """Return the sorted distinct values; sorting is several times as fast as what np.unique does with millions."""
    keys = np.sort(keys)
    return keys[np.append(True, keys[1:] != keys[:-1])] if len(keys) else keys


def _with_neighbours(features: Features, is_common: Array) -> Array:
    """Return a mask of the common features, and of those beside one: noise gives some features of a banner bits of their own."""
    is_common = is_common.copy()
    for image in np.unique(features.image[is_common]).tolist():
        span = slice(int(features.starts[image]), int(features.starts[image + 1]))
        points, common = features.points[span], features.points[span][is_common[span]]
        is_common[span] = (((points[:, None] - common[None]) ** 2).sum(axis=2) <= _BESIDE**2).any(axis=1)
    return is_common
