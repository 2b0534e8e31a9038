"""Unwinding: a full return inside 7 days. The loan is canceled as if it had never existed.

Source: the 7-day no-reason return for remote sales, counted from receipt (domain reference, section 5).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from sqlmodel import col, select

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.decision import limits
from gateway.errors import AmountMismatch, OutsideReturnWindow, WrongState
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.loans import closing
from gateway.loans import service as loans
from gateway.loans.states import LOAN
from gateway.payments import deliveries
from gateway.payments.models import Capture, Dispute, Payment, Refund
from gateway.payments.refunds.shares import Share, fee_returned_fen
from gateway.settlement import service as settlement
from gateway.webhooks import service as events


def check(tx: Transaction, captures: Sequence[Capture], amount_fen: int | None) -> None:
    """Raise unless all that is left of ``captures`` can be unwound, and nothing else was asked for.

    Raises ``OutsideReturnWindow``; ``AmountMismatch`` for another amount than all that is left; ``WrongState`` when
    nothing is left, or when a dispute about a capture was lost.
    """
    left = [capture for capture in captures if capture.refunded_fen < capture.amount_fen]
    if not left:
        raise WrongState("There is nothing left to unwind.", param="payment")
    for capture in left:
        last_day = deliveries.return_until(capture)
        if shanghai_date(tx.now) > last_day:
            raise OutsideReturnWindow(
                f"{capture.id} could be unwound until {last_day}. Create a refund of the kind return instead.",
                param="kind",
                last_day=last_day.isoformat(),
            )
        dispute = lost_dispute(tx, capture)
        if dispute is not None:
            raise WrongState(
                f"The dispute {dispute} was lost: create a refund of the kind return instead.",
                param="kind",
                dispute=dispute,
            )
    whole = sum(capture.amount_fen - capture.refunded_fen for capture in left)
    if amount_fen not in (None, whole):
        raise AmountMismatch(
            f"Unwinding returns everything that is left, {whole} fen, not {amount_fen}: omit the amount.",
            param="amount",
            expected=whole,
            actual=amount_fen,
        )


def applies(tx: Transaction, tenant: Tenant, capture: Capture, part_fen: int) -> bool:
    """Whether refunding ``part_fen`` today makes the return of a capture whole, and it can be unwound."""
    whole = capture.refunded_fen + part_fen == capture.amount_fen
    return whole and is_open(tx, tenant, capture, on=shanghai_date(tx.now))


def is_open(tx: Transaction, tenant: Tenant, capture: Capture, *, on: date) -> bool:
    """Whether a whole return of a capture on a day (Shanghai) is inside its window, and can be unwound."""
    return (
        on <= deliveries.return_until(capture)
        and LOAN.allows(loans.get(tx, tenant, capture.loan_id).status, "unwound")
        and lost_dispute(tx, capture) is None
    )


def to_undo(tx: Transaction, tenant: Tenant, capture: Capture) -> Share:
    """Work out what canceling the loan of a capture gives back: all that is left of it. Raises ``WrongState``.

    The shopper gets back what was paid, less what earlier refunds have sent back already. Writes nothing; the capture
    in hand shows it.
    """
    amount = capture.amount_fen - capture.refunded_fen
    loan = loans.get(tx, tenant, capture.loan_id)
    fee = capture.merchant_fee_fen - fee_returned_fen(capture)
    subsidy = capture.merchant_subsidy_fen - loan.subsidy_returned_fen
    sent = sum(_sent(_entries(tx, tenant, capture)).values())
    unwound = closing.to_unwind(tx, loan)
    capture.refunded_fen = capture.refunded_with_fee_fen = capture.amount_fen
    capture.goods_returned_fen += amount
    # The VAT comes back with the reversal of the drawdown.
    return Share(capture, amount, unwound.held_fen, unwound.paid_fen - sent, fee, 0, subsidy, unwound=True)


def undo(tx: Transaction, tenant: Tenant, share: Share) -> None:
    """Cancel the loan of a share's capture: what was booked about it is reversed."""
    capture = share.capture
    tx.add(capture)
    entries = _entries(tx, tenant, capture)
    closing.unwind(tx, tenant, loan_id=capture.loan_id)
    for entry in entries:
        # A refund of which all went to the shopper has no line about the loan.
        if entry.kind == "refund" and not _is_about(entry, capture.loan_id):
            ledger.reverse(tx, entry.id, key=f"unwound:{entry.id}", effective_date=shanghai_date(tx.now))


def book(
    tx: Transaction, tenant: Tenant, payment: Payment, row: Refund, share: Share, number: int | str
) -> None:
    """Book the unwinding of one capture, free the shopper's limit and tell of the loan.

    The reversals went to the accounts on which the claim once stood; it is borne where it stands today.
    """
    capture = share.capture
    entries = _entries(tx, tenant, capture)
    entry_id = _move_claims(tx, tenant, payment, row, share, entries)
    _pay_back(tx, tenant, payment, row, share, number, _sent(entries))
    settlement.add_line(
        tx,
        tenant,
        kind="refund",
        object_id=f"{row.id}:{number}",
        payment_id=payment.id,
        capture_id=capture.id,
        merchant_reference=payment.merchant_reference,
        store=payment.store,
        amount_fen=share.amount_fen,
        merchant_fee_fen=share.fee_fen,
        merchant_subsidy_fen=share.subsidy_fen,
        from_pending_fen=share.bearing.pending_fen,
        settlement_date=share.bearing.open_until,
        entry_id=entry_id,
    )
    limits.release(
        tx,
        shopper_id=payment.shopper_id,
        funder=payment.funder,
        amount_fen=share.loan_reduction_fen,
        reason="unwound",
        about=capture.loan_id,
    )
    loan = loans.get(tx, tenant, capture.loan_id)
    events.record(tx, tenant, "loan.unwound", object_id=loan.id, data=loans.ANSWER.dump(loans.view(tx, loan)))


def lost_dispute(tx: Transaction, capture: Capture) -> str | None:
    """A lost dispute about the capture: part of it is settled that way, so it is not unwound."""
    query = select(Dispute.id).where(
        Dispute.capture_id == capture.id, col(Dispute.status).in_(("lost", "accepted"))
    )
    return tx.exec(query).first()


def _entries(tx: Transaction, tenant: Tenant, capture: Capture) -> list[ledger.Booked]:
    """Every entry about a capture's loan or about a refund of the capture, and the reversals of these."""
    refunds = tx.exec(select(Refund.id).where(Refund.payment_id == capture.payment_id))
    of_capture = settlement.refund_entries(tx, payment_id=capture.payment_id, capture_id=capture.id)
    return [
        entry
        for entry in ledger.entries_about(tx, tenant, [capture.loan_id, *refunds])
        if _is_about(entry, capture.loan_id) or entry.id in of_capture or entry.reverses in of_capture
    ]


def _is_about(entry: ledger.Booked, loan_id: str) -> bool:
    return entry.about_id == loan_id or any(line.object_id == loan_id for line in entry.lines)


def _sent(entries: Sequence[ledger.Booked]) -> Counter[str]:
    """What a loan's entries have put on its way back to the shopper, by what it is about (fen); reversals aside."""
    sent: Counter[str] = Counter()
    for line in (line for entry in entries if not entry.reverses for line in entry.lines):
        if line.account == "refund_in_transit":
            sent[line.object_id] -= line.amount_fen
    return sent


def _move_claims(
    tx: Transaction,
    tenant: Tenant,
    payment: Payment,
    row: Refund,
    share: Share,
    entries: Sequence[ledger.Booked],
) -> str:
    """Set the effect on the merchant's accounts to that of a refund; returns the id of the entry to name."""
    posted = dict.fromkeys(("merchant_pending", "merchant_available", "merchant_receivable"), 0)
    for line in (line for entry in entries if entry.reverses for line in entry.lines):
        if line.account in posted:
            posted[line.account] += line.amount_fen
    bearing = share.bearing
    lines = postings.claims_moved(
        about=payment.id,
        merchant=tenant.merchant_id,
        pending_fen=bearing.pending_fen - posted["merchant_pending"],
        available_fen=bearing.available_fen - posted["merchant_available"],
        receivable_fen=bearing.receivable_fen - posted["merchant_receivable"],
    )
    if not lines:
        return next(entry.id for entry in entries if entry.reverses)
    return ledger.book(
        tx,
        tenant,
        ledger.Event(
            "unwound_claim_moved",
            ("refund", row.id),
            lines,
            key=f"unwound_claim_moved:{share.capture.loan_id}",
        ),
    )


def _pay_back(
    tx: Transaction,
    tenant: Tenant,
    payment: Payment,
    row: Refund,
    share: Share,
    number: int | str,
    sent: Counter[str],
) -> None:
    """What the shopper has paid, with interest and fees, leaves the lender and is returned.

    What earlier refunds sent back stays sent: the reversals took it out of the transit, and it is put there again.
    """
    lines = postings.Entries(())
    # One line for each refund: what is in transit is never more than a line has instructed.
    sent.update({row.id: share.to_shopper_fen})
    for about, amount in sorted(sent.items()):
        returned = postings.paid_returned(
            loan=share.capture.loan_id,
            funder=payment.funder,
            institution=settlement.INSTITUTION,
            amount_fen=abs(amount),
            refund=about,
        )
        lines += returned if amount >= 0 else returned.opposite()
    if lines:
        ledger.book(
            tx,
            tenant,
            ledger.Event("paid_returned", ("refund", row.id), lines, part=str(number)),
        )
