"""What the cache saves, what isolation costs, what many files take: whole processes of ``clean``, in one run.

    python benchmarks/hardening.py [--shared DIR] [--small] [--photos 20000] [--files 200000] [--rounds 3]

Photos of about 400 x 500 are made from those of ``--shared`` (mixed, cropped, re-saved: all different), or from noise. In turn: start-up
(``clean`` on one photo that no cache knows), the first ``clean``, a second one, one after 1 % new photos, one of a copy. Then,
without a cache, threads against processes. Ratios are without start-up. Tiny files by a formula show how time and memory grow with their
number.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path


def clean(folder: Path, cache: Path | str, workers: str = "auto") -> tuple[float, float, dict[str, int]]:
    """Return seconds and peak MB of a ``clean``, and what it read."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "visdatcompy_ds", "clean", str(folder), "--out", f"{scratch}/out", "--quiet"]
        started = time.perf_counter()
        process = subprocess.Popen([*command, "--cache", str(cache), "--workers", workers], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        if status:
            sys.exit(f"failed: {' '.join(command)}")
        reading = json.loads(Path(scratch, "out/run.json").read_text())["reading"]
    return seconds, usage.ru_maxrss / 1000, next(iter(reading.values()))


def photo(task: tuple[int, list[str], str]) -> None:
    """Make one photo that no other is like: two of `sources` cropped, mixed and saved; of noise where there are none."""
    import numpy as np
    from PIL import Image

    number, sources, path = task
    own = np.random.default_rng(number)

    def part() -> Image.Image:
        if not sources:
            cells = own.integers(0, 256, (10, 8, 3), dtype=np.uint8)
            return Image.fromarray(cells).resize((400, 500), Image.Resampling.BICUBIC)
        with Image.open(sources[own.integers(len(sources))]) as opened:
            width, height = opened.size
            share = own.uniform(0.45, 0.8)
            x, y = own.integers(0, width - int(width * share) + 1), own.integers(0, height - int(height * share) + 1)
            box = (int(x), int(y), int(x + width * share), int(y + height * share))
            return opened.convert("RGB").resize((400, 500), Image.Resampling.BILINEAR, box)

    mixed = np.asarray(Image.blend(part(), part(), float(own.uniform(0.3, 0.7))), np.float64) + own.normal(0, 3, (500, 400, 1))
    Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8)).save(path, quality=int(own.integers(88, 96)))


def photos(folder: Path, numbers: range, sources: list[str]) -> None:
    """Make photos in 20 stations."""
    tasks = []
    for number in numbers:
        station = folder / f"CAM{number % 20:02d}"
        station.mkdir(parents=True, exist_ok=True)
        tasks.append((number, sources, str(station / f"IMG_{number:05d}.jpg")))
    with concurrent.futures.ProcessPoolExecutor() as pool:
        list(pool.map(photo, tasks, chunksize=64))


def small_files(folder: Path, count: int) -> None:
    """Write tiny PNGs by a formula, 1000 in a folder."""
    import struct

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    for number in range(count):
        if number % 1000 == 0:
            part = folder / f"{number // 1000:04d}"
            part.mkdir(parents=True)
        rows = b"".join(b"\0" + zlib.crc32(struct.pack("<II", number, y)).to_bytes(4, "little") * 12 for y in range(12))
        head = struct.pack(">IIBBBBB", 16, 12, 8, 2, 0, 0, 0)
        data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
        (part / f"{number:07d}.png").write_bytes(data)


def cached(scratch: Path, count: int, sources: list[str], rounds: int) -> None:
    """Print what the cache saves."""
    folder, one = scratch / "photos", scratch / "one"
    photos(folder, range(count), sources)
    photos(one, range(10**6, 10**6 + 1), sources)
    clean(one, "off")  # kernels are compiled from here on
    time.sleep(2.5)  # what is read within 2 s of a change is not trusted
    start = statistics.median(clean(one, "off")[0] for _ in range(max(3, rounds)))
    again = statistics.median(clean(one, scratch / "cache-one")[0] for _ in range(max(3, rounds)))
    figures: dict[str, list[float]] = {"first": [], "second": [], "1 % new": [], "copied": []}
    read: dict[str, dict[str, int]] = {}

    def note(name: str, folder: Path, cache: Path) -> None:
        seconds, megabytes, read[name] = clean(folder, cache)
        figures[name].append(seconds)
        peak[name] = megabytes

    peak: dict[str, float] = {}
    new = max(1, count // 100)
    for turn in range(rounds):
        cache = scratch / f"cache-{turn}"
        note("first", folder, cache)
        note("second", folder, cache)
        photos(folder, range(2 * 10**6 + turn * new, 2 * 10**6 + (turn + 1) * new), sources)
        note("1 % new", folder, cache)
        shutil.copytree(folder, scratch / "card")
        note("copied", scratch / "card", cache)
        shutil.rmtree(scratch / "card")
        for path in folder.glob("*/IMG_2*.jpg"):
            path.unlink()
        time.sleep(2.5)
        size = sum(part.stat().st_size for part in cache.iterdir())
    print(f"cache: {count} photos, median of {rounds}; start-up {start:.2f} s, on a photo that the cache knows {again:.2f} s")
    first = statistics.median(figures["first"]) - start
    for name, seconds in figures.items():
        took, costs = statistics.median(seconds), read[name]
        print(
            f"  {name}: {took:.2f} s, {(took - start) / first:.1%} of the first's time without start-up; "
            f"{costs['reads']} reads, {costs['decodes']} decodes, {costs['known']} known, peak {peak[name]:.0f} MB"
        )
    print(f"  the cache holds {size / (count + new):.0f} bytes a photo")


def isolated(scratch: Path, count: int, sources: list[str], rounds: int) -> None:
    """Print what processes cost against threads."""
    sizes = sorted({max(1, count // 20), max(1, count // 5), count})
    for size in sizes:
        folder = scratch / "photos"
        if size != count:
            folder = scratch / f"photos-{size}"
            photos(folder, range(size), sources)
        runs = [(clean(folder, "off", "threads")[0], clean(folder, "off", "processes")[0]) for _ in range(rounds)]
        threads, processes = (statistics.median(run[k] for run in runs) for k in (0, 1))
        print(f"isolation: {size} photos: threads {threads:.2f} s, processes {processes:.2f} s, {processes / threads - 1:+.1%}")


def many(scratch: Path, count: int) -> None:
    """Print how time and memory grow with the number of files."""
    for size in sorted({max(1, count // 10), count}):
        folder = scratch / f"files-{size}"
        small_files(folder, size)
        seconds, megabytes, _ = clean(folder, "off")
        allowed = 300 + size / 1000
        print(f"files: {size} tiny ones: {seconds:.1f} s, {seconds / size * 1e6:.0f} us a file, peak {megabytes:.0f} MB of {allowed:.0f}")
        shutil.rmtree(folder)


def hostile(shared: Path) -> None:
    """Print what the hostile files of ``--shared`` cost."""
    folder = shared / "hostile"
    if folder.is_dir():
        seconds, megabytes, reading = clean(folder, "off", "processes")
        count = sum(path.is_file() for path in folder.rglob("*"))
        print(f"hostile: {count} files, {reading['reads']} read: {seconds:.1f} s, peak {megabytes:.0f} MB")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, help="folder with clothing/, cats_dogs/, hostile/")
    parser.add_argument("--small", action="store_true", help="only show that it runs")
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--part", action="append", choices=["cache", "isolation", "files", "hostile"])
    options = parser.parse_args()
    count, files, rounds = (60, 300, 1) if options.small else (options.photos, options.files, options.rounds)
    parts = options.part or ["cache", "isolation", "files", "hostile"]
    sources = (
        []
        if options.shared is None
        else [str(path) for part in ("clothing", "cats_dogs") for path in sorted((options.shared / part).rglob("*.jpg"))]
    )
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        if "cache" in parts:
            cached(scratch, count, sources, rounds)
        if "isolation" in parts:
            if not (scratch / "photos").exists():
                photos(scratch / "photos", range(count), sources)
            isolated(scratch, count, sources, rounds)
        if "files" in parts:
            many(scratch, files)
        if "hostile" in parts and options.shared is not None and not options.small:
            hostile(options.shared)


if __name__ == "__main__":
    main()
