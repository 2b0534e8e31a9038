"""The line before the threads of a server process: bounded, and fair between those who wait in it.

Each merchant waits in a line of its own, and the threads serve the lines in turn, so whoever asks for more than a
turn's worth waits, or is refused, for that alone. Who sent a request is known before any work by its Authorization
header, once such a header was found to be right; anybody else is the address that the request came from. All addresses
together have every second turn, however many they are: shoppers are among them, and who floods from everywhere.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from gateway.errors import Overloaded
from gateway.monitoring import metrics

T = TypeVar("T")
PATIENCE = 1.0
"""Seconds that a request may wait for a thread: who would wait longer is refused at once, and may come back."""
LATE = 2 * PATIENCE
"""Who has waited so long, as others came into line, is refused instead of served: nobody may be there any more."""
TELL_SECONDS = 1.0
"""How often those who were refused are counted at least: each for itself would cost more than the refusal."""
LONGEST_BREAK = 10
"""Retry-After in seconds, at most."""
WEIGHT = 0.05
"""Of the newest request in the running mean of how long one takes."""
FIRST_GUESS = 0.05
"""Seconds that one is taken to need before any has ended: else a fresh server admits everybody of its first second,
and sends most of them away after they have waited."""
MOST_KNOWN = 4096
WHOSE = "fenqi.whose"
"""In a request's environment: whose its Authorization header is, told by the application once it was found right."""


class Taken(NamedTuple, Generic[T]):
    """What a thread took from the line: when, and whether that was too late."""

    what: T
    began: float
    late: bool


class Group(Generic[T]):
    """The lines of those who are known, or of strangers; the first of them is the one whose turn it is."""

    def __init__(self) -> None:
        self.lines: dict[str, deque[tuple[float, T]]] = {}
        self.waiting = 0
        self._at_least: list[int] = []
        """How many lines have one, two, three … in them: what is before somebody is told without a look at each."""

    def join(self, whose: str, since: float, what: T) -> None:
        """One more at the end of a line."""
        line = self.lines.setdefault(whose, deque())
        if len(line) == len(self._at_least):
            self._at_least.append(0)
        self._at_least[len(line)] += 1
        line.append((since, what))
        self.waiting += 1

    def take(self) -> tuple[float, T]:
        """The first of the line whose turn it is; the line goes behind all the others."""
        whose = next(iter(self.lines))
        line = self.lines.pop(whose)
        self.waiting -= 1
        self._at_least[len(line) - 1] -= 1
        if not self._at_least[-1]:
            self._at_least.pop()
        taken = line.popleft()
        if line:
            self.lines[whose] = line
        return taken

    def before(self, own: int) -> int:
        """How many of the group come before one more in a line of ``own``: those, and of each other line one more."""
        return self.waiting if own >= len(self._at_least) else sum(self._at_least[: own + 1])


class Line(Generic[T]):
    """Who waits for a thread, since when, and whether one more would wait longer than ``PATIENCE``."""

    def __init__(self, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = self._threads = threads
        self._clock = clock
        self._groups: dict[bool, Group[T]] = {}
        """Those who are known, and strangers; first the group whose turn it is."""
        self._moved = 0.0
        """When a thread last took somebody, or the first one came."""
        self._promised: dict[str, float] = {}
        """Until when those who were refused before keep the threads busy once they come back, by whose they are."""
        self._mean = FIRST_GUESS
        self._shed, self._told = 0, 0.0
        """How many were refused and are not counted yet, and when the others were."""
        self._changing = threading.Lock()

    def enter(self, whose: str, what: T, *, known: bool = True) -> None:
        """One more waits. Raises ``Overloaded`` when it would be too long: by what requests take, or as none ends."""
        with self._changing:
            now = self._admitted(whose, known)
            if not self._groups:
                self._moved = now
            self._groups.setdefault(known, Group()).join(whose, now, what)

    def look(self, whose: str, *, known: bool = True) -> None:
        """Raise ``Overloaded`` if one more could not wait: nobody needs to read what would be refused."""
        with self._changing:
            self._admitted(whose, known)

    def _admitted(self, whose: str, known: bool) -> float:
        """Now, if one more may wait. Raises ``Overloaded``."""
        now = self._clock()
        wait = self._wait(whose, known, now)
        if wait <= PATIENCE:
            return now
        self._shed += 1
        if now - self._told >= TELL_SECONDS:
            self._tell(now)
        raise Overloaded(retry_after=self._come_back(whose, now, wait))

    def _tell(self, now: float) -> None:
        """Count those who were refused."""
        metrics.REQUESTS_SHED.inc(self._shed)
        self._shed, self._told = 0, now

    def leave(self) -> Taken[T]:
        """A thread takes the first of whoever's turn it is; ``began`` is for ``done``."""
        with self._changing:
            now = self._moved = self._clock()
            if self._shed:
                self._tell(now)
            known = next(iter(self._groups))
            group = self._groups.pop(known)
            since, what = group.take()
            if group.waiting:
                self._groups[known] = group
            self._free -= 1
            return Taken(what, now, now - since > LATE)

    def done(self, began: float) -> None:
        """The request that was taken at ``began`` is answered."""
        with self._changing:
            self._free += 1
            self._mean += WEIGHT * (self._clock() - began - self._mean)

    def _wait(self, whose: str, known: bool, now: float) -> float:
        """Seconds until one more would be taken.

        It goes after its own, after as many of each of the others of its group, and after as many of the other group
        as of its own.
        """
        group, others = self._groups.get(known), self._groups.get(not known)
        own = group.lines.get(whose, ()) if group else ()
        before = group.before(len(own)) if group else 0
        before += min(others.waiting if others else 0, before + 1) - self._free
        wait = before * self._mean / self._threads if before > 0 else 0.0
        if self._groups:
            wait = max(wait, now - self._moved)
        return max(wait, now - own[0][0]) if own else wait

    def _come_back(self, whose: str, now: float, wait: float) -> int:
        """In how many seconds there is room: each who is refused is told a later time than the one before."""
        promised = self._promised.pop(whose, 0.0)
        after = min(max(promised, now + wait), now + LONGEST_BREAK)
        if len(self._promised) >= MOST_KNOWN:
            del self._promised[next(iter(self._promised))]  # the one refused longest ago
        lines = sum(len(group.lines) for group in self._groups.values())
        self._promised[whose] = after + self._mean * max(lines, 1) / self._threads
        return min(math.ceil(after - now), LONGEST_BREAK)


class Known:
    """Whose an Authorization header is, as the application found it; the newest of them."""

    def __init__(self) -> None:
        self._whose: OrderedDict[bytes, str] = OrderedDict()
        self._changing = threading.Lock()

    def of(self, header: str) -> str | None:
        """Whose it was found to be."""
        return self._whose.get(_digest(header))

    def remember(self, header: str, whose: str) -> None:
        """It is right, and whose."""
        key = _digest(header)
        with self._changing:
            self._whose[key] = whose
            self._whose.move_to_end(key)
            if len(self._whose) > MOST_KNOWN:
                self._whose.popitem(last=False)


def _digest(header: str) -> bytes:
    return hashlib.blake2b(header.encode("utf-8", "replace"), digest_size=16).digest()
