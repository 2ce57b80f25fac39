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
    return found | {name: _version(name) for name in PACKAGES}


@functools.cache
def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


# Raised whenever a file's status, a fact of its header, or its picture changes with our own code (tests/contract/test_decoding_version.py).
DECODING = 1
# What a decoded picture, and what is measured of it, depends on besides.
_DECODERS = ("simplejpeg", "Pillow", "pillow-heif", "tifffile")
_OPENCV = ("opencv-contrib-python", "opencv-contrib-python-headless", "opencv-python", "opencv-python-headless")


def decoders() -> dict[str, str]:
    """Return the versions of what decodes pictures, ours among them."""
    others = {name: _version(name) for name in _OPENCV}
    return {"decoding": str(DECODING), **{name: versions()[name] for name in _DECODERS}, **others}
