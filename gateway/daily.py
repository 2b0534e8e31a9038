"""The jobs of the day, merchant by merchant at its own business time, and the way of a test clock through the days.

The same jobs run in live mode from the worker. Each is safe to run twice, late or in parallel: what it does is keyed by
what it is about, and it does what is right today whatever it did before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.audit import service as audit
from gateway.checkout import service as checkouts
from gateway.core.calendar import SHANGHAI, shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.decision import links
from gateway.loans import billing, ending
from gateway.merchants import test_clocks
from gateway.oauth import spent
from gateway.payments import collections, disputes
from gateway.payments import service as payments
from gateway.rights import retention
from gateway.settlement import closing
from gateway.settlement import service as settlement
from gateway.web.context import Gateway

if TYPE_CHECKING:
    from gateway.webhooks.models import OutboxItem

T = TypeVar("T")


def sweep(gateway: Gateway) -> None:
    """All jobs of the day for everybody who has something to do."""
    gateway.db.write(checkouts.expire_due)
    gateway.db.write(payments.expire_due)
    gateway.db.write(lambda tx: audit.sign_yesterday(tx, gateway.ports["signing_authority"]))
    gateway.db.write(spent.forget_expired)
    gateway.db.write(links.clear_cured)
    with gateway.db.read() as tx:
        today = shanghai_date(tx.now)
        clocked = test_clocks.tenants(tx)
        tenants = {
            *billing.tenants_with_work(tx, today=today),
            *closing.tenants_with_open_lines(tx, on=today),
        }
        tenants |= {*disputes.tenants_with_unanswered(tx), *clocked}
    retention.sweep(gateway)
    for tenant in sorted(tenants, key=lambda tenant: (tenant.merchant_id, tenant.mode)):
        run_day(gateway, tenant)


def run_day(gateway: Gateway, tenant: Tenant) -> None:
    """The jobs of one merchant's day: bill and collect, late interest, write-offs, disputes, settlement."""
    today = _at(gateway, tenant, lambda tx: shanghai_date(tx.now))
    _at(gateway, tenant, checkouts.expire_due)
    _at(gateway, tenant, payments.expire_due)
    while _at(gateway, tenant, partial(collections.bill_and_collect, tenant=tenant, today=today)):
        pass
    after: str | None = ""
    while after is not None:
        after = _at(
            gateway, tenant, partial(collections.accrue_late, tenant=tenant, today=today, after=after)
        )
    _at(gateway, tenant, partial(collections.collect_again, tenant=tenant, today=today))
    write_off_after = gateway.settings.write_off_days
    while _at(gateway, tenant, partial(ending.write_off_due, tenant=tenant, days=write_off_after)):
        pass
    _at(gateway, tenant, partial(links.note_defaults, tenant=tenant))
    _at(gateway, tenant, partial(disputes.lose_unanswered, tenant=tenant))
    _at(gateway, tenant, partial(_close, tenant=tenant, on=today, funder=gateway.settings.funder))


def settle(gateway: Gateway, on: date) -> list[dict[str, Any]]:
    """Close every merchant's batch of ``on`` (Shanghai), each in its own transaction; returns the new ones.

    A day that has not come yet is closed in test mode only: live money is never paid early.
    """
    early = on > shanghai_date(gateway.clock())
    with gateway.db.read() as tx:
        found = closing.tenants_with_open_lines(tx, on=on)
    closed = [
        _at(gateway, tenant, partial(_close, tenant=tenant, on=on, funder=gateway.settings.funder))
        for tenant in found
        if tenant.mode == "test" or not early
    ]
    return [row for row in closed if row is not None]


def advance(gateway: Gateway, item: OutboxItem, *, drain: Callable[[], int]) -> None:
    """Take a test clock to its goal, stopping at noon of every day on the way that has something to do.

    ``drain`` carries out what a day has instructed before the next one begins. After a crash the clock goes on from
    where it stands.
    """
    clock_id = item.payload["test_clock"]
    while True:
        clock = gateway.db.write(lambda tx: test_clocks.step(tx, clock_id, to=_next_stop(tx, clock_id)))
        tenant = Tenant.of(clock)
        run_day(gateway, tenant)
        while drain():
            pass
        if gateway.db.write(lambda tx: test_clocks.arrived(tx, clock_id)):
            return


def _next_stop(tx: Transaction, clock_id: str) -> datetime:
    """Noon of the next day on which the clock's merchant has something to do; ten years ahead when there is none."""
    clock = test_clocks.by_id(tx, clock_id)
    tenant, now = Tenant.of(clock), test_clocks.time_of(tx, clock)
    today = shanghai_date(now)
    moments = (
        checkouts.next_work(tx, tenant),
        payments.next_work(tx, tenant),
        disputes.next_work(tx, tenant),
    )
    days = [shanghai_date(moment) + timedelta(days=1) for moment in moments if moment is not None]
    days += filter(None, (billing.next_work(tx, tenant, today=today), closing.next_work(tx, tenant)))
    stop = max(min(days, default=today + timedelta(days=3653)), today)
    noon = datetime.combine(stop, time(12), SHANGHAI)
    return noon if noon > now else noon + timedelta(days=1)


def _at(gateway: Gateway, tenant: Tenant, work: Callable[[Transaction], T]) -> T:
    """Run ``work`` in a transaction at the merchant's business time."""

    def at_its_time(tx: Transaction) -> T:
        test_clocks.enter(tx, tenant)
        return work(tx)

    return gateway.db.write(at_its_time)


def _close(tx: Transaction, *, tenant: Tenant, on: date, funder: str) -> dict[str, Any] | None:
    row = closing.close_batch(tx, tenant, on=on, funder=funder)
    return settlement.view(row) if row is not None else None
