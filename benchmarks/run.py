"""Time of ``VisDatCompare.run`` against the sum of its parts measured alone, and what it reads and decodes.

    python benchmarks/run.py [--shared DIR] [--copies 150] [--rounds 2] [--small]

The photos of `clothing` and `cats_dogs` and 19 edited copies of the first 150 of them are one dataset. Parts, each alone and on a table
that is there already: the fingerprint pass, judging by bytes, EXIF and hashes, local features for the rest, the plan, the sample.
Everything runs in this process, after a warm-up, in turn; medians. Reads and decodes are counted at the one door that each has.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from copies import photos, write
from parts.edits import USUAL

from visdatcompy_ds import Dataset, VisDatCompare
from visdatcompy_ds.catalog.features import EXTRACTORS
from visdatcompy_ds.catalog.probes import CLEAN_PROBES
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.stages.compare import conclude, judge
from visdatcompy_ds.stages.features import cascade
from visdatcompy_ds.stages.sample import of_distinct_content, sample

SAMPLE = 100
DECODERS = {"decode_working": "reduced decodes", "decode_within": "decodes for features", "decode_full": "full decodes"}


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


class Parts:
    """The parts of a run, one after the other, each timed alone."""

    def __init__(self, folder: Path) -> None:
        self.seconds: dict[str, float] = {}
        table = self.time("fingerprints", lambda: Dataset(folder).measured(*CLEAN_PROBES))
        free = np.zeros(len(table), bool)
        judged = self.time("bytes, EXIF, hashes", lambda: judge(table, free))
        found = self.time("plan", lambda: conclude(judged))
        order = judged.order
        self.time("features", lambda: cascade(table, np.sort(order), None, judged.all_pairs, order, EXTRACTORS["sift"]))
        none = np.empty(0, np.int64)
        self.time("sample", lambda: sample(table, of_distinct_content(table, found.choosable, none), SAMPLE))

    def time(self, name: str, work: Callable[[], Any]) -> Any:
        """Run one part and return what it gives."""
        started = time.perf_counter()
        done = work()
        self.seconds[name] = time.perf_counter() - started
        return done


def whole(folder: Path, features: bool) -> tuple[float, VisDatCompare]:
    """Return the seconds of one run from nothing, and its object."""
    compared = VisDatCompare(Dataset(folder))
    started = time.perf_counter()
    compared.run(sample=SAMPLE, features=features)
    return time.perf_counter() - started, compared


def measure(folder: Path, rounds: int) -> None:
    """Print times, and what is read and decoded in a first and in a second run."""
    runs: dict[bool, list[float]] = {False: [], True: []}
    counts: dict[bool, list[str]] = {}
    parts: dict[str, list[float]] = collections.defaultdict(list)
    for _ in range(rounds):
        for name, seconds in Parts(folder).seconds.items():
            parts[name].append(seconds)
        for features, times in runs.items():
            with counted() as first:
                seconds, compared = whole(folder, features)
            times.append(seconds)
            with counted() as again:
                compared.run(sample=SAMPLE, features=features)
                compared.run(sample=SAMPLE, features=features, edited=True)
            counts[features] = told(compared, first, again)
    medians = {name: statistics.median(times) for name, times in parts.items()}
    print(f"  parts alone: {', '.join(f'{name} {seconds:.2f} s' for name, seconds in medians.items())}")
    for features, times in runs.items():
        alone = sum(seconds for name, seconds in medians.items() if features or name != "features")
        took = statistics.median(times)
        call = f"run({'features=True, ' if features else ''}sample={SAMPLE})"
        print(f"  {call}: {took:.2f} s, the sum of its parts {alone:.2f} s, ratio {took / alone:.2f}")
        for line in counts[features]:
            print(f"    {line}")


def told(compared: VisDatCompare, first: Mapping[str, int], again: Mapping[str, int]) -> list[str]:
    """Return what was read and decoded, in words."""
    assert compared.plan is not None
    found = compared.plan.comparison
    contents = len(np.unique(found.table["sha256"], axis=0))
    costs = {name: value for name, value in found.counts.items() if name.startswith("confirm_")}
    return [
        f"{len(found.table)} files, {contents} contents; the pass: {vars(compared.dataset1.counts)}",
        f"full resolution: {costs}",
        f"all that was read and decoded: {dict(first)}; by two more runs: {dict(again) or 'nothing'}",
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, help="folder that holds clothing and cats_dogs")
    parser.add_argument("--copies", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args()
    originals = photos(given.shared)
    if given.small:
        originals, given.copies, given.rounds = originals[:12], 2, 1
    copies = min(given.copies, len(originals))
    with tempfile.TemporaryDirectory() as made:
        few, folder = Path(made) / "few", Path(made) / "all"
        for place, some, count in ((few, originals[:12], 2), (folder, originals, copies)):
            place.mkdir()
            write(place, some, USUAL, count)
        whole(few, True)  # kernels are compiled from here on; files lie in the page cache since they were written
        print(f"{len(originals)} photos, {copies} x {len(USUAL)} edited copies, {given.rounds} rounds")
        measure(folder, given.rounds)


if __name__ == "__main__":
    main()
