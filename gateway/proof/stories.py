"""The story of a loan: what happened to it, from the books, in the order in which it was recorded.

Each chapter adds facts (``loans.replay``); a prefix of the story says where the loan stood at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from gateway.core.calendar import shanghai_date
from gateway.loans import replay
from gateway.proof.entries import Entry
from gateway.proof.schedules import Lowering, Order, Walk

RECOMPUTED = ("late_interest", "charges_waived", "credit_applied")
"""Kinds of entries that say that the loan was brought to where it stood on that day."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """Facts that were recorded together; ``lowers`` tells a refund or a lost dispute."""

    order: Order
    instalments: tuple[replay.Instalment, ...] = ()
    returned: tuple[replay.Returned, ...] = ()
    money: tuple[replay.Money, ...] = ()
    waived_on: date | None = None
    lowers: bool = False
    empties: bool = False
    """Whether nothing of the schedule is to come after it."""

    @property
    def day(self) -> date:
        """The day on which it was recorded (Shanghai)."""
        return shanghai_date(self.order[0])


@dataclass(slots=True)
class Story:
    """The chapters of one loan until it was written off or unwound, and the days of its recomputations."""

    late_daily_rate: str
    late_grace_days: int
    chapters: list[Chapter] = field(default_factory=list)
    recomputed_on: list[date] = field(default_factory=list)

    def facts(self, chapters: Sequence[Chapter] | None = None) -> replay.Facts:
        """The facts of some chapters, of all by default."""
        told = self.chapters if chapters is None else chapters
        return replay.Facts(
            late_daily_rate=self.late_daily_rate,
            late_grace_days=self.late_grace_days,
            instalments=[fact for chapter in told for fact in chapter.instalments],
            returned=[fact for chapter in told for fact in chapter.returned],
            money=[fact for chapter in told for fact in chapter.money],
            charges_waived_on=next((one.waived_on for one in told if one.waived_on is not None), None),
        )

    def standings(self) -> list[tuple[date, replay.Standing]]:
        """Where the loan can stand, the likeliest first, each with the day it was computed for.

        The books show the days on which a recomputation has changed something. An instalment that has fallen due since
        then is there whether or not the job has come by that recomputes the loan.
        """
        facts = self.facts()
        due = [fact.on for fact in facts.instalments]
        told = [chapter.day for chapter in self.chapters if not chapter.instalments]
        known = max([*told, *self.recomputed_on], default=None)
        latest = max([*due, *([known] if known else [])], default=None)
        if latest is None:
            return [(date.min, replay.Standing({}, 0))]
        first = [(latest, replay.replay(facts, as_of=latest))]
        if known is None or known == latest:
            return first
        before = replay.replay(facts, as_of=known)
        for fact in facts.instalments:
            if fact.on > known:
                before.bills[fact.period] = replay.Bill(fact)
        return [*first, (known, before)]

    def ending(self) -> Chapter | None:
        """The chapter with which the loan ended; none when what was told does not end it."""
        ended = None
        for count in range(len(self.chapters), 0, -1):
            told = self.chapters[:count]
            if not _has_ended(self.facts(told), told):
                break
            ended = told[-1]
        return ended


def _has_ended(facts: replay.Facts, told: Sequence[Chapter]) -> bool:
    if not any(chapter.empties for chapter in told):
        return False
    return replay.replay(facts, as_of=told[-1].day).is_paid


def chapters(
    walk: Walk,
    *,
    lowerings: Sequence[Lowering],
    returned: dict[str, tuple[replay.Returned, ...]],
    receipts: Iterable[tuple[Entry, Any]],
    credit: Iterable[tuple[Entry, int]],
    due_orders: dict[int, Order],
    waived_on: date | None,
    until: Order | None,
) -> list[Chapter]:
    """The chapters in order; what was recorded after ``until`` (a write-off, an unwinding) is not part of the story."""
    told = [
        Chapter(
            due_orders[bill.period],
            instalments=(
                replay.Instalment(bill.period, bill.on, bill.principal_fen, bill.interest_fen, bill.fee_fen),
            ),
            empties=bill.is_last,
        )
        for bill in walk.bills
    ]
    told += [
        Chapter(
            one.order,
            returned=returned.get(one.name, ()),
            waived_on=waived_on if waived_on == one.on else None,
            lowers=True,
            empties=one.empties,
        )
        for one in lowerings
    ]
    told += [
        Chapter(entry.order, money=(replay.Money(row.received_on, row.amount_fen),))
        for entry, row in receipts
    ]
    told += [
        Chapter(entry.order, money=(replay.Money(entry.on, amount_fen),)) for entry, amount_fen in credit
    ]
    told.sort(key=lambda chapter: chapter.order)
    return [chapter for chapter in told if until is None or chapter.order < until]
