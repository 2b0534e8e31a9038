"""Files of counts whose room is there before they are mapped into memory.

The library makes them with holes. Where a disk is full, the system cannot fill a hole that is written to and ends the
process (SIGBUS): a server would die of its counters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

ROOM = 1 << 20
"""Bytes of a file; all routes, methods and buckets take a part of them."""
LONGEST_ENTRY = 1 << 12


class Reserved(MmapedDict):
    """Counts in a file without holes. Raises ``OSError`` where there is no room for it."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        if not read_mode:
            _fill(filename, ROOM)
        super().__init__(filename, read_mode)

    def _init_value(self, key: Any) -> None:
        if self._used + LONGEST_ENTRY > self._capacity:
            _fill(self._fname, 2 * self._capacity)
        super()._init_value(key)


def install() -> None:
    """Let the library count in such files; before the first metric is made."""
    values.MmapedDict = Reserved  # type: ignore[misc]


def _fill(filename: str, size: int) -> None:
    path = Path(filename)
    with path.open("ab") as file:
        lacking = size - file.tell()
        if lacking > 0:
            file.write(bytes(lacking))
