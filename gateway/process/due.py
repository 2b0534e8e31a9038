"""Whether a job of the day has something to do for a merchant: read by what the job itself looks for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from gateway.checkout import service as checkouts
from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.decision import links
from gateway.loans import billing, closing
from gateway.payments import deadlines
from gateway.payments.disputes import service as disputes
from gateway.payments.milestones import jobs as milestones
from gateway.payments.telling import due as instalments_due
from gateway.payments.telling import happened
from gateway.settlement import closing as batches
from gateway.settlement import invoices, terms
from gateway.web.context import Gateway

Due = Callable[[Transaction, Gateway, Tenant], bool]


def _come(next_work: Callable[[Transaction, Tenant], datetime | None]) -> Due:
    """Whether the moment of the next work has come."""

    def come(tx: Transaction, gateway: Gateway, tenant: Tenant) -> bool:
        moment = next_work(tx, tenant)
        return moment is not None and moment <= tx.now

    return come


to_expire = _come(checkouts.next_work)
to_pass = _come(deadlines.next_work)
to_lose = _come(disputes.next_work)
to_release = _come(milestones.next_release)


def to_remind(tx: Transaction, gateway: Gateway, tenant: Tenant) -> bool:
    """Whether an instalment is near that its shopper is to be told of."""
    return instalments_due.has_coming(tx, tenant)


def to_tell(tx: Transaction, gateway: Gateway, tenant: Tenant) -> bool:
    """Whether something has happened that a shopper is to be told of."""
    return happened.has_untold(tx, tenant)


def to_stop(tx: Transaction, gateway: Gateway, tenant: Tenant) -> bool:
    """Whether a seller is to be stopped whose stages were not claimed in time, or are contested."""
    return milestones.has_stop_due(tx, tenant, gateway.settings)


def to_bill(tx: Transaction, gateway: Gateway, tenant: Tenant) -> bool:
    """Whether an instalment is due and not billed."""
    return billing.has_due(tx, tenant, today=shanghai_date(tx.now))


def late(tx: Transaction, gateway: Gateway, tenant: Tenant) -> bool:
    """Whether a bill was due before today and is not paid."""
    return billing.has_late(tx, tenant, today=shanghai_date(tx.now))


def to_write_off(tx: Transaction, gateway: Gateway, tenant: Tenant) -> bool:
    """Whether a loan is overdue for longer than the settings allow."""
    return closing.has_hopeless(tx, tenant, days=gateway.settings.write_off_days)


def to_mark(tx: Transaction, gateway: Gateway, tenant: Tenant) -> bool:
    """Whether a shopper is so overdue that others are to know it."""
    return links.has_defaults(tx, tenant)


def to_invoice(tx: Transaction, gateway: Gateway, tenant: Tenant) -> bool:
    """Whether the merchant has owed something for longer than was agreed."""
    standard = terms.standard(gateway.settings)
    return invoices.due_fen(tx, tenant, on=shanghai_date(tx.now), standard=standard) > 0


def to_settle(tx: Transaction, gateway: Gateway, tenant: Tenant) -> bool:
    """Whether there is something for the batch of today."""
    standard = terms.standard(gateway.settings)
    return batches.has_open_lines(tx, tenant, on=shanghai_date(tx.now), standard=standard)
