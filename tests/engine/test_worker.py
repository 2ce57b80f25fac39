"""Workers: what travels, who is blamed, what is bounded, and that none outlives its parent."""

import io
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from visdatcompy_ds.base.errors import ArgumentError, MissingDependencyError, VisdatError
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.engine.run import available_cores, worker_count, worker_kind
from visdatcompy_ds.engine.worker import crew, pipe, run_isolated, why_not

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "safety"))
import deaths  # noqa: E402

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, or makes deaths by signals")


def workers_of(pid: int | None = None) -> list[int]:
    """Return the living worker processes, of one parent or of this one."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            line, stat = Path(f"/proc/{name}/cmdline").read_bytes(), Path(f"/proc/{name}/stat").read_text()
        except OSError:
            continue
        state, parent = stat.rpartition(")")[2].split()[:2]
        if b"visdatcompy_ds.engine.worker" in line and state != "Z" and int(parent) == (pid or os.getpid()):
            found.append(int(name))
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(happens, seconds=10.0):
    ends = time.monotonic() + seconds
    while not (value := happens()):
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.01)
    return value


@pytest.fixture
def script(tmp_path):
    """Return a starter of a plain script, without a main guard, that has our modules by changes of sys.path alone."""
    begun = []

    def start(code: str) -> subprocess.Popen:
        path = tmp_path / "plain.py"
        path.write_text(
            f"import sys\nsys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests' / 'safety')!r}]\nimport deaths\n{code}", encoding="utf-8"
        )
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [sys.executable, "-W", "error", str(path)]
        begun.append(
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment, start_new_session=True
            )
        )
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


# --- the pipe


@pytest.mark.parametrize(
    "thing",
    [
        None,
        [],
        {"a": [b"\0" * 70_000]},
        np.arange(10),
        np.zeros((300, 300), np.uint8),
        np.asfortranarray(np.ones((400, 300))),
        np.empty((0, 4)),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_a_frame_brings_back_what_was_sent(thing):
    stream = io.BytesIO()
    pipe.send(stream, pipe.pack(thing))
    stream.seek(0)
    got = pipe.unpack(pipe.receive(stream))
    np.testing.assert_equal(got, thing)
    if isinstance(thing, np.ndarray):
        assert got.flags.writeable
    assert pipe.receive(stream) is None


def test_a_frame_that_is_cut_off_is_no_frame():
    stream = io.BytesIO()
    pipe.send(stream, pipe.pack([np.zeros(100_000, np.uint8), "end"]))
    for size in (0, 5, 12, 40, 1000, len(stream.getvalue()) - 1):
        assert pipe.receive(io.BytesIO(stream.getvalue()[:size])) is None


# --- ordinary work


def test_each_item_has_its_result_whatever_the_order():
    tasks = [[f"{k}-{j}" for j in range(k % 5)] for k in range(60)]
    found = deaths.results(tasks, count=3)
    expected = {item: (digest,) for task in tasks for item, digest in deaths.Dying()(task, lambda k: None)}
    assert found == expected
    assert len(found) == sum(map(len, tasks))


def test_no_task_no_result():
    assert deaths.results([]) == {}


@on_linux
def test_tasks_are_pulled_when_there_is_room_and_may_follow_from_results():
    pulled, known = [], []

    def tasks():
        for k in range(40):
            pulled.append(k)
            yield [f"{k}-{len(known)}"]

    results = run_isolated(tasks(), deaths.Dying(), 2, 10, 1 << 30)
    assert len(until(lambda: len(workers_of()) == 2 and workers_of())) == 2, "they start before the first result is asked for"
    assert pulled == []
    for part in results:
        known += part
        assert len(pulled) <= len(known) + 2 * 2
    assert len(known) == 40
    assert known[-1][0] != "39-0"
    assert workers_of() == []


def test_tasks_that_ended_are_asked_again_after_a_result():
    class Tasks:
        def __init__(self):
            self.left = [["a"]]

        def __iter__(self):
            return self

        def __next__(self):
            if self.left:
                return self.left.pop()
            raise StopIteration

    tasks, found = Tasks(), []
    for ((item, _),) in run_isolated(tasks, deaths.Dying(), 2, 10, 1 << 30):
        found.append(item)
        if len(found) < 5:
            tasks.left.append([f"after-{item}"])
    assert len(found) == 5


@on_linux
def test_leaving_early_or_dropping_what_never_ran_ends_the_workers():
    results = run_isolated((["a"] for _ in iter(int, 1)), deaths.Dying(), 2, 10, 1 << 30)
    next(results)
    results.close()
    assert workers_of() == []
    results = run_isolated([["a"]], deaths.Dying(), 2, 10, 1 << 30)
    until(workers_of)
    del results
    assert workers_of() == []
    assert not [thread for thread in threading.enumerate() if thread.daemon and "_live" in thread.name]


def test_an_error_of_the_tasks_ends_the_run():
    def tasks():
        yield ["a"]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(run_isolated(tasks(), deaths.Dying(), 2, 10, 1 << 30))


def test_what_libraries_print_or_read_is_not_ours(capfd):
    tasks = [["chatter-1", "a"], ["chatter-2"]]
    assert len(deaths.results(tasks)) == 3
    assert capfd.readouterr() == ("", "")


def test_a_work_of_many_megabytes_and_long_tasks_go_through_the_pipes():
    found = deaths.results([["x" * 200_000 + str(k)] for k in range(6)], deaths.Dying(note="y" * 5_000_000), most_bytes=1 << 30)
    assert len(found) == 6


# --- deaths


@on_linux
@pytest.mark.parametrize(
    ("item", "at", "end"),
    [
        *((f"{kind}-0", at, end) for kind, end in deaths.KINDS.items() for at in (0, 2)),
        ("abort-0", 3, (Status.CRASHED, "decoder crashed (SIGABRT)")),
        ("exit-0", 1, (Status.CRASHED, "decoder ended the process (exit code 1)")),
        ("hold-0", 3, (Status.TIMEOUT, "took longer than 1 s")),
    ],
)
def test_exactly_the_item_in_work_is_lost(item, at, end):
    task = ["a", "b", "c"]
    task.insert(at, item)
    found = deaths.results([task, ["d", "e"]], count=1)
    assert found.pop(item) == end
    assert sorted(found) == ["a", "b", "c", "d", "e"]
    assert all(len(value) == 1 for value in found.values())


@on_linux
def test_an_innocent_item_is_cleared(tmp_path):
    found = deaths.results([["a", f"once-{tmp_path}/died", "b"], ["c"]])
    assert (tmp_path / "died").exists()
    assert len(found) == 4
    assert all(len(value) == 1 for value in found.values())


@on_linux
def test_a_death_with_no_item_in_work_is_found_one_by_one():
    found = deaths.results([["a", "later-segv-1", "b"], ["c", "later-memory-1"]])
    assert found["later-segv-1"] == deaths.KINDS["segv"]
    assert found["later-memory-1"] == deaths.KINDS["memory"]
    assert all(len(found[item]) == 1 for item in "abc")


@on_linux
def test_work_on_no_single_item_is_bounded_as_well(monkeypatch):
    monkeypatch.setattr(crew, "_MOST_QUIET_S", 1.0)
    found = deaths.results([["later-hang-1"]], count=1)
    assert found["later-hang-1"] == (Status.TIMEOUT, "took longer than 1 s")


def test_each_item_has_all_the_time():
    """A task of three items, each within its limit, exceeds the limit of one."""
    found = deaths.results([["nap-1", "nap-2", "nap-3"]], count=1)
    assert all(len(value) == 1 for value in found.values())


@on_linux
def test_a_caller_who_takes_his_time_makes_no_item_late():
    results = run_isolated([[str(k)] for k in range(6)], deaths.Dying(), 2, 0.3, 1 << 30)
    for part in results:
        time.sleep(0.35)
        assert all(len(row) == 2 for row in part)


def test_an_error_of_the_work_is_raised_here_with_the_place_there():
    with pytest.raises(KeyError, match="bug-1") as caught:
        deaths.results([["a", "bug-1"]])
    assert "deaths.py" in str(caught.value.__cause__)
    assert "in act" in str(caught.value.__cause__)


# --- what cannot be


def test_a_broken_environment_is_an_error_and_no_loop():
    work = deaths.Dying(modules=["no_such_module"])
    with pytest.raises(MissingDependencyError, match=r"No module named 'no_such_module'.*threads") as caught:
        deaths.results([["a"]], work)
    assert isinstance(caught.value, VisdatError)
    assert why_not(work) == "a worker cannot import the module no_such_module"


def test_a_python_that_does_not_start_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(MissingDependencyError, match="/no/such/python"):
        deaths.results([["a"]])
    monkeypatch.setattr(sys, "executable", "")
    assert "Python executable" in why_not(deaths.Dying())


@on_linux
def test_workers_that_no_longer_start_end_the_run(tmp_path, monkeypatch):
    flag = tmp_path / "broken"
    (tmp_path / "sometimes.py").write_text(f"import os\nassert not os.path.exists({str(flag)!r}), 'broken by now'\n")
    monkeypatch.syspath_prepend(tmp_path)

    def tasks():
        yield ["a"]
        flag.touch()
        yield ["segv-1"]

    with pytest.raises(MissingDependencyError, match="broken by now"):
        deaths.results(tasks(), deaths.Dying(modules=["sometimes"]), count=1)


def test_why_not(monkeypatch):
    assert why_not(deaths.Dying()) == ""
    assert why_not(deaths.Dying(modules=["visdatcompy_ds.engine.files", "numpy"])) == ""
    assert "cannot travel" in why_not(deaths.Dying(note=threading.Lock()))
    assert "cannot travel" in why_not(deaths.Dying(note=lambda: None))
    assert "cannot import the module deaths.inner" in why_not(deaths.Dying(modules=["deaths.inner"]))

    class Here(deaths.Dying):
        pass

    Here.__qualname__ = "Here"
    Here.__module__ = "__main__"
    monkeypatch.setattr(sys.modules["__main__"], "Here", Here, raising=False)
    assert pickle.dumps(Here())
    assert "script or notebook" in why_not(Here())
    assert "script or notebook" in why_not(deaths.Dying(modules=["__main__"]))


def test_a_module_that_is_loaded_but_cannot_be_found_is_a_reason(tmp_path):
    import types

    made = types.ModuleType("made_in_a_notebook")
    sys.modules["made_in_a_notebook"] = made
    try:
        assert why_not(deaths.Dying(modules=["made_in_a_notebook"])) == "a worker cannot import the module made_in_a_notebook"
    finally:
        del sys.modules["made_in_a_notebook"]


# --- parents


@on_linux
def test_a_plain_script_needs_no_main_guard(script):
    process = script("print(sorted(deaths.results([['a', 'segv-1'], ['b']])))")
    assert process.communicate(timeout=30) == ("['a', 'b', 'segv-1']\n", "")


@on_linux
def test_a_script_that_ends_with_workers_on_its_hands_just_ends(script):
    process = script(
        "results = deaths.run_isolated((['a'] for _ in iter(int, 1)), deaths.Dying(), 2, 10, 1 << 30)\nprint(len(next(results)))"
    )
    assert process.communicate(timeout=30) == ("1\n", "")
    assert process.returncode == 0


HANGING = "print('go', flush=True)\nfor part in deaths.run_isolated([['{item}']] * 4, deaths.Dying(), 2, 100, 1 << 30):\n    pass"


@on_linux
def test_ctrl_c_ends_all_within_two_seconds(script):
    process = script(HANGING.format(item="hang-1"))
    process.stdout.readline()
    children = until(lambda: len(workers_of(process.pid)) == 2 and workers_of(process.pid))
    time.sleep(0.3)
    started = time.monotonic()
    for pid in (*children, process.pid):
        os.kill(pid, signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert time.monotonic() - started < 2
    assert process.returncode in (-signal.SIGINT, 130)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert "Warning" not in said
    assert not any(map(is_alive, children))


@on_linux
@pytest.mark.parametrize("item", ["hang-1", "hold-1"])
def test_no_worker_outlives_a_killed_parent(script, item):
    process = script(HANGING.format(item=item))
    process.stdout.readline()
    children = until(lambda: len(workers_of(process.pid)) == 2 and workers_of(process.pid))
    time.sleep(0.3)
    process.kill()
    until(lambda: not any(map(is_alive, children)), 2)


@on_linux
def test_the_thread_that_began_may_end_before_the_work():
    """Linux kills a child with the thread that started it; ours is not the caller's."""
    made = []
    thread = threading.Thread(target=lambda: made.append(run_isolated([["a"], ["b"]], deaths.Dying(), 2, 10, 1 << 30)))
    thread.start()
    thread.join()
    until(lambda: len(workers_of()) == 2)
    before = workers_of()
    time.sleep(0.2)
    assert workers_of() == before
    assert len(list(made[0])) == 2


@pytest.mark.parametrize("way", ["by its parent", "by hand"])
def test_a_worker_runs_nothing_of_the_folder_it_is_in(tmp_path, way):
    """Often one of photos that somebody sent."""
    for name in ("queue", "numpy", "pickle", "visdatcompy_ds", "deaths", "runpy", "gc", "mmap", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'it_ran')!r}, 'a').write({name!r})\n")
    script = tmp_path / "scripts" / "plain.py"
    script.parent.mkdir()
    paths = f"import sys\nsys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests' / 'safety')!r}]\n"
    script.write_text(paths + "import deaths\nprint(sorted(deaths.results([['a'], ['b']], deaths.Dying(modules=['numpy']))))")
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    if way == "by its parent":
        done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=60)
        assert (done.stdout, done.stderr) == ("['a', 'b']\n", "")
    else:  # from anywhere else; without a parent it has nothing to do, and ends
        done = subprocess.run(
            [sys.executable, "-m", "visdatcompy_ds.engine.worker", "no cell"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment,
            timeout=60,
        )
        assert done.returncode == 1 and "no cell" in done.stderr
    assert not (tmp_path / "it_ran").exists(), (tmp_path / "it_ran").read_text()


def test_importing_workers_loads_nothing_heavy():
    code = "import visdatcompy_ds.engine.worker, sys; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert not set(out.split()) & {"numpy", "multiprocessing", "subprocess", "tempfile", "ctypes"}


# --- workers=


@pytest.mark.parametrize(
    ("workers", "kind", "count"),
    [
        ("auto", "auto", None),
        (0, "auto", 1),
        (1, "auto", 1),
        (7, "auto", 7),
        ("threads", "threads", None),
        ("threads:3", "threads", 3),
        ("processes", "processes", None),
        ("processes:1", "processes", 1),
        ("processes:256", "processes", 256),
    ],
)
def test_words_for_workers(workers, kind, count):
    assert worker_kind(workers) == kind
    assert worker_count(workers) == (count or available_cores())


@pytest.mark.parametrize(
    "workers",
    [-1, 257, 2.0, True, None, "", "auto:2", "threads:", "threads:0", "processes:257", "processes:-1", "process", "3", "threads:²"],
)
def test_other_words_are_refused_in_three_parts(workers):
    for function in (worker_count, worker_kind):
        with pytest.raises(ArgumentError, match="workers=") as caught:
            function(workers)
        assert all((caught.value.given, caught.value.allowed, caught.value.remedy))
