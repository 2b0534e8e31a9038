"""Invoices of what a merchant has owed for too long: opened by a daily job, paid by later settlements or from outside.

The debt itself stands on ``merchant_receivable``. An invoice asks for a part of it and changes no balance: a settlement
that leaves a smaller debt than the open invoices ask for has paid the difference, the oldest invoice first, and a
payment that an operator records is booked and goes into the next settlement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Any

from sqlmodel import col, func, select

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant, mode_of
from gateway.db.ownership import owned
from gateway.db.parts import in_parts
from gateway.db.transactions import Transaction
from gateway.errors import DuplicateReference, InvalidRequest, NotFound
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.settlement import terms
from gateway.settlement.models import (
    InvoiceCredit,
    MerchantInvoice,
    SettlementBatch,
    SettlementLine,
    SettlementTerms,
)
from gateway.settlement.ready import last_closings, waiting_lines
from gateway.settlement.service import add_line, debt_to_net_fen
from gateway.settlement.terms import Terms

LONGEST_REFERENCE = 64
LARGEST_PAYMENT_FEN = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class Debt:
    """What a merchant owed after the settlement of a day (fen, 0 when nothing)."""

    day: date
    fen: int


def uninvoiced_fen(debts: Sequence[Debt], *, on: date, days: int, covered_fen: int) -> int:
    """How much was owed for ``days`` days without a break on a day, above what is invoiced or paid already (fen).

    ``debts`` are in the order of their days, and a debt lasts until the next one.
    """
    first = on - timedelta(days=days)
    known = [at for at, debt in enumerate(debts) if debt.day <= first]
    if not known:
        return 0
    return max(0, min(debt.fen for debt in debts[known[-1] :]) - covered_fen)


def day_of_invoice(debts: Sequence[Debt], *, days: int, covered_fen: int) -> date | None:
    """The first day on which something is to be invoiced, if nothing changes; None for never."""
    least = [*accumulate((debt.fen for debt in reversed(debts)), min)][::-1]
    first = next((debt.day for debt, fen in zip(debts, least, strict=True) if fen > covered_fen), None)
    return None if first is None else first + timedelta(days=days)


def tenants_with_debts(tx: Transaction, *, on: date) -> list[Tenant]:
    """Merchants who owe something after their last settlement, and with whom invoices were agreed."""
    agreed = select(SettlementTerms.merchant_id, SettlementTerms.mode).where(
        SettlementTerms.valid_from <= on, col(SettlementTerms.invoice_after_days).is_not(None)
    )
    with_invoices = {Tenant(merchant, mode_of(mode)) for merchant, mode in tx.exec(agreed.distinct())}
    return [tenant for tenant, carried in last_closings(tx) if carried < 0 and tenant in with_invoices]


def due_fen(tx: Transaction, tenant: Tenant, *, on: date, standard: Terms) -> int:
    """What is to be invoiced on a day (fen)."""
    days = terms.in_force(tx, tenant, on, standard).invoice_after_days
    if days is None:
        return 0
    debts = _debts(tx, tenant, since=on - timedelta(days=days))
    return uninvoiced_fen(debts, on=on, days=days, covered_fen=_covered(tx, tenant)) if debts else 0


def next_work(tx: Transaction, tenant: Tenant, *, today: date, standard: Terms) -> date | None:
    """The day from ``today`` on at which something is to be invoiced, by the terms of today."""
    days = terms.in_force(tx, tenant, today, standard).invoice_after_days
    if days is None:
        return None
    debts = _debts(tx, tenant, since=today - timedelta(days=days))
    day = day_of_invoice(debts, days=days, covered_fen=_covered(tx, tenant)) if debts else None
    return None if day is None else max(day, today)


def open_due(tx: Transaction, tenant: Tenant, *, on: date, standard: Terms) -> MerchantInvoice | None:
    """Open the invoice of what has been owed for too long; None when there is nothing to invoice."""
    ledger.lock_accounts(tx, tenant)
    amount = due_fen(tx, tenant, on=on, standard=standard)
    if not amount:
        return None
    row = MerchantInvoice(
        id=tx.new_id("ivc"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        number=_count(tx, tenant) + 1,
        amount_fen=amount,
        opened_on=on,
        due_on=on + timedelta(days=terms.in_force(tx, tenant, on, standard).invoice_due_days),
        created_at=tx.now,
    )
    tx.add(row)
    tx.flush()
    return row


def net(tx: Transaction, tenant: Tenant, batch: SettlementBatch) -> None:
    """Pay invoices by a settlement: whatever they ask for above the debt that it leaves, the oldest first."""
    waiting = _outstanding(tx, tenant)
    paid = sum(left for _, left in waiting) - max(0, -batch.closing_fen)
    for invoice, left in waiting:
        if paid <= 0:
            return
        _credit(tx, tenant, invoice, kind="netting", amount_fen=min(left, paid), settlement_id=batch.id)
        paid -= left


def pay(
    tx: Transaction, tenant: Tenant, invoice_id: str, *, received_fen: int, reference: str, funder: str
) -> bool:
    """Record that a merchant has paid an invoice, such as by a transfer to the lender's account.

    What is above the invoice pays other debt of the merchant, else it is available for the next payout. The same again
    changes nothing and returns False. Raises ``NotFound``, ``InvalidRequest``, or ``DuplicateReference`` for the
    reference of another payment.
    """
    ledger.lock_accounts(tx, tenant)
    invoice = owned(tx.get(MerchantInvoice, invoice_id), tenant, "invoice", invoice_id)
    if not 1 <= received_fen <= LARGEST_PAYMENT_FEN:
        raise InvalidRequest(f"{received_fen} fen cannot have been paid.", param="amount")
    if not reference.strip() or len(reference) > LONGEST_REFERENCE or not reference.isprintable():
        raise InvalidRequest(f"A reference has 1 to {LONGEST_REFERENCE} characters.", param="reference")
    known = tx.exec(
        select(InvoiceCredit).where(
            InvoiceCredit.merchant_id == tenant.merchant_id,
            InvoiceCredit.mode == tenant.mode,
            InvoiceCredit.reference == reference,
        )
    ).first()
    if known is not None:
        if (known.invoice_id, known.received_fen) == (invoice.id, received_fen):
            return False
        raise DuplicateReference(
            f"The reference {reference!r} is that of a payment of {known.received_fen} fen for {known.invoice_id}.",
            param="reference",
        )
    left = next((fen for one, fen in _outstanding(tx, tenant) if one.id == invoice.id), 0)
    row = _credit(
        tx,
        tenant,
        invoice,
        kind="payment",
        amount_fen=min(left, received_fen),
        received_fen=received_fen,
        reference=reference,
    )
    owed = ledger.balances(tx, tenant, ("merchant_receivable",))["merchant_receivable"]
    owed = debt_to_net_fen(tx, tenant, owed, on=shanghai_date(tx.now))
    lines = postings.invoice_paid(
        invoice=invoice.id,
        merchant=tenant.merchant_id,
        funder=funder,
        receivable_fen=min(owed, received_fen),
        available_fen=max(0, received_fen - owed),
    )
    event = ledger.Event("invoice_paid", ("invoice", invoice.id), lines, key=f"invoice_paid:{row.id}")
    entry_id = ledger.book(tx, tenant, event)
    add_line(tx, tenant, kind="invoice_payment", object_id=row.id, amount_fen=received_fen, entry_id=entry_id)
    tx.flush()
    return True


def views(tx: Transaction, rows: Sequence[MerchantInvoice]) -> list[dict[str, Any]]:
    """Invoices as the API shows them, each with what is left of it today."""
    paid = _paid(tx, [row.id for row in rows])
    today = shanghai_date(tx.now)
    return [_view(row, row.amount_fen - paid.get(row.id, 0), today) for row in rows]


def get(tx: Transaction, tenant: Tenant, invoice_id: str) -> MerchantInvoice:
    """The merchant's invoice. Raises ``NotFound``."""
    return owned(tx.get(MerchantInvoice, invoice_id), tenant, "invoice", invoice_id)


def owner(tx: Transaction, invoice_id: str) -> Tenant:
    """Whose an invoice is, for an operator. Raises ``NotFound``."""
    row = tx.get(MerchantInvoice, invoice_id)
    if row is None:
        raise NotFound(f"There is no invoice {invoice_id!r}.")
    return Tenant.of(row)


def newest(tx: Transaction, *, limit: int) -> list[MerchantInvoice]:
    """The newest invoices of everybody, for an operator."""
    return list(tx.exec(select(MerchantInvoice).order_by(col(MerchantInvoice.id).desc()).limit(limit)))


def _view(row: MerchantInvoice, left_fen: int, today: date) -> dict[str, Any]:
    status = "paid" if not left_fen else "overdue" if row.due_on < today else "open"
    return {
        "id": row.id,
        "mode": row.mode,
        "number": row.number,
        "status": status,
        "amount": row.amount_fen,
        "amount_left": left_fen,
        "opened_on": row.opened_on.isoformat(),
        "due_on": row.due_on.isoformat(),
        "created_at": row.created_at,
    }


def _credit(tx: Transaction, tenant: Tenant, invoice: MerchantInvoice, **of: Any) -> InvoiceCredit:
    row = InvoiceCredit(
        id=tx.new_id("icr"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        invoice_id=invoice.id,
        created_at=tx.now,
        **of,
    )
    tx.add(row)
    tx.flush()
    return row


def _outstanding(tx: Transaction, tenant: Tenant) -> list[tuple[MerchantInvoice, int]]:
    """What is left of each open invoice (fen), the oldest first."""
    paid = (
        select(func.coalesce(func.sum(InvoiceCredit.amount_fen), 0))
        .where(InvoiceCredit.invoice_id == MerchantInvoice.id)
        .scalar_subquery()
    )
    left = col(MerchantInvoice.amount_fen) - paid
    query = select(MerchantInvoice, left).where(
        MerchantInvoice.merchant_id == tenant.merchant_id,
        MerchantInvoice.mode == tenant.mode,
        left > 0,
    )
    return [(row, int(left)) for row, left in tx.exec(query.order_by(col(MerchantInvoice.id)))]


def _paid(tx: Transaction, ids: Sequence[str]) -> dict[str, int]:
    query = select(InvoiceCredit.invoice_id, func.sum(InvoiceCredit.amount_fen)).group_by(
        InvoiceCredit.invoice_id
    )
    found = (tx.exec(query.where(col(InvoiceCredit.invoice_id).in_(part))) for part in in_parts(ids))
    return {id: int(fen) for rows in found for id, fen in rows}


def _covered(tx: Transaction, tenant: Tenant) -> int:
    """What is invoiced and not paid, and what was paid since the last settlement (fen)."""
    paid = select(func.coalesce(func.sum(SettlementLine.amount_fen), 0)).where(
        waiting_lines(tenant), SettlementLine.kind == "invoice_payment"
    )
    return sum(left for _, left in _outstanding(tx, tenant)) + int(tx.exec(paid).one())


def _debts(tx: Transaction, tenant: Tenant, *, since: date) -> list[Debt]:
    """What was owed after the last settlement up to a day, and after each since; nothing when nothing is owed now."""
    of_tenant = (SettlementBatch.merchant_id == tenant.merchant_id, SettlementBatch.mode == tenant.mode)
    query = select(col(SettlementBatch.settled_on), col(SettlementBatch.closing_fen)).where(*of_tenant)
    newest = col(SettlementBatch.settled_on).desc()
    last = tx.exec(query.order_by(newest).limit(1)).first()
    if last is None or last[1] >= 0:
        return []
    before = tx.exec(query.where(SettlementBatch.settled_on <= since).order_by(newest).limit(1)).all()
    after = tx.exec(query.where(SettlementBatch.settled_on > since).order_by(col(SettlementBatch.settled_on)))
    return [Debt(day, max(0, -fen)) for day, fen in (*before, *after)]


def _count(tx: Transaction, tenant: Tenant) -> int:
    query = select(func.count()).where(
        MerchantInvoice.merchant_id == tenant.merchant_id, MerchantInvoice.mode == tenant.mode
    )
    return tx.exec(query).one()
