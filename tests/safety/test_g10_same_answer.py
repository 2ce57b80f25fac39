"""G10: serial = threads = processes = cached = resumed = shuffled, bit for bit."""

from __future__ import annotations

import same_answer


def test_one_answer_whatever_the_workers_the_cache_the_order(tmp_path, monkeypatch):
    assert same_answer.run(300, str(tmp_path), monkeypatch.setattr) == len(same_answer.WAYS)


def test_a_difference_would_show(tmp_path):
    same_answer.make(40, str(tmp_path / "photos"))
    before = same_answer.tables(str(tmp_path / "photos"))
    (tmp_path / "photos/3/00003.jpg").write_bytes((tmp_path / "photos/0/00010.jpg").read_bytes())
    assert same_answer.tables(str(tmp_path / "photos")) != before
