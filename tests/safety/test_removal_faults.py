"""What befalls a removal: other programs, full disks, missing rights, damaged journals, names that were taken."""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import kills
import oracle
import pytest
import world as worlds
from world import picture, put

from visdatcompy_ds.base.errors import ArgumentError, OutputError
from visdatcompy_ds.cli.app import run
from visdatcompy_ds.engine.move import Folder, Journal
from visdatcompy_ds.plan import Plan
from visdatcompy_ds.receipt import Receipt
from visdatcompy_ds.stages import act

shift = importlib.import_module("visdatcompy_ds.engine.move.shift")
NOBODY = 65534
needs_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")


def words(outcomes):
    return [outcome.outcome for outcome in outcomes]


def few(world, count=3):
    for at in range(count):
        world.pair(b"s/%d.png" % at, b"t/%d.png" % at, picture(at))
    put(world.new, b"s/stays.png", picture(99))
    world.seal()
    return world


@contextlib.contextmanager
def as_nobody():
    """Have no rights but everybody's: permissions do not bind root."""
    os.setresgid(NOBODY, NOBODY, 0)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


def give_to_nobody(folder):
    for at, folders, names in os.walk(folder):
        os.chown(at, NOBODY, NOBODY)
        for name in folders + names:
            os.chown(os.path.join(at, name), NOBODY, NOBODY)


# Two at once, and cut off


def test_a_second_removal_of_the_same_folder_is_told_to_wait_and_nothing_is_lost(make_world):
    world = few(make_world())
    before = oracle.manifest(world.tree)
    said = []

    def second(where):
        if where == "move":
            for step in (world.apply, lambda: act.undo(world.journal), lambda: act.purge(world.journal, 0)):
                with pytest.raises(OutputError, match="Another removal is at work"):
                    step()
                said.append(where)

    assert words(world.apply(pause=second)[1]) == ["moved"] * 3
    assert len(said) == 9
    assert words(act.undo(world.journal)) == ["restored"] * 3
    oracle.check_back(before, world.tree, world.quarantine)


def test_an_undo_leaves_a_line_alone_that_another_process_is_writing(make_world):
    world, seen = few(make_world()), []

    def meanwhile(where):
        if where == "done" and not seen:
            with open(world.journal, "ab") as stream:
                stream.write(b'{"do":"mo')
            with open(world.journal, "rb") as stream:
                seen.append(stream.read())
            for step in (act.undo, lambda path: act.purge(path, 0)):
                with pytest.raises(OutputError):
                    step(world.journal)
            with open(world.journal, "rb") as stream:
                assert stream.read() == seen[0]
            os.truncate(world.journal, len(seen[0]) - 9)

    world.apply(pause=meanwhile)
    assert seen


def test_ctrl_c_in_the_middle_ends_with_130_and_the_same_command_goes_on(make_world):
    world = kills.many_files(make_world(), 1200)
    before = oracle.manifest(world.tree)
    command = [sys.executable, "-m", "visdatcompy_ds", "apply", os.fsdecode(world.plan_path), "--yes", "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    ends = time.monotonic() + 60
    while time.monotonic() < ends and process.poll() is None:
        if os.path.isdir(world.quarantine) and (found := act.journals_in(world.quarantine)) and os.path.getsize(found[0]) > 5_000:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert b"Traceback" not in said
    assert 0 < len(oracle.held(world.quarantine)) < 1600, "interrupted too early or too late to mean anything"
    oracle.check_middle(before, world.tree, world.quarantine, False, {b"have/" + keeper for _, keeper, _ in world.pairs})
    assert run(command[3:]) == 0
    assert len(oracle.held(world.quarantine)) == 1600
    assert run(["undo", os.fsdecode(world.journal), "--quiet", "--yes"]) == 0
    oracle.check_back(before, world.tree, world.quarantine)


@pytest.mark.skipif(kills.STRACE is None, reason="strace is not installed")
def test_each_move_is_announced_on_the_disk_before_and_confirmed_after_its_folders_are_on_the_disk(make_world):
    world = few(make_world())
    log = os.fsdecode(os.path.join(world.base, b"trace"))
    with kills.Zygote() as zygote:
        assert zygote.traced("apply", world, "rename", "-e", "trace=write,renameat2,fsync", log=log) == 0
    steps = []
    for name, rest in kills.calls(log):
        if name == "renameat2" and "RENAME_NOREPLACE" in rest:
            steps.append("move")
        elif name == "fsync":
            steps.append("journal synced" if "journal.jsonl" in rest else "folder synced")
        elif name == "write" and "journal.jsonl" in rest:
            steps += [word for word in ("intent", "moved") if f'"do\\":\\"{word}' in rest.replace('\\\\"', '\\"')]
    told = " ".join(steps)
    assert told.count("intent journal synced move folder synced folder synced moved journal synced") == 3, told


# Disks and rights


def test_a_journal_that_cannot_be_written_stops_the_move_and_stays_readable(make_world, monkeypatch):
    """A disk that is full takes the first bytes of a line, and no more."""
    world = few(make_world())
    before = oracle.manifest(world.tree)
    real, calls = os.write, []

    def full(fd, data):
        if b'"do":"intent","n":1' in bytes(data):
            calls.append(fd)
            return real(fd, bytes(data)[:20])
        if calls and not bytes(data).startswith(b'{"do"'):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", full)
    outcomes = world.apply()[1]
    assert words(outcomes) == ["moved", "failed", "moved"], outcomes
    monkeypatch.undo()
    assert b"new/s/1.png" in oracle.manifest(world.tree)
    assert words(act.undo(world.journal)) == ["restored"] * 2
    oracle.check_back(before, world.tree, world.quarantine)


@pytest.mark.parametrize("how", ["write", "fsync"])
def test_a_move_that_cannot_be_confirmed_is_taken_back_and_the_journal_still_knows_all(make_world, monkeypatch, how):
    world = few(make_world())
    before = oracle.manifest(world.tree)
    real, fail = getattr(os, how), []

    def failing(fd, *data):
        if fail and how == "fsync" and fail.pop():
            raise OSError(errno.EIO, "Input/output error")
        if data and b'"do":"moved","n":1' in bytes(data[0]):
            raise OSError(errno.EIO, "Input/output error")
        return real(fd, *data)

    monkeypatch.setattr(os, how, failing)
    count = []

    def pause(where):
        if where == "done":
            count.append(where)
            fail.extend([True] if how == "fsync" and len(count) == 2 else [])

    outcomes = world.apply(pause=pause)[1]
    monkeypatch.undo()
    assert words(outcomes) == ["moved", "failed", "moved"], outcomes
    assert b"new/s/1.png" in oracle.manifest(world.tree), "said to have failed, and is away"
    assert words(world.apply()[1]) == ["moved"] * 3
    assert words(act.undo(world.journal)) == ["restored"] * 3
    oracle.check_back(before, world.tree, world.quarantine)


@pytest.fixture
def small_disk(place):
    folder = place()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], capture_output=True)
    if done.returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield os.path.join(folder, "q")
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_leaves_the_image_whole_where_it_is(make_world, small_disk):
    world = make_world()
    world.given = world.quarantine = os.fsencode(small_disk)
    for at in range(3):
        world.pair(b"s/%d.png" % at, b"t/%d.png" % at, picture(at) + bytes(300_000))
    world.seal()
    before = oracle.manifest(world.tree)

    def fill(where):
        if where == "move" and not os.path.exists(small_disk + "/filler"):
            with contextlib.suppress(OSError), open(small_disk + "/filler", "wb", buffering=0) as stream:
                while stream.write(bytes(4096)):
                    pass

    outcomes = world.apply(pause=fill)[1]
    assert set(words(outcomes)) == {"failed"}, outcomes
    assert all(outcome.reason for outcome in outcomes)
    assert oracle.manifest(world.tree) == before
    os.unlink(small_disk + "/filler")
    assert words(world.apply()[1]) == ["moved"] * 3, "with space again it goes on"
    assert words(act.undo(world.journal)) == ["restored"] * 3
    oracle.check_back(before, world.tree, world.quarantine)


def test_a_disk_that_fills_in_the_middle_of_a_copy_leaves_no_part(make_world, monkeypatch):
    world = few(make_world(across=True))
    before = oracle.manifest(world.tree)
    real = os.write

    def full(fd, data):
        if not bytes(data).startswith(b'{"'):
            real(fd, bytes(data)[:7])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", full)
    outcomes = world.apply()[1]
    monkeypatch.undo()
    assert words(outcomes) == ["failed"] * 3, outcomes
    oracle.check_back(before, world.tree, world.quarantine)


@needs_root
def test_a_quarantine_that_cannot_be_made_is_an_error_and_moves_nothing(make_world):
    few(make_world()).apply()  # all is imported: somebody else may not read Python's own files
    world = few(make_world())
    os.mkdir(world.base + b"/closed", 0o755)
    give_to_nobody(world.tree)
    before = oracle.manifest(world.tree)
    world.given = world.base + b"/closed/q"
    with as_nobody(), pytest.raises(OutputError, match="Cannot keep a quarantine"):
        world.apply()
    assert oracle.manifest(world.tree) == before


@needs_root
def test_a_folder_beside_which_nothing_can_be_made_holds_its_quarantine_itself(make_world):
    few(make_world()).apply()
    world = few(make_world())
    give_to_nobody(world.new)
    before = oracle.manifest(world.tree)
    with as_nobody():
        journal, outcomes = world.apply()
        assert words(outcomes) == ["moved"] * 3
        assert journal.startswith(world.new + b"/.visdatcompy_ds-quarantine/")
        assert words(act.undo(journal)) == ["restored"] * 3
    shutil.rmtree(world.new + b"/.visdatcompy_ds-quarantine")
    assert oracle.manifest(world.tree) == before


@needs_root
@pytest.mark.parametrize("across", [False, True])
def test_a_folder_that_cannot_be_written_keeps_its_image_and_leaves_no_second(make_world, across, monkeypatch):
    few(make_world()).apply()
    world = few(make_world(across=across))
    if not across:
        monkeypatch.setattr(shift, "_renameat2", lambda: None)
    os.makedirs(world.quarantine)
    for folder in (world.tree, world.quarantine):
        give_to_nobody(folder)
    os.chown(world.new + b"/s", 0, 0)
    before = oracle.manifest(world.tree)
    with as_nobody():
        assert words(world.apply()[1]) == ["failed"] * 3
        assert words(world.apply()[1]) == ["failed"] * 3, "a second try says the same"
    oracle.check_back(before, world.tree, world.quarantine)


@needs_root
def test_what_cannot_be_taken_back_is_not_forgotten(make_world):
    few(make_world()).apply()
    world = few(make_world())
    give_to_nobody(world.tree)
    before = oracle.manifest(world.tree)

    class PowerCut(BaseException):
        pass

    def cut(where):
        if where == "look":
            raise PowerCut

    with contextlib.suppress(PowerCut), as_nobody():
        os.mkdir(world.quarantine)
        world.apply(pause=cut)
    assert len(oracle.held(world.quarantine)) == 1
    os.chown(world.new + b"/s", 0, 0)
    with as_nobody():
        assert words(world.apply()[1]) == ["failed"] * 3
        assert words(Receipt(world.journal).outcomes)[0] == "failed", "the journal forgot what it holds"
    os.chown(world.new + b"/s", NOBODY, NOBODY)
    with as_nobody():
        act.undo(world.journal)
    oracle.check_back(before, world.tree, world.quarantine)


def test_rights_times_and_attributes_survive_another_file_system_and_the_way_back(make_world):
    world = make_world(across=True)
    world.pair(b"a.png", b"a.png", picture(1))
    put(world.new, b"a.txt", b"label", 0o604, 1_400_000_000_111_222_333)
    put(world.have, b"a.txt", b"label")
    path = world.new + b"/a.png"
    os.chmod(path, 0o640)
    if hasattr(os, "chown") and os.geteuid() == 0:
        os.chown(path, 12, 34)
    has_attributes = True
    try:
        os.setxattr(path, "user.rating", b"five")
    except OSError:
        has_attributes = False
    world.seal()
    before, info = oracle.manifest(world.tree), os.stat(path)
    assert words(world.apply()[1]) == ["moved"]
    assert oracle.held(world.quarantine) == {name: before[name] for name in (b"new/a.png", b"new/a.txt")}
    assert words(act.undo(world.journal)) == ["restored"]
    oracle.check_back(before, world.tree, world.quarantine)
    back = os.stat(path)
    assert (back.st_uid, back.st_gid) == (info.st_uid, info.st_gid)
    if has_attributes:
        assert os.getxattr(path, "user.rating") == b"five"


# Races that no pause names


@pytest.mark.parametrize("how", ["append", "replace"])
def test_a_file_that_changes_while_its_copy_is_being_synced_stays(make_world, monkeypatch, how):
    world = few(make_world(across=True), 1)
    path, real = world.new + b"/s/0.png", Folder.sync

    def sync(self):
        real(self)
        if self.holds(b"0.png") and world.quarantine in self.path and os.path.getsize(path) < 5000:
            if how == "append":
                with open(path, "ab") as stream:
                    stream.write(bytes(5000))
            else:
                with open(path + b".new", "wb") as stream:
                    stream.write(bytes(5000))
                os.replace(path + b".new", path)

    monkeypatch.setattr(Folder, "sync", sync)
    outcomes = world.apply()[1]
    monkeypatch.undo()
    assert words(outcomes) == ["changed"], outcomes
    assert os.path.getsize(path) >= 5000
    assert not oracle.held(world.quarantine)


def test_a_file_that_is_replaced_while_it_is_proved_stays(make_world, monkeypatch):
    world = few(make_world(), 1)
    path, prove = world.new + b"/s/0.png", importlib.import_module("visdatcompy_ds.engine.move.prove")
    real = prove._digests

    def digests(*given):
        found = real(*given)
        with open(path + b".new", "wb") as stream:
            stream.write(b"another")
        os.replace(path + b".new", path)
        return found

    monkeypatch.setattr(prove, "_digests", digests)
    assert words(world.apply()[1]) == ["changed"]
    assert oracle.sha256(path) == oracle.hashlib.sha256(b"another").hexdigest()


def test_when_the_copy_that_stays_goes_all_that_can_be_put_back_is(make_world):
    """A name of what lay beside the image was taken meanwhile: that stays away, and undo brings it back; the image stays no day without."""
    world = few(make_world(), 1)
    for root, name in ((world.new, b"s/0.txt"), (world.have, b"t/0.txt")):
        put(root, name, b"label")

    def pause(where):
        if where == "look":
            put(world.new, b"s/0.txt", b"a new label")
            os.unlink(world.have + b"/t/0.png")

    outcomes = world.apply(pause=pause)[1]
    assert words(outcomes) == ["failed"], outcomes
    assert os.path.exists(world.new + b"/s/0.png")
    told = act.undo(world.journal)
    assert "restored as 0 (restored).txt" in told[0].reason
    assert oracle.contents(world.new)[("file", oracle.hashlib.sha256(b"label").hexdigest())] == 1


def test_a_quarantine_that_moved_for_one_folder_is_an_error_not_a_lost_file(place):
    """Where the second folder of a plan gets a quarantine of its own meanwhile, its journal would name the wrong place."""
    base = os.fsencode(place())
    one, two, have = (os.path.join(base, name) for name in (b"one", b"two", b"have"))
    entries = []
    for root, name in ((one, b"a.png"), (two, b"b.png")):
        for at in (root, have):
            put(at, name, picture(ord(name[:1])))
        entries.append(worlds.entry("bytes", worlds.facts(root, name), worlds.facts(have, name)))
    orders = worlds.plan_file.orders(worlds.body(entries))
    before = oracle.manifest(base)

    class PowerCut(BaseException):
        pass

    def cut(where):
        if where == "look":
            raise PowerCut

    with contextlib.suppress(PowerCut):
        act.remove(orders, None, False, show_progress=False, pause=cut)
    os.mkdir(two + b"/.visdatcompy_ds-quarantine")
    with pytest.raises(OutputError, match="elsewhere"):
        act.remove(orders, None, False, show_progress=False)
    os.rmdir(two + b"/.visdatcompy_ds-quarantine")
    act.undo(*act.journals_in(one + b".quarantine"))
    assert oracle.manifest(base) == before


# Plans and journals


def test_a_plan_edited_by_hand_is_refused(make_world):
    world = few(make_world())
    with open(world.plan_path) as stream:
        plan = json.load(stream)
    plan["entries"][0]["class"] = "near"
    with open(world.plan_path, "w") as stream:
        json.dump(plan, stream)
    with pytest.raises(ArgumentError, match="not what was saved"):
        Plan.load(os.fsdecode(world.plan_path))
    assert run(["apply", os.fsdecode(world.plan_path), "--yes"]) == 1
    assert not os.path.exists(world.quarantine)


def test_a_plan_applied_twice_moves_nothing_twice(make_world):
    world = few(make_world())
    world.apply()
    tree, away = oracle.manifest(world.tree), oracle.held(world.quarantine)
    with open(world.journal, "rb") as stream:
        journal = stream.read()
    assert words(world.apply()[1]) == ["moved"] * 3
    assert (oracle.manifest(world.tree), oracle.held(world.quarantine)) == (tree, away)
    with open(world.journal, "rb") as stream:
        assert stream.read() == journal


@pytest.mark.parametrize("across", [False, True])
def test_a_name_taken_meanwhile_gives_a_numbered_one_and_says_so_however_often(make_world, across):
    world = few(make_world(across=across))
    world.apply()
    put(world.new, b"s/1.png", b"came later")
    put(world.new, b"s/1 (restored).png", b"this too")
    told = act.undo(world.journal)
    assert words(told) == ["restored"] * 3
    assert "restored as 1 (restored 2).png" in told[1].reason
    found = oracle.manifest(world.tree)
    assert found[b"new/s/1 (restored 2).png"][1] == oracle.hashlib.sha256(picture(1)).hexdigest()
    assert found[b"new/s/1.png"][1] == oracle.hashlib.sha256(b"came later").hexdigest()
    assert act.undo(world.journal) == told
    assert oracle.manifest(world.tree) == found


def test_an_undo_cut_off_on_the_way_to_a_numbered_name_makes_no_second_copy(make_world, monkeypatch):
    world = few(make_world(across=True), 1)
    world.apply()
    put(world.new, b"s/0.png", b"came later")

    class PowerCut(BaseException):
        pass

    def cut(*_):
        raise PowerCut

    monkeypatch.setattr(shift, "_leave", cut)  # the copy is back, and what it was made of stands
    with contextlib.suppress(PowerCut):
        act.undo(world.journal)
    monkeypatch.undo()
    assert oracle.held(world.quarantine)
    assert words(act.undo(world.journal)) == ["restored"]
    names = {path for path in oracle.manifest(world.tree) if path.startswith(b"new/s/0")}
    assert names == {b"new/s/0.png", b"new/s/0 (restored).png"}
    assert not oracle.held(world.quarantine)


def test_a_plan_that_went_in_part_comes_back_whole(make_world):
    world = few(make_world())
    before = oracle.manifest(world.tree)
    os.rename(world.have + b"/t/1.png", world.have + b"/t/moved.png")
    assert words(world.apply()[1]) == ["moved", "gone", "moved"]
    os.rename(world.have + b"/t/moved.png", world.have + b"/t/1.png")
    for _ in range(2):
        assert words(act.undo(world.journal)) == ["restored"] * 2
        oracle.check_back(before, world.tree, world.quarantine)


@pytest.mark.parametrize("damaged", ["in the quarantine", "the copy that stayed"])
def test_verify_sees_damage_and_the_command_ends_with_3(make_world, damaged):
    world = few(make_world())
    path = os.fsdecode(world.apply()[0])
    assert run(["verify", path, "--quiet"]) == 0
    victim = os.path.join(os.path.dirname(world.journal), b"files/new/s/1.png")
    with open(victim if damaged == "in the quarantine" else world.have + b"/t/1.png", "r+b") as stream:
        stream.seek(50)
        stream.write(b"x")
    assert words(Receipt(path).verify().outcomes) == ["moved", "missing", "moved"]
    assert run(["verify", path, "--quiet"]) == 3


@pytest.mark.parametrize("harm", ["gone", "changed", "a link into the quarantine", "what went has changed"])
def test_nothing_is_deleted_for_good_whose_copy_is_not_there(make_world, harm):
    world = few(make_world(), 1)
    world.apply()
    keeper, away = world.have + b"/t/0.png", os.path.join(os.path.dirname(world.journal), b"files/new/s/0.png")
    if harm == "gone":
        os.unlink(keeper)
    elif harm == "a link into the quarantine":
        shutil.rmtree(world.have + b"/t")
        os.symlink(os.path.dirname(away), world.have + b"/t")
    else:
        with open(keeper if harm == "changed" else away, "r+b") as stream:
            stream.seek(50)
            stream.write(b"x")
    before = oracle.contents(world.tree, world.quarantine)
    assert words(act.purge(world.journal, 0)) == ["missing"]
    assert oracle.contents(world.tree, world.quarantine) == before
    assert run(["purge", os.fsdecode(world.quarantine), "--older-than", "0", "--yes", "--quiet"]) == 3
    assert oracle.contents(world.tree, world.quarantine) == before


def test_a_label_that_lies_nowhere_else_is_never_deleted(make_world):
    world = few(make_world(), 2)
    for at, other in ((0, b"label 0"), (1, b"another label")):
        put(world.new, b"s/%d.txt" % at, b"label %d" % at)
        put(world.have, b"t/%d.txt" % at, other)
    world.apply()
    assert words(act.purge(world.journal, 0)) == ["purged"] * 2
    assert oracle.held(world.quarantine).keys() == {b"new/s/1.txt"}
    assert words(act.purge(world.journal, 0)) == []


def test_a_thousand_files_of_one_name_go_and_come_back(make_world):
    world = make_world(on=worlds.FAST)
    for at in range(1000):
        world.pair(b"%03d/IMG_0001.jpg" % at, b"%03d/IMG_0001.jpg" % at, picture(at % 20) + b"%d" % at)
    world.seal()
    before = oracle.manifest(world.tree)
    receipt = Plan.load(os.fsdecode(world.plan_path)).apply(dry_run=False, show_progress=False)
    assert receipt.counts == {"moved": 1000}
    assert len(oracle.held(world.quarantine)) == 1000
    assert receipt.undo().counts == {"restored": 1000}
    oracle.check_back(before, world.tree, world.quarantine)


def test_a_card_copied_twice_goes_without_any_refusal_lifted(make_world):
    world = make_world()
    for at in range(30):
        world.pair(b"DCIM/100/%d.png" % at, b"DCIM/100/%d.png" % at, picture(at))
    world.seal(images=30)
    assert words(world.apply()[1]) == ["moved"] * 30


@pytest.mark.parametrize("cut", [1, 20, 40])
def test_a_journal_cut_in_its_last_line_goes_on(make_world, cut):
    world = few(make_world())
    before = oracle.manifest(world.tree)
    world.apply()
    os.truncate(world.journal, os.path.getsize(world.journal) - cut)
    assert words(act.verify(world.journal)) == ["moved"] * 3
    assert words(act.undo(world.journal)) == ["restored"] * 3
    oracle.check_back(before, world.tree, world.quarantine)


def test_a_journal_cut_in_its_first_line_says_that_nothing_was_moved(make_world):
    world = few(make_world())
    world.apply()
    act.undo(world.journal)
    with open(world.journal, "rb") as stream:
        first = stream.readline()
    for size in (len(first) - 1, 40, 5, 0):
        with open(world.journal, "wb") as stream:
            stream.write(first[:size])
        assert act.undo(world.journal) == []
        assert act.verify(world.journal) == []
    assert words(world.apply()[1]) == ["moved"] * 3
    assert words(act.undo(world.journal)) == ["restored"] * 3


@pytest.mark.parametrize(
    "line", [b"garbage", b"\xff\x00\xfe", b"5", b"null", b"{}", b'{"do":"intent","n":0}', b'{"do":"moved","n":0}', b"[]"]
)
def test_a_journal_with_other_lines_is_a_clear_error_and_moves_nothing(make_world, line):
    world = few(make_world())
    world.apply()
    with open(world.journal, "rb") as stream:
        first, *rest = stream.read().splitlines(keepends=True)
    with open(world.journal, "wb") as stream:
        stream.writelines([first, line + b"\n", *rest])
    tree, away = oracle.manifest(world.tree), oracle.held(world.quarantine)
    for step in (act.undo, act.verify, act.outcomes_of, lambda path: act.purge(path, 0), lambda path: world.apply()):
        with pytest.raises(ArgumentError, match="journal"):
            step(world.journal)
    assert run(["undo", os.fsdecode(world.journal)]) == 1
    assert (oracle.manifest(world.tree), oracle.held(world.quarantine)) == (tree, away)


def test_no_file_is_taken_for_a_journal_and_cut(make_world):
    """A slip of the hand: the path of a photo, where a journal is asked for."""
    world = few(make_world())
    before = oracle.manifest(world.tree)
    path = os.fsdecode(world.new + b"/s/0.png")
    for command in (["undo", path], ["verify", path], ["purge", path, "--older-than", "0", "--yes"]):
        assert run(command) == 1
    for name in (b"text.txt", b"{", b"lines"):
        other = put(world.base, name, b"first line\nsecond" if name == b"lines" else b"half a line")
        with pytest.raises(ArgumentError):
            Journal.open(other)
        assert os.path.getsize(other) > 10
    assert oracle.manifest(world.tree) == before


WAYS = ("rename", "link", "copy")


def move_by(way, monkeypatch):
    """Have files move as on file systems that know no renaming without replacing, and no links."""
    if way != "rename":
        monkeypatch.setattr(shift, "_renameat2", lambda: None)
    if way == "copy":

        def no_links(*_):
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(shift, "link", no_links)


@pytest.mark.parametrize("way", WAYS)
def test_a_name_that_is_taken_in_the_quarantine_is_never_overwritten(make_world, monkeypatch, way):
    world = few(make_world(), 1)
    move_by(way, monkeypatch)
    before = oracle.manifest(world.tree)

    def pause(where):
        if where == "move":
            (run_folder,) = (name for name in os.listdir(world.quarantine) if not name.startswith(b"."))
            put(os.path.join(world.quarantine, run_folder, b"files/new"), b"s/0.png", b"somebody's")

    assert words(world.apply(pause=pause)[1]) == ["failed"]
    assert oracle.manifest(world.tree) == before
    assert oracle.contents(world.quarantine)[("file", oracle.hashlib.sha256(b"somebody's").hexdigest())] == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_name_that_is_taken_at_the_last_moment_is_never_overwritten_by_undo(make_world, monkeypatch, way):
    world = few(make_world(), 1)
    move_by(way, monkeypatch)
    world.apply()
    undoing = importlib.import_module("visdatcompy_ds.stages.act.undoing")
    real = undoing._free_name

    def taken(folder, name):
        found = real(folder, name)
        put(world.new, b"s/" + found, b"came just now")
        return found

    monkeypatch.setattr(undoing, "_free_name", taken)
    assert words(act.undo(world.journal)) == ["failed"]
    assert oracle.manifest(world.tree)[b"new/s/0.png"][1] == oracle.hashlib.sha256(b"came just now").hexdigest()
    monkeypatch.setattr(undoing, "_free_name", real)
    told = act.undo(world.journal)
    assert words(told) == ["restored"] and "0 (restored).png" in told[0].reason
    assert oracle.manifest(world.tree)[b"new/s/0 (restored).png"][1] == oracle.hashlib.sha256(picture(0)).hexdigest()


@pytest.mark.parametrize("way", ["rename", "link"])
def test_another_file_that_moved_in_place_of_the_proved_one_is_put_back(make_world, monkeypatch, way):
    world = few(make_world(), 1)
    move_by(way, monkeypatch)
    path, real, done = world.new + b"/s/0.png", shift.move, []

    def late(*given):
        if not done:
            done.append(put(world.new, b"s/new", b"another picture"))
            os.replace(done[0], path)
        return real(*given)

    monkeypatch.setattr(shift, "move", late)
    assert words(world.apply()[1]) == ["changed"]
    assert oracle.sha256(path) == oracle.hashlib.sha256(b"another picture").hexdigest()
    assert not oracle.held(world.quarantine)


def test_nothing_goes_for_a_copy_that_cannot_be_decoded(make_world):
    world = make_world()
    world.pair(b"a.png", b"a.png", picture(1)[:150])
    world.seal()
    (outcome,) = world.apply()[1]
    assert (outcome.outcome, outcome.lift) == ("refused", "broken_keeper")
    assert words(world.apply(lifted=["broken_keeper"])[1]) == ["moved"]


def test_a_label_that_another_image_shares_stays_for_it(make_world):
    world = few(make_world(), 1)
    put(world.new, b"s/0.jpg", picture(5))
    for root, name in ((world.new, b"s/0.txt"), (world.have, b"t/0.txt")):
        put(root, name, b"label")
    assert words(world.apply()[1]) == ["moved"]
    assert os.path.exists(world.new + b"/s/0.txt")
