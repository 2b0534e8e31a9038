"""What falls due is told: three days before, on the day, and once it is overdue. Each is asked again before it leaves.

All three are planned together, some days ahead. One that its instalment no longer needs when it could leave is dropped.
What fell due while no worker ran is told afterwards, as long as that is of use.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, literal, or_, true, union_all
from sqlalchemy import select as columns
from sqlmodel import SQLModel

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.loans import coming
from gateway.merchants import service as merchants
from gateway.messages import rules
from gateway.messages import service as messages
from gateway.payments.telling import happened
from gateway.webhooks import service as events

if TYPE_CHECKING:
    from gateway.loans.coming import Coming

AHEAD = timedelta(days=3)
AT = time(9)
"""Shanghai: when a shopper reads what is due."""
USEFUL_OVERDUE = timedelta(days=14)
TOLD_LATE = timedelta(days=21)
"""What fell due longer ago, unseen, is told no more; shorter than a month, so a loan has one such bill."""
BATCH = 200
NEVER = date(1970, 1, 1)
MODES = union_all(columns(literal("live").label("mode")), columns(literal("test").label("mode"))).subquery()


def plan(tx: Transaction, tenant: Tenant, *, after: str, limit: int = BATCH) -> str | None:
    """Plan the messages of loans whose next instalment is near, or fell due unseen, from the id ``after`` on.

    Returns where to go on, None at the end. Safe to run twice, late or in parallel.
    """
    reached, today = messages.progress(tx, tenant), shanghai_date(tx.now)
    until, seen = today + AHEAD, reached.due_through or NEVER
    lists = [coming.coming(tx, tenant, after=seen, until=until, after_id=after, limit=limit)]
    if seen < today:
        since = max(seen, today - TOLD_LATE)
        lists.append(coming.fallen_due(tx, tenant, after=since, until=today, after_id=after, limit=limit))
    for found in lists:
        for one in found:
            _plan(tx, tenant, one)
    if more := [found[-1].loan_id for found in lists if len(found) == limit]:
        return min(more)
    messages.note_due(tx, reached, through=until)
    return None


def has_coming(tx: Transaction, tenant: Tenant) -> bool:
    """Whether an instalment is near, or fell due unseen, that has no messages."""
    _, through = messages.seen(tx, tenant)
    seen, today = through or NEVER, shanghai_date(tx.now)
    found = coming.next_after(tx, tenant, seen)
    if found is not None and found <= today + AHEAD:
        return True
    if seen >= today:
        return False
    late = coming.has_overdue(tenant.merchant_id, tenant.mode, after=seen, since=today - TOLD_LATE)
    return bool(tx.connection().execute(columns(late)).scalar_one())


def next_work(tx: Transaction, tenant: Tenant) -> date | None:
    """The day (Shanghai) on which messages of an instalment are planned next."""
    _, through = messages.seen(tx, tenant)
    found = coming.next_after(tx, tenant, through or NEVER)
    return found - AHEAD if found is not None else None


def tenants_with_work(tx: Transaction, *, today: date) -> list[Tenant]:
    """Merchants with an event or an instalment that their shoppers are to be told of, by the machine's time."""
    everybody, reached = merchants.everybody(), messages.everybodys_progress()
    who, mode = everybody.c.id, MODES.c.mode
    through = func.coalesce(reached.c.due_through, _day(NEVER))
    untold = or_(
        events.has_events_since(who, mode, func.coalesce(reached.c.position, 0), types=happened.TYPES),
        coming.has_coming(who, mode, after=through, until=today + AHEAD),
        and_(through < today, coming.has_overdue(who, mode, after=through, since=today - TOLD_LATE)),
    )
    own = and_(reached.c.merchant_id == who, reached.c.mode == mode)
    found = everybody.join(MODES, true()).outerjoin(reached, own)
    rows = tx.connection().execute(columns(who, mode).select_from(found).where(untold))
    return [Tenant(merchant, mode_of(text)) for merchant, text in rows]


def _day(day: date) -> Any:
    return literal(day, SQLModel.metadata.tables["loan"].c.next_due_date.type)


def _plan(tx: Transaction, tenant: Tenant, one: Coming) -> None:
    due = one.due_date
    late = due + timedelta(days=one.grace_days + 1)
    times = (
        ("due_soon", due - AHEAD, due),
        ("due_today", due, due + timedelta(days=1)),
        ("overdue", late, late + USEFUL_OVERDUE),
    )
    for kind, day, until in times:
        at = rules.planned_for(day, AT, zone_of=tx.now)
        end = rules.planned_for(until, time(), zone_of=tx.now)
        messages.plan(
            tx,
            tenant,
            shopper_id=one.shopper_id,
            kind=kind,
            about=f"{one.loan_id}:{one.period}",
            facts={"loan": one.loan_id, "period": one.period, "due": due.isoformat()},
            at=at,
            useful=end - at,
        )
