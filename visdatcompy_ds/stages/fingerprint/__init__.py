"""Files to Fingerprints: one read and at most one decode per distinct content serve every probe that was asked for."""

from visdatcompy_ds.stages.fingerprint.measure import fingerprint
from visdatcompy_ds.stages.fingerprint.reading import Counts

__all__ = ["Counts", "fingerprint"]
