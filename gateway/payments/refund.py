"""Refund: the merchant gives money back; it lowers the loan first, and what the merchant paid for it comes back.

The fee that comes back is a difference of cumulative rounded figures, so any sequence of refunds ends exactly where one
full refund ends; of the merchant's subsidy comes back what the loan has not earned yet. What is above the principal
still owed is paid back to the shopper, and the refund waits for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sqlmodel import col, select

from gateway.core import calendar, merchant_settlement, money
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.decision import limits
from gateway.errors import AmountAboveRefundable, DuplicateReference, NotFound, WrongState
from gateway.ledger import postings
from gateway.ledger import service as ledger
from gateway.loans import lowering
from gateway.loans import service as loans
from gateway.payments import lines, refund_records, returns, service, subsidies
from gateway.payments.capture import VAT_RATE
from gateway.payments.models import Capture, Payment, Refund
from gateway.settlement import service as settlement

GOODS_COME_BACK = ("return", "unwind")
"""Kinds of refund with which a trade-in subsidy goes back; a lower price or goodwill leaves it."""


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a refund that falls on one capture; amounts in fen."""

    capture: Capture
    amount_fen: int
    loan_reduction_fen: int
    fee_fen: int
    subsidy_fen: int


def refund(
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
    """Give back ``items`` or ``amount_fen`` (all that is left when None) of one capture or, newest first, of all.

    Raises ``WrongState``, ``AmountAboveRefundable``, ``DuplicateReference``, ``NotFound`` or what ``lines.to_refund``
    raises.
    """
    payment = service.locked(tx, tenant, payment_id)
    captures = captures_of(tx, payment, capture_id)
    returning = lines.to_refund(tx, captures, items, amount_fen, kind=kind)
    amount = _checked(tx, payment, captures, returning.amount_fen)
    refund_id = tx.new_id("rfd")
    if refund_reference is not None:
        refuse_repeat(tx, payment, refund_reference)
    shares = [_give_back(tx, tenant, capture, part) for capture, part in returning.parts(captures, amount)]
    to_shopper = sum(share.amount_fen - share.loan_reduction_fen for share in shares)
    payment.refunded_fen += amount
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
        loan_reduction_fen=sum(share.loan_reduction_fen for share in shares),
        to_shopper_fen=to_shopper,
        merchant_fee_returned_fen=sum(share.fee_fen for share in shares),
        merchant_subsidy_returned_fen=sum(share.subsidy_fen for share in shares),
        # Where all of it lowers the loan nothing leaves for the shopper, so there is nothing to wait for.
        status="pending" if to_shopper else "succeeded",
        initiated_by=initiated_by,
        created_at=tx.now,
    )
    tx.add(payment)
    tx.add(row)
    tx.flush()
    lines.note_returned(tx, payment, row, returning)
    for number, share in enumerate(shares, start=1):
        _book(tx, payment, row, share, number)
        if kind in GOODS_COME_BACK:
            subsidies.give_back(tx, tenant, payment, share.capture, refund=row.id)
    limits.release(
        tx,
        shopper_id=payment.shopper_id,
        funder=payment.funder,
        amount_fen=row.loan_reduction_fen,
        reason="refunded",
        about=refund_id,
    )
    if to_shopper:
        last = shares[-1].capture
        returns.instruct(
            tx,
            tenant,
            shopper_id=payment.shopper_id,
            loan_id=last.loan_id,
            amount_fen=to_shopper,
            refund_id=row.id,
        )
    else:
        refund_records.note(tx, row)
    for share in shares:
        returns.credit_of_ended(tx, loans.get(tx, tenant, share.capture.loan_id))
    return row


def captures_of(tx: Transaction, payment: Payment, capture_id: str | None) -> list[Capture]:
    """The captures the refund may touch, newest first: what was lent last is given back first."""
    captures = service.captures_of(tx, payment.id)[::-1]
    if capture_id is None:
        return captures
    chosen = [capture for capture in captures if capture.id == capture_id]
    if not chosen:
        raise NotFound(f"The payment has no capture {capture_id!r}.", param="capture")
    return chosen


def _checked(tx: Transaction, payment: Payment, captures: list[Capture], amount_fen: int | None) -> int:
    service.refuse_disputed(tx, payment)
    left = sum(capture.amount_fen - capture.refunded_fen for capture in captures)
    if left == 0:
        raise WrongState(
            f"The payment is {service.status_of(payment)}: there is nothing to refund. "
            "What was not captured is released with a void.",
            param="payment",
        )
    if amount_fen is not None and amount_fen > left:
        raise AmountAboveRefundable(
            f"{amount_fen} fen is above the {left} fen that can still be refunded.",
            param="amount",
            refundable_amount=left,
        )
    return left if amount_fen is None else amount_fen


def refuse_repeat(tx: Transaction, payment: Payment, reference: str) -> None:
    """Raise ``DuplicateReference`` when the payment has a refund with this reference."""
    query = select(Refund).where(Refund.payment_id == payment.id, Refund.refund_reference == reference)
    known = tx.exec(query.order_by(col(Refund.id))).first()
    if known is not None:
        raise DuplicateReference(
            f"The payment already has the refund {known.id} with the reference {reference!r}.",
            param="refund_reference",
            refund=known.id,
        )


def _give_back(tx: Transaction, tenant: Tenant, capture: Capture, amount_fen: int) -> Share:
    before, after = capture.refunded_fen, capture.refunded_fen + amount_fen
    fee = _part(capture.merchant_fee_fen, after, capture) - _part(capture.merchant_fee_fen, before, capture)
    lowered = lowering.lower(tx, tenant, loan_id=capture.loan_id, amount_fen=amount_fen)
    capture.refunded_fen = after
    tx.add(capture)
    return Share(capture, amount_fen, lowered.principal_fen, fee, lowered.subsidy_fen)


def _book(tx: Transaction, payment: Payment, row: Refund, share: Share, number: int) -> None:
    """Post the refund of one capture; it is borne by that capture's pending claim, then by what is available,
    and the merchant owes the rest."""
    tenant = service.tenant_of(payment)
    net_fee, vat = _vat_of_returned(share)
    net = share.amount_fen - share.fee_fen - share.subsidy_fen
    bearing = settlement.bearing(tx, tenant, capture_id=share.capture.id, net_fen=net)
    entry_id = ledger.post(
        tx,
        kind="refund",
        key=f"refund:{row.id}:{number}",
        tenant=tenant,
        lines=postings.refund(
            loan=share.capture.loan_id,
            payment=payment.id,
            funder=payment.funder,
            merchant=payment.merchant_id,
            institution=settlement.INSTITUTION,
            refund=row.id,
            loan_reduction_fen=share.loan_reduction_fen,
            to_shopper_fen=share.amount_fen - share.loan_reduction_fen,
            fee_net_returned_fen=net_fee,
            vat_returned_fen=vat,
            subsidy_returned_fen=share.subsidy_fen,
            from_pending_fen=bearing.pending_fen,
            from_available_fen=bearing.available_fen,
            from_receivable_fen=bearing.receivable_fen,
        ),
        about_type="refund",
        about_id=row.id,
        effective_date=calendar.shanghai_date(tx.now),
    )
    settlement.add_line(
        tx,
        tenant,
        kind="refund",
        object_id=f"{row.id}:{number}",
        payment_id=payment.id,
        capture_id=share.capture.id,
        merchant_reference=payment.merchant_reference,
        amount_fen=share.amount_fen,
        merchant_fee_fen=share.fee_fen,
        merchant_subsidy_fen=share.subsidy_fen,
        from_pending_fen=bearing.pending_fen,
        # It joins the batch of its capture while that is open, else the next one.
        settlement_date=settlement.open_until(tx, share.capture.id),
        entry_id=entry_id,
    )


def _vat_of_returned(share: Share) -> tuple[int, int]:
    """Net fee and VAT that come back (fen): differences of cumulative figures, so that a full refund returns all."""
    capture = share.capture
    now = _part(capture.merchant_fee_fen, capture.refunded_fen, capture)
    before = _part(capture.merchant_fee_fen, capture.refunded_fen - share.amount_fen, capture)
    net_now, vat_now = merchant_settlement.net_and_vat(now, VAT_RATE)
    net_before, vat_before = merchant_settlement.net_and_vat(before, VAT_RATE)
    return net_now - net_before, vat_now - vat_before


def fee_returned_fen(capture: Capture) -> int:
    """What of the capture's merchant fee its refunds have returned, in fen."""
    return _part(capture.merchant_fee_fen, capture.refunded_fen, capture)


def _part(charge_fen: int, refunded_fen: int, capture: Capture) -> int:
    """What of a charge belongs to the refunded total, rounded half up (fen)."""
    return money.half_up(Fraction(charge_fen * refunded_fen, capture.amount_fen))
