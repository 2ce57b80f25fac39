"""What probes of the working picture share: a block of pictures, with grey and sums computed once for all of them."""

from __future__ import annotations

import functools
from typing import Any


def to_grey(picture: Any) -> Any:
    """Return a BGR picture (H, W, 3) uint8 as OpenCV's grey (H, W)."""
    import cv2

    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)


class WorkingBlock:
    """Working pictures of n images, with what several probes share computed once.

    Parameters
    ----------
    pictures : (n, side, side, 3) uint8 BGR array, C order
    shorter_sides : (n,) int, optional
        Of the images they were made of, in pixels; None where they were no smaller than a working picture.
    """

    def __init__(self, pictures: Any, shorter_sides: Any = None) -> None:
        self.pictures, self.shorter_sides = pictures, shorter_sides
        self.side = pictures.shape[1]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.pictures)

    @functools.cached_property
    def tall(self) -> Any:
        """All pictures one below the other, (n * side, side, 3): one OpenCV call then serves the block."""
        return self.pictures.reshape(-1, self.side, 3)

    @functools.cached_property
    def tall_grey(self) -> Any:
        """The same in grey, (n * side, side) uint8."""
        return to_grey(self.tall)

    def reduced_grey(self, side: int) -> Any:
        """Return the pictures as OpenCV's hashes see them, (n, side, side) uint8: first reduced bilinearly, then made grey."""
        from visdatcompy_ds.kernels.resample import bilinear_reduce

        return to_grey(bilinear_reduce(self.pictures, side).reshape(-1, side, 3)).reshape(-1, side, side)

    @functools.cached_property
    def _moments(self) -> Any:
        from visdatcompy_ds.kernels.moments import moments

        return moments(self.pictures, self.tall_grey.reshape(-1, self.side, self.side))

    def sums(self, which: int) -> Any:
        """Return one of the sums of ``kernels.moments``, (n,) int64."""
        return self._moments[0][:, which]

    @property
    def layout(self) -> Any:
        """Mean colours of 8 x 8 parts, (n, 8, 8, 3) uint8 BGR."""
        return self._moments[1]

    @property
    def grid(self) -> Any:
        """Sums of grey over 8 rows and 9 columns of equal parts, (n, 8, 9) int64."""
        return self._moments[2]
