"""The error tree. Each error is also a builtin, so that code which knows nothing of us can catch it.

::

    VisdatError
    ├── ArgumentError        (ValueError)         an argument outside what is allowed
    │   └── UnknownNameError (KeyError)           a name no catalog knows; suggests the nearest
    ├── SourceError          (OSError)            a folder, file or glob that cannot be used
    │   ├── MissingSourceError (FileNotFoundError)
    │   └── EmptySourceError (LookupError)        nothing usable in it
    ├── ImageError           (ValueError)         an image that cannot be used; has .status and .reason
    │   ├── UnreadableImageError                  cut short, not an image, damaged beyond reading
    │   └── RefusedImageError                     beyond a limit, or a format that is off
    ├── OutputError          (OSError)            results that cannot be written there
    └── MissingDependencyError (ImportError)      a package or system library to install

    CacheWarning             (UserWarning)        the cache is not used; results are the same
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from visdatcompy_ds.base.status import Status


class VisdatError(Exception):
    """Base of all errors of this package; the text says what was given, what is allowed, what to do."""

    def __init__(self, given: str, allowed: str = "", remedy: str = "") -> None:
        self.given, self.allowed, self.remedy = given, allowed, remedy
        super().__init__(" ".join(part if part[-1] in ".?!" else f"{part}." for part in (given, allowed, remedy) if part))

    def __str__(self) -> str:
        """Return the text; KeyError would show it quoted, OSError would look for an errno."""
        return str(self.args[0])


class ArgumentError(VisdatError, ValueError):
    """An argument lies outside what is allowed."""


class UnknownNameError(ArgumentError, KeyError):
    """A name that no catalog knows."""

    def __init__(self, kind: str, name: object, known: Iterable[str], allowed: str = "", remedy: str = "") -> None:
        choices = sorted(known)
        near = difflib.get_close_matches(str(name).lower(), choices, n=1, cutoff=0.5)
        super().__init__(
            f"Unknown {kind} {name!r}",
            allowed or f"Known: {', '.join(choices)}",
            remedy or (f"Did you mean {near[0]!r}?" if near else ""),
        )


class SourceError(VisdatError, OSError):
    """A source of images that cannot be used."""


class MissingSourceError(SourceError, FileNotFoundError):
    """A source that does not exist."""


class EmptySourceError(SourceError, LookupError):
    """A source without a single usable image."""


class ImageError(VisdatError, ValueError):
    """An image that cannot be used; ``status`` and ``reason`` say why."""

    status = Status.UNREADABLE

    def __init__(self, reason: str, path: str = "", remedy: str = "") -> None:
        self.reason, self.path = reason, path
        super().__init__(f"{path}: {self.status.value} ({reason})" if path else reason, "", remedy)


class UnreadableImageError(ImageError):
    """Cut short, not an image, or damaged beyond reading."""


class RefusedImageError(ImageError):
    """Beyond a limit, or of a format that is switched off; no decoder saw it."""

    status = Status.REFUSED


class OutputError(VisdatError, OSError):
    """Results that cannot be written where they were asked for."""


class MissingDependencyError(VisdatError, ImportError):
    """A package or a system library that has to be installed first."""


class CacheWarning(UserWarning):
    """The cache cannot be used; results are the same, and the next run may take longer."""
