"""What could not be collected and is still owed: why, in words, what to do, and when it is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, select

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.parts import in_parts
from gateway.loans import service as loans
from gateway.payments.collections.service import TRY_AGAIN_AFTER_DAYS, WHOLE
from gateway.payments.models import Capture, Collection
from gateway.web.i18n import catalogue

if TYPE_CHECKING:
    from gateway.db.transactions import Transaction

KINDS = {
    "insufficient_funds": "funds",
    "expired_card": "expired",
    "lost_card": "lost",
    "stolen_card": "lost",
    "pickup_card": "lost",
    "mandate_withdrawn": "withdrawn",
    "revocation_of_all_authorizations": "withdrawn",
    "revocation_of_authorization": "withdrawn",
    "account_closed": "withdrawn",
    "no_payment_method": "missing",
    "authentication_required": "confirmation",
    "requires_action": "confirmation",
    "card_velocity_exceeded": "limit",
    "withdrawal_count_limit_exceeded": "limit",
}
"""The institution's codes by what a shopper is told; any other is told as a refusal by the bank."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a collection failed, and what the shopper can do, in one language."""

    why: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A bill (amount in fen) whose newest attempt failed, and the day (Shanghai) of the next one, if there is one."""

    loan_id: str
    period: int
    owed_fen: int
    tried_on: date
    failure: str
    again_on: date | None


def reason_words(code: str | None, locale: str) -> Reason:
    """The words for the institution's code of a failure, for pages and messages; ``locale`` is ``zh-CN`` or ``en``."""
    words, kind = catalogue(locale), KINDS.get(code or "", "refused")
    return Reason(words[f"collection.why.{kind}"], words[f"collection.todo.{kind}"])


def next_due(tx: Transaction, tenant: Tenant, payment_id: str) -> date | None:
    """The next day (Shanghai) on which something of a payment falls due; None before a capture and at the end."""
    days = [loans.get(tx, tenant, loan_id).next_due_date for loan_id in _drawn(tx, payment_id)]
    return min((day for day in days if day is not None), default=None)


def of_payment(tx: Transaction, tenant: Tenant, payment_id: str) -> list[Failed]:
    """What of a payment's loans could not be collected and is still owed, oldest first."""
    return of_loans(tx, tenant, _drawn(tx, payment_id))


def of_loans(tx: Transaction, tenant: Tenant, loan_ids: Sequence[str]) -> list[Failed]:
    """What of some loans of a merchant could not be collected and is still owed, by loan and period."""
    newest: dict[tuple[str, int], Collection] = {}
    for part in in_parts(list(loan_ids)):
        query = select(Collection).where(
            Collection.merchant_id == tenant.merchant_id,
            Collection.mode == tenant.mode,
            col(Collection.loan_id).in_(part),
            Collection.period > WHOLE,
        )
        for row in tx.exec(query.order_by(col(Collection.attempt))):
            newest[row.loan_id, row.period] = row
    found = []
    for (loan_id, period), row in sorted(newest.items()):
        owed = loans.owed_of_bill_fen(tx, loan_id, period) if row.status == "failed" else 0
        if owed:
            due = loans.due_date_of_bill(tx, loan_id, period)
            tried = shanghai_date(row.decided_at or row.created_at)
            found.append(Failed(loan_id, period, owed, tried, row.failure or "refused", _again(due, row)))
    return found


def _drawn(tx: Transaction, payment_id: str) -> list[str]:
    """The loans of a payment; a payment has few captures."""
    query = select(Capture.loan_id).where(Capture.payment_id == payment_id)
    return list(tx.exec(query.order_by(col(Capture.id))))


def _again(due: date, row: Collection) -> date | None:
    if row.attempt > len(TRY_AGAIN_AFTER_DAYS):
        return None
    return due + timedelta(days=TRY_AGAIN_AFTER_DAYS[row.attempt - 1])
