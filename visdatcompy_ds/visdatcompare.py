"""The noun ``VisDatCompare``: the whole comparison in one object."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path

import numpy as np

from visdatcompy_ds.base.arguments import whole_number
from visdatcompy_ds.base.errors import ArgumentError, EmptySourceError
from visdatcompy_ds.base.names import to_text
from visdatcompy_ds.base.tables import Files, Fingerprints
from visdatcompy_ds.catalog import same_shot
from visdatcompy_ds.catalog.probes import CLEAN_PROBES
from visdatcompy_ds.dataset import Dataset, require_dataset
from visdatcompy_ds.engine.run import Workers
from visdatcompy_ds.engine.versions import versions
from visdatcompy_ds.plan import Plan
from visdatcompy_ds.reports import html, tables
from visdatcompy_ds.selection import Selection
from visdatcompy_ds.stages.candidates import PROPOSE_BITS
from visdatcompy_ds.stages.compare import Comparison, compare
from visdatcompy_ds.stages.sample import Wishes, of_distinct_content, sample


class VisDatCompare:
    """Compare what we have with what is new, or a dataset with itself.

    Parameters
    ----------
    dataset1 : Dataset
        What we have. With `dataset2` it is protected: nothing of it is removed, duplicates within it are reported only.
    dataset2 : Dataset, optional
        What is new.
    protect : {"dataset1", "dataset2", "both"} or None
        Of which datasets nothing is removed; ignored when there is one dataset.
    workers : int or "auto"
    show_progress : bool, optional

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
        self.dataset1, self.dataset2 = dataset1, None if dataset2 is dataset1 else dataset2
        self.protect = protect if self.dataset2 is not None else None
        self.workers, self.show_progress = workers, show_progress
        self.plan: Plan | None = None
        self._seed = 42
        self._comparisons: dict[tuple[bool, bool], tuple[list[Files], Comparison]] = {}

    def __repr__(self) -> str:
        """Return the datasets and what is protected."""
        return f"VisDatCompare({', '.join(map(repr, self._datasets))}, protect={self.protect!r})"

    @property
    def _datasets(self) -> list[Dataset]:
        return [self.dataset1] if self.dataset2 is None else [self.dataset1, self.dataset2]

    def run(self, sample: int | None = None, edited: bool = False, similar: bool = False, seed: int = 42, rules: str = "visual") -> Plan:
        """Run the stage table and plan what to keep; nothing is touched.

        Parameters
        ----------
        sample : int, optional
            Also draw this many images from the survivors, given what we have.
        edited, similar : bool
            Remove these classes too, beside bytes, pixels and reencoded.
        seed : int
            Of the sample.
        rules : str
            Bucket rule of the sample.

        Raises
        ------
        EmptySourceError
            When a dataset has no image by name.
        """
        if sample is not None:
            whole_number(sample, "sample")
        whole_number(seed, "seed")
        for dataset in self._datasets:
            if not len(dataset):
                skipped = f"; {len(dataset.files)} other files were skipped" if len(dataset.files) else ""
                raise EmptySourceError(
                    f"No images in {dataset.path}{skipped}", "", "Check the folder; formats are told by content, not by name"
                )
        files, comparison = self._comparisons.get((edited, similar), ([], None))
        if comparison is None or any(dataset.files is not before for dataset, before in zip(self._datasets, files, strict=True)):
            table = Fingerprints.combine([dataset.measured(*CLEAN_PROBES) for dataset in self._datasets])
            first = np.arange(len(table)) < len(self.dataset1.files)
            protected = {"dataset1": first, "dataset2": ~first, "both": np.ones(len(table), bool), None: np.zeros(len(table), bool)}
            limits = self.dataset1._limits
            comparison = compare(table, protected[self.protect], "best", edited, similar, self.workers, limits, self.show_progress)
            self._comparisons[edited, similar] = [dataset.files for dataset in self._datasets], comparison
        self._seed = seed
        self.plan = Plan(comparison, None if sample is None else self._sampled(comparison, sample, seed, rules))
        return self.plan

    def sample(self, n: int, seed: int = 42, rules: str = "visual") -> Selection:
        """Draw `n` images from the survivors, given what we have."""
        whole_number(n)
        whole_number(seed, "seed")
        comparison = (self.plan or self.run()).comparison
        return self._sampled(comparison, n, seed, rules)

    def _sampled(self, comparison: Comparison, n: int, seed: int, rules: str) -> Selection:
        table = comparison.table
        given = np.flatnonzero(comparison.is_protected & table.files.is_usable & table["decoded"])
        rows = of_distinct_content(table, comparison.choosable, given)
        sampled = sample(table, rows, n, given if len(given) else None, Wishes(rules=rules, seed=seed))
        return Selection(table, sampled, self.dataset1 if self.dataset2 is None else self.dataset2, seed, self.workers)

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
            "images.csv": tables.to_csv(tables.image_columns(table)),
            "pairs.csv": tables.to_csv(tables.pair_columns(table, found.pairs)),
            "plan.csv": tables.to_csv(tables.plan_columns(table, found.plan)),
            "problems.csv": tables.to_csv(tables.problem_columns(table)),
            "report.html": html.page(table, found, plan.facts, plan.selection.chosen if plan.selection else None),
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
            "seed": self._seed,
            "reading": {dataset.name: vars(dataset.counts) for dataset in self._datasets},
            "cutoffs": {
                "phash_bits": PROPOSE_BITS,
                **{name.lower(): value for name, value in vars(same_shot).items() if name.isupper()},
            },
            "counts": plan.facts,
        }
