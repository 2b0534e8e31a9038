"""What a rate card says: its rows of prices and its subsidy programmes, and what is wrong with them.

A row is a mapping with the names of ``PRICE_FIELDS``, as files, the API and the stored card have it: rates are decimal
text, amounts are fen, days are ISO text (Shanghai, both inclusive). A row without a first day begins with its card.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.core import cost_ceiling
from gateway.errors import PriceInvalid
from gateway.plans import catalogue, pricing
from gateway.plans.catalogue import Offer
from gateway.plans.pricing import Lender, Price

PRICE_FIELDS = (
    "term",
    "method",
    "annual_rate",
    "fee_rate_total",
    "fee_timing",
    "fee_rate_per_period",
    "merchant_fee_rate",
    "merchant_subsidy_rate",
    "min_amount",
    "max_amount",
    "category",
    "lender",
    "valid_from",
    "valid_to",
)
PROGRAMME_FIELDS = ("subsidy_programme", "valid_from", "valid_to")
NUMBERS = ("term", "min_amount", "max_amount")
NEEDED = ("term", "method", "merchant_fee_rate", "merchant_subsidy_rate", "min_amount", "max_amount")
MOST_ROWS = 500
PRICES, PROGRAMMES = "prices", "subsidy_programmes"
RENAMED = {"min_amount_fen": "min_amount", "max_amount_fen": "max_amount", "funder": "lender"}
"""Names of the catalogue that a card calls otherwise."""

Row = Mapping[str, Any]
HasRule = Callable[[str, date], bool]
"""Whether a programme, by its code, has a rule on some day from a day on."""


@dataclass(frozen=True, slots=True)
class Content:
    """The rows of a card, each complete: what was not given is None."""

    prices: tuple[dict[str, Any], ...]
    programmes: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field: ``part`` is ``prices`` or ``subsidy_programmes``, ``row`` counts from 0."""

    part: str
    row: int
    field: str
    says: str

    @property
    def param(self) -> str:
        """Where it is, as errors name it."""
        return f"{self.part}[{self.row}].{self.field}" if self.field else self.part


def price_row(price: Price, *, category: str | None, lender: str | None, **days: Any) -> dict[str, Any]:
    """A price as a card's row; ``days`` are ``valid_from`` and ``valid_to``, ISO text or None."""
    named = {
        **{name: getattr(price, name) for name in Price.__slots__},
        "min_amount": price.min_amount_fen,
        "max_amount": price.max_amount_fen,
        "category": category,
        "lender": lender,
        **days,
    }
    return {name: named[name] for name in PRICE_FIELDS}


def row_of(offer: Offer) -> dict[str, Any]:
    """An offer as a card's row, with both its days."""
    last = offer.valid_to.isoformat() if offer.valid_to else None
    return price_row(
        offer.price,
        category=offer.category,
        lender=offer.funder,
        valid_from=offer.valid_from.isoformat(),
        valid_to=last,
    )


def offer_of(row: Row, first_day: date) -> Offer:
    """A card's row as an offer of the catalogue."""
    price = Price(
        **{name: row[name] for name in Price.__slots__ if name in row},
        min_amount_fen=row["min_amount"],
        max_amount_fen=row["max_amount"],
    )
    begins, ends = (
        date.fromisoformat(row[name]) if row[name] else None for name in ("valid_from", "valid_to")
    )
    return Offer(price, begins or first_day, ends, row["category"], row["lender"])


def faults(content: Content, *, first_day: date, lender: Lender, has_rule: HasRule) -> list[Fault]:
    """Everything that is wrong with a card that begins on ``first_day``; none of it when it can be confirmed."""
    found = _counted(content)
    if found:
        return found
    offers = [offer_of(row, first_day) for row in content.prices]
    for number, offer in enumerate(offers):
        found += (Fault(PRICES, number, name, says) for name, says in _wrong(offer, first_day, lender))
    found += _twice(offers)
    found += _of_programmes(content.programmes, first_day, has_rule)
    return found


def _counted(content: Content) -> list[Fault]:
    if not content.prices:
        return [
            Fault(PRICES, 0, "", "A card must have at least one price: without any, nothing could be sold.")
        ]
    count = len(content.prices) + len(content.programmes)
    if count > MOST_ROWS:
        return [Fault(PRICES, 0, "", f"A card may have {MOST_ROWS} rows at most, not {count}.")]
    return []


def _wrong(offer: Offer, first_day: date, lender: Lender) -> Iterable[tuple[str, str]]:
    try:
        catalogue.check(offer)
    except PriceInvalid as error:
        first = error.message.partition(" ")[
            0
        ]  # of a rate its own name, where the catalogue blames the method
        name = first if first in PRICE_FIELDS else error.param or "term"
        yield RENAMED.get(name, name), error.message
        return
    if offer.valid_to is not None and offer.valid_to < first_day:
        yield (
            "valid_to",
            f"The row ends on {offer.valid_to}, before the card begins on {first_day}: leave it out.",
        )
    if offer.funder not in (None, lender.name):
        yield (
            "lender",
            f"This gateway lends through {lender.name}, not {offer.funder}: leave it empty or use that name.",
        )
    yield from _too_dear(offer, first_day, lender)


def _too_dear(offer: Offer, first_day: date, lender: Lender) -> Iterable[tuple[str, str]]:
    """Whether not even the largest amount, on which rounding weighs least, could be lent on the row's first day."""
    price, begins = offer.price, max(offer.valid_from, first_day)
    field = "annual_rate" if price.annual_rate is not None else "fee_rate_total"
    if price.fee_rate_per_period is not None:
        field = "fee_rate_per_period"
    try:
        pricing.plan(price, financed_fen=price.max_amount_fen, contract_date=begins, lender=lender)
    except pricing.AboveCeiling as error:
        yield (
            field,
            f"It costs {error} a year, above the ceiling for {lender.name} on {begins}: lower the rate.",
        )
    except cost_ceiling.NoRule:
        yield field, f"No cost ceiling is known for {lender.name} ({lender.kind}) on {begins}."


def _twice(offers: Sequence[Offer]) -> Iterable[Fault]:
    seen: dict[tuple[Any, ...], int] = {}
    for number, offer in enumerate(offers):
        key = (*offer.scope, offer.valid_from)
        if key in seen:
            says = (
                f"The row is for the same term, category, lender and first day as row {seen[key] + 1}: "
                "leave one out, or begin it on another day."
            )
            yield Fault(PRICES, number, "term", says)
        seen.setdefault(key, number)


def _of_programmes(rows: Sequence[Row], first_day: date, has_rule: HasRule) -> Iterable[Fault]:
    spans: list[tuple[str, date, date]] = []
    for number, row in enumerate(rows):
        code, begins, ends = row["subsidy_programme"], *span_of(row, first_day)
        if ends < begins or ends < first_day:
            says = f"It ends on {ends}, before it or the card begins: leave it out."
            yield Fault(PROGRAMMES, number, "valid_to", says)
        elif not has_rule(code, max(begins, first_day)):
            says = (
                f"No programme {code!r} has a rule from {max(begins, first_day)} on: check its name and days."
            )
            yield Fault(PROGRAMMES, number, "subsidy_programme", says)
        if any(code == other and begins <= last and first <= ends for other, first, last in spans):
            says = f"The programme {code!r} stands twice on some day: leave one row out."
            yield Fault(PROGRAMMES, number, "subsidy_programme", says)
        spans.append((code, begins, ends))


def span_of(row: Row, first_day: date) -> tuple[date, date]:
    """The first and the last day of a row, with the ends that it leaves open."""
    begins, ends = row["valid_from"], row["valid_to"]
    return (
        date.fromisoformat(begins) if begins else first_day,
        date.fromisoformat(ends) if ends else date.max,
    )
