"""Versions of this package and of what it stands on, without importing any of it."""

from __future__ import annotations

import functools
import importlib.metadata
import platform

from visdatcompy_ds import __version__

PACKAGES = (
    "numpy",
    "opencv-contrib-python",
    "simplejpeg",
    "Pillow",
    "pillow-heif",
    "tifffile",
    "scikit-image",
    "numba",
    "pandas",
    "matplotlib",
)


@functools.cache
def versions() -> dict[str, str]:
    """Return name to version, "absent" for what is not installed."""
    found = {"python": platform.python_version(), "visdatcompy_ds": __version__}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


# What a decoded picture, and what is measured of it, depends on.
_DECODERS = ("opencv-contrib-python", "simplejpeg", "Pillow", "pillow-heif", "tifffile")


def decoders() -> dict[str, str]:
    """Return the versions of what decodes pictures."""
    return {name: versions()[name] for name in _DECODERS}
