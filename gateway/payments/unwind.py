"""Unwinding: a full return inside 7 days. The loan never was: nothing remains of it, for nobody.

Source: the 7-day no-reason return for remote sales, counted from receipt (domain reference, section 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import select

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.decision import limits
from gateway.errors import AmountMismatch, OutsideReturnWindow, WrongState
from gateway.ledger import postings
from gateway.ledger import service as ledger
from gateway.loans import ending
from gateway.loans import service as loans
from gateway.payments import lines, refund_records, returns, service, subsidies
from gateway.payments import refund as refunds
from gateway.payments.models import Capture, Payment, Refund, ShopperReturn
from gateway.settlement import service as settlement
from gateway.webhooks import service as events

WINDOW = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Undone:
    """What unwinding one capture gives back, in fen."""

    capture: Capture
    amount_fen: int
    fee_fen: int
    subsidy_fen: int
    held_fen: int
    paid_fen: int


def unwind(
    tx: Transaction,
    tenant: Tenant,
    *,
    payment_id: str,
    capture_id: str | None,
    amount_fen: int | None,
    items: lines.Items | None = None,
    refund_reference: str | None,
    kind: str,
    reason: str,
    initiated_by: str,
) -> Refund:
    """Unwind one capture, or all of the payment: the goods came back whole, inside the window.

    Raises ``OutsideReturnWindow``, ``AmountMismatch`` for another amount than all that is left, ``WrongState`` when
    money went back to the shopper already, ``DuplicateReference`` or ``NotFound``; then nothing has changed.
    """
    payment = service.locked(tx, tenant, payment_id)
    service.refuse_disputed(tx, payment)
    captures = _captures(tx, payment, capture_id)
    returning = lines.to_refund(tx, captures, items, amount_fen, kind=kind)
    amount = _checked_amount(captures, returning.amount_fen)
    refund_id = tx.new_id("rfd")
    if refund_reference is not None:
        refunds.refuse_repeat(tx, payment, refund_reference)
    undone = [_undo(tx, tenant, payment, capture) for capture in captures]
    payment.refunded_fen += amount
    paid = sum(part.paid_fen for part in undone)
    row = Refund(
        id=refund_id,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        payment_id=payment.id,
        capture_id=capture_id,
        refund_reference=refund_reference or refund_id,
        kind=kind,
        reason=reason,
        amount_fen=amount,
        loan_reduction_fen=sum(part.held_fen for part in undone),
        to_shopper_fen=paid,
        merchant_fee_returned_fen=sum(part.fee_fen for part in undone),
        merchant_subsidy_returned_fen=sum(part.subsidy_fen for part in undone),
        status="pending" if paid else "succeeded",
        initiated_by=initiated_by,
        created_at=tx.now,
    )
    tx.add_all([payment, row])
    tx.flush()
    lines.note_returned(tx, payment, row, returning)
    for number, part in enumerate(undone, start=1):
        _settle(tx, tenant, payment, row, part, number)
        subsidies.give_back(tx, tenant, payment, part.capture, refund=row.id)
    if paid:
        _pay_back(tx, tenant, payment, row, undone)
    else:
        refund_records.note(tx, row)
    return row


def last_day(capture: Capture) -> date:
    """The last day (Shanghai) on which a capture can be unwound: 7 days from receipt, or from capture if unknown."""
    delivered = (capture.delivery or {}).get("delivered_at")
    received = datetime.fromisoformat(delivered) if delivered else capture.captured_at
    return shanghai_date(received) + WINDOW


def _captures(tx: Transaction, payment: Payment, capture_id: str | None) -> Sequence[Capture]:
    captures = refunds.captures_of(tx, payment, capture_id)
    today = shanghai_date(tx.now)
    for capture in captures:
        if today > last_day(capture):
            raise OutsideReturnWindow(
                f"The goods of {capture.id} could be returned whole until {last_day(capture)}. Make a refund of the "
                "kind return instead.",
                param="kind",
                last_day=last_day(capture).isoformat(),
            )
    return [capture for capture in captures if capture.refunded_fen < capture.amount_fen]


def _checked_amount(captures: Sequence[Capture], amount_fen: int | None) -> int:
    left = sum(capture.amount_fen - capture.refunded_fen for capture in captures)
    if not left:
        raise WrongState("Nothing is left to unwind.", param="payment")
    if amount_fen not in (None, left):
        raise AmountMismatch(
            f"Unwinding gives back all that is left, {left} fen, not {amount_fen}; leave the amount out.",
            param="amount",
            expected=left,
            actual=amount_fen,
        )
    return left


def _undo(tx: Transaction, tenant: Tenant, payment: Payment, capture: Capture) -> Undone:
    sent_back = tx.exec(select(ShopperReturn.id).where(ShopperReturn.loan_id == capture.loan_id)).first()
    if sent_back is not None:
        raise WrongState(
            f"Money of the loan {capture.loan_id} went back to the shopper already ({sent_back}). Make a refund of the "
            "kind return instead.",
            param="kind",
        )
    service.refuse_lost_dispute(tx, capture)
    amount = capture.amount_fen - capture.refunded_fen
    fee_before = refunds.fee_returned_fen(capture)
    subsidy_before = loans.get(tx, tenant, capture.loan_id).subsidy_returned_fen
    unwound = ending.unwind(tx, tenant, loan_id=capture.loan_id)
    capture.refunded_fen = capture.amount_fen
    tx.add(capture)
    return Undone(
        capture,
        amount,
        capture.merchant_fee_fen - fee_before,
        capture.merchant_subsidy_fen - subsidy_before,
        unwound.held_fen,
        unwound.paid_fen,
    )


def _settle(
    tx: Transaction, tenant: Tenant, payment: Payment, row: Refund, part: Undone, number: int
) -> None:
    """The reversals went to the accounts on which the claim once stood; it is borne where it stands today."""
    net = part.amount_fen - part.fee_fen - part.subsidy_fen
    entry_id = _move_claims(tx, tenant, payment, row, part, net)
    open_until = settlement.open_until(tx, part.capture.id)
    settlement.add_line(
        tx,
        tenant,
        kind="refund",
        object_id=f"{row.id}:{number}",
        payment_id=payment.id,
        capture_id=part.capture.id,
        merchant_reference=payment.merchant_reference,
        amount_fen=part.amount_fen,
        merchant_fee_fen=part.fee_fen,
        merchant_subsidy_fen=part.subsidy_fen,
        from_pending_fen=net if open_until else 0,
        settlement_date=open_until,
        entry_id=entry_id,
    )
    limits.release(
        tx,
        shopper_id=payment.shopper_id,
        funder=payment.funder,
        amount_fen=part.held_fen,
        reason="unwound",
        about=part.capture.loan_id,
    )
    loan = loans.get(tx, tenant, part.capture.loan_id)
    events.record(
        tx,
        tenant,
        "loan.unwound",
        object_id=loan.id,
        data=loans.ANSWER.dump(loans.view(tx, loan)),
    )


def _move_claims(
    tx: Transaction, tenant: Tenant, payment: Payment, row: Refund, part: Undone, net_fen: int
) -> str:
    """Set the effect on the merchant's accounts to that of a refund; returns the id of the entry to name."""
    entries = ledger.entries_about(tx, tenant, [part.capture.loan_id])
    posted = dict.fromkeys(("merchant_pending", "merchant_available", "merchant_receivable"), 0)
    for line in (line for entry in entries if entry.reverses for line in entry.lines):
        if line.account in posted:
            posted[line.account] += line.amount_fen
    # What the reversals gave back of later claims is not available yet in this reading of the books.
    open_claim = settlement.open_until(tx, part.capture.id) is not None
    if open_claim:
        bearing = settlement.Bearing(net_fen, 0, 0)
    else:
        bearing = settlement.bearing_settled(
            tx, tenant, net_fen=net_fen, without_fen=-posted["merchant_available"]
        )
    lines = postings.claims_moved(
        about=payment.id,
        merchant=tenant.merchant_id,
        pending_fen=bearing.pending_fen - posted["merchant_pending"],
        available_fen=bearing.available_fen - posted["merchant_available"],
        receivable_fen=bearing.receivable_fen - posted["merchant_receivable"],
    )
    if not lines:
        return next(entry.id for entry in entries if entry.reverses)
    return ledger.post(
        tx,
        kind="unwound_claim_moved",
        key=f"unwound_claim_moved:{part.capture.loan_id}",
        tenant=tenant,
        lines=lines,
        about_type="refund",
        about_id=row.id,
        effective_date=shanghai_date(tx.now),
    )


def _pay_back(
    tx: Transaction, tenant: Tenant, payment: Payment, row: Refund, undone: Sequence[Undone]
) -> None:
    """What the shopper has paid leaves the lender and goes back, interest and fees too."""
    lines = postings.Entries(())
    for part in undone:
        lines += postings.paid_returned(
            loan=part.capture.loan_id,
            funder=payment.funder,
            institution=settlement.INSTITUTION,
            amount_fen=part.paid_fen,
            refund=row.id,
        )
    ledger.post(
        tx,
        kind="paid_returned",
        key=f"paid_returned:{row.id}",
        tenant=tenant,
        lines=lines,
        about_type="refund",
        about_id=row.id,
        effective_date=shanghai_date(tx.now),
    )
    returns.instruct(
        tx,
        tenant,
        shopper_id=payment.shopper_id,
        loan_id=undone[-1].capture.loan_id,
        amount_fen=row.to_shopper_fen,
        refund_id=row.id,
    )
