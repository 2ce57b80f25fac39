"""Embeddings that a user hands in, by id or by a network of their own, as coordinates of images."""

from __future__ import annotations

import collections
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from visdatcompy_ds.base.arguments import path_bytes
from visdatcompy_ds.base.errors import ArgumentError, ImageError
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.run import Workers, progress, run
from visdatcompy_ds.stages.sample.space import projected

if TYPE_CHECKING:
    import pandas as pd

_WIDEST = 64
_NAMED = 3


def embedded(
    table: Fingerprints,
    rows: Array,
    embeddings: pd.DataFrame | Mapping[Any, Any] | str | os.PathLike[str],
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
    embeddings : DataFrame, mapping or path
        Vectors by id, or by (dataset, id); or an ONNX file.
    side : int
        Of the pictures that a network takes.
    workers, limits, show_progress
        As everywhere.

    Raises
    ------
    ArgumentError
        For missing ids, vectors of unequal width, values that are no finite numbers, and files that are no networks.
    """
    if isinstance(embeddings, (str, os.PathLike)):
        values = _by_network(table, rows, embeddings, side, workers, limits or decode.Limits(), show_progress)
    else:
        values = _by_id(table, rows, embeddings)
    # Wide embeddings keep what tells them apart in their principal axes.
    narrow = projected(values, width=_WIDEST) if values.shape[1] > _WIDEST else values.astype(np.float32)
    out = np.full((len(table), narrow.shape[1]), np.nan, np.float32)
    out[rows] = narrow
    return out


def _by_id(table: Fingerprints, rows: Array, embeddings: Any) -> Array:
    if hasattr(embeddings, "iterrows"):
        held = dict(zip(embeddings.index.tolist(), embeddings.to_numpy(), strict=True))
        if len(held) < len(embeddings):
            raise ArgumentError(f"embeddings with {len(embeddings) - len(held)} ids that stand twice", "Allowed: each id once")
    elif isinstance(embeddings, Mapping):
        held = dict(embeddings)
    else:
        raise ArgumentError(f"embeddings of type {type(embeddings).__name__}", "Allowed: a DataFrame or dict by id, or an ONNX file")
    names = [(table.files.dataset_name(row), table.files.id[row]) for row in rows.tolist()]
    ids = [name for _, name in names]
    shared = {name for name, count in collections.Counter(ids).items() if count > 1}  # such an id says too little
    vectors: list[Any] = [held.get(pair, None if pair[1] in shared else held.get(pair[1])) for pair in names]
    missing = [f"{dataset}/{name}" for (dataset, name), vector in zip(names, vectors, strict=True) if vector is None]
    if missing:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        remedy = "Two datasets share ids: give keys (dataset, id)" if shared else "Give vectors for them"
        raise ArgumentError(f"embeddings without {', '.join(missing[:_NAMED])}{more}", "Allowed: a vector for every usable image", remedy)
    widths = {np.size(vector) for vector in vectors}
    if len(widths) > 1 or 0 in widths:
        raise ArgumentError(f"embeddings of {', '.join(map(str, sorted(widths)))} numbers", "Allowed: vectors of one width, 1 or more")
    try:
        values = np.array([np.ravel(vector) for vector in vectors], np.float64).reshape(len(rows), -1)
    except (TypeError, ValueError):
        raise ArgumentError("embeddings that are no numbers", "Allowed: vectors of finite numbers") from None
    broken = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(broken):
        raise ArgumentError(
            f"embeddings of {len(broken)} images, such as {ids[broken[0]]}, with NaN or inf", "Allowed: vectors of finite numbers"
        )
    return values if values.shape[1] else np.zeros((0, 1))


def _by_network(
    table: Fingerprints,
    rows: Array,
    path: str | os.PathLike[str],
    side: int,
    workers: Workers,
    limits: decode.Limits,
    show_progress: bool | None,
) -> Array:
    from visdatcompy_ds.catalog.networks import Network

    network = Network(os.fsdecode(path_bytes(path, "embeddings")))

    def load(row: int) -> Array | None:
        try:
            data = files.read(table.files.path[row])
            return decode.decode_at(data, decode.read_header(data, limits), (side, side)).pixels
        except (OSError, ImageError):
            return None

    made = []
    bar = progress(len(rows), "embedding", show_progress)
    for row, picture in zip(rows.tolist(), run(rows.tolist(), load, workers), strict=True):
        if picture is None:
            raise ArgumentError(f"{table.files.id[row]}, which can no longer be read", "", "Scan the folder again")
        made.append(network.embed(picture))
        bar.update(1)
    bar.close()
    values = np.array(made, np.float64).reshape(len(rows), -1)
    if not np.isfinite(values).all():
        raise ArgumentError(f"embeddings={os.fspath(path)!r}, which gives NaN or inf", "Allowed: a network that gives finite numbers")
    return values if len(rows) else np.zeros((0, 1))
