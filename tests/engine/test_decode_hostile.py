"""Hostile files: each ends in the status it must, none in another exception."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from visdatcompy_ds.base.errors import ImageError
from visdatcompy_ds.base.names import to_bytes
from visdatcompy_ds.engine.decode import decode_full, decode_working, native_digest, read_header, read_metadata

SHARED = Path(os.environ.get("VISDATCOMPY_SHARED", Path(__file__).resolve().parents[3] / "shared"))
TOOL = SHARED / "tools/hostile_images.py"


def status(data: bytes) -> str:
    """What becomes of a file, with everything asked of it."""
    try:
        header = read_header(data)
        read_metadata(header)
        working, full = decode_working(data, header), decode_full(data, header)
        assert working.pixels.shape == (128, 128, 3)
        assert full.pixels.shape == (header.height, header.width, 3)
        assert (working.status, working.reason) == (full.status, full.reason)
        assert native_digest(data, header, full) == native_digest(data, header)
    except ImageError as error:
        assert error.reason
        return error.status.value
    return full.status.value


@pytest.mark.skipif(not TOOL.is_file(), reason=f"no tool: {TOOL} is absent")
def test_made_files_end_as_expected(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(TOOL), str(tmp_path)], check=True, capture_output=True)
    with open(tmp_path / "expected.csv", newline="", encoding="utf-8") as rows:
        expected = {row["file"]: row["status"].split("|") for row in csv.DictReader(rows)}
    names = {name: name.encode() if (tmp_path / name).exists() else to_bytes(name) for name in expected}
    found = {name: status(Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), raw))).read_bytes()) for name, raw in names.items()}
    assert {name: (end, expected[name]) for name, end in found.items() if end not in expected[name]} == {}


@pytest.mark.skipif(not TOOL.is_file(), reason=f"no tool: {TOOL} is absent")
def test_made_files_differ_where_their_pictures_do(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(TOOL), str(tmp_path)], check=True, capture_output=True)

    def digest(name: str) -> bytes:
        data = (tmp_path / name).read_bytes()
        return native_digest(data, read_header(data))

    assert len({digest(f"orientation_{n}.png") for n in range(1, 9)}) == 1
    for names in (
        ("deep_1.png", "deep_2.png"),
        ("alpha_opaque.png", "alpha_ramp.png", "alpha_zero.png"),
        ("flat_200x100.png", "flat_100x200.png"),
    ):
        assert len({digest(name) for name in names}) == len(names)
    for end in ("gif", "png", "webp", "tiff"):
        assert digest(f"moving_1.{end}") != digest(f"moving_2.{end}")


@pytest.mark.skipif(not (SHARED / "data/hostile").is_dir(), reason=f"no files: {SHARED / 'data/hostile'} is absent")
def test_real_files_end_in_a_status() -> None:
    paths = [path for path in sorted((SHARED / "data/hostile").rglob("*")) if path.is_file()]
    ends = {path: status(path.read_bytes()) for path in paths}
    assert len(paths) > 300
    assert set(ends.values()) <= {"ok", "recovered", "damaged", "unreadable", "refused"}
