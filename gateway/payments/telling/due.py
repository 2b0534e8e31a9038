"""What falls due is told: three days before, on the day, and once it is overdue. Each is asked again before it leaves.

All three are planned together, some days ahead. One that its instalment no longer needs when it could leave is dropped.
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
BATCH = 200
NEVER = date(1970, 1, 1)
MODES = union_all(columns(literal("live").label("mode")), columns(literal("test").label("mode"))).subquery()


def plan(tx: Transaction, tenant: Tenant, *, after: str, limit: int = BATCH) -> str | None:
    """Plan the messages of loans whose next instalment is near, from the id ``after`` on.

    Returns where to go on, None at the end. Safe to run twice, late or in parallel.
    """
    reached = messages.progress(tx, tenant)
    until = shanghai_date(tx.now) + AHEAD
    found = coming.coming(
        tx, tenant, after=reached.due_through or NEVER, until=until, after_id=after, limit=limit
    )
    for one in found:
        _plan(tx, tenant, one)
    if len(found) == limit:
        return found[-1].loan_id
    messages.note_due(tx, reached, through=until)
    return None


def has_coming(tx: Transaction, tenant: Tenant) -> bool:
    """Whether an instalment is near that has no messages."""
    _, through = messages.seen(tx, tenant)
    found = coming.next_after(tx, tenant, through or NEVER)
    return found is not None and found <= shanghai_date(tx.now) + AHEAD


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
