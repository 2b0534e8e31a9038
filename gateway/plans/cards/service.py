"""Rate cards: proposed by one operator, confirmed or rejected by another, or taken back; a step is never repeated.

Who proposes and who decides are given by their ids, already proved; each step stands in the audit log with its reason.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlmodel import col, select

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.core.calendar import shanghai_date
from gateway.db.transactions import Transaction
from gateway.errors import (
    Conflict,
    NotFound,
    PriceInvalid,
    ValidationFailed,
    WrongState,
)
from gateway.merchants import service as merchants
from gateway.operators import decisions
from gateway.operators.decisions import Person
from gateway.operators.decisions import reason as checked_reason
from gateway.plans import service as plans
from gateway.plans import subsidies
from gateway.plans.cards import content, difference
from gateway.plans.cards.content import Content
from gateway.plans.models import PlanPrice, RateCard
from gateway.plans.pricing import Lender, Price

DECISIONS = {
    "confirmed": "rate_card.confirm",
    "rejected": "rate_card.reject",
    "withdrawn": "rate_card.withdraw",
}


def propose(
    tx: Transaction,
    merchant_id: str,
    card: Content,
    *,
    first_day: date,
    reason: str,
    by: Person,
    lender: Lender,
) -> RateCard:
    """Propose a card that is in force from a day (Shanghai) on, once somebody else has confirmed it.

    Raises ``NotFound`` for an unknown merchant, ``PriceInvalid`` for a day in the past, ``ValidationFailed`` with
    one entry for each field that is wrong, ``InvalidRequest`` for a reason that cannot be kept, and ``Conflict`` when
    the same person's same proposal waits already.
    """
    merchants.get(tx, merchant_id)
    check(tx, card, first_day=first_day, lender=lender)
    _check_is_new(tx, merchant_id, card, first_day=first_day, by=by)
    row = RateCard(
        id=tx.new_id("rcd"),
        merchant_id=merchant_id,
        status="proposed",
        first_day=first_day,
        prices=list(card.prices),
        subsidy_programmes=list(card.programmes),
        proposed_by=by.id,
        proposed_at=tx.wall,
        reason=checked_reason(reason),
    )
    tx.add(row)
    tx.flush()
    _record(tx, "rate_card.propose", row, by, reason)
    return row


def confirm(tx: Transaction, card_id: str, *, reason: str, by: Person, lender: Lender) -> RateCard:
    """Confirm somebody else's proposal after checking it once more; its prices stand in the catalogue from now on.

    Raises ``NotFound``, ``WrongState``, ``SecondPersonRequired``, and what ``propose`` raises of a card.
    """
    row = proposed(tx, card_id)
    decisions.refuse_own(row, by, "another operator must confirm it")
    check(tx, content_of(row), first_day=row.first_day, lender=lender)
    _decide(tx, row, "confirmed", reason, by)
    for offer in (content.offer_of(one, row.first_day) for one in row.prices):
        tx.add(
            PlanPrice(
                id=tx.new_id("prc"),
                merchant_id=row.merchant_id,
                category=offer.category,
                funder=offer.funder,
                valid_from=offer.valid_from,
                valid_to=offer.valid_to,
                rate_card_id=row.id,
                **{name: getattr(offer.price, name) for name in Price.__slots__},
            )
        )
    tx.flush()
    return row


def reject(tx: Transaction, card_id: str, *, reason: str, by: Person) -> RateCard:
    """Refuse somebody else's proposal. Raises ``NotFound``, ``WrongState``, ``SecondPersonRequired``."""
    row = proposed(tx, card_id)
    decisions.refuse_own(row, by, "withdraw it instead")
    return _decide(tx, row, "rejected", reason, by)


def withdraw(tx: Transaction, card_id: str, *, reason: str, by: Person) -> RateCard:
    """Take back one's own proposal. Raises ``NotFound``, ``WrongState``, ``SecondPersonRequired``."""
    row = proposed(tx, card_id)
    decisions.refuse_others(row, by)
    return _decide(tx, row, "withdrawn", reason, by)


def get(tx: Transaction, card_id: str) -> RateCard:
    """The card, whoever's and in whatever state: for operators. Raises ``NotFound``."""
    row = tx.get(RateCard, card_id)
    if row is None:
        raise NotFound(f"There is no rate card {card_id!r}.")
    return row


def of_merchant(tx: Transaction, merchant_id: str, card_id: str) -> RateCard:
    """A card that was confirmed for the merchant: what it may see. Raises ``NotFound``."""
    row = tx.get(RateCard, card_id)
    if row is None or (row.merchant_id, row.status) != (merchant_id, "confirmed"):
        raise NotFound(f"There is no rate card {card_id!r}.")
    return row


def newest(tx: Transaction, *, merchant_id: str | None, status: str | None, limit: int) -> list[RateCard]:
    """The newest cards first, of one merchant or of all, in one state or in any."""
    query = select(RateCard)
    if merchant_id is not None:
        query = query.where(RateCard.merchant_id == merchant_id)
    if status is not None:
        query = query.where(RateCard.status == status)
    return list(tx.exec(query.order_by(col(RateCard.id).desc()).limit(limit)))


def in_force_on(tx: Transaction, merchant_id: str, day: date) -> RateCard | None:
    """The merchant's card of a day (Shanghai); None while its prices are those it began with."""
    id = plans.card_in_force(tx, merchant_id, day)
    return None if id is None else tx.get_one(RateCard, id)


def content_of(row: RateCard) -> Content:
    """What a card says."""
    return Content(tuple(row.prices), tuple(row.subsidy_programmes))


def view(row: RateCard, card_of_today: str | None) -> dict[str, Any]:
    """A confirmed card as its merchant sees it: without who agreed on it, and why."""
    return {
        "id": row.id,
        "in_force": row.id == card_of_today,
        "valid_from": row.first_day.isoformat(),
        "prices": [_dated(one, row.first_day) for one in row.prices],
        "subsidy_programmes": [_dated(one, row.first_day) for one in row.subsidy_programmes],
        "created_at": row.decided_at,
    }


def as_it_stands(tx: Transaction, merchant_id: str, day: date) -> Content:
    """What holds for the merchant on a day (Shanghai) and afterwards, unless another card follows, as a card's content.

    A card with it that begins on that day changes nothing.
    """
    card = in_force_on(tx, merchant_id, day)
    if card is not None:
        rows = content_of(card)
        prices = [_dated(row, card.first_day) for row in rows.prices if _lasts(row, card.first_day, day)]
        programmes = [
            _dated(row, card.first_day) for row in rows.programmes if _lasts(row, card.first_day, day)
        ]
        return Content(tuple(prices), tuple(programmes))
    offers = plans.offers_from(tx, merchant_id, day)
    every = [
        dict.fromkeys(content.PROGRAMME_FIELDS) | {"subsidy_programme": code}
        for code in subsidies.codes(tx, day)
    ]
    return Content(tuple(content.row_of(offer) for offer in offers), tuple(every))


def difference_of(tx: Transaction, row: RateCard) -> dict[str, Any]:
    """What a proposed card changes on its first day, before and after of each row, and the cards that meet it.

    ``replaces`` is a card that begins on the same day, ``followed_on`` the first day of the next one.
    """
    first = row.first_day
    current = in_force_on(tx, row.merchant_id, first)
    follows = tx.exec(
        select(RateCard)
        .where(
            RateCard.merchant_id == row.merchant_id,
            RateCard.status == "confirmed",
            RateCard.first_day > first,
        )
        .order_by(col(RateCard.first_day))
        .limit(1)
    ).first()
    rows = difference.between(as_it_stands(tx, row.merchant_id, first), content_of(row), first)
    return {
        "first_day": first.isoformat(),
        "followed_on": follows.first_day.isoformat() if follows else None,
        "replaces": current.id if current is not None and current.first_day == first else None,
        "counts": difference.counted(rows),
        "rows": rows,
    }


def check(tx: Transaction, card: Content, *, first_day: date, lender: Lender) -> None:
    """Refuse a card that could not be confirmed now. Raises ``PriceInvalid``, ``ValidationFailed``."""
    today = shanghai_date(tx.now)
    if first_day < today:
        raise PriceInvalid(
            f"The first day {first_day} is in the past: today is {today}. Propose the card from a later day.",
            param="valid_from",
        )
    found = content.faults(
        card, first_day=first_day, lender=lender, has_rule=lambda code, day: code in subsidies.codes(tx, day)
    )
    if found:
        raise ValidationFailed(
            [{"param": fault.param, "code": "invalid", "detail": fault.says} for fault in found]
        )


def proposed(tx: Transaction, card_id: str) -> RateCard:
    """A card that waits for its decision. Raises ``NotFound``, ``WrongState``."""
    row = get(tx, card_id)
    if row.status != "proposed":
        raise WrongState(f"{row.id} is {row.status}: only a proposed card can be decided.")
    return row


def _check_is_new(tx: Transaction, merchant_id: str, card: Content, *, first_day: date, by: Person) -> None:
    """Refuse to propose twice what waits already: a request that is sent again makes no second card."""
    waiting = select(RateCard).where(
        RateCard.merchant_id == merchant_id,
        RateCard.status == "proposed",
        RateCard.first_day == first_day,
        RateCard.proposed_by == by.id,
    )
    for row in tx.exec(waiting):
        if content_of(row) == card:
            raise Conflict(
                f"You have proposed this card already: {row.id} waits for its decision.", rate_card=row.id
            )


def _decide(tx: Transaction, row: RateCard, status: str, reason: str, by: Person) -> RateCard:
    decisions.decide(tx, row, status, reason, by)
    _record(tx, DECISIONS[status], row, by, reason)
    return row


def _record(tx: Transaction, action: str, row: RateCard, by: Person, reason: str) -> None:
    """A merchant reads of its own card once it is agreed; what was only proposed is not its matter."""
    audit.record(
        tx,
        Actor("operator", by.id),
        action,
        about=row.id,
        merchant_id=row.merchant_id if row.status == "confirmed" else None,
        after=[row.first_day.isoformat(), row.prices, row.subsidy_programmes],
        facts={
            "merchant": row.merchant_id,
            "first_day": row.first_day.isoformat(),
            "reason": reason.strip(),
            "account": by.account,
        },
    )


def _dated(row: dict[str, Any], first_day: date) -> dict[str, Any]:
    return {**row, "valid_from": row["valid_from"] or first_day.isoformat()}


def _lasts(row: dict[str, Any], first_day: date, day: date) -> bool:
    return content.span_of(row, first_day)[1] >= day
