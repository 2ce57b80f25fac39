"""Looks or embeddings as coordinates of few dimensions, in which distances keep what they say."""

from __future__ import annotations

import numpy as np

from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.catalog.looks import LOOK, looks

WIDTH = 48
_FITTED = 20_000  # rows the axes are fitted on
_BLOCK = 8192


def looks_of(table: Fingerprints, rows: Array) -> tuple[Array, Array]:
    """Return the looks of rows, (n, 320) uint8, and the weights (320,) of their squared differences."""
    return looks({name: table[name][rows] for name in LOOK})


def projected(values: Array, weights: Array | None = None, width: int = WIDTH) -> Array:
    """Return coordinates (n, at most `width`) float32 along the principal axes, those that say most first.

    Parameters
    ----------
    values : (n, w) uint8 or float
        Whole numbers give axes that do not depend on the order of rows.
    weights : (w,) int, optional
        Of squared differences.
    """
    if not len(values):
        return np.empty((0, min(width, values.shape[1])), np.float32)
    scale = np.sqrt(np.ones(values.shape[1]) if weights is None else weights)
    step = -(-len(values) // _FITTED)
    total, squares, count = np.zeros(values.shape[1]), np.zeros((values.shape[1],) * 2), 0
    for start in range(0, len(values), _BLOCK * step):
        block = values[start : start + _BLOCK * step : step] * scale
        total, squares, count = total + block.sum(axis=0), squares + block.T @ block, count + len(block)
    mean = total / count
    _, axes = np.linalg.eigh(squares / count - np.outer(mean, mean))
    axes = axes[:, ::-1][:, :width]
    out = np.empty((len(values), axes.shape[1]), np.float32)
    for start in range(0, len(values), _BLOCK):
        out[start : start + _BLOCK] = (values[start : start + _BLOCK] * scale - mean) @ axes
    return out
