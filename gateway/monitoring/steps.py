"""Steps of a worker that goes on whatever fails: one line when they begin to fail, one when they are well again.

While the database is away ``gateway.db`` has said so; the steps only slow down. Any other failure is told with its
traceback, the same one again after a minute at the earliest.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from gateway.errors import Unavailable

T = TypeVar("T")
log = logging.getLogger("gateway.worker")
FIRST_WAIT, LONGEST_WAIT = 0.25, 2.0
AGAIN_SECONDS = 60.0


class Steps:
    """What fails of one kind of step, in whichever thread; ``wait`` is called with the seconds to slow down by."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, wait: Callable[[float], object] = time.sleep
    ) -> None:
        self._clock, self._wait = clock, wait
        self._lock = threading.Lock()
        self._failures: dict[str, int] = {}
        self._told: dict[tuple[str, str], float] = {}

    def survives(self, step: Callable[[], T], words: str) -> T | None:
        """Run a step; the worker outlives any one failure, and the rows remember their own."""
        try:
            done = step()
        except Exception as failure:  # see above
            self._failed(words, failure)
            return None
        if words in self._failures:
            with self._lock:
                times = self._failures.pop(words, 0)
            if times > 1:
                log.warning("well again after %d failures: %s", times, words)
        return done

    def _failed(self, words: str, failure: Exception) -> None:
        kind = (words, type(failure).__name__)
        with self._lock:
            times = self._failures[words] = self._failures.get(words, 0) + 1
            silent = self._clock() - self._told.get(kind, -AGAIN_SECONDS) < AGAIN_SECONDS
            if not silent:
                self._told[kind] = self._clock()
        if not silent:
            outage = _outage(failure)
            said = "" if outage is None else f": {outage.title}"
            log.error("%s%s", words, said, exc_info=failure if outage is None else None)
        self._wait(min(FIRST_WAIT * 2 ** min(times - 1, 6), LONGEST_WAIT))


def _outage(failure: BaseException) -> Unavailable | None:
    """What was away, where nothing else was wrong."""
    if isinstance(failure, BaseExceptionGroup):
        found = [_outage(one) for one in failure.exceptions]
        return found[0] if all(found) else None
    return failure if isinstance(failure, Unavailable) else None
