"""A cache keeps what our decoding made of a content, by ``engine.versions.DECODING``: whoever changes a status, a fact of a header, or a
picture must raise it.

When this fails and the change is meant, raise DECODING and take over what the failure prints.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from visdatcompy_ds.base.errors import ImageError
from visdatcompy_ds.engine import decode
from visdatcompy_ds.engine.versions import DECODING

# Of the bundled sample sets, whole and cut and bent in fixed ways: facts, then means of 16 x 16 parts of their working pictures.
KNOWN = (1, "ec90b27ffee9", "2e8f38d5548b")


def bent(data: bytes) -> list[bytes]:
    middle = len(data) // 2
    zeroed = data[:middle] + bytes(300) + data[middle + 300 :]
    return [data, data[:-2], data[:middle], data[:200], zeroed, b"<html>" + data, data[:2]]


def found(datasets: Path) -> tuple[str, str]:
    facts, pictures = hashlib.sha256(), hashlib.sha256()
    paths = sorted(path for path in datasets.rglob("*") if path.is_file() and path.suffix.lower() in (".jpg", ".png", ".jpeg"))
    for path in paths[::5]:
        for data in bent(path.read_bytes()):
            try:
                header = decode.read_header(data)
                picture = decode.decode_working(data, header)
            except ImageError as error:
                facts.update(f"{error.status.value} {error.reason}".encode())
                continue
            plain = {name: getattr(header, name) for name in header.__slots__ if name not in ("exif", "xmp")}
            told = decode.read_metadata(header)
            facts.update(repr((plain, picture.status.value, picture.reason, told.taken, told.camera, told.gps, told.image_number)).encode())
            # Coarse, so that a decoder of another make, one level off here and there, is not taken for a change of ours.
            means = picture.pixels.reshape(8, 16, 8, 16, 3).mean(axis=(1, 3))
            pictures.update(np.round(means / 4).astype(np.uint8).tobytes())
    return facts.hexdigest()[:12], pictures.hexdigest()[:12]


def test_what_decodes_otherwise_has_another_version(datasets):
    assert (DECODING, *found(datasets)) == KNOWN
