"""Where an approved order stands now: what was shipped, canceled and refunded of it, and what its loans are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.checkout import service
from gateway.checkout.models import Checkout
from gateway.core.calendar import shanghai_date
from gateway.db.transactions import Transaction
from gateway.loans import amendments
from gateway.loans import service as loans
from gateway.loans.amendments import Amendment
from gateway.loans.states import OPEN
from gateway.payments import service as payments

STATES = ("approved", "running", "overdue", "written_off", "settled", "refunded", "voided", "lapsed")


@dataclass(frozen=True, slots=True)
class LoanNow:
    """One loan of the order: as the API shows it, with what its schedule was replaced by, and what is to pay next."""

    view: Mapping[str, Any]
    amendments: Sequence[Amendment]
    days_overdue: int

    @property
    def next_row(self) -> Mapping[str, Any] | None:
        """The next instalment that has not fallen due; None when nothing is to come."""
        due = self.view["next_due_date"]
        return next((row for row in self.view["schedule"] if row["due_date"] == due), None) if due else None

    @property
    def unwound(self) -> bool:
        """Whether the loan counts as never made."""
        return bool(self.view["status"] == "unwound")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the shopper is told of an approved order; amounts in fen."""

    state: str
    captured_fen: int = 0
    refunded_fen: int = 0
    released_fen: int = 0
    """What was voided or has lapsed: it is not lent."""
    waiting_fen: int = 0
    """What is still to be shipped."""
    loans: Sequence[LoanNow] = ()

    @property
    def due_fen(self) -> int:
        """What is due and unpaid."""
        return sum(loan.view["amount_due"] for loan in self.loans)

    @property
    def good(self) -> bool:
        """Whether nothing asks for the shopper's attention."""
        return self.state not in ("overdue", "written_off", "voided", "lapsed")


def of(tx: Transaction, checkout: Checkout) -> Standing:
    """Where the order of an approved checkout stands, from its payment and loans."""
    assert checkout.payment_id is not None, "an approved checkout has a payment"
    tenant = service.tenant_of(checkout)
    payment = payments.get(tx, tenant, checkout.payment_id)
    captures = payments.captures_of(tx, payment.id) if payment.captured_fen else []
    found = [_loan_now(tx, loans.get(tx, tenant, capture.loan_id)) for capture in captures]
    return Standing(
        state=_state(payments.status_of(payment), [loan.view["status"] for loan in found]),
        captured_fen=payment.captured_fen,
        refunded_fen=payment.refunded_fen,
        released_fen=payment.voided_fen + payment.expired_fen,
        waiting_fen=payments.capturable_fen(payment),
        loans=found,
    )


def amendment_of(tx: Transaction, checkout: Checkout, loan_id: str, version: int) -> Amendment | None:
    """One amendment of a loan of the order; None where there is none, or the loan is another order's."""
    if checkout.payment_id is None:
        return None
    for capture in payments.captures_of(tx, checkout.payment_id):
        if capture.loan_id == loan_id:
            loan = loans.get(tx, service.tenant_of(checkout), loan_id)
            return next((one for one in amendments.of_loan(tx, loan) if one.version == version), None)
    return None


def _loan_now(tx: Transaction, loan: Any) -> LoanNow:
    days = loans.days_overdue(loan, shanghai_date(tx.now)) if loan.status in OPEN else 0
    return LoanNow(loans.view(tx, loan), amendments.of_loan(tx, loan), days)


def _state(payment: str, statuses: Sequence[str]) -> str:
    """What matters most of all that is true: money that is owed before money that runs, and that before the end."""
    for state, found in (("overdue", "overdue"), ("written_off", "written_off"), ("running", "active")):
        if found in statuses:
            return state
    if not statuses or payment == "partially_captured":
        return {"voided": "voided", "expired": "lapsed"}.get(payment, "approved")
    return "refunded" if set(statuses) <= {"refunded", "unwound"} else "settled"
