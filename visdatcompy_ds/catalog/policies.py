"""Keep policies: which image of a group stays. A policy names its columns and ranks rows; lower is better."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from visdatcompy_ds.base.registry import Registry


@dataclasses.dataclass(frozen=True)
class KeepPolicy:
    """A policy and its facts.

    Attributes
    ----------
    name : str
        Name in the API.
    needs : tuple of str
        Columns.
    keys : callable
        From a mapping of columns to a sequence of (n,) arrays, most important first; lower is better.
    says : str
        In words.
    """

    name: str
    needs: tuple[str, ...]
    keys: Callable[[Any], list[Any]]
    says: str


POLICIES: Registry[KeepPolicy] = Registry("keep policy")


def _best(columns: Any) -> list[Any]:
    import numpy as np

    # A missing date never decides "older": it ranks as the latest.
    taken = columns["taken"].astype("datetime64[us]").astype(np.int64)
    undated = np.isnat(columns["taken"].astype("datetime64[us]"))
    pixels = columns["width"].astype(np.int64) * columns["height"]
    return [
        columns["status_code"],
        (columns["label"] == "") & ~columns["has_sidecar"],
        -pixels,
        ~columns["has_exif"],
        # In steps of 1.4: a file a little larger was saved again more finely, not seen better, and is no reason to leave the original.
        -np.round(2 * np.log2(np.maximum(columns["size_bytes"], 1))),
        np.where(undated, np.iinfo(np.int64).max, taken),
        columns["path_length"],
    ]


POLICIES.add(
    KeepPolicy(
        "best",
        ("status_code", "label", "has_sidecar", "width", "height", "has_exif", "size_bytes", "taken", "path_length"),
        _best,
        "usable over damaged, labelled, larger (pixels, with EXIF, clearly more bytes), older, shorter path; ties by natural order",
    )
)
