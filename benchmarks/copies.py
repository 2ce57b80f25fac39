"""Edited copies: what the cascade finds, next to perception and imagededup, each in an environment of its own.

    python benchmarks/copies.py --shared DIR [--envs DIR] [--usual 150] [--hard 100] [--growth] [--extractors sift,orb,fast] [--small]

The photos of `clothing` and `cats_dogs` are the originals of 19 usual edits and of 10 hard ones; the rest are distractors. A copy is found
where it is linked to its original, by a pair or as one shot with an image that is. A pair is right where both show one original; a collage
shows four. Only what a tool calls a copy counts: of ours all classes but "similar" and "undecided".

With `--envs` the peers are installed into that folder first (this needs a network). With `--growth` 1000, 4000 and 16 000 parts of the
photos are compared. Without `--shared` the bundled sample set stands in, whose "originals" hold copies of their own.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from parts.edits import HARD, USUAL, Edit
from PIL import Image as PillowImage

from visdatcompy_ds import Dataset

os.environ["VISDATCOMPY_CACHE"] = "off"  # what is measured is measured

ROOT = Path(__file__).resolve().parents[1]
NEEDS = {"perception": ["perception[approximate-deduplication]", "faiss-cpu", "pandas"], "imagededup": ["imagededup"]}
ONE_SHOT = ("same_file", "bytes", "pixels", "reencoded")
NO_COPY = ("similar", "undecided")


def photos(shared: Path | None) -> list[np.ndarray]:
    """Return the originals, in an order of chance."""
    folders = [shared / "clothing", shared / "cats_dogs"] if shared else [ROOT / "datasets" / "trail"]
    images = [image for folder in folders for image in Dataset(folder)]
    return [images[at].read() for at in np.random.default_rng(0).permutation(len(images)).tolist()]


def write(folder: Path, originals: list[np.ndarray], edits: dict[str, Edit], count: int) -> dict[str, set[int]]:
    """Write originals and edits of the first `count`; return by file what it shows."""
    shows: dict[str, set[int]] = {}
    for number, picture in enumerate(originals):
        save(folder / "original" / f"{number:04}.jpg", picture, 92, 1)
        shows[f"original/{number:04}.jpg"] = {number}
    for number in range(count):
        some = np.random.default_rng(number).integers(count, len(originals), 3).tolist() if count < len(originals) else [0, 0, 0]
        for name, edit in edits.items():
            save(folder / name / f"{number:04}.jpg", *edit(originals[number], [originals[k] for k in some], np.random.default_rng(number)))
            shows[f"{name}/{number:04}.jpg"] = {number, *some} if name == "collage" else {number}
    return shows


def save(path: Path, picture: np.ndarray, quality: int, orientation: int) -> None:
    """Write a JPEG, with EXIF orientation where it is not 1."""
    path.parent.mkdir(exist_ok=True)
    exif = PillowImage.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    PillowImage.fromarray(np.ascontiguousarray(picture[..., ::-1])).save(path, quality=quality, exif=exif)


def python_of(tool: str, envs: Path | None) -> str | None:
    """Return the Python a tool is installed for; made first where it is not there yet."""
    if tool == "ours":
        return sys.executable
    if envs is None:
        return None
    python = envs / tool / "bin" / "python"
    if not python.exists():
        venv.create(envs / tool, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *NEEDS[tool]], check=True)
    return str(python)


def run(tool: str, python: str, folder: Path, extractor: str = "sift") -> dict[str, Any]:
    """Run one tool over a folder in a process of its own."""
    with tempfile.TemporaryDirectory() as answers:
        answer = Path(answers) / "answer.json"
        command = [python, str(ROOT / "benchmarks" / "parts" / "finders.py"), tool, str(folder), str(answer)]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "EXTRACTOR": extractor})
        return dict(json.loads(answer.read_text()))


def interval(found: int, count: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share."""
    share, z = found / count, 1.96
    middle, half = share + z * z / (2 * count), z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return (middle - half) / (1 + z * z / count), (middle + half) / (1 + z * z / count)


def judge(answer: dict[str, Any], shows: dict[str, set[int]], names: list[str]) -> tuple[dict[str, tuple[int, int]], int, int]:
    """Return copies found and their number by edit, and the right and wrong pairs."""
    same: dict[str, str] = {}

    def shot(file: str) -> str:
        while same.get(file, file) != file:
            file = same[file]
        return file

    pairs = [(a, b, klass) for a, b, klass in answer["pairs"] if klass not in NO_COPY]
    for a, b, klass in pairs:
        if klass in ONE_SHOT and shows[a] & shows[b]:
            same[shot(a)] = shot(b)
    linked = {frozenset((shot(a), shot(b))) for a, b, _ in pairs}
    counts: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])
    for file in shows:
        name, number = file.split("/")
        if name in names:
            original = shot(f"original/{number}")
            counts[name][0] += shot(file) == original or frozenset((shot(file), original)) in linked
            counts[name][1] += 1
    right = sum(bool(shows[a] & shows[b]) for a, b, _ in pairs)
    return {name: (found, count) for name, (found, count) in counts.items()}, right, len(pairs) - right


def compare(kind: str, originals: list[np.ndarray], edits: dict[str, Edit], count: int, envs: Path | None, extractors: list[str]) -> None:
    """Write a set of copies, let every tool look for them, and print the tables."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        shows = write(folder, originals, edits, count)
        print(f"\n{kind}: {len(originals)} originals, {count} x {len(edits)} copies, {len(shows)} images")
        tools = [("ours", extractor) for extractor in extractors] + [(tool, "") for tool in NEEDS]
        columns = {}
        for tool, extractor in tools:
            python = python_of(tool, envs)
            if python is None:
                continue
            answer = run(tool, python, folder, extractor)
            counts, right, wrong = judge(answer, shows, list(edits))
            columns[extractor or tool] = counts
            found, whole = (sum(values) for values in zip(*counts.values(), strict=True))
            precision, cost = right / max(right + wrong, 1), f"{answer['seconds']:.1f} s, peak {answer['peak_bytes'] / 1e6:.0f} MB"
            print(f"  {extractor or tool:11} recall {found / whole:.4f}, precision {precision:.5f} ({right} right, {wrong} wrong), {cost}")
        print("  " + " " * 20 + "".join(f"{name:>24}" for name in columns))
        for name in edits:
            cells = []
            for counts in columns.values():
                low, high = interval(*counts[name])
                cells.append(f"{counts[name][0] / counts[name][1]:.3f} ({low:.3f}-{high:.3f})")
            print(f"  {name:20}" + "".join(f"{cell:>24}" for cell in cells))


def growth(originals: list[np.ndarray], sizes: list[int]) -> None:
    """Print the time of the cascade on more and more parts of photos, none of which overlap."""
    print("\ngrowth: parts of photos")
    first = None
    for size in sizes:
        parts = math.ceil(math.sqrt(size / len(originals)))
        with tempfile.TemporaryDirectory() as made:
            written = 0
            for picture in originals:
                for rows in np.array_split(picture, parts, axis=0):
                    for part in np.array_split(rows, parts, axis=1):
                        if written < size:
                            enlarged = cv2.resize(part, (320, 400), interpolation=cv2.INTER_CUBIC)
                            cv2.imwrite(str(Path(made) / f"{written:06}.jpg"), enlarged, [cv2.IMWRITE_JPEG_QUALITY, 90])
                            written += 1
            answer = run("ours", sys.executable, Path(made))
        unit = answer["seconds"] / (written * math.log(written))
        first = first or unit
        cost = f"{answer['seconds']:.1f} s, peak {answer['peak_bytes'] / 1e6:.0f} MB"
        print(f"  {written} images: {cost}, {unit / first:.2f} of the first's time by n log n")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path)
    parser.add_argument("--envs", type=Path)
    parser.add_argument("--usual", type=int, default=150)
    parser.add_argument("--hard", type=int, default=100)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--extractors", default="sift")
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args()
    originals = photos(given.shared)
    if given.small:
        originals, given.usual, given.hard = originals[:12], 2, 2
    for kind, edits, count in (("usual", USUAL, given.usual), ("hard", HARD, given.hard)):
        if count:
            compare(kind, originals, edits, min(count, len(originals)), given.envs, given.extractors.split(","))
    if given.growth:
        growth(originals, [1000, 4000, 16000])


if __name__ == "__main__":
    main()
