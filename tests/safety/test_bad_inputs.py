"""What happens to each bad input: a test for each row of the table, that makes the fault itself and looks at what people get to see."""

from __future__ import annotations

import contextlib
import csv
import html
import io
import json
import os
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import mutants
import numpy as np
import pytest
from PIL import Image

from visdatcompy_ds import Dataset, Downsampler, Hash, VisDatCompare
from visdatcompy_ds.base.errors import ArgumentError, EmptySourceError
from visdatcompy_ds.base.names import to_bytes

Photo = Callable[..., np.ndarray]


def encode(pixels: np.ndarray, name: str = "JPEG", **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, name, **({"quality": 90} if name == "JPEG" else {}), **options)
    return stream.getvalue()


def put(folder: Path, **files: bytes) -> Path:
    """Write files; in a name, "__" stands for the dot before its ending."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    return folder


def ends(source: object, **options: object) -> dict[str, tuple[str, str]]:
    table = Dataset(source, show_progress=False, **options).table()
    return {row.id: (row.status, row.reason) for row in table.itertuples()}


def command(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "visdatcompy_ds", *map(str, arguments)],
        capture_output=True,
        check=False,
        text=True,
        errors="replace",
        env=mutants.same_package(),
        **options,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def removals(*datasets: Dataset, allow: tuple[str, ...] = (), **options: object) -> tuple[set[str], dict[str, str]]:
    """Return what a plan would remove, and what of it moves when it is applied, by id to its keeper."""
    plan = VisDatCompare(*datasets, show_progress=False).run(**options)
    frame = plan.to_frame()
    planned = frame[frame.action == "remove"]
    moved = [outcome for outcome in plan.apply(allow=allow).to_frame().itertuples() if outcome.outcome in ("would move", "moved")]
    return {outcome.id for outcome in moved}, dict(zip(planned.id, planned.keeper_id, strict=True))


def exif_block(*tags: tuple[int, int, int, bytes], after: bytes = b"", following: int = 0, count: int | None = None) -> bytes:
    entries = b"".join(struct.pack("<HHL", tag, kind, n) + value for tag, kind, n, value in tags)
    start = b"II*\0" + struct.pack("<LH", 8, len(tags) if count is None else count)
    return start + entries + struct.pack("<L", following) + after


def with_exif(jpeg: bytes, block: bytes) -> bytes:
    body = b"Exif\0\0" + block
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def truncated_jpeg(folder: Path, photo: Photo) -> None:
    whole = encode(photo(1))
    put(folder, half__jpg=whole[: len(whole) // 2], most__jpg=whole[: len(whole) * 99 // 100], copy__jpg=whole)
    put(folder, without_end__jpg=whole[:-2])
    assert ends(folder) == {
        "copy.jpg": ("ok", ""),
        "half.jpg": ("unreadable", "truncated"),
        "most.jpg": ("unreadable", "truncated"),
        "without_end.jpg": ("recovered", "end marker missing"),
    }
    assert Dataset(folder).fingerprints("phash").phash.notna().sum() == 2, "a grey fingerprint"
    moved, planned = removals(Dataset(folder))
    assert planned == {"without_end.jpg": "copy.jpg"} and moved == set()


def damaged_jpeg(folder: Path, photo: Photo) -> None:
    whole = encode(photo(1))
    middle = len(whole) // 2
    put(folder, whole__jpg=whole, noise__jpg=whole[:middle] + np.random.default_rng(0).bytes(512) + whole[middle + 512 :])
    put(folder, zeros__jpg=whole[:middle] + bytes(512) + whole[middle + 512 :], other__jpg=encode(photo(2)))
    found = ends(folder)
    assert {name: status for name, (status, _) in found.items()} == {
        "noise.jpg": "damaged",
        "zeros.jpg": "damaged",
        "whole.jpg": "ok",
        "other.jpg": "ok",
    }
    assert Dataset(folder)["noise.jpg"].read().shape == (240, 320, 3), "it is shown"
    assert removals(Dataset(folder), similar=True, edited=True)[1] == {}
    chosen = Downsampler(Dataset(folder)).sample(4).table
    assert sorted(chosen.id) == ["other.jpg", "whole.jpg"]


def no_picture_under_its_name(folder: Path, photo: Photo) -> None:
    put(folder, empty__jpg=b"", zeros__jpg=bytes(5000), text__jpg=b"hello world\n" * 50, page__jpg=b"<!DOCTYPE html><html>404</html>")
    put(folder, paper__jpg=b"%PDF-1.7\n" + bytes(100), film__jpg=b"\0\0\0\x18ftypmp42" + bytes(100))
    assert ends(folder) == {
        "empty.jpg": ("unreadable", "empty file"),
        "zeros.jpg": ("unreadable", "only zero bytes"),
        "text.jpg": ("unreadable", "text, not an image"),
        "page.jpg": ("unreadable", "web page, not an image"),
        "paper.jpg": ("unreadable", "PDF, not an image"),
        "film.jpg": ("unreadable", "video, not an image"),
    }
    assert len(Dataset(folder).problems) == 6


def wrong_extension(folder: Path, photo: Photo) -> None:
    put(folder, photo__png=encode(photo(1)), right__jpg=encode(photo(2)))
    table = Dataset(folder, show_progress=False).table().set_index("id")
    assert list(table.status) == ["ok", "ok"]
    notes = {name: " ".join(str(value) for value in row.drop("path")) for name, row in table.iterrows()}
    assert "JPEG" in notes["photo.png"], "a note in the table"


def depth_alpha_frames(folder: Path, photo: Photo) -> None:
    base = photo(1)
    ramp = np.broadcast_to(np.arange(320) % 256, (240, 320)).astype(np.uint8)
    high = np.ascontiguousarray(base[:, :, 1].astype(np.uint16) << 8)
    put(folder, plain__png=encode(base, "PNG"), alpha__png=encode(np.dstack([base, ramp]), "PNG"))
    put(folder, deep1__png=encode(high, "PNG"), deep2__png=encode(high | 1 + ramp // 2, "PNG"))
    put(folder, moving__png=encode(base, "PNG", save_all=True, append_images=[Image.fromarray(photo(3))]))
    put(folder, cmyk__jpg=_cmyk(photo(5)))
    put(folder, palette__gif=encode(photo(6)[:, :, 0], "GIF"), float__tif=encode(photo(7)[:, :, 0].astype(np.float32), "TIFF"))
    assert {status for status, _ in ends(folder).values()} == {"ok"}
    flags = Dataset(folder).fingerprints("has_alpha", "is_animated", "bit_depth").set_index("id")
    assert flags.has_alpha["alpha.png"] and flags.is_animated["moving.png"] and flags.bit_depth["deep1.png"] == 16
    moved, planned = removals(Dataset(folder), similar=True, edited=True, allow=("most_files", "whole_folder"))
    assert not moved & {"alpha.png", "moving.png", "deep1.png", "deep2.png"}
    assert not {"alpha.png", "moving.png"} & set(planned)


def _cmyk(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).convert("CMYK").save(stream, "JPEG")
    return stream.getvalue()


def beyond_the_limits(folder: Path, photo: Photo) -> None:
    import bombs

    for number, (name, make) in enumerate(bombs.BOMBS.items()):
        (folder / f"{number:02d}.{name.split(',')[0].replace('jpeg', 'jpg')}").write_bytes(make())
    put(folder, photo__jpg=encode(photo(1)))
    found = ends(folder)
    assert found.pop("photo.jpg") == ("ok", "")
    assert found.pop("03.png") == ("unreadable", "chunk longer than the file")
    assert {status for status, _ in found.values()} == {"refused"}
    assert all(", limit " in reason or reason == "format HEIF needs an extra" for _, reason in found.values())
    assert ends(folder / "photo.jpg", limits={"max_pixels": 1000}) == {"photo.jpg": ("refused", "0.0768 Mpx, limit 0.001 Mpx")}
    for limit in ("max_pixels", "max_file_bytes", "max_scans", "max_metadata_bytes", "max_seconds", "max_memory_bytes"):
        assert Dataset(folder / "photo.jpg", limits={limit: 10**9}).table().status[0] == "ok"


def flat_or_tiny(folder: Path, photo: Photo) -> None:
    put(
        folder,
        white__png=encode(np.full((240, 320, 3), 255, np.uint8), "PNG"),
        grey__png=encode(np.full((240, 320, 3), 99, np.uint8), "PNG"),
    )
    put(folder, white__bmp=encode(np.full((240, 322, 3), 255, np.uint8), "BMP"), dot__png=encode(np.zeros((1, 1, 3), np.uint8), "PNG"))
    put(folder, photo__jpg=encode(photo(1)))
    flat = Dataset(folder).fingerprints("low_information").set_index("id").low_information
    assert flat.to_dict() == {"dot.png": True, "grey.png": True, "photo.jpg": False, "white.bmp": True, "white.png": True}
    assert removals(Dataset(folder), similar=True, edited=True)[1] == {}


def no_files(folder: Path, photo: Photo) -> None:
    data = encode(photo(1))
    put(folder, photo__jpg=data)
    put(folder / "sub", inner__jpg=encode(photo(2)))
    os.mkfifo(folder / "fifo.jpg")
    (folder / "device.jpg").symlink_to("/dev/zero")
    (folder / "gone.jpg").symlink_to("nowhere.jpg")
    (folder / "link.jpg").symlink_to("photo.jpg")
    (folder / "sub link").symlink_to("sub")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(folder / "socket.jpg"))
        found = ends(folder)
    assert found == {
        "device.jpg": ("skipped", "device"),
        "fifo.jpg": ("skipped", "FIFO"),
        "gone.jpg": ("skipped", "dangling link"),
        "link.jpg": ("ok", ""),
        "photo.jpg": ("ok", ""),
        "socket.jpg": ("skipped", "socket"),
        "sub/inner.jpg": ("ok", ""),
        "sub link": ("skipped", "link to a folder"),
    }
    assert removals(Dataset(folder), allow=("most_files", "whole_folder"))[0] == set()


def other_files(folder: Path, photo: Photo) -> None:
    names = {
        "Thumbs.db": "system file",
        "film.mp4": "video",
        "raw.NEF": "RAW file",
        "photo.txt": "label or text file",
        "all.zip": "archive",
    }
    for name in names:
        (folder / name).write_bytes(b"something")
    put(folder, photo__jpg=encode(photo(1)))
    dataset = Dataset(folder)
    assert {name: reason for name, (status, reason) in ends(folder).items() if status == "skipped"} == names
    assert len(dataset) == 1 and len(dataset.problems) == 0
    assert command("info", folder, "--strict").returncode == 0


def one_file_by_two_paths(folder: Path, photo: Photo) -> None:
    put(folder / "train", photo__jpg=encode(photo(1)), other__jpg=encode(photo(2)))
    (folder / "test").mkdir()
    os.link(folder / "train/photo.jpg", folder / "test/same.jpg")
    os.link(folder / "train/photo.jpg", folder / "train/hard.jpg")
    (folder / "train/soft.jpg").symlink_to("photo.jpg")
    train, test = Dataset(folder / "train"), Dataset(folder / "test")
    assert removals(train, test, allow=("most_files", "whole_folder", "hard_links")) == (set(), {})
    assert VisDatCompare(train, test).leakage()["level"].tolist() == ["same_file"]
    overlapping = Dataset([folder / "train", folder, folder / "train/photo.jpg"])
    assert sorted(overlapping.filenames) == ["test/same.jpg", "train/hard.jpg", "train/other.jpg", "train/photo.jpg", "train/soft.jpg"]
    assert removals(overlapping, allow=("most_files", "whole_folder", "hard_links")) == (set(), {})


NAMES = [
    b"bad\xff\xfe.jpg",
    b"new\nline.jpg",
    b"return\r.jpg",
    b"comma,quote\"'.jpg",
    b"=1+1.jpg",
    b"<script>alert(1)<.jpg",
    b"esc\x1b[31m.jpg",
    "\u202egpj.exe.jpg".encode(),
    b"back\\slash.jpg",
    b"-rf.jpg",
    b"NA.jpg",
    b"a" * 251 + b".jpg",
]


def hostile_names(folder: Path, photo: Photo) -> None:
    data = encode(photo(1))
    for number, name in enumerate(NAMES):
        with open(os.path.join(os.fsencode(folder), name), "wb") as stream:
            stream.write(data if number % 2 else encode(photo(10 + number)))
    out = folder.parent / "results"
    done = command("clean", folder, "--out", out)
    assert done.returncode == 0
    assert not {"\x1b", "\u202e", "\r"} & set(done.stdout)
    with open(out / "images.csv", newline="", encoding="utf-8") as stream:
        assert {to_bytes(row["id"].removeprefix("'")) for row in csv.DictReader(stream)} == set(NAMES)
    body = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    planned = {to_bytes(entry["id"]) for entry in body["entries"]}
    assert planned <= set(NAMES) and len(planned) == len(NAMES) // 2
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page and "\u202e" not in page and "\x1b" not in page
    assert command("sample", folder, "-n", 3, "--out", folder.parent / "s").returncode == 0
    assert command("compare", folder, "-m", "phash", "--out", folder.parent / "c").returncode == 0


def broken_exif(folder: Path, photo: Photo) -> None:
    jpeg = encode(photo(1))
    date, after = struct.pack("<L", 8 + 2 + 12 + 4), 8 + 2 + 2 * 12 + 4
    turn = (0x0112, 3, 1, struct.pack("<HH", 1, 0))
    blocks = {
        "zero": exif_block(turn, (0x011A, 5, 1, struct.pack("<L", after)), after=struct.pack("<LL", 72, 0)),
        "loop": exif_block(turn, following=8),
        "self": exif_block(turn, (0x8769, 4, 1, struct.pack("<L", 8))),
        "many": exif_block(turn, count=65_535),
        "text": exif_block(turn, (0x010F, 2, 11, struct.pack("<L", after)), after=b"caf\xe9\xff\xfe\0bad\0"),
        "note": exif_block((0x927C, 7, 60_000, date), after=os.urandom(60_000)),
        "date": exif_block((0x0132, 2, 20, date), after=b"0000:00:00 00:00:00\0"),
        "none": b"",
    }
    for number, (name, block) in enumerate(blocks.items()):
        (folder / f"{name}.jpg").write_bytes(with_exif(encode(photo(20 + number)), block))
    (folder / "none_copy.jpg").write_bytes(with_exif(jpeg, blocks["date"]))
    (folder / "none_other.jpg").write_bytes(jpeg)
    table = Dataset(folder, show_progress=False).table().set_index("id")
    assert set(table.status) == {"ok"} and table.taken.isna().all() and not table.camera.any()
    assert len(Dataset(folder).get_exif_data()) == len(blocks) + 2
    plan = VisDatCompare(Dataset(folder), show_progress=False).run(policy="oldest").to_frame()
    assert len(plan) == 2 and not plan.reason.str.contains("old").any()


def metadata_as_an_attack(folder: Path, photo: Photo) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x010E] = "<img src=x onerror=alert(1)>", "\x1b[31m=1+1", '=HYPERLINK("http://x")'
    exif.get_ifd(0x8769)[0xA431] = "<script>steal()</script>"
    place = exif.get_ifd(0x8825)
    place[1], place[2], place[3], place[4] = "N", (51.0, 30.0, 12.0), "W", (3.0, 11.0, 24.0)
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(encode(photo(min(number, 1)), exif=exif))
    out = folder.parent / "results"
    assert command("clean", folder, "--out", out, "--sample", 2).returncode == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page and "<script>steal" not in page and "\x1b" not in page
    assert "51.50" not in page and "3.19" not in page, "a place"
    assert str(folder.parent) not in html.unescape(page), "an absolute path"
    assert "\x1b" not in command("info", folder).stdout
    for name in ("images.csv", "plan.csv", "pairs.csv"):
        with open(out / name, newline="", encoding="utf-8") as stream:
            assert not [cell for row in csv.reader(stream) for cell in row if cell[:1] in "=+@" and cell[:1]]


def missing_fingerprint(folder: Path, photo: Photo) -> None:
    whole = encode(photo(1))
    put(folder, a__jpg=whole[: len(whole) // 2], b__jpg=encode(photo(2))[:-4000], c__jpg=b"", d__jpg=whole)
    compared = VisDatCompare(Dataset(folder), show_progress=False)
    plan = compared.run(similar=True, edited=True)
    assert len(plan.to_frame()) == 0 and len(plan.pairs()) == 0
    nearest = Hash(Dataset(folder)).find_similars()
    assert len(nearest) == 4 and not nearest.is_similar.any() and nearest.distance.isna().all()


def nothing_to_do(folder: Path, photo: Photo) -> None:
    (folder / "empty").mkdir()
    put(folder / "other", notes__txt=b"x", film__mp4=b"x")
    put(folder / "one", photo__jpg=encode(photo(1)))
    for name in ("empty", "other"):
        assert len(Dataset(folder / name)) == 0
        for words in (["info"], ["clean", "--out", folder / "o"], ["sample", "-n", 3, "--out", folder / "o2"]):
            done = command(words[0], folder / name, *words[1:])
            assert done.returncode == 1 and "image" in done.stderr, (words, done)
    with pytest.raises((EmptySourceError, ArgumentError, LookupError)):
        VisDatCompare(Dataset(folder / "empty"), Dataset(folder / "one")).leakage()
    one = Dataset(folder / "one")
    assert len(VisDatCompare(one).run().to_frame()) == 0
    assert len(Downsampler(one).sample(0)) == 0
    assert len(Downsampler(one).sample(100)) == 1
    with pytest.raises(ArgumentError):
        Downsampler(one).sample(-1)
    assert command("sample", folder / "one", "-n", -3).returncode in (1, 2)
    assert removals(one, one) == removals(one, Dataset(folder / "one")) == (set(), {}), "both the same"
    assert VisDatCompare(one, Dataset(folder / "one")).leakage()["level"].tolist() == ["same_file"]
    assert command("clean", folder / "one", folder / "one", "--out", folder / "o3").returncode in (0, 1)


def outputs_that_fail(folder: Path, photo: Photo) -> None:
    put(folder / "d", a__jpg=encode(photo(1)), b__jpg=encode(photo(1)), c__jpg=encode(photo(2)))
    inside = folder / "d" / "results"
    assert command("clean", folder / "d", "--out", inside).returncode in (0, 1)
    before = len(Dataset(folder / "d"))
    assert before == 3, "reports are never scanned"
    (folder / "taken").write_bytes(b"mine")
    done = command("clean", folder / "d", "--out", folder / "taken")
    assert done.returncode == 1 and (folder / "taken").read_bytes() == b"mine" and done.stderr
    small = folder / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        (small / "filler").write_bytes(bytes(40_000))
        done = command("clean", folder / "d", "--out", small / "out")
        assert done.returncode == 1 and "space" in done.stderr.lower()
        halves = [
            name for name in ("report.html", "plan.json") if (small / "out" / name).exists() and not (small / "out" / name).read_bytes()
        ]
        assert halves == []
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
        done = command("clean", folder / "d", "--out", small / "new")
        assert done.returncode == 1 and "read-only" in done.stderr.lower()
    finally:
        subprocess.run(["umount", small], check=True)


def _facts(cache: Path) -> int:
    """Return how much a cache holds, 0 while there is none."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{cache}/known-1.sqlite?mode=ro", uri=True)) as db:
            return db.execute("SELECT count(*) FROM facts").fetchone()[0]
    except sqlite3.Error:
        return 0


def interrupted(folder: Path, photo: Photo) -> None:
    random = np.random.default_rng(0)
    for number in range(500):
        (folder / f"{number}.jpg").write_bytes(encode(random.integers(0, 256, (240, 320, 3), dtype=np.uint8)))
    cache = folder.parent / "cache"
    words = ["compare", folder, "-m", "sift", "--workers", "2", "--cache", cache, "--out", folder.parent / "out"]
    process = subprocess.Popen(
        [sys.executable, "-m", "visdatcompy_ds", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=mutants.same_package(),
    )
    deadline = time.monotonic() + 60
    while not _facts(cache) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    # What hashes need was measured; features of 500 images of noise take ten seconds and more.
    assert process.poll() is None and _facts(cache), process.communicate()
    os.killpg(process.pid, signal.SIGINT)
    started = time.monotonic()
    said, complained = process.communicate(timeout=60)
    assert time.monotonic() - started < 10, "workers stay"  # 2 s on a machine that is not busy
    assert process.returncode == 130 and "Traceback" not in said + complained
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


ROWS: dict[str, Callable[[Path, Photo], None]] = {
    "truncated JPEG": truncated_jpeg,
    "JPEG with damaged data": damaged_jpeg,
    "zero bytes, text or HTML named .jpg": no_picture_under_its_name,
    "wrong extension": wrong_extension,
    "16-bit, CMYK, palette, alpha, animated, float": depth_alpha_frames,
    "bombs": beyond_the_limits,
    "flat or tiny image": flat_or_tiny,
    "FIFO, socket, device, dangling link": no_files,
    "system files, videos, RAW, label files, archives": other_files,
    "the same file by two paths": one_file_by_two_paths,
    "hostile names": hostile_names,
    "EXIF": broken_exif,
    "metadata as an attack": metadata_as_an_attack,
    "missing fingerprint": missing_fingerprint,
    "nothing to do": nothing_to_do,
    "outputs that fail": outputs_that_fail,
    "Ctrl-C": interrupted,
}


@pytest.mark.parametrize("row", ROWS)
def test_a_bad_input_is_handled_as_the_table_says(row, tmp_path, photo):
    folder = tmp_path / "images"
    folder.mkdir()
    ROWS[row](folder, photo)
