"""Extractors of local features: points of a picture, each with a descriptor of 256 bits.

SIFT's descriptors are numbers. They are kept as bits, two for each number, which are eight times as small and compared by a handful of
instructions; the pairs that are found and proved stay the same (40 photos and 29 edits of each among 913: 0.992 and 0.975 of the copies
with numbers and with bits).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from visdatcompy_ds.base.registry import Registry

_ROOT = 512.0  # RootSIFT descriptors have length 1: entries times 512 fit into a byte but for a few that are cut
WIDTH = 32  # bytes of a descriptor
KEY_BITS = 128  # the first bits, by which features are looked up
_LEAST_SIDE = 40


@dataclasses.dataclass(frozen=True)
class Extractor:
    """A kind of local features and its facts.

    Attributes
    ----------
    name : str
    side : int
        Pixels of the longer side of the picture that is looked at; smaller ones are enlarged.
    keypoints : int
        At most so many, the strongest.
    extract : callable
        From a grey picture (H, W) uint8 to points (k, 2) float32 in pixels and descriptors (k, 32) uint8, strongest first.
    mirror : callable or None
        From descriptors to those of the mirrored picture; None where it has to be looked at again.
    radius : int
        Of the first 128 bits, those by which two features may differ to be a vote.
    ratio : float
        A match is no match unless its Hamming distance is less than this of that to the second nearest.
    source : str
    """

    name: str
    side: int
    keypoints: int
    extract: Callable[[Any], tuple[Any, Any]]
    mirror: Callable[[Any], Any] | None
    radius: int
    ratio: float
    source: str


EXTRACTORS: Registry[Extractor] = Registry("extractor")

# Medians of RootSIFT entries over 913 photos of clothes and pets, times 512, by ring of the 4 x 4 cells and direction: the first 128 bits
# say which entries lie above, the others which lie well above. Symmetric, so that a mirrored descriptor has mirrored bits.
_CORNER = (31, 25, 18, 19, 23, 19, 18, 25)
_EDGE_ALONG = (65, 37, 19, 17, 18, 17, 19, 37)
_EDGE_ACROSS = (43, 25, 18, 24, 30, 24, 18, 25)
_CENTRE = (92, 44, 20, 21, 27, 21, 20, 44)


def _medians() -> Any:
    import numpy as np

    table = np.empty((4, 4, 8))
    for row in range(4):
        for column in range(4):
            outer = (row in (0, 3), column in (0, 3))
            table[row, column] = {(True, True): _CORNER, (True, False): _EDGE_ALONG, (False, True): _EDGE_ACROSS, (False, False): _CENTRE}[
                outer
            ]
    return table.reshape(128)


def to_side(grey: Any, side: int) -> Any:
    """Return a picture (H, W) uint8 with its longer side of `side` pixels, reduced by area or enlarged."""
    import cv2

    height, width = grey.shape
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size == (width, height):
        return grey
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def _strongest(found: Any, values: Any, most: int) -> tuple[Any, Any]:
    """Return points and descriptors of the strongest features; equals in the order of their places."""
    import numpy as np

    facts = np.array([(-point.response, *point.pt, point.size, point.angle) for point in found]).reshape(-1, 5)
    order = np.lexsort(facts.T[::-1])[:most]
    return facts[order, 1:3].astype(np.float32), values[order]


def _sift(most: int, contrast: float) -> Callable[[Any], tuple[Any, Any]]:
    def extract(grey: Any) -> tuple[Any, Any]:
        import cv2
        import numpy as np

        found, values = cv2.SIFT.create(nfeatures=most, contrastThreshold=contrast).detectAndCompute(grey, None)
        if values is None:
            return np.empty((0, 2), np.float32), np.empty((0, WIDTH), np.uint8)
        points, values = _strongest(found, values, most)
        root = _ROOT * np.sqrt(values / np.maximum(values.sum(axis=1, keepdims=True), 1e-6))
        medians = _medians()
        return points, np.concatenate([np.packbits(root > low, axis=1) for low in (medians, 1.6 * medians + 15)], axis=1)

    return extract


def _mirrored_bits() -> Any:
    """Return which bit of a descriptor the mirrored picture has where: cells in reverse across a point's direction, angles in reverse."""
    import numpy as np

    numbers = np.arange(128).reshape(4, 4, 8)[::-1][..., (-np.arange(8)) % 8].reshape(128)
    return np.concatenate([numbers, numbers + 128])


def _mirror_sift(descriptors: Any) -> Any:
    import numpy as np

    return np.packbits(np.unpackbits(descriptors, axis=1)[:, _mirrored_bits()], axis=1)


def _orb(most: int, is_fast: bool) -> Callable[[Any], tuple[Any, Any]]:
    def extract(grey: Any) -> tuple[Any, Any]:
        import cv2
        import numpy as np

        if min(grey.shape) < _LEAST_SIDE:  # no room for a descriptor, and OpenCV's pyramid would end below a pixel
            return np.empty((0, 2), np.float32), np.empty((0, WIDTH), np.uint8)
        # Both find FAST corners on a pyramid, with their direction; they differ in which are taken for the strongest.
        score = cv2.ORB_FAST_SCORE if is_fast else cv2.ORB_HARRIS_SCORE
        orb = cv2.ORB.create(nfeatures=most, fastThreshold=10, edgeThreshold=16, scoreType=score)
        found, values = orb.detectAndCompute(grey, None)
        if values is None or not len(found):
            return np.empty((0, 2), np.float32), np.empty((0, WIDTH), np.uint8)
        return _strongest(found, values, most)

    return extract


for _extractor in (
    Extractor(
        "sift",
        side=256,
        keypoints=500,
        extract=_sift(500, contrast=0.012),
        mirror=_mirror_sift,
        radius=6,
        ratio=0.8,
        source="Lowe 2004, doi:10.1023/B:VISI.0000029664.99615.94; RootSIFT: Arandjelovic and Zisserman 2012; OpenCV",
    ),
    Extractor(
        "orb",
        side=400,
        keypoints=400,
        extract=_orb(400, is_fast=False),
        mirror=None,
        radius=12,
        ratio=0.85,
        source="Rublee et al. 2011, doi:10.1109/ICCV.2011.6126544; OpenCV",
    ),
    Extractor(
        "fast",
        side=400,
        keypoints=400,
        extract=_orb(400, is_fast=True),
        mirror=None,
        radius=12,
        ratio=0.85,
        source="FAST corners by their own score: Rosten and Drummond 2006, doi:10.1007/11744023_34; described by ORB; OpenCV",
    ),
):
    EXTRACTORS.add(_extractor)
