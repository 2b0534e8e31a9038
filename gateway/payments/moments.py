"""The moments in the life of an authorisation, as a pure function of its deadlines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

AUTHORIZATION_LIFE = timedelta(days=28)
LONGEST_LIFE = {
    "furnishing": timedelta(days=90),
    "education": timedelta(days=60),
    "appliance": timedelta(days=60),
    "3c": timedelta(days=42),
    "general": timedelta(days=42),
}
"""So long after the approval an authorisation may last where it is extended, by the category of the order: what is made
to order or taught takes longer."""
REMINDERS = (timedelta(hours=24), timedelta(days=3))
"""After so long an order that its shop has not acknowledged is told of."""
WARNINGS = (timedelta(days=7), timedelta(hours=48))
"""So long before an authorisation lapses it is told of."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that is due of a payment at a time."""

    at: datetime
    what: Literal["unacknowledged", "void", "expiring", "expire"]


def moments(*, created_at: datetime, acknowledge_by: datetime | None, expires_at: datetime) -> list[Moment]:
    """Everything that will be due of a payment if nobody touches it, in order.

    Reminders stop where the void is due, and an authorisation that lapses before that is not voided.
    """
    planned = [Moment(expires_at, "expire")]
    warned = (expires_at - before for before in WARNINGS)
    planned += [Moment(at, "expiring") for at in warned if at > created_at]
    if acknowledge_by is not None:
        reminded = (created_at + after for after in REMINDERS)
        planned += [Moment(at, "unacknowledged") for at in reminded if at < acknowledge_by]
        if acknowledge_by < expires_at:
            planned.append(Moment(acknowledge_by, "void"))
    return sorted(planned, key=lambda moment: moment.at)


def first_after(planned: list[Moment], time: datetime) -> datetime | None:
    """When the next of the moments comes."""
    return next((moment.at for moment in planned if moment.at > time), None)
