"""What earlier runs learned, kept between runs: which content lies at a path, and what was measured of a content.

Loss of it costs time and nothing else. Whatever is wrong with it, damage, a full disk, another program that holds it, is a miss and one
warning, never an error and never another answer.
"""

from visdatcompy_ds.engine.cache.kept import Kept
from visdatcompy_ds.engine.cache.records import Records
from visdatcompy_ds.engine.cache.store import Cache, Seen, Stat, clear, kind_of
from visdatcompy_ds.engine.cache.where import OFF, Place, place_of

__all__ = ["OFF", "Cache", "Kept", "Place", "Records", "Seen", "Stat", "clear", "kind_of", "place_of"]
