"""What happens to plans: prices are listed, and quotes are made from them."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlmodel import col, or_, select

from gateway.core.calendar import shanghai_date
from gateway.core.money import MAX_AMOUNT_FEN
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import AmountOutOfRange, CategoryRefused
from gateway.merchants.service import owner_of_key
from gateway.plans.models import PlanPrice
from gateway.plans.pricing import AboveCeiling, Price, plan

REFUSED_CATEGORIES = {"edu_k12": "Teaching of pupils and pre-schoolers may not be paid by instalment loans."}


def list_price(tx: Transaction, merchant_id: str, price: Price, *, valid_from: date) -> PlanPrice:
    """Add a line to the merchant's catalogue."""
    row = PlanPrice(
        id=tx.new_id("prc"),
        merchant_id=merchant_id,
        valid_from=valid_from,
        **{name: getattr(price, name) for name in Price.__slots__},
    )
    tx.add(row)
    return row


def price_of(tx: Transaction, merchant_id: str, term: int, on: date) -> Price | None:
    """The price in force for a term on a day, or None."""
    return _in_force(tx, merchant_id, on).get(term)


def quote(
    tx: Transaction,
    tenant: Tenant,
    *,
    amount_fen: int,
    terms: list[int] | None,
    category: str | None,
    funder: str,
    funder_type: str,
) -> dict[str, Any]:
    """All plans the merchant offers for ``amount_fen`` fen today (Shanghai), and why other terms are not available.

    Raises ``CategoryRefused``.
    """
    refuse_category(category, param="category")
    today = shanghai_date(tx.now)
    prices = _in_force(tx, tenant.merchant_id, today)
    plans, unavailable = [], []
    for term in terms or sorted(prices):
        price = prices.get(term)
        reason = _reason(price, amount_fen)
        if price is not None and reason is None:
            try:
                plans.append(
                    plan(
                        price,
                        amount_fen=amount_fen,
                        contract_date=today,
                        funder=funder,
                        funder_type=funder_type,
                    )
                )
                continue
            except AboveCeiling:
                reason = "cost_above_ceiling"
        unavailable.append(
            {
                "term": term,
                "reason": reason,
                "min_amount": price.min_amount_fen if price else None,
                "max_amount": price.max_amount_fen if price else None,
            }
        )
    return {"amount": amount_fen, "plans": plans, "unavailable": unavailable}


def quote_public(
    tx: Transaction, key: str, amount_fen: int, *, funder: str, funder_type: str
) -> dict[str, Any]:
    """The quote that a publishable key may see. Raises ``Unauthenticated`` for an unknown key."""
    return quote(
        tx,
        owner_of_key(tx, key),
        amount_fen=amount_fen,
        terms=None,
        category=None,
        funder=funder,
        funder_type=funder_type,
    )


def refuse_category(category: str | None, *, param: str) -> None:
    """Raise ``CategoryRefused`` for what the law does not let finance."""
    if category in REFUSED_CATEGORIES:
        raise CategoryRefused(REFUSED_CATEGORIES[category], param=param)


def check_amount(amount_fen: int, *, param: str = "amount") -> None:
    """Raise ``AmountOutOfRange`` above the legal and contractual maximum."""
    if amount_fen > MAX_AMOUNT_FEN:
        raise AmountOutOfRange(
            f"{amount_fen} fen is above the largest amount, {MAX_AMOUNT_FEN} fen (100,000.00 yuan).",
            param=param,
            max_amount=MAX_AMOUNT_FEN,
        )


def _reason(price: Price | None, amount_fen: int) -> str | None:
    if price is None:
        return "term_not_offered"
    if amount_fen < price.min_amount_fen:
        return "amount_below_minimum"
    return "amount_above_maximum" if amount_fen > price.max_amount_fen else None


def _in_force(tx: Transaction, merchant_id: str, on: date) -> dict[int, Price]:
    rows = tx.exec(
        select(PlanPrice)
        .where(
            PlanPrice.merchant_id == merchant_id,
            PlanPrice.valid_from <= on,
            or_(col(PlanPrice.valid_to).is_(None), col(PlanPrice.valid_to) > on),
        )
        .order_by(col(PlanPrice.valid_from))
    )
    return {row.term: Price(**{name: getattr(row, name) for name in Price.__slots__}) for row in rows}
