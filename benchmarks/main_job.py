"""Whole-process time of ``clean`` against the floor: read + sha256 + header + the same reduced decode, and nothing else.

    python benchmarks/main_job.py [--shared DIR] [--small] [--rounds 15]

In one run, in turn: ``clean`` on N photos, ``clean`` on one photo, the floor on the N photos with the same number of threads. Reported are
medians, the ratio (clean on N - clean on one) / floor with and without the full-resolution confirmation, and the peak memory of ``clean``.
Without ``--shared`` (or with ``--small``) the bundled sample set is used, which is too small for the ratio to mean anything.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLOOR = """
import hashlib, sys, time
from concurrent.futures import ThreadPoolExecutor
import simplejpeg
paths = open(sys.argv[1]).read().split("\\n")
def one(path):
    with open(path, "rb") as stream:
        data = stream.read()
    hashlib.sha256(data).digest()
    try:
        simplejpeg.decode_jpeg_header(data)
        simplejpeg.decode_jpeg(data, "BGR", min_height=128, min_width=128, strict=True)
    except ValueError:
        pass  # two photos of a kind that simplejpeg does not know
def some(paths):
    for path in paths:
        one(path)
threads = int(sys.argv[2])
tasks = [paths[at : at + 16] for at in range(0, len(paths), 16)]
started = time.perf_counter()
with ThreadPoolExecutor(threads) as pool:
    list(pool.map(some, tasks))
print(time.perf_counter() - started)
"""


def timed(command: list[str]) -> tuple[float, float]:
    """Return seconds and peak MB of a process."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return time.perf_counter() - started, usage.ru_maxrss / 1000


def clean(folder: Path, threads: int) -> tuple[float, float, dict[str, object]]:
    """Return seconds, peak MB and the counts of one ``clean``."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        command = [sys.executable, "-m", "visdatcompy_ds", "clean", str(folder), "--out", str(out), "--quiet"]
        command += ["--workers", f"threads:{threads}", "--cache", "off"]
        seconds, megabytes = timed(command)
        return seconds, megabytes, json.loads((out / "run.json").read_text())["counts"]["costs"]


def floor(paths: list[Path], threads: int, scratch: Path) -> float:
    """Return the seconds of the floor."""
    listing = scratch / "paths.txt"
    listing.write_text("\n".join(map(str, paths)))
    return float(
        subprocess.run([sys.executable, "-c", FLOOR, str(listing), str(threads)], capture_output=True, check=True, text=True).stdout
    )


def measure(name: str, paths: list[Path], rounds: int, threads: int) -> None:
    """Print the figures of one set of photos."""
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        many, single = scratch / "many", scratch / "single"
        many.mkdir()
        single.mkdir()
        copies = []
        for at, path in enumerate(paths):
            copies.append(many / f"{at:05d}{path.suffix}")
            shutil.copyfile(path, copies[-1])
        shutil.copyfile(paths[0], single / paths[0].name)
        clean(single, threads)  # compiled kernels are kept from here on, files are in the page cache
        clean(many, threads)
        runs = [(*clean(many, threads), clean(single, threads)[0], floor(copies, threads, scratch)) for _ in range(rounds)]
    whole, memory, one, base = (statistics.median(run[k] for run in runs) for k in (0, 1, 3, 4))
    costs = runs[0][2]
    confirm = statistics.median(float(str(run[2]["confirm_s"])) for run in runs)
    ratio, with_confirm = (whole - one - confirm) / base, (whole - one) / base
    print(f"{name}: {len(paths)} photos, {threads} threads, median of {rounds}")
    print(f"  clean {whole:.2f} s, on one photo {one:.2f} s, floor {base:.2f} s, peak memory {memory:.0f} MB")
    print(
        f"  full-resolution confirmation {confirm:.2f} s: {costs['confirm_decodes']} decodes of {costs['confirm_images']} images, "
        f"{costs['confirm_comparisons']} comparisons"
    )
    print(f"  (clean - clean on one) / floor: {ratio:.2f} without confirmation, {with_confirm:.2f} with it")


def start_up(rounds: int) -> None:
    """Print what importing and the help cost."""
    bare = min(timed([sys.executable, "-c", "pass"])[0] for _ in range(rounds))
    package = min(timed([sys.executable, "-c", "import visdatcompy_ds"])[0] for _ in range(rounds))
    helping = min(timed([sys.executable, "-m", "visdatcompy_ds", "--help"])[0] for _ in range(rounds))
    print(f"start-up: import {package - bare:.3f} s over bare Python, --help {helping:.2f} s")


def photos(folder: Path, pattern: str) -> list[Path]:
    """Return the photos below a folder, in order."""
    return sorted(folder.glob(pattern))


def tiled(paths: list[Path], count: int, scratch: Path) -> list[Path]:
    """Return `count` distinct photos, made from few by shifting the picture cyclically and re-saving it."""
    import numpy as np
    from PIL import Image

    made = []
    for at in range(count):
        with Image.open(paths[at % len(paths)]) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        step = at // len(paths)
        shifted = np.roll(pixels, (step * 211, step * 307), (0, 1))[:, :: -1 if step % 2 else 1]
        made.append(scratch / f"tile_{at:04d}.jpg")
        Image.fromarray(shifted).save(made[-1], quality=90)
    return made


def main() -> None:
    """Measure what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, help="folder with clothing/, cats_dogs/, cameratrap/")
    parser.add_argument("--small", action="store_true", help="only show that it runs")
    parser.add_argument("--large", type=int, default=300, help="number of 8 MP photos")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    start_up(options.rounds)
    if options.small or options.shared is None:
        measure("sample set", photos(ROOT / "datasets", "trail*/*/*.JPG")[:40], 1, options.threads)
        return
    web = [path for name in ("clothing", "cats_dogs") for path in photos(options.shared / name, "*/*.jpg")]
    measure("web photos of about 400 x 500", web, options.rounds, options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        large = tiled(photos(options.shared / "cameratrap" / "bursts", "*.JPG"), options.large, Path(scratch))
        measure("8 MP", large, min(3, options.rounds), options.threads)


if __name__ == "__main__":
    main()
