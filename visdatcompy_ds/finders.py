"""The two finders of ``VisDatCompare``: what is the same, and what is alike, by one method at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from visdatcompy_ds.catalog.features import EXTRACTORS
from visdatcompy_ds.catalog.hashes import HASHES
from visdatcompy_ds.catalog.metrics import METRICS
from visdatcompy_ds.image import Image
from visdatcompy_ds.reports import tables
from visdatcompy_ds.stages.compare import Comparison, Look, conclude, union

if TYPE_CHECKING:
    import pandas as pd

    from visdatcompy_ds.visdatcompare import VisDatCompare

Groups = dict[Image, list[Image]]
_TOLD = ("dataset", "id", "class", "stage", "reason", "keeper_dataset", "keeper_id", "measure", "score")


class _Finder:
    """What both finders do: look, remember by what, and take what was found out of the Dataset objects."""

    _takes_alike = False  # whether edited copies and look-alikes group, too; duplicates that were found before then stay out

    def __init__(self, compared: VisDatCompare) -> None:
        self._compared = compared
        self._looks: dict[Look, None] = {}

    def _conclude(self, looks: list[Look]) -> Comparison:
        compared, alike = self._compared, self._takes_alike
        hidden = frozenset(compared.duplicates_finder._members if alike else ())
        return conclude(union([compared._judged(look, compared.protect, hidden) for look in looks]), edited=alike, similar=alike)

    def _find(self, look: Look) -> tuple[Groups, Comparison]:
        """Return the images that show the same by their keeper, in natural order."""
        found = self._conclude([look])
        self._looks[look] = None
        images = self._compared._images()
        groups: Groups = {}
        is_other = found.plan.klass != "same_file"  # another path of a file is no copy of it
        rows, keepers = found.plan.row[is_other], found.plan.keeper[is_other]
        for row, keeper in sorted(zip(rows.tolist(), keepers.tolist(), strict=True), key=lambda pair: pair[::-1]):
            if row != keeper:
                groups.setdefault(images[keeper], []).append(images[row])
        return groups, found

    def _clear(self) -> pd.DataFrame:
        """Take the members of all that was found since the last time out of the Dataset objects; return what went, and why."""
        import pandas as pd

        if not self._looks:
            return pd.DataFrame({name: [] for name in _TOLD})
        found = self._conclude(list(self._looks))
        self._looks = {}
        removed = found.plan.take(found.plan.action == "remove")
        frame = pd.DataFrame(tables.plan_columns(found.table, removed))[list(_TOLD)]
        self._compared._take_out(removed)
        return frame


class DuplicatesFinder(_Finder):
    """Copies of one shot: equal bytes, equal pixels, re-saved.

    Each ``find_…`` returns a dict: by the image that stays (what is protected first, then by the keep policy) the images that show the
    same, in natural order; also those that :meth:`clear_duplicates` leaves for a reason: what is protected, copies labelled differently.
    Another path of a file is no copy of it and is not among them.

    Attributes
    ----------
    exif_duplicates : dict or None
        What :meth:`find_exif_duplicates` found.
    metrics_duplicates : dict of str to dict
        What :meth:`find_metrics_duplicates` found, by metric.
    """

    def __init__(self, compared: VisDatCompare) -> None:
        super().__init__(compared)
        self.exif_duplicates: Groups | None = None
        self.metrics_duplicates: dict[str, Groups] = {}
        self._members: set[tuple[int, str]] = set()

    def find_exif_duplicates(self) -> Groups:
        """Find copies by EXIF: one moment of one camera, and confirmed at full resolution; never two frames of a burst.

        Images whose EXIF tells no shot are not looked at, not even for equal bytes: metrics find those.
        """
        self.exif_duplicates = self._remembered(Look(stages=("exif",), only_known_shots=True))
        return self.exif_duplicates

    def find_metrics_duplicates(self, metric: str = "mse") -> Groups:
        """Find copies by a metric on a common grid of 256, within its cut-off of duplicates, each confirmed at full resolution.

        Two frames of a fixed camera are as near as a copy is: what full resolution does not prove is no duplicate, and EXIF that tells
        another shot takes a pair out first. "pix2pix" compares all pixels of the full decodes.

        Parameters
        ----------
        metric : str
            One of ``Metrics.methods``.
        """
        name = METRICS[metric].name
        self.metrics_duplicates[name] = self._remembered(Look(stages=(), metrics=(name,)))
        return self.metrics_duplicates[name]

    def clear_duplicates(self) -> pd.DataFrame:
        """Take the duplicates found since the last call out of the Dataset objects; no file is touched.

        Each group keeps its keeper, and nothing goes that is protected, another path of a file, labelled differently, or larger than the
        protected copy.

        Returns
        -------
        DataFrame
            What was taken out: dataset, id, class, stage, reason, keeper_dataset, keeper_id, measure, score.
        """
        return self._clear()

    def _remembered(self, look: Look) -> Groups:
        groups, found = self._find(look)
        files, rows = found.table.files, found.plan.row[found.plan.row != found.plan.keeper]
        self._members.update(zip(files.dataset[rows].tolist(), files.id[rows].tolist(), strict=True))
        return groups


class SimilarsFinder(_Finder):
    """Images that show the same or much the same: copies that were not found before, edited ones, other shots of a scene, look-alikes.

    Each ``find_…`` returns a dict as those of :class:`DuplicatesFinder` do. Duplicates that were found before are left out: the image
    that stays stands for them.

    Attributes
    ----------
    hash_similars, features_similars, metrics_similars : dict of str to dict
        What was found, by hash, by extractor, by metric.
    """

    _takes_alike = True

    def __init__(self, compared: VisDatCompare) -> None:
        super().__init__(compared)
        self.hash_similars: dict[str, Groups] = {}
        self.features_similars: dict[str, Groups] = {}
        self.metrics_similars: dict[str, Groups] = {}

    def find_hash_similars(self, method: str = "phash") -> Groups:
        """Find images within the cut-off of a hash of the catalog; images with too little to see are set aside.

        Parameters
        ----------
        method : str
            One of ``Hash.methods``.
        """
        name = HASHES[method].name
        self.hash_similars[name] = self._find(Look(stages=(), alike=(name,)))[0]
        return self.hash_similars[name]

    def find_features_similars(self, extractor: str = "sift") -> Groups:
        """Find images that show the same by local features, also cropped, turned, mirrored or pasted, after EXIF and hashes.

        Parameters
        ----------
        extractor : str
            "sift", "orb" or "fast".
        """
        name = EXTRACTORS[extractor].name
        self.features_similars[name] = self._find(Look(features=name))[0]
        return self.features_similars[name]

    def find_metrics_similars(self, metric: str = "ssim") -> Groups:
        """Find images within a metric's cut-off of similar pictures on a common grid of 256; those with too little to see are set aside.

        Parameters
        ----------
        metric : str
            One of ``Metrics.methods``.
        """
        name = METRICS[metric].name
        self.metrics_similars[name] = self._find(Look(stages=(), alike=(name,)))[0]
        return self.metrics_similars[name]

    def clear_similars(self) -> pd.DataFrame:
        """Take the similar images found since the last call out of the Dataset objects; no file is touched.

        Each group keeps its keeper; what stays and what is returned is as in :meth:`DuplicatesFinder.clear_duplicates`.
        """
        return self._clear()
