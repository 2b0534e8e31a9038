"""What a refund does, worked out before anything of it is written: ``refund.py`` writes it, a preview only shows it.

It is worked out on the rows in hand, which then show it; nothing is sent to the database. Who previews locks nothing
and lets the rows go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, select

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import AmountAboveRefundable, DuplicateReference, NotFound, WrongState
from gateway.loans import principal_reduction
from gateway.loans import service as loans
from gateway.payments import lines, service, subsidies
from gateway.payments.charges import Charges
from gateway.payments.collections import shopper_returns
from gateway.payments.milestones import holding
from gateway.payments.models import Capture, Payment, Refund
from gateway.payments.refunds import returning, unwind
from gateway.payments.refunds.kinds import COMES_BACK, ComesBack
from gateway.payments.refunds.shares import Share, return_fee
from gateway.settlement import service as settlement

if TYPE_CHECKING:
    from gateway.loans.models import Loan


@dataclass(frozen=True, slots=True)
class Demand:
    """What is to be refunded: ``items`` or ``amount_fen`` (all that is left when None) of a capture or of all."""

    kind: str
    capture_id: str | None = None
    amount_fen: int | None = None
    items: lines.Items | None = None
    refund_reference: str | None = None
    milestone_id: str | None = None
    """The stage that bears it first."""


@dataclass(frozen=True, slots=True)
class Sending:
    """Money that goes back to the shopper, the way it came: of the refund, or what else is owed of an ended loan."""

    loan_id: str
    amount_fen: int
    of: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What a refund does; amounts in fen."""

    kind: str
    amount_fen: int
    items: list[dict[str, int]]
    """Pieces that come back."""
    shares: list[Share]
    """By capture."""
    sendings: list[Sending]

    @property
    def loan_reduction_fen(self) -> int:
        """What it lowers of the shopper's debt, given up or not."""
        return sum(share.loan_reduction_fen + share.recovered_fen for share in self.shares)

    @property
    def to_shopper_fen(self) -> int:
        """What of it is paid back to the shopper."""
        return sum(share.to_shopper_fen for share in self.shares)

    @property
    def fee_returned_fen(self) -> int:
        """The merchant's fee that comes back, with its tax."""
        return sum(share.fee_fen for share in self.shares)

    @property
    def subsidy_returned_fen(self) -> int:
        """The merchant's subsidy that comes back."""
        return sum(share.subsidy_fen for share in self.shares)


def captures_of(tx: Transaction, payment: Payment, capture_id: str | None) -> list[Capture]:
    """The captures a refund may touch, newest first: what was lent last is given back first. Raises ``NotFound``."""
    captures = service.captures_of(tx, payment.id)[::-1]
    if capture_id is None:
        return captures
    chosen = [capture for capture in captures if capture.id == capture_id]
    if not chosen:
        raise NotFound(f"The payment has no capture {capture_id!r}.", param="capture")
    return chosen


def work_out(
    tx: Transaction,
    tenant: Tenant,
    payment: Payment,
    captures: Sequence[Capture],
    demand: Demand,
    *,
    locks: bool = True,
    before: Callable[[Loan], object] | None = None,
) -> Effect:
    """What a refund of ``captures`` does today; raises what ``refund.refund`` raises.

    With ``locks`` the claims of the merchant that it names are locked, and payment and loans are the caller's to lock.
    ``before`` is shown each loan before it is changed in hand.
    """
    with tx.no_autoflush:
        service.refuse_disputed(tx, payment)
        standings = lines.of_payments(tx, [payment.id])[payment.id]
        back = returning.to_refund(standings, captures, demand.items, demand.amount_fen, kind=demand.kind)
        if demand.kind == "unwind":
            unwind.check(tx, captures, back.amount_fen)
        amount = _checked(payment, captures, back.amount_fen)
        if demand.refund_reference is not None:
            refuse_repeat(tx, payment, demand.refund_reference)
        bearer = settlement.Bearer(tx, tenant, locks=locks)
        parts = back.parts(captures, amount)
        if before is not None:
            for capture, _ in parts:
                before(loans.get(tx, tenant, capture.loan_id))
        shares = [_share(tx, tenant, capture, part, demand.kind) for capture, part in parts]
        payment.refunded_fen += amount
        kind = "unwind" if all(share.unwound for share in shares) else demand.kind
        items = returning.take_back(
            standings, payment, captures, kind=kind, capture_id=demand.capture_id, returning=back
        )
        for share in shares:
            share.stages = _stages(tx, share, demand)
            _bear(tx, payment, share, kind, standings, bearer, locks=locks)
        sendings = _sendings(tx, tenant, shares)
    return Effect(kind, amount, items, shares, sendings)


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


def _checked(payment: Payment, captures: Sequence[Capture], amount_fen: int | None) -> int:
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


def _share(tx: Transaction, tenant: Tenant, capture: Capture, amount_fen: int, kind: str) -> Share:
    if kind == "unwind" or unwind.applies(tx, tenant, capture, amount_fen):
        return unwind.to_undo(tx, tenant, capture)
    return _lowered(tx, tenant, capture, amount_fen, COMES_BACK[kind])


def _lowered(tx: Transaction, tenant: Tenant, capture: Capture, amount_fen: int, back: ComesBack) -> Share:
    """The share of a capture whose loan goes on, or has ended by itself."""
    loan = loans.get(tx, tenant, capture.loan_id)
    lowering = principal_reduction.work_out(tx, loan, amount_fen=amount_fen, waives_late=back.late_interest)
    lowered = lowering.lowered
    fee = return_fee(capture, amount_fen) if back.merchant_fee else Charges()
    capture.refunded_fen += amount_fen
    if back.trade_in_subsidy:
        capture.goods_returned_fen += amount_fen
    return Share(
        capture,
        amount_fen,
        lowered.principal_fen,
        amount_fen - lowered.principal_fen - lowered.recovered_fen,
        fee.fee_fen,
        fee.vat_fen,
        lowered.subsidy_fen if back.merchant_subsidy else 0,
        repaid_fen=lowered.repaid_fen,
        recovered_fen=lowered.recovered_fen,
        kept_subsidy_fen=0 if back.merchant_subsidy else lowered.subsidy_fen,
        lowering=lowering,
    )


def _stages(tx: Transaction, share: Share, demand: Demand) -> list[holding.Piece]:
    """What a share takes of the stages of its capture; lessons that were not taught are those that come last."""
    return holding.take(
        tx,
        share.capture,
        amount_fen=share.amount_fen,
        unused=demand.kind == "unused_lessons",
        milestone_id=demand.milestone_id,
    )


def _bear(
    tx: Transaction,
    payment: Payment,
    share: Share,
    kind: str,
    standings: lines.Standings,
    bearer: settlement.Bearer,
    *,
    locks: bool,
) -> None:
    """Say which claims bear a share: that of its capture first, and what goes back to a subsidy's programme."""
    share.bearing = bearer.of_capture(
        payment_id=payment.id,
        capture_id=share.capture.id,
        net_fen=share.net_fen,
        unwound=share.unwound,
        staged_fen=sum(piece.held_fen for piece in share.stages),
    )
    if share.unwound or COMES_BACK[kind].trade_in_subsidy:
        share.trade_in = subsidies.to_give_back(tx, payment, share.capture, standings, bearer, locks=locks)


def _sendings(tx: Transaction, tenant: Tenant, shares: Sequence[Share]) -> list[Sending]:
    """What goes back to the shopper: of the refund by the loan of its last share, then credit of what has ended."""
    amount = sum(share.to_shopper_fen for share in shares)
    sendings = [Sending(shares[-1].capture.loan_id, amount, "refund")] if amount else []
    for share in shares:
        loan = loans.get(tx, tenant, share.capture.loan_id)
        credit = 0 if share.unwound else shopper_returns.credit_to_return_fen(loan)
        if credit:
            sendings.append(Sending(loan.id, credit, "credit"))
    return sendings
