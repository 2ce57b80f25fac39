"""What a removal is told: images that go, each with the copy that stays, and what both were like when it was decided."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from visdatcompy_ds.base.errors import ArgumentError
from visdatcompy_ds.base.names import for_display
from visdatcompy_ds.engine.move import Facts


@dataclasses.dataclass(frozen=True)
class Side:
    """One image of an order.

    Attributes
    ----------
    dataset, id : str
    facts : Facts
        Where it lies and what the file was like.
    pixels : int
        Width times height.
    status : str
        "ok" or "recovered" for what may stay.
    flags : frozenset of str
        Of "low_information", "alpha", "frames", "depth".
    is_protected : bool
    """

    dataset: str
    id: str
    facts: Facts
    pixels: int
    status: str
    flags: frozenset[str]
    is_protected: bool = False

    @property
    def name(self) -> str:
        """Dataset and id, for people."""
        return for_display(f"{self.dataset}/{self.id}")


@dataclasses.dataclass(frozen=True)
class Order:
    """One line of a plan.

    Attributes
    ----------
    number : int
        Its place in the plan: what a journal knows it by.
    action : str
        "keep" or "remove".
    klass, reason, measure : str
    score : float or None
    image, keeper : Side
        The image, and the copy that stays for it; one and the same for a keeper.
    """

    number: int
    action: str
    klass: str
    reason: str
    measure: str
    score: float | None
    image: Side
    keeper: Side

    @property
    def is_keeper(self) -> bool:
        """Whether others hang on this image."""
        return self.image.facts.path == self.keeper.facts.path


@dataclasses.dataclass(frozen=True)
class Orders:
    """A whole plan.

    Attributes
    ----------
    checksum : str
        What the plan is known by.
    created : float
        Seconds since 1970.
    protected : tuple of bytes
        Folders of which nothing goes.
    roots : tuple of bytes
        Folders the images of the plan lie below, those of images that may go first.
    images : dict of str to int
        Usable images of each dataset.
    orders : tuple of Order
    """

    checksum: str
    created: float
    protected: tuple[bytes, ...]
    roots: tuple[bytes, ...]
    images: Mapping[str, int]
    orders: tuple[Order, ...]

    @property
    def victims(self) -> list[Order]:
        """The orders to remove."""
        return [order for order in self.orders if order.action == "remove"]


def overridden(plan: Orders, wishes: Mapping[tuple[str, str], str]) -> Orders:
    """Return a plan in which people's decisions replace its own.

    Parameters
    ----------
    plan : Orders
    wishes : mapping of (dataset, id) to "keep" or "remove"
        Where a keeper is to go and one of its copies to stay, the two change places; copies that were confirmed with that keeper alone
        then stay, too.

    Raises
    ------
    ArgumentError
        For an image the plan does not know, another word, or a keeper that is to go while none of its copies is to stay.
    """
    by_key = {(order.image.dataset, order.image.id): order for order in plan.orders}
    for key, action in wishes.items():
        name = for_display("/".join(map(str, key)))
        if key not in by_key:
            raise ArgumentError(f"An override of {name}", "Allowed: images that the plan names", "plan.csv lists them")
        if action not in ("keep", "remove"):
            raise ArgumentError(f"An override to {action!r} {name}", 'Allowed: "keep" or "remove"')
    changed = {}
    for key, action in wishes.items():
        order = by_key[key]
        if not order.is_keeper:
            reason = order.reason if action == order.action else f"{action}: decided by hand"
            changed[order.number] = dataclasses.replace(order, action=action, reason=reason)
    for key, action in wishes.items():
        if action == "remove" and by_key[key].is_keeper:
            changed.update(_in_place_of(by_key[key], plan, wishes, changed))
    return dataclasses.replace(plan, orders=tuple(changed.get(order.number, order) for order in plan.orders))


def _in_place_of(keeper: Order, plan: Orders, wishes: Mapping[tuple[str, str], str], changed: Mapping[int, Order]) -> dict[int, Order]:
    """Return the orders by which a keeper goes and one of its copies stays for it."""
    path = keeper.image.facts.path
    members = [changed.get(order.number, order) for order in plan.orders if order.keeper.facts.path == path and not order.is_keeper]
    heirs = [order for order in members if wishes.get((order.image.dataset, order.image.id)) == "keep"]
    if not heirs:
        raise ArgumentError(
            f"An override to remove {keeper.image.name}",
            "Each group keeps one image",
            "Say which copy stays for it: override that one to keep",
        )
    heir = heirs[0]
    orders = {
        heir.number: dataclasses.replace(heir, keeper=heir.image, action="keep"),
        # The pair was confirmed, whichever of the two stays.
        keeper.number: dataclasses.replace(
            heir,
            number=keeper.number,
            image=keeper.image,
            keeper=heir.image,
            action="remove",
            reason=f"by hand, for {heir.image.name}",
        ),
    }
    for member in members:
        if member.number == heir.number or member.action == "keep":
            continue
        if member.klass == heir.klass == "bytes":  # one content: what holds of one copy holds of all
            orders[member.number] = dataclasses.replace(member, keeper=heir.image)
        else:
            orders[member.number] = dataclasses.replace(member, action="keep", reason="keep: the image it was confirmed with goes by hand")
    return orders
