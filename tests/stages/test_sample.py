"""The choice: exactly N, near duplicates and events wait, groups get their share, and nothing depends on order."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from visdatcompy_ds import ArgumentError, UnknownNameError
from visdatcompy_ds.base.tables import text_array
from visdatcompy_ds.catalog.buckets import BUCKETS
from visdatcompy_ds.stages.sample import Wishes, cells, coverage, group_quotas, quotas, sample
from visdatcompy_ds.stages.sample.embeddings import embedded


def scenes(rows, per_scene, n, **columns):
    """Return a table of `n` images, each `per_scene` of them of one scene: a little apart, while scenes lie far apart."""
    random = np.random.default_rng(3)
    scene = np.arange(n) // per_scene
    base = random.integers(40, 200, (scene.max() + 1, 192))
    layout = base[scene] + random.integers(-4, 5, (n, 192))
    edges = random.integers(0, 120, (scene.max() + 1, 128))[scene] + random.integers(-1, 2, (n, 128))
    light = random.uniform(40, 220, scene.max() + 1)[scene]
    return rows([f"{k:04}.jpg" for k in range(n)], layout=layout, edge_histogram=np.clip(edges, 0, 255), brightness=light, **columns), scene


@pytest.mark.parametrize("strategy", ["spread", "stride"])
def test_one_of_each_scene_before_any_second(rows, strategy):
    table, scene = scenes(rows, 5, 200)
    for n in (1, 7, 40):
        chosen = sample(table, np.arange(200), n, wishes=Wishes(strategy=strategy)).chosen
        assert len(set(scene[chosen.row].tolist())) == n
    alike = sample(table, np.arange(200), 60, wishes=Wishes(strategy=strategy))
    assert len(set(alike.alike.tolist())) == 40 and len(set(zip(alike.alike.tolist(), scene[alike.pool].tolist(), strict=True))) == 40
    loose = sample(table, np.arange(200), 40, wishes=Wishes(strategy=strategy, near_duplicates_last=False)).chosen
    assert len(set(scene[loose.row].tolist())) < 40


def test_what_waited_comes_by_how_much_it_differs(rows):
    table, scene = scenes(rows, 4, 80)
    layout = table["layout"].astype(int)
    layout[np.arange(80) % 4 == 3, :24] += 75  # within 70 of its scene, but not within 35
    table = table.with_columns(layout=np.clip(layout, 0, 255).astype(np.uint8))
    chosen = sample(table, np.arange(80), 40).chosen.row
    assert set(scene[chosen[:20]].tolist()) == set(range(20))
    assert sum(row % 4 == 3 for row in chosen.tolist()) == 20


def test_near_duplicates_of_what_we_have_wait(rows):
    table, scene = scenes(rows, 5, 100)
    given = np.arange(0, 50, 5)  # one of each of the first ten scenes
    rest = np.setdiff1d(np.arange(100), given)
    assert set(scene[sample(table, rest, 10, given).chosen.row].tolist()) == set(range(10, 20))
    assert set(sample(table, rest, 90, given).chosen.row.tolist()) == set(rest.tolist())


def test_flat_pictures_come_last(rows):
    flat = np.arange(60) % 3 == 0
    table, _ = scenes(rows, 1, 60, low_information=flat)
    chosen = sample(table, np.arange(60), 50).chosen.row
    assert not flat[chosen[:40]].any() and flat[chosen[40:]].all()


def test_at_most_one_of_an_event_while_others_wait(rows):
    table, _ = scenes(rows, 1, 60)
    events = text_array("" if k >= 54 else f"e{k // 6}" for k in range(60))  # nine events of six, six shots without a date
    number = np.array([-1 if k >= 54 else k // 6 for k in range(60)])
    chosen = sample(table, np.arange(60), 20, wishes=Wishes(max_per_event=1, event=number)).chosen
    first = events[chosen.row[:15]].tolist()
    assert len({name for name in first if name}) == 9 and first.count("") == 6
    assert len(chosen) == 20
    two = events[sample(table, np.arange(60), 24, wishes=Wishes(max_per_event=2, event=number)).chosen.row].tolist()
    assert max(two.count(f"e{k}") for k in range(9)) == 2 and two.count("") == 6
    had = sample(table, np.arange(1, 60), 8 + 6, np.array([0]), Wishes(max_per_event=1, event=number)).chosen
    assert "e0" not in events[had.row].tolist()


def groups_of(table, rows, n, **wishes):
    names = text_array("a" if k < 60 else "b" if k < 90 else "c" for k in range(len(table)))
    held = sample(table, rows, n, wishes=Wishes(group=names, **wishes))
    assert len(held.chosen) == min(n, len(rows))
    return {
        name: (int(asked), int(chosen))
        for name, asked, chosen in zip(*(held.groups[key] for key in ("group", "asked", "chosen")), strict=True)
    }


def test_groups_get_their_share_and_pass_on_what_they_lack(rows):
    table, _ = scenes(rows, 1, 94)  # 60, 30 and 4 images
    everything = np.arange(94)
    assert groups_of(table, everything, 47) == {"a": (30, 30), "b": (15, 15), "c": (2, 2)}
    assert groups_of(table, everything, 30, group_quota="equal") == {"a": (10, 13), "b": (10, 13), "c": (10, 4)}
    sqrt = groups_of(table, everything, 30, group_quota="sqrt")
    assert sqrt["a"][1] > sqrt["b"][1] > sqrt["c"][1] == 4 and sqrt["a"][1] < 18
    assert groups_of(table, everything, 20, group_quota={"a": 5, "b": 5, "c": 10}) == {"a": (5, 8), "b": (5, 8), "c": (10, 4)}
    assert groups_of(table, everything, 4, group_quota={"c": 4}) == {"a": (0, 0), "b": (0, 0), "c": (4, 4)}


@pytest.mark.parametrize("quota", [{"a": 3}, {"a": -1, "b": 11}, {"a": 2.5, "b": 7.5}, {"nowhere": 10}, "most", 3])
def test_quotas_that_make_no_sense_are_refused(quota):
    names, waiting = np.array(["a", "b"]), np.array([9, 9])
    with pytest.raises((ArgumentError, UnknownNameError)):
        group_quotas(names, waiting, np.zeros(2, np.int64), 10, quota)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12),
    st.integers(0, 400),
    st.sampled_from(["equal", "sqrt", "proportional", "trim"]),
)
@settings(max_examples=200)
def test_quotas_of_every_rule_add_up(groups, n, rule):
    waiting, drawn = (np.array([group[side] for group in groups]) for side in (0, 1))
    _, taken = group_quotas(np.array([str(k) for k in range(len(groups))]), waiting, drawn, n, rule)
    assert taken.sum() == min(n, waiting.sum()) and (taken <= waiting).all() and (taken >= 0).all()


def test_trim_keeps_small_buckets_whole():
    assert quotas(np.array([2, 5, 100, 60]), np.zeros(4, np.int64), 47, "trim").tolist() == [2, 5, 20, 20]


@given(st.integers(0, 70), st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([None, 1, 3]), st.sampled_from(["spread", "stride"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # the table is never changed
def test_exactly_n_distinct_whatever_is_asked_for(table_of_sixty, n, seed, grouped, most, strategy):
    group = text_array(f"g{k % 7}" for k in range(60)) if grouped else None
    event = np.array([k // 4 if k % 5 else -1 for k in range(60)])
    wishes = Wishes(seed=seed, group=group, group_quota="equal", max_per_event=most, event=event, strategy=strategy)
    chosen = sample(table_of_sixty, np.arange(10, 60), n, np.arange(10), wishes).chosen
    assert len(chosen) == len(set(chosen.row.tolist())) == min(n, 50) and (chosen.row >= 10).all()
    assert chosen.rank.tolist() == list(range(1, len(chosen) + 1))


@pytest.fixture
def table_of_sixty(rows):
    table, _ = scenes(rows, 3, 60, low_information=np.arange(60) % 11 == 0)
    return table


def test_names_and_order_change_nothing_of_what_is_given_or_embedded(rows):
    table, _ = scenes(rows, 2, 120)
    order = np.random.default_rng(0).permutation(120)
    other = table.take(order)
    back = np.argsort(order)
    vectors = np.random.default_rng(1).normal(size=(120, 70))
    spaces = [
        embedded(one, np.arange(120), {one.files.id[k]: vectors[int(one.files.id[k][:4])] for k in range(120)}) for one in (table, other)
    ]
    assert np.array_equal(spaces[0], spaces[1][back])
    given = np.arange(0, 120, 7)
    rest = np.setdiff1d(np.arange(120), given)
    one = sample(table, rest, 25, given, Wishes(space=spaces[0])).chosen.row.tolist()
    assert one == order[sample(other, np.sort(back[rest]), 25, np.sort(back[given]), Wishes(space=spaces[1])).chosen.row].tolist()


def test_names_and_order_change_nothing(rows):
    table, _ = scenes(rows, 2, 120)
    order = np.random.default_rng(0).permutation(120)
    other = table.take(order)
    for strategy_n in (13, 70):
        one = set(sample(table, np.arange(120), strategy_n).chosen.row.tolist())
        assert one == set(order[sample(other, np.arange(120), strategy_n).chosen.row].tolist())


def test_every_beginning_is_spread_and_beats_chance(rows):
    everything, scene = scenes(rows, 20, 1200)
    kept = np.flatnonzero((scene < 20) | (np.arange(1200) % 20 == 0))  # twenty scenes were shot twenty times, forty once
    table = everything.take(kept)
    held = sample(table, np.arange(len(kept)), 60)
    for k in (15, 30, 60):
        found = coverage(held.space, held.alike, held.picked[:k], held.given_space, 0)
        leaders = np.unique(held.alike)
        chance = [
            coverage(held.space, held.alike, np.random.default_rng(s).choice(leaders, k, replace=False), held.given_space, 0)
            for s in range(9)
        ]
        mean = np.mean([one["chosen"]["mean"] for one in chance])
        # Better than chance among all images, and, while there is a choice, than chance among those of which none is near another.
        assert found["chosen"]["mean"] < found["random"]["mean"] and (k == 60 or found["chosen"]["mean"] < mean)


def test_coverage_is_the_distance_to_the_nearest_chosen_one():
    space = np.array([[0.0], [1.0], [2.0], [10.0]], np.float32)
    found = coverage(space, np.arange(4), np.array([0]), space[:0], 1)["chosen"]
    assert found == {"mean": pytest.approx(13 / 4), "p95": 10, "max": 10}
    # Two of one group count as one.
    assert coverage(space, np.array([0, 0, 1, 2]), np.array([0]), space[:0], 1)["chosen"]["mean"] == pytest.approx((0.5 + 2 + 10) / 3)
    assert coverage(space, np.arange(4), np.array([0]), space[3:], 1)["chosen"]["max"] == 2
    assert np.isnan(coverage(space, np.arange(4), np.array([], np.int64), space[:0], 1)["chosen"]["mean"])


def test_of_very_many_some_are_looked_at_and_every_bucket_is_there(rows, monkeypatch):
    monkeypatch.setattr(cells, "_POOL", 100)
    table, _ = scenes(rows, 2, 800)
    held = sample(table, np.arange(800), 20)
    assert len(held.pool) < 500 and len(held.chosen) == 20
    seen = set(held.bucket.tolist())
    assert len(seen) > 4 and set(held.chosen.bucket.tolist()) >= set(sorted(seen, key=held.bucket.tolist().count)[-4:])
    # What chance left out is looked at when what it picked has too few that differ.
    one_scene, _ = scenes(rows, 790, 800)
    chosen = sample(one_scene, np.arange(800), 2).chosen
    assert {int(row) >= 790 for row in chosen.row} == {True, False}


def test_spread_lies_apart_in_the_space_that_is_given(rows):
    table, _ = scenes(rows, 1, 300)
    random = np.random.default_rng(0)
    space = np.concatenate([random.normal(0, 0.01, (280, 4)), random.normal(9, 0.01, (20, 4))]).astype(np.float32)
    few = [int((sample(table, np.arange(300), 12, wishes=Wishes(seed=seed, space=space)).chosen.row >= 280).sum()) for seed in range(20)]
    plain = [int((sample(table, np.arange(300), 12, wishes=Wishes(seed=seed)).chosen.row >= 280).sum()) for seed in range(20)]
    assert np.mean(few) > np.mean(plain)


def test_themes_are_told_by_what_most_of_a_picture_is():
    lab = {"dark": (30, 128, 128), "grey": (120, 128, 128), "light": (230, 128, 128), "red": (136, 190, 170), "green": (150, 70, 160)}
    layout = np.array([np.tile(colour, 64) for colour in lab.values()], np.uint8)
    rule = BUCKETS["theme"]
    assert [rule.says(str(key[0])) for key in rule.compute({"layout": layout}).tolist()] == list(lab)
