"""Fonts: two free ones that a package brings, so that a document looks the same on every machine.

Noto Serif SC and Noto Sans SC (SIL Open Font License 1.1) are installed with the gateway by the package
``pylopdf-fonts-zh-cn``. What the machine has installed is never looked at. Between them they have some thirty thousand
Chinese characters; a character that neither has stands in a document as its number, never as an empty box.
"""

from __future__ import annotations

import importlib.util
import re
import struct
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from gateway.errors import DocumentsUnavailable

PACKAGE = "pylopdf-fonts-zh-cn"
FILES = ("NotoSerifSC-Regular.otf", "NotoSansSC-Regular.otf")
LONGEST_WORD = 24
"""Characters of a Latin word that fit every column; a longer one may be broken."""
WORD = re.compile(rf"[!-~]{{{LONGEST_WORD + 1},}}")
BREAK = "\u200b"


@cache
def folder() -> Path:
    """Where the fonts lie. Raises ``DocumentsUnavailable`` where they are not installed."""
    found = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    place = Path(found.origin).parent if found is not None and found.origin else None
    if place is None or not all((place / name).is_file() for name in FILES):
        raise DocumentsUnavailable(
            f"The fonts of PDF files are not installed: pip install {PACKAGE}, then start the gateway again."
        )
    return place


def printable(text: str) -> str:
    """Text as the fonts can show it, on one line: what cannot be seen is left out, and no word is too long to break.

    A character without a glyph becomes its number, such as ``〔U+1F98A〕``.
    """
    shown = "".join(_shown(character) for character in text)
    return WORD.sub(_breakable, shown)


@lru_cache(maxsize=20_000)
def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace() or category in ("Zl", "Zp"):
        return " "
    if category in ("Cc", "Cf"):  # among them those that turn the direction of writing around
        return ""
    return character if _has(ord(character)) else f"〔U+{ord(character):04X}〕"


def _breakable(word: re.Match[str]) -> str:
    found = word[0]
    return BREAK.join(found[at : at + LONGEST_WORD] for at in range(0, len(found), LONGEST_WORD))


def _has(code: int) -> bool:
    starts, ends = _coverage()
    at = bisect_right(starts, code) - 1
    return at >= 0 and code <= ends[at]


@cache
def _coverage() -> tuple[list[int], list[int]]:
    """First and last character of each range that a font has a glyph for, in order."""
    ranges = sorted(found for name in FILES for found in _ranges((folder() / name).read_bytes()))
    starts: list[int] = []
    ends: list[int] = []
    for start, end in ranges:
        if ends and start <= ends[-1] + 1:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
    return starts, ends


def _ranges(font: bytes) -> Iterator[tuple[int, int]]:
    """The ranges of an OpenType font: the groups of the ``cmap`` subtable of format 12, which covers all of Unicode."""
    (tables,) = struct.unpack_from(">H", font, 4)
    offsets = {
        font[at : at + 4]: struct.unpack_from(">I", font, at + 8)[0] for at in range(12, 12 + 16 * tables, 16)
    }
    start = offsets[b"cmap"]
    (subtables,) = struct.unpack_from(">H", font, start + 2)
    for at in range(start + 4, start + 4 + 8 * subtables, 8):
        table = start + struct.unpack_from(">I", font, at + 4)[0]
        if struct.unpack_from(">H", font, table) == (12,):
            (groups,) = struct.unpack_from(">I", font, table + 12)
            for group in range(groups):
                first, last, glyph = struct.unpack_from(">III", font, table + 16 + 12 * group)
                if glyph:
                    yield first, last
            return
