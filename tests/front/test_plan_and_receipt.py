"""A plan on disk, carried out and taken back, as a user does it."""

import json
import shutil

import pytest

from visdatcompy_ds import Dataset, VisDatCompare
from visdatcompy_ds.base.errors import ArgumentError, MissingSourceError, OutputError, UnknownNameError
from visdatcompy_ds.plan import Plan
from visdatcompy_ds.receipt import Receipt


@pytest.fixture
def folders(datasets, tmp_path):
    for name in ("trail", "trail_new"):
        shutil.copytree(datasets / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def plan(folders):
    return VisDatCompare(Dataset(folders / "trail"), Dataset(folders / "trail_new")).run()


def tree(folder):
    return {path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_plan_is_saved_loaded_applied_verified_and_undone(plan, folders):
    before = tree(folders / "trail_new"), tree(folders / "trail")
    plan.save(folders / "plan.json")
    loaded = Plan.load(folders / "plan.json")
    assert loaded.to_frame().equals(plan.sealed.to_frame())
    assert list(loaded.to_frame().columns) == list(plan.to_frame().columns)
    assert loaded.apply().counts == {"would move": 16}
    receipt = loaded.apply(dry_run=False)
    assert receipt.counts == {"moved": 16}
    assert len(tree(folders / "trail_new")) == len(before[0]) - 16
    assert receipt.verify().counts == {"moved": 16}
    assert loaded.apply(dry_run=False).counts == {"moved": 16}
    assert Receipt(receipt.path).undo().counts == {"restored": 16}
    assert receipt.undo().counts == {"restored": 16}
    assert (tree(folders / "trail_new"), tree(folders / "trail")) == before
    assert plan.apply(dry_run=False).counts == {"moved": 16}


def test_every_removal_names_what_stays_and_by_what_measure(plan):
    frame = plan.to_frame()
    removed = frame[frame.action == "remove"]
    assert len(removed)
    assert set(removed["class"]) <= {"bytes", "pixels", "reencoded"}
    assert (removed.keeper_dataset == "trail").any()
    assert removed.reason.str.contains("/").all()
    assert (removed.measure != "").all()
    assert removed.score.notna().all()


def test_what_we_have_is_never_moved(plan, folders):
    sealed = plan.sealed
    row = next(entry for entry in sealed.body["entries"] if entry["dataset"] == "trail")
    member = next(entry for entry in sealed.body["entries"] if entry["keeper_id"] == row["id"] and entry["dataset"] == "trail_new")
    wishes = {("trail", row["id"]): "remove", ("trail_new", member["id"]): "keep"}
    receipt = plan.apply(dry_run=False, overrides=wishes)
    refused = receipt.to_frame().set_index("id").loc[row["id"]]
    assert (refused.outcome, refused.lift) == ("refused", "protected")
    assert (folders / "trail" / row["id"]).exists()
    assert "allow protected" in receipt.summary()


def test_a_plan_edited_by_hand_is_refused(plan, folders):
    plan.save(folders / "plan.json")
    body = json.loads((folders / "plan.json").read_text())
    kept = next(entry for entry in body["entries"] if entry["action"] == "keep")
    kept["action"] = "remove"
    (folders / "plan.json").write_text(json.dumps(body))
    with pytest.raises(ArgumentError, match="not what was saved"):
        Plan.load(folders / "plan.json")


@pytest.mark.parametrize("text", ["", "[]", "not json", '{"format": "another"}', "[" * 100_000])
def test_what_is_no_plan_is_said_to_be_none(folders, text):
    (folders / "plan.json").write_text(text)
    with pytest.raises(ArgumentError, match="is no plan"):
        Plan.load(folders / "plan.json")


def test_a_plan_of_another_version_or_a_missing_one_is_an_error(folders, plan):
    plan.save(folders / "plan.json")
    body = json.loads((folders / "plan.json").read_text())
    (folders / "plan.json").write_text(json.dumps({**body, "version": 1}))
    with pytest.raises(ArgumentError, match="version 1"):
        Plan.load(folders / "plan.json")
    with pytest.raises(MissingSourceError):
        Plan.load(folders / "nothing.json")


def test_decisions_of_people_come_as_a_file_that_names_the_plan(plan, folders):
    removed = plan.to_frame().query("action == 'remove'").iloc[0]
    decisions = {"format": "visdatcompy_ds overrides", "version": 1, "plan": plan.sealed.checksum}
    decisions["overrides"] = [{"dataset": removed.dataset, "id": removed.id, "action": "keep"}]
    path = folders / "overrides.json"
    path.write_text(json.dumps(decisions))
    assert plan.apply(overrides=path).counts == {"would move": 15}
    path.write_text(json.dumps({**decisions, "plan": "0" * 64}))
    with pytest.raises(ArgumentError, match="another plan"):
        plan.apply(overrides=path)
    path.write_text(json.dumps({**decisions, "overrides": [{"dataset": "trail_new"}]}))
    with pytest.raises(ArgumentError, match="no file of overrides"):
        plan.apply(overrides=path)


def test_bad_arguments_are_said_to_be_so(plan, folders):
    with pytest.raises(UnknownNameError, match="hard_links"):
        plan.apply(allow=["hardlinks"])
    with pytest.raises(ArgumentError):
        plan.apply(overrides={"trail_new/a.jpg": "keep"})
    with pytest.raises(ArgumentError, match="older_than_days"):
        plan.apply().purge(-1)
    with pytest.raises(MissingSourceError):
        Receipt(folders / "nothing")
    with pytest.raises(ArgumentError, match="No journal in"):
        Receipt(folders / "trail")
    (folders / "a file").write_text("a file")
    with pytest.raises(OutputError, match="holds other files"):
        plan.apply(dry_run=False, quarantine=folders / "a file")


def test_a_changed_image_stays_and_the_receipt_says_so(plan, folders):
    removed = plan.to_frame().query("action == 'remove'").iloc[:2]
    first, second = (folders / "trail_new" / name for name in removed.id)
    first.write_bytes(first.read_bytes() + b"more")
    second.unlink()
    receipt = plan.apply(dry_run=False)
    assert receipt.counts == {"changed": 1, "gone": 1, "moved": 14}
    assert receipt.left_undone == 2
    assert first.exists()


def test_images_of_two_classes_stay_unless_told(folders, write, photo):
    for name in ("cat", "dog"):
        write(f"classes/{name}/1.jpg", photo(1), folders, quality=90)
    dataset = Dataset(folders / "classes", label="folder")
    plan = VisDatCompare(dataset).run()
    frame = plan.to_frame()
    assert frame.label_conflict.sum() == 1
    assert list(frame.action) == ["keep", "keep"]
    assert "labels differ" in plan.summary()
    told = VisDatCompare(dataset).run(label_conflicts=True).to_frame()
    assert sorted(told.action) == ["keep", "remove"]


def test_copies_with_other_boxes_stay_unless_told(folders, write, photo):
    for name, box in (("a", "0 .5 .5 .1 .1"), ("b", "1 .5 .5 .1 .1"), ("c", "0 .5 .5 .1 .1\n")):
        write(f"yolo/images/{name}.jpg", photo(1), folders, quality=90)
        (folders / "yolo/labels").mkdir(exist_ok=True)
        (folders / f"yolo/labels/{name}.txt").write_text(box)
    frame = VisDatCompare(Dataset(folders / "yolo")).run().to_frame().set_index("id")
    assert dict(frame.action) == {"images/a.jpg": "keep", "images/b.jpg": "keep", "images/c.jpg": "remove"}
    assert frame.label_conflict["images/b.jpg"]
    assert frame.sidecars["images/c.jpg"] == "labels/c.txt"


def test_what_is_labelled_stays_where_the_copy_we_have_is_not(folders, write, photo):
    write("have/a.jpg", photo(1), folders, quality=90)
    write("new/a.jpg", photo(1), folders, quality=90)
    (folders / "new/a.xml").write_text("<annotation/>")
    frame = VisDatCompare(Dataset(folders / "have"), Dataset(folders / "new")).run().to_frame().set_index("dataset")
    assert frame.action["new"] == "keep"
    assert "labelled" in frame.reason["new"]


def test_the_quarantine_lies_in_a_hidden_folder_where_nothing_can_be_made_beside_it(folders, write, photo, monkeypatch):
    write("shelf/new/a.jpg", photo(1), folders)
    write("shelf/new/b.jpg", photo(1), folders)
    plan = VisDatCompare(Dataset(folders / "shelf/new")).run()
    with monkeypatch.context() as patched:
        patched.setattr("os.access", lambda *_: False)
        receipt = plan.apply(dry_run=False)
    assert "shelf/new/.visdatcompy_ds-quarantine" in receipt.path
    assert Dataset(folders / "shelf/new").filenames == ["a.jpg"]
    assert receipt.undo().counts == {"restored": 1}


def _group(folders, write, photo):
    for name in ("lib/2023a/1.jpg", "lib/2024/1.jpg", "lib/2024/2.jpg"):
        write(name, photo(1 if "1.jpg" in name else 2), folders, quality=90)
    return folders / "lib"


@pytest.mark.parametrize("kind", ["list", "relative", "pattern", "holds the other"])
def test_what_is_protected_is_so_whatever_it_was_given_as(folders, write, photo, kind, monkeypatch):
    lib = _group(folders, write, photo)
    monkeypatch.chdir(folders)
    have = {"list": [lib / "2023a/1.jpg"], "relative": "lib/2023a", "pattern": "lib/2023*", "holds the other": lib}[kind]
    compy = VisDatCompare(Dataset(have, exclude="2024/*"), Dataset(lib / "2024"))
    monkeypatch.chdir("/")
    plan = compy.run()
    frame = plan.to_frame()
    if kind != "holds the other":  # there each new file is one of ours by another path
        assert list(frame.query("action == 'remove'").id) == ["1.jpg"]
        assert plan.apply().counts == {"would move": 1}
    kept, gone = frame.query("action == 'keep'").iloc[0], frame.iloc[-1]
    wishes = {(kept.dataset, kept.id): "remove", (gone.dataset, gone.id): "keep"}
    outcome = plan.apply(overrides=wishes).outcomes[0]
    assert (outcome.outcome, outcome.lift) == ("refused", "protected")


def test_one_image_has_one_decision(plan, folders):
    removed = plan.to_frame().query("action == 'remove'").iloc[0]
    decision = {"dataset": removed.dataset, "id": removed.id}
    body = {"format": "visdatcompy_ds overrides", "version": 1, "plan": plan.sealed.checksum}
    body["overrides"] = [{**decision, "action": "keep"}, {**decision, "action": "remove"}]
    (folders / "o.json").write_text(json.dumps(body))
    with pytest.raises(ArgumentError, match="keeps and removes"):
        plan.apply(overrides=folders / "o.json")


@pytest.mark.parametrize("name", ["created", "entries", "images", "protected", "limits"])
def test_a_plan_of_another_shape_is_an_error_in_words(plan, name):
    from visdatcompy_ds.plan import SealedPlan

    with pytest.raises(ArgumentError, match="another shape"):
        SealedPlan({**plan.sealed.body, name: 5 if name != "entries" else [{}]}).apply()


def test_a_plan_of_nothing_has_its_columns(folders):
    plan = VisDatCompare(Dataset(folders / "trail", exclude="*0001*")).run()
    empty = VisDatCompare(Dataset(folders / "trail" / "CAM01")).run()
    assert list(empty.sealed.to_frame().columns) == list(plan.to_frame().columns)


def test_a_quarantine_with_several_removals_is_undone_and_verified_as_a_whole(plan, folders):
    receipt = plan.apply(dry_run=False)
    again = (
        VisDatCompare(Dataset(folders / "trail_new"))
        .run(similar=True, edited=True)
        .apply(dry_run=False, allow=["most_files", "whole_folder"])
    )
    assert again.counts["moved"] > 0
    both = Receipt(folders / "trail_new.quarantine")
    assert both.verify().counts == {"moved": 16 + again.counts["moved"]}
    assert both.undo(dry_run=True).counts == {"would restore": 16 + again.counts["moved"]}
    assert both.undo().counts == {"restored": 16 + again.counts["moved"]}
    assert receipt.purge(0, dry_run=False).counts == {}
    assert both.left_undone == 0


def test_the_trash_is_told_apart_from_what_stays(plan, folders, monkeypatch):
    import os

    monkeypatch.setattr("send2trash.send2trash", os.unlink)
    removed = plan.to_frame().query("action == 'remove'").iloc[0]
    (folders / "trail_new" / removed.id).unlink()
    assert plan.apply(trash=True).counts == {"gone": 1, "would trash": 15}
    receipt = plan.apply(dry_run=False, trash=True)
    assert receipt.counts == {"gone": 1, "trashed": 15}
    assert receipt.left_undone == 1
    assert receipt.undo().left_undone == 15
