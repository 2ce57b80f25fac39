"""Files that change places: copies and links for an export, the move into a quarantine and back; nothing is ever overwritten."""

from visdatcompy_ds.engine.move.folders import Folder
from visdatcompy_ds.engine.move.journal import Journal, read_journal
from visdatcompy_ds.engine.move.locks import locked
from visdatcompy_ds.engine.move.place import HOW, place
from visdatcompy_ds.engine.move.prove import Facts, Proof, Refused, Stuck, digest_at, prove, prove_beside
from visdatcompy_ds.engine.move.shift import move, put_back, shift
from visdatcompy_ds.engine.move.trash import require_trash, send_to_trash

__all__ = [
    "HOW",
    "Facts",
    "Folder",
    "Journal",
    "Proof",
    "Refused",
    "Stuck",
    "digest_at",
    "locked",
    "move",
    "place",
    "prove",
    "prove_beside",
    "put_back",
    "read_journal",
    "require_trash",
    "send_to_trash",
    "shift",
]
