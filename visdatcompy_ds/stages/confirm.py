"""Candidate pairs to Pairs with a verdict: each image involved is decoded in full once, and compared by a kernel."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np

from visdatcompy_ds.base.errors import ImageError
from visdatcompy_ds.base.tables import CLASS_CODE, Array, Fingerprints, Pairs, text_array
from visdatcompy_ds.catalog import same_shot
from visdatcompy_ds.catalog.same_shot import SIMILAR_LAYOUT, verdict
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.cache import Kept
from visdatcompy_ds.engine.decode.quantisation import brightness_steps
from visdatcompy_ds.engine.run import Progress, Workers, progress, run, worker_count
from visdatcompy_ds.engine.versions import decoders
from visdatcompy_ds.stages.candidates import Candidates
from visdatcompy_ds.stages.components import components
from visdatcompy_ds.stages.evidence import CELLS, TILES, Shot, compare
from visdatcompy_ds.stages.whereabouts import looked_at

# Grey pictures kept by all tasks together: 32 of 8 MP. A component that needs more decodes some of its images again.
_KEPT_BYTES = 256_000_000


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
_LOOK_S = 0.2  # seconds after which the caller's thread looks what its threads have found
# No evidence is no verdict; what could not be read now may be there again the next time.
GONE = "the photo of one is not there (offline?)"
CHANGED = "one changed since it was measured, or cannot be decoded in full"


def verdicts(folder: Path | None = None) -> Verdicts:
    """Return what is known of pairs from runs with the cache in `folder`, or nothing yet."""
    borders = {name: value for name, value in vars(same_shot).items() if name.isupper()}
    description = {"purpose": "verdicts", "version": _VERSION, "borders": borders, "tiles": [CELLS, TILES], "decoders": decoders()}
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

    Notes
    -----
    An interruption ends it after the decodes in work; what was judged until then is kept in `known`.
    """
    held = known or verdicts()
    keys = _contents(table, candidates)
    told = _Told(held, keys, _known(table, candidates, held.of(keys), keys))
    asked = np.array([at for at in range(len(keys)) if at not in told.judged], np.int64)
    left, right = candidates.left[asked], candidates.right[asked]
    told.bar = progress(len(asked), "comparing at full resolution", show_progress)
    task = _Compare(table, candidates, limits or decode.Limits(), _KEPT_BYTES // worker_count(workers), told)
    try:
        decodes = _decodes([asked[part] for part in components(left, right)], task, workers)
    finally:
        told.keep()
        told.bar.close()
    judged = told.judged
    kept = [at for at in sorted(judged) if judged[at][0]]
    images = len(np.unique(np.concatenate([left, right])))
    return _as_pairs(candidates, kept, judged), Cost(decodes, images, len(asked), len(judged) - len(kept))


def _decodes(parts: Sequence[Array], task: _Compare, workers: Workers) -> int:
    """Do the task for each part and return the decodes that took; this thread waits in short steps, keeps what is told, hears Ctrl-C."""
    if worker_count(workers) == 1:
        task.after_each = task.told.take
        return sum(run(parts, task, workers))

    def work() -> int:
        decodes = 0
        for count in run(parts, task, workers):
            decodes += count
            if task.is_stopped.is_set():
                break
        return decodes

    # run() waits for its threads when it is left, and an exception in this thread would leave it before anybody could tell them to end.
    beside = ThreadPoolExecutor(1, thread_name_prefix="visdatcompy-confirm")
    try:
        running = beside.submit(work)
        while not wait([running], _LOOK_S).done:
            task.told.take()
        return running.result()
    finally:
        task.is_stopped.set()
        beside.shutdown()


class _Told:
    """Verdicts as the tasks find them; what is new goes to the cache every few seconds, so that a large component loses little."""

    bar: Progress

    def __init__(self, held: Verdicts, keys: list[bytes], judged: dict[int, Verdict]) -> None:
        self.judged = judged
        self._held, self._keys = held, keys
        self._queue: collections.deque[tuple[int, Verdict]] = collections.deque()
        self._new: dict[bytes, Verdict] = {}
        self._since = time.monotonic()

    def add(self, at: int, found: Verdict) -> None:
        """Tell the verdict on a pair, from any thread."""
        self._queue.append((at, found))

    def take(self) -> None:
        """Take what was told, on the thread that confirms."""
        count = len(self._queue)
        for _ in range(count):
            at, found = self._queue.popleft()
            self.judged[at] = found
            if found[1] not in (GONE, CHANGED):
                self._new[self._keys[at]] = found
        self.bar.update(count)
        if time.monotonic() - self._since > _KEPT_S:
            self._give()

    def keep(self) -> None:
        """Take the rest and give all of it to the cache."""
        self.take()
        self._give()

    def _give(self) -> None:
        self._held.add(self._new)
        self._new, self._since = {}, time.monotonic()


def _known(table: Fingerprints, candidates: Candidates, found: dict[bytes, Verdict], keys: list[bytes]) -> dict[int, Verdict]:
    """Return the verdicts that hold without a decode: a photo that is not there or changed has none, whatever is known of its content."""
    sides = {at: (int(candidates.left[at]), int(candidates.right[at])) for at, key in enumerate(keys) if key in found}
    listed = table.files
    is_there = {
        row: info is not None and (info.st_size, info.st_mtime_ns) == (listed.size_bytes[row], listed.mtime_ns[row])
        for row, info in looked_at(listed, np.unique(np.array(list(sides.values()), np.int64)), ())
    }
    return {at: found[keys[at]] for at, (left, right) in sides.items() if is_there[left] and is_there[right]}


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
    """The work on one component; holds no state of its own between calls, but that it was stopped."""

    def __init__(self, table: Fingerprints, candidates: Candidates, limits: decode.Limits, kept_bytes: int, told: _Told) -> None:
        self.table = table
        self.limits = limits
        self.candidates = candidates
        self.kept_bytes = kept_bytes
        self.told = told
        self.after_each: Callable[[], object] = bool
        self.is_stopped = threading.Event()
        flags = table["has_alpha"] | table["is_animated"] | (table["bit_depth"] > 8)
        self.is_reduced = flags.astype(bool)

    def __call__(self, component: Array) -> int:
        """Tell the verdicts on pairs until it is stopped, and return the decodes that took."""
        shots = _Kept(self.table, self.limits, self.kept_bytes)
        for at in self._in_blocks(component).tolist():
            left, right = int(self.candidates.left[at]), int(self.candidates.right[at])
            if self.is_stopped.is_set():
                break
            first = shots.get(left)
            if self.is_stopped.is_set():
                break
            second = shots.get(right)
            if isinstance(first, str) or isinstance(second, str):
                found: Verdict = ("undecided", GONE if GONE in (first, second) else CHANGED, np.nan, np.nan)
            else:
                found = self._judge(left, right, first, second, bool(self.candidates.is_vetoed[at]))
            self.told.add(at, found)
            self.after_each()
        return shots.decodes

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
    grey, cells = grey_and_cells(np.ascontiguousarray(picture.pixels), min(CELLS, height, width))
    return Shot(grey, cells, digest, header.orientation, brightness_steps(data, header))
