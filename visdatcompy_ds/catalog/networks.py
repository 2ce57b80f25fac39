"""Networks of a user's own, from ONNX files: pictures to embeddings, by OpenCV and offline."""

from __future__ import annotations

from typing import Any

from visdatcompy_ds.base.errors import ArgumentError

# What networks that were trained on ImageNet expect: red, green, blue from 0 to 1, less the mean, divided by the deviation.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Network:
    """A network that takes pictures (1, 3, side, side) float32, and gives numbers.

    Parameters
    ----------
    path : str
        An ONNX file; of several outputs the first is taken, flattened.

    Raises
    ------
    ArgumentError
        For a file that OpenCV cannot read as a network.
    """

    def __init__(self, path: str) -> None:
        import cv2
        import numpy as np

        try:
            with open(path, "rb") as file:
                data = np.frombuffer(file.read(), np.uint8)
        except OSError as error:
            raise ArgumentError(
                f"embeddings={path!r}, which cannot be read ({error.strerror})", "Allowed: an ONNX file, or vectors by id"
            ) from None
        try:
            self.net = cv2.dnn.readNetFromONNX(data)
        except cv2.error:
            raise ArgumentError(
                f"embeddings={path!r}, which is no network that OpenCV can read", "Allowed: an ONNX file, or vectors by id"
            ) from None
        self.path = path

    def embed(self, picture: Any) -> Any:
        """Return the numbers (d,) float32 for a picture (side, side, 3) uint8 BGR."""
        import cv2
        import numpy as np

        rgb = picture[:, :, ::-1].astype(np.float32) / 255
        values = ((rgb - np.array(_MEAN)) / np.array(_DEVIATION)).astype(np.float32)
        try:
            self.net.setInput(np.ascontiguousarray(values.transpose(2, 0, 1)[None]))
            return np.asarray(self.net.forward(), np.float32).reshape(-1)
        except cv2.error:
            side = picture.shape[0]
            raise ArgumentError(
                f"embeddings={self.path!r}, which cannot take pictures of {side} x {side}",
                "Allowed: a network of one input (1, 3, side, side)",
                "embedding_side= says which side it wants",
            ) from None
