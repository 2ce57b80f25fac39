"""What a decode takes at its peak, told from the header: many times the pixels where a format stores much of each."""

from __future__ import annotations

from visdatcompy_ds.engine.decode import reasons
from visdatcompy_ds.engine.decode.picture import Header, Limits

# Bytes a pixel, at the peak of decoding in full and of the digest, measured with 25 Mpx and rounded up. Pillow holds colour in 4 bytes.
_MEASURED = {"JPEG": 6, "MPO": 6, "WEBP": 20, "AVIF": 16, "HEIF": 16}
_OTHER, _WITH_ALPHA, _WITH_FOUR = 10, 16, 14


def refuse_costly(header: Header, limits: Limits) -> None:
    """Raise RefusedImageError where the picture would take more memory than is allowed.

    Parameters
    ----------
    header : Header
        Of a picture within `limits.max_pixels`.
    limits : Limits
        What is allowed.
    """
    check_bytes(header.width * header.height * bytes_per_pixel(header), limits)


def check_bytes(needed: int, limits: Limits) -> None:
    """Raise RefusedImageError where `needed` bytes are more than a decode may take."""
    if needed > limits.max_memory_bytes:
        raise reasons.is_beyond(f"about {needed / 1e9:.3g} GB to decode", f"{limits.max_memory_bytes / 1e9:.3g} GB")


def bytes_per_pixel(header: Header) -> int:
    """Return about how many bytes a pixel a decode takes at its peak, the file itself not counted."""
    stored = -(-header.channels * header.bit_depth // 8)
    if header.format in _MEASURED:
        return _MEASURED[header.format] * (2 if header.bit_depth > 8 or header.colour in ("cmyk", "ycck") else 1)
    return (_WITH_ALPHA if header.has_alpha else _WITH_FOUR if header.channels == 4 else _OTHER) + 2 * max(0, stored - 4)
