"""What became of a file. Each file found has exactly one status, and the counts add up."""

from __future__ import annotations

import enum


class Status(str, enum.Enum):
    """The nine ends of a file, from best to worst; every one but ``OK`` comes with a reason."""

    OK = "ok"
    RECOVERED = "recovered"  # whole, but the file is not: its end marker is missing
    DAMAGED = "damaged"  # shown by a lenient decode; never sampled, never a keeper, never a reason to remove another
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    VANISHED = "vanished"
    SKIPPED = "skipped"  # not an image by its name or kind: counted, never a problem

    @property
    def is_usable(self) -> bool:
        """True where the picture is whole: it may be kept, sampled and compared."""
        return self in (Status.OK, Status.RECOVERED)
