"""Candidate pairs to Pairs with a verdict: each image involved is decoded in full once, and compared by a kernel."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
import time
from pathlib import Path

import numpy as np

from visdatcompy_ds.base.errors import ImageError
from visdatcompy_ds.base.tables import CLASS_CODE, Array, Fingerprints, Pairs, text_array
from visdatcompy_ds.catalog import same_shot
from visdatcompy_ds.catalog.same_shot import ASPECT, SIMILAR_LAYOUT, Evidence, verdict
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.cache import Kept
from visdatcompy_ds.engine.decode.quantisation import brightness_steps
from visdatcompy_ds.engine.decode.upright import turn_upright
from visdatcompy_ds.engine.run import Workers, progress, run, worker_count
from visdatcompy_ds.engine.versions import decoders
from visdatcompy_ds.stages.candidates import Candidates
from visdatcompy_ds.stages.components import components

_CELLS = 16
_TILES = 24
# Grey pictures kept by all tasks together: 32 of 8 MP. A component that needs more decodes some of its images again.
_KEPT_BYTES = 256_000_000


@dataclasses.dataclass(frozen=True)
class Shot:
    """What a comparison needs of an image at full resolution.

    Attributes
    ----------
    grey : (H, W) uint8
    cells : (16, 16, 3) float32
        Mean blue, green, red of each cell.
    digest : bytes
        Of the full decode in the file's own depth and channels.
    orientation : int
        EXIF orientation, 1 to 8: how `grey` was turned.
    steps : (8, 8) float64 or None
        Quantisation of the stored brightness, 0 for a lossless format, None where it is not known.
    """

    grey: Array
    cells: Array
    digest: bytes
    orientation: int = 1
    steps: Array | None = None


@dataclasses.dataclass(frozen=True)
class Cost:
    """What confirming cost; of candidates whose verdict was known nothing but `unrelated`."""

    decodes: int = 0
    images: int = 0
    comparisons: int = 0
    unrelated: int = 0

    def __add__(self, other: Cost) -> Cost:
        """Return the sums."""
        return Cost(*(getattr(self, field.name) + getattr(other, field.name) for field in dataclasses.fields(self)))


# Class ("" for two different pictures), measure, score and cut-off.
Verdict = tuple[str, str, float, float]
# By the two contents, left and right: a verdict holds wherever the files lie and whatever they are called.
Verdicts = Kept[Verdict]
_VERSION = 1  # raised whenever a verdict changes for another reason than a border of ``catalog.same_shot``
_KEPT_S = 2.0  # seconds after which new verdicts go to the cache
# No evidence is no verdict; what could not be read now may be there again the next time.
GONE = "the photo of one is not there (offline?)"
CHANGED = "one changed since it was measured, or cannot be decoded in full"


def verdicts(folder: Path | None = None) -> Verdicts:
    """Return what is known of pairs from runs with the cache in `folder`, or nothing yet."""
    borders = {name: value for name, value in vars(same_shot).items() if name.isupper()}
    description = {"purpose": "verdicts", "version": _VERSION, "borders": borders, "tiles": [_CELLS, _TILES], "decoders": decoders()}
    return Kept(folder, description, lambda found: json.dumps(found).encode("ascii"), lambda data: tuple(json.loads(data)))


def confirm(
    table: Fingerprints,
    candidates: Candidates,
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
    known: Verdicts | None = None,
) -> tuple[Pairs, Cost]:
    """Compare candidate pairs at full resolution.

    Parameters
    ----------
    table : Fingerprints
    candidates : Candidates
    workers : int or "auto"
        Threads; each takes connected components of candidates, so no image is decoded by two of them.
    limits : Limits, optional
        The limits of the pass.
    show_progress : bool, optional
        As everywhere.
    known : Verdicts, optional
        Of earlier calls, by content: these pairs are not decoded again. New ones are added.

    Returns
    -------
    Pairs
        Candidates that are more than chance neighbours, with class, measure, score and cut-off.
    Cost
        Full decodes, images involved, comparisons, pairs found to be two different pictures.
    """
    held = known or verdicts()
    keys = _contents(table, candidates)
    found = held.of(keys)
    judged = {at: found[key] for at, key in enumerate(keys) if key in found}
    asked = np.array([at for at in range(len(keys)) if at not in judged], np.int64)
    left, right = candidates.left[asked], candidates.right[asked]
    bar = progress(len(asked), "comparing at full resolution", show_progress)
    task = _Compare(table, candidates, limits or decode.Limits(), _KEPT_BYTES // worker_count(workers))
    decodes, new, since = 0, dict[bytes, Verdict](), time.monotonic()
    try:
        for some, count in run([asked[part] for part in components(left, right)], task, workers):
            judged.update(some)
            new.update({keys[at]: one for at, one in some.items() if one[1] not in (GONE, CHANGED)})
            decodes += count
            bar.update(len(some))
            if time.monotonic() - since > _KEPT_S:
                held.add(new)
                new, since = {}, time.monotonic()
    finally:
        held.add(new)
        bar.close()
    kept = [at for at in sorted(judged) if judged[at][0]]
    images = len(np.unique(np.concatenate([left, right])))
    return _as_pairs(candidates, kept, judged), Cost(decodes, images, len(asked), len(judged) - len(kept))


def _contents(table: Fingerprints, candidates: Candidates) -> list[bytes]:
    joined = np.concatenate([table["sha256"][candidates.left], table["sha256"][candidates.right]], axis=1)
    data, width = joined.tobytes(), joined.shape[1]
    return [data[at : at + width] for at in range(0, len(data), width)]


def _as_pairs(candidates: Candidates, kept: list[int], judged: dict[int, Verdict]) -> Pairs:
    at = np.array(kept, np.int64)
    found = [judged[k] for k in kept]
    return Pairs(
        candidates.left[at],
        candidates.right[at],
        np.array([CLASS_CODE[klass] for klass, _, _, _ in found], np.uint8),
        candidates.step[at],
        text_array(measure for _, measure, _, _ in found),
        np.array([score for _, _, score, _ in found], np.float64),
        np.array([cutoff for _, _, _, cutoff in found], np.float64),
        text_array(["same"] * len(kept)),
    )


class _Compare:
    """The work on one component; holds no state of its own between calls."""

    def __init__(self, table: Fingerprints, candidates: Candidates, limits: decode.Limits, kept_bytes: int) -> None:
        self.table = table
        self.limits = limits
        self.candidates = candidates
        self.kept_bytes = kept_bytes
        flags = table["has_alpha"] | table["is_animated"] | (table["bit_depth"] > 8)
        self.is_reduced = flags.astype(bool)

    def __call__(self, component: Array) -> tuple[dict[int, Verdict], int]:
        shots = _Kept(self.table, self.limits, self.kept_bytes)
        judged = {}
        for at in self._in_blocks(component).tolist():
            left, right = int(self.candidates.left[at]), int(self.candidates.right[at])
            first, second = shots.get(left), shots.get(right)
            if isinstance(first, str) or isinstance(second, str):
                judged[at] = ("undecided", GONE if GONE in (first, second) else CHANGED, np.nan, np.nan)
            else:
                judged[at] = self._judge(left, right, first, second, bool(self.candidates.is_vetoed[at]))
        return judged, shots.decodes

    def _in_blocks(self, component: Array) -> Array:
        """Order pairs by blocks of rows of which two fit into memory: many look-alikes are then decoded a few times, not once a pair."""
        left, right = self.candidates.left[component], self.candidates.right[component]
        rows = np.unique(np.concatenate([left, right]))
        pixels = self.table["width"][rows].astype(np.int64) * self.table["height"][rows]
        block = np.cumsum(pixels) // max(self.kept_bytes // 3, 1)
        blocks = dict(zip(rows.tolist(), block.tolist(), strict=True))
        first, second = (np.array([blocks[row] for row in side.tolist()]) for side in (left, right))
        return np.asarray(component[np.lexsort((right, left, second, first))])

    def _judge(self, left: int, right: int, first: Shot, second: Shot, is_vetoed: bool) -> Verdict:
        if first.digest == second.digest:
            return "pixels", "full decode", 1.0, 1.0
        evidence = compare(first, second, bool(self.table["is_grey"][left] != self.table["is_grey"][right]))
        if evidence is None:
            return "undecided", "too small to compare", np.nan, np.nan
        klass, score, cutoff = verdict(evidence)
        if is_vetoed:
            return ("similar" if klass else ""), "layout, another shot by EXIF", evidence.layout, SIMILAR_LAYOUT
        measure = {"similar": "layout", "": "layout"}.get(klass, "ssim")
        if klass == "reencoded":
            if self.is_reduced[left] or self.is_reduced[right]:
                return "undecided", "ssim; alpha, frames or depth were not compared", score, cutoff
            if self.table["low_information"][left] or self.table["low_information"][right]:
                return "undecided", "ssim; too flat to tell", score, cutoff
        return klass, measure, score, cutoff


class _Kept:
    """Full decodes of the images in work, the least recently used given up first."""

    def __init__(self, table: Fingerprints, limits: decode.Limits, most_bytes: int) -> None:
        self.table = table
        self.limits = limits
        self.most_bytes = most_bytes
        self.held: collections.OrderedDict[int, Shot | str] = collections.OrderedDict()
        self.held_bytes = 0
        self.decodes = 0

    def get(self, row: int) -> Shot | str:
        """Return the shot of a row, or why it cannot be had any more."""
        if row in self.held:
            self.held.move_to_end(row)
            return self.held[row]
        self.decodes += 1
        shot = load_shot(self.table.files.path[row], self.limits, bytes(self.table["sha256"][row]))
        self.held[row] = shot
        self.held_bytes += _size(shot)
        while self.held_bytes > self.most_bytes and len(self.held) > 2:
            _, given_up = self.held.popitem(last=False)
            self.held_bytes -= _size(given_up)
        return shot


def _size(shot: Shot | str) -> int:
    return 0 if isinstance(shot, str) else shot.grey.nbytes


def load_shot(path: bytes, limits: decode.Limits, sha256: bytes) -> Shot | str:
    """Decode a file of known content in full and keep what a comparison needs; GONE or CHANGED where that is not possible."""
    from visdatcompy_ds.kernels.windows import grey_and_cells

    try:
        data = files.read(path)
        if hashlib.sha256(data).digest() != sha256:
            return CHANGED
        header = decode.read_header(data, limits)
        picture = decode.decode_full(data, header)
        digest = decode.native_digest(data, header, picture)
    except FileNotFoundError:
        return GONE
    except (OSError, ImageError):
        return CHANGED
    height, width = picture.pixels.shape[:2]
    grey, cells = grey_and_cells(np.ascontiguousarray(picture.pixels), min(_CELLS, height, width))
    return Shot(grey, cells, digest, header.orientation, brightness_steps(data, header))


def compare(first: Shot, second: Shot, is_grey_and_colour: bool) -> Evidence | None:
    """Return the evidence on two shots, compared on the common grid of the smaller sides; None below 8 pixels."""
    from visdatcompy_ds.kernels.resample import area_resize_grey
    from visdatcompy_ds.kernels.windows import ssim_tiles

    (h1, w1), (h2, w2) = first.grey.shape, second.grey.shape
    height, width = min(h1, h2), min(w1, w2)
    if min(height, width) < 2 * _CELLS:
        return None
    left, right = (shot if shot.shape == (height, width) else area_resize_grey(shot, height, width) for shot in (first.grey, second.grey))
    similarity, tone = ssim_tiles(left, right, _TILES)
    stretched = abs((w1 / h1) / (w2 / h2) - 1)
    return Evidence(
        mean=float(similarity.mean()),
        median=float(np.median(similarity)),
        worst=float(similarity.min()),
        tone=float(np.abs(tone).max()),
        colour=_colour_difference(first.cells, second.cells),
        layout=_correlation(first.cells.mean(axis=2), second.cells.mean(axis=2)),
        ratio=min(height / max(h1, h2), width / max(w1, w2)),
        side=min(height, width),
        is_stretched=stretched > max(ASPECT, 1.5 / min(height, width)),
        is_grey_and_colour=is_grey_and_colour,
        larger_side=min(max(h1, h2), max(w1, w2)),
        excess=_excess(first, second),
    )


_UNTURN = {6: 8, 8: 6}  # the other orientations undo themselves


def _excess(first: Shot, second: Shot) -> float | None:
    """Return how much more two pictures of one size differ than their quantisation explains; None where it cannot be told.

    A re-saved JPEG differs from its original by the rounding to its quantisation steps, a variance of step² / 12 per coefficient, and
    by nothing else. The next frame has noise of its own on top, also where a picture is small and SSIM sees none.
    """
    from visdatcompy_ds.kernels.dct import FREQUENCIES, energies

    if first.steps is None or second.steps is None or first.grey.shape != second.grey.shape or first.orientation != second.orientation:
        return None
    undo = _UNTURN.get(first.orientation, first.orientation)
    left, right = (np.ascontiguousarray(turn_upright(shot.grey, undo)) for shot in (first, second))
    at = tuple(np.array(FREQUENCIES).T)
    # 1: what rounding to whole levels and the way through red, green and blue add on both sides.
    explained = (first.steps[at] ** 2 + second.steps[at] ** 2) / 12 + 1
    return float(np.median(energies(left, right) / explained))


def _colour_difference(first: Array, second: Array) -> float:
    """Return the largest difference of red-green or blue-green of any cell."""
    return max(float(np.abs((first[..., c] - first[..., 1]) - (second[..., c] - second[..., 1])).max()) for c in (0, 2))


def _correlation(first: Array, second: Array) -> float:
    a, b = first.astype(np.float64) - first.mean(dtype=np.float64), second.astype(np.float64) - second.mean(dtype=np.float64)
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0
