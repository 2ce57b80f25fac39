"""Probes: what is measured once per image and kept as a column. Each declares what it reads.

``header``   facts of the file's header and its EXIF: a ``(Header, Metadata)``; costs no decode
``bytes``    the whole content
``working``  a ``WorkingBlock`` of n working pictures, so that a probe pays its calls once per block and not once per image

Adding a measure is one ``PROBES.add(Probe(...))``; the pass, ``Dataset.fingerprints`` and the contract tests follow.
"""

from __future__ import annotations

import dataclasses
import hashlib
import operator
from collections.abc import Callable, Iterable
from typing import Any, Literal

from visdatcompy_ds.base.registry import Registry
from visdatcompy_ds.catalog.hashes import HASHES, HashMethod
from visdatcompy_ds.catalog.turns import TURNS, turned
from visdatcompy_ds.catalog.working import WorkingBlock

Reads = Literal["header", "bytes", "working"]


@dataclasses.dataclass(frozen=True)
class Probe:
    """A measure and its facts.

    Attributes
    ----------
    name : str
        Column name.
    reads : {"header", "bytes", "working"}
        What `compute` is given.
    dtype : str
        NumPy dtype of the column.
    missing : object
        What a row holds that was not measured.
    compute : callable
        Header probes: ``(header, metadata) -> value``; bytes probes: ``data -> array``; working probes: ``block -> (n, *shape)``.
    meaning : str
        One line with unit and range.
    shape : tuple of int
        Shape of one value.
    needs_metadata : bool
        A header probe that looks at the EXIF, which an image without EXIF is spared.
    version : int
        Raised whenever a value changes: what a cache holds of an older version is not used. 0 is kept in no cache.
    module : str
        Whose import registers it, where that is not the module of `compute`.
    """

    name: str
    reads: Reads
    dtype: str
    missing: object
    compute: Callable[..., Any]
    meaning: str
    shape: tuple[int, ...] = ()
    needs_metadata: bool = False
    version: int = 0
    module: str = ""

    @property
    def home(self) -> str:
        """Module whose import registers it."""
        return self.module or str(getattr(self.compute, "__module__", ""))

    @property
    def is_ours(self) -> bool:
        """True for the probes of this package."""
        return self.home.partition(".")[0] == __name__.partition(".")[0]


PROBES: Registry[Probe] = Registry("probe", {"p": "phash"})


def _fact(name: str, dtype: str, missing: object, meaning: str) -> None:
    get = operator.attrgetter(name)
    PROBES.add(Probe(name, "header", dtype, missing, lambda header, metadata: get(header), meaning, version=1))


def _exif(name: str, dtype: str, missing: object, compute: Callable[[Any], Any], meaning: str) -> None:
    def from_metadata(header: Any, metadata: Any) -> Any:
        value = compute(metadata)
        return missing if value is None else value

    PROBES.add(Probe(name, "header", dtype, missing, from_metadata, meaning, needs_metadata=True, version=1))


_fact("format", "object", "", "format by the file's first bytes: JPEG, PNG, …")
_fact("width", "int32", 0, "pixels, upright")
_fact("height", "int32", 0, "pixels, upright")
_fact("channels", "uint8", 0, "channels as stored")
_fact("bit_depth", "uint8", 0, "bits per channel as stored")
_fact("colour", "object", "", "colour space as stored: grey, rgb, cmyk, palette, …")
_fact("has_alpha", "bool", False, "the file carries transparency")
_fact("is_animated", "bool", False, "the file holds more than one frame")
_fact("orientation", "uint8", 0, "EXIF orientation 1 to 8")
_exif("taken", "datetime64[us]", "NaT", lambda m: m.taken, "when the shutter opened, local time of the camera")
_exif("has_subsec", "bool", False, lambda m: m.has_subsec, "`taken` knows fractions of a second")
_exif("camera", "object", "", lambda m: m.camera, "serial number: maker note, else BodySerialNumber; never the model")
_exif("make", "object", "", lambda m: m.make, "maker of the camera")
_exif("model", "object", "", lambda m: m.model, "model of the camera")
_exif("image_number", "int64", -1, lambda m: m.image_number, "the camera's own number of the shot")
_exif(
    "sequence", "object", "", lambda m: "" if m.sequence is None else "{}:{}/{}".format(*m.sequence), "event:frame/frames by the maker note"
)
_exif("latitude", "float64", float("nan"), lambda m: m.gps and m.gps[0], "degrees north")
_exif("longitude", "float64", float("nan"), lambda m: m.gps and m.gps[1], "degrees east")
_exif("has_exif", "bool", False, lambda m: bool(m.exif), "the file carries EXIF")


def _sha256(data: bytes) -> Any:
    import numpy as np

    return np.frombuffer(hashlib.sha256(data).digest(), np.uint8)


PROBES.add(Probe("sha256", "bytes", "uint8", 0, _sha256, "digest of the file's bytes", (32,), version=1))


def _per_picture(method: HashMethod) -> Callable[[WorkingBlock], Any]:
    def compute(block: WorkingBlock) -> Any:
        import numpy as np

        return np.stack([method.compute(picture) for picture in block.pictures])

    return compute


def _of_all_turns(compute: Callable[[WorkingBlock], Any]) -> Callable[[WorkingBlock], Any]:
    def compute_all(block: WorkingBlock) -> Any:
        import numpy as np

        turns = range(1, len(TURNS))
        return np.stack([compute(block), *(compute(WorkingBlock(turned(block.pictures, turn))) for turn in turns)], axis=1)

    return compute_all


def _add_hash(method: HashMethod) -> None:
    block, meaning = method.block or _per_picture(method), f"{method.name} hash, {method.distance} distance"
    facts: dict[str, Any] = {"version": method.version, "module": str(getattr(method.compute, "__module__", ""))}
    PROBES.add(Probe(method.name, "working", method.dtype, 0, block, meaning, (method.width,), **facts))
    every = f"{method.name} hash of the picture lying in each of 8 ways"
    shape = (len(TURNS), method.width)
    PROBES.add(Probe(f"{method.name}_turns", "working", method.dtype, 0, _of_all_turns(block), every, shape, **facts))


HASHES.follow(_add_hash)  # also those that a user adds later


def _mean_colour(block: WorkingBlock) -> Any:
    import numpy as np

    from visdatcompy_ds.kernels.moments import BLUE, GREEN, RED

    sums = np.stack([block.sums(which) for which in (RED, GREEN, BLUE)], axis=1)
    return (sums / np.float64(block.side**2)).astype(np.float32)


def _brightness(block: WorkingBlock) -> Any:
    return _mean_colour(block).mean(axis=1)


def _colour_variance(block: WorkingBlock) -> Any:
    return _mean_colour(block).var(axis=1)


def _variance(total: Any, squares: Any, count: int) -> Any:
    # Whole numbers until the division: the value is the same in a block of any size.
    return (squares * count - total**2) / float(count) ** 2


def _contrast(block: WorkingBlock) -> Any:
    import numpy as np

    from visdatcompy_ds.kernels.moments import GREY, GREY_SQUARES

    return np.sqrt(_variance(block.sums(GREY), block.sums(GREY_SQUARES), block.side**2)).astype(np.float32)


def _sharpness(block: WorkingBlock) -> Any:
    import numpy as np

    from visdatcompy_ds.kernels.moments import EDGES, EDGES_SQUARES

    return _variance(block.sums(EDGES), block.sums(EDGES_SQUARES), (block.side - 2) ** 2).astype(np.float32)


def _layout(block: WorkingBlock) -> Any:
    import cv2

    return cv2.cvtColor(block.layout.reshape(-1, 8, 3), cv2.COLOR_BGR2Lab).reshape(len(block), 192)


def _edges(block: WorkingBlock) -> Any:
    from visdatcompy_ds.kernels.edges import edge_histograms

    return edge_histograms(block.tall_grey.reshape(-1, block.side, block.side))


def _is_grey(block: WorkingBlock) -> Any:
    from visdatcompy_ds.kernels.moments import COLOUR_SPREAD

    # Over 8 x 8 pixels colour noise of a sensor and JPEG's chroma blocks average out, a coloured thing does not.
    return block.sums(COLOUR_SPREAD) <= 12


_TINY = 32  # pixels


def _low_information(block: WorkingBlock) -> Any:
    from visdatcompy_ds.kernels.moments import BUSY_CELLS

    # A hash describes structure. Where fewer than 1 in 20 of the 256 cells hold any, equal hashes say nothing.
    flat = block.sums(BUSY_CELLS) < (block.side // 8) ** 2 / 20
    # pHash looks at 32 x 32 pixels: of a smaller image it describes how that was enlarged.
    return flat if block.shorter_sides is None else flat | (block.shorter_sides < _TINY)


def opencv_threads(count: int) -> int:
    """Set OpenCV's own threads and return how many there were: inside a pass the images run side by side already."""
    import cv2

    before = int(cv2.getNumThreads())
    cv2.setNumThreads(count)
    return before


def _measure(
    name: str, dtype: str, missing: object, compute: Callable[[WorkingBlock], Any], meaning: str, shape: tuple[int, ...] = ()
) -> None:
    PROBES.add(Probe(name, "working", dtype, missing, compute, meaning, shape, version=1))


_NAN = float("nan")
_measure("brightness", "float32", _NAN, _brightness, "mean of all channels, 0 to 255")
_measure("contrast", "float32", _NAN, _contrast, "standard deviation of grey, 0 to 127.5")
_measure("colour_variance", "float32", _NAN, _colour_variance, "variance of the three channel means; below 100 reads as grey")
_measure("mean_colour", "float32", _NAN, _mean_colour, "mean red, green, blue, 0 to 255", (3,))
_measure("sharpness", "float32", _NAN, _sharpness, "variance of the Laplacian of the working picture; more is sharper")
_measure("layout", "uint8", 0, _layout, "8 x 8 colours in OpenCV's 8-bit Lab", (192,))
_measure("edge_histogram", "uint8", 0, _edges, "how edges lie in 4 x 4 parts, by 8 directions: 255 times the root of their share", (128,))
_measure("is_grey", "bool", False, _is_grey, "no cell of a 16 x 16 grid shows colour")
_measure(
    "low_information", "bool", False, _low_information, "flat, nearly empty, or less than 32 pixels on a side: never matched by hash alone"
)

HEADER_PROBES = [probe.name for probe in PROBES.values() if probe.reads == "header"]
CLEAN_PROBES = [
    *HEADER_PROBES,
    *[
        "sha256",
        "dhash",
        "phash",
        "average",
        "brightness",
        "contrast",
        "colour_variance",
        "mean_colour",
        "sharpness",
        "layout",
        "edge_histogram",
        "is_grey",
        "low_information",
    ],
]


def select(names: Iterable[str]) -> list[Probe]:
    """Return the probes of `names`, each once, in the order of the catalog."""
    wanted = {PROBES[name].name for name in names}
    return [probe for probe in PROBES.values() if probe.name in wanted]
