"""A person's loans as they are shown: what each is about and where it stands, in a fixed number of questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from gateway.checkout import by_shopper as checkouts
from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Mode, Tenant
from gateway.db.transactions import Transaction
from gateway.loans import by_shopper as loans
from gateway.loans import service as loan_service
from gateway.loans.states import OPEN
from gateway.merchants import business_clock
from gateway.merchants import service as merchants
from gateway.payments import by_shopper as payments
from gateway.payments.collections import failed

if TYPE_CHECKING:
    from gateway.payments.models import Dispute, Payment

SHOWN = 30
"""Ended loans, and orders that wait, on one page."""


@dataclass(frozen=True, slots=True)
class Card:
    """One loan in the list; amounts in fen, days in Shanghai at its merchant's time."""

    standing: loans.Standing
    merchant: tuple[str, str]
    """The merchant's name in Chinese and in English."""
    order: checkouts.Order
    term: int
    today: date
    coming_back_fen: int

    @property
    def id(self) -> str:
        """The loan."""
        return self.standing.loan.id

    @property
    def state(self) -> str:
        """Where the loan stands: overdue, due, active, or how it ended."""
        loan = self.standing.loan
        if loan.status not in OPEN:
            return loan.status
        if loan.overdue_since is not None:
            return "overdue"
        return "due" if self.standing.due_fen else "active"

    @property
    def days_overdue(self) -> int:
        """Days since the oldest unpaid instalment fell due, beyond its grace."""
        return loan_service.days_overdue(self.standing.loan, self.today)

    @property
    def paid_periods(self) -> int:
        """How many instalments are paid."""
        return self.standing.loan.billed_periods - len(self.standing.open_bills)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An order whose goods the shop has not sent yet; nothing is owed of it."""

    payment: Payment
    merchant: tuple[str, str]
    order: checkouts.Order
    left_fen: int


class Unpaid(NamedTuple):
    """What of a loan could not be collected, and why, in words."""

    card: Card
    row: failed.Failed
    reason: failed.Reason


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the first page."""

    running: list[Card]
    ended: list[Card]
    waiting: list[Waiting]
    older: str | None
    """The loan to go on after in the list of what has ended; None at its end."""

    @property
    def due_fen(self) -> int:
        """What is due now, over all loans."""
        return sum(card.standing.due_fen for card in self.running)

    @property
    def outstanding_fen(self) -> int:
        """Principal still owed, over all loans."""
        return sum(card.standing.outstanding_fen for card in self.running)

    @property
    def is_overdue(self) -> bool:
        """Whether any loan is overdue."""
        return any(card.state == "overdue" for card in self.running)

    @property
    def next_card(self) -> Card | None:
        """The loan whose next instalment falls due first."""
        coming = [card for card in self.running if card.standing.next_row]
        return min(coming, key=lambda card: card.standing.loan.next_due_date or date.max, default=None)


def overview(tx: Transaction, mode: Mode, shopper_id: str, *, before: str | None = None) -> Overview:
    """The first page: running loans (what is due first), ended ones older than ``before``, orders that wait."""
    still_run = loans.running(tx, shopper_id) if before is None else []
    ended = loans.ended(tx, shopper_id, before=before, limit=SHOWN + 1)
    older = ended[SHOWN - 1].loan.id if len(ended) > SHOWN else None
    waits = payments.waiting(tx, shopper_id, limit=SHOWN) if before is None else []
    cards = _cards(tx, mode, shopper_id, [*still_run, *ended[:SHOWN]])
    names = merchants.names(tx, {row.merchant_id for row in waits}) if waits else {}
    orders = checkouts.orders_of(tx, shopper_id) if waits else {}
    waiting = [
        Waiting(
            row,
            names[row.merchant_id],
            _order(orders, row.id),
            row.amount_fen - row.captured_fen - row.voided_fen - row.expired_fen,
        )
        for row in waits
    ]
    return Overview(_urgent_first(cards[: len(still_run)]), cards[len(still_run) :], waiting, older)


def running(tx: Transaction, mode: Mode, shopper_id: str) -> list[Card]:
    """The loans that run, what is due first in front."""
    return _urgent_first(_cards(tx, mode, shopper_id, loans.running(tx, shopper_id)))


def unpaid(tx: Transaction, cards: Sequence[Card], locale: str) -> list[Unpaid]:
    """What of some loans could not be collected, in their order; the words are those of ``locale``."""
    of_tenant: dict[Tenant, list[Card]] = {}
    for card in cards:
        if card.standing.due_fen:
            of_tenant.setdefault(Tenant.of(card.standing.loan), []).append(card)
    found = []
    for tenant, theirs in of_tenant.items():
        by_id = {card.id: card for card in theirs}
        for row in failed.of_loans(tx, tenant, list(by_id)):
            found.append(Unpaid(by_id[row.loan_id], row, failed.reason_words(row.failure, locale)))
    return found


def _urgent_first(cards: list[Card]) -> list[Card]:
    urgency = {"overdue": 0, "due": 1}
    return sorted(
        cards, key=lambda card: (urgency.get(card.state, 2), card.standing.loan.next_due_date or date.max)
    )


def _cards(tx: Transaction, mode: Mode, shopper_id: str, standings: list[loans.Standing]) -> list[Card]:
    if not standings:
        return []
    sellers = {row.loan.merchant_id for row in standings}
    names = merchants.names(tx, sellers)
    orders = checkouts.orders_of(tx, shopper_id)
    bought = payments.payments_of(tx, {row.loan.payment_id for row in standings})
    coming: dict[str, int] = {}
    for row in payments.returns_on_the_way(tx, shopper_id):
        coming[row.loan_id] = coming.get(row.loan_id, 0) + row.amount_fen
    if mode == "test":
        business_clock.read_ahead(tx, sellers)
    return [
        Card(
            row,
            names[row.loan.merchant_id],
            _order(orders, row.loan.payment_id),
            bought[row.loan.payment_id].term,
            shanghai_date(business_clock.business_now(tx, Tenant.of(row.loan))),
            coming.get(row.loan.id, 0),
        )
        for row in standings
    ]


def card_of(tx: Transaction, mode: Mode, shopper_id: str, loan_id: str) -> Card:
    """One of the person's loans. Raises ``NotFound``."""
    loan = loans.own(tx, shopper_id, loan_id)
    return _cards(tx, mode, shopper_id, loans.standings(tx, [loan]))[0]


def disputes_of(tx: Transaction, payment_id: str) -> list[Dispute]:
    """The disputes about a payment of the person, the newest first."""
    return payments.disputes_of(tx, [payment_id])[payment_id]


def _order(orders: dict[str, checkouts.Order], payment_id: str) -> checkouts.Order:
    return orders.get(payment_id) or checkouts.Order("", payment_id, None, [])
