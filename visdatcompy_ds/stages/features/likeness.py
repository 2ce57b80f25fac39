"""Likeness, as calibrations measure it: of pairs that features propose and on which they agree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from visdatcompy_ds.base.errors import ImageError
from visdatcompy_ds.base.tables import Array, Fingerprints, object_array
from visdatcompy_ds.catalog.features import Extractor
from visdatcompy_ds.catalog.working import to_grey
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.run import Workers, progress, run
from visdatcompy_ds.stages.calibrate import Measure
from visdatcompy_ds.stages.features.extract import extracted, together
from visdatcompy_ds.stages.features.find import agrees, among

_NONE = 1.0  # the distance of pairs that features do not propose; others lie from -1, equal, to 1


def likeness_measure(
    table: Fingerprints, extractor: Extractor, workers: Workers, limits: decode.Limits, show_progress: bool | None
) -> Measure:
    """Return what ``stages.calibrate`` needs: pictures are squares of the extractor's side, whatever their shape."""
    size = (extractor.side, extractor.side)
    held: list[Array] = []

    def features(picture: Array) -> object:
        return extracted(to_grey(picture), extractor)

    def read(row: int) -> object:
        try:
            data = files.read(table.files.path[row])
            return features(decode.decode_at(data, decode.read_header(data, limits), size).pixels)
        except (OSError, ImageError):
            return None

    def load(rows: Array) -> tuple[Array, Array]:
        bar, made = progress(len(rows), f"{extractor.name} features", show_progress), []
        for one in run(rows.tolist(), read, workers):
            made.append(one)
            bar.update(1)
        bar.close()
        kept = [at for at, one in enumerate(made) if one is not None]
        return rows[kept], object_array(made[at] for at in kept)

    def proposed(codes: Array) -> tuple[Array, Array]:
        """Return keys (lower position * n + higher) and distances of the pairs that features propose and agree on; the last are kept."""
        if not held or held[0] is not codes:
            upright, mirrored = together(np.arange(len(codes)), list(codes))
            found, _ = among(upright, mirrored, np.full(len(codes), 3), np.empty((0, 2), np.int64), extractor, workers)
            known = {i * len(codes) + j: -one.likeness for (i, j), one in found.items() if agrees(one) and one.likeness == one.likeness}
            held[:] = [codes, np.array(list(known), np.int64), np.array(list(known.values()), np.float64)]
        return held[1], held[2]

    def distance(codes: Array, left: Array, right: Array) -> Array:
        keys, values = proposed(codes)
        out = np.full(len(left), _NONE)
        _, asked, known = np.intersect1d(
            np.minimum(left, right) * len(codes) + np.maximum(left, right), keys, assume_unique=True, return_indices=True
        )
        out[asked] = values[known]
        return out

    def within(codes: Array, cutoff: float) -> Iterator[tuple[Array, Array, Array]]:
        if cutoff >= _NONE:
            left, right = np.triu_indices(len(codes), 1)
            yield left, right, distance(codes, left, right)
            return
        keys, values = proposed(codes)
        near = np.flatnonzero(values <= cutoff)
        yield keys[near] // len(codes), keys[near] % len(codes), values[near]

    return Measure(
        f"{extractor.name} likeness",
        load,
        lambda pictures: object_array(map(features, pictures)),
        distance,
        within,
        size,
        equal=-1.0,
        is_similarity=True,
    )
