"""Labels of images: by class folders and by the files beside them, and whether those of two images agree."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import xml.etree.ElementTree as ET
from typing import AnyStr

import numpy as np

from visdatcompy_ds.base.names import to_text
from visdatcompy_ds.base.status import Status
from visdatcompy_ds.base.tables import Array, Files, Fingerprints
from visdatcompy_ds.engine import files
from visdatcompy_ds.engine.move import digest_at

LABEL_ENDINGS = (b".txt", b".xml", b".json")
SIDECAR_ENDINGS = (*LABEL_ENDINGS, b".xmp")  # .xmp goes along, but tells how a picture was developed, not what is on it
AGREE, DIFFER, UNKNOWN = "agree", "differ", "unknown"

_MOST_PARSED = 64_000_000  # bytes: LabelMe puts the whole image into its label; what is larger is compared by its bytes
_OF_THE_FILE = ("filename", "path", "folder", "imagePath", "imageData")  # where a Pascal VOC or LabelMe label names its own image
_SEP = os.sep.encode()
# The last folder "images" of a path, whatever stands before it.
_IMAGES = re.compile(r"^(.*/|)images/((?!.*(?:^|/)images/).*)$", re.DOTALL)
_IMAGES_BYTES = re.compile(_IMAGES.pattern.encode(), re.DOTALL)


def with_labels(path: AnyStr) -> AnyStr:
    """Return a path with its last folder ``images`` as ``labels``: where YOLO looks for the labels of an image.

    >>> with_labels("images/train/a")
    'labels/train/a'
    """
    if isinstance(path, bytes):
        return _IMAGES_BYTES.sub(rb"\1labels/\2", path)
    return _IMAGES.sub(r"\1labels/\2", path)


def kinds_of(paths: list[bytes]) -> frozenset[bytes]:
    """Return the kinds of labels among files, by their ending."""
    return frozenset(os.path.splitext(path)[1].lower() for path in paths).intersection(LABEL_ENDINGS)


def are_labelled(listed: Files) -> Array:
    """Return a mask of the images that have a label file."""
    sidecars = Sidecars(listed)
    found = np.zeros(len(listed), bool)
    for row in np.flatnonzero(~listed.has_status(Status.SKIPPED)).tolist():
        beside = sidecars.of(row)
        found[row] = bool(beside) and bool(kinds_of([one.path for one in beside]))
    return found


@dataclasses.dataclass(frozen=True)
class Sidecar:
    """A file that belongs to an image.

    Attributes
    ----------
    path : bytes
    name : str
        Its id, or its whole path where it lies outside the source of the image.
    is_outside : bool
    """

    path: bytes
    name: str
    is_outside: bool


class Sidecars:
    """Which files belong to images: of their stem or whole name, beside them or, for YOLO, below ``labels`` instead of ``images``.

    What was listed with the images counts. A folder of which no such file was listed, since a list or a selection of images was given or
    since it lies outside the source, is listed now, once.
    """

    def __init__(self, listed: Files) -> None:
        self._files = listed
        self._names: dict[bytes, dict[bytes, list[bytes]]] = {}  # by folder, then by the name less its last ending
        self._around: dict[bytes, list[bytes]] = {}
        for row in np.flatnonzero(listed.has_status(Status.SKIPPED)).tolist():
            self._add(*os.path.split(listed.path[row]))

    def of(self, row: int) -> list[Sidecar]:
        """Return what belongs to an image, in order of names."""
        folder, _, name = self._files.path[row].rpartition(_SEP)
        if folder not in self._around:
            places = dict.fromkeys([folder, with_labels(folder + _SEP)[:-1]])
            self._around[folder] = [place for place in places if self._listed(place)]
        if not self._around[folder]:
            return []
        found = []
        for place in self._around[folder]:
            bases = dict.fromkeys([os.path.splitext(name)[0], name])
            paths = [os.path.join(place, other) for base in bases for other in self._names[place].get(base, ())]
            found += [self._sidecar(row, path, is_beside=place == folder) for path in paths]
        return sorted(found, key=lambda one: one.name)

    def _sidecar(self, row: int, path: bytes, is_beside: bool) -> Sidecar:
        home = self._files.id[row].rpartition("/")[0]
        place = home if is_beside else with_labels(home + "/")[:-1]
        if not is_beside and place == home:  # the folder "images" is none of the id: the source itself, or above it
            return Sidecar(path, to_text(path), True)
        name = to_text(os.path.basename(path))
        return Sidecar(path, f"{place}/{name}" if place else name, False)

    def _listed(self, folder: bytes) -> dict[bytes, list[bytes]]:
        if folder not in self._names:
            self._names[folder] = {}
            with contextlib.suppress(OSError):
                for name in os.listdir(folder):
                    self._add(folder, name)
        return self._names[folder]

    def _add(self, folder: bytes, name: bytes) -> None:
        base, ending = os.path.splitext(name)
        if ending.lower() in SIDECAR_ENDINGS:
            self._names.setdefault(folder, {}).setdefault(base, []).append(name)


class Labels:
    """What is known of the labels of the images of a table; each file is read when it is asked for, and once."""

    def __init__(self, table: Fingerprints) -> None:
        self._sidecars, self._folder_labels, self._has_files = Sidecars(table.files), table["label"], table["has_sidecar"].tolist()
        self._said: dict[bytes, bytes | None] = {}

    def names(self, row: int) -> str:
        """Return the ids of all that belongs to an image, joined by "; "."""
        return "; ".join(one.name for one in self._sidecars.of(row))

    def kinds(self, row: int) -> frozenset[bytes]:
        """Return which kinds of label files an image has."""
        return kinds_of([one.path for one in self._of(row)]) if self._has_files[row] else frozenset()

    def outside(self, row: int) -> str:
        """Return a label file of an image that lies outside its source, "" for none."""
        return next((one.name for one in self._of(row) if one.is_outside and kinds_of([one.path])), "")

    def _of(self, row: int) -> list[Sidecar]:
        return self._sidecars.of(row) if self._has_files[row] else []

    def compare(self, row: int, other: int) -> str:
        """Tell whether two images are labelled alike: "agree", "differ", or "unknown" where nothing is known of both.

        By their class folders, and by what their label files of one kind say, the name of the image left out.
        """
        mine, others = self._folder_labels[row], self._folder_labels[other]
        answers = [mine == others] if mine and others else []
        if self._has_files[row] and self._has_files[other]:
            said, other_said = self._annotations(row), self._annotations(other)
            answers += [said[kind] == other_said[kind] for kind in said.keys() & other_said.keys()]
        return DIFFER if False in answers else AGREE if answers else UNKNOWN

    def _annotations(self, row: int) -> dict[bytes, set[bytes]]:
        """Return, by kind, digests of what the label files of an image say; without those that cannot be read."""
        found: dict[bytes, set[bytes]] = {}
        for path in (one.path for one in self._of(row)):
            for kind in kinds_of([path]):
                if path not in self._said:
                    self._said[path] = _digest(path)
                if (digest := self._said[path]) is not None:
                    found.setdefault(kind, set()).add(digest)
        return found


def _digest(path: bytes) -> bytes | None:
    """Return a digest of what a label file says; None where it cannot be read."""
    try:
        if os.stat(path).st_size > _MOST_PARSED:
            return digest_at(path, follow=True).encode()
        return hashlib.sha256(_content(files.read(path), os.path.splitext(path)[1].lower())).digest()
    except OSError:
        return None


def _content(data: bytes, kind: bytes) -> bytes:
    """Return what a label says, boxes and fields in any order, without the name of its image; all of it where it has no such form."""
    if kind == b".txt":
        return b"\n".join(sorted(line.strip() for line in data.splitlines() if line.strip()))
    # The bytes are compared of what does not parse, or is nested or grows by entities without end.
    with contextlib.suppress(ValueError, RecursionError, ET.ParseError):
        if kind == b".json":
            said = json.loads(data)
            if isinstance(said, dict):
                said = {name: value for name, value in said.items() if name not in _OF_THE_FILE}
            return json.dumps(said, sort_keys=True).encode()
        if kind == b".xml" and b"<!ENTITY" not in data:
            root = ET.fromstring(data)
            for field in [child for child in root if child.tag in _OF_THE_FILE]:
                root.remove(field)
            return ET.canonicalize(ET.tostring(root), strip_text=True).encode()
    return data
