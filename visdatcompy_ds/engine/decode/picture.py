"""What decoding takes and gives: limits, a header, a picture, metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from visdatcompy_ds.base.arguments import whole_number
from visdatcompy_ds.base.errors import ArgumentError, UnknownNameError
from visdatcompy_ds.base.status import Status

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

WORKING_SIDE = 128  # side of the working picture in pixels; every hash, metric on small pictures and bucket is built on it
# Enough for the EXIF with its thumbnail and the XMP of a camera; a header further back makes a second, whole read.
HEAD_BYTES = 160_000


@dataclass(frozen=True)
class Limits:
    """What a file may ask for before a decoder sees it.

    Parameters
    ----------
    max_pixels : int
        Width times height, from the header.
    max_file_bytes : int
        Size of the file.
    max_scans : int
        Scans of a JPEG: each may cost as much as the whole picture.
    max_metadata_bytes : int
        EXIF and XMP, each; what is longer is left out.
    max_seconds : int
        For one image in a worker process; where threads decode, nothing can end a decoder.
    max_memory_bytes : int
        What one worker process may take on top of its start. A picture whose header says that its decode takes more is refused wherever it
        is read.
    """

    max_pixels: int = 100_000_000
    max_file_bytes: int = 2_000_000_000
    max_scans: int = 200
    max_metadata_bytes: int = 4_000_000
    max_seconds: int = 10
    max_memory_bytes: int = 4_000_000_000

    def check_size(self, size_bytes: int) -> None:
        """Raise RefusedImageError for a file larger than `max_file_bytes`, to be asked before any of it is read."""
        if size_bytes > self.max_file_bytes:
            from visdatcompy_ds.engine.decode import reasons

            raise reasons.is_beyond(f"{size_bytes / 1e6:.4g} MB", f"{self.max_file_bytes / 1e6:.4g} MB")

    @classmethod
    def of(cls, given: Limits | Mapping[str, int] | None) -> Limits:
        """Return limits from what a user gives: None for the defaults, or some of them by name.

        >>> Limits.of({"max_pixels": 5_000_000}).max_pixels
        5000000
        """
        if given is None or isinstance(given, Limits):
            return given or cls()
        if not isinstance(given, Mapping):
            raise ArgumentError(f"limits of type {type(given).__name__}", "Allowed: a dict", 'For example {"max_pixels": 300_000_000}')
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise UnknownNameError("limit", name, known)
        return cls(**{name: whole_number(value, name, least=1) for name, value in given.items()})


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about its picture.

    Parameters
    ----------
    format : str
        By magic, never by extension: "JPEG", "MPO", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "HEIF", "PPM".
    width, height : int
        Upright, in pixels.
    channels : int
        1, 2, 3 or 4, as stored (a palette is 1).
    bit_depth : int
        Bits per channel, 1 to 32.
    colour : str
        "grey", "rgb", "cmyk", "ycck", "palette", "float" or "lab".
    has_alpha : bool
        The file carries an alpha channel or a transparent colour.
    is_animated : bool
        More than one frame or page; the further pictures of an MPO do not count.
    orientation : int
        EXIF orientation, 1 to 8; anything else in the file is 1.
    exif : bytes
        The TIFF block of the EXIF data, empty where there is none.
    xmp : bytes
        The XMP packet, empty where there is none.
    """

    format: str
    width: int
    height: int
    channels: int = 3
    bit_depth: int = 8
    colour: str = "rgb"
    has_alpha: bool = False
    is_animated: bool = False
    orientation: int = 1
    exif: bytes = b""
    xmp: bytes = b""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    Parameters
    ----------
    pixels : numpy.ndarray, shape (H, W, 3), uint8
        Blue, green, red; upright; C-contiguous.
    status : Status
        OK, RECOVERED (whole, though the file is not) or DAMAGED (to be shown, never to be compared).
    reason : str
        Empty for OK.
    """

    pixels: npt.NDArray[np.uint8]
    status: Status = Status.OK
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What EXIF and XMP say; a broken tag is simply missing.

    Parameters
    ----------
    exif : dict of str to object
        Tag name to a str, int, float or tuple of them; without maker notes.
    xmp : dict of str to str
        Flat: "dc:subject" to text; several values are joined by "; ".
    gps : tuple of float, optional
        Latitude and longitude in decimal degrees; (0, 0) is no fix.
    altitude_m : float, optional
        Metres above sea level.
    taken : datetime.datetime, optional
        DateTimeOriginal with its sub-seconds, else DateTimeDigitized; never the date of the last change, never the file's. No time zone.
    has_subsec : bool
        `taken` is finer than a second.
    camera : str
        A serial number: of the maker note, else BodySerialNumber, else CameraSerialNumber, else empty; never the model.
    make, model : str
        As in the file.
    image_number : int, optional
        EXIF ImageNumber.
    sequence : tuple of int, optional
        Camera traps: event number, frame, frames of the event.
    software : str
        As in the file.
    """

    exif: dict[str, Any] = field(default_factory=dict)
    xmp: dict[str, str] = field(default_factory=dict)
    gps: tuple[float, float] | None = None
    altitude_m: float | None = None
    taken: datetime | None = None
    has_subsec: bool = False
    camera: str = ""
    make: str = ""
    model: str = ""
    image_number: int | None = None
    sequence: tuple[int, int, int] | None = None
    software: str = ""
