"""Gate G8: whatever a folder holds, a scan ends, lists each path once with what became of it, and the exit code says so."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap

import mutants
import pytest
import world

from visdatcompy_ds.base.names import to_bytes
from visdatcompy_ds.base.tables import STATUSES
from visdatcompy_ds.engine import files
from visdatcompy_ds.stages.fingerprint import fingerprint
from visdatcompy_ds.stages.scan import scan

PNG = world.picture(0)
HOSTILE = [
    b"bad\xff\xfe.png",
    b"new\nline.png",
    b"return\r.png",
    b"comma,quote\"'.png",
    b"=1+1.png",
    b"=..png",
    b"<script>alert(1)<.png",
    b"esc\x1b[31m.png",
    "\u202egnp.exe.png".encode(),
    b"back\\slash.png",
    b" lead and trail .png",
    b"-rf.png",
    b"NA.png",
    b"%s%n.png",
    b"*?[a].png",
    b"a" * 251 + b".png",
]
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def folder():
    """Return a folder that goes with the test, however deep it became: shutil.rmtree recurses."""
    made = tempfile.mkdtemp(prefix="safety-", dir=world.FAST)
    os.chmod(made, 0o755)
    yield os.fsencode(made)
    subprocess.run(["rm", "-rf", made], check=True)


def put(*parts: bytes, data: bytes = PNG) -> None:
    path = os.path.join(*parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as stream:
        stream.write(data)


def ends(table) -> dict[str, tuple[str, str]]:
    rows = {file_id: (STATUSES[code], reason) for file_id, code, reason in zip(table.id, table.status, table.reason, strict=True)}
    assert len(rows) == len(table), "a path stands twice"
    return rows


def read(source) -> dict[str, tuple[str, str]]:
    """Return the ends after scanning and reading."""
    table, _ = fingerprint(scan(source), ["width", "phash"], 2, show_progress=False)
    rows = ends(table.files)
    assert all(table["width"][row] == 8 for row, code in enumerate(table.files.status) if STATUSES[code] == "ok")
    return rows


def dig(folder: bytes, name: bytes, depth: int) -> bytes:
    """Make folders in folders, deeper than any path may name, with an image in the last; return its id."""
    at = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    image = os.open(b"x.png", os.O_CREAT | os.O_WRONLY, dir_fd=at)
    os.write(image, PNG)
    os.close(image)
    os.close(at)
    return (name + b"/") * depth + b"x.png"


def child(code: str, *arguments: bytes, **options):
    """Run code in a process that has imported everything, and return what it prints as JSON."""
    start = "import json, os, sys\nfrom test_g8_scan import *\nfolder = os.fsencode(sys.argv[1])\n"
    done = subprocess.run(
        [sys.executable, "-c", start + textwrap.dedent(code), *arguments],
        capture_output=True,
        check=False,
        env=mutants.same_package(),
        **options,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)


# What python loads on the way, another user may not be allowed to read: so all is done once before.
AS_NOBODY = """
with tempfile.TemporaryDirectory() as warm:
    put(os.fsencode(warm), b"x.png")
    read(warm)
    run_command(["clean", warm, "--out", warm + "/out", "--quiet"])
os.setgroups([]), os.setgid(65534), os.setuid(65534)
"""


def run_command(arguments: list[str]) -> tuple[int, str]:
    """Return the exit code and the words of a command, run in this process."""
    from visdatcompy_ds.cli import main

    said, kept = io.StringIO(), sys.argv
    sys.argv = ["visdatcompy-ds", *arguments]
    try:
        with contextlib.redirect_stdout(said):
            main()
    except SystemExit as end:
        return int(end.code or 0), said.getvalue()
    finally:
        sys.argv = kept
    return 0, said.getvalue()


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "visdatcompy_ds", *map(os.fsencode, map(str, arguments))],
        capture_output=True,
        check=False,
        text=True,
        timeout=100,
        env=mutants.same_package(),
    )


def test_loops_of_links_end_and_links_to_folders_are_not_followed(folder):
    put(folder, b"a", b"x.png")
    os.symlink(folder, os.path.join(folder, b"a", b"up"))
    os.symlink(b"one", os.path.join(folder, b"two"))
    os.symlink(b"two", os.path.join(folder, b"one"))
    os.symlink(b"nowhere.png", os.path.join(folder, b"gone.png"))
    os.symlink(b"a/x.png", os.path.join(folder, b"link.png"))
    assert read(folder) == {
        "a/up": ("skipped", "link to a folder"),
        "a/x.png": ("ok", ""),
        "gone.png": ("skipped", "dangling link"),
        "link.png": ("ok", ""),
        "one": ("skipped", "dangling link"),
        "two": ("skipped", "dangling link"),
    }


def test_what_is_no_file_is_never_opened(folder):
    os.mkfifo(os.path.join(folder, b"fifo.png"))
    os.symlink(b"/dev/zero", os.path.join(folder, b"device.png"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.join(folder, b"socket.png"))
        found = read(folder)
    assert found == {"device.png": ("skipped", "device"), "fifo.png": ("skipped", "FIFO"), "socket.png": ("skipped", "socket")}


def test_a_fifo_that_took_the_place_of_a_file_hangs_nothing(folder):
    put(folder, b"x.png")
    table = scan(folder)
    os.unlink(os.path.join(folder, b"x.png"))
    os.mkfifo(os.path.join(folder, b"x.png"))
    measured, _ = fingerprint(table, ["width"], 2)
    assert ends(measured.files) == {"x.png": ("unreadable", "FIFO")}


@pytest.mark.parametrize(("name", "depth"), [(b"d", 1100), (b"d", 3000), (b"e" * 250, 40)], ids=["1100 deep", "3000 deep", "long names"])
def test_any_depth_is_walked_and_read(folder, name, depth):
    file_id = dig(folder, name, depth)
    put(folder, b"y.png")
    assert read(folder) == {file_id.decode(): ("ok", ""), "y.png": ("ok", "")}


def test_a_deep_tree_needs_few_descriptors(folder):
    dig(folder, b"d", 1100)
    for number in range(300):
        put(folder, b"wide%d" % number, b"x.png")
    found = child(
        """
        import resource
        scan(os.path.join(folder, b"wide1"))  # loads what there is to load
        used = len(os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 3, used + 3))
        print(json.dumps([STATUSES[code] for code in scan(folder).status]))
        """,
        folder,
    )
    assert found == ["ok"] * 301


def test_without_descriptors_every_path_is_still_listed(folder):
    for number in range(5):
        put(folder, b"sub", b"%d.png" % number)
    found = child(
        """
        import resource
        scan(folder)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        print(json.dumps(ends(scan([folder]))))
        """,
        folder,
    )
    assert list(found.values()) == [["unreadable", "folder: too many open files"]]


def test_a_way_without_descriptors_of_folders_finds_the_same(folder, monkeypatch):
    for name in (b"a/x.png", b"b/c/y.png", b"b/z.txt", *HOSTILE):
        put(folder, name)
    os.symlink(b"a", os.path.join(folder, b"l"))
    put(folder, b"results", files.MARKER, data=b"")
    expected = ends(scan(folder))
    monkeypatch.setattr(files, "_BY_DESCRIPTOR", False)
    assert ends(scan(folder)) == expected


@as_root
def test_without_permission_it_is_said_of_which_path(folder):
    put(folder, b"shut", b"x.png")
    put(folder, b"no entry", b"x.png")
    put(folder, b"secret.png")
    put(folder, b"fine.png")
    for name, mode in ((b"shut", 0), (b"no entry", 0o444), (b"secret.png", 0), (b"fine.png", 0o644)):
        os.chmod(os.path.join(folder, name), mode)
    found = child(AS_NOBODY + "print(json.dumps(read(folder)))", folder)
    assert found == {
        "fine.png": ["ok", ""],
        "no entry/x.png": ["unreadable", "permission denied"],
        "secret.png": ["unreadable", "permission denied"],
        "shut": ["unreadable", "folder: permission denied"],
    }
    with tempfile.TemporaryDirectory() as out:
        os.chmod(out, 0o777)
        code = """
        print(json.dumps([run_command([*words, sys.argv[1]]) for words in (["info"], ["info", "--strict"])]
            + [run_command(["clean", sys.argv[1], "--out", sys.argv[2], "--strict"])]))
        """
        done = child(AS_NOBODY + textwrap.dedent(code), folder, os.fsencode(os.path.join(out, "results")))
        with open(os.path.join(out, "results", "problems.csv"), encoding="utf-8") as stream:
            problems = stream.read()
    assert [code for code, _ in done] == [0, 3, 3]
    assert "3 unusable (problems.csv)" in done[-1][1]
    assert all(name in problems for name in ("no entry/x.png", "secret.png", "shut"))


def test_what_vanishes_while_it_is_listed_has_vanished(folder):
    for number in range(50):
        put(folder, b"%02d.png" % number)
    put(folder, b"sub", b"x.png")
    walking = files.walk(folder)
    first = next(walking)
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name == b"sub":
            shutil.rmtree(path)
        elif path != first.path:
            os.unlink(path)
    rest = [(found.name, found.problem) for found in walking]
    assert len(rest) >= 1
    assert {problem for name, problem in rest if name != b"sub"} <= {"vanished"}
    assert dict(rest).get(b"sub", "folder: no such file or directory") == "folder: no such file or directory"


def test_what_vanishes_before_it_is_read_has_vanished(folder):
    put(folder, b"x.png")
    put(folder, b"y.png", data=world.picture(1))
    table = scan(folder)
    os.unlink(os.path.join(folder, b"x.png"))
    measured, _ = fingerprint(table, ["width", "phash"], 2)
    assert ends(measured.files) == {"x.png": ("vanished", "no such file"), "y.png": ("ok", "")}


def test_a_disk_that_fails_in_the_middle_of_a_folder_is_a_problem(folder, monkeypatch):
    put(folder, b"a", b"x.png")
    put(folder, b"y.png")

    class Failing:
        def __init__(self, entries):
            self.entries = entries

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.entries.close()

        def __iter__(self):
            for entry in self.entries:
                if entry.name == "x.png":
                    raise OSError(errno.EIO, "Input/output error")
                yield entry

    original = os.scandir
    monkeypatch.setattr(files.os, "scandir", lambda at: Failing(original(at)))
    assert ends(scan(folder)) == {"a": ("unreadable", "folder: input/output error"), "y.png": ("ok", "")}


def test_one_file_by_many_ways_is_one_identity(folder):
    put(folder, b"a", b"x.png")
    os.link(os.path.join(folder, b"a", b"x.png"), os.path.join(folder, b"a", b"hard.png"))
    os.symlink(b"x.png", os.path.join(folder, b"a", b"soft.png"))
    inside = os.path.join(folder, b"a")
    table = scan([folder, inside, inside + b"/", folder + b"//a/."])
    assert sorted(table.id) == ["a/hard.png", "a/soft.png", "a/x.png"]
    assert len(set(zip(table.device.tolist(), table.inode.tolist(), strict=True))) == 1
    assert table.is_link.tolist() == [file_id == "a/soft.png" for file_id in table.id]
    named = scan({"one": folder, "two": inside})
    assert len(named) == 6 and len(set(named.inode.tolist())) == 1


@pytest.mark.parametrize(
    "form", [bytes, os.fsdecode, lambda path: path + b"/", lambda path: path + b"/."], ids=["bytes", "text", "slash", "dot"]
)
def test_a_source_is_a_path_in_any_form(folder, form):
    put(folder, b"x.png")
    assert list(scan(form(folder)).id) == ["x.png"]


def test_names_of_any_bytes_are_read_and_told_exactly(folder):
    for number, name in enumerate(HOSTILE):
        put(folder, name, data=world.picture(number))
    found = read(folder)
    assert {to_bytes(file_id) for file_id in found} == set(HOSTILE)
    assert set(found.values()) == {("ok", "")}


def test_a_mount_of_a_folder_in_itself_is_not_entered(folder):
    put(folder, b"x.png")
    inside = os.path.join(folder, b"again")
    os.mkdir(inside)
    if subprocess.run(["mount", "--bind", folder, inside], capture_output=True, check=False).returncode:
        pytest.skip("may not mount here")
    try:
        assert ends(scan(folder)) == {"again": ("skipped", "folder that holds itself"), "x.png": ("ok", "")}
    finally:
        subprocess.run(["umount", inside], check=True)


def test_an_empty_folder_and_one_of_nothing_but_problems_are_answered(folder):
    os.mkfifo(os.path.join(folder, b"x.png"))
    done = command("info", os.fsdecode(folder))
    assert "Traceback" not in done.stderr + done.stdout and done.returncode in (0, 1)
