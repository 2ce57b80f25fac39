"""Read EXIF and XMP without believing them: a broken tag is simply missing."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from typing import Any

from visdatcompy_ds.engine.decode.ifd import Entry, byte_order, first_directory, numbers, read_directory, text
from visdatcompy_ds.engine.decode.makernote import read_reconyx
from visdatcompy_ds.engine.decode.picture import Header, Metadata
from visdatcompy_ds.engine.decode.xmp import read_xmp

_EMPTY = Metadata()
_EXIF, _GPS, _MAKER_NOTE = 0x8769, 0x8825, 0x927C
_POINTERS = frozenset((_EXIF, _GPS, 0xA005, _MAKER_NOTE))
_DATE = re.compile(r"(\d{4})[:\-](\d{2})[:\-](\d{2})[ T](\d{2}):(\d{2}):(\d{2})")


def read_metadata(header: Header) -> Metadata:
    """Read what EXIF and XMP say of a picture.

    Parameters
    ----------
    header : Header
        With its raw EXIF and XMP.

    Returns
    -------
    Metadata
        One shared empty instance where there is neither. Never raises because of what a file holds.
    """
    if not header.exif and not header.xmp:
        return _EMPTY
    xmp = read_xmp(header.xmp) if header.xmp else {}
    order = byte_order(header.exif)
    if not order:
        return Metadata(xmp=xmp) if xmp else _EMPTY
    main, _ = first_directory(header.exif)
    exif = _directory(header.exif, main, _EXIF, order)
    place = _directory(header.exif, main, _GPS, order)
    taken, has_subsec = _taken(exif)
    make = text(main.get(0x010F))
    serial, sequence = _maker(exif, make)
    return Metadata(
        exif=_named(main, exif, place, order),
        xmp=xmp,
        gps=_position(place, order),
        altitude_m=_altitude(place, order),
        taken=taken,
        has_subsec=has_subsec,
        camera=serial or text(exif.get(0xA431)) or text(main.get(0xC62F)),
        make=make,
        model=text(main.get(0x0110)),
        image_number=_whole(exif.get(0x9211), order),
        sequence=sequence,
        software=text(main.get(0x0131)),
    )


def _directory(block: bytes, main: dict[int, Entry], pointer: int, order: str) -> dict[int, Entry]:
    where = _whole(main.get(pointer), order)
    return {} if where is None else read_directory(block, where)[0]


def _whole(entry: Entry | None, order: str) -> int | None:
    """Return a whole number of 0 to 2^31, None for anything else: a file may hold inf, or 1e300, as its image number."""
    values = numbers(entry, order)
    if len(values) != 1 or not 0 <= values[0] < 2**31 or values[0] != int(values[0]):  # nan fails the comparison
        return None
    return int(values[0])


def _maker(exif: dict[int, Entry], make: str) -> tuple[str, tuple[int, int, int] | None]:
    note = exif.get(_MAKER_NOTE)
    if note is None or not (make.upper().startswith("RECONYX") or note.raw.startswith(b"RECONYX")):
        return "", None
    return read_reconyx(note.raw)


def _taken(exif: dict[int, Entry]) -> tuple[datetime | None, bool]:
    """Return DateTimeOriginal, else DateTimeDigitized, with its own sub-seconds."""
    for date_tag, subsec_tag in ((0x9003, 0x9291), (0x9004, 0x9292)):
        found = _DATE.fullmatch(text(exif.get(date_tag)))
        if found is None:
            continue
        try:
            year, month, day, hour, minute, second = (int(part) for part in found.groups())
            moment = datetime(year, month, day, hour, minute, second)
        except ValueError:  # 0000:00:00, or the 31st of February
            continue
        digits = text(exif.get(subsec_tag))
        if digits.isascii() and digits.isdigit():
            return moment + timedelta(microseconds=int(digits[:6].ljust(6, "0"))), True
        return moment, False
    return None, False


def _position(place: dict[int, Entry], order: str) -> tuple[float, float] | None:
    latitude = _degrees(place, 1, 2, ("N", "S"), 90.0, order)
    longitude = _degrees(place, 3, 4, ("E", "W"), 180.0, order)
    if latitude is None or longitude is None or latitude == longitude == 0.0:
        return None
    return latitude, longitude


def _degrees(place: dict[int, Entry], letter_tag: int, value_tag: int, letters: tuple[str, str], most: float, order: str) -> float | None:
    letter = text(place.get(letter_tag)).upper()[:1]
    parts = numbers(place.get(value_tag), order)
    if letter not in letters or not 1 <= len(parts) <= 3 or not all(math.isfinite(part) and part >= 0 for part in parts):
        return None
    value: float = sum(part / 60**n for n, part in enumerate(parts))
    if value > most:
        return None
    return -value if letter == letters[1] and value else value


def _altitude(place: dict[int, Entry], order: str) -> float | None:
    value = numbers(place.get(6), order)
    if len(value) != 1 or not math.isfinite(value[0]):
        return None
    below = place.get(5)
    return -float(value[0]) if below is not None and below.raw[:1] == b"\1" else float(value[0])


def _named(main: dict[int, Entry], exif: dict[int, Entry], place: dict[int, Entry], order: str) -> dict[str, Any]:
    """Return plain values by tag name; of a name in two directories, the first counts."""
    from PIL.ExifTags import GPSTAGS, TAGS

    values: dict[str, Any] = {}
    for entries, names in ((main, TAGS), (exif, TAGS), (place, GPSTAGS)):
        for tag, entry in entries.items():
            if tag in _POINTERS:
                continue
            value = _plain(entry, order)
            if value is not None:
                values.setdefault(names.get(tag, f"0x{tag:04X}"), value)
    return values


def _plain(entry: Entry, order: str) -> Any:
    if entry.kind == 2:
        return text(entry)
    if entry.kind == 7:
        words = entry.raw.rstrip(b"\0")
        return words.decode("ascii") if words.isascii() and words.decode("ascii").isprintable() else None
    values = numbers(entry, order)
    if not values or not all(math.isfinite(value) for value in values):
        return None
    return values[0] if len(values) == 1 else values
