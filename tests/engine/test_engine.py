import os
import threading
import time

import pytest

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.engine import files, move
from visdatcompy_ds.engine.run import progress, run, worker_count


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
def test_results_come_in_the_order_of_the_tasks(workers):
    def slow_first(task):
        time.sleep(0.02 if task == 0 else 0)
        return task * 2

    assert list(run(list(range(40)), slow_first, workers)) == [2 * task for task in range(40)]


def test_leaving_early_cancels_what_has_not_begun():
    begun = []
    for result in run(list(range(1000)), lambda task: begun.append(task) or task, 2):
        if result == 3:
            break
    assert len(begun) < 100


def test_an_error_in_a_task_is_raised_and_ends_the_run():
    with pytest.raises(ZeroDivisionError):
        list(run([1, 0, 2], lambda task: 1 / task, 2))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("visdatcompy")]


@pytest.mark.parametrize("workers", [-1, 1.5, "many", True, None])
def test_workers_are_auto_or_a_number(workers):
    with pytest.raises(ArgumentError, match="workers"):
        worker_count(workers)


def test_progress_is_quiet_where_there_is_no_terminal(capsys):
    bar = progress(10, "reading")
    bar.update(10)
    bar.close()
    assert capsys.readouterr().err == ""


def test_a_fifo_is_found_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    found = {item.name: item.problem for item in files.walk(os.fsencode(tmp_path))}
    assert found == {b"pipe.jpg": "FIFO"}
    with pytest.raises(OSError, match="FIFO"):
        files.read(os.fsencode(tmp_path / "pipe.jpg"))


def test_a_walk_goes_deep_and_round_no_loop(tmp_path):
    folder = tmp_path
    for _ in range(60):
        folder = folder / "d"
    folder.mkdir(parents=True)
    (folder / "x.jpg").write_bytes(b"x")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    problems = {item.name: item.problem for item in files.walk(os.fsencode(tmp_path))}
    assert problems == {b"loop": "link to a folder", b"gone.jpg": "dangling link", b"d/" * 60 + b"x.jpg": ""}


def test_folders_of_results_are_not_walked(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".visdatcompy_ds").write_bytes(b"")
    (tmp_path / "out" / "a.jpg").write_bytes(b"")
    assert [item.problem for item in files.walk(os.fsencode(tmp_path))] == ["folder of results of visdatcompy_ds"]


def test_reading_gives_the_beginning_or_all(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    assert files.read(os.fsencode(path)) == b"0123456789" and files.read(os.fsencode(path), 4) == b"0123"


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    files.write_atomically(path, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["table.csv"]


@pytest.mark.parametrize("how", move.HOW)
def test_placing_never_overwrites(tmp_path, how):
    source, target = tmp_path / "a.jpg", tmp_path / "out" / "a.jpg"
    source.write_bytes(b"mine")
    move.place(os.fsencode(source), os.fsencode(target), how)
    assert target.read_bytes() == b"mine"
    target.unlink()
    target.write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        move.place(os.fsencode(source), os.fsencode(target), how)
    assert target.read_bytes() == b"theirs" and len(os.listdir(target.parent)) == 1


def test_a_copy_keeps_the_time_and_works_without_links(tmp_path, monkeypatch):
    source = tmp_path / "a.jpg"
    source.write_bytes(b"x")
    os.utime(source, (1_000_000, 1_000_000))

    def no_links(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "link", no_links)
    move.place(os.fsencode(source), os.fsencode(tmp_path / "b.jpg"), "copy")
    assert (tmp_path / "b.jpg").stat().st_mtime == 1_000_000
    with pytest.raises(FileExistsError):
        move.place(os.fsencode(source), os.fsencode(tmp_path / "b.jpg"), "copy")
