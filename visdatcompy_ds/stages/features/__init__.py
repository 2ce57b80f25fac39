"""Local features: extracted once per image, looked up by votes, and every candidate verified by geometry and by its pixels."""

from visdatcompy_ds.stages.features.find import find, is_same_picture
from visdatcompy_ds.stages.features.judge import Cascade, cascade
from visdatcompy_ds.stages.features.verify import Evidence

__all__ = ["Cascade", "Evidence", "cascade", "find", "is_same_picture"]
