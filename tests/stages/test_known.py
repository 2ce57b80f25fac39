"""What earlier runs measured is used, never trusted beyond what it says, and gives the same answer as measuring anew."""

import os
import shutil
import time

import numpy as np
import pytest

from visdatcompy_ds import Dataset, VisDatCompare
from visdatcompy_ds.base.tables import STATUSES
from visdatcompy_ds.catalog.probes import CLEAN_PROBES, HEADER_PROBES, PROBES, Probe
from visdatcompy_ds.engine.decode import Limits
from visdatcompy_ds.stages.fingerprint import fingerprint
from visdatcompy_ds.stages.scan import scan

OLD = 1_700_000_000


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path, photo, write, monkeypatch):
    """Photos, a copy, a cut one and a text, at rest for long: their ctime is now, so the clock of reading is moved instead."""
    from visdatcompy_ds.stages.fingerprint import reading

    for k in range(8):
        write(f"a/{k}.jpg", photo(k, 96, 72), quality=88)
    shutil.copy(tmp_path / "a/0.jpg", tmp_path / "a/copy.jpg")
    data = (tmp_path / "a/1.jpg").read_bytes()
    (tmp_path / "a/cut.jpg").write_bytes(data[: len(data) // 2])
    (tmp_path / "a/text.jpg").write_text("hello")
    for path in (tmp_path / "a").iterdir():
        os.utime(path, (OLD, OLD))

    class Later:
        time_ns = staticmethod(lambda: time.time_ns() + 10_000_000_000)

    monkeypatch.setattr(reading, "time", Later)
    return tmp_path / "a"


def equal(one, other):
    assert one.columns.keys() == other.columns.keys()
    for name, column in one.columns.items():
        assert column.dtype == other[name].dtype, name
        if column.dtype == object:
            assert list(column) == list(other[name]), name
        else:
            assert column.tobytes() == other[name].tobytes(), name
    assert list(one.files.reason) == list(other.files.reason) and (one.files.status == other.files.status).all()


def test_a_second_pass_reads_nothing_and_says_the_same(folder, cache):
    plain, _ = fingerprint(scan(folder), CLEAN_PROBES, 2)
    first, cost = fingerprint(scan(folder), CLEAN_PROBES, 2, cache=cache)
    again, later = fingerprint(scan(folder), CLEAN_PROBES, 2, cache=cache)
    assert cost.reads == 11 and cost.known == 0 and cost.decodes == 9
    assert later.reads == later.decodes == 0 and later.known == 11
    equal(plain, first)
    equal(plain, again)


def test_what_holds_more_serves_less_and_what_reads_less_does_not(folder, cache):
    fingerprint(scan(folder), CLEAN_PROBES, 1, cache=cache)
    some, cost = fingerprint(scan(folder), ["phash", "width"], 1, cache=cache)
    assert cost.reads == 0
    equal(fingerprint(scan(folder), ["phash", "width"], 1)[0], some)
    # A header alone does not know that a picture is cut, so it is asked by itself: the answer is as without a cache.
    heads, cost = fingerprint(scan(folder), HEADER_PROBES, 1, cache=cache)
    assert cost.reads > 0
    equal(fingerprint(scan(folder), HEADER_PROBES, 1)[0], heads)
    assert fingerprint(scan(folder), HEADER_PROBES, 1, cache=cache)[1].reads == 0
    assert fingerprint(scan(folder), CLEAN_PROBES, 1, cache=cache)[1].reads == 0


def test_a_new_file_costs_one_read(folder, cache, photo, write):
    fingerprint(scan(folder), CLEAN_PROBES, 1, cache=cache)
    write("new.jpg", photo(50, 96, 72), folder)
    _, cost = fingerprint(scan(folder), CLEAN_PROBES, 1, cache=cache)
    assert cost.reads == cost.decodes == 1 and cost.known == 11


def test_a_moved_or_copied_card_costs_reads_and_no_decode(folder, cache, tmp_path):
    before, _ = fingerprint(scan(folder), CLEAN_PROBES, 1, cache=cache)
    shutil.copytree(folder, tmp_path / "card")
    copied, cost = fingerprint(scan(tmp_path / "card"), CLEAN_PROBES, 2, cache=cache)
    assert cost.reads == 11 and cost.decodes == 0
    equal(before, copied)
    assert fingerprint(scan(tmp_path / "card"), CLEAN_PROBES, 2, cache=cache)[1].reads == 0
    folder.rename(tmp_path / "b")
    moved, cost = fingerprint(scan(tmp_path / "b"), CLEAN_PROBES, 2, cache=cache)
    assert cost.reads == 11 and cost.decodes == 0
    equal(before, moved)


@pytest.mark.parametrize("how", ["content, size and time as before", "other content", "shorter", "another inode"])
def test_a_file_that_changed_is_read_again(folder, cache, photo, write, how):
    fingerprint(scan(folder), CLEAN_PROBES, 1, cache=cache)
    path, other = folder / "3.jpg", folder / "4.jpg"
    if how == "shorter":
        path.write_bytes(path.read_bytes()[:-40])
    elif how == "other content":
        shutil.copyfile(other, path)
    elif how == "another inode":
        shutil.copyfile(path, folder / "x")
        os.replace(folder / "x", path)
    else:
        data = bytearray(path.read_bytes())
        data[-200:-180] = bytes(20)  # the picture differs, the size does not
        path.write_bytes(data)
    os.utime(path, (OLD, OLD))
    plain, _ = fingerprint(scan(folder), CLEAN_PROBES, 1)
    again, cost = fingerprint(scan(folder), CLEAN_PROBES, 1, cache=cache)
    assert cost.known == 10 and cost.decodes == (how in ("shorter", "content, size and time as before"))
    equal(plain, again)


def test_a_file_read_right_after_it_changed_is_not_trusted(tmp_path, photo, write, cache):
    path = write("a/0.jpg", photo(1, 96, 72))
    fingerprint(scan(path.parent), ["phash"], 1, cache=cache)
    assert fingerprint(scan(path.parent), ["phash"], 1, cache=cache)[1].reads == 1  # read, and known by its content
    assert fingerprint(scan(path.parent), ["phash"], 1, cache=cache)[1].decodes == 0


def test_other_limits_are_another_question(folder, cache):
    fingerprint(scan(folder), CLEAN_PROBES, 1, cache=cache)
    refused, cost = fingerprint(scan(folder), CLEAN_PROBES, 1, Limits(max_pixels=100), cache=cache)
    assert cost.reads == 11 and STATUSES[refused.files.status[0]] == "refused"
    equal(fingerprint(scan(folder), CLEAN_PROBES, 1)[0], fingerprint(scan(folder), CLEAN_PROBES, 1, cache=cache)[0])


@pytest.mark.parametrize("change", ["decoder", "probe"])
def test_another_version_is_another_question(folder, cache, monkeypatch, change):
    from visdatcompy_ds.stages.fingerprint import known

    fingerprint(scan(folder), ["phash"], 1, cache=cache)
    if change == "decoder":
        monkeypatch.setattr(known, "decoders", lambda: {"simplejpeg": "99"})
    else:
        import dataclasses

        monkeypatch.setitem(PROBES._entries, "phash", dataclasses.replace(PROBES["phash"], version=2))
    assert fingerprint(scan(folder), ["phash"], 1, cache=cache)[1].decodes == 9


def test_a_probe_without_a_version_is_kept_in_no_cache(folder, cache):
    own = Probe("test_mean", "working", "float32", 0, lambda block: block.pictures.mean(axis=(1, 2, 3)), "mean")
    PROBES.add(own)
    try:
        for _ in range(2):
            assert fingerprint(scan(folder), ["test_mean"], 1, cache=cache)[1].decodes == 9
    finally:
        del PROBES._entries["test_mean"]


def test_an_interrupted_pass_goes_on_where_it_was(folder, cache, monkeypatch):
    from visdatcompy_ds.engine import decode

    once, left = decode.decode_working, [5]

    def interrupted(*arguments):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return once(*arguments)

    monkeypatch.setattr("visdatcompy_ds.stages.fingerprint.measure._TASK_FILES", 2)
    monkeypatch.setattr(decode, "decode_working", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fingerprint(scan(folder), CLEAN_PROBES, 1, cache=cache)
    monkeypatch.setattr(decode, "decode_working", once)
    rest, cost = fingerprint(scan(folder), CLEAN_PROBES, 1, cache=cache)
    assert 0 < cost.known < 11 and cost.decodes == 9 - cost.known
    equal(fingerprint(scan(folder), CLEAN_PROBES, 1)[0], rest)


def test_any_sequence_of_questions_has_the_answers_of_no_cache(folder, cache, photo):
    """What one pass found of a file, a picture that is damaged, is not what another pass would have found."""
    import random

    whole = (folder / "2.jpg").read_bytes()
    (folder / "zeroed.jpg").write_bytes(whole[: len(whole) // 2] + bytes(300) + whole[len(whole) // 2 + 300 :])
    (folder / "no_end.jpg").write_bytes(whole[:-2])
    names = ["phash", "width", "sha256", "taken", "dhash", "brightness", "format"]
    for seed in range(30):
        chance = random.Random(seed)
        kept, plain = Dataset(folder, cache=cache, workers=1), Dataset(folder, workers=1)
        for _ in range(chance.randint(1, 4)):
            some = chance.sample(names, chance.randint(1, 2))
            equal(plain.measured(*some), kept.measured(*some))
    assert {"damaged", "recovered", "unreadable"} <= {STATUSES[code] for code in plain.measured("phash").files.status}


@pytest.mark.parametrize("workers", [1, "threads:2", "processes:2"])
def test_very_many_files_of_one_size_are_known_elsewhere_and_cost_what_they_cost_everywhere(tmp_path, cache, monkeypatch, workers):
    from visdatcompy_ds.engine.cache import Cache
    from visdatcompy_ds.stages.fingerprint import measure

    monkeypatch.setattr(measure, "_MOST_KNOWN", 20)
    random = np.random.default_rng(1)
    (tmp_path / "a").mkdir()
    for k in range(300):
        (tmp_path / f"a/{k}.ppm").write_bytes(b"P6 40 30 255 " + random.bytes(3600))
    first, _ = fingerprint(scan(tmp_path / "a"), ["phash"], workers, cache=cache)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    asked, once = [], Cache._in
    monkeypatch.setattr(Cache, "_in", lambda self, question, keys: asked.append(len(keys)) or once(self, question, keys))
    moved, cost = fingerprint(scan(tmp_path / "b"), ["phash"], workers, cache=cache)
    assert cost.reads == 300 and cost.decodes == 0 and sum(asked) < 5 * 300
    equal(first, moved)


def test_a_file_beyond_the_limit_is_not_even_read(tmp_path, photo, write, cache):
    write("a/0.jpg", photo(1, 96, 72))
    with open(tmp_path / "a/big.jpg", "wb") as stream:
        stream.truncate(8 * 10**12)
    for workers in (1, "threads:2", "processes:2"):
        found = Dataset(tmp_path / "a", workers=workers, cache=cache).fingerprints("phash", "width")
        assert list(found["status"]) == ["ok", "refused"]
    dataset = Dataset(tmp_path / "a")
    assert dataset.problems["reason"].tolist() == ["8e+06 MB, limit 2000 MB"]
    with pytest.raises(ValueError, match="limit 2000 MB"):
        dataset["big.jpg"].read()


def test_files_that_cannot_be_read_are_tried_again(folder, cache):
    files = scan(folder)
    (folder / "2.jpg").rename(folder / "away")
    gone, _ = fingerprint(files, ["phash"], 1, cache=cache)
    assert STATUSES[gone.files.status[list(files.id).index("2.jpg")]] == "vanished"
    (folder / "away").rename(folder / "2.jpg")
    there, _ = fingerprint(scan(folder), ["phash"], 1, cache=cache)
    equal(fingerprint(scan(folder), ["phash"], 1)[0], there)


def test_verdicts_and_small_pictures_are_kept_too(tmp_path, photo, write, cache, monkeypatch):
    from visdatcompy_ds.stages import confirm

    for k in range(3):
        write(f"a/{k}.png", photo(k, 320, 240))
        write(f"a/{k}-again.jpg", photo(k, 320, 240), quality=90)
    once, decoded = confirm.load_shot, []
    monkeypatch.setattr(confirm, "load_shot", lambda *given: decoded.append(given) or once(*given))
    plans = []
    for turn in range(2):
        compared = VisDatCompare(Dataset(tmp_path / "a", cache=cache))
        plans.append(compared.run().to_frame())
        if turn:
            from visdatcompy_ds.engine import decode

            monkeypatch.setattr(decode, "decode_working", None)  # also the page decodes nothing any more
        page = compared.report(tmp_path / f"results{turn}") / "report.html"
        assert page.read_text().count("data:image/jpeg") == 6
    assert len(decoded) == 6 and plans[0].equals(plans[1]) and (plans[0]["class"] == "reencoded").sum() == 3


def test_a_verdict_is_about_the_contents_it_names(tmp_path, photo, write, cache):
    """A file that changes between the pass and the comparison teaches the cache nothing wrong."""
    write("a/0.png", photo(1, 320, 240))
    path = write("a/1.jpg", photo(1, 320, 240), quality=90)
    kept = path.read_bytes()
    dataset = Dataset(tmp_path / "a", cache=cache)
    dataset.measured(*CLEAN_PROBES)
    write("a/1.jpg", photo(2, 320, 240), quality=90)
    pairs = VisDatCompare(dataset).run().comparison.pairs
    assert [str(measure) for measure in pairs.measure] == ["one changed since it was measured, or cannot be decoded in full"]
    path.write_bytes(kept)
    assert VisDatCompare(Dataset(tmp_path / "a", cache=cache)).run().facts["removed"] == {"reencoded": 1}


def test_dates_and_numbers_come_back_as_they_were(tmp_path, cache, monkeypatch):
    from visdatcompy_ds.stages.fingerprint import reading

    class Later:
        time_ns = staticmethod(lambda: time.time_ns() + 10_000_000_000)

    monkeypatch.setattr(reading, "time", Later)
    plain = Dataset("datasets/trail").table()
    for _ in range(2):
        dataset = Dataset("datasets/trail", cache=cache)
        assert dataset.table().equals(plain)
    assert dataset.counts.known == len(plain) and np.issubdtype(dataset.measured("taken")["taken"].dtype, np.datetime64)
