"""Metadata: what EXIF and XMP say, and nothing from what is broken in them."""

from __future__ import annotations

import io
import os
import struct
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from visdatcompy_ds.engine.decode import Header, Metadata, read_header, read_metadata

SHARED = Path(os.environ.get("VISDATCOMPY_SHARED", Path(__file__).resolve().parents[3] / "shared"))


def with_exif(
    fill: dict[int, object] | None = None, inner: dict[int, object] | None = None, gps: dict[int, object] | None = None
) -> Metadata:
    """Write EXIF by Pillow, read it by us."""
    exif = Image.Exif()
    exif.update(fill or {})
    exif.get_ifd(0x8769).update(inner or {})
    exif.get_ifd(0x8825).update(gps or {})
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", exif=exif)
    return read_metadata(read_header(buffer.getvalue()))


def block(entries: list[tuple[int, int, int, bytes]], after: bytes = b"") -> Metadata:
    """Metadata of a hand-made little-endian EXIF block of one directory."""
    fields = b"".join(struct.pack("<HHL", tag, kind, count) + value.ljust(4, b"\0") for tag, kind, count, value in entries)
    return read_metadata(Header("JPEG", 1, 1, exif=b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + fields + bytes(4) + after))


def test_plain_tags_come_by_name() -> None:
    found = with_exif({0x010F: "Canon", 0x0110: "EOS", 0x0131: "GIMP", 0x010E: "caf\u00e9"}, {0x8827: 400, 0x829A: 0.004, 0x9211: 77})
    assert (found.make, found.model, found.software, found.image_number) == ("Canon", "EOS", "GIMP", 77)
    assert found.exif["ISOSpeedRatings"] == 400
    assert found.exif["ExposureTime"] == pytest.approx(0.004)
    assert found.exif["Make"] == "Canon"


def test_nothing_gives_the_one_empty_instance() -> None:
    assert read_metadata(Header("JPEG", 1, 1)) is read_metadata(Header("PNG", 2, 2))
    assert read_metadata(Header("JPEG", 1, 1, exif=b"\xff" * 200)) == Metadata()


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ({0x9003: "2024:05:06 07:08:09"}, (datetime(2024, 5, 6, 7, 8, 9), False)),
        ({0x9003: "2024:05:06 07:08:09", 0x9291: "25"}, (datetime(2024, 5, 6, 7, 8, 9, 250_000), True)),
        ({0x9003: "2024:05:06 07:08:09", 0x9291: "  "}, (datetime(2024, 5, 6, 7, 8, 9), False)),
        ({0x9003: "2024:05:06 07:08:09", 0x9292: "25"}, (datetime(2024, 5, 6, 7, 8, 9), False)),
        ({0x9004: "2023:01:01 00:00:00", 0x9292: "001"}, (datetime(2023, 1, 1, 0, 0, 0, 1000), True)),
        ({0x9003: "0000:00:00 00:00:00", 0x9004: "2023:01:01 00:00:00"}, (datetime(2023, 1, 1), False)),
        ({0x9003: "    :  :     :  :  "}, (None, False)),
        ({0x9003: "2023:02:31 00:00:00"}, (None, False)),
    ],
)
def test_taken_is_the_moment_of_the_shot_only(inner: dict[int, object], expected: tuple[datetime | None, bool]) -> None:
    found = with_exif({0x0132: "2025:12:31 23:59:59"}, inner)
    assert (found.taken, found.has_subsec) == expected


@pytest.mark.parametrize(
    ("gps", "expected"),
    [
        ({1: "N", 2: (48.0, 30.0, 0.0), 3: "E", 4: (9.0, 3.0, 36.0)}, (48.5, 9.06)),
        ({1: "S", 2: (48.0, 30.0, 0.0), 3: "W", 4: (9.0, 3.0, 36.0)}, (-48.5, -9.06)),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (9.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (48.0, 30.0, 0.0)}, None),
        ({2: (48.0, 30.0, 0.0), 4: (9.0, 3.0, 36.0)}, None),
    ],
)
def test_position_is_in_range_or_missing(gps: dict[int, object], expected: tuple[float, float] | None) -> None:
    found = with_exif(gps=gps).gps
    assert found == (None if expected is None else pytest.approx(expected))


def test_altitude_knows_below_the_sea() -> None:
    assert with_exif(gps={5: b"\0", 6: 120.5}).altitude_m == pytest.approx(120.5)
    assert with_exif(gps={5: b"\1", 6: 12.0}).altitude_m == pytest.approx(-12.0)


def test_camera_is_a_serial_number_never_a_model() -> None:
    assert with_exif({0x0110: "EOS"}).camera == ""
    assert with_exif({0x0110: "EOS"}, {0xA431: "0123"}).camera == "0123"
    assert with_exif({0xC62F: "raw-9"}).camera == "raw-9"
    assert with_exif({0xC62F: "raw-9"}, {0xA431: "0123"}).camera == "0123"


def test_a_broken_tag_is_missing_and_the_others_stay() -> None:
    make = (0x010F, 2, 4, b"Abc\0")
    after = 8 + 2 + 2 * 12 + 4
    for broken in (
        (0x010E, 2, 0xFFFFFFFF, struct.pack("<L", 8)),
        (0x010E, 2, 100, struct.pack("<L", 0xFFFFFFF0)),
        (0x011A, 5, 1, struct.pack("<L", after)),  # 72 / 0
        (0x010E, 99, 1, b"abcd"),
        (0x8769, 4, 1, struct.pack("<L", 8)),  # its own parent
        (0x8769, 4, 1, struct.pack("<L", 0xFFFFFFF0)),
        (0x8825, 2, 4, b"gps\0"),
    ):
        found = block([make, broken], struct.pack("<LL", 72, 0))
        assert found.make == "Abc"
        assert not {"ImageDescription", "XResolution"} & found.exif.keys()


def test_text_that_is_not_utf8_is_shown_with_replacements() -> None:
    found = block([(0x010E, 2, 11, struct.pack("<L", 26))], b"caf\xe9\xff\xfe\0bad\0")
    assert found.exif["ImageDescription"] == "caf\ufffd\ufffd\ufffd"


def test_maker_notes_are_left_out() -> None:
    assert "MakerNote" not in with_exif({0x010F: "Nikon"}, {0x927C: b"x" * 600}).exif


def test_reconyx_layouts() -> None:
    hyperfire = bytearray(60 + 30)
    hyperfire[:2] = b"\x01\xf1"
    struct.pack_into("<HHHH", hyperfire, 0x0E, 2, 3, 1, 5)
    hyperfire[0x2A : 0x2A + 28] = "P900FF03149458".encode("utf-16-le")
    ultrafire = bytearray(120)
    ultrafire[:10] = b"RECONYXUF\0"
    struct.pack_into("<BBL", ultrafire, 0x35, 1, 3, 70_000)
    ultrafire[0x4B : 0x4B + 9] = b"UXR1PSL01"
    for note, camera, sequence in ((hyperfire, "P900FF03149458", (65_541, 2, 3)), (ultrafire, "UXR1PSL01", (70_000, 1, 3))):
        found = with_exif({0x010F: "RECONYX"}, {0x927C: bytes(note), 0xA431: "body"})
        assert (found.camera, found.sequence) == (camera, sequence)
    cut = with_exif({0x010F: "RECONYX"}, {0x927C: bytes(ultrafire[:60]), 0xA431: "body"})
    assert (cut.camera, cut.sequence) == ("body", None)


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason=f"no photos: {SHARED / 'data'} is absent")
def test_five_camera_traps_are_told_apart_by_serial() -> None:
    photos = sorted((SHARED / "data/cameratrap/buow").glob("*.JPG"))
    found = [read_metadata(read_header(path.read_bytes())) for path in photos]
    assert len({shot.camera for shot in found}) == 5
    assert len({shot.model for shot in found}) < 5
    assert all(shot.sequence and 1 <= shot.sequence[1] <= shot.sequence[2] for shot in found)
    assert all(shot.taken and not shot.has_subsec for shot in found)


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason=f"no photos: {SHARED / 'data'} is absent")
def test_drone_photos_have_a_position() -> None:
    for path in sorted((SHARED / "data/drone/flight").glob("*")):
        found = read_metadata(read_header(path.read_bytes()))
        assert found.gps and found.altitude_m is not None
        assert any(name.startswith("drone-dji:") for name in found.xmp)


XMP = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"><dc:subject><rdf:Bag><rdf:li>owl</rdf:li><rdf:li>night</rdf:li></rdf:Bag></dc:subject>
<xmp:Label>red</xmp:Label></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def test_xmp_is_flat() -> None:
    assert read_metadata(Header("JPEG", 1, 1, xmp=XMP)).xmp == {"xmp:Rating": "4", "dc:subject": "owl; night", "xmp:Label": "red"}
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", xmp=XMP)
    assert read_metadata(read_header(buffer.getvalue())).xmp["dc:subject"] == "owl; night"


@pytest.mark.parametrize(
    "packet",
    [
        b"<broken",
        b'<!DOCTYPE a [<!ENTITY b "c">]>' + XMP,
        b"<a>" + b" " * (1 << 20) + b"</a>",
        XMP.decode().encode("utf-16"),
        b"<a>" * 100_000,
        b'<?xml version="1.0" encoding="nonsense"?><a/>',
        b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        + b"<r:Description>" * 20_000
        + b"</r:Description>" * 20_000
        + b"</r:RDF>",
    ],
)
def test_hostile_xmp_is_no_xmp(packet: bytes) -> None:
    assert read_metadata(Header("JPEG", 1, 1, xmp=packet)).xmp == {}


def test_exif_of_a_tiff_is_read_from_its_own_tags() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "TIFF", tiffinfo={0x010F: "Leica"})
    plain = buffer.getvalue()
    at = struct.unpack_from("<L", plain, 4)[0]
    count = struct.unpack_from("<H", plain, at)[0]
    entries = plain[at + 2 : at + 2 + 12 * count]
    inner = len(plain) + 2 + 12 * (count + 1) + 4  # the EXIF directory behind a directory with one entry more
    data = plain[:4] + struct.pack("<L", len(plain)) + plain[8:] + struct.pack("<H", count + 1) + entries
    data += struct.pack("<HHLL", 0x8769, 4, 1, inner) + bytes(4)
    data += struct.pack("<HHHLLL", 1, 0x9003, 2, 20, inner + 18, 0) + b"2024:05:06 07:08:09\0"
    found = read_metadata(read_header(data))
    assert (found.make, found.taken) == ("Leica", datetime(2024, 5, 6, 7, 8, 9))
    assert len(read_header(data).exif) < len(data)
