"""G6: whatever happens to the cache, the result equals a run without it."""

from __future__ import annotations

import ast
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from pathlib import Path

import passes
import pytest

import visdatcompy_ds
from visdatcompy_ds import Dataset, VisDatCompare
from visdatcompy_ds.base.errors import CacheWarning
from visdatcompy_ds.engine.cache import Cache

NAME = "known-1.sqlite"


class Zygote:
    """A process that forks passes."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, passes.__file__, str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, folder: Path, cache: Path | None, **wishes: int) -> int:
        self._process.stdin.write(json.dumps([str(folder), None if cache is None else str(cache), wishes]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def end(self) -> tuple[int, list | None]:
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photo):
    from PIL import Image

    made = tmp_path_factory.mktemp("photos")
    for k in range(24):
        Image.fromarray(photo(k, 96, 72)).save(made / f"{k}.jpg")
    shutil.copy(made / "0.jpg", made / "copy.jpg")
    (made / "cut.jpg").write_bytes((made / "1.jpg").read_bytes()[:700])
    (made / "text.jpg").write_text("hello")
    return made


@pytest.fixture(scope="module")
def expected(folder):
    return passes.measured(str(folder), None)[0]


@pytest.fixture(scope="module")
def zygote(folder):
    made = Zygote(folder)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _later(monkeypatch):
    from visdatcompy_ds.stages.fingerprint import measure, reading

    monkeypatch.setattr(reading, "time", passes.Later)
    monkeypatch.setattr(measure, "_GATHERED_FILES", 4)


@pytest.fixture(scope="module")
def good(tmp_path_factory, folder):
    """A cache that knows all, in one file."""
    cache = tmp_path_factory.mktemp("good") / "cache"
    with pytest.MonkeyPatch.context() as patch:
        from visdatcompy_ds.stages.fingerprint import reading

        patch.setattr(reading, "time", passes.Later)
        passes.measured(str(folder), str(cache))
    assert passes.measured(str(folder), str(cache))[1] == 27
    return cache


def before_a_release() -> str:
    """Kill 500 passes and flip 5 000 bits."""
    import tempfile

    import same_answer

    from visdatcompy_ds.stages.fingerprint import measure, reading

    reading.time, measure._GATHERED_FILES = passes.Later, 4
    place = Path(tempfile.mkdtemp(prefix="safety-"))
    try:
        same_answer.make(40, str(place / "photos"))
        expected = passes.measured(str(place / "photos"), None)[0]
        passes.measured(str(place / "photos"), str(place / "good"))
        zygote = Zygote(place / "photos")
        (place / "killed").mkdir()
        midway = kill_at_random(zygote, place / "photos", expected, place / "killed", 500, seed=7)
        zygote.close()
        useful = flip_bits(place / "photos", expected, place / "good", place / "flipped", 5000, seed=8)
    finally:
        shutil.rmtree(place)
    return f"500 kills, {midway} midway; 5 000 flipped bits, after {useful} of which the cache was still of use"


def test_the_oracle_notices(folder, expected, tmp_path):
    shutil.copytree(folder, tmp_path / "a")
    (tmp_path / "a/3.jpg").write_bytes((tmp_path / "a/4.jpg").read_bytes())
    assert passes.measured(str(tmp_path / "a"), None)[0] != expected


def kill_at_random(zygote: Zygote, folder: Path, expected: str, place: Path, kills: int, seed: int) -> int:
    """Kill passes at random moments, each going on with what the last one left; return how many died midway."""
    chance = random.Random(seed)
    midway, known = 0, 0
    for name in ("first", "second"):  # it comes to life with the first
        started = time.monotonic()
        zygote.start(folder, place / name)
        assert zygote.end()[0] == 0
        whole_s = time.monotonic() - started
    for turn in range(kills):
        cache = place / f"cache{turn // 3}"
        pid = zygote.start(folder, cache)
        time.sleep(chance.uniform(0, whole_s))
        os.kill(pid, signal.SIGKILL)
        code, found = zygote.end()
        midway += code != 0
        if found is not None:
            assert found[0] == expected and not found[2]
        if turn % 3 == 2:
            digest, count = passes.measured(str(folder), str(cache))
            assert digest == expected
            known += count
    assert known, "no killed pass left anything: nothing was resumed"
    return midway


def test_killed_at_any_moment(zygote, folder, expected, tmp_path):
    assert kill_at_random(zygote, folder, expected, tmp_path, 60, seed=1) >= 20


def flip_bits(folder: Path, expected: str, good: Path, place: Path, flips: int, seed: int) -> int:
    """Flip one bit of a whole cache at a time; return in how many something was still known."""
    chance, useful = random.Random(seed), 0
    data = (good / NAME).read_bytes()
    for _ in range(flips):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        changed = bytearray(data)
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (place / NAME).write_bytes(changed)
        for _ in range(2):  # what it found damaged must not harm the run after it either
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CacheWarning)
                digest, known = passes.measured(str(folder), str(place))
            assert digest == expected
        useful += known > 0
    return useful


def test_flipped_bits(folder, expected, good, tmp_path):
    assert flip_bits(folder, expected, good, tmp_path / "cache", 200, seed=2) >= 190


@pytest.mark.parametrize(
    "damage", ["garbage", "empty", "cut", "a folder", "another program's", "an older version", "a text", "a schema that is no text"]
)
def test_what_is_no_cache_of_ours_is_begun_anew(folder, expected, good, tmp_path, damage):
    cache = tmp_path / "cache"
    shutil.copytree(good, cache)
    path, data = cache / NAME, (good / NAME).read_bytes()
    if damage == "a folder":
        path.unlink()
        path.mkdir()
    elif damage in ("another program's", "an older version"):
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA application_id = 1" if damage.startswith("another") else "PRAGMA user_version = 0")
        db.close()
    else:
        content = {
            "a schema that is no text": data.replace(b"CREATE TABLE files", b"CREATE TABL\xc9 files"),
            "garbage": random.Random(3).randbytes(50_000),
            "empty": b"",
            "cut": data[: len(data) // 2],
            "a text": b"hello\n" * 900,
        }
        path.write_bytes(content[damage])
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CacheWarning)
            digest, known = passes.measured(str(folder), str(cache))
        assert digest == expected
    assert known == (0 if damage == "a folder" else 27)


def test_a_newer_version_is_left_alone(folder, expected, good, tmp_path):
    cache = tmp_path / "cache"
    shutil.copytree(good, cache)
    with sqlite3.connect(cache / NAME) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = (cache / NAME).read_bytes()
    with pytest.warns(CacheWarning, match="newer version"):
        assert passes.measured(str(folder), str(cache)) == (expected, 0)
    assert (cache / NAME).read_bytes() == before


def test_full_disk(folder, expected, tmp_path, monkeypatch):
    from visdatcompy_ds.engine.cache import store

    once = store._connected

    def small(path):
        db = once(path)
        db.execute("PRAGMA max_page_count = 9")
        return db

    monkeypatch.setattr(store, "_connected", small)
    with pytest.warns(CacheWarning, match="full"):
        assert passes.measured(str(folder), str(tmp_path / "cache"))[0] == expected
    monkeypatch.setattr(store, "_connected", once)
    assert passes.measured(str(folder), str(tmp_path / "cache"))[0] == expected


@pytest.fixture
def small_disk(tmp_path):
    """Return a maker of real disks of a few kB, which go with the test."""
    mounted = []

    def make(kb: int) -> Path:
        place = tmp_path / f"disk{kb}"
        place.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kb}k", "none", place], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield make
    for place in mounted:
        subprocess.run(["umount", place], check=True)


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="only root can mount a small disk, and Linux has tmpfs")
@pytest.mark.parametrize("kb", [16, 32, 64, 96, 128, 200])
def test_a_disk_that_is_really_full(folder, expected, small_disk, kb):
    cache = small_disk(kb) / "cache"
    for turn in range(3):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            assert passes.measured(str(folder), str(cache))[0] == expected
        complaints = [str(one.message) for one in said if one.category is CacheWarning]
        assert len(complaints) <= 1 and (turn or complaints or kb > 64), complaints
    compared = {}
    for place in (None, cache):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            plan = VisDatCompare(Dataset(folder, cache=place or "off"), show_progress=False).run(sample=5)
        compared[place] = plan
        assert len([one for one in said if one.category is CacheWarning]) <= 1, [str(one.message) for one in said]
    assert compared[None].to_frame().equals(compared[cache].to_frame()) and compared[None].pairs().equals(compared[cache].pairs())
    assert list(compared[None].selection.table.id) == list(compared[cache].selection.table.id)


def test_no_file_may_grow(zygote, folder, expected, tmp_path):
    zygote.start(folder, tmp_path / "cache", most_bytes=20_000)
    code, found = zygote.end()
    # Some systems end a process that writes beyond its limit; the next one must not suffer from it.
    assert code or (found[0] == expected and "The cache" in found[2][0])
    assert passes.measured(str(folder), str(tmp_path / "cache"))[0] == expected


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become another user")
def test_a_folder_of_somebody_else(zygote, folder, expected, good, tmp_path):
    for path in (folder, *folder.parents):
        if path.stat().st_mode & 0o005 != 0o005 and path.stat().st_uid == 0 and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
    cache = tmp_path / "cache"
    shutil.copytree(good, cache)
    cache.chmod(0o700)
    before = (cache / NAME).read_bytes()
    zygote.start(folder, cache, uid=65534)
    code, found = zygote.end()
    assert code == 0 and found[0] == expected and "The cache" in found[2][0]
    assert (cache / NAME).read_bytes() == before


def test_two_at_once(folder, expected, tmp_path):
    cache = tmp_path / "cache"
    servers = [Zygote(folder) for _ in range(3)]
    try:
        for server in servers:
            server.start(folder, cache)
        ends = [server.end() for server in servers]
    finally:
        for server in servers:
            server.close()
    assert all(code == 0 and found[0] == expected and not found[2] for code, found in ends), ends
    assert passes.measured(str(folder), str(cache)) == (expected, 27)


def test_the_folder_is_its_owners_alone(good):
    if os.name == "posix":
        assert good.stat().st_mode & 0o077 == 0


def test_what_else_is_known_is_not_touched(folder, good, tmp_path):
    """A look at one file reads a handful of rows, whatever else is kept."""
    asked = []
    cache = Cache(good)
    with cache:
        cache._db.set_trace_callback(asked.append)
        info = (folder / "3.jpg").stat()
        stat = (info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_dev, info.st_ino)
        found = cache.files([os.fsencode(folder / "3.jpg")], [stat], True)
        plan = list(cache._db.execute(f"EXPLAIN QUERY PLAN {asked[-1]}"))
    assert len(found) == 1 and len(asked) == 1 and all(b"SCAN" not in row[-1] for row in plan), plan


def test_no_pickle_anywhere():
    root = Path(visdatcompy_ds.__file__).parent
    for path in root.rglob("*.py"):
        if path.parent.name == "worker":  # between two processes of one program, which nothing else can write to
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in getattr(node, "names", [])] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in names} & {"pickle", "marshal", "shelve", "dill", "joblib"}, path
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, path
