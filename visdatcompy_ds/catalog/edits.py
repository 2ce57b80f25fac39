"""Edits that copies go through: what a calibration does to a user's own images to see how far a measure moves.

Adding an edit is one ``EDITS.add(Edit(...))``; calibrations of hashes, metrics and features follow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from visdatcompy_ds.base.registry import Registry


@dataclasses.dataclass(frozen=True)
class Edit:
    """A change of a picture that leaves it a copy.

    Attributes
    ----------
    name : str
    apply : callable
        From a picture (H, W, 3) uint8 BGR to another.
    quality : int
        JPEG quality it is saved with afterwards.
    says : str
        In words.
    """

    name: str
    apply: Callable[[Any], Any]
    quality: int
    says: str


EDITS: Registry[Edit] = Registry("edit")


def _unchanged(picture: Any) -> Any:
    return picture


def _resized(share: float) -> Callable[[Any], Any]:
    def apply(picture: Any) -> Any:
        import cv2

        height, width = picture.shape[:2]
        size = (max(1, round(width * share)), max(1, round(height * share)))
        return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)

    return apply


def _brightened(factor: float) -> Callable[[Any], Any]:
    def apply(picture: Any) -> Any:
        import cv2

        return cv2.convertScaleAbs(picture, alpha=factor)

    return apply


def _cropped(share: float) -> Callable[[Any], Any]:
    def apply(picture: Any) -> Any:
        height, width = picture.shape[:2]
        y, x = int(height * share / 2), int(width * share / 2)
        return picture[y : height - y, x : width - x]

    return apply


for _edit in (
    Edit("jpeg_75", _unchanged, 75, "saved again at quality 75"),
    Edit("jpeg_30", _unchanged, 30, "saved again at quality 30"),
    Edit("half_size", _resized(0.5), 85, "reduced to half its sides"),
    Edit("quarter_size", _resized(0.25), 85, "reduced to a quarter of its sides"),
    Edit("brighter", _brightened(1.25), 85, "a quarter brighter, clipped"),
    Edit("darker", _brightened(0.8), 85, "a fifth darker"),
    Edit("crop_3", _cropped(0.03), 85, "3 % of each side cut away"),
    Edit("crop_8", _cropped(0.08), 85, "8 % of each side cut away"),
):
    EDITS.add(_edit)
