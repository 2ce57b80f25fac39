"""One tool looks for copies in a folder and writes the pairs it found: run by the Python of the environment the tool is installed in.

python benchmarks/parts/finders.py TOOL FOLDER ANSWER.json
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def ours(folder: str) -> list[tuple[str, str, str]]:
    """Run the cascade."""
    from visdatcompy_ds import Dataset, FeatureExtractor

    pairs = FeatureExtractor(Dataset(folder), extractor=os.environ.get("EXTRACTOR", "sift")).pairs()
    return list(zip(pairs.left_id, pairs.right_id, pairs["class"], strict=True))


def perception(folder: str) -> list[tuple[str, str, str]]:
    """Run SIFT, faiss and RANSAC with the thresholds it comes with."""
    from perception import local_descriptor_deduplication

    files = sorted(str(path) for path in Path(folder).rglob("*.jpg"))
    found = local_descriptor_deduplication.deduplicate(files, use_gpu=False)
    return [(os.path.relpath(a, folder), os.path.relpath(b, folder), "copy") for a, b in found if a != b]


def imagededup(folder: str) -> list[tuple[str, str, str]]:
    """Look within 10 bits of pHash, its own cut-off."""
    from imagededup.methods import PHash

    found = PHash(verbose=False).find_duplicates(image_dir=folder, max_distance_threshold=10, recursive=True)
    return [(a, b, "copy") for a, partners in found.items() for b in partners if a < b]


if __name__ == "__main__":
    tool, where, answer = sys.argv[1:]
    started = time.perf_counter()
    result = {"ours": ours, "perception": perception, "imagededup": imagededup}[tool](where)
    seconds = time.perf_counter() - started
    status = Path("/proc/self/status")
    peak = int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024 if status.exists() else 0
    Path(answer).write_text(json.dumps({"pairs": result, "seconds": seconds, "peak_bytes": peak}))
