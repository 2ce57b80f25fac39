"""G2: never the last copy, whatever graph of files and orders, however absurd."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import tempfile

import oracle
from world import FAST, body, entry, facts, picture, put

from visdatcompy_ds.base.errors import OutputError
from visdatcompy_ds.reports import plan_file
from visdatcompy_ds.stages import act

Plan = tuple[act.Orders, tuple[bytes, ...], set[str]]  # orders, protected folders, refusals that are lifted
CLASSES = ("bytes", "reencoded", "pixels", "near", "same_file")


@dataclasses.dataclass
class Gone:
    """What the oracle remembers of an image that a removal says it moved."""

    place: bytes
    content: tuple
    keeper: bytes
    keeper_digest: str
    klass: str
    is_away: bool = True


class Graph:
    """One random world: roots, files, links, plans; and what happens to it."""

    def __init__(self, seed: int, base: str) -> None:
        self.rng, self.base = random.Random(seed), os.fsencode(base)
        self.tree = os.path.join(self.base, b"tree")
        self.gone: dict[bytes, Gone] = {}
        self.done = dict.fromkeys(("moved", "refused", "changed", "gone", "purged", "restored", "failed", "second plans"), 0)
        self._make()

    def _make(self) -> None:
        rng = self.rng
        self.roots = [os.path.join(self.tree, b"r%d" % n) for n in range(rng.randint(1, 3))]
        for root in self.roots:
            os.makedirs(root)
        aliases = []
        if rng.random() < 0.3:
            aliases.append(os.path.join(self.tree, b"alias"))
            os.symlink(self.roots[0], aliases[-1])
        if rng.random() < 0.2:
            aliases.append(os.path.join(self.roots[0], b"s"))
            os.makedirs(aliases[-1], exist_ok=True)
        self.names: list[tuple[bytes, bytes]] = []
        for at in range(rng.randint(2, 12)):
            root = rng.choice(self.roots)
            name = rng.choice((b"", b"s/", b"images/")) + b"%d.png" % at
            path = os.path.join(root, name)
            chance = rng.random()
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if chance < 0.15 and self.names:
                os.link(os.path.join(*rng.choice(self.names)), path, follow_symlinks=False)
            elif chance < 0.25 and self.names:
                os.symlink(os.path.join(*rng.choice(self.names)), path)
            else:
                put(root, name, picture(rng.randrange(4)))
            if rng.random() < 0.15:
                put(root, os.path.splitext(name)[0] + b".txt", rng.choice((b"label", b"other")))
            self.names.append((root, name))
        # The same files by other paths.
        self.spelled = list(self.names)
        for alias in aliases:
            real = os.path.realpath(alias)
            for root, name in self.names:
                path = os.path.join(root, name)
                if path.startswith(os.path.join(real, b"")):
                    self.spelled.append((alias, os.path.relpath(path, real)))

    def plan(self) -> Plan:
        """Return orders as absurd as they come."""
        rng, entries = self.rng, []
        for _ in range(rng.randint(1, rng.choice((2, 4, 8)))):
            image, keeper = rng.choice(self.spelled), rng.choice(self.spelled)
            if not all(os.path.exists(os.path.join(*one)) for one in (image, keeper)):
                continue
            one, other = facts(*image), facts(*keeper)
            klass = rng.choice(CLASSES) if rng.random() < 0.1 else "bytes" if one["sha256"] == other["sha256"] else rng.choice(CLASSES[1:4])
            if rng.random() < 0.05:
                other = {**other, "sha256": "0" * 64} if rng.random() < 0.5 else {**other, "inode": 1}
            if rng.random() < 0.05:
                other = {**other, "status": rng.choice(("recovered", "damaged")), "pixels": rng.choice((1, 640))}
            entries.append(entry(klass, one, other))
        protected = (rng.choice([*self.roots, os.path.dirname(os.path.join(*rng.choice(self.spelled)))]),) if rng.random() < 0.2 else ()
        allow = {name for name in act.LIFTS if rng.random() < 0.3}
        orders = plan_file.orders(json.loads(json.dumps(body(entries, rng.choice((3, 100)), protected))))
        return orders, protected, allow

    def disturb(self) -> None:
        """Let a file vanish, or hold something else, before the plan is carried out."""
        rng = self.rng
        path = os.path.join(*rng.choice(self.names))
        if not os.path.lexists(path) or any(gone.keeper == path or gone.place == path for gone in self.gone.values()):
            return
        if rng.random() < 0.5:
            os.unlink(path)
        else:
            with open(path, "r+b") as stream:
                stream.write(b"spoilt")

    def apply(self, given: Plan) -> None:
        plan, self.protected, self.allow = given
        before = oracle.files_of(oracle.manifest(self.tree))
        everything = self._contents()
        links = {path: os.lstat(os.path.join(self.tree, path)).st_nlink for path in before}
        try:
            _, outcomes = act.remove(plan, None, False, self.allow, show_progress=False)
        except OutputError as error:
            assert "is gone" in str(error), error
            return
        assert self._contents() == everything, "contents were lost, or came from nowhere"
        now = oracle.files_of(oracle.manifest(self.tree))
        by_number = {order.number: order for order in plan.orders}
        moved = set()
        for outcome in outcomes:
            self.done[outcome.outcome] = self.done.get(outcome.outcome, 0) + 1
            if outcome.outcome == "moved":
                moved.add(self._check_moved(by_number[outcome.number], before, now, links))
        went = {path for path in before if path not in now}
        labels = {path for path in went if path.endswith(b".txt")}
        assert went - labels == moved, f"went and not said: {went - labels - moved}; said and not gone: {moved - went}"
        assert {os.path.splitext(path)[0] for path in labels} <= {os.path.splitext(path)[0] for path in moved}, "a label went alone"
        assert all(now[path] == before[path] for path in now), "a file was changed"
        self.check_survivors()

    def _check_moved(self, order: act.Order, before: dict, now: dict, links: dict) -> bytes:
        image, keeper = (self._real(side.facts.path) for side in (order.image, order.keeper))
        relative = os.path.relpath(image, self.tree)
        assert relative in before, f"{image!r} was not there to be moved"
        assert relative not in now, f"{image!r} is said to be away, and stands"
        assert image != keeper, f"{image!r} went for itself"
        for folder in self.protected:
            is_inside = image.startswith(os.path.join(os.path.realpath(folder), b""))
            assert not is_inside or "protected" in self.allow, f"{image!r} lay in a protected folder"
        assert links[relative] == 1 or before[relative][0] == "link" or "hard_links" in self.allow, f"{image!r} had several names"
        is_link = before[relative][0] == "link" or os.path.islink(keeper)
        assert not is_link or "symlinks" in self.allow, f"{image!r} or its keeper is a link"
        assert order.klass != "same_file"
        digest = order.keeper.facts.sha256
        if before[relative][0] == "file" and order.klass == "bytes":
            assert digest == before[relative][1], "planned as the same bytes, and it is not"
        self.gone[image] = Gone(image, before[relative][:2], keeper, digest, order.klass)
        return relative

    def check_survivors(self) -> None:
        """Check that for each image that went one stands, outside every quarantine: its keeper, or the one that stayed for that later."""
        for gone in self.gone.values():
            self.survivor(gone)

    def survivor(self, gone: Gone) -> tuple[bytes, set[str]]:
        """Return what stands for an image, and by which classes: its keeper may have gone for another one by a later plan."""
        seen, classes, at = {gone.place}, {gone.klass}, gone
        # A keeper that is a link (where links are allowed) stands as long as what it leads to.
        while not os.path.exists(at.keeper) and (led_to := os.path.realpath(at.keeper)) in self.gone:
            assert led_to not in seen, f"a ring of removals: {seen}"
            seen.add(led_to)
            at = self.gone[led_to]
            classes.add(at.klass)
        real = os.path.realpath(at.keeper)
        assert b".quarantine" not in real, f"what stays for {gone.place!r} is in a quarantine"
        assert os.path.isfile(real), f"nothing stands for {gone.place!r}: {at.keeper!r}"
        assert oracle.sha256(real) == at.keeper_digest, f"what stands for {gone.place!r} is not what was planned"
        return real, classes

    def purge(self) -> None:
        before, stands = self._contents(), oracle.contents(self.tree)
        for path in self._journals():
            for outcome in act.purge(path, 0):
                self.done["purged"] += outcome.outcome == "purged"
        after, lost = self._contents(), []
        for content, count in before.items():
            if after[content] < count:
                lost.append(content)
        away = {content[1] for quarantine in self._quarantines() for content in oracle.contents(quarantine)}
        for gone in self.gone.values():
            if gone.is_away and gone.content in lost:
                stands_for, classes = self.survivor(gone)
                # A link that was purged took no bytes with it: what it led to is looked after as the file that it is.
                is_link = gone.content[0] == "link"
                assert is_link or classes != {"bytes"} or oracle.sha256(stands_for) == gone.content[1] or gone.content[1] in away
        images = {gone.content for gone in self.gone.values()}
        for content in lost:
            assert content in images or stands[content], f"a label was purged that lies nowhere else: {content}"
            assert content[0] == "file" or content in images
        assert oracle.contents(self.tree) == stands, "a purge touched the tree"
        self.check_survivors()

    def undo(self) -> None:
        everything = self._contents()
        for path in self._journals():
            for outcome in act.undo(path):
                assert outcome.outcome in ("restored", "purged"), outcome
                assert not outcome.reason or outcome.outcome == "purged", outcome
                self.done["restored"] += outcome.outcome == "restored"
        assert self._contents() == everything
        self.gone = {path: gone for path, gone in self.gone.items() if not os.path.lexists(path)}

    def run(self) -> None:
        rng, start = self.rng, None
        plans = [self.plan()]
        if rng.random() < 0.4:
            plans.append(self.plan())  # made before the first is carried out
            self.done["second plans"] += 1
        if rng.random() < 0.25:
            self.disturb()
        start = oracle.manifest(self.tree)
        was_purged = False
        for plan in plans:
            self.apply(plan)
            if rng.random() < 0.3:
                self.purge()
                was_purged = True
            if rng.random() < 0.2:
                self.undo()
                self.apply(plan)
        self.undo()
        if not was_purged:
            now = oracle.manifest(self.tree)
            assert now == start, {
                path: (start.get(path), now.get(path)) for path in start.keys() | now.keys() if start.get(path) != now.get(path)
            }

    def _real(self, path: bytes) -> bytes:
        return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))

    def _quarantines(self) -> list[bytes]:
        return [os.path.join(at, name) for at, names, _ in os.walk(self.tree) for name in names if name.endswith(b".quarantine")]

    def _journals(self) -> list[bytes]:
        found = [journal for folder in self._quarantines() for journal in act.journals_in(folder)]
        self.rng.shuffle(found)
        return found

    def _contents(self) -> dict:
        return oracle.contents(self.tree, *self._quarantines())


def run(first: int, count: int) -> dict[str, int]:
    """Run graphs by their seeds; return what was done in all. A failure names its seed."""
    total: dict[str, int] = {}
    for seed in range(first, first + count):
        base = tempfile.mkdtemp(prefix="safety-", dir=FAST)
        try:
            graph = Graph(seed, base)
            graph.run()
        except BaseException as error:
            raise AssertionError(f"graph of seed {seed}: {type(error).__name__} {error}") from error
        finally:
            shutil.rmtree(base)
        for word, number in graph.done.items():
            total[word] = total.get(word, 0) + number
    return total
