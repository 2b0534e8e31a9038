"""The job that lets each moment in the life of an authorisation happen once.

A payment keeps the first of its moments that is still to come. The job takes all that have come since then, in their
order, so that late sweeps, frequent ones and a clock that jumps end alike; each event carries the moment it is about.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import col, func, select, text

from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.payments import service
from gateway.payments.models import IS_CAPTURABLE, Payment
from gateway.payments.moments import Moment, first_after, moments


def pass_due(tx: Transaction, tenant: Tenant, *, limit: int = 100) -> int:
    """Let the moments of up to ``limit`` payments of the tenant happen that have come by ``tx.now``; returns how many.

    Safe to run twice, late or in parallel.
    """
    query = select(Payment).where(
        Payment.merchant_id == tenant.merchant_id,
        Payment.mode == tenant.mode,
        col(Payment.next_moment_at) <= tx.now,
        text(IS_CAPTURABLE),
    )
    # In their order: PostgreSQL thinks that a third of all payments are capturable, and would look for some of them
    # through the whole table.
    query = query.order_by(col(Payment.next_moment_at)).limit(limit)
    due = list(tx.exec(query.with_for_update(skip_locked=True)))
    for payment in due:
        _pass(tx, payment)
    return len(due)


def tenants_with_due(tx: Transaction) -> list[Tenant]:
    """Merchants with payments that have something due by the machine's time; a test clock is never behind it."""
    query = select(Payment.merchant_id, Payment.mode).where(
        col(Payment.next_moment_at) <= tx.wall, text(IS_CAPTURABLE)
    )
    return [Tenant(merchant, mode_of(mode)) for merchant, mode in sorted(set(tx.exec(query)))]


def next_work(tx: Transaction, tenant: Tenant) -> datetime | None:
    """When something is due next of a payment of the tenant."""
    query = select(func.min(Payment.next_moment_at)).where(
        Payment.merchant_id == tenant.merchant_id,
        Payment.mode == tenant.mode,
        text(IS_CAPTURABLE),
    )
    return tx.exec(query).one()


def _pass(tx: Transaction, payment: Payment) -> None:
    planned = moments(
        created_at=payment.created_at, acknowledge_by=payment.acknowledge_by, expires_at=payment.lapses_at
    )
    since = payment.next_moment_at or payment.created_at
    payment.next_moment_at = first_after(planned, tx.now)
    tx.add(payment)
    for moment in planned:
        if since <= moment.at <= tx.now and service.capturable_fen(payment):
            _happen(tx, payment, moment)


def _happen(tx: Transaction, payment: Payment, moment: Moment) -> None:
    """What of a moment still holds: an order that was acknowledged meanwhile is neither reminded of nor voided."""
    occurred_at = moment.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if moment.what == "expire":
        service.expire(tx, payment, occurred_at=occurred_at)
    elif moment.what == "expiring":
        service.note(tx, payment, "payment.expiring", occurred_at=occurred_at)
    elif payment.acknowledged_at is not None:
        return
    elif moment.what == "unacknowledged":
        service.note(tx, payment, "payment.unacknowledged", occurred_at=occurred_at)
    else:
        service.void_rest(tx, payment)
        service.note(tx, payment, "payment.voided", reason="unacknowledged", occurred_at=occurred_at)
