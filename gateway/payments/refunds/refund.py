"""Refund: the merchant gives money back; it lowers the loan first, and the kind of the refund decides what comes back.

Fees that come back are differences of cumulative rounded figures, so any sequence of refunds of one kind ends exactly
where one full refund ends. What is above the principal still owed is paid back to the shopper, and the refund waits for
that. Of a loan that was written off, a refund first recovers what was given up. A capture that is refunded whole inside
its 7 days is unwound, whatever the kind (``unwind.py``).
"""

from __future__ import annotations

from gateway.core import calendar
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.decision import limits
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.loans import closing, principal_reduction
from gateway.loans import service as loans
from gateway.payments import lines, service, subsidies
from gateway.payments.collections import shopper_returns
from gateway.payments.milestones import holding
from gateway.payments.models import Payment, Refund
from gateway.payments.refunds import effect, returning, unwind
from gateway.payments.refunds import service as refund_records
from gateway.payments.refunds.shares import Share
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
    milestone_id: str | None = None,
) -> Refund:
    """Give back ``items`` or ``amount_fen`` (all that is left when None) of one capture or, newest first, of all.

    The kind ``unwind`` refuses what cannot be unwound; with every other kind that part is refunded instead, and the
    refund's kind is ``unwind`` when all of it was unwound. Raises ``WrongState``, ``AmountAboveRefundable``,
    ``DuplicateReference``, ``NotFound``, ``OutsideReturnWindow``, ``AmountMismatch`` or what ``returning.to_refund``
    raises; then nothing has changed.
    """
    payment = service.locked(tx, tenant, payment_id)
    captures = effect.captures_of(tx, payment, capture_id)
    loans.lock(tx, [capture.loan_id for capture in captures])
    demand = effect.Demand(kind, capture_id, amount_fen, items, refund_reference, milestone_id)
    done = effect.work_out(tx, tenant, payment, captures, demand)
    refund_id = tx.new_id("rfd")
    for share in done.shares:
        _write_share(tx, tenant, share, refund_id)
    row = refund_records.create(
        tx,
        payment,
        refund_id=refund_id,
        reference=refund_reference,
        capture_id=capture_id,
        kind=done.kind,
        reason=reason,
        initiated_by=initiated_by,
        amount_fen=done.amount_fen,
        loan_reduction_fen=done.loan_reduction_fen,
        to_shopper_fen=done.to_shopper_fen,
        fee_returned_fen=done.fee_returned_fen,
        subsidy_returned_fen=done.subsidy_returned_fen,
        items=done.items,
    )
    tx.add(row)
    tx.flush()
    _book_shares(tx, payment, row, done.shares)
    _return_to_shopper(tx, payment, row, done.shares)
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
        share = unwind.to_undo(tx, tenant, capture)
        bearer = settlement.Bearer(tx, tenant)
        share.bearing = bearer.of_capture(
            payment_id=payment.id, capture_id=capture.id, net_fen=share.net_fen, unwound=True
        )
        unwind.undo(tx, tenant, share)
        row.kind = "unwind" if row.amount_fen == capture.amount_fen else row.kind
        row.to_shopper_fen += share.to_shopper_fen
        row.merchant_fee_returned_fen += share.fee_fen
        row.merchant_subsidy_returned_fen += share.subsidy_fen
        row.status = "pending" if share.to_shopper_fen else row.status
        returning.note_returned(tx, payment, row)
        unwind.book(tx, tenant, payment, row, share, f"unwound:{capture.id}")
        standings = lines.of_payments(tx, [payment.id])[payment.id]
        given = subsidies.to_give_back(tx, payment, capture, standings, bearer)
        if given is not None:
            subsidies.give_back(tx, tenant, payment, given, refund=row.id)
        if share.to_shopper_fen:
            _send_back(tx, payment, row, share, amount_fen=share.to_shopper_fen)


def _write_share(tx: Transaction, tenant: Tenant, share: Share, refund_id: str) -> None:
    """Write what a share does to the loan of its capture."""
    tx.add(share.capture)
    if share.lowering is None:
        unwind.undo(tx, tenant, share)
        return
    principal_reduction.write(tx, share.lowering)
    if share.kept_subsidy_fen:
        closing.keep_subsidy(
            tx, tenant, loan_id=share.capture.loan_id, amount_fen=share.kept_subsidy_fen, about=refund_id
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
        holding.give_up(tx, payment, share.stages, about=row.id, settlement_date=share.bearing.open_until)
        if share.unwound:
            unwind.book(tx, tenant, payment, row, share, number)
        else:
            _book(tx, payment, row, share, number)
        if share.trade_in is not None:
            subsidies.give_back(tx, tenant, payment, share.trade_in, refund=row.id)
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
    tenant, bearing = service.tenant_of(payment), share.bearing
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
