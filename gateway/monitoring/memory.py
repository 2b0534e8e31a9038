"""The heap of a process with many threads, on Linux with glibc.

glibc gives every thread its own arena, up to eight for each core. What a thread frees stays in its arena, where
only the threads that share it can use it again. A worker with sixteen threads, and a new one for each row of the
outbox, so keeps twice what it needs, and more each hour. Threads of Python seldom allocate at the same time: two arenas
serve them all.
"""

from __future__ import annotations

import ctypes
import os

ARENAS = 2
VARIABLE = "MALLOC_ARENA_MAX"
"""glibc's own setting: if it is set, somebody has chosen another number."""
_M_ARENA_MAX = -8


def share_arenas() -> bool:
    """Let all threads that start from now on share a few arenas; false where the machine's C library has none."""
    if VARIABLE in os.environ:
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_ARENA_MAX, ARENAS))
