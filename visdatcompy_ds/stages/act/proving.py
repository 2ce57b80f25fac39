"""What must hold before an image goes: the plan's facts, the copy that stays, and what belongs to both."""

from __future__ import annotations

import contextlib
import dataclasses
import os

from visdatcompy_ds.base.errors import ImageError
from visdatcompy_ds.base.names import for_display, to_text
from visdatcompy_ds.engine import decode, files
from visdatcompy_ds.engine.move import Facts, Folder, Proof, Refused, digest_at, prove, prove_beside
from visdatcompy_ds.stages.act.beside import Listings
from visdatcompy_ds.stages.act.orders import Order, Side
from visdatcompy_ds.stages.act.refusals import Refusals

_STAYS = "the copy that stays "


@dataclasses.dataclass(frozen=True)
class Proved:
    """That an image may go.

    Attributes
    ----------
    files : list of (bytes, Proof)
        Path below the root and proof: of the image, then of what goes along.
    keeper : os.stat_result
        Of the copy that stays.
    left : str
        What belongs to it and does not go along, in words; "" for nothing.
    """

    files: list[tuple[bytes, Proof]]
    keeper: os.stat_result
    left: str = ""


class Proving:
    """Proves one order after the other."""

    def __init__(self, refusals: Refusals, listings: Listings, limits: decode.Limits) -> None:
        self.refusals, self.listings, self.limits = refusals, listings, limits
        self._decoded: dict[tuple[int, ...], str] = {}

    def prove(self, order: Order, stack: contextlib.ExitStack) -> Proved:
        """Return the proof of an order; folders stay open until `stack` closes them.

        Raises
        ------
        Refused
            With the reason.
        """
        self.refusals.check(order)
        image, keeper = order.image.facts, order.keeper.facts
        folder, other = self._open(order.image, "", stack), self._open(order.keeper, _STAYS, stack)
        proof, info = prove(image, folder, keeper, other, order.klass == "bytes", self.refusals.lifted)
        self._require_decoded(order.keeper, other, info)
        along = self._along(order, stack)
        return Proved([(image.relative, proof), *along], info, self._left_behind(image))

    def look_again(self, order: Order, proved: Proved) -> None:
        """Raise where the copy that stays is not what it was when the image was proved."""
        facts = order.keeper.facts
        try:
            with Folder.open(facts.root) as root, root.below(os.path.dirname(facts.relative)) as folder:
                info = os.stat(facts.path) if "symlinks" in self.refusals.lifted else folder.lstat(facts.name)
                is_same = _identity(info) == _identity(proved.keeper)
                if is_same and info.st_ctime_ns != proved.keeper.st_ctime_ns:  # a new name or new rights, or new bytes under the old time
                    is_same = digest_at(facts.path, "symlinks" in self.refusals.lifted) == facts.sha256
        except OSError:
            raise Refused("changed", f"{_STAYS}went while this one was being removed") from None
        if not is_same:
            raise Refused("changed", f"{_STAYS}changed while this one was being removed")

    @staticmethod
    def _open(side: Side, who: str, stack: contextlib.ExitStack) -> Folder:
        try:
            with Folder.open(side.facts.root) as root:
                return stack.enter_context(root.below(os.path.dirname(side.facts.relative)))
        except FileNotFoundError:
            raise Refused("gone", f"{who}is gone with its folder") from None
        except OSError as error:
            raise Refused("changed", f"the folder of {who or 'it '}cannot be opened: {files.describe(error)}") from None

    def _require_decoded(self, keeper: Side, folder: Folder, info: os.stat_result) -> None:
        """Raise where the copy that stays cannot be decoded; one that has not changed since is not decoded again."""
        key = (*_identity(info), info.st_ctime_ns)
        if key not in self._decoded:
            try:
                data = folder.read(keeper.facts.name, "symlinks" in self.refusals.lifted)
                self._decoded[key] = decode.decode_working(data, decode.read_header(data, self.limits)).status.value
            except OSError as error:
                self._decoded[key] = files.describe(error)
            except ImageError as error:
                self._decoded[key] = error.reason
        said = self._decoded[key]
        self.refusals.refuse(said not in ("ok", "recovered"), "broken_keeper", f"{_STAYS}cannot be read whole: {said}")

    def _along(self, order: Order, stack: contextlib.ExitStack) -> list[tuple[bytes, Proof]]:
        """Return what goes along with an image; a RAW file must lie beside the copy that stays as well, byte for byte."""
        image, keeper = order.image.facts, order.keeper.facts
        own, other = self.listings.beside(image.root, image.relative), self.listings.beside(keeper.root, keeper.relative)
        self.refusals.refuse(not own.kinds <= other.kinds, "unlabelled_keeper", "is labelled, and the copy that stays is not")
        left_behind = own.outside[0] if own.outside and not own.is_shared else b""
        said = f"its label lies outside the folders that were compared, and would stay behind: {for_display(to_text(left_behind))}"
        self.refusals.refuse(bool(left_behind), "outside_label", said)
        along = [(relative, self._prove_beside(image.root, relative, stack)) for relative in own.only_of(image.relative)]
        raws = [proof.sha256 for relative, proof in along if relative in own.raws]
        known = {self._prove_beside(keeper.root, relative, stack).sha256 for relative in other.raws} if raws else set()
        self.refusals.refuse(not set(raws) <= known, "raw", "its RAW file does not lie beside the copy that stays")
        return along

    def _left_behind(self, image: Facts) -> str:
        """Return in words which labels stay: those outside the folders that were compared, and those another image shares."""
        own = self.listings.beside(image.root, image.relative)
        stays = [*own.outside, *(path for path in (*own.labels, *own.raws) if path not in own.only_of(image.relative))]
        return f"stays where it is: {', '.join(for_display(to_text(path)) for path in stays)}" if stays else ""

    @staticmethod
    def _prove_beside(root: bytes, relative: bytes, stack: contextlib.ExitStack) -> Proof:
        try:
            with Folder.open(root) as opened:
                folder = stack.enter_context(opened.below(os.path.dirname(relative)))
        except OSError as error:
            raise Refused("failed", f"what lies beside it cannot be read: {files.describe(error)}") from None
        return prove_beside(folder, os.path.basename(relative))


def _identity(info: os.stat_result) -> tuple[int, ...]:
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns
