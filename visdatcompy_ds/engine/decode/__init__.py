"""The one door between files and pictures: headers, pictures, digests and metadata; nothing else decodes.

Headers and metadata load neither numpy nor a decoder; the names below that do are imported when first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from visdatcompy_ds.engine.decode.header import read_header
from visdatcompy_ds.engine.decode.metadata import read_metadata
from visdatcompy_ds.engine.decode.picture import HEAD_BYTES, WORKING_SIDE, Header, Limits, Metadata, Picture

if TYPE_CHECKING:
    from visdatcompy_ds.engine.decode.decoding import decode_at, decode_full, decode_within, decode_working
    from visdatcompy_ds.engine.decode.digest import native_digest, pixels_digest
    from visdatcompy_ds.engine.decode.formats import supported_formats

__all__ = [
    "HEAD_BYTES",
    "WORKING_SIDE",
    "Header",
    "Limits",
    "Metadata",
    "Picture",
    "decode_at",
    "decode_full",
    "decode_within",
    "decode_working",
    "native_digest",
    "pixels_digest",
    "read_header",
    "read_metadata",
    "supported_formats",
]

_LATER = {
    "decode_at": "decoding",
    "decode_full": "decoding",
    "decode_within": "decoding",
    "decode_working": "decoding",
    "native_digest": "digest",
    "pixels_digest": "digest",
    "supported_formats": "formats",
}


def __getattr__(name: str) -> Any:
    """Import a function that needs a decoder when it is first asked for."""
    if name not in _LATER:
        text = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(text)
    value = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = value
    return value
