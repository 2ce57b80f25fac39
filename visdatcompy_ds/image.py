"""The noun ``Image``: one file, read when it is asked for."""

from __future__ import annotations

import datetime
import functools
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from visdatcompy_ds.base.arguments import path_bytes
from visdatcompy_ds.base.errors import ArgumentError, ImageError, MissingSourceError, SourceError
from visdatcompy_ds.base.names import for_display, to_text
from visdatcompy_ds.base.status import Status

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from visdatcompy_ds.engine import decode

# By the end of what a file asked for, the limit that it met.
_LIMITS = {" Mpx": "max_pixels", " MB": "max_file_bytes", " scans": "max_scans", " GB to decode": "max_memory_bytes"}


class Image:
    """One image file.

    Nothing is read until it is asked for; the header, the metadata and the content are then read once each.

    Parameters
    ----------
    path : str, bytes or os.PathLike
        Where the file is.
    limits : dict, optional
        What is refused before a decoder sees it: "max_pixels" (100 million), "max_file_bytes" (2 GB), "max_scans" of a JPEG (200),
        "max_metadata_bytes" (4 MB), "max_memory_bytes" to decode (4 GB).

    Attributes
    ----------
    path : str
        The path as text; bytes that are not UTF-8 as the operating system's escapes.
    filename : str
        Its last part.
    exif_data : dict or None
        What :meth:`get_exif_data` returned, None before its first call.

    Examples
    --------
    >>> image = Image("datasets/trail/CAM01/IMG_0001.JPG")
    >>> image.width, image.height, image.format
    (640, 480, 'JPEG')
    """

    def __init__(
        self, path: str | bytes | os.PathLike[str], limits: decode.Limits | Mapping[str, int] | None = None, *, id: str | None = None
    ) -> None:
        from visdatcompy_ds.engine import decode

        self._path = path_bytes(path)
        self.path = os.fsdecode(self._path)
        self.filename = os.path.basename(self.path)
        self.id = to_text(os.path.basename(self._path)) if id is None else id
        self.exif_data: dict[str, Any] | None = None
        self._limits = decode.Limits.of(limits)

    def __repr__(self) -> str:
        """Return the path."""
        return f"Image({for_display(self.path)!r})"

    def __fspath__(self) -> str:
        """Return the path, so that an Image goes wherever a path does."""
        return self.path

    def _content(self, limit: int | None = None) -> bytes:
        """Read the file, or its beginning; nothing of it is kept, so that a walk over a dataset stays light."""
        from visdatcompy_ds.engine import files

        try:
            return bytes(self._named(lambda: files.read(self._path, limit, self._limits.check_size)))
        except ImageError:
            raise
        except FileNotFoundError:
            raise MissingSourceError(
                f"No such file: {for_display(self.path)}", "", "Check the spelling and that the disk is mounted"
            ) from None
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            is_folder = isinstance(error, OSError) and os.path.isdir(self._path)
            cause = "it is a folder" if is_folder else files.describe(error) if isinstance(error, OSError) else str(error)
            remedy = "Use Dataset for folders" if is_folder else "Check the path and its permissions"
            raise SourceError(f"{for_display(self.path)} cannot be read: {cause}", "An Image is one regular file", remedy) from None

    @functools.cached_property
    def _header(self) -> decode.Header:
        from visdatcompy_ds.engine import decode

        head = self._content(decode.HEAD_BYTES)
        if len(head) == decode.HEAD_BYTES:
            try:
                return decode.read_header(head, self._limits, complete=False)
            except ImageError:  # the header lies further back, or is truly broken
                head = self._content()
        return self._named(lambda: decode.read_header(head, self._limits))

    def _named(self, decoded: Any) -> Any:
        """Call `decoded` and put the path into the error it may raise."""
        try:
            return decoded()
        except ImageError as error:
            asked = error.reason.partition(", limit ")[0] if error.status is Status.REFUSED else ""
            limit = next((name for unit, name in _LIMITS.items() if asked.endswith(unit)), "")
            remedy = f'Raise it with limits={{"{limit}": …}}' if limit else ""
            raise type(error)(error.reason, for_display(self.path), remedy or error.remedy) from error

    @property
    def width(self) -> int:
        """Width in pixels, upright."""
        return self._header.width

    @property
    def height(self) -> int:
        """Height in pixels, upright."""
        return self._header.height

    @property
    def channels(self) -> int:
        """Channels as stored: 1 grey, 3 colour, 4 with transparency or CMYK."""
        return self._header.channels

    @property
    def format(self) -> str:
        """Format by the first bytes, whatever the name says: "JPEG", "PNG", …."""
        return self._header.format

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        try:
            return os.stat(self._path).st_size
        except (OSError, ValueError):
            return len(self._content())  # raises what stands in the way

    def info(self) -> None:
        """Print name, resolution, format, size, and when and with what it was taken."""
        from visdatcompy_ds.reports import text

        found = self.metadata
        taken = found["taken"].isoformat(sep=" ") if found["taken"] else ""
        print(text.image(self.filename, self.width, self.height, self.channels, self.format, self.size_bytes, taken, found["camera"]))  # noqa: T201

    def read(self, mode: Literal["bgr", "rgb", "gray"] = "bgr", size: tuple[int, int] | int | None = None) -> NDArray[np.uint8]:
        """Decode the picture, upright, as 8 bit.

        Parameters
        ----------
        mode : {"bgr", "rgb", "gray"}
            Order of channels; grey is OpenCV's luma.
        size : (int, int), int or None
            (width, height), or one number for a square, by area resampling; None is full resolution. ``128`` is the working picture
            that all hashes are computed from, made by the reduced decode.

        Returns
        -------
        ndarray
            (H, W, 3) uint8, or (H, W) for grey.

        Raises
        ------
        MissingSourceError, SourceError
            When there is no such file, or it is no regular file.
        UnreadableImageError, RefusedImageError
            When it holds no picture that can be decoded, or one beyond a limit.
        """
        from visdatcompy_ds.engine import decode

        if mode not in ("bgr", "rgb", "gray"):
            raise ArgumentError(f"mode={mode!r}", 'Allowed: "bgr", "rgb", "gray"')
        wanted = None if size is None else picture_size(size)
        content = self._content()
        header = self._named(lambda: decode.read_header(content, self._limits))
        pixels = self._named(lambda: decode.decode_at(content, header, wanted)).pixels
        if mode == "bgr":
            return pixels
        if mode == "rgb":
            return pixels[:, :, ::-1].copy()
        from visdatcompy_ds.catalog.working import to_grey

        return to_grey(pixels)

    def _digest(self) -> bytes:
        """Return the digest of the full decode: depth, alpha and frames count."""
        from visdatcompy_ds.engine import decode

        content = self._content()
        return self._named(lambda: decode.native_digest(content, decode.read_header(content, self._limits)))

    @functools.cached_property
    def _metadata(self) -> decode.Metadata:
        from visdatcompy_ds.engine import decode

        return decode.read_metadata(self._header)

    def get_exif_data(self) -> dict[str, Any]:
        """Return EXIF as tag name to plain value, {} when there is none; kept as ``exif_data``."""
        self.exif_data = dict(self._metadata.exif)
        return self.exif_data

    @functools.cached_property
    def metadata(self) -> dict[str, Any]:
        """What is known about the shot and the file.

        ``file`` (size_bytes, modified), ``exif``, ``xmp``, ``gps`` as (latitude, longitude) in degrees or None, ``altitude_m``,
        ``taken`` as datetime or None (never the file's date), ``camera`` (maker, model and serial as far as known).
        """
        found = self._metadata
        info = os.stat(self._path)
        modified = datetime.datetime.fromtimestamp(info.st_mtime, datetime.timezone.utc)
        camera = " ".join(part for part in (found.make, found.model, f"#{found.camera}" if found.camera else "") if part)
        return {
            "file": {"size_bytes": self.size_bytes, "modified": modified, "format": self.format},
            "exif": dict(found.exif),
            "xmp": dict(found.xmp),
            "gps": found.gps,
            "altitude_m": found.altitude_m,
            "taken": found.taken,
            "camera": camera,
        }

    def hash(self, method: str = "phash") -> str:
        """Return a perceptual hash as hexadecimal digits.

        Parameters
        ----------
        method : str
            "average", "phash", "marr_hildreth", "radial_variance", "block_mean", "color_moment" or "dhash".
        """
        from visdatcompy_ds.catalog.hashes import HASHES

        entry = HASHES[method]
        return entry.to_hex(entry.compute(self.read(size=128)))

    def compare(self, other: Image | str | os.PathLike[str], metric: str = "ssim", size: tuple[int, int] | int | None = 256) -> float:
        """Return a metric between this image and another.

        Parameters
        ----------
        other : Image or path
        metric : str
            "pix2pix", "mse", "nrmse", "ssim", "psnr", "mae" or "nmi"; "nrmse" is relative to this image.
        size : (int, int), int or None
            Common grid; None compares at full resolution and needs pictures of one size.

        Returns
        -------
        float
            The direction depends on the metric. "pix2pix" gives 1.0 for equal pictures at full resolution, whatever `size` says: depth,
            alpha and frames count, too; the others see 8-bit pictures without alpha.
        """
        from visdatcompy_ds.catalog.metrics import METRICS

        entry = METRICS[metric]
        second = other if isinstance(other, Image) else Image(other)
        if entry.reads == "digest":
            return entry.identical if self._digest() == second._digest() else 0.0
        mode: Literal["bgr", "gray"] = "gray" if entry.reads == "grey" else "bgr"
        left, right = self.read(mode, size), second.read(mode, size)
        if left.shape != right.shape:
            raise ArgumentError(
                f"Pictures of {self.width}×{self.height} and {second.width}×{second.height}",
                "One size for both",
                "Give size=256, or another common grid",
            )
        return entry.compute(left, right)

    def show(self) -> Figure:
        """Return a matplotlib figure of the picture with its name and size."""
        from visdatcompy_ds.reports import figures

        return figures.picture(self.read("rgb"), f"{for_display(self.filename)}, {self.width} × {self.height}")

    def _repr_png_(self) -> bytes:
        """Return the picture, at most 512 pixels a side, for notebooks."""
        from visdatcompy_ds.reports import figures

        return figures.png(self.read(), 512)


def picture_size(size: Any) -> tuple[int, int]:
    """Return a size that was asked for as (width, height), checked: 1 to 65 535 pixels a side, 100 million in all."""
    width, height = (size, size) if not isinstance(size, (tuple, list)) else (size if len(size) == 2 else (0, 0))
    for value in (width, height):
        if isinstance(value, bool) or not hasattr(value, "__index__") or not 1 <= int(value) <= 65_535:
            raise ArgumentError(f"size={size!r}", "Allowed: a number of pixels or (width, height), 1 to 65535, or None for full resolution")
    if int(width) * int(height) > 100_000_000:
        raise ArgumentError(f"size={size!r}", "Allowed: 100 million pixels in all")
    return int(width), int(height)
