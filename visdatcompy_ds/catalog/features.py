"""Extractors of local features: points of a picture with a descriptor each, and the short codes by which they are looked up."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from visdatcompy_ds.base.registry import Registry

_ROOT = 512.0  # RootSIFT descriptors have length 1: entries times 512 fit into a byte but for a few that are cut
CODE_BITS = 128
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
    width : int
        Bytes of a descriptor.
    is_binary : bool
        Descriptors are bits, compared by Hamming distance; else numbers, by Euclidean distance.
    extract : callable
        From a grey picture (H, W) uint8 to points (k, 2) float32 in pixels and descriptors (k, width) uint8, strongest first.
    mirror : callable or None
        From descriptors to those of the mirrored picture; None where it has to be looked at again.
    codes : callable
        From descriptors to (k, 16) uint8 codes, of which near descriptors share nearly all bits.
    radius : int
        Bits by which two codes may differ to be a vote.
    ratio : float
        A match is no match unless it is so much nearer than the second nearest.
    source : str
    """

    name: str
    side: int
    keypoints: int
    width: int
    is_binary: bool
    extract: Callable[[Any], tuple[Any, Any]]
    mirror: Callable[[Any], Any] | None
    codes: Callable[[Any], Any]
    radius: int
    ratio: float
    source: str


EXTRACTORS: Registry[Extractor] = Registry("extractor")

# Medians of RootSIFT entries over 913 photos of clothes and pets, times 512, by ring of the 4 x 4 cells and direction: a code's bit says
# whether an entry lies above. Symmetric, so that a mirrored descriptor has a mirrored code.
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


def _sift(most: int) -> Callable[[Any], tuple[Any, Any]]:
    def extract(grey: Any) -> tuple[Any, Any]:
        import cv2
        import numpy as np

        found, values = cv2.SIFT.create(nfeatures=most).detectAndCompute(grey, None)
        if values is None:
            return np.empty((0, 2), np.float32), np.empty((0, 128), np.uint8)
        points, values = _strongest(found, values, most)
        root = np.sqrt(values / np.maximum(values.sum(axis=1, keepdims=True), 1e-6))
        return points, np.minimum(np.rint(root * _ROOT), 255).astype(np.uint8)

    return extract


def _mirror_sift(descriptors: Any) -> Any:
    """Return what SIFT gives of the mirrored picture: cells in reverse across the direction of a point, angles in reverse."""
    import numpy as np

    cells = descriptors.reshape(-1, 4, 4, 8)[:, ::-1]
    return np.ascontiguousarray(cells[..., (-np.arange(8)) % 8].reshape(-1, 128))


def _sift_codes(descriptors: Any) -> Any:
    import numpy as np

    return np.packbits(descriptors > _medians(), axis=1)


def _orb(most: int, is_fast: bool) -> Callable[[Any], tuple[Any, Any]]:
    def extract(grey: Any) -> tuple[Any, Any]:
        import cv2
        import numpy as np

        if min(grey.shape) < _LEAST_SIDE:  # no room for a descriptor, and OpenCV's pyramid would end below a pixel
            return np.empty((0, 2), np.float32), np.empty((0, 32), np.uint8)
        # Both find FAST corners on a pyramid, with their direction; they differ in which are taken for the strongest.
        score = cv2.ORB_FAST_SCORE if is_fast else cv2.ORB_HARRIS_SCORE
        orb = cv2.ORB.create(nfeatures=most, fastThreshold=10, edgeThreshold=16, scoreType=score)
        found, values = orb.detectAndCompute(grey, None)
        if values is None or not len(found):
            return np.empty((0, 2), np.float32), np.empty((0, 32), np.uint8)
        return _strongest(found, values, most)

    return extract


def _first_bits(descriptors: Any) -> Any:
    return descriptors[:, : CODE_BITS // 8]


for _extractor in (
    Extractor(
        "sift",
        side=256,
        keypoints=250,
        width=128,
        is_binary=False,
        extract=_sift(250),
        mirror=_mirror_sift,
        codes=_sift_codes,
        radius=8,
        ratio=0.85,
        source="Lowe 2004, doi:10.1023/B:VISI.0000029664.99615.94; RootSIFT: Arandjelovic and Zisserman 2012; OpenCV",
    ),
    Extractor(
        "orb",
        side=400,
        keypoints=400,
        width=32,
        is_binary=True,
        extract=_orb(400, is_fast=False),
        mirror=None,
        codes=_first_bits,
        radius=12,
        ratio=0.85,
        source="Rublee et al. 2011, doi:10.1109/ICCV.2011.6126544; OpenCV",
    ),
    Extractor(
        "fast",
        side=400,
        keypoints=400,
        width=32,
        is_binary=True,
        extract=_orb(400, is_fast=True),
        mirror=None,
        codes=_first_bits,
        radius=12,
        ratio=0.85,
        source="FAST corners by their own score: Rosten and Drummond 2006, doi:10.1007/11744023_34; described by ORB; OpenCV",
    ),
):
    EXTRACTORS.add(_extractor)
