"""What a removal refuses by default. Each refusal has a name, and naming it lifts it."""

from __future__ import annotations

import collections
import os
import time
from collections.abc import Collection

from visdatcompy_ds.base.errors import ArgumentError, OutputError, UnknownNameError
from visdatcompy_ds.engine.move import Refused
from visdatcompy_ds.stages.act.beside import Listings
from visdatcompy_ds.stages.act.orders import Order, Orders

LIFTS = {
    "symlinks": "links: the image, or the copy that stays",
    "hard_links": "images with several names",
    "empty": "empty files",
    "recovered": "images whose file is cut short, where bytes differ",
    "low_information": "flat or tiny images, where bytes differ",
    "reduced": "images with alpha, frames or more than 8 bits, compared without them",
    "smaller_keeper": "images larger than the copy that stays",
    "broken_keeper": "images in better state than the copy that stays",
    "unlabelled_keeper": "labelled images whose copy that stays is not",
    "outside_label": "images whose label lies outside the folders that were compared, and would stay behind",
    "raw": "images with a RAW file that does not lie beside the copy that stays",
    "protected": "images in a folder that is protected",
    "most_files": "more than half of the images of a dataset, where bytes differ",
    "whole_folder": "the last images of a folder, where bytes differ",
    "old_plan": "plans older than 60 days",
}
_DAY_S = 86_400
_OLD_DAYS, _WARNING_DAYS = 60, 7
_ROUNDING = 1.02  # of a resized side


def checked(lifted: Collection[str]) -> frozenset[str]:
    """Return names of refusals, each known."""
    if isinstance(lifted, str):
        lifted = [lifted]
    for name in lifted:
        if name not in LIFTS:
            raise UnknownNameError("refusal", name, LIFTS)
    return frozenset(lifted)


def age_warning(plan: Orders, lifted: Collection[str]) -> str:
    """Return what to say of a plan's age, "" for a fresh one; refuse an old one."""
    days = (time.time() - plan.created) / _DAY_S
    if days < -1:
        raise ArgumentError("A plan of the future", "Its date lies ahead of this computer's clock", "Set the clock, or make the plan anew")
    if days > _OLD_DAYS and "old_plan" not in lifted:
        raise OutputError(f"The plan is {days:.0f} days old", f"Allowed: {_OLD_DAYS} days", "Make it anew, or allow old_plan")
    return f"The plan is {days:.0f} days old: images that came since are not in it." if days > _WARNING_DAYS else ""


def foreseen(plan: Orders) -> dict[str, int]:
    """Return how many removals of a plan are refused as it stands, by the name that lifts it; the files are not looked at."""
    refusals = Refusals(plan, (), Listings())
    counts: collections.Counter[str] = collections.Counter()
    for order in plan.victims:
        try:
            refusals.check(order)
        except Refused as refused:
            counts[refused.lift] += 1
    return {name: counts[name] for name in LIFTS if counts[name]}


class Refusals:
    """What the plan and the folders say against an order; the files themselves are asked later."""

    def __init__(self, plan: Orders, lifted: Collection[str], listings: Listings) -> None:
        self.lifted, self._images = lifted, plan.images
        self.protected = [os.path.join(os.path.realpath(folder), b"") for folder in plan.protected]
        self._inside: dict[bytes, bool] = {}
        going = [order.image.facts for order in plan.victims if order.klass != "same_file"]
        # By what they are as well: one folder may be given under two names.
        self._leaving = {facts.path for facts in going} | {(facts.device, facts.inode) for facts in going if facts.inode}
        # Re-copied cards are whole folders of equal bytes: only what differs is counted.
        self._loose = collections.Counter(order.image.dataset for order in plan.victims if order.klass != "bytes")
        there = [order.image.facts for order in plan.victims if listings.holds(order.image.facts.root, order.image.facts.relative)]
        leaving = collections.Counter((facts.root, os.path.dirname(facts.relative)) for facts in there)
        self._emptied = {key for key, count in leaving.items() if count >= listings.images_in(*key)}

    def check(self, order: Order) -> None:
        """Raise where an order is refused."""
        image, keeper = order.image, order.keeper
        self.refuse(image.is_protected, "protected", "is protected")
        self.refuse(self._is_inside(os.path.dirname(image.facts.path)), "protected", "lies in a protected folder")
        if order.klass == "same_file":
            raise Refused("refused", "is the same file as the one that stays")
        if not self._leaving.isdisjoint((keeper.facts.path, (keeper.facts.device, keeper.facts.inode))):
            raise Refused("refused", "the image that would stay for it goes, too")
        is_worse = keeper.status not in ("ok", "recovered") or (keeper.status == "recovered" and image.status == "ok")
        self.refuse(is_worse, "broken_keeper", f"the copy that stays is {keeper.status}")
        if order.klass == "bytes":
            return
        self.refuse(image.status == "recovered", "recovered", "its file is cut short, and bytes differ")
        self.refuse(image.pixels > _ROUNDING * keeper.pixels, "smaller_keeper", "the copy that stays is smaller")
        flags = image.flags | keeper.flags
        self.refuse("low_information" in flags, "low_information", "shows too little to be sure")
        if order.klass != "pixels":  # equal full decodes are equal in depth, alpha and frames, too
            ignored = sorted(flags - {"low_information"})
            self.refuse(bool(ignored), "reduced", f"{', '.join(ignored)}: not compared")
        count, images = self._loose[image.dataset], self._images.get(image.dataset, 0)
        self.refuse(2 * count > images, "most_files", f"{count} of {images} images of {image.dataset} would go, and bytes differ")
        folder = os.path.dirname(image.facts.relative)
        self.refuse((image.facts.root, folder) in self._emptied, "whole_folder", "its whole folder would go, and bytes differ")

    def _is_inside(self, folder: bytes) -> bool:
        if folder not in self._inside:
            paths = [os.path.join(one, b"") for one in (folder, os.path.realpath(folder))]
            self._inside[folder] = any(path.startswith(held) for held in self.protected for path in paths)
        return self._inside[folder]

    def refuse(self, is_so: bool, lift: str, reason: str) -> None:
        """Raise under a name where something is so, unless that name was lifted."""
        if is_so and lift not in self.lifted:
            raise Refused("refused", reason, lift)
