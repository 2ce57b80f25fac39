"""Who might show the same: features whose codes are near vote for each other's images, each the less the more images it votes for."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.tables import Array
from visdatcompy_ds.catalog.features import Extractor
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.stages.candidates.distances import DISTANCES
from visdatcompy_ds.stages.candidates.ranks import ranked
from visdatcompy_ds.stages.features.extract import Features

# What so many images show (a banner, a logo, plain cloth) tells nothing of two of them.
_COMMON = 64
_LEAST = 0.05  # a single feature that 20 images share is no reason to look


def vote(query: Features, target: Features, extractor: Extractor, most: int, workers: Workers = "auto") -> tuple[Array, Array, Array]:
    """Return, for each image of `query`, the images of `target` that get most votes.

    Parameters
    ----------
    query, target : Features
        Rows that stand in both are no candidates for themselves.
    extractor : Extractor
    most : int
        Candidates of an image.
    workers : int or "auto"

    Returns
    -------
    left, right : (m,) int64
        Positions in `query` and `target`.
    votes : (m,) float64
        Sum over features of 1 / the number of images a feature votes for.
    """
    image, other_image = query.image, target.image
    n = max(1, len(target.rows))
    keys = [np.empty(0, np.int64)]
    codes, other_codes = extractor.codes(query.descriptors), extractor.codes(target.descriptors)
    if len(codes) and len(other_codes):
        for found in DISTANCES["hamming"].within(codes, other_codes, extractor.radius, workers):
            feature, right = found[:, 0].astype(np.int64), other_image[found[:, 1]]
            other = query.rows[image[feature]] != target.rows[right]
            keys.append(np.unique(feature[other] * n + right[other]))
    # Each feature votes once for an image, however many of its features are near.
    key = np.unique(np.concatenate(keys))
    feature, right = key // n, key % n
    count = np.bincount(feature, minlength=len(image))[feature]
    known = count <= _COMMON
    pair, inverse = np.unique(image[feature[known]] * n + right[known], return_inverse=True)
    votes = np.bincount(inverse.reshape(-1), weights=1.0 / count[known], minlength=len(pair))
    pair, votes = pair[votes > _LEAST], votes[votes > _LEAST]
    order, rank = ranked(pair // n, -votes, pair % n)
    kept = np.sort(order[rank < most])
    return pair[kept] // n, pair[kept] % n, votes[kept]
