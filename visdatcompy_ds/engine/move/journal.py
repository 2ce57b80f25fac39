"""The journal of a removal: JSON lines, each on the disk before what it announces is done, readable by eye."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from typing import Any

from visdatcompy_ds.base.errors import ArgumentError

FORMAT, VERSION = "visdatcompy_ds journal", 1
_START = b'{"format":"' + FORMAT.encode() + b'"'


class Journal:
    """An open journal: lines are added at its end, and are on the disk when :meth:`write` returns."""

    def __init__(self, path: bytes, fd: int, lines: list[dict[str, Any]]) -> None:
        self.path, self.fd, self.lines = path, fd, lines

    @classmethod
    def open(cls, path: bytes, head: Mapping[str, Any] | None = None) -> Journal:
        """Open a journal; one that is not there yet is made with `head` as its first line.

        Raises
        ------
        FileNotFoundError
            When it is not there and no `head` was given.
        ArgumentError
            When the file is no journal of ours.
        """
        flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        fd = os.open(path, flags | (os.O_CREAT if head is not None else 0), 0o600)
        try:
            data = _whole(fd)
            # A kill in the middle of a line leaves half of it, which announced nothing: its action had not begun.
            whole = data[: data.rfind(b"\n") + 1]
            journal = cls(path, fd, _parsed(path, data))
            if len(whole) < len(data):
                os.ftruncate(fd, len(whole))
            if not whole and head is not None:
                journal.write({"format": FORMAT, "version": VERSION, **head})
        except BaseException:
            os.close(fd)
            raise
        return journal

    def write(self, line: Mapping[str, Any]) -> None:
        """Add a line; when this returns it is on the disk, and when it raises, no part of it is."""
        data = json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        end = os.fstat(self.fd).st_size
        try:
            while data:
                data = data[os.write(self.fd, data) :]
            os.fsync(self.fd)
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(self.fd, end)  # half a line would spoil those that follow
            raise
        self.lines.append(dict(line))

    def close(self) -> None:
        """Close the file."""
        os.close(self.fd)


def read_journal(path: bytes) -> list[dict[str, Any]]:
    """Return the lines of a journal, none where its first was cut off; half a line at its end, left by a kill, is no line.

    Raises
    ------
    OSError, ArgumentError
        When it cannot be read, or is no journal of ours.
    """
    with open(path, "rb") as stream:
        data = stream.read()
    return _parsed(path, data)


def _whole(fd: int) -> bytes:
    parts = []
    os.lseek(fd, 0, os.SEEK_SET)
    while part := os.read(fd, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _parsed(path: bytes, data: bytes) -> list[dict[str, Any]]:
    shown = os.fsdecode(path)
    if b"\n" not in data and data[: len(_START)] == _START[: len(data)]:
        return []
    try:
        lines = [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]
    except ValueError:
        raise ArgumentError(f"{shown} is no journal", f"Allowed: a journal.jsonl that apply wrote ({FORMAT})") from None
    if not lines or not isinstance(lines[0], dict) or lines[0].get("format") != FORMAT:
        raise ArgumentError(f"{shown} is no journal", f"Allowed: a journal.jsonl that apply wrote ({FORMAT})")
    if lines[0].get("version") != VERSION:
        raise ArgumentError(
            f"{shown} has version {lines[0].get('version')}", f"This program knows version {VERSION}", "Use the version that wrote it"
        )
    return lines
