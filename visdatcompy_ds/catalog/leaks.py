"""By what a test image can be in train, the worst first."""

from __future__ import annotations

# These say that a test image, or a copy of it, was trained on.
COPIES = {
    "same_file": "the same file by two paths, or a link",
    "bytes": "same bytes",
    "pixels": "same pixels, other file",
    "reencoded": "same shot, re-saved",
    "edited": "same shot, edited",
}
LEVELS = {
    **COPIES,
    "event": "another shot of an event of train: its station, within the seconds that end an event",
    "station": "another shot of a station of train, or of its camera where no station is known",
}
