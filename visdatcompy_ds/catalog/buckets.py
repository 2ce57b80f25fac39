"""Bucket rules: from fingerprints to a key per image, so that a sample can take something of everything.

A rule names the columns it needs and turns them into small whole numbers; equal rows of numbers are one bucket.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from visdatcompy_ds.base.registry import Registry


@dataclasses.dataclass(frozen=True)
class BucketRule:
    """A rule and its facts.

    Attributes
    ----------
    name : str
        Name in the API.
    needs : tuple of str
        Columns.
    compute : callable
        From a mapping of columns, n rows each, to (n, k) uint8.
    words : tuple of tuple of str
        For each of the k numbers what its values are called; "" where one goes without saying.
    source : str
        Where the rule comes from.
    """

    name: str
    needs: tuple[str, ...]
    compute: Callable[[Any], Any]
    words: tuple[tuple[str, ...], ...]
    source: str

    def says(self, key: str) -> str:
        """Return a bucket's key in words."""
        named = [words[int(value)] for value, words in zip(reversed(key), reversed(self.words), strict=True)]
        return ", ".join(word for word in named if word) or "plain"


BUCKETS: Registry[BucketRule] = Registry("bucket rule")


def _bits(packed: Any, positions: tuple[int, ...]) -> Any:
    import numpy as np

    return np.unpackbits(packed, axis=1)[:, list(positions)]


def _visual(columns: Any) -> Any:
    import numpy as np

    # Bits 27 and 36 lie beside the centre, where camera traps see animals; the middle of the average hash is its brightness pattern.
    structure = _bits(columns["dhash"], (27, 36))
    pattern = _bits(columns["average"], tuple(range(64))).sum(axis=1) >= 32
    colour = columns["colour_variance"] >= 100
    bright = columns["brightness"] >= 128
    return np.column_stack([structure, pattern, colour, bright]).astype(np.uint8)


def _hash16(columns: Any) -> Any:
    return _bits(columns["dhash"], (0, 1, 2, 3))


_DARK, _BRIGHT, _PALE = 70, 185, 12  # of 8-bit L; chroma below which a colour is none


def _theme(columns: Any) -> Any:
    import numpy as np

    cells = columns["layout"].reshape(len(columns["layout"]), 64, 3).astype(np.float32)
    light, a, b = cells[..., 0], cells[..., 1] - 128, cells[..., 2] - 128
    # Six hues, the first around red (a > 0, b a little above 0); where there is no hue, how light it is.
    hue = 3 + ((np.degrees(np.arctan2(b, a)) + 360) % 360 / 60).astype(np.int64) % 6
    theme = np.where(np.hypot(a, b) >= _PALE, hue, np.where(light < _DARK, 0, np.where(light < _BRIGHT, 1, 2)))
    counts = np.stack([(theme == which).sum(axis=1) for which in range(len(_THEMES))], axis=1)
    return counts.argmax(axis=1)[:, None].astype(np.uint8)


_SMART = "smartdownsample {}: rule re-stated from its documentation"
BUCKETS.add(
    BucketRule(
        "visual",
        ("dhash", "average", "colour_variance", "brightness"),
        _visual,
        (
            ("", "edge left of centre"),
            ("", "edge right of centre"),
            ("", "few deep shadows"),
            ("grey on average", "coloured"),
            ("dark", "bright"),
        ),
        _SMART.format("1.7"),
    )
)
BUCKETS.add(BucketRule("hash16", ("dhash",), _hash16, tuple(("", f"bit {k}") for k in range(4)), _SMART.format("1.1")))
_THEMES = ("dark", "grey", "light", "red", "yellow", "green", "cyan", "blue", "violet")
BUCKETS.add(BucketRule("theme", ("layout",), _theme, (_THEMES,), "its own: what most of 64 parts are in 8-bit Lab"))
