"""Preview: what a refund would do, by the very code that would do it; nothing is written and nothing is locked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.core.calendar import shanghai_date
from gateway.core.schedule import Instalment
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.loans import service as loans
from gateway.loans import standing
from gateway.payments import service
from gateway.payments.refunds import effect
from gateway.payments.refunds.shares import Share
from gateway.settlement.service import Bearing

if TYPE_CHECKING:
    from gateway.loans.models import Loan


@dataclass(frozen=True, slots=True)
class _Before:
    """A loan as it stands without the refund."""

    shown: list[dict[str, Any]]
    rows: Sequence[Instalment]
    late_fen: int


def preview(
    tx: Transaction, tenant: Tenant, *, payment_id: str, demand: effect.Demand, reason: str, initiated_by: str
) -> dict[str, Any]:
    """What a refund made now would answer and do, as the API shows it; raises what that would raise.

    Rows that the transaction has in hand show the refund afterwards: it must look only, and let them go.
    """
    payment = service.get(tx, tenant, payment_id)
    captures = effect.captures_of(tx, payment, demand.capture_id)
    before: dict[str, _Before] = {}

    def note(loan: Loan) -> None:
        before[loan.id] = _before(tx, loan)

    done = effect.work_out(tx, tenant, payment, captures, demand, locks=False, before=note)
    lines = [line for share in done.shares for line in _lines(tx, share)]
    return {
        "mode": payment.mode,
        "status": "pending" if done.to_shopper_fen else "succeeded",
        "payment": payment.id,
        "capture": demand.capture_id,
        "refund_reference": demand.refund_reference,
        "kind": done.kind,
        "reason": reason,
        "amount": done.amount_fen,
        "items": done.items,
        "loan_reduction": done.loan_reduction_fen,
        "returned_to_shopper": done.to_shopper_fen,
        "merchant_fee_returned": done.fee_returned_fen,
        "merchant_subsidy_returned": done.subsidy_returned_fen,
        "subsidy_returned": sum(share.trade_in.amount_fen for share in done.shares if share.trade_in),
        "late_interest_waived": sum(
            _waived_fen(share, before[share.capture.loan_id]) for share in done.shares
        ),
        "initiated_by": initiated_by,
        "shopper_returns": [
            {"loan": sending.loan_id, "amount": sending.amount_fen, "of": sending.of}
            for sending in done.sendings
        ],
        "schedule_before": [
            {"loan": share.capture.loan_id, **row}
            for share in done.shares
            for row in before[share.capture.loan_id].shown
        ],
        "schedule_after": [
            {"loan": share.capture.loan_id, **row}
            for share in done.shares
            for row in _after(share, before[share.capture.loan_id])
        ],
        "settlement_effect": {"net": sum(line["net"] for line in lines), "lines": lines},
    }


def _before(tx: Transaction, loan: Loan) -> _Before:
    bills, rows = loans.bills_of(tx, loan.id), loans.rows_of(tx, loan)
    late = sum(bill.late_fen for bill in bills)
    if any(bill.paid_on is None for bill in bills):
        late = standing.late_today_fen(tx, loan)
    return _Before(loans.shown_schedule(bills, rows), rows, late)


def _after(share: Share, before: _Before) -> list[dict[str, Any]]:
    """The schedule with the refund: none of a loan that is canceled, and that of an ended one stays."""
    if share.lowering is None:
        return []
    if share.lowering.moved is None:
        return before.shown
    rows = before.rows if share.lowering.rows is None else share.lowering.rows
    return loans.shown_schedule(share.lowering.bills, rows)


def _waived_fen(share: Share, before: _Before) -> int:
    if share.lowering is None:
        return before.late_fen
    if share.lowering.moved is None:
        return 0
    return before.late_fen - sum(bill.late_fen for bill in share.lowering.bills)


def _lines(tx: Transaction, share: Share) -> list[dict[str, Any]]:
    """The lines of a settlement that a share makes, signed as these; what a programme has not paid makes none."""
    lines = [
        {
            "kind": "refund",
            "capture": share.capture.id,
            "amount": -share.amount_fen,
            "merchant_fee": share.fee_fen,
            "merchant_subsidy": share.subsidy_fen,
            "net": -share.net_fen,
            **_borne(tx, share.bearing),
        }
    ]
    lines += [
        {
            "kind": "stage_returned",
            "capture": share.capture.id,
            "amount": piece.held_fen,
            "merchant_fee": 0,
            "merchant_subsidy": 0,
            "net": piece.held_fen,
            # What it frees is pending, and bears the refund.
            **_borne(tx, Bearing(-piece.held_fen, 0, 0, share.bearing.open_until)),
        }
        for piece in share.stages
        if piece.held_fen
    ]
    given = share.trade_in
    if given is not None and given.row.paid_at is not None:
        lines.append(
            {
                "kind": "subsidy_return",
                "capture": share.capture.id,
                "amount": -given.amount_fen,
                "merchant_fee": 0,
                "merchant_subsidy": 0,
                "net": -given.amount_fen,
                **_borne(tx, given.bearing),
            }
        )
    return lines


def _borne(tx: Transaction, bearing: Bearing) -> dict[str, Any]:
    return {
        "from_pending": bearing.pending_fen,
        "from_available": bearing.available_fen,
        "owed_by_merchant": bearing.receivable_fen,
        "settlement_date": (bearing.open_until or shanghai_date(tx.now)).isoformat(),
    }
