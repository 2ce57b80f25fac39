"""Frames on a pipe between two processes of one version: a length, a pickle, and large arrays beside it.

Streams are unbuffered: a buffered one has a lock, on which an interpreter that ends beside a reading thread aborts.
"""

from __future__ import annotations

import pickle
import struct
from io import FileIO
from typing import Any

# Arrays from this size on travel beside the pickle and are never copied into it; below, one write for all is quicker.
_LARGE_BYTES = 1 << 16
_HEAD = struct.Struct("<QI")
_SIZE = struct.Struct("<Q")
# The cell, memory that both see: how often something was begun, and the place in its task of the item in work, -1 for none.
CELL = struct.Struct("qq")
EXIT_NO_MEMORY = 77
Chunks = list["bytes | memoryview"]
Frame = tuple[bytearray, list[bytearray]]


def pack(thing: object) -> Chunks:
    """Return what :func:`send` writes for `thing`."""
    apart: list[memoryview] = []

    def is_small(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes < _LARGE_BYTES:
            return True
        apart.append(view)
        return False

    body = pickle.dumps(thing, 5, buffer_callback=is_small)
    chunks: Chunks = [_HEAD.pack(len(body), len(apart)), body]
    for view in apart:
        chunks += [_SIZE.pack(view.nbytes), view]
    return chunks


def unpack(frame: Frame) -> Any:
    """Return the thing in a frame; its large arrays are views of the frame, and writeable."""
    return pickle.loads(frame[0], buffers=frame[1])


def send(stream: FileIO, chunks: Chunks) -> None:
    """Write a packed thing, in one call when it is small."""
    if sum(map(len, chunks)) < _LARGE_BYTES:
        chunks = [b"".join(chunks)]
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            rest = rest[stream.write(rest) or 0 :]


def receive(stream: FileIO) -> Frame | None:
    """Read a frame; None at the end of the stream, also where it ends within a frame."""
    if (head := _read(stream, _HEAD.size)) is None:
        return None
    size, parts = _HEAD.unpack(head)
    if (body := _read(stream, size)) is None:
        return None
    apart = []
    for _ in range(parts):
        if (length := _read(stream, _SIZE.size)) is None or (part := _read(stream, *_SIZE.unpack(length))) is None:
            return None
        apart.append(part)
    return body, apart


def _read(stream: FileIO, size: int) -> bytearray | None:
    block = bytearray(size)
    rest = memoryview(block)
    while rest:
        if not (count := stream.readinto(rest)):
            return None
        rest = rest[count:]
    return block
