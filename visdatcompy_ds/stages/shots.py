"""EXIF as a key and as a veto: which rows may be the same shot, and which cannot be."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.tables import Array, Fingerprints

_SECOND_US = 1_000_000
_UNKNOWN = np.iinfo(np.int64).min


class ShotFacts:
    """What EXIF says of each row's shot, as whole numbers that compare quickly.

    Only dates from EXIF count: a file's name may have been given later.
    """

    def __init__(self, table: Fingerprints) -> None:
        from_exif = (table["taken_source"] == "exif") & ~np.isnat(table["taken"])
        self.taken = np.where(from_exif, table["taken"].astype("datetime64[us]").astype(np.int64), _UNKNOWN)
        self.has_subsec = table["has_subsec"] & from_exif
        self.camera = _codes(table["camera"])
        self.model = _codes(
            np.array([f"{make}\0{model}" if model else "" for make, model in zip(table["make"], table["model"], strict=True)], object)
        )
        self.number = np.where(table["image_number"] >= 0, table["image_number"], _UNKNOWN)
        self.sequence = _codes(table["sequence"])
        self.aspect = np.where(table["height"] > 0, table["width"] / np.maximum(table["height"], 1), 0.0)

    def are_other_shots(self, left: Array, right: Array) -> Array:
        """Return a mask of the pairs that EXIF says are two shots: another camera, another time, another number."""
        dated = (self.taken[left] != _UNKNOWN) & (self.taken[right] != _UNKNOWN)
        # An unknown date is the least number there is: masked before the difference could overflow.
        difference = np.abs(np.where(dated, self.taken[left], 0) - np.where(dated, self.taken[right], 0))
        tolerance = np.where(self.has_subsec[left] & self.has_subsec[right], 1, _SECOND_US)
        return (
            (dated & (difference >= tolerance))
            | _differ(self.camera, left, right, 0)
            | _differ(self.model, left, right, 0)
            | _differ(self.number, left, right, _UNKNOWN)
            | _differ(self.sequence, left, right, 0)
        )

    def shot_keys(self) -> Array:
        """Return a number per row, equal for rows whose EXIF tells one moment of one camera; -1 where it tells none.

        The camera's model stands in where no serial is known, for proposing only.
        """
        moment = np.where(self.has_subsec, self.taken, self.taken // _SECOND_US * _SECOND_US)
        known = self.taken != _UNKNOWN
        known &= (self.camera != 0) | (self.model != 0)
        keys = np.full(len(known), -1, np.int64)
        if known.any():
            rows = np.column_stack([moment, self.camera, self.model, self.number])[known]
            keys[known] = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
        return keys


def _differ(values: Array, left: Array, right: Array, unknown: int) -> Array:
    a, b = values[left], values[right]
    differing: Array = (a != b) & (a != unknown) & (b != unknown)
    return differing


def _codes(texts: Array) -> Array:
    """Return a whole number per text, 0 for the empty one."""
    numbers: dict[str, int] = {"": 0}
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts.tolist()], np.int64)
