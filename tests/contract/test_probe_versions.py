"""A cache keeps values by probe and version: whoever changes what a probe gives must raise its version.

When this fails and the change is meant, raise the probe's version and take over what the failure prints.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from visdatcompy_ds.catalog.probes import PROBES
from visdatcompy_ds.catalog.working import WorkingBlock

# Version, and digest of what it gives for the pictures below.
KNOWN = {
    "average": (1, "3c5528685077"),
    "average_turns": (1, "41856fdba56e"),
    "phash": (1, "7ea50874ef55"),
    "phash_turns": (1, "118827c43ccc"),
    "marr_hildreth": (1, "1306b2a4c393"),
    "marr_hildreth_turns": (1, "d81e8e448140"),
    "radial_variance": (1, "24b9bae382b6"),
    "radial_variance_turns": (1, "68cf462cf947"),
    "block_mean": (1, "d6fc48626e5e"),
    "block_mean_turns": (1, "8a43a662af31"),
    "color_moment": (1, "69942b9ca282"),
    "color_moment_turns": (1, "5eeaa92b0716"),
    "dhash": (1, "3aaf167838d6"),
    "dhash_turns": (1, "1b8caa792e60"),
    "brightness": (1, "1d31dc3c1774"),
    "contrast": (1, "2b97b47034a3"),
    "colour_variance": (1, "8e0bcfcaeb2e"),
    "mean_colour": (1, "b84cc57a5384"),
    "sharpness": (1, "5b994f3bde64"),
    "layout": (1, "89f1d3e59f0c"),
    "edge_histogram": (1, "280af627ce2c"),
    "is_grey": (1, "7c9fa136d441"),
    "low_information": (1, "7c9fa136d441"),
}


def pictures() -> np.ndarray:
    random = np.random.default_rng(11)
    y, x = np.mgrid[0:128, 0:128]
    made = [np.full((128, 128, 3), 90), random.integers(0, 256, (128, 128, 3))]
    for _ in range(6):
        a, b, c = random.uniform(0.01, 0.2, 3)
        wave = 127 + 60 * np.sin(a * x + b * y) + 50 * np.cos(c * x * y / 40)
        made.append(wave[..., None] + random.normal(0, 6, (128, 128, 3)) + random.uniform(-30, 30, 3))
    return np.clip(np.stack(made), 0, 255).astype(np.uint8)


def value(name: str) -> str:
    found = PROBES[name].compute(WorkingBlock(np.ascontiguousarray(pictures()), np.full(8, 300)))
    found = np.asarray(found, PROBES[name].dtype)
    if found.dtype.kind == "f":  # the last digits are the processor's
        return hashlib.sha256(" ".join(f"{number:.4g}" for number in found.ravel().tolist()).encode()).hexdigest()[:12]
    return hashlib.sha256(found.tobytes()).hexdigest()[:12]


@pytest.mark.parametrize("name", [name for name, probe in PROBES.items() if probe.reads == "working" and probe.version])
def test_a_probe_that_gives_something_else_has_another_version(name):
    assert (PROBES[name].version, value(name)) == KNOWN.get(name)


def test_every_probe_of_ours_has_a_version():
    assert all(probe.version for probe in PROBES.values() if probe.compute.__module__.startswith("visdatcompy_ds") and probe.name in KNOWN)
    assert all(PROBES[name].version for name in PROBES if PROBES[name].reads != "working" and not name.startswith("test_"))
