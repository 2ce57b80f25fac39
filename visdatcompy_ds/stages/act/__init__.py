"""What touches the disk: a choice placed in a folder, a plan carried out, taken back, checked and, at last, purged."""

from visdatcompy_ds.engine.move import require_trash
from visdatcompy_ds.stages.act.export import Export, export
from visdatcompy_ds.stages.act.orders import Order, Orders, Side, overridden
from visdatcompy_ds.stages.act.outcomes import Outcome
from visdatcompy_ds.stages.act.purging import into_trash, journals_in, purge
from visdatcompy_ds.stages.act.refusals import LIFTS, age_warning, foreseen
from visdatcompy_ds.stages.act.removing import remove
from visdatcompy_ds.stages.act.undoing import outcomes_of, undo, verify

__all__ = [
    "LIFTS",
    "Export",
    "Order",
    "Orders",
    "Outcome",
    "Side",
    "age_warning",
    "export",
    "foreseen",
    "into_trash",
    "journals_in",
    "outcomes_of",
    "overridden",
    "purge",
    "remove",
    "require_trash",
    "undo",
    "verify",
]
