"""Small worlds to remove files from: trees of tiny pictures, and plans about them made without a comparison."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import hashlib
import io
import json
import os
import tempfile

import numpy as np
from PIL import Image

from visdatcompy_ds.base.names import to_text
from visdatcompy_ds.engine.decode import Limits
from visdatcompy_ds.reports import plan_file
from visdatcompy_ds.stages import act

SHM = "/dev/shm"
HAS_SHM = os.path.isdir(SHM) and os.access(SHM, os.W_OK) and os.stat(SHM).st_dev != os.stat(tempfile.gettempdir()).st_dev
FAST = SHM if os.path.isdir(SHM) and os.access(SHM, os.W_OK) else None


@functools.cache
def picture(seed: int) -> bytes:
    """Return the bytes of a PNG that decodes."""
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def put(root: bytes, relative: bytes, data: bytes, mode: int = 0o644, time_ns: int = 1_500_000_000_123_456_789) -> bytes:
    path = os.path.join(root, relative)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as stream:
        stream.write(data)
    os.chmod(path, mode)
    os.utime(path, ns=(time_ns, time_ns))
    return path


def facts(root: bytes, relative: bytes, **other: object) -> dict:
    """Return what a plan holds of a file."""
    path = os.path.join(root, relative)
    info = os.stat(path)
    with open(path, "rb") as stream:
        digest = hashlib.sha256(stream.read()).hexdigest()
    known = {"size_bytes": info.st_size, "mtime_ns": info.st_mtime_ns, "device": info.st_dev, "inode": info.st_ino, "sha256": digest}
    rest = {"pixels": 64, "status": "ok", "flags": [], "is_protected": False, "links": info.st_nlink, "ctime_ns": info.st_ctime_ns}
    return {"root": to_text(root), "path": to_text(relative), **known, **rest, **other}


def entry(klass: str, image: dict, keeper: dict, action: str = "remove") -> dict:
    names = {"dataset": "new", "id": image["path"], "keeper_dataset": "have", "keeper_id": keeper["path"]}
    return {**names, "action": action, "class": klass, "reason": "", "measure": "", "score": 1.0, "file": image, "keeper_file": keeper}


def body(entries: list[dict], images: int = 1000, protected: tuple[bytes, ...] = ()) -> dict:
    """Return a sealed plan."""
    plan = {
        "format": plan_file.FORMAT,
        "version": plan_file.VERSION,
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "versions": {},
        "limits": dataclasses.asdict(Limits()),
        "images": {"new": images, "have": images},
        "protected": [to_text(folder) for folder in protected],
        "entries": entries,
    }
    plan["checksum"] = plan_file.checksum(plan)
    return plan


class World:
    """A folder with a tree (roots ``new`` and ``have``), and beside it the plan and where its quarantine is."""

    def __init__(self, base: str | os.PathLike[str], quarantine: str | None = None) -> None:
        self.base = os.fsencode(base)
        self.tree = os.path.join(self.base, b"tree")
        self.new, self.have = (os.path.join(self.tree, name) for name in (b"new", b"have"))
        os.makedirs(self.new)
        os.makedirs(self.have)
        self.given = None if quarantine is None else os.fsencode(quarantine)
        self.quarantine = self.given or os.path.join(self.tree, b"new.quarantine")
        self.plan_path = os.path.join(self.base, b"plan.json")
        self.pairs: list[tuple[bytes, bytes, str]] = []

    def pair(self, victim: bytes, keeper: bytes, data: bytes, other: bytes | None = None, klass: str = "bytes") -> None:
        """Put a victim and its keeper there; the keeper holds `other` where they differ."""
        put(self.new, victim, data)
        if not os.path.lexists(os.path.join(self.have, keeper)):
            put(self.have, keeper, data if other is None else other)
        self.pairs.append((victim, keeper, klass))

    def seal(self, **options: object) -> dict:
        """Write the plan of what is there now, and return it."""
        entries = [entry(klass, facts(self.new, victim), facts(self.have, keeper)) for victim, keeper, klass in self.pairs]
        plan = body(entries, **options)
        with open(self.plan_path, "w") as stream:
            json.dump(plan, stream)
        return plan

    @property
    def orders(self) -> act.Orders:
        return plan_file.orders(plan_file.load(os.fsdecode(self.plan_path)))

    def apply(self, **options: object) -> tuple[bytes | None, list[act.Outcome]]:
        # Some folders hold one image only, and class and counts are not what is looked at here.
        lifted = {"whole_folder", "most_files", *options.pop("lifted", ())}
        return act.remove(self.orders, self.given, False, lifted, show_progress=False, **options)

    @property
    def journal(self) -> bytes:
        (found,) = act.journals_in(self.quarantine)
        return found
