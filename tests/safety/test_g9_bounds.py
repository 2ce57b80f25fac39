"""Gate G9: a bomb is refused at once and for nothing, the dearest picture within the limits stays within time and memory, a scan is small."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
import zlib

import mutants
import pytest
from world import FAST

HERE = os.path.dirname(__file__)
pytestmark = pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="needs /proc to measure memory")


def child(*arguments: object):
    done = subprocess.run(
        [sys.executable, os.path.join(HERE, "bombs.py"), *map(str, arguments)], capture_output=True, check=False, env=mutants.same_package()
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)


def test_bombs_are_refused_at_once_and_for_nothing():
    found = child()
    assert len(found) >= 14
    assert {name: row for name, row in found.items() if row[0] != "refused" and "2 GB in a chunk" not in name} == {}
    assert found["png, 2 GB in a chunk"][:2] == ["unreadable", "chunk longer than the file"]
    assert {name: row for name, row in found.items() if row[2] >= 0.05 or row[3] >= 100} == {}
    assert all(", limit " in row[1] or row[1] == "format HEIF needs an extra" for row in found.values() if row[0] == "refused")


def test_the_dearest_pictures_take_less_than_ten_seconds_and_what_their_headers_announce():
    for name, (seconds, grown, announced) in child("large").items():
        assert seconds < 10, name
        assert grown < announced < 4000, name


def check_scan(folder: str, files: int) -> str:
    """Scan a tree of empty files; used with a million of them before a release."""
    few, many = child(os.path.join(folder, "few"), 2000), child(os.path.join(folder, "many"), files)
    assert (few[0], many[0]) == (2000, files)
    assert many[2] < 300 + files * 1000 / 1e6
    assert (many[2] - few[2]) * 1e6 / (files - 2000) < 1000, "bytes a file"
    assert many[1] / files < 2 * few[1] / 2000 + 10e-6, "time a file grows"
    return f"{files} files: {many[1] / files * 1e6:.1f} µs and {many[2] * 1e6 / files:.0f} bytes a file"


# What the system says of an ended process counts the one it was forked from, too.
_PEAK = """
import re, sys
from visdatcompy_ds.cli.app import run
code = run(sys.argv[1:])
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
sys.exit(code)
"""


def tiny_pictures(folder: str, count: int) -> None:
    """Write PNGs of 16 x 12 by a formula, 1000 in a folder."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 12, 8, 2, 0, 0, 0))
    for number in range(count):
        part = os.path.join(folder, f"{number // 1000:04d}")
        if number % 1000 == 0:
            os.makedirs(part)
        rows = b"".join(b"\0" + zlib.crc32(struct.pack("<II", number, y)).to_bytes(4, "little") * 12 for y in range(12))
        with open(os.path.join(part, f"{number:07d}.png"), "wb") as stream:
            stream.write(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def check_clean(folder: str, files: int) -> str:
    """Clean a tree of tiny pictures in processes, and again with all known; used with 200 000 of them before a release."""
    tiny_pictures(folder + "/photos", files)
    said = []
    for turn in ("first", "again"):
        arguments = [
            "clean",
            folder + "/photos",
            "--out",
            f"{folder}/{turn}",
            "--quiet",
            "--cache",
            folder + "/cache",
            "--workers",
            "processes",
        ]
        started = time.monotonic()
        done = subprocess.run([sys.executable, "-c", _PEAK, *arguments], env=mutants.same_package(), capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        megabytes = int(done.stdout) / 1000
        assert megabytes < 300 + files * 1000 / 1e6, f"{megabytes:.0f} MB for {files} files"
        said.append(f"{turn} {time.monotonic() - started:.0f} s, {megabytes:.0f} MB")
    return f"clean of {files} files: " + "; ".join(said)


def test_a_whole_clean_stays_within_a_kilobyte_a_file(place):
    check_clean(place(FAST), 3000)


def test_a_scan_takes_less_than_a_kilobyte_a_file_and_time_per_file_does_not_grow(place):
    check_scan(place(FAST), 20_000)
