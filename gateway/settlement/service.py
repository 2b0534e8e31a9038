"""What happens at settlement: lines are gathered, batches close, payouts are instructed and confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import col, select

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Mode, Tenant
from gateway.db.transactions import Transaction
from gateway.errors import NotFound
from gateway.ledger import postings
from gateway.ledger import service as ledger
from gateway.settlement import batch as equation
from gateway.settlement.models import Payout, SettlementBatch, SettlementLine
from gateway.settlement.schemas import PayoutAnswer, SettlementAnswer
from gateway.webhooks import outbox
from gateway.webhooks import service as events

PAYOUT_TOPIC = "payout.instruct"
INSTITUTION = "payment_institution"
SETTLEMENT_ANSWER = SettlementAnswer()
PAYOUT_ANSWER = PayoutAnswer()


@dataclass(frozen=True, slots=True)
class Bearing:
    """Which claims of the merchant bear a refund; amounts in fen."""

    pending_fen: int
    available_fen: int
    receivable_fen: int


def add_capture(
    tx: Transaction,
    tenant: Tenant,
    *,
    payment_id: str,
    capture_id: str,
    merchant_reference: str,
    amount_fen: int,
    merchant_fee_fen: int,
    merchant_subsidy_fen: int,
    settlement_date: date,
    entry_id: str,
) -> None:
    """A capture waits for the batch of its settlement date."""
    net = amount_fen - merchant_fee_fen - merchant_subsidy_fen
    tx.add(
        SettlementLine(
            id=tx.new_id("sln"),
            merchant_id=tenant.merchant_id,
            mode=tenant.mode,
            kind="capture",
            object_id=capture_id,
            payment_id=payment_id,
            capture_id=capture_id,
            merchant_reference=merchant_reference,
            amount_fen=amount_fen,
            merchant_fee_fen=merchant_fee_fen,
            merchant_subsidy_fen=merchant_subsidy_fen,
            net_fen=net,
            from_pending_fen=net,
            settlement_date=settlement_date,
            entry_id=entry_id,
            created_at=tx.now,
        )
    )


def bearing(tx: Transaction, tenant: Tenant, *, capture_id: str, net_fen: int) -> Bearing:
    """Who bears a refund of a capture: its own pending claim, else what is available, else the merchant owes it."""
    if _capture_line(tx, capture_id).batch_id is None:
        return Bearing(net_fen, 0, 0)
    available = max(0, ledger.balances(tx, tenant)["merchant_available"])
    return Bearing(0, min(available, net_fen), max(0, net_fen - available))


def add_refund(
    tx: Transaction,
    tenant: Tenant,
    *,
    payment_id: str,
    capture_id: str,
    refund_part_id: str,
    merchant_reference: str,
    amount_fen: int,
    merchant_fee_fen: int,
    merchant_subsidy_fen: int,
    from_pending_fen: int,
    entry_id: str,
) -> None:
    """A refund joins the batch of its capture while that is open, else the next one."""
    line = _capture_line(tx, capture_id)
    tx.add(
        SettlementLine(
            id=tx.new_id("sln"),
            merchant_id=tenant.merchant_id,
            mode=tenant.mode,
            kind="refund",
            object_id=refund_part_id,
            payment_id=payment_id,
            capture_id=capture_id,
            merchant_reference=merchant_reference,
            amount_fen=amount_fen,
            merchant_fee_fen=merchant_fee_fen,
            merchant_subsidy_fen=merchant_subsidy_fen,
            net_fen=amount_fen - merchant_fee_fen - merchant_subsidy_fen,
            from_pending_fen=from_pending_fen,
            settlement_date=line.settlement_date if line.batch_id is None else shanghai_date(tx.now),
            entry_id=entry_id,
            created_at=tx.now,
        )
    )


def settlement_dates(tx: Transaction, payment_id: str) -> dict[str, date]:
    """Settlement date of each capture of a payment."""
    query = select(SettlementLine).where(
        SettlementLine.payment_id == payment_id, SettlementLine.kind == "capture"
    )
    return {line.capture_id: line.settlement_date for line in tx.exec(query)}


def tenants_with_open_lines(tx: Transaction, *, on: date) -> list[Tenant]:
    """Who has something to settle on a day."""
    query = (
        select(SettlementLine.merchant_id, SettlementLine.mode)
        .where(col(SettlementLine.batch_id).is_(None), SettlementLine.settlement_date <= on)
        .distinct()
        .order_by(SettlementLine.merchant_id, SettlementLine.mode)
    )
    return [Tenant(merchant, _mode(mode)) for merchant, mode in tx.exec(query)]


def close_batch(tx: Transaction, tenant: Tenant, *, on: date, funder: str) -> SettlementBatch | None:
    """Close the merchant's batch of a day and instruct its payout; None when there is nothing or it is closed.

    Safe to run twice, late or in parallel: a day has one batch, and what comes after it waits for the next.
    """
    if _batch_of(tx, tenant, on) is not None:
        return None
    lines = list(
        tx.exec(
            select(SettlementLine)
            .where(
                SettlementLine.merchant_id == tenant.merchant_id,
                SettlementLine.mode == tenant.mode,
                col(SettlementLine.batch_id).is_(None),
                SettlementLine.settlement_date <= on,
            )
            .order_by(col(SettlementLine.id))
            .with_for_update()
        )
    )
    if not lines:
        return None
    figures = equation.close(lines, opening_fen=_last_closing(tx, tenant))
    row = _stored(tx, tenant, on, figures)
    for line in lines:
        line.batch_id = row.id
        tx.add(line)
    _post_settlement(tx, tenant, row, figures)
    if figures.payout_fen:
        _instruct(tx, tenant, row, funder)
    tx.flush()
    events.record(tx, tenant, "settlement.closed", object_id=row.id, data=SETTLEMENT_ANSWER.dump(view(row)))
    return row


def confirm_payout(tx: Transaction, payout_id: str) -> Payout:
    """The institution has paid: only now does the claim leave the books. Saying it again changes nothing."""
    payout = tx.exec(select(Payout).where(Payout.id == payout_id).with_for_update()).one()
    if payout.status == "paid":
        return payout
    tenant = Tenant(payout.merchant_id, _mode(payout.mode))
    payout.status, payout.paid_at = "paid", tx.now
    tx.add(payout)
    ledger.post(
        tx,
        kind="payout_confirmed",
        key=f"payout_confirmed:{payout.id}",
        tenant=tenant,
        lines=postings.payout_confirmed(
            payout=payout.id,
            institution=payout.institution,
            funder=payout.funder,
            amount_fen=payout.amount_fen,
        ),
        about_type="payout",
        about_id=payout.id,
        effective_date=shanghai_date(tx.now),
    )
    tx.flush()
    events.record(
        tx, tenant, "payout.paid", object_id=payout.id, data=PAYOUT_ANSWER.dump(payout_view(payout))
    )
    return payout


def get(tx: Transaction, tenant: Tenant, settlement_id: str) -> SettlementBatch:
    """The merchant's settlement. Raises ``NotFound``."""
    row = tx.get(SettlementBatch, settlement_id)
    if row is None or (row.merchant_id, row.mode) != (tenant.merchant_id, tenant.mode):
        raise NotFound(f"There is no settlement {settlement_id!r}.")
    return row


def get_payout(tx: Transaction, tenant: Tenant, payout_id: str) -> Payout:
    """The merchant's payout. Raises ``NotFound``."""
    row = tx.get(Payout, payout_id)
    if row is None or (row.merchant_id, row.mode) != (tenant.merchant_id, tenant.mode):
        raise NotFound(f"There is no payout {payout_id!r}.")
    return row


def view(row: SettlementBatch) -> dict[str, Any]:
    """The settlement as the API shows it: the equation, in fen."""
    return {
        "id": row.id,
        "mode": row.mode,
        "date": row.settled_on.isoformat(),
        "opening": row.opening_fen,
        "captures": row.captures_fen,
        "subsidies": row.subsidies_fen,
        "merchant_fees": row.merchant_fees_fen,
        "merchant_subsidies": row.merchant_subsidies_fen,
        "refunds": row.refunds_fen,
        "disputes": row.disputes_fen,
        "adjustments": row.adjustments_fen,
        "reserve_change": row.reserve_change_fen,
        "closing": row.closing_fen,
        "payout_amount": row.payout_fen,
        "payout": row.payout_id,
        "created_at": row.created_at,
    }


def line_view(line: SettlementLine) -> dict[str, Any]:
    """A line as the API and the CSV show it; ``net`` is signed from the merchant's side."""
    sign = 1 if line.kind == "capture" else -1
    return {
        "id": line.id,
        "kind": line.kind,
        "merchant_reference": line.merchant_reference,
        "payment": line.payment_id,
        "capture": line.capture_id,
        "refund": line.object_id.partition(":")[0] if line.kind == "refund" else None,
        "amount": sign * line.amount_fen,
        "merchant_fee": -sign * line.merchant_fee_fen,
        "merchant_subsidy": -sign * line.merchant_subsidy_fen,
        "net": sign * line.net_fen,
        "entry": line.entry_id,
        "created_at": line.created_at,
    }


def payout_view(row: Payout) -> dict[str, Any]:
    """The payout as the API shows it."""
    return {
        "id": row.id,
        "mode": row.mode,
        "status": row.status,
        "amount": row.amount_fen,
        "settlement": row.settlement_id,
        "institution": row.institution,
        "failure": row.failure,
        "created_at": row.created_at,
        "paid_at": row.paid_at,
    }


def _stored(tx: Transaction, tenant: Tenant, on: date, figures: equation.Batch) -> SettlementBatch:
    row = SettlementBatch(
        id=tx.new_id("stl"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        settled_on=on,
        opening_fen=figures.opening_fen,
        captures_fen=figures.captures_fen,
        subsidies_fen=0,
        merchant_fees_fen=figures.merchant_fees_fen,
        merchant_subsidies_fen=figures.merchant_subsidies_fen,
        refunds_fen=figures.refunds_fen,
        disputes_fen=0,
        adjustments_fen=0,
        reserve_change_fen=0,
        closing_fen=figures.closing_fen,
        payout_fen=figures.payout_fen,
        created_at=tx.now,
    )
    tx.add(row)
    tx.flush()
    return row


def _post_settlement(tx: Transaction, tenant: Tenant, row: SettlementBatch, figures: equation.Batch) -> None:
    """Pending becomes available; what the merchant owes is taken from it first."""
    owed = ledger.balances(tx, tenant)["merchant_receivable"]
    available = ledger.balances(tx, tenant)["merchant_available"] + figures.pending_moved_fen
    lines = postings.settlement(
        settlement=row.id,
        merchant=tenant.merchant_id,
        pending_fen=figures.pending_moved_fen,
        receivable_offset_fen=min(owed, max(0, available)),
    )
    if lines:
        ledger.post(
            tx,
            kind="settlement",
            key=f"settlement:{row.id}",
            tenant=tenant,
            lines=lines,
            about_type="settlement",
            about_id=row.id,
            effective_date=row.settled_on,
        )


def _instruct(tx: Transaction, tenant: Tenant, row: SettlementBatch, funder: str) -> None:
    payout = Payout(
        id=tx.new_id("po"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        settlement_id=row.id,
        institution=INSTITUTION,
        funder=funder,
        amount_fen=row.payout_fen,
        status="pending",
        created_at=tx.now,
    )
    tx.add(payout)
    row.payout_id = payout.id
    tx.add(row)
    tx.flush()
    ledger.post(
        tx,
        kind="payout_instructed",
        key=f"payout_instructed:{payout.id}",
        tenant=tenant,
        lines=postings.payout_instructed(
            payout=payout.id, institution=INSTITUTION, merchant=tenant.merchant_id, amount_fen=row.payout_fen
        ),
        about_type="payout",
        about_id=payout.id,
        effective_date=row.settled_on,
    )
    outbox.put(tx, PAYOUT_TOPIC, {"payout": payout.id})


def _capture_line(tx: Transaction, capture_id: str) -> SettlementLine:
    query = select(SettlementLine).where(
        SettlementLine.kind == "capture", SettlementLine.object_id == capture_id
    )
    return tx.exec(query.with_for_update()).one()


def _batch_of(tx: Transaction, tenant: Tenant, on: date) -> SettlementBatch | None:
    query = select(SettlementBatch).where(
        SettlementBatch.merchant_id == tenant.merchant_id,
        SettlementBatch.mode == tenant.mode,
        SettlementBatch.settled_on == on,
    )
    return tx.exec(query).first()


def _last_closing(tx: Transaction, tenant: Tenant) -> int:
    query = select(SettlementBatch).where(
        SettlementBatch.merchant_id == tenant.merchant_id, SettlementBatch.mode == tenant.mode
    )
    last = tx.exec(query.order_by(col(SettlementBatch.id).desc())).first()
    return last.closing_fen if last else 0


def _mode(text: str) -> Mode:
    return "live" if text == "live" else "test"
