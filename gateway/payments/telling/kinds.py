"""What each kind of message says, read from the facts as they are when it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from gateway.checkout import addressee
from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.loans import coming
from gateway.loans import service as loans
from gateway.loans.states import OPEN
from gateway.merchants import service as merchants
from gateway.messages import texts
from gateway.messages.sending import Kind
from gateway.messages.texts import Wording, money
from gateway.payments.collections import service as collections
from gateway.payments.methods import service as methods
from gateway.payments.milestones import notices
from gateway.payments.models import Payment

if TYPE_CHECKING:
    from gateway.loans.models import Loan
    from gateway.messages.models import Message
    from gateway.web.context import Gateway

Values = Callable[[str], Mapping[str, str]]


def _of_order(
    tx: Transaction,
    gateway: Gateway,
    row: Message,
    checkout_id: str,
    values: Values,
    *,
    page: str = "result",
    variant: str = "",
) -> Wording:
    """The words about an order, in the language of its checkout; shop, lender and the page are in all of them."""
    language = addressee.of_checkout(tx, checkout_id).language
    shop = merchants.get(tx, row.merchant_id)

    def filled(language: str) -> Mapping[str, str]:
        return {
            "shop": texts.named(language, shop.name, shop.name_en),
            "lender": texts.lender(gateway.settings.funder, language),
            "url": f"{gateway.settings.public_url}/checkout/{checkout_id}/{page}",
            **values(language),
        }

    return Wording(language, filled, variant)


def _decision(
    tx: Transaction, gateway: Gateway, row: Message, merged: Sequence[Message], *, page: str = "result"
) -> Wording:
    return _of_order(tx, gateway, row, row.facts["checkout"], lambda language: {}, page=page)


def _approved(tx: Transaction, gateway: Gateway, row: Message, merged: Sequence[Message]) -> Wording:
    """An approval concludes the contract, so one message tells both, with the contract's page."""
    return _decision(tx, gateway, row, merged, page="contract")


def _of_loan(
    tx: Transaction, gateway: Gateway, row: Message, loan: Loan, values: Values, *, variant: str = ""
) -> Wording:
    checkout_id = tx.get_one(Payment, loan.payment_id).checkout_id
    return _of_order(tx, gateway, row, checkout_id, values, variant=variant)


def _due(tx: Transaction, gateway: Gateway, row: Message, merged: Sequence[Message]) -> Wording | None:
    """An instalment that is still to fall due, or fell due and is open; what failed already is told by its own."""
    loan, period = loans.get(tx, Tenant.of(row), row.facts["loan"]), int(row.facts["period"])
    amount = _owed(tx, loan, period)
    if not amount or (row.kind != "overdue" and collections.has_failed(tx, loan.id, period)):
        return None
    due = date.fromisoformat(row.facts["due"])

    def values(language: str) -> Mapping[str, str]:
        return {
            "amount": money(amount, language),
            "period": str(period),
            "due": texts.day(due, language),
        }

    return _of_loan(tx, gateway, row, loan, values)


def _owed(tx: Transaction, loan: Loan, period: int) -> int:
    """What is to pay of an instalment now, in fen; 0 for a loan that has ended."""
    if loan.status not in OPEN:
        return 0
    if period > loan.billed_periods:
        return coming.amount_of(tx, loan, period)
    return loans.owed_of_bill_fen(tx, loan.id, period)


def _paid(tx: Transaction, gateway: Gateway, row: Message, merged: Sequence[Message]) -> Wording:
    """Money that came; several payments of one loan that waited together are one receipt."""
    loan = loans.get(tx, Tenant.of(row), row.facts["loan"])
    amount = sum(int(one.facts["amount_fen"]) for one in (row, *merged))
    left = loans.outstanding_fen(loan)

    def values(language: str) -> Mapping[str, str]:
        return {"amount": money(amount, language), "left": money(left, language)}

    return _of_loan(tx, gateway, row, loan, values, variant="" if loan.status in OPEN else ".ended")


def _failed(tx: Transaction, gateway: Gateway, row: Message, merged: Sequence[Message]) -> Wording | None:
    """A collection that failed, as long as something of its instalment is open."""
    loan, period = loans.get(tx, Tenant.of(row), row.facts["loan"]), int(row.facts["period"])
    amount = _owed(tx, loan, period)
    if not amount:
        return None
    variant = ".insufficient_funds" if row.facts.get("failure") == "insufficient_funds" else ""

    def values(language: str) -> Mapping[str, str]:
        told = {"amount": money(amount, language), "period": str(period)}
        return told | _card_page(gateway, row, language)

    return _of_loan(tx, gateway, row, loan, values, variant=variant)


def _card_page(gateway: Gateway, row: Message, language: str) -> dict[str, str]:
    """The link to the repayment card in the shopper's own place; the order's page where no card can be given."""
    mode = mode_of(row.mode)
    if methods.origin(gateway, mode) is None:
        return {}
    path = methods.page_of(mode, methods.OWN_PLACE)
    return {"url": f"{gateway.settings.public_url}{path}?lang={language}"}


def _refunded(tx: Transaction, gateway: Gateway, row: Message, merged: Sequence[Message]) -> Wording:
    facts: dict[str, Any] = row.facts
    checkout_id = tx.get_one(Payment, facts["payment"]).checkout_id

    def values(language: str) -> Mapping[str, str]:
        return {
            "amount": money(facts["amount_fen"], language),
            "reduction": money(facts["reduction_fen"], language),
            "returned": money(facts["returned_fen"], language),
        }

    variant = ".with_return" if facts["returned_fen"] else ""
    return _of_order(tx, gateway, row, checkout_id, values, variant=variant)


KINDS: Mapping[str, Kind] = {
    "due_soon": Kind(_due),
    "due_today": Kind(_due),
    "overdue": Kind(_due),
    "paid": Kind(_paid, merges="loan"),
    "collection_failed": Kind(_failed),
    "approved": Kind(_approved),
    "declined": Kind(_decision),
    "review_ended": Kind(_decision),
    "refunded": Kind(_refunded),
    "stage_claimed": Kind(notices.claimed, told=notices.told),
    "stage_released": Kind(notices.decided),
    "stage_canceled": Kind(notices.decided),
}
"""By the name under which a message is planned."""
