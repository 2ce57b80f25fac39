"""Flatten an XMP packet; no entity, no document type, no megabytes."""

from __future__ import annotations

import xml.etree.ElementTree as ET

_MOST_BYTES = 1 << 20
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
    "http://ns.adobe.com/xap/1.0/rights/": "xmpRights",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/camera-raw-settings/1.0/": "crs",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://www.dji.com/drone-dji/1.0/": "drone-dji",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
    "http://ns.google.com/photos/1.0/panorama/": "GPano",
}


def read_xmp(packet: bytes) -> dict[str, str]:
    """Flatten an XMP packet to "prefix:name" and text.

    Parameters
    ----------
    packet : bytes
        The packet, or an empty one.

    Returns
    -------
    dict of str to str
        Several values of a property are joined by "; ", a nested one is named by its innermost property. Empty where the packet is broken,
        longer than 1 MB, or declares a document type or an entity.
    """
    packet = packet.rstrip(b"\0 \r\n\t")
    if len(packet) > _MOST_BYTES or b"<!DOCTYPE" in packet or b"<!ENTITY" in packet or b"\0" in packet:
        return {}  # a zero byte: UTF-16, where the words would not be found
    try:
        root = ET.fromstring(packet)
    except (ET.ParseError, ValueError, LookupError):
        return {}
    found: dict[str, str] = {}
    # the first RDF only, and its own children: a walk of every nested one would be quadratic
    rdf = root if root.tag == _RDF + "RDF" else root.find(f".//{_RDF}RDF")
    for description in () if rdf is None else rdf.findall(_RDF + "Description"):
        for name, value in description.attrib.items():
            _add(found, name, value)
        for element in description:
            _add(found, element.tag, _value(element))
    return found


def _value(element: ET.Element) -> str:
    items = [item.text.strip() for item in element.iter(_RDF + "li") if item.text and item.text.strip()]
    return "; ".join(items) if items else (element.text or "").strip()


def _add(found: dict[str, str], name: str, value: str) -> None:
    space, _, local = name.removeprefix("{").rpartition("}")
    if value and not name.startswith(_RDF) and space:
        found.setdefault(f"{_PREFIXES.get(space, space.rstrip('/#').rpartition('/')[2])}:{local}", value)
