"""Which formats this installation reads, and by what."""

from __future__ import annotations

import importlib.util

from visdatcompy_ds.engine.decode.sniff import DECODERS, HEIF_REMEDY


def supported_formats() -> dict[str, str]:
    """List the formats that are on, for ``doctor``.

    Returns
    -------
    dict of str to str
        Format to decoder with its version, or to "off" and what to do about it.

    Examples
    --------
    >>> supported_formats()["PNG"].startswith("Pillow")
    True
    """
    from importlib.metadata import version

    from visdatcompy_ds.engine.decode.pillow import is_available

    known = {"simplejpeg": f"simplejpeg {version('simplejpeg')}", "Pillow": f"Pillow {version('pillow')}"}
    if importlib.util.find_spec("pillow_heif") is not None:
        known["pillow_heif"] = f"pillow_heif {version('pillow_heif')}"
    formats: dict[str, str] = {}
    for name, decoder in DECODERS.items():
        if decoder == "pillow_heif":
            formats[name] = known.get(decoder, f"off. {HEIF_REMEDY}")
        elif decoder == "Pillow" and not is_available(name):
            formats[name] = "off. This Pillow was built without it"
        else:
            formats[name] = known[decoder]
    return formats
