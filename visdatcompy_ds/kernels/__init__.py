"""Numeric loops compiled by numba: arrays in, arrays out, no files and no images."""

import os
import sys
import tempfile


def _find_a_place_for_compiled_kernels() -> None:
    """Point numba to a folder of its own where neither this one nor the user's cache folder can be written: it would refuse to compile."""
    own = os.path.dirname(os.path.abspath(__file__))
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    parent = cache if os.path.isdir(cache) else os.path.dirname(cache)
    if "NUMBA_CACHE_DIR" in os.environ or os.access(own, os.W_OK) or os.access(parent, os.W_OK):
        return
    user = str(os.getuid()) if hasattr(os, "getuid") else "user"
    os.environ["NUMBA_CACHE_DIR"] = os.path.join(tempfile.gettempdir(), f"visdatcompy_ds-{user}")
    if "numba" in sys.modules:
        sys.modules["numba"].config.reload_config()


_find_a_place_for_compiled_kernels()
