"""Local features: extracted once per image, looked up by votes, and every candidate verified by geometry and by its pixels."""

from visdatcompy_ds.stages.features.extract import Features, extract
from visdatcompy_ds.stages.features.verify import Evidence, verify
from visdatcompy_ds.stages.features.votes import vote

__all__ = ["Evidence", "Features", "extract", "verify", "vote"]
