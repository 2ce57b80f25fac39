"""Versions of this package and of what it stands on, without importing any of it."""

from __future__ import annotations

import functools
import importlib.metadata
import platform

from visdatcompy_ds import __version__

PACKAGES = ("numpy", "opencv-contrib-python", "simplejpeg", "Pillow", "scikit-image", "numba", "pandas", "matplotlib")


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
