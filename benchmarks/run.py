"""Time of ``VisDatCompare.run`` against the sum of its parts measured alone, and what it reads and decodes.

    python benchmarks/run.py [--shared DIR] [--copies 150] [--rounds 5] [--feature-rounds 1] [--small]

The photos of `clothing` and `cats_dogs` and 19 edited copies of the first 150 of them are one dataset. Parts, each alone and on a table
that is there already: the fingerprint pass, judging by bytes, EXIF and hashes, two metrics and local features for the rest, the plan, the
sample.
Everything runs in this process, after a warm-up, in turn; medians. Reads and decodes are counted at the one door that each has.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from copies import photos, write
from parts.edits import USUAL

from visdatcompy_ds import Dataset, VisDatCompare
from visdatcompy_ds.base.tables import Array, Fingerprints, Pairs
from visdatcompy_ds.catalog.features import EXTRACTORS
from visdatcompy_ds.catalog.probes import CLEAN_PROBES
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.stages.by_metric import Pictures, copies_by_metric
from visdatcompy_ds.stages.compare import conclude, judge, unmatched
from visdatcompy_ds.stages.features import cascade
from visdatcompy_ds.stages.sample import of_distinct_content, sample

os.environ["VISDATCOMPY_CACHE"] = "off"  # what is measured is measured

SAMPLE = 100
METRICS = ("mse", "ssim")
# What is asked of a run beside the default stages, and the part that answers it.
KINDS: dict[str, dict[str, Any]] = {"": {}, "metrics": {"metrics": METRICS}, "features": {"features": True}}
DECODERS = {
    "decode_working": "reduced decodes",
    "decode_within": "decodes for features",
    "decode_at": "decodes for metrics",
    "decode_full": "full decodes",
}


@contextlib.contextmanager
def counted() -> Iterator[collections.Counter[str]]:
    """Count reads and decodes."""
    counts: collections.Counter[str] = collections.Counter()
    doors = [(files, "read", "reads"), *((decode, name, what) for name, what in DECODERS.items())]
    held = [getattr(module, name) for module, name, _ in doors]

    def through(once: Callable[..., Any], what: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            counts[what] += 1
            return once(*arguments, **options)

        return call

    for (module, name, what), once in zip(doors, held, strict=True):
        setattr(module, name, through(once, what))
    try:
        yield counts
    finally:
        for (module, name, _), once in zip(doors, held, strict=True):
            setattr(module, name, once)


def now() -> Array:
    """Return the seconds of the wall clock, and those of all threads of this process: these do not mind what else the machine does."""
    return np.array([time.perf_counter(), time.process_time()])


class Parts:
    """The parts of a run, one after the other, each timed alone."""

    def __init__(self, folder: Path, kinds: Collection[str]) -> None:
        self.seconds: dict[str, Array] = {}
        table = self.time("fingerprints", lambda: Dataset(folder).measured(*CLEAN_PROBES))
        free = np.zeros(len(table), bool)
        judged = self.time("bytes, EXIF, hashes", lambda: judge(table, free))
        found = self.time("plan", lambda: conclude(judged))
        order = judged.order
        if "metrics" in kinds:
            best = order[judged.first == order]
            self.time("metrics", lambda: by_metrics(table, best, judged.pairs))
        if "features" in kinds:
            self.time("features", lambda: cascade(table, np.sort(order), None, judged.all_pairs, order, EXTRACTORS["sift"]))
        none = np.empty(0, np.int64)
        self.time("sample", lambda: sample(table, of_distinct_content(table, found.choosable, none), SAMPLE))

    def time(self, name: str, work: Callable[[], Any]) -> Any:
        """Run one part and return what it gives."""
        started = now()
        done = work()
        self.seconds[name] = now() - started
        return done


def by_metrics(table: Fingerprints, best: Array, pairs: Pairs) -> None:
    """Do what the metrics stage does after the default ones."""
    pictures = Pictures(table)
    for name in METRICS:
        found, _, _ = copies_by_metric(table, unmatched(best, len(table), pairs), name, pairs, pictures=pictures)
        pairs = Pairs.concat([pairs, found])


def whole(folder: Path, kind: str) -> tuple[Array, VisDatCompare]:
    """Return the seconds of one run from nothing, and its object."""
    compared = VisDatCompare(Dataset(folder))
    started = now()
    compared.run(sample=SAMPLE, **KINDS[kind])
    return now() - started, compared


def measure(folder: Path, rounds: int, long_rounds: int) -> None:
    """Print times, and what is read and decoded in a first and in a second run."""
    runs: dict[str, list[Array]] = {kind: [] for kind in KINDS}
    counts: dict[str, list[str]] = {}
    parts: dict[str, list[Array]] = collections.defaultdict(list)
    for number in range(max(rounds, long_rounds)):
        kinds = [kind for kind in KINDS if number < (long_rounds if kind else rounds)]
        for name, seconds in Parts(folder, kinds).seconds.items():
            parts[name].append(seconds)
        for kind in kinds:
            with counted() as first:
                seconds, compared = whole(folder, kind)
            runs[kind].append(seconds)
            with counted() as again:
                compared.run(sample=SAMPLE, **KINDS[kind])
                compared.run(sample=SAMPLE, **KINDS[kind], edited=True)
            counts[kind] = told(compared, first, again)
    medians = {name: np.median(times, axis=0) for name, times in parts.items()}
    print("  wall clock and processor:")
    print(f"  parts alone: {', '.join(f'{name} {of(seconds)}' for name, seconds in medians.items())}")
    for kind, times in ((kind, times) for kind, times in runs.items() if times):
        alone = sum(seconds for name, seconds in medians.items() if name not in KINDS or name == kind)
        took = np.median(times, axis=0)
        asked = "".join(f"{name}={value!r}, " for name, value in KINDS[kind].items())
        ratios = " and ".join(f"{ratio:.2f}" for ratio in took / alone)
        print(f"  run({asked}sample={SAMPLE}): {of(took)}, the sum of its parts {of(alone)}, ratio {ratios}")
        for line in counts[kind]:
            print(f"    {line}")


def of(seconds: Array) -> str:
    """Return both times in words."""
    return f"{seconds[0]:.2f} and {seconds[1]:.2f} s"


def told(compared: VisDatCompare, first: Mapping[str, int], again: Mapping[str, int]) -> list[str]:
    """Return what was read and decoded, in words."""
    assert compared.plan is not None
    found = compared.plan.comparison
    contents = len(np.unique(found.table["sha256"], axis=0))
    costs = {name: value for name, value in found.counts.items() if name.startswith(("confirm_", "metrics_"))}
    return [
        f"{len(found.table)} files, {contents} contents; the pass: {vars(compared.dataset1.counts)}",
        f"full resolution and metrics: {costs}",
        f"all that was read and decoded: {dict(first)}; by two more runs: {dict(again) or 'nothing'}",
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, help="folder that holds clothing and cats_dogs")
    parser.add_argument("--copies", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--feature-rounds", type=int, default=1, help="rounds with metrics and with local features, which take minutes")
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args()
    originals = photos(given.shared)
    if given.small:
        originals, given.copies, given.rounds = originals[:12], 2, 2
    copies = min(given.copies, len(originals))
    with tempfile.TemporaryDirectory() as made:
        few, folder = Path(made) / "few", Path(made) / "all"
        for place, some, count in ((few, originals[:12], 2), (folder, originals, copies)):
            place.mkdir()
            write(place, some, USUAL, count)
        for kind in KINDS:
            whole(few, kind)  # kernels are compiled from here on; files lie in the page cache since they were written
        print(f"{len(originals)} photos, {copies} x {len(USUAL)} edited copies")
        measure(folder, given.rounds, given.feature_rounds)


if __name__ == "__main__":
    main()
