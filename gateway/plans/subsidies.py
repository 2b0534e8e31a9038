"""Government trade-in subsidies (国补): dated rules, and what an order may claim under them.

The subsidy is a share of the final price of one item, after all other discounts, up to a cap; one item of a category
for each order. It is not the shopper's money and is never financed. Source: domain reference, section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlmodel import col, select

from gateway.core.calendar import shanghai_date
from gateway.core.money import share, split_by_largest_remainder, yuan
from gateway.db.transactions import Transaction
from gateway.errors import SubsidyRefused
from gateway.plans import service as plans
from gateway.plans.cards import content
from gateway.plans.models import RateCard, SubsidyProgramme

CATEGORIES = (
    "refrigerator",
    "washing_machine",
    "tv",
    "air_conditioner",
    "computer",
    "water_heater",
    "phone",
    "tablet",
    "watch",
    "glasses",
)
"""Kinds of goods that a programme may cover; ``watch`` includes smart bands, ``glasses`` are smart glasses."""


def check(
    tx: Transaction,
    merchant_id: str,
    claim: dict[str, Any],
    items: Sequence[dict[str, Any]],
    *,
    merchant_discount_fen: int,
) -> list[int]:
    """What each item is due of a claim ``{"programme", "amount"}``, in fen.

    Items claim by their ``subsidy_category``; a discount of the whole order lowers each item by its share (largest
    remainder). Raises ``SubsidyRefused``, with ``param`` and the ``expected`` amount in fen, for a claim that is not
    exactly what the items are due today.
    """
    rules = _in_force(tx, claim["programme"])
    if not rules:
        raise SubsidyRefused(
            f"No programme {claim['programme']!r} is in force today ({shanghai_date(tx.now)}).",
            param="government_subsidy.programme",
            expected=0,
        )
    if not takes_part(tx, merchant_id, claim["programme"]):
        raise SubsidyRefused(
            f"The merchant's rate card does not include the programme {claim['programme']!r} today "
            f"({shanghai_date(tx.now)}).",
            param="government_subsidy.programme",
            expected=0,
        )
    due = _due(rules, items, merchant_discount_fen)
    expected = sum(due)
    if expected != claim["amount"]:
        raise SubsidyRefused(
            f"The items are eligible for a subsidy of {expected} fen, but the claim is {claim['amount']} fen.",
            param="government_subsidy.amount",
            expected=expected,
            actual=claim["amount"],
            difference=claim["amount"] - expected,
        )
    return due


def takes_part(tx: Transaction, merchant_id: str, programme: str) -> bool:
    """Whether the merchant's rate card of today (Shanghai) includes a programme; without any card, it does."""
    today = shanghai_date(tx.now)
    id = plans.card_in_force(tx, merchant_id, today)
    if id is None:
        return True
    card = tx.get_one(RateCard, id)
    spans = (
        content.span_of(row, card.first_day)
        for row in card.subsidy_programmes
        if row["subsidy_programme"] == programme
    )
    return any(first <= today <= last for first, last in spans)


def codes(tx: Transaction, day: date) -> list[str]:
    """The programmes that have a rule on a day (Shanghai) or later."""
    query = select(SubsidyProgramme.code).where(SubsidyProgramme.valid_to >= day).distinct()
    return sorted(tx.exec(query))


def subsidy_of(rule: SubsidyProgramme, final_price_fen: int) -> int:
    """What a rule grants on a final price: its rate rounded half up, at most its cap (fen)."""
    return min(rule.amount_cap_fen, share(final_price_fen, rule.rate))


def _in_force(tx: Transaction, programme: str) -> dict[str, SubsidyProgramme]:
    """The rules of a programme that hold today (Shanghai) by category; the newest of a category wins."""
    today = shanghai_date(tx.now)
    query = select(SubsidyProgramme).where(
        SubsidyProgramme.code == programme,
        SubsidyProgramme.valid_from <= today,
        SubsidyProgramme.valid_to >= today,
    )
    return {rule.category: rule for rule in tx.exec(query.order_by(col(SubsidyProgramme.valid_from)))}


def _due(
    rules: dict[str, SubsidyProgramme], items: Sequence[dict[str, Any]], merchant_discount_fen: int
) -> list[int]:
    prices = [item["quantity"] * item["unit_price"] for item in items]
    discounts = split_by_largest_remainder(merchant_discount_fen, prices)
    seen: set[str] = set()
    due = [0] * len(items)
    for index, item in enumerate(items):
        category = item["subsidy_category"]
        if category is None:
            continue
        if category in seen or item["quantity"] > 1:
            raise _refused(index, "quantity", f"Only one {category} per order is subsidised.")
        seen.add(category)
        final = prices[index] - discounts[index]
        _check_item(rules.get(category), index, item, final)
        due[index] = subsidy_of(rules[category], final)
    if not seen:
        raise SubsidyRefused(
            "No item claims the subsidy: set subsidy_category on the item it is for.",
            param="items",
            expected=0,
        )
    return due


def _check_item(
    rule: SubsidyProgramme | None, index: int, item: dict[str, Any], final_price_fen: int
) -> None:
    if rule is None:
        raise _refused(
            index,
            "subsidy_category",
            f"The programme does not cover the category {item['subsidy_category']} today.",
        )
    if rule.grade is not None and item["energy_grade"] != rule.grade:
        given = "none is given" if item["energy_grade"] is None else f"this item's is {item['energy_grade']}"
        raise _refused(
            index, "energy_grade", f"The programme requires energy or water grade {rule.grade}; {given}."
        )
    if rule.price_cap_fen is not None and final_price_fen > rule.price_cap_fen:
        raise _refused(
            index,
            "unit_price",
            f"The final price {yuan(final_price_fen)} yuan exceeds the programme's maximum of "
            f"{yuan(rule.price_cap_fen)} yuan.",
        )


def _refused(index: int, field: str, detail: str) -> SubsidyRefused:
    return SubsidyRefused(detail, param=f"items[{index}].{field}", expected=0)
