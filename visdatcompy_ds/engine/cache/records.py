"""Rows of a table as bytes of their own and back: numbers at fixed places, texts as JSON behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from visdatcompy_ds.base.tables import Array, object_array


class Records:
    """How the values of one row are packed.

    Parameters
    ----------
    columns : mapping of str to (dtype, shape)
        dtype "object" is for text.
    """

    def __init__(self, columns: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
        self.texts = [name for name, (dtype, _) in columns.items() if dtype == "object"]
        fixed = [(name, np.dtype(dtype).newbyteorder("<"), shape) for name, (dtype, shape) in columns.items() if dtype != "object"]
        self.fixed = np.dtype(fixed)
        self.kinds = {name: dtype for name, (dtype, _) in columns.items()}

    def pack(self, columns: Mapping[str, Array]) -> list[bytes]:
        """Return the bytes of each row of columns of one length."""
        n = len(next(iter(columns.values())))
        rows = np.zeros(n, self.fixed)
        for name in self.fixed.names or ():
            rows[name] = columns[name]
        data, width = rows.tobytes(), self.fixed.itemsize
        parts = [data[at : at + width] for at in range(0, n * width, width)]
        if not self.texts:
            return parts
        made: dict[tuple[str, ...], bytes] = {}  # images of one camera share all texts, or nearly
        out = []
        for part, texts in zip(parts, zip(*(columns[name].tolist() for name in self.texts), strict=True), strict=True):
            if texts not in made:
                made[texts] = json.dumps(texts).encode("ascii")
            out.append(part + made[texts])
        return out

    def unpack(self, values: Sequence[bytes]) -> dict[str, Array]:
        """Return the columns of rows that :meth:`pack` made."""
        width = self.fixed.itemsize
        rows = np.frombuffer(b"".join([value[:width] for value in values]), self.fixed)
        columns: dict[str, Array] = {name: rows[name].astype(self.kinds[name]) for name in self.fixed.names or ()}
        if self.texts:
            read: dict[bytes, Any] = {}
            texts = []
            for value in values:
                tail = value[width:]
                if tail not in read:
                    read[tail] = json.loads(tail)
                texts.append(read[tail])
            columns.update({name: object_array(row[at] for row in texts) for at, name in enumerate(self.texts)})
        return columns
