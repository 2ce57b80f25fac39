"""What a removal refuses, what goes along with an image, and what people's decisions change; the gates are in tests/safety."""

import hashlib
import os
import time

import numpy as np
import pytest
from PIL import Image

from visdatcompy_ds.base.errors import ArgumentError, OutputError
from visdatcompy_ds.engine.move import Facts
from visdatcompy_ds.engine.move.prove import Proof
from visdatcompy_ds.stages import act
from visdatcompy_ds.stages.act import Order, Orders, Side
from visdatcompy_ds.stages.labels import with_labels


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


class World:
    """Two folders, have and new, and plans made by hand."""

    def __init__(self, folder):
        self.folder, self.pixels = folder, np.random.default_rng(3).integers(0, 255, (24, 32, 3)).astype(np.uint8)
        self.orders, self.created = [], time.time()

    def image(self, name, quality=90):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(self.pixels).save(path, "JPEG", quality=quality)
        return path

    def beside(self, name, text="0 .5 .5 .1 .1\n"):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def side(self, name, root=None, pixels=768, status="ok", flags=()):
        dataset, _, file_id = name.partition("/")
        root = os.fsencode(self.folder / (root or dataset))
        path = os.fsencode(self.folder / name)
        info = os.stat(path)
        digest = hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
        numbers = (info.st_size, info.st_mtime_ns, info.st_dev, info.st_ino, info.st_nlink, info.st_ctime_ns)
        facts = Facts(root, path[len(root) + 1 :], *numbers, digest)
        return Side(dataset, file_id, facts, pixels, status, frozenset(flags))

    def order(self, image, keeper, klass="reencoded", action="remove", of_image=None, of_keeper=None):
        image, keeper = self.side(image, **(of_image or {})), self.side(keeper, **(of_keeper or {}))
        self.orders.append(Order(len(self.orders), action, klass, "a reason", "ssim", 0.99, image, keeper))
        return self.orders[-1]

    def plan(self, images=100, protected=(), created=None):
        roots = tuple(dict.fromkeys(order.image.facts.root for order in self.orders))
        return Orders("0" * 64, created or self.created, protected, roots, {"new": images, "have": images}, tuple(self.orders))

    def remove(self, *lifted, dry_run=False, **about):
        _, outcomes = act.remove(self.plan(**about), None, dry_run, lifted)
        return [(one.outcome, one.lift) for one in outcomes]

    def held(self, name):
        return next(iter((self.folder / "new.quarantine").rglob(name)), None)


def test_a_proof_is_made_by_proving_alone():
    with pytest.raises(TypeError, match="made by prove"):
        Proof(None, b"a", None, "", object())


@pytest.mark.parametrize(
    ("about", "lift"),
    [
        ({"of_image": {"status": "recovered"}}, "recovered"),
        ({"of_image": {"pixels": 1000}}, "smaller_keeper"),
        ({"of_keeper": {"flags": ["low_information"]}}, "low_information"),
        ({"of_image": {"flags": ["alpha"]}}, "reduced"),
        ({"of_keeper": {"status": "damaged"}}, "broken_keeper"),
        ({"of_keeper": {"status": "recovered"}}, "broken_keeper"),
    ],
)
def test_what_a_plan_says_against_a_copy_is_refused_and_can_be_lifted_by_name(world, about, lift):
    world.image("have/a.jpg"), world.image("new/a.jpg", 70), world.image("new/stays.jpg")
    world.order("new/a.jpg", "have/a.jpg", **about)
    assert world.remove() == [("refused", lift)]
    assert (world.folder / "new/a.jpg").exists()
    others = set(act.LIFTS) - {lift}
    assert world.remove(*others) == [("refused", lift)]
    assert world.remove(lift) == [("moved", "")]


def test_equal_bytes_are_not_refused_for_what_they_show(world):
    world.image("have/a.jpg"), world.image("new/a.jpg")
    world.order(
        "new/a.jpg",
        "have/a.jpg",
        "bytes",
        of_image={"flags": ["low_information", "alpha"], "status": "recovered"},
        of_keeper={"status": "recovered"},
    )
    assert world.remove(images=1) == [("moved", "")]


def test_links_hard_links_and_empty_files_are_refused_and_can_be_lifted(world):
    for name in ("a", "b", "c"):
        world.image(f"have/{name}.jpg"), world.image(f"new/{name}.jpg")
    os.link(world.folder / "new/a.jpg", world.folder / "second_name.jpg")
    os.rename(world.folder / "new/b.jpg", world.folder / "real.jpg")
    os.symlink(world.folder / "real.jpg", world.folder / "new/b.jpg")
    for path in ("have/c.jpg", "new/c.jpg"):
        (world.folder / path).write_bytes(b"")
    for name in ("a", "b", "c"):
        world.order(f"new/{name}.jpg", f"have/{name}.jpg", "bytes")
    assert [lift for _, lift in world.remove()] == ["hard_links", "symlinks", "empty"]
    assert world.remove("hard_links", "symlinks", "empty") == [("moved", ""), ("moved", ""), ("refused", "broken_keeper")]
    assert (world.folder / "real.jpg").exists()
    assert world.held("b.jpg").is_symlink()
    journal = os.fsencode(world.held("journal.jsonl"))
    assert [one.outcome for one in act.verify(journal)] == ["moved", "moved"]
    assert [one.outcome for one in act.undo(journal)] == ["restored", "restored"]
    assert os.readlink(world.folder / "new/b.jpg") == str(world.folder / "real.jpg")


def test_a_protected_folder_gives_nothing_unless_it_is_named(world):
    world.image("have/a.jpg"), world.image("new/a.jpg")
    world.order("new/a.jpg", "have/a.jpg", "bytes")
    protected = (os.fsencode(world.folder / "new"),)
    assert world.remove(protected=protected) == [("refused", "protected")]
    assert world.remove("protected", protected=protected) == [("moved", "")]


def test_half_of_the_images_may_go_and_no_more_where_bytes_differ(world):
    for k in range(3):
        world.image(f"have/{k}.jpg"), world.image(f"new/{k % 2}/{k}.jpg", 60 + k)
        world.order(f"new/{k % 2}/{k}.jpg", f"have/{k}.jpg")
    world.image("new/0/stays.jpg"), world.image("new/1/stays.jpg")
    assert world.remove(dry_run=True, images=5) == [("refused", "most_files")] * 3
    assert world.remove(dry_run=True, images=6) == [("would move", "")] * 3


def test_a_whole_folder_goes_only_where_bytes_are_equal(world):
    for k in range(3):
        world.image(f"have/{k}.jpg"), world.image(f"new/{k}.jpg", 90 if k else 60)
        world.order(f"new/{k}.jpg", f"have/{k}.jpg", "bytes" if k else "reencoded")
    assert world.remove() == [("refused", "whole_folder"), ("moved", ""), ("moved", "")]
    world.image("new/another.jpg")
    assert world.remove() == [("moved", "")] * 3


def test_a_keeper_that_goes_itself_keeps_nothing(world):
    for name in ("new/a.jpg", "new/b.jpg", "new/c.jpg"):
        world.image(name)
    world.order("new/a.jpg", "new/b.jpg", "bytes")
    world.order("new/b.jpg", "new/a.jpg", "bytes")
    assert [outcome for outcome, _ in world.remove()] == ["refused", "refused"]


def test_an_old_plan_is_refused_and_one_of_a_week_warned_of():
    day = 86_400
    plan = Orders("0" * 64, time.time() - 61 * day, (), (), {}, ())
    with pytest.raises(OutputError, match="61 days old"):
        act.age_warning(plan, ())
    assert "61 days" in act.age_warning(plan, ("old_plan",))
    assert "8 days" in act.age_warning(Orders("0" * 64, time.time() - 8 * day, (), (), {}, ()), ())
    assert act.age_warning(Orders("0" * 64, time.time() - 6 * day, (), (), {}, ()), ()) == ""


def test_labels_go_along_and_come_back(world):
    world.image("have/a.jpg"), world.image("new/x/a.jpg")
    world.beside("have/a.txt"), world.beside("have/a.json")
    for name in ("new/x/a.txt", "new/x/a.jpg.xmp", "new/x/a.JSON"):
        world.beside(name, name)
    world.beside("new/x/b.txt")
    world.order("new/x/a.jpg", "have/a.jpg", "bytes")
    journal, outcomes = act.remove(world.plan(), None, dry_run=False)
    assert outcomes[0].beside == ("x/a.JSON", "x/a.jpg.xmp", "x/a.txt")
    assert sorted(path.name for path in (world.folder / "new/x").iterdir()) == ["b.txt"]
    assert [one.outcome for one in act.undo(journal)] == ["restored"]
    assert (world.folder / "new/x/a.jpg.xmp").read_text() == "new/x/a.jpg.xmp"


def test_a_label_that_another_image_shares_stays_until_the_last_of_them_goes(world):
    for name in ("have/a.jpg", "new/a.jpg", "new/a.png"):
        world.image(name)
    world.beside("have/a.txt"), world.beside("new/a.txt"), world.beside("new/a.jpg.xmp")
    world.order("new/a.jpg", "have/a.jpg", "bytes")
    _, outcomes = act.remove(world.plan(), None, dry_run=False)
    assert outcomes[0].beside == ("a.jpg.xmp",)
    world.order("new/a.png", "have/a.jpg", "bytes")
    _, outcomes = act.remove(world.plan(), None, dry_run=False)
    assert outcomes[1].beside == ("a.txt",)


def test_the_labels_of_yolo_lie_in_a_tree_of_their_own(world):
    world.image("have/images/a.jpg"), world.image("new/images/train/a.jpg")
    world.beside("have/labels/a.txt"), world.beside("new/labels/train/a.txt"), world.beside("new/labels/train/b.txt")
    world.order("new/images/train/a.jpg", "have/images/a.jpg", "bytes")
    journal, outcomes = act.remove(world.plan(), None, dry_run=False)
    assert outcomes[0].beside == ("labels/train/a.txt",)
    assert not (world.folder / "new/labels/train/a.txt").exists()
    act.undo(journal)
    assert (world.folder / "new/labels/train/a.txt").exists()
    assert with_labels(b"images/a/images/b") == b"images/a/labels/b"


def test_what_is_labelled_stays_where_the_other_copy_is_not(world):
    world.image("have/a.jpg"), world.image("new/a.jpg"), world.beside("new/a.txt")
    world.order("new/a.jpg", "have/a.jpg", "bytes")
    assert world.remove() == [("refused", "unlabelled_keeper")]
    assert world.remove("unlabelled_keeper") == [("moved", "")]


def test_a_raw_file_goes_only_where_the_same_lies_beside_the_copy_that_stays(world):
    world.image("have/a.jpg"), world.image("new/b.jpg")
    world.beside("new/b.CR2", "raw"), world.beside("have/a.cr2", "another")
    world.order("new/b.jpg", "have/a.jpg", "bytes")
    assert world.remove() == [("refused", "raw")]
    world.beside("have/a.cr2", "raw")
    assert world.remove() == [("moved", "")]
    assert world.held("b.CR2").read_text() == "raw"


def test_purging_keeps_what_lies_nowhere_else(world):
    world.image("have/a.jpg"), world.image("new/a.jpg")
    world.beside("have/a.txt", "same"), world.beside("new/a.txt", "same"), world.beside("new/a.xmp", "only here")
    world.order("new/a.jpg", "have/a.jpg", "bytes")
    journal, _ = act.remove(world.plan(), None, dry_run=False)
    assert [one.outcome for one in act.purge(journal, 30)] == ["kept"]
    assert [one.outcome for one in act.purge(journal, 0, dry_run=True)] == ["would purge"]
    assert world.held("a.jpg").exists()
    purged = act.purge(journal, 0)
    assert [(one.outcome, "a.xmp" in one.reason) for one in purged] == [("purged", True)]
    assert world.held("a.jpg") is None
    assert world.held("a.txt") is None
    assert world.held("a.xmp").read_text() == "only here"
    assert purged[0].beside == ("a.txt",)
    assert [one.outcome for one in act.undo(journal)] == ["purged"]
    assert (world.folder / "new/a.xmp").read_text() == "only here"


def test_what_changed_in_the_quarantine_comes_back_and_is_said_to_have_changed(world):
    world.image("have/a.jpg"), world.image("new/a.jpg")
    world.order("new/a.jpg", "have/a.jpg", "bytes")
    journal, _ = act.remove(world.plan(), None, dry_run=False)
    world.held("a.jpg").write_bytes(b"edited in the quarantine")
    told = act.undo(journal)
    assert [one.outcome for one in told] == ["altered"]
    assert "has changed in the quarantine" in told[0].reason
    assert (world.folder / "new/a.jpg").read_bytes() == b"edited in the quarantine"


def test_an_undo_where_the_folder_is_not_there_says_so_and_goes_on_later(world):
    world.image("have/a.jpg"), world.image("new/a.jpg")
    world.order("new/a.jpg", "have/a.jpg", "bytes")
    journal, _ = act.remove(world.plan(), None, dry_run=False)
    os.rename(world.folder / "new", world.folder / "renamed")
    told = act.undo(journal)
    assert [one.outcome for one in told] == ["failed"]
    assert "put it back" in told[0].reason
    os.rename(world.folder / "renamed", world.folder / "new")
    assert [one.outcome for one in act.undo(journal)] == ["restored"]


def test_purging_keeps_all_where_the_copy_that_stayed_is_not_as_it_was_or_the_removed_one_is_not(world):
    for name in ("a", "b"):
        world.image(f"have/{name}.jpg"), world.image(f"new/{name}.jpg")
        world.order(f"new/{name}.jpg", f"have/{name}.jpg", "bytes")
    journal, _ = act.remove(world.plan(), None, dry_run=False)
    (world.folder / "have/a.jpg").write_bytes(b"other")
    world.held("b.jpg").write_bytes(b"edited in the quarantine")
    assert [one.outcome for one in act.purge(journal, 0)] == ["missing", "missing"]
    assert [one.outcome for one in act.verify(journal)] == ["missing", "missing"]


def test_a_dry_run_leaves_no_trace(world):
    world.image("have/a.jpg"), world.image("new/a.jpg")
    world.order("new/a.jpg", "have/a.jpg", "bytes")
    before = sorted(world.folder.rglob("*"))
    assert world.remove(dry_run=True) == [("would move", "")]
    assert sorted(world.folder.rglob("*")) == before


def test_a_decision_of_people_replaces_that_of_the_plan(world):
    for name in ("have/a.jpg", "new/a.jpg", "new/b.jpg", "new/c.jpg"):
        world.image(name)
    world.order("new/a.jpg", "new/a.jpg", "", "keep")
    world.order("new/b.jpg", "new/a.jpg", "bytes")
    world.order("new/c.jpg", "new/a.jpg", "edited", "keep")
    decided = act.overridden(world.plan(), {("new", "b.jpg"): "keep", ("new", "c.jpg"): "remove"})
    assert [order.action for order in decided.orders] == ["keep", "keep", "remove"]
    assert "by hand" in decided.orders[2].reason


def test_a_keeper_goes_by_hand_only_for_a_copy_that_was_confirmed_with_it(world):
    for name in ("new/a.jpg", "new/b.jpg", "new/c.jpg", "new/d.jpg"):
        world.image(name)
    world.order("new/a.jpg", "new/a.jpg", "", "keep")
    world.order("new/b.jpg", "new/a.jpg", "bytes")
    world.order("new/c.jpg", "new/a.jpg", "bytes")
    world.order("new/d.jpg", "new/a.jpg", "reencoded")
    plan = world.plan()
    with pytest.raises(ArgumentError, match="Each group keeps one"):
        act.overridden(plan, {("new", "a.jpg"): "remove"})
    decided = act.overridden(plan, {("new", "a.jpg"): "remove", ("new", "b.jpg"): "keep"})
    keepers = [(order.action, order.keeper.id) for order in decided.orders]
    assert keepers == [("remove", "b.jpg"), ("keep", "b.jpg"), ("remove", "b.jpg"), ("keep", "a.jpg")]
    assert "confirmed with" in decided.orders[3].reason
    assert [one.outcome for one in act.remove(decided, None, dry_run=False)[1]] == ["moved", "moved"]
    assert (world.folder / "new/b.jpg").exists()
    assert (world.folder / "new/d.jpg").exists()


@pytest.mark.parametrize("wishes", [{("new", "unknown"): "keep"}, {("new", "a.jpg"): "delete"}])
def test_an_override_of_what_the_plan_does_not_know_is_an_error(world, wishes):
    world.image("new/a.jpg")
    world.order("new/a.jpg", "new/a.jpg", "", "keep")
    with pytest.raises(ArgumentError):
        act.overridden(world.plan(), wishes)


def test_a_quarantine_is_found_by_no_scan(world):
    from visdatcompy_ds import Dataset

    world.image("have/a.jpg"), world.image("new/a.jpg"), world.image("new/b.jpg")
    world.order("new/a.jpg", "have/a.jpg", "bytes")
    world.remove()
    assert Dataset(world.folder).filenames == ["have/a.jpg", "new/b.jpg"]
    act.remove(world.plan(), os.fsencode(world.folder / "new" / "inside"), dry_run=False)
    assert Dataset(world.folder).filenames == ["have/a.jpg", "new/b.jpg"]


def test_a_quarantine_is_not_what_was_compared(world):
    world.image("have/a.jpg"), world.image("new/a.jpg")
    world.order("new/a.jpg", "have/a.jpg", "bytes")
    with pytest.raises(OutputError, match="is what was compared"):
        act.remove(world.plan(), os.fsencode(world.folder / "new"), dry_run=False)


def test_the_trash_takes_what_was_removed_and_undo_says_where_it_is(world, monkeypatch):
    trash = world.folder / "trash"
    trash.mkdir()
    monkeypatch.setattr("send2trash.send2trash", lambda path: os.rename(path, trash / os.path.basename(path)))
    world.image("have/a.jpg"), world.image("new/a.jpg")
    world.order("new/a.jpg", "have/a.jpg", "bytes")
    journal, _ = act.remove(world.plan(), None, dry_run=False)
    place = world.held("a.jpg")
    assert [one.outcome for one in act.purge(journal, 0, trash=True)] == ["trashed"]
    assert (trash / "a.jpg").exists()
    assert [one.outcome for one in act.undo(journal)] == ["trashed"]
    place.parent.mkdir(parents=True)
    os.rename(trash / "a.jpg", place)
    assert [one.outcome for one in act.undo(journal)] == ["restored"]
    assert (world.folder / "new/a.jpg").exists()


def test_a_trash_that_takes_nothing_leaves_the_image_in_the_quarantine(world, monkeypatch):
    monkeypatch.setattr("send2trash.send2trash", lambda path: None)
    world.image("have/a.jpg"), world.image("new/a.jpg")
    world.order("new/a.jpg", "have/a.jpg", "bytes")
    journal, _ = act.remove(world.plan(), None, dry_run=False)
    assert [one.outcome for one in act.purge(journal, 0, trash=True)] == ["failed"]
    assert [one.outcome for one in act.undo(journal)] == ["restored"]


def test_a_folder_of_people_never_becomes_a_quarantine(world):
    world.image("have/a.jpg"), world.image("new/a.jpg"), world.image("new.quarantine/mine.jpg"), world.image("other/mine.jpg")
    world.order("new/a.jpg", "have/a.jpg", "bytes")
    with pytest.raises(OutputError, match="holds other files"):
        act.remove(world.plan(), os.fsencode(world.folder / "other"), dry_run=False)
    with pytest.raises(OutputError, match="or holds it"):
        act.remove(world.plan(), os.fsencode(world.folder), dry_run=False)
    journal, _ = act.remove(world.plan(), None, dry_run=False)
    assert b"/new.quarantine-2/" in journal
    assert sorted(path.name for path in (world.folder / "new.quarantine").iterdir()) == ["mine.jpg"]


def test_a_dry_run_knows_what_was_done_and_what_was_cut_off(world, monkeypatch):
    for name in ("a", "b"):
        world.image(f"have/{name}.jpg"), world.image(f"new/{name}.jpg")
        world.order(f"new/{name}.jpg", f"have/{name}.jpg", "bytes")

    def cut(where):
        if where == "look":
            raise KeyboardInterrupt

    act.remove(world.plan(), None, dry_run=False)
    assert world.remove(dry_run=True) == [("moved", ""), ("moved", "")]
    act.undo(os.fsencode(world.held("journal.jsonl")))
    with pytest.raises(KeyboardInterrupt):
        act.remove(world.plan(), None, dry_run=False, pause=cut)
    assert world.remove(dry_run=True) == [("would move", ""), ("would move", "")]
    assert world.remove() == [("moved", ""), ("moved", "")]


def test_what_people_keep_after_it_was_moved_comes_back(world):
    for name in ("a", "b"):
        world.image(f"have/{name}.jpg"), world.image(f"new/{name}.jpg")
        world.order(f"new/{name}.jpg", f"have/{name}.jpg", "bytes")
    world.remove()
    decided = act.overridden(world.plan(created=world.created), {("new", "a.jpg"): "keep"})
    assert [one.outcome for one in act.remove(decided, None, dry_run=True)[1]] == ["moved", "would restore"]
    assert [one.outcome for one in act.remove(decided, None, dry_run=False)[1]] == ["moved", "restored"]
    assert (world.folder / "new/a.jpg").exists()


def test_a_disk_that_is_mounted_elsewhere_gives_its_images_back(world):
    world.image("card/new/a.jpg"), world.image("card/have/a.jpg"), world.beside("card/have/a.txt"), world.beside("card/new/a.txt")
    world.orders = [
        world.order("card/new/a.jpg", "card/have/a.jpg", "bytes", of_image={"root": "card/new"}, of_keeper={"root": "card/have"})
    ]
    act.remove(world.plan(), None, dry_run=False)
    os.rename(world.folder / "card", world.folder / "card1")
    journal = os.fsencode(next((world.folder / "card1/new.quarantine").rglob("journal.jsonl")))
    assert [one.outcome for one in act.undo(journal, dry_run=True)] == ["would restore"]
    assert [one.outcome for one in act.undo(journal)] == ["restored"]
    assert (world.folder / "card1/new/a.jpg").exists()
    assert (world.folder / "card1/new/a.txt").exists()
    assert not (world.folder / "card").exists()


def test_a_purge_waits_its_days_also_where_the_trash_was_cut_off(world, monkeypatch):
    world.image("have/a.jpg"), world.image("new/a.jpg")
    world.order("new/a.jpg", "have/a.jpg", "bytes")
    journal, _ = act.remove(world.plan(), None, dry_run=False)

    def cut(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("send2trash.send2trash", cut)
    with pytest.raises(KeyboardInterrupt):
        act.purge(journal, 0, trash=True)
    assert [one.outcome for one in act.purge(journal, 30)] == ["kept"]
    assert [one.outcome for one in act.undo(journal)] == ["restored"]


def test_without_a_trash_nothing_moves_towards_it(world, monkeypatch):
    from visdatcompy_ds.base.errors import MissingDependencyError

    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match="send2trash"):
        act.require_trash()
    with pytest.raises(MissingDependencyError):
        act.purge(b"nothing", 0, trash=True)


def test_a_removal_in_a_folder_keeps_others_out_of_what_lies_in_it_and_above(world):
    from visdatcompy_ds.engine.move import locked

    inner, beside = (os.fsencode(world.folder / name) for name in ("a/b", "a/c"))
    for folder in (inner, beside):
        os.makedirs(folder)
    with locked([os.path.dirname(inner), inner]), pytest.raises(OutputError, match="at work"), locked([inner]):
        pass
    with locked([inner]), pytest.raises(OutputError, match="at work"), locked([os.path.dirname(inner)]):
        pass
    with locked([inner]), locked([beside]):
        pass


def test_a_label_outside_the_folders_compared_holds_its_image(world):
    world.image("have/a.jpg"), world.image("new/images/a.jpg")
    world.beside("new/labels/a.txt")
    at = {"root": "new/images"}
    world.order("new/images/a.jpg", "have/a.jpg", "bytes", of_image=at)
    assert world.remove() == [("refused", "unlabelled_keeper")]
    assert world.remove("unlabelled_keeper") == [("refused", "outside_label")]
    world.beside("have/a.txt")
    assert world.remove() == [("refused", "outside_label")]
    assert world.remove("outside_label") == [("moved", "")]
    assert (world.folder / "new/labels/a.txt").exists()


def test_a_description_of_the_camera_is_no_label(world):
    world.image("have/a.jpg"), world.image("new/a.jpg"), world.beside("new/a.txt"), world.beside("have/a.xmp")
    world.order("new/a.jpg", "have/a.jpg", "bytes")
    assert world.remove() == [("refused", "unlabelled_keeper")]
    world.beside("have/a.txt")
    assert world.remove() == [("moved", "")]
