"""What resembles its like is kept packed on PostgreSQL: plans, events and contracts say the same words each time.

They are deflated with these words known beforehand, so only what is their own is stored; PostgreSQL's own compression
knows no words, and leaves rows below two kilobytes as they are. What an earlier release wrote plainly is read as ever.
``packing_1.txt`` is never changed, as rows are read with it: other words are another file and another form.
"""

from __future__ import annotations

import binascii
import zlib
from pathlib import Path

WORDS = Path(__file__).with_name("packing_1.txt").read_bytes()
TEXT_FORM = "z1:"
"""How a packed text begins, which then goes on in base64."""
BYTES_FORM = b"\x02"
LEAST = 120
"""Bytes below which nothing is won."""
RAW = -zlib.MAX_WBITS
"""Without a header and a sum: what must not change has a hash of its own."""
_new = zlib.compressobj(6, zlib.DEFLATED, RAW, zlib.DEF_MEM_LEVEL, zlib.Z_DEFAULT_STRATEGY, WORDS)


def packed_text(content: bytes) -> str:
    """The packed form of a text in UTF-8."""
    return TEXT_FORM + binascii.b2a_base64(_deflated(content), newline=False).decode()


def text_of(said: str) -> bytes | None:
    """The text in UTF-8 that ``packed_text`` made this of; None when it made no such thing."""
    if not said.startswith(TEXT_FORM):
        return None
    try:
        return _inflated(binascii.a2b_base64(said[len(TEXT_FORM) :], strict_mode=True))
    except (ValueError, zlib.error):
        return None


def packed_bytes(content: bytes) -> bytes:
    """The packed form of bytes; what is short, or sealed and so like nothing, stays as it is."""
    if content.startswith(BYTES_FORM):
        return BYTES_FORM + _deflated(content)
    packed = b"" if len(content) < LEAST else BYTES_FORM + _deflated(content)
    return packed if 0 < len(packed) < len(content) else content


def bytes_of(said: bytes) -> bytes:
    """The bytes that ``packed_bytes`` made this of, or that an earlier release wrote."""
    return _inflated(said[len(BYTES_FORM) :]) if said.startswith(BYTES_FORM) else said


def _deflated(content: bytes) -> bytes:
    packer = _new.copy()
    return packer.compress(content) + packer.flush()


def _inflated(content: bytes) -> bytes:
    reader = zlib.decompressobj(RAW, WORDS)
    said = reader.decompress(content)
    if not reader.eof or reader.unused_data:
        raise zlib.error("not the whole of what was packed")
    return said
