"""What is known of contents, and of pairs of them: in memory for this run, in the cache for the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from visdatcompy_ds.engine.cache.store import Cache, kind_of

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by content: of whatever file, under whatever name.

    Parameters
    ----------
    folder : Path or None
        Of the cache; None keeps values for the life of this object only.
    description : mapping
        What the values are ("purpose"), and all that they depend on besides the content: another description is another kind.
    pack, unpack : callable
        From a value to bytes and back.
    """

    def __init__(
        self, folder: Path | None, description: Mapping[str, Any], pack: Callable[[Value], bytes], unpack: Callable[[bytes], Value]
    ) -> None:
        self.folder, self.description, self.kind = folder, dict(description), kind_of(description)[0]
        self._pack, self._unpack = pack, unpack
        self._held: dict[bytes, Value] = {}

    def of(self, keys: Iterable[bytes]) -> dict[bytes, Value]:
        """Return what is known, by key: the digest of a content, or the two of a pair joined."""
        wanted = list(dict.fromkeys(keys))
        missing = [key for key in wanted if key not in self._held]
        if missing and self.folder is not None:
            with Cache(self.folder) as cache:
                self._held.update({key: self._unpack(value) for key, value in cache.facts(self.kind, missing).items()})
        return {key: self._held[key] for key in wanted if key in self._held}

    def add(self, found: Mapping[bytes, Value]) -> None:
        """Keep more."""
        self._held.update(found)
        if found and self.folder is not None:
            with Cache(self.folder) as cache:
                cache.keep(self.description, [(key, self._pack(value)) for key, value in found.items()])
