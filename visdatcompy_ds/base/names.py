"""Names of files: bytes on disk, a reversible text inside, an escaped text on screens. Sizes in words."""

from __future__ import annotations

import re
import unicodedata

_ESCAPE = re.compile(r"\\(\\|x[0-9a-f]{2})")


def to_text(name: bytes) -> str:
    r"""Return the reversible text of a name: UTF-8, with ``\xNN`` for a stray byte and ``\\`` for a backslash.

    >>> to_text(b"caf\xe9/IMG_1.jpg")
    'caf\\xe9/IMG_1.jpg'
    """
    return name.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def to_bytes(text: str) -> bytes:
    r"""Return the bytes that :func:`to_text` was given.

    >>> to_bytes(to_text(b"a\\b\xff")) == b"a\\b\xff"
    True
    """
    parts: list[bytes] = []
    at = 0
    for match in _ESCAPE.finditer(text):
        parts.append(text[at : match.start()].encode("utf-8"))
        parts.append(b"\\" if match[1] == "\\" else bytes.fromhex(match[1][1:]))
        at = match.end()
    parts.append(text[at:].encode("utf-8"))
    return b"".join(parts)


def for_display(text: str) -> str:
    r"""Return `text` with control, direction and lone surrogate characters escaped, safe for a terminal or a page.

    >>> for_display("esc\x1b[31m")
    'esc\\x1b[31m'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return char.encode("unicode_escape").decode("ascii")
    return char


def size_text(size_bytes: float) -> str:
    """Return a size in decimal units: "27 kB", "3.6 MB"."""
    units = iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while size_bytes >= 999.5 and unit != "TB":
        size_bytes, unit = size_bytes / 1000, next(units)
    return f"{size_bytes:.1f} {unit}" if size_bytes < 9.95 and unit != "B" else f"{size_bytes:.0f} {unit}"
