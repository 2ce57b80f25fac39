"""The noun ``VisDatCompare``: the whole comparison in one object."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.arguments import whole_number
from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.names import to_text
from visdatcompy_ds.base.tables import Array, Fingerprints, PlanTable
from visdatcompy_ds.catalog import same_shot
from visdatcompy_ds.catalog.features import EXTRACTORS
from visdatcompy_ds.catalog.hashes import HASHES
from visdatcompy_ds.catalog.metrics import METRICS
from visdatcompy_ds.catalog.policies import POLICIES
from visdatcompy_ds.catalog.probes import CLEAN_PROBES
from visdatcompy_ds.dataset import Dataset, require_dataset
from visdatcompy_ds.downsampler import HowToDraw
from visdatcompy_ds.engine.run import Workers, worker_count
from visdatcompy_ds.engine.versions import versions
from visdatcompy_ds.finders import DuplicatesFinder, SimilarsFinder
from visdatcompy_ds.image import Image
from visdatcompy_ds.plan import Plan
from visdatcompy_ds.reports import html, leakage, tables
from visdatcompy_ds.selection import Selection
from visdatcompy_ds.stages.candidates import PROPOSE_BITS
from visdatcompy_ds.stages.compare import Comparison, Judged, Look, conclude, judge
from visdatcompy_ds.stages.confirm import verdicts
from visdatcompy_ds.stages.leakage import leaks
from visdatcompy_ds.stages.sample import of_distinct_content, sample
from visdatcompy_ds.two_datasets import cache_of, identity_of, limits_of, refuse_empty, require_photos

if TYPE_CHECKING:
    import pandas as pd


_SPENT = ("confirm_decodes", "confirm_images", "confirm_comparisons")


class VisDatCompare:
    """Compare what we have with what is new, or a dataset with itself.

    What was judged is kept: no pair is decoded twice at full resolution, whichever call asks for it, and a call repeated on the same files
    gives the same at once.

    Parameters
    ----------
    dataset1 : Dataset
        What we have. With `dataset2` it is protected: nothing of it is removed, duplicates within it are reported only. Several references
        are one: ``train + queue``.
    dataset2 : Dataset, optional
        What is new; None compares `dataset1` with itself. Files that are in both, up to all of them, are the same file twice: none goes.
    protect : {"dataset1", "dataset2", "both"} or None
        Of which datasets nothing is removed; ignored when there is one dataset.
    workers : int or "auto"
    show_progress : bool, optional

    Attributes
    ----------
    duplicates_finder, similars_finder : DuplicatesFinder, SimilarsFinder
        The same step by step: find by one method at a time, and take what was found out of the Dataset objects.
    plan : Plan or None
        Of the last :meth:`run`.

    Examples
    --------
    >>> compy = VisDatCompare(Dataset("datasets/trail"), Dataset("datasets/trail_new"))
    >>> plan = compy.run(sample=10)
    >>> len(plan.selection)
    10
    """

    def __init__(
        self,
        dataset1: Dataset,
        dataset2: Dataset | None = None,
        protect: str | None = "dataset1",
        workers: Workers = "auto",
        show_progress: bool | None = None,
    ) -> None:
        if protect not in ("dataset1", "dataset2", "both", None):
            raise ArgumentError(f"protect={protect!r}", 'Allowed: "dataset1", "dataset2", "both" or None')
        require_dataset(dataset1, "dataset1")
        if dataset2 is not None:
            require_dataset(dataset2, "dataset2")
        worker_count(workers)
        self.dataset1, self.dataset2 = dataset1, dataset2
        self.protect = protect if self.dataset2 is not None else None
        self.workers, self.show_progress = workers, show_progress
        self.duplicates_finder, self.similars_finder = DuplicatesFinder(self), SimilarsFinder(self)
        self.plan: Plan | None = None
        self._asked: dict[str, Any] = {}
        self._is_cleared = False
        self._verdicts = verdicts(cache_of(self._datasets))
        self._spent: collections.Counter[str] = collections.Counter()
        self._identity: tuple[object, ...] = ()
        self._held: dict[tuple[object, ...], Judged] = {}

    def __repr__(self) -> str:
        """Return the datasets and what is protected."""
        return f"VisDatCompare({', '.join(map(repr, self._datasets))}, protect={self.protect!r})"

    @property
    def _datasets(self) -> list[Dataset]:
        return [self.dataset1] if self.dataset2 is None else [self.dataset1, self.dataset2]

    def run(
        self,
        sample: int | None = None,
        metrics: str | Sequence[str] | None = None,
        features: bool | str | None = None,
        edited: bool = False,
        similar: bool = False,
        seed: int = 42,
        rules: str = "visual",
        policy: str = "best",
        label_conflicts: bool = False,
        **wishes: Any,
    ) -> Plan:
        """Run the stage table and plan what to keep; nothing is touched.

        Equal bytes, then copies of one shot by EXIF and by pHash, each confirmed at full resolution; where it was asked for, metrics, then
        local features. Each stage works on what those before left: of one confirmed shot the best image stands for all.

        Parameters
        ----------
        sample : int, optional
            Also draw this many images from the survivors, given what we have.
        metrics : str or sequence of str, optional
            Also look for copies by these metrics ("mse", "ssim", "pix2pix", …). A metric proposes and full resolution decides, for two
            frames of a fixed camera are as near: what it does not prove is at most `similar`.
        features : bool or str, optional
            Also look for edited copies by local features: True is "sift", the surest; "orb" and "fast" save time.
        edited, similar : bool
            Remove these classes too, beside bytes, pixels and reencoded.
        seed : int
            Of the sample.
        rules : str
            Bucket rule of the sample.
        policy : str
            Keep policy: which of several copies stays ("best", "oldest", "newest", "shortest_path"). What is protected does in any case.
        label_conflicts : bool
            Also plan to remove copies that are labelled differently; by default they are shown and stay.
        **wishes
            How to draw the sample, as in ``Downsampler.sample``: `strategy`, `per_group`, `quota`, `max_per_event`, `embeddings`,
            `embedding_side`, `bucket_quota`, `near_duplicates_last`.

        Raises
        ------
        EmptySourceError
            When a dataset has no image by name.
        UnknownNameError
            For a name that no catalog knows.
        """
        if sample is not None:
            whole_number(sample, "sample")
        whole_number(seed, "seed")
        how = HowToDraw.of(rules, wishes)
        look = Look(metrics=_metric_names(metrics), features=_extractor_name(features))
        found = conclude(self._judged(look, self.protect, policy=policy), edited, similar, label_conflicts)
        self._asked = {
            "sample": sample,
            "metrics": list(look.metrics),
            "features": look.features,
            "edited": edited,
            "similar": similar,
            "seed": seed,
            "rules": rules,
            "policy": POLICIES[policy].name,
            "label_conflicts": label_conflicts,
            **{name: value if isinstance(value, (str, int, dict, type(None))) else type(value).__name__ for name, value in wishes.items()},
        }
        selection = None if sample is None else self._sampled(found, sample, seed, how)
        folders = [folder for dataset in self._datasets for folder in dataset._folders]
        self.plan = Plan(found, selection, folders, self._protected_folders, limits_of(self._datasets))
        return self.plan

    def sample(self, n: int, seed: int = 42, rules: str = "visual", **wishes: Any) -> Selection:
        """Draw `n` images from the survivors of the last :meth:`run`, given what we have; `wishes` as there."""
        whole_number(n)
        whole_number(seed, "seed")
        how = HowToDraw.of(rules, wishes)
        return self._sampled((self.plan or self.run()).comparison, n, seed, how)

    def _sampled(self, found: Comparison, n: int, seed: int, how: HowToDraw) -> Selection:
        table, own = found.table, found.choosable
        given = np.flatnonzero(found.is_protected & table.files.is_usable & table["decoded"])
        rows = of_distinct_content(table, own, given)
        options = (self.workers, limits_of(self._datasets), self.show_progress)
        wishes = how.wishes(table, own, np.concatenate([rows, given]), seed, self._gap_s, *options)
        sampled = sample(table, rows, n, given if len(given) else None, wishes)
        return Selection(table, sampled, self.dataset1 if self.dataset2 is None else self.dataset2, seed, self.workers)

    def leakage(self, features: bool | str | None = None) -> pd.DataFrame:
        """Tell which images of `dataset2` (test) are in `dataset1` (train), by the strongest level each.

        The levels, from the worst: `same_file` (one file by two paths, or a link), `bytes`, `pixels`, `reencoded`, `edited`, `event` (shot
        at the station of a train image, within the seconds that end an event) and `station` (shot at a station of train, or by a camera
        of train where no station is known). Nothing is touched.

        Parameters
        ----------
        features : bool or str, optional
            Also look for edited copies by local features, as in :meth:`run`.

        Returns
        -------
        DataFrame
            One row per test image, the worst first: test_dataset, test_id, level ("" for a clean one, "unread" for one that could not be
            read, "undecided" for one that shows too little, or looks like a train image so that it cannot be told: these are never
            clean), train_dataset, train_id (the closest at that level), measure, score, cutoff (seconds apart for events and stations),
            test_label, train_label (by folders), labels_agree (of copies, by folders and label files; missing where one is unknown).
            ``attrs`` counts: ``levels``, ``clean``, ``unread``, ``train_unread`` (they may hide leaks, too), ``undecided`` (those at an
            event or station of train, too), and of the copies ``labels_agree`` and ``labels_disagree``.

        Raises
        ------
        ArgumentError
            Where there is one dataset.
        """
        import pandas as pd

        if self.dataset2 is None:
            raise ArgumentError("leakage() of one dataset", "Allowed: two, train and test", "VisDatCompare(train, test).leakage()")
        # Whether two images of train are copies is of no matter: a large repetitive train set costs no comparison of its own.
        judged = self._judged(Look(features=_extractor_name(features), within_protected=False), "dataset1")
        is_train = judged.is_protected
        found = leaks(judged, is_train, self._gap_s)
        columns = leakage.columns(judged.table, found)
        frame = pd.DataFrame(columns).astype({"labels_agree": "boolean"})
        frame.attrs = leakage.facts(judged, is_train, found, columns["labels_agree"].tolist())
        return frame

    @property
    def _gap_s(self) -> float:
        """The longest gap within an event by the rules of any of the datasets."""
        return float(max(rule["gap_s"] for dataset in self._datasets for rule in dataset._rules))

    @property
    def _protected_folders(self) -> list[str]:
        """Folders of which nothing goes: those of protected datasets that hold no image of another one."""
        sides = {"dataset1": [self.dataset1], "dataset2": self._datasets[1:], "both": self._datasets, None: []}
        others = [path for dataset in self._datasets if dataset not in sides[self.protect] for path in dataset.files.path[dataset._rows]]
        folders = [folder for dataset in sides[self.protect] for folder in dataset._folders]
        return [folder for folder in folders if not any(path.startswith(os.path.join(os.fsencode(folder), b"")) for path in others)]

    def _judged(self, look: Look, protect: str | None, hidden: frozenset[tuple[int, str]] = frozenset(), policy: str = "best") -> Judged:
        """Return what a look finds, without images that are `hidden` by dataset and id; kept while the files are the same."""
        if not self._is_cleared:  # of a dataset that holds only copies nothing is left
            refuse_empty(self._datasets)
        hashes = [name for name in look.alike if name in HASHES]
        needs = [*look.metrics, *(name for name in look.alike if name in METRICS), *([look.features] if look.features else [])]
        if needs:
            require_photos(self._datasets, f"{needs[0]} compares pixels")
        table = Fingerprints.combine([dataset.measured(*CLEAN_PROBES, *hashes) for dataset in self._datasets])
        identity = identity_of(table, np.arange(len(table)))
        if identity != self._identity:
            self._identity, self._held = identity, {}
        key = (look, hidden, POLICIES[policy].name, protect)
        if key not in self._held:
            first = np.arange(len(table)) < len(self.dataset1.files)
            protected = {"dataset1": first, "dataset2": ~first, "both": np.ones(len(table), bool), None: np.zeros(len(table), bool)}
            keys = zip(table.files.dataset.tolist(), table.files.id.tolist(), strict=True)
            is_in = np.array([pair not in hidden for pair in keys], bool) if hidden else None
            options = (self.workers, limits_of(self._datasets), self.show_progress, self._verdicts)
            judged = judge(table, protected[protect], look, is_in, policy, *options)
            # Verdicts are shared by all calls: what they cost this object so far is told, whichever call came first.
            self._spent.update({name: judged.counts[name] for name in _SPENT})
            self._held[key] = dataclasses.replace(judged, counts={**judged.counts, **self._spent})
        return self._held[key]

    def _images(self) -> dict[int, Image]:
        """Return the images of both datasets by their row."""
        images: dict[int, Image] = {}
        start = 0
        for dataset in self._datasets:
            images.update(zip((dataset._rows + start).tolist(), dataset.images, strict=True))
            start += len(dataset.files)
        return images

    def _take_out(self, plan: PlanTable) -> None:
        """Take what a plan removes out of the Dataset objects."""
        rows: Array = plan.row[plan.action == "remove"]
        start = 0
        for dataset in self._datasets:
            count = len(dataset.files)
            dataset._drop((rows[(rows >= start) & (rows < start + count)] - start).tolist())
            start += count
        self.plan, self._is_cleared = None, True

    def report(self, folder: str | os.PathLike[str], command: str | None = None) -> Path:
        """Write the files of a run into a new or empty folder.

        Parameters
        ----------
        folder : path
        command : str, optional
            What was called, for ``run.json``.

        Returns
        -------
        Path
            The folder, with images.csv, pairs.csv, plan.json, plan.csv, problems.csv, run.json, report.html and, where a sample was
            drawn, selected.csv and selected.txt.
        """
        plan = self.plan or self.run()
        path = tables.prepare_folder(folder)
        table, found = plan.comparison.table, plan.comparison
        contents = {
            "images.csv": tables.images_csv(table),
            "pairs.csv": tables.to_csv(tables.pair_columns(table, found.pairs, found.evidence)),
            "plan.csv": tables.to_csv(tables.plan_columns(table, found.plan)),
            "problems.csv": tables.to_csv(tables.problem_columns(table)),
            "report.html": html.page(table, found, plan.facts, plan.selection.chosen if plan.selection else None, cache_of(self._datasets)),
            "run.json": tables.to_json(self._run_facts(plan, command)),
        }
        for name, data in contents.items():
            tables.save(path / name, data)
        plan.save(path / "plan.json")
        if plan.selection is not None:
            plan.selection.save(path / "selected.csv")
        return path

    def _run_facts(self, plan: Plan, command: str | None) -> dict[str, object]:
        """Return what run.json holds: enough to run it again and to read the numbers."""
        return {
            "format": "visdatcompy_ds run",
            "version": 1,
            "finished": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "command": command or "VisDatCompare.run",
            "argv": [to_text(os.fsencode(argument)) for argument in sys.argv] if command else None,
            "versions": versions(),
            "sources": [{"name": dataset.name, "path": dataset.path, "files": len(dataset.files)} for dataset in self._datasets],
            "protect": self.protect,
            **self._asked,
            "reading": {dataset.name: vars(dataset.counts) for dataset in self._datasets},
            "cutoffs": {
                "phash_bits": PROPOSE_BITS,
                **{name: METRICS[name].cutoff_duplicate for name in self._asked["metrics"]},
                **{name.lower(): value for name, value in vars(same_shot).items() if name.isupper()},
            },
            "counts": plan.facts,
        }


def _metric_names(metrics: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return names of metrics that were asked for, each once."""
    if metrics is None:
        return ()
    given = metrics if isinstance(metrics, Iterable) and not isinstance(metrics, str) else [metrics]
    return tuple(dict.fromkeys(METRICS[name].name for name in given))


def _extractor_name(features: bool | str | None) -> str | None:
    """Return the name of the extractor that was asked for, None for none."""
    if features is None or features is False:
        return None
    return EXTRACTORS["sift" if features is True else features].name
