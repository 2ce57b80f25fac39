"""Perceptual hashes: a probe with a distance. Add one by adding an entry; see CONTRIBUTING.md.

The OpenCV ones use the plain functions of ``cv2.img_hash``: its hasher objects are not thread-safe, the functions are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from visdatcompy_ds.base.registry import Registry
from visdatcompy_ds.catalog.working import WorkingBlock


@dataclasses.dataclass(frozen=True)
class HashMethod:
    """A hash and its facts.

    Attributes
    ----------
    name : str
        Name in the API.
    width : int
        Number of values of `dtype`.
    dtype : str
        "uint8" (packed bits) or "float64".
    distance : str
        "hamming" (0 to 8 x width bits), "correlation" (1 - the peak of the circular cross-correlation, 0 to 1) or "l2" (in 1/10 000, as
        OpenCV gives it).
    compute : callable
        From a picture (128, 128, 3) uint8 BGR to an array (width,).
    cutoff : float
        Largest distance at which a pair is called similar.
    cutoff_source : str
        Where that comes from.
    cost_us : float
        Microseconds a working picture, measured on one core; an order of magnitude.
    blind_to : str
        What it cannot see.
    source : str
        Where it comes from.
    block : callable, optional
        The same from a ``WorkingBlock`` of n pictures to (n, width): the fast form.
    version : int
        Raised whenever a code changes, as in ``Probe``; 0 is kept in no cache.
    """

    name: str
    width: int
    dtype: str
    distance: str
    compute: Callable[[Any], Any]
    cutoff: float
    cutoff_source: str
    cost_us: float
    blind_to: str
    source: str
    block: Callable[[Any], Any] | None = None
    version: int = 0

    def to_hex(self, code: Any) -> str:
        """Return a code as hexadecimal digits; floats as their little-endian IEEE bytes."""
        import numpy as np

        return str(np.ascontiguousarray(code, np.dtype(self.dtype).newbyteorder("<")).tobytes().hex())

    def from_hex(self, text: str) -> Any:
        """Return the code of :meth:`to_hex`."""
        import numpy as np

        return np.frombuffer(bytes.fromhex(text), np.dtype(self.dtype).newbyteorder("<")).astype(self.dtype)


HASHES: Registry[HashMethod] = Registry("hash", {"p": "phash"})


def _opencv(function: str) -> Callable[[Any], Any]:
    def compute(picture: Any) -> Any:
        import cv2

        return getattr(cv2.img_hash, function)(picture)[0]

    return compute


def _phash_block(block: WorkingBlock) -> Any:
    """Return the same as ``pHash`` of each picture: what it does first, reducing to 32 x 32 grey, is done for all of them at once."""
    import cv2
    import numpy as np

    return np.concatenate([cv2.img_hash.pHash(small) for small in block.reduced_grey(32)])


def _average_block(block: WorkingBlock) -> Any:
    """Return the same as ``averageHash`` of each picture: which of 8 x 8 cells are brighter than their mean, rounded half to even."""
    import numpy as np

    cells = block.reduced_grey(8).reshape(-1, 64)
    mean = np.rint(cells.sum(axis=1) / 64)
    return np.packbits(cells > mean[:, None], axis=1, bitorder="little")


def dhash_block(block: WorkingBlock) -> Any:
    """Return (n, 8) uint8: is each cell of an 8 x 9 grey grid brighter than its left neighbour, row by row."""
    import numpy as np

    return np.packbits((block.grid[:, :, 1:] > block.grid[:, :, :-1]).reshape(len(block), 64), axis=1)


def dhash(picture: Any) -> Any:
    """Return the difference hash of one picture (128, 128, 3) uint8 BGR as (8,) uint8."""
    import numpy as np

    return dhash_block(WorkingBlock(np.ascontiguousarray(picture)[None]))[0]


_OPENCV = "OpenCV contrib, img_hash module"
_ZAUNER = "C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010; " + _OPENCV
_CALIBRATED = (
    "Hash.calibrate(max_false_pairs=100), November 2026, 1004 photos (clothes, pets, camera traps, drone, fruit, cows, potatoes): "
    "at most 1 false pair in 5000; found of 8 kinds of edited copies: "
)
for _entry in (
    HashMethod(
        "average",
        8,
        "uint8",
        "hamming",
        _opencv("averageHash"),
        cutoff=2,
        cutoff_source=_CALIBRATED + "79 %",
        cost_us=3,
        blind_to="texture, local contrast; sparse pictures look alike",
        source=_OPENCV,
        block=_average_block,
        version=1,
    ),
    HashMethod(
        "phash",
        8,
        "uint8",
        "hamming",
        _opencv("pHash"),
        cutoff=9,
        cutoff_source=_CALIBRATED + "94 %",
        cost_us=16,
        blind_to="fine detail, colour",
        source=_ZAUNER,
        block=_phash_block,
        version=1,
    ),
    HashMethod(
        "marr_hildreth",
        72,
        "uint8",
        "hamming",
        _opencv("marrHildrethHash"),
        cutoff=135,
        cutoff_source=_CALIBRATED + "96 %",
        cost_us=10000,
        blind_to="colour",
        source=_ZAUNER,
        version=1,
    ),
    HashMethod(
        "radial_variance",
        40,
        "uint8",
        "correlation",
        _opencv("radialVarianceHash"),
        cutoff=0.0336,
        cutoff_source=_CALIBRATED + "92 %",
        cost_us=230,
        blind_to="colour, the corners, clipped light",
        source=_ZAUNER,
        version=1,
    ),
    HashMethod(
        "block_mean",
        32,
        "uint8",
        "hamming",
        _opencv("blockMeanHash"),
        cutoff=14,
        cutoff_source=_CALIBRATED + "88 %",
        cost_us=370,
        blind_to="texture within a block, colour",
        source="B. Yang et al., Block Mean Value Based Image Perceptual Hashing, 2006; " + _OPENCV,
        version=1,
    ),
    HashMethod(
        "color_moment",
        42,
        "float64",
        "l2",
        _opencv("colorMomentHash"),
        cutoff=1.16,
        cutoff_source=_CALIBRATED + "39 %",
        cost_us=3400,
        blind_to="where things are; any change of light is a change to it",
        source="Z. Tang et al., Perceptual Hashing for Color Images Using Invariant Moments, 2012; " + _OPENCV,
        version=1,
    ),
    HashMethod(
        "dhash",
        8,
        "uint8",
        "hamming",
        dhash,
        cutoff=8,
        cutoff_source=_CALIBRATED + "94 %",
        cost_us=30,
        blind_to="brightness, colour; smooth gradients",
        source="N. Krawetz, Kind of Like That, 2013",
        block=dhash_block,
        version=1,
    ),
):
    HASHES.add(_entry)
