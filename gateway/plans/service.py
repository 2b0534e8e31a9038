"""What happens to plans: prices are listed, and quotes are made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, or_
from sqlalchemy import select as select_columns
from sqlmodel import SQLModel, select

from gateway.config import Settings
from gateway.core.calendar import shanghai_date
from gateway.core.cost_ceiling import BASES
from gateway.core.money import MAX_AMOUNT_FEN
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import AmountOutOfRange, CategoryRefused, PriceInvalid, PriceOverlap
from gateway.merchants import business_clock
from gateway.merchants.service import owner_of_key
from gateway.plans import catalogue
from gateway.plans.catalogue import Offer
from gateway.plans.models import PlanPrice, RateCard
from gateway.plans.pricing import Lender, Price, offered

REFUSED_CATEGORIES = {
    "edu_k12": "Tuition for school pupils and pre-school children cannot be paid with instalment loans."
}

ROWS, CARDS = (SQLModel.metadata.tables[name] for name in ("plan_price", "rate_card"))
CARD_IN_FORCE = (
    select_columns(CARDS.c.id)
    .where(
        CARDS.c.merchant_id == bindparam("merchant"),
        CARDS.c.status == "confirmed",
        CARDS.c.first_day <= bindparam("day"),
    )
    .order_by(CARDS.c.first_day.desc(), CARDS.c.decided_at.desc(), CARDS.c.id.desc())
    .limit(1)
)
"""The card of a day: of those that have begun the newest; of two that begin on one day the one confirmed last."""
IN_FORCE = select_columns(ROWS).where(
    ROWS.c.merchant_id == bindparam("merchant"),
    ROWS.c.rate_card_id.is_not_distinct_from(CARD_IN_FORCE.scalar_subquery()),
    ROWS.c.valid_from <= bindparam("day"),
    or_(ROWS.c.valid_to.is_(None), ROWS.c.valid_to >= bindparam("day")),
)
"""Made once: every quote asks it."""


def add_price(
    tx: Transaction,
    merchant_id: str,
    price: Price,
    *,
    valid_from: date,
    valid_to: date | None = None,
    category: str | None = None,
    funder: str | None = None,
) -> PlanPrice:
    """Add a row to the merchant's catalogue, in force from one day (Shanghai) to another, both inclusive.

    An older row of the same term, category and lender ends the day before, unless it outlasts a row with a last day.
    The past is never repriced, and a merchant with a rate card gets other prices by the next card only. Raises
    ``PriceInvalid`` or ``PriceOverlap``; then nothing has changed.
    """
    if tx.exec(
        select(RateCard.id)
        .where(RateCard.merchant_id == merchant_id, RateCard.status == "confirmed")
        .limit(1)
    ).first():
        raise PriceOverlap("This merchant has a rate card: propose the next one instead.")
    offer = Offer(price, valid_from, valid_to, category, funder)
    catalogue.check(offer)
    if valid_from < shanghai_date(tx.now):
        raise PriceInvalid(
            f"The first day {valid_from} is in the past: today is {shanghai_date(tx.now)}.",
            param="valid_from",
        )
    rows = {_offer(row): row for row in prices_of(tx, merchant_id)}
    for older in catalogue.ended_by(offer, list(rows)):
        rows[older].valid_to = valid_from - timedelta(days=1)
        tx.add(rows[older])
    row = PlanPrice(
        id=tx.new_id("prc"),
        merchant_id=merchant_id,
        category=category,
        funder=funder,
        valid_from=valid_from,
        valid_to=valid_to,
        **{name: getattr(price, name) for name in Price.__slots__},
    )
    tx.add(row)
    tx.flush()
    return row


def prices_of(tx: Transaction, merchant_id: str) -> list[PlanPrice]:
    """The rows of the merchant's catalogue by term, scope and first day."""
    rows = tx.exec(select(PlanPrice).where(PlanPrice.merchant_id == merchant_id)).all()
    return sorted(rows, key=lambda row: (row.term, row.category or "", row.funder or "", row.valid_from))


def card_in_force(tx: Transaction, merchant_id: str, day: date) -> str | None:
    """The id of the rate card that holds on a day (Shanghai); None where prices do that are older than any card."""
    id: str | None = tx.connection().execute(CARD_IN_FORCE, {"merchant": merchant_id, "day": day}).scalar()
    return id


def offers_from(tx: Transaction, merchant_id: str, day: date) -> list[Offer]:
    """The rows from before any card that are or come into force from a day (Shanghai) on."""
    offers = (_offer(row) for row in prices_of(tx, merchant_id) if row.rate_card_id is None)
    return [offer for offer in offers if offer.valid_to is None or offer.valid_to >= day]


def offers_on(tx: Transaction, merchant_id: str, day: date) -> list[Offer]:
    """The rows of the merchant's catalogue that are in force on a day (Shanghai), in no order."""
    rows = tx.connection().execute(IN_FORCE, {"merchant": merchant_id, "day": day})
    return [_offer(row) for row in rows]


def price_of(
    tx: Transaction, merchant_id: str, term: int, *, on: date, category: str | None, funder: str
) -> Price | None:
    """The price in force for a term on a day (Shanghai), or None."""
    return _in_force(tx, merchant_id, on=on, category=category, funder=funder).get(term)


def quote(
    tx: Transaction,
    tenant: Tenant,
    *,
    amount_fen: int,
    terms: list[int] | None,
    category: str | None,
    lender: Lender,
    down_payment_fen: int = 0,
) -> dict[str, Any]:
    """All plans the merchant offers for an order today (Shanghai), and why other terms are not available.

    ``amount_fen`` is what the shopper pays for the order; the plans finance what the down payment leaves of it.
    ``prices`` holds the catalogue's price behind each plan by term, for code that keeps the quote; it is not the
    shopper's business. Raises ``CategoryRefused``.
    """
    refuse_category(category, param="category")
    today = shanghai_date(tx.now)
    prices = _in_force(tx, tenant.merchant_id, on=today, category=category, funder=lender.name)
    plans, unavailable = offered(
        prices,
        order_fen=amount_fen,
        financed_fen=amount_fen - down_payment_fen,
        terms=terms,
        contract_date=today,
        lender=lender,
    )
    kept = {str(plan["term"]): asdict(prices[plan["term"]]) for plan in plans}
    return {"amount": amount_fen, "plans": plans, "unavailable": unavailable, "prices": kept}


def quote_asked(
    tx: Transaction, tenant: Tenant, query: Mapping[str, Any], *, lender: Lender
) -> dict[str, Any]:
    """The quote for what a ``QuoteQuery`` asks: the API and the page of plans answer with this one."""
    return quote(
        tx,
        tenant,
        amount_fen=query["amount"],
        terms=query["terms"],
        category=query["category"],
        lender=lender,
    )


def quote_public(tx: Transaction, key: str, query: Mapping[str, Any], *, lender: Lender) -> dict[str, Any]:
    """The quote that a publishable key may see, at its merchant's business time.

    Raises ``Unauthenticated`` for an unknown key, or ``CategoryRefused``.
    """
    tenant = owner_of_key(tx, key)
    business_clock.enter(tx, tenant)
    return quote_asked(tx, tenant, query, lender=lender)


def lender_of(settings: Settings) -> Lender:
    """The lender of this gateway, as its settings name it."""
    return Lender(settings.funder, settings.funder_type, BASES[settings.funder_cost_basis])


def refuse_category(category: str | None, *, param: str) -> None:
    """Raise ``CategoryRefused`` for what the law does not let finance."""
    if category in REFUSED_CATEGORIES:
        raise CategoryRefused(REFUSED_CATEGORIES[category], param=param)


def check_amount(amount_fen: int, *, param: str = "amount") -> None:
    """Raise ``AmountOutOfRange`` above the legal and contractual maximum."""
    if amount_fen > MAX_AMOUNT_FEN:
        raise AmountOutOfRange(
            f"{amount_fen} fen exceeds the maximum amount of {MAX_AMOUNT_FEN} fen (100,000.00 yuan).",
            param=param,
            max_amount=MAX_AMOUNT_FEN,
        )


def _in_force(
    tx: Transaction, merchant_id: str, *, on: date, category: str | None, funder: str
) -> dict[int, Price]:
    return catalogue.in_force(offers_on(tx, merchant_id, on), on=on, category=category, funder=funder)


def _offer(row: PlanPrice | Row[Any]) -> Offer:
    price = Price(**{name: getattr(row, name) for name in Price.__slots__})
    return Offer(price, row.valid_from, row.valid_to, row.category, row.funder)
