"""Embeddings that a user hands in, by id or by a network of their own, as coordinates of images."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.errors import ArgumentError, ImageError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.catalog.networks import Network
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.run import Workers, progress, run
from visdatcompy_ds.stages.sample.space import projected

if TYPE_CHECKING:
    import pandas as pd

_WIDEST, _LARGEST = 64, 1e15
_NAMED = 3


def embedded(
    table: Fingerprints,
    rows: Array,
    embeddings: pd.DataFrame | Mapping[Any, Any] | Network,
    side: int = 224,
    workers: Workers = "auto",
    limits: decode.Limits | None = None,
    show_progress: bool | None = None,
) -> Array:
    """Return coordinates (n rows of the table, d) float32, d at most 64; those of other rows than `rows` are NaN.

    Parameters
    ----------
    table : Fingerprints
    rows : (m,) int64
    embeddings : DataFrame, mapping or Network
        Vectors by id, or by (dataset, id); or what makes them.
    side : int
        Of the pictures that a network takes.
    workers, limits, show_progress
        As everywhere.

    Raises
    ------
    ArgumentError
        For missing ids, vectors of unequal width, and values that are no finite numbers.
    """
    rows = rows[np.lexsort((rows, *table["sha256"][rows].T))]  # axes are fitted in an order that no name changes
    if isinstance(embeddings, Network):
        values = _by_network(table, rows, embeddings, side, workers, limits or decode.Limits(), show_progress)
    else:
        values = _by_id(table, rows, embeddings)
    if not len(rows):
        return np.zeros((len(table), 1), np.float32)
    broken = np.flatnonzero(~(np.abs(values).max(axis=1) <= _LARGEST))  # NaN, too
    if len(broken):
        given = (
            f"embeddings of {len(broken)} images, such as {table.files.id[rows[broken[0]]]}, with NaN, inf or numbers beyond {_LARGEST:g}"
        )
        raise ArgumentError(given, "Allowed: vectors of finite numbers")
    # Wide embeddings keep what tells them apart in their principal axes.
    narrow = projected(values, width=_WIDEST) if values.shape[1] > _WIDEST else values
    out = np.full((len(table), narrow.shape[1]), np.nan, np.float32)
    out[rows] = narrow
    return out


def _by_id(table: Fingerprints, rows: Array, embeddings: Any) -> Array:
    """Return the vectors of rows, (m, d)."""
    is_frame = hasattr(embeddings, "iterrows")
    if not is_frame and not isinstance(embeddings, Mapping):
        raise ArgumentError(f"embeddings of type {type(embeddings).__name__}", "Allowed: a DataFrame or dict by id, or an ONNX file")
    keys = embeddings.index.tolist() if is_frame else list(embeddings)
    position = {key: at for at, key in enumerate(keys)}
    if len(position) < len(keys):
        raise ArgumentError(f"embeddings with {len(keys) - len(position)} ids that stand twice", "Allowed: each id once")
    ids = table.files.id[rows].tolist()
    shared = {name for name, count in collections.Counter(ids).items() if count > 1}  # such an id says too little
    names = zip((table.files.dataset_name(row) for row in rows.tolist()), ids, strict=True)
    at = np.array([position.get(pair, -1 if pair[1] in shared else position.get(pair[1], -1)) for pair in names], np.int64)
    if (at < 0).any():
        missing = [ids[k] for k in np.flatnonzero(at < 0).tolist()]
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        remedy = "Give vectors for them, also for those that are given"
        if shared:
            remedy = "Two datasets share ids: give keys (dataset, id)"
        elif is_frame and "id" in embeddings.columns:
            remedy = 'Ids are looked for in the index: frame.set_index("id")'
        raise ArgumentError(f"embeddings without {', '.join(missing[:_NAMED])}{more}", "Allowed: a vector for every usable image", remedy)
    if is_frame:
        return _numbers(embeddings.to_numpy()[at])
    values = list(embeddings.values())
    vectors = [np.ravel(values[k]) for k in at.tolist()]
    widths = {len(vector) for vector in vectors}
    if len(widths) > 1 or 0 in widths:
        raise ArgumentError(f"embeddings of {', '.join(map(str, sorted(widths)))} numbers", "Allowed: vectors of one width, 1 or more")
    return _numbers(np.array(vectors))


def _numbers(values: Array) -> Array:
    """Return values as they are, where they are real numbers."""
    if values.dtype.kind == "O" and all(isinstance(value, (int, float, np.number)) for value in values.flat):
        values = values.astype(np.float64)
    if len(values) and (values.dtype.kind not in "fiub" or values.shape[1] == 0):
        raise ArgumentError("embeddings that are no numbers", "Allowed: vectors of finite numbers")
    return values


def _by_network(
    table: Fingerprints, rows: Array, network: Network, side: int, workers: Workers, limits: decode.Limits, show_progress: bool | None
) -> Array:
    def load(row: int) -> Array | None:
        try:
            data = files.read(table.files.path[row])
            return decode.decode_at(data, decode.read_header(data, limits), (side, side)).pixels
        except (OSError, ImageError):
            return None

    made = []
    with contextlib.closing(progress(len(rows), "embedding", show_progress)) as bar:
        for row, picture in zip(rows.tolist(), run(rows.tolist(), load, workers), strict=True):
            if picture is None:
                raise ArgumentError(f"{table.files.id[row]}, which can no longer be read", "", "Scan the folder again")
            made.append(network.embed(picture))
            bar.update(1)
    return np.array(made, np.float32).reshape(len(rows), -1)
