"""Refund: the merchant gives money back; it lowers the loan first, and the kind of the refund decides what comes back.

Fees that come back are differences of cumulative rounded figures, so any sequence of refunds of one kind ends exactly
where one full refund ends. What is above the principal still owed is paid back to the shopper, and the refund waits for
that. Of a loan that was written off, a refund first recovers what was given up. A capture that is refunded whole inside
its 7 days is unwound, whatever the kind (``unwind.py``).
"""

from __future__ import annotations

from sqlmodel import col, select

from gateway.core import calendar
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.decision import limits
from gateway.errors import AmountAboveRefundable, DuplicateReference, NotFound, WrongState
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.loans import closing, principal_reduction
from gateway.loans import service as loans
from gateway.payments import lines, service, subsidies
from gateway.payments.charges import Charges
from gateway.payments.collections import shopper_returns
from gateway.payments.models import Capture, Payment, Refund
from gateway.payments.refunds import service as refund_records
from gateway.payments.refunds import unwind
from gateway.payments.refunds.kinds import COMES_BACK, ComesBack
from gateway.payments.refunds.shares import Share, return_fee
from gateway.settlement import service as settlement


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

    The kind ``unwind`` refuses what cannot be unwound; with every other kind that part is refunded instead, and the
    refund's kind is ``unwind`` when all of it was unwound. Raises ``WrongState``, ``AmountAboveRefundable``,
    ``DuplicateReference``, ``NotFound``, ``OutsideReturnWindow``, ``AmountMismatch`` or what ``lines.to_refund``
    raises; then nothing has changed.
    """
    payment = service.locked(tx, tenant, payment_id)
    captures = captures_of(tx, payment, capture_id)
    loans.lock(tx, [capture.loan_id for capture in captures])
    service.refuse_disputed(tx, payment)
    returning = lines.to_refund(tx, captures, items, amount_fen, kind=kind)
    if kind == "unwind":
        unwind.check(tx, captures, returning.amount_fen)
    amount = _checked(payment, captures, returning.amount_fen)
    refund_id = tx.new_id("rfd")
    if refund_reference is not None:
        refuse_repeat(tx, payment, refund_reference)
    shares = [
        unwind.undo(tx, tenant, capture)
        if kind == "unwind" or unwind.applies(tx, tenant, capture, part)
        else _give_back(tx, tenant, capture, part, COMES_BACK[kind], refund_id)
        for capture, part in returning.parts(captures, amount)
    ]
    payment.refunded_fen += amount
    row = refund_records.create(
        tx,
        payment,
        refund_id=refund_id,
        reference=refund_reference,
        capture_id=capture_id,
        kind="unwind" if all(share.unwound for share in shares) else kind,
        reason=reason,
        initiated_by=initiated_by,
        amount_fen=amount,
        loan_reduction_fen=sum(share.loan_reduction_fen + share.recovered_fen for share in shares),
        to_shopper_fen=sum(share.to_shopper_fen for share in shares),
        fee_returned_fen=sum(share.fee_fen for share in shares),
        subsidy_returned_fen=sum(share.subsidy_fen for share in shares),
    )
    lines.note_returned(tx, payment, row, returning)
    _book_shares(tx, payment, row, shares)
    _return_to_shopper(tx, payment, row, shares)
    return row


def unwind_refunded(tx: Transaction, tenant: Tenant, payment: Payment) -> None:
    """Unwind what was refunded whole inside a window that is only known now, because the receipt was reported late.

    The refund that made the return whole becomes an unwinding: what the shopper has paid beyond it is also returned.
    """
    captures = service.captures_of(tx, payment.id)
    loans.lock(tx, [capture.loan_id for capture in captures])
    for capture in captures:
        if capture.refunded_fen < capture.amount_fen or unwind.lost_dispute(tx, capture):
            continue
        refund_id = settlement.last_refund(tx, payment_id=payment.id, capture_id=capture.id)
        row = tx.get_one(Refund, refund_id)
        if not unwind.is_open(tx, tenant, capture, on=calendar.shanghai_date(row.created_at)):
            continue
        share = unwind.undo(tx, tenant, capture)
        row.kind = "unwind" if row.amount_fen == capture.amount_fen else row.kind
        row.to_shopper_fen += share.to_shopper_fen
        row.merchant_fee_returned_fen += share.fee_fen
        row.merchant_subsidy_returned_fen += share.subsidy_fen
        row.status = "pending" if share.to_shopper_fen else row.status
        lines.note_returned(tx, payment, row)
        unwind.book(tx, tenant, payment, row, share, f"unwound:{capture.id}")
        subsidies.give_back(tx, tenant, payment, capture, refund=row.id)
        if share.to_shopper_fen:
            _send_back(tx, payment, row, share, amount_fen=share.to_shopper_fen)


def captures_of(tx: Transaction, payment: Payment, capture_id: str | None) -> list[Capture]:
    """The captures the refund may touch, newest first: what was lent last is given back first."""
    captures = service.captures_of(tx, payment.id)[::-1]
    if capture_id is None:
        return captures
    chosen = [capture for capture in captures if capture.id == capture_id]
    if not chosen:
        raise NotFound(f"The payment has no capture {capture_id!r}.", param="capture")
    return chosen


def _checked(payment: Payment, captures: list[Capture], amount_fen: int | None) -> int:
    left = sum(capture.amount_fen - capture.refunded_fen for capture in captures)
    if left == 0:
        raise WrongState(
            f"The payment is {service.status_of(payment)}: there is nothing to refund. To release an "
            "uncaptured amount, void it.",
            param="payment",
        )
    if amount_fen is not None and amount_fen > left:
        raise AmountAboveRefundable(
            f"{amount_fen} fen exceeds the {left} fen that can still be refunded.",
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


def _give_back(
    tx: Transaction, tenant: Tenant, capture: Capture, amount_fen: int, back: ComesBack, refund_id: str
) -> Share:
    lowered = principal_reduction.lower(
        tx, tenant, loan_id=capture.loan_id, amount_fen=amount_fen, waives_late=back.late_interest
    )
    subsidy = lowered.subsidy_fen
    if not back.merchant_subsidy:
        closing.keep_subsidy(tx, tenant, loan_id=capture.loan_id, amount_fen=subsidy, about=refund_id)
        subsidy = 0
    fee = return_fee(capture, amount_fen) if back.merchant_fee else Charges()
    capture.refunded_fen += amount_fen
    if back.trade_in_subsidy:
        capture.goods_returned_fen += amount_fen
    tx.add(capture)
    reduction = lowered.principal_fen
    return Share(
        capture,
        amount_fen,
        reduction,
        amount_fen - reduction - lowered.recovered_fen,
        fee.fee_fen,
        fee.vat_fen,
        subsidy,
        repaid_fen=lowered.repaid_fen,
        recovered_fen=lowered.recovered_fen,
    )


def _return_to_shopper(tx: Transaction, payment: Payment, row: Refund, shares: list[Share]) -> None:
    """Send back what is the shopper's, and tell of a refund that waits for nothing."""
    if row.to_shopper_fen:
        _send_back(tx, payment, row, shares[-1])
    else:
        refund_records.note(tx, row)
    for share in shares:
        loan = loans.get(tx, service.tenant_of(payment), share.capture.loan_id)
        shopper_returns.credit_of_ended(tx, loan)


def _send_back(
    tx: Transaction, payment: Payment, row: Refund, share: Share, *, amount_fen: int | None = None
) -> None:
    """Instruct what a refund sends back to the shopper, all of it unless said otherwise."""
    shopper_returns.instruct(
        tx,
        service.tenant_of(payment),
        shopper_id=payment.shopper_id,
        loan_id=share.capture.loan_id,
        amount_fen=row.to_shopper_fen if amount_fen is None else amount_fen,
        refund_id=row.id,
    )


def _book_shares(tx: Transaction, payment: Payment, row: Refund, shares: list[Share]) -> None:
    """Post the refund of each capture, move its trade-in subsidy, and free the shopper's limit."""
    tenant = service.tenant_of(payment)
    for number, share in enumerate(shares, start=1):
        if share.unwound:
            unwind.book(tx, tenant, payment, row, share, number)
        else:
            _book(tx, payment, row, share, number)
        if share.unwound or COMES_BACK[row.kind].trade_in_subsidy:
            subsidies.give_back(tx, tenant, payment, share.capture, refund=row.id)
    limits.release(
        tx,
        shopper_id=payment.shopper_id,
        funder=payment.funder,
        amount_fen=sum(share.loan_reduction_fen + share.repaid_fen for share in shares if not share.unwound),
        reason="refunded",
        about=row.id,
    )


def _book(tx: Transaction, payment: Payment, row: Refund, share: Share, number: int) -> None:
    """Post the refund of one capture.

    That capture's pending claim bears it, then what is available, and the merchant owes the rest.
    """
    tenant = service.tenant_of(payment)
    net = share.amount_fen - share.fee_fen - share.subsidy_fen
    bearing = settlement.bearing(tx, tenant, payment_id=payment.id, capture_id=share.capture.id, net_fen=net)
    entry_id = ledger.book(
        tx,
        tenant,
        ledger.Event(
            "refund",
            ("refund", row.id),
            postings.refund(
                loan=share.capture.loan_id,
                payment=payment.id,
                funder=payment.funder,
                merchant=payment.merchant_id,
                institution=settlement.INSTITUTION,
                refund=row.id,
                loan_reduction_fen=share.loan_reduction_fen,
                recovered_fen=share.recovered_fen,
                to_shopper_fen=share.to_shopper_fen,
                fee_net_returned_fen=share.fee_fen - share.vat_fen,
                vat_returned_fen=share.vat_fen,
                subsidy_returned_fen=share.subsidy_fen,
                from_pending_fen=bearing.pending_fen,
                from_available_fen=bearing.available_fen,
                from_receivable_fen=bearing.receivable_fen,
            ),
            part=str(number),
        ),
    )
    settlement.add_line(
        tx,
        tenant,
        kind="refund",
        object_id=f"{row.id}:{number}",
        payment_id=payment.id,
        capture_id=share.capture.id,
        merchant_reference=payment.merchant_reference,
        store=payment.store,
        amount_fen=share.amount_fen,
        merchant_fee_fen=share.fee_fen,
        merchant_subsidy_fen=share.subsidy_fen,
        from_pending_fen=bearing.pending_fen,
        # It joins the batch of its capture while that is open, else the next one.
        settlement_date=bearing.open_until,
        entry_id=entry_id,
    )
