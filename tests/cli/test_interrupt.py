"""Ctrl-C in the middle of a run: no traceback, exit code 130, nobody left behind, and the next run goes on."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest


def kept(cache):
    """Return the number of files that a cache knows, 0 while there is none."""
    try:
        with sqlite3.connect(f"file:{cache}/known-1.sqlite?mode=ro", uri=True) as db:
            return db.execute("SELECT count(*) FROM files").fetchone()[0]
    except sqlite3.Error:
        return 0
    finally:
        if "db" in locals():
            db.close()


def group_of(leader):
    """Return the processes of a group, which a terminal's Ctrl-C goes to."""
    found = subprocess.run(["ps", "-e", "-o", "pgid=,pid=,stat="], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if line.split()[0] == str(leader) and not line.split()[2].startswith("Z")]


@pytest.mark.skipif(os.name != "posix", reason="process groups")
@pytest.mark.parametrize("workers", ["threads:2", "processes:2"])
def test_ctrl_c_and_again(tmp_path, photo, write, workers):
    small = photo(1, 64, 48)
    for k in range(300):
        small[0, 0], small[1, 1] = k % 256, k // 256
        write(f"a/{k:04d}.png", small)
    time.sleep(2.1)
    command = [
        sys.executable,
        "-m",
        "visdatcompy_ds",
        "clean",
        str(tmp_path / "a"),
        "--workers",
        workers,
        "--cache",
        str(tmp_path / "cache"),
    ]
    # With a dear hash beside, so that there is time to interrupt it, and a cache that is filled more often.
    slow = (
        "import visdatcompy_ds.catalog.probes as p; p.CLEAN_PROBES.append('marr_hildreth');"
        "import visdatcompy_ds.stages.fingerprint.measure as m; m._GATHERED_FILES = 40;"
        "from visdatcompy_ds.cli import main; main()"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", slow, *command[3:], "--out", str(tmp_path / "one")],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not kept(tmp_path / "cache") and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGINT)
    started = time.monotonic()
    said, complained = running.communicate(timeout=30)
    took = time.monotonic() - started
    left = group_of(running.pid)
    assert running.returncode == 130 and "Interrupted" in complained and "Traceback" not in said + complained, complained
    assert not left and not (tmp_path / "one").exists()
    assert took < 10, "two seconds on a machine that does nothing else"
    known = kept(tmp_path / "cache")
    assert 0 < known < 300
    done = subprocess.run([sys.executable, "-c", slow, *command[3:], "--out", str(tmp_path / "two"), "-q"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    reading = json.loads((tmp_path / "two/run.json").read_text())["reading"]["a"]
    assert reading["known"] == known and reading["decodes"] == 300 - known


AT_IMPORT = """
import os, signal, sys
class Finder:
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(Finder)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder)
"""
WITHIN = """
import visdatcompy_ds.cli.options as options
def interrupted(*_):
    {code}
options.dataset_of = interrupted
import visdatcompy_ds.cli.app as app
app.dataset_of = interrupted
"""
MAIN = "from visdatcompy_ds.cli import main; main()"


@pytest.mark.skipif(os.name != "posix", reason="a signal to oneself")
@pytest.mark.parametrize(
    "before",
    [
        *(AT_IMPORT.format(module=name) for name in ("typer", "visdatcompy_ds.cli.compare", "visdatcompy_ds.dataset", "numpy", "cv2")),
        WITHIN.format(code="exec('raise KeyboardInterrupt')"),
        WITHIN.format(
            code="import time; made = type('Made', (), {'__del__': lambda self: exec('raise KeyboardInterrupt')})(); del made; time.sleep(9)"
        ),
        WITHIN.format(code="import signal, os; os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(5)"),
    ],
    ids=["typer", "a command", "dataset", "numpy", "cv2", "generated code", "a destructor", "the command"],
)
def test_ctrl_c_at_any_moment_is_no_error(tmp_path, photo, write, before):
    write("a/0.jpg", photo(1, 64, 48))
    words = [sys.executable, "-c", before + MAIN, "info", str(tmp_path / "a"), "--deep", "--cache", "off"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (130, "") and done.stderr.startswith("Interrupted.") and done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="a signal to oneself")
def test_ctrl_c_after_the_last_word_changes_nothing(tmp_path, photo, write):
    write("a/0.jpg", photo(1, 64, 48))
    before = "import atexit, os, signal; atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))\n"
    done = subprocess.run([sys.executable, "-c", before + MAIN, "info", str(tmp_path / "a")], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "") and "Next:" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="nohup")
def test_who_has_it_ignored_is_not_interrupted(tmp_path, photo, write):
    write("a/0.jpg", photo(1, 64, 48))
    before = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + AT_IMPORT.format(module="numpy")
    done = subprocess.run([sys.executable, "-c", before + MAIN, "info", str(tmp_path / "a")], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
