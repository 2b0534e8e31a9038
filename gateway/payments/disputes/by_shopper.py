"""A shopper contests a capture in their own place, in test as in live mode, in words that stay sealed."""

from __future__ import annotations

from sqlmodel import col, select

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import NotFound, WrongState
from gateway.identity import erasure
from gateway.loans import by_shopper as loans
from gateway.merchants import business_clock
from gateway.payments import service as payments
from gateway.payments.disputes import service
from gateway.payments.disputes.models import DisputeStatement
from gateway.payments.models import Capture, Dispute
from gateway.privacy import subjects
from gateway.privacy.vault import Vault, VaultError

REASONS = ("goods_not_received", "not_as_described", "refund_not_received", "not_mine", "other")
"""What a shopper may say is wrong."""


def contest(
    tx: Transaction,
    vault: Vault,
    *,
    shopper_id: str,
    loan_id: str,
    reason: str,
    words: str,
    amount_fen: int | None,
) -> Dispute:
    """Open a dispute about what a loan of the person paid, over ``amount_fen`` or all that is not refunded (None).

    While it runs, opening it again changes nothing. Raises ``NotFound``; ``WrongState`` when nothing is left, when a
    dispute about another part of the payment runs, or when one about this part was decided;
    ``AmountAboveRefundable``.
    """
    erasure.present(tx, shopper_id)
    loan = loans.own(tx, shopper_id, loan_id)
    tenant = Tenant.of(loan)
    business_clock.enter(tx, tenant)
    payments.locked(tx, tenant, loan.payment_id)
    capture = _capture_of(tx, loan_id)
    earlier = _about(tx, capture)
    for dispute in earlier:
        if dispute.status in service.OPEN:
            return dispute
    if any(dispute.status != "canceled" for dispute in earlier):
        raise WrongState("A dispute about this order was decided: the decision stands.", param="loan")
    dispute = service.open_dispute(
        tx,
        tenant,
        payment_id=loan.payment_id,
        capture_id=capture.id,
        amount_fen=amount_fen,
        reason=reason,
    )
    sealed = subjects.known_or_new(tx, vault, shopper_id).seal(words, **_place(dispute.id))
    tx.add(DisputeStatement(id=dispute.id, shopper_id=shopper_id, text_sealed=sealed, created_at=tx.now))
    tx.flush()
    return dispute


def contestable_fen(tx: Transaction, *, shopper_id: str, loan_id: str) -> int:
    """How much of what the loan paid its person may contest now; 0 once a dispute runs or was decided."""
    loan = loans.own(tx, shopper_id, loan_id)
    capture = _capture_of(tx, loan.id)
    payment = payments.get(tx, Tenant.of(loan), loan.payment_id)
    if payments.is_disputed(tx, payment) or any(row.status != "canceled" for row in _about(tx, capture)):
        return 0
    return capture.amount_fen - capture.refunded_fen


def words_of(tx: Transaction, vault: Vault, dispute_id: str) -> str | None:
    """What the shopper said, in clear; None where they said nothing, and once they are erased."""
    row = tx.get(DisputeStatement, dispute_id)
    return None if row is None else _opened(tx, vault, row)


def texts_of(tx: Transaction, vault: Vault, shopper_id: str) -> dict[str, dict[str, str | None]]:
    """What a person has said in disputes, in clear, by dispute."""
    rows = tx.exec(select(DisputeStatement).where(DisputeStatement.shopper_id == shopper_id)).all()
    return {row.id: {"text": _opened(tx, vault, row)} for row in rows}


def _opened(tx: Transaction, vault: Vault, row: DisputeStatement) -> str | None:
    try:
        return subjects.known(tx, vault, row.shopper_id).open(row.text_sealed, **_place(row.id))
    except VaultError:  # erased since
        return None


def _capture_of(tx: Transaction, loan_id: str) -> Capture:
    capture = tx.exec(select(Capture).where(Capture.loan_id == loan_id)).first()
    if capture is None:
        raise NotFound("There is no such loan.")
    return capture


def _about(tx: Transaction, capture: Capture) -> list[Dispute]:
    """The disputes about a capture, the newest first."""
    query = select(Dispute).where(Dispute.capture_id == capture.id)
    return list(tx.exec(query.order_by(col(Dispute.id).desc())))


def _place(dispute_id: str) -> dict[str, str]:
    return {"table": "dispute_statement", "row": dispute_id, "column": "text_sealed"}
