"""What lies beside an image and belongs to it: label files, and the RAW file it was developed from."""

from __future__ import annotations

import collections
import dataclasses
import os
from collections.abc import Iterable

from visdatcompy_ds.engine.move import Folder
from visdatcompy_ds.stages.labels import SIDECAR_ENDINGS, kinds_of, with_labels
from visdatcompy_ds.stages.scan import IMAGE_ENDINGS, SKIPPED_ENDINGS

_RAWS = frozenset(ending for ending, kind in SKIPPED_ENDINGS.items() if kind == "RAW file")


@dataclasses.dataclass(frozen=True)
class Beside:
    """Paths below the root of an image.

    Attributes
    ----------
    labels : tuple of bytes
        IMG.txt, .xml, .json, .xmp, IMG.jpg.xmp, and YOLO's labels/IMG.txt for images/IMG.jpg.
    outside : tuple of bytes
        Whole paths of those below the root's sibling ``labels`` where the root itself is, or lies in, the folder ``images``.
    raws : tuple of bytes
        IMG.CR2 and the like.
    is_shared : bool
        Another image has the stem: all but labels of the whole name belong to both.
    """

    labels: tuple[bytes, ...]
    outside: tuple[bytes, ...]
    raws: tuple[bytes, ...]
    is_shared: bool

    @property
    def kinds(self) -> frozenset[bytes]:
        """What kinds of labels the image has, by their ending."""
        return kinds_of([*self.labels, *self.outside])

    def only_of(self, relative: bytes) -> tuple[bytes, ...]:
        """Return what belongs to this image alone."""
        return tuple(path for path in (*self.labels, *self.raws) if not self.is_shared or os.path.splitext(path)[0] == relative)


class Listings:
    """Names in folders as they were first listed, less what was taken since: a folder of ten thousand is listed once."""

    def __init__(self) -> None:
        self._held: dict[tuple[bytes, bytes], dict[bytes, list[bytes]]] = {}
        self._images: dict[tuple[bytes, bytes], int] = {}

    def images_in(self, root: bytes, folder: bytes) -> int:
        """Return how many images by name a folder below a root holds."""
        self._listed(root, folder)
        return self._images[root, folder]

    def forget(self, root: bytes, paths: Iterable[bytes]) -> None:
        """Forget files that went."""
        for folder, name in map(os.path.split, paths):
            of_base = self._listed(root, folder).get(os.path.splitext(name)[0], [])
            if name in of_base:
                of_base.remove(name)
                self._images[root, folder] -= _is_image(name)

    def holds(self, root: bytes, relative: bytes) -> bool:
        """Tell whether a file is there."""
        folder, name = os.path.split(relative)
        return name in self._listed(root, folder).get(os.path.splitext(name)[0], [])

    def beside(self, root: bytes, relative: bytes) -> Beside:
        """Return what belongs to an image below a root."""
        folder, name = os.path.split(relative)
        of_stem = [os.path.join(folder, other) for other in self._listed(root, folder).get(os.path.splitext(name)[0], [])]
        labels = self._sidecars(root, folder, name)
        parallel = with_labels(os.path.join(folder, b""))[:-1]
        outside: list[bytes] = []
        if folder and parallel != folder:
            labels += self._sidecars(root, parallel, name)
        else:
            whole = os.path.join(root, folder, b"")
            home = with_labels(whole)[:-1]
            outside = [os.path.join(home, path) for path in self._sidecars(home, b"", name)] if home != whole[:-1] else []
        raws = [path for path in of_stem if _ending(path) in _RAWS]
        is_shared = any(_is_image(path) and path != relative for path in of_stem)
        return Beside(tuple(sorted(labels)), tuple(sorted(outside)), tuple(sorted(raws)), is_shared)

    def _sidecars(self, root: bytes, folder: bytes, name: bytes) -> list[bytes]:
        """Return the paths of side-cars in a folder that an image called `name` has there: of its stem, or of its whole name."""
        listed = self._listed(root, folder)
        names = [other for base in (os.path.splitext(name)[0], name) for other in listed.get(base, [])]
        return [os.path.join(folder, other) for other in names if _ending(other) in SIDECAR_ENDINGS]

    def _listed(self, root: bytes, folder: bytes) -> dict[bytes, list[bytes]]:
        """Return the names in a folder by what stands before their last ending; nothing for a folder that cannot be opened."""
        if (root, folder) not in self._held:
            by_base: dict[bytes, list[bytes]] = collections.defaultdict(list)
            try:
                with Folder.open(root) as opened, opened.below(folder) as inner:
                    for name in inner.names():
                        by_base[os.path.splitext(name)[0]].append(name)
            except OSError:
                pass
            self._held[root, folder] = by_base
            self._images[root, folder] = sum(_is_image(name) for names in by_base.values() for name in names)
        return self._held[root, folder]


def _ending(path: bytes) -> bytes:
    return os.path.splitext(path)[1].lower()


def _is_image(name: bytes) -> bool:
    return _ending(name) in IMAGE_ENDINGS
