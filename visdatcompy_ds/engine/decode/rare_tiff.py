"""Decode by tifffile (scikit-image brings it) the TIFF that Pillow cannot: float or 32 bit in several channels, half and double floats."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from visdatcompy_ds.base.errors import ImageError, UnreadableImageError
from visdatcompy_ds.engine.decode import reasons
from visdatcompy_ds.engine.decode.door import raise_if_out_of_memory
from visdatcompy_ds.engine.decode.quiet import without_warnings

_CHANNELS = (1, 2, 3, 4)
_MOST_SEGMENTS = 200_000  # which are read one by one


def read_rare_tiff(data: bytes, width: int, height: int) -> npt.NDArray[Any]:
    """Return the first page as stored, not yet upright.

    Parameters
    ----------
    data : bytes
        The whole file.
    width, height : int
        What the header said, by which the limits were checked; in either order, for the page is not yet upright.

    Returns
    -------
    numpy.ndarray, shape (H, W) or (H, W, 3), any dtype

    Raises
    ------
    UnreadableImageError
        Damaged, of another size than its header, or of a kind tifffile alone cannot read either.
    RefusedImageError
        Of more strips or tiles than are worth reading.
    """
    import tifffile

    try:
        with without_warnings(), tifffile.TiffFile(io.BytesIO(data)) as file:
            page: Any = file.pages[0]
            sides, channels = sorted((page.imagewidth, page.imagelength)), page.samplesperpixel
            if sides != sorted((width, height)) or channels not in _CHANNELS or page.imagedepth != 1:
                raise UnreadableImageError(reasons.BROKEN_HEADER)
            segments = max(math.prod(page.chunked), len(page.dataoffsets))
            if segments > _MOST_SEGMENTS:
                raise reasons.is_beyond(f"{segments} strips or tiles", str(_MOST_SEGMENTS))
            values = np.asarray(page.asarray(maxworkers=1))
            if page.axes.startswith("S"):
                values = np.moveaxis(values, 0, -1)
            if values.shape[:2] != (page.imagelength, page.imagewidth):
                raise UnreadableImageError(reasons.BROKEN_HEADER)
    except ImageError:
        raise
    except Exception as error:  # tifffile raises whatever it meets in a damaged file
        raise_if_out_of_memory(error)
        raise UnreadableImageError(reasons.UNKNOWN_KIND) from None
    if values.ndim == 3:
        return values[:, :, :3] if channels >= 3 else values[:, :, 0]
    return values
