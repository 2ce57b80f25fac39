"""A catalog: named entries with their facts, registered once, listed in the order of registration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, Protocol, TypeVar

from visdatcompy_ds.base.errors import ArgumentError, UnknownNameError


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """Key of the entry."""


Entry = TypeVar("Entry", bound=Named)


class Registry(Mapping[str, Entry], Generic[Entry]):
    """Entries by name; a second entry of a name is an error, an unknown name suggests the nearest.

    Parameters
    ----------
    kind : str
        What an entry is, in the singular, for error texts: "hash", "metric", "probe".
    aliases : mapping of str to str, optional
        Other spellings of names.
    """

    def __init__(self, kind: str, aliases: Mapping[str, str] | None = None) -> None:
        self.kind = kind
        self._aliases = dict(aliases or {})
        self._entries: dict[str, Entry] = {}
        self._followers: list[Callable[[Entry], object]] = []

    def add(self, entry: Entry) -> Entry:
        """Register `entry` under its name and return it."""
        if entry.name in self._entries or entry.name in self._aliases:
            raise ArgumentError(f"A {self.kind} named {entry.name!r} is registered already", "Names are unique", "Choose another name")
        self._entries[entry.name] = entry
        for follow in self._followers:
            follow(entry)
        return entry

    def follow(self, what: Callable[[Entry], object]) -> None:
        """Call `what` with each entry, those that are there and those that are added later."""
        self._followers.append(what)
        for entry in self._entries.values():
            what(entry)

    def __getitem__(self, name: str) -> Entry:
        """Return the entry of `name`, or raise an error that suggests the nearest."""
        try:
            return self._entries[self._aliases.get(name, name)]
        except (KeyError, TypeError):
            raise UnknownNameError(self.kind, name, self._entries) from None

    def __contains__(self, name: object) -> bool:
        """Tell whether `name` is an entry or an alias of one."""
        return name in self._entries or name in self._aliases

    def __iter__(self) -> Iterator[str]:
        """Iterate over names in the order of registration."""
        return iter(self._entries)

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._entries)
