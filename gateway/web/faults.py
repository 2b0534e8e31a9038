"""Faults that a shop asks for in test mode by a header, so that it can test its own retries.

What comes before the transaction and after its commit is played here; ``webhooks`` finds the name of its own faults
in ``tx.info["test_fault"]``.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import InvalidRequest, OutcomeUnknown, TooManyRequests, Unavailable
from gateway.web.idempotency import HEADER as IDEMPOTENCY_KEY
from gateway.web.rate_limits import Rate

if TYPE_CHECKING:
    from flask import Request

    from gateway.web.context import Caller
    from gateway.web.idempotency import Outcome
    from gateway.web.rate_limits import Counter

HEADER = "Fenqi-Test-Fault"
ANYWHERE = ("503-before", "slow=3s")
WRITING = ("timeout-after-commit", "duplicate-webhook", "reorder-webhooks")
"""Faults of what a request leaves behind; one that only reads leaves nothing."""
SLOW = re.compile(r"slow=([0-9]{1,2})s")
LONGEST_PAUSE = 30
AT_ONCE = 2
"""So many requests of one process may be slow at a time: its threads serve live money, too."""
ONCE_PER_KEY = Rate("test_faults", per_second=1 / 600, burst=1)
_slow = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is to go wrong with a request; ``key`` is its Idempotency-Key, ``pause`` the seconds of a slow one."""

    name: str
    whose: str
    key: str | None
    pause: int = 0


def wanted(request: Request, caller: Caller | None, *, writes: bool) -> Fault | None:
    """The fault that a request asks for. Raises ``InvalidRequest`` for one that would not be played."""
    name = request.headers.get(HEADER)
    if name is None:
        return None
    if caller is None or caller.mode != "test":
        raise InvalidRequest(
            f"{HEADER} works only with a merchant's own requests in test mode.", param=HEADER
        )
    slow = SLOW.fullmatch(name)
    pause = int(slow[1]) if slow else 0
    if name not in ("503-before", *WRITING) and not 1 <= pause <= LONGEST_PAUSE:
        raise InvalidRequest(
            f"{HEADER} must be one of: {', '.join(ANYWHERE + WRITING)} (slow for 1 to {LONGEST_PAUSE} seconds).",
            param=HEADER,
        )
    if name in WRITING and not writes:
        raise InvalidRequest(
            f"{HEADER} {name} works only with requests that change something; this one only reads.",
            param=HEADER,
        )
    whose = f"{caller.merchant_id}:{request.method}:{request.path}"
    return Fault(name, whose, request.headers.get(IDEMPOTENCY_KEY), pause)


def before(fault: Fault | None, counter: Counter) -> None:
    """Play what happens before the request is carried out. Raises ``Unavailable`` or ``TooManyRequests``.

    With an Idempotency-Key only the first request of the key meets ``503-before``: its repeat is let through.
    """
    if fault is None:
        return
    if fault.name == "503-before" and (
        fault.key is None or not counter.wait(ONCE_PER_KEY, f"{fault.whose}:{fault.key}")
    ):
        raise Unavailable(
            f"Nothing was changed: {HEADER} requested this failure. Try again with the same Idempotency-Key."
        )
    if fault.pause:
        if not _slow.acquire(blocking=False):
            raise TooManyRequests(
                f"At most {AT_ONCE} requests can be slow at the same time.", retry_after=fault.pause
            )
        try:
            time.sleep(fault.pause)
        finally:
            _slow.release()


def after(fault: Fault | None, outcome: Outcome) -> None:
    """Play what happens once the request was committed. Raises ``OutcomeUnknown`` unless the answer is a repeat."""
    if fault is not None and fault.name == "timeout-after-commit" and not outcome.replayed:
        raise OutcomeUnknown
