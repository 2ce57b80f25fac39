"""The reasons a file is turned away for: short, stable, readable."""

from __future__ import annotations

from visdatcompy_ds.base.errors import RefusedImageError, UnreadableImageError

EMPTY = "empty file"
TRUNCATED = "truncated"
BROKEN_HEADER = "broken header"
NO_PICTURE = "no picture in it"
NOT_IN_FIRST_BYTES = "no picture in its first bytes"
LONG_CHUNK = "chunk longer than the file"
BEYOND_READING = "damaged beyond reading"
DAMAGED = "damaged data"
ZEROED = "zero bytes in the data"
STRAY_BYTES = "stray bytes in the header"
UNKNOWN_KIND = "a kind its decoder cannot read"
NO_END = "end marker missing"
NO_MEMORY = "out of memory"
DECODER_LIMIT = "beyond a limit of its decoder"


def is_off(name: str, remedy: str = "") -> RefusedImageError:
    """Return the error for a format that is off."""
    return RefusedImageError(f"format {name} is off", remedy=remedy)


RAW_CR2, RAW_CR3, VIDEO = "CR2", "CR3", "video"
CHUNKS, BLOCKS = "too many chunks", "too many blocks"
LOSSLESS, HIERARCHICAL, AVIF = "lossless JPEG", "hierarchical JPEG", "AVIF"


def is_no_image(what: str) -> UnreadableImageError:
    """Return the error for a file that holds something else."""
    return UnreadableImageError(f"{what}, not an image")


def is_beyond(count: str, limit: str) -> RefusedImageError:
    """Return the error for a file beyond a limit."""
    return RefusedImageError(f"{count}, limit {limit}")
