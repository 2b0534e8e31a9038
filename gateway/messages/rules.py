"""When a message may leave: never at night, at most three a day for a person. Pure: no clock, no database.

The whole of it is one function, ``judged``, which everything that sends a message to a shopper asks first. What it
allows is written down before anything is sent, in tables whose constraints say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from gateway.core.calendar import SHANGHAI

FROM, TO = time(8), time(22)
"""Shanghai: outside these hours no message reaches a shopper."""
LAST = time(21, 55)
"""From here on nothing is begun, so that what the provider takes a while to send has left before 22:00."""
MOST_A_DAY = 3
"""Messages to one person on one day (Shanghai), of all merchants together."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The message leaves now, as the ``number``-th (1 to 3) of the person's ``day``."""

    day: date
    number: int


@dataclass(frozen=True, slots=True)
class Wait:
    """The message waits until ``at`` (UTC) and is judged again then."""

    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Drop:
    """The message is never sent: it would come too late to be of use."""


Verdict = Leave | Wait | Drop


def judged(
    now: datetime, *, planned_at: datetime, useful_until: datetime | None, taken: frozenset[int] | set[int]
) -> Verdict:
    """What becomes of a message at ``now`` (UTC); ``taken`` are the numbers of the person's day that are used up."""
    verdict = _allowed(max(now, planned_at), taken_today=taken if planned_at <= now else frozenset())
    if isinstance(verdict, Leave) and planned_at > now:
        verdict = Wait(planned_at, "it is planned for later")
    moment = verdict.at if isinstance(verdict, Wait) else now
    if useful_until is not None and moment >= useful_until:
        return Drop()
    return verdict


def may_leave(now: datetime) -> datetime:
    """The first moment (UTC) from ``now`` on that is not in the night: now itself, or the next 08:00 in Shanghai."""
    here = now.astimezone(SHANGHAI)
    if FROM <= here.time() < LAST:
        return now
    return _morning(here.date() + timedelta(days=int(here.time() >= LAST)), now)


def planned_for(day: date, at: time, *, zone_of: datetime) -> datetime:
    """``at`` o'clock in Shanghai on a day, in the zone of ``zone_of``."""
    return datetime.combine(day, at, SHANGHAI).astimezone(zone_of.tzinfo)


def _allowed(now: datetime, *, taken_today: frozenset[int] | set[int]) -> Leave | Wait:
    at = may_leave(now)
    if at > now:
        return Wait(at, "no message reaches a shopper between 22:00 and 08:00 in Shanghai")
    today = now.astimezone(SHANGHAI).date()
    free = [number for number in range(1, MOST_A_DAY + 1) if number not in taken_today]
    if not free:
        why = f"the person has had {MOST_A_DAY} messages today"
        return Wait(_morning(today + timedelta(days=1), now), why)
    return Leave(today, free[0])


def _morning(day: date, now: datetime) -> datetime:
    return datetime.combine(day, FROM, SHANGHAI).astimezone(now.tzinfo)
