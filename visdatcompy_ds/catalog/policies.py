"""Keep policies: which image of a group stays. A policy is a list of wishes, the most important first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from visdatcompy_ds.base.registry import Registry


@dataclasses.dataclass(frozen=True)
class Wish:
    """One thing that speaks for an image.

    Attributes
    ----------
    says : str
        In a word or two.
    needs : tuple of str
        Columns.
    key : callable
        From a mapping of columns to an (n,) array; lower is better.
    """

    says: str
    needs: tuple[str, ...]
    key: Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class KeepPolicy:
    """A policy and its facts.

    Attributes
    ----------
    name : str
        Name in the API.
    wishes : tuple of str
        Names in ``WISHES``, the most important first.
    """

    name: str
    wishes: tuple[str, ...]

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns."""
        return tuple(dict.fromkeys(name for wish in self.wishes for name in WISHES[wish].needs))

    @property
    def says(self) -> str:
        """The policy in words."""
        return ", ".join(WISHES[wish].says for wish in self.wishes) + "; ties by natural order"

    def keys(self, columns: Any) -> list[Any]:
        """Return (n,) arrays by which rows are ranked, the most important first; lower is better."""
        return [WISHES[wish].key(columns) for wish in self.wishes]


def _age(columns: Any, sign: int) -> Any:
    import numpy as np

    taken = columns["taken"].astype("datetime64[us]")
    # A missing date never decides: it ranks behind all others, whichever are wanted.
    return np.where(np.isnat(taken), np.iinfo(np.int64).max, sign * taken.astype(np.int64))


def _bytes(columns: Any) -> Any:
    import numpy as np

    # In steps of 1.4: a file a little larger was saved again more finely, not seen better, and is no reason to leave the original.
    return -np.round(2 * np.log2(np.maximum(columns["size_bytes"], 1)))


WISHES = {
    "usable": Wish("usable over damaged", ("status_code",), lambda columns: columns["status_code"]),
    "labelled": Wish("labelled", ("label", "has_sidecar"), lambda columns: (columns["label"] == "") & ~columns["has_sidecar"]),
    "pixels": Wish("more pixels", ("width", "height"), lambda columns: -(columns["width"].astype("int64") * columns["height"])),
    "exif": Wish("with EXIF", ("has_exif",), lambda columns: ~columns["has_exif"]),
    "bytes": Wish("clearly more bytes", ("size_bytes",), _bytes),
    "older": Wish("older", ("taken",), lambda columns: _age(columns, 1)),
    "newer": Wish("newer", ("taken",), lambda columns: _age(columns, -1)),
    "path": Wish("shorter path", ("path_length",), lambda columns: columns["path_length"]),
}

POLICIES: Registry[KeepPolicy] = Registry("keep policy")
POLICIES.add(KeepPolicy("best", ("usable", "labelled", "pixels", "exif", "bytes", "older", "path")))
POLICIES.add(KeepPolicy("oldest", ("usable", "labelled", "older", "pixels", "exif", "bytes", "path")))
POLICIES.add(KeepPolicy("newest", ("usable", "labelled", "newer", "pixels", "exif", "bytes", "path")))
POLICIES.add(KeepPolicy("shortest_path", ("usable", "labelled", "path", "pixels", "exif", "bytes", "older")))
