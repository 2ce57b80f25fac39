"""Selections to folders: what was chosen, placed under its dataset's name, with its label files."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

from visdatcompy_ds.base.arguments import path_bytes
from visdatcompy_ds.base.errors import ArgumentError, OutputError
from visdatcompy_ds.base.names import for_display, to_bytes, to_text
from visdatcompy_ds.base.tables import Array, Fingerprints
from visdatcompy_ds.engine import files, move
from visdatcompy_ds.stages.labels import with_labels


@dataclasses.dataclass(frozen=True)
class Export:
    """What an export did.

    Attributes
    ----------
    placed, labels, present : int
        Images placed, label files placed with them, images that were there already with the same content.
    conflicts : tuple of str
        Names that other files have taken: left as they are.
    missing : tuple of str
        Chosen images that are gone.
    """

    placed: int
    labels: int
    present: int
    conflicts: tuple[str, ...]
    missing: tuple[str, ...]


def export(
    table: Fingerprints,
    rows: Array,
    folder: str | os.PathLike[str],
    how: str = "copy",
    labels: bool = True,
    sources: Sequence[str] = (),
) -> Export:
    """Place images below `folder`, keeping subfolders under the dataset's name.

    Parameters
    ----------
    table : Fingerprints
    rows : (k,) int64
        Rows to place.
    folder : path
        Made where needed. Files in it are never overwritten.
    how : {"copy", "hardlink", "symlink"}
    labels : bool
        Also place label files of the same stem (.txt, .xml, .json, .xmp), and of YOLO's parallel tree: ``labels`` for ``images``.
    sources : sequence of path
        Folders the images were scanned from: nothing is placed in them.

    Raises
    ------
    OutputError
        When a file cannot be placed: full disk, no permission, a hard link across disks; what was placed until then stays.
    """
    if how not in move.HOW:
        raise ArgumentError(f"how={how!r}", f"Allowed: {', '.join(move.HOW)}")
    root = os.path.abspath(path_bytes(folder, "folder"))
    inside = _first_inside(sources, os.path.realpath(root))
    if inside:
        raise OutputError(
            f"{for_display(to_text(root))} lies in the dataset, or holds it ({for_display(inside)})",
            "An export goes outside its datasets, whose next scan would find every image twice",
            "Choose another folder",
        )
    placed = copied_labels = present = 0
    conflicts: list[str] = []
    missing: list[str] = []
    try:
        for row in rows.tolist():
            source = table.files.path[row]
            folder_of_dataset = os.path.join(root, _safe(table.files.dataset_name(row)))
            target = os.path.normpath(os.path.join(folder_of_dataset, to_bytes(table.files.id[row])))
            if not target.startswith(os.path.join(folder_of_dataset, b"")):
                raise OutputError(f"The id {for_display(table.files.id[row])} leads out of the export", "", "Give the source as a folder")
            outcome = _place(source, target, how)
            placed, present = placed + (outcome == "placed"), present + (outcome == "present")
            if outcome == "missing":
                missing.append(to_text(source))
            elif outcome == "taken":
                conflicts.append(to_text(target))
            elif labels:
                for side, beside in _label_files(source, target, root):
                    found = _place(side, beside, how)
                    copied_labels += found == "placed"
                    conflicts += [to_text(beside)] if found == "taken" else []
    except OutputError as error:
        if not placed:
            raise
        raise OutputError(str(error), "", f"{placed} of {len(rows)} images were placed; the same call goes on from there") from None
    return Export(placed, copied_labels, present, tuple(conflicts), tuple(missing))


def _first_inside(sources: Sequence[str], root: bytes) -> str:
    """Return the first source folder that lies in `root` or holds it, "" for none."""
    for source in sources:
        real = os.path.realpath(os.fsencode(source))
        inner, outer = sorted((os.path.join(root, b""), os.path.join(real, b"")), key=len, reverse=True)
        if inner.startswith(outer):
            return to_text(os.fsencode(source))
    return ""


def _safe(name: str) -> bytes:
    """Return a dataset's name as one folder name."""
    return to_bytes(name.replace("/", "_").replace("\\", "_") if name not in (".", "..") else "_")


def _place(source: bytes, target: bytes, how: str) -> str:
    try:
        move.place(source, target, how)
    except FileExistsError:
        return "present" if _is_same(source, target) else "taken"
    except FileNotFoundError:
        if os.path.lexists(source):
            raise OutputError(
                f"Cannot make {for_display(to_text(os.path.dirname(target)))}", "", "Check the folder of the export"
            ) from None
        return "missing"
    except OSError as error:
        remedy = "Place copies instead" if how != "copy" else "Check space and permissions"
        raise OutputError(f"Cannot place {for_display(to_text(target))}: {files.describe(error)}", "", remedy) from None
    return "placed"


def _is_same(source: bytes, target: bytes) -> bool:
    try:
        return os.path.getsize(source) == os.path.getsize(target) and files.read(source) == files.read(target)
    except OSError:
        return False


def _label_files(source: bytes, target: bytes, root: bytes) -> list[tuple[bytes, bytes]]:
    pairs = []
    for from_name, to_name in ((os.path.splitext(source)[0], os.path.splitext(target)[0]), (source, target)):
        pairs += [(from_name + end, to_name + end) for end in (b".txt", b".xml", b".json", b".xmp") if os.path.isfile(from_name + end)]
    parallel = with_labels(os.path.splitext(source)[0]) + b".txt"
    if parallel != os.path.splitext(source)[0] + b".txt" and os.path.isfile(parallel):
        # Where the export has no folder of images, the label lies beside its image, as YOLO looks for it then.
        pairs.append((parallel, root + with_labels(os.path.splitext(target)[0][len(root) :]) + b".txt"))
    return list(dict.fromkeys(pairs))
