"""Explore image datasets, compare them, remove what is the same, and draw the N most useful images from the rest.

Importing this package loads nothing; each name below loads what it needs when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Image": "image",
    "Dataset": "dataset",
    "Calibration": "calibration",
    "Downsampler": "downsampler",
    "FeatureExtractor": "feature_extractor",
    "Hash": "hash",
    "Metrics": "metrics",
    "VisDatCompare": "visdatcompare",
    "Plan": "plan",
    "Selection": "selection",
    "plot_bucket_distribution": "smartdownsample",
    "plot_hash_similarity_scatter": "smartdownsample",
    "print_bucket_summary": "smartdownsample",
    "sample_diverse": "smartdownsample",
    "sample_diverse_with_stats": "smartdownsample",
    "VisdatError": "base.errors",
    "ArgumentError": "base.errors",
    "UnknownNameError": "base.errors",
    "SourceError": "base.errors",
    "MissingSourceError": "base.errors",
    "EmptySourceError": "base.errors",
    "ImageError": "base.errors",
    "UnreadableImageError": "base.errors",
    "RefusedImageError": "base.errors",
    "OutputError": "base.errors",
    "MissingDependencyError": "base.errors",
    "CacheWarning": "base.errors",
}
__all__ = [
    "ArgumentError",
    "CacheWarning",
    "Calibration",
    "Dataset",
    "Downsampler",
    "EmptySourceError",
    "FeatureExtractor",
    "Hash",
    "Image",
    "ImageError",
    "Metrics",
    "MissingDependencyError",
    "MissingSourceError",
    "OutputError",
    "Plan",
    "RefusedImageError",
    "Selection",
    "SourceError",
    "UnknownNameError",
    "UnreadableImageError",
    "VisDatCompare",
    "VisdatError",
    "__version__",
    "plot_bucket_distribution",
    "plot_hash_similarity_scatter",
    "print_bucket_summary",
    "sample_diverse",
    "sample_diverse_with_stats",
]

if TYPE_CHECKING:
    from visdatcompy_ds.base.errors import (
        ArgumentError,
        CacheWarning,
        EmptySourceError,
        ImageError,
        MissingDependencyError,
        MissingSourceError,
        OutputError,
        RefusedImageError,
        SourceError,
        UnknownNameError,
        UnreadableImageError,
        VisdatError,
    )
    from visdatcompy_ds.calibration import Calibration
    from visdatcompy_ds.dataset import Dataset
    from visdatcompy_ds.downsampler import Downsampler
    from visdatcompy_ds.feature_extractor import FeatureExtractor
    from visdatcompy_ds.hash import Hash
    from visdatcompy_ds.image import Image
    from visdatcompy_ds.metrics import Metrics
    from visdatcompy_ds.plan import Plan
    from visdatcompy_ds.selection import Selection
    from visdatcompy_ds.smartdownsample import (
        plot_bucket_distribution,
        plot_hash_similarity_scatter,
        print_bucket_summary,
        sample_diverse,
        sample_diverse_with_stats,
    )
    from visdatcompy_ds.visdatcompare import VisDatCompare


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for."""
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}; public names: {', '.join(__all__)}"
        raise AttributeError(message)
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
