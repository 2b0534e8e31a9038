"""The price catalogue: which of a merchant's dated rows is in force for an order.

A row may be for one category of orders, for one lender, for both, or for all. Of the rows in force on a day that fit,
the most specific wins: category and lender, then category, then lender, then the general one; among equals the one
with the newest first day. A row that wins is not passed over when the amount lies outside its bounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.core.money import MAX_AMOUNT_FEN, RateError, parse_rate
from gateway.core.schedule import TermsError
from gateway.errors import PriceInvalid, PriceOverlap
from gateway.merchants.service import CATEGORIES
from gateway.plans.pricing import Price

SHORTEST_TERM, LONGEST_TERM = 3, 12


@dataclass(frozen=True, slots=True)
class Offer:
    """A price with its scope (None is any) and its first and last day in force (Shanghai, both inclusive)."""

    price: Price
    valid_from: date
    valid_to: date | None = None
    category: str | None = None
    funder: str | None = None

    @property
    def scope(self) -> tuple[int, str | None, str | None]:
        """What the offer is for: only offers of the same scope replace one another."""
        return self.price.term, self.category, self.funder

    def fits(self, on: date, category: str | None, funder: str | None) -> bool:
        """Whether the offer is in force on a day for such an order."""
        return (
            self.valid_from <= on
            and (self.valid_to is None or on <= self.valid_to)
            and self.category in (None, category)
            and self.funder in (None, funder)
        )


def in_force(
    offers: Iterable[Offer], *, on: date, category: str | None, funder: str | None
) -> dict[int, Price]:
    """The price of each term for an order of ``category`` at the lender ``funder`` on a day (Shanghai), by term."""
    fitting = [offer for offer in offers if offer.fits(on, category, funder)]
    fitting.sort(key=lambda offer: (offer.category is not None, offer.funder is not None, offer.valid_from))
    return {offer.price.term: offer.price for offer in fitting}


def check(offer: Offer) -> None:
    """Refuse an offer that contradicts itself. Raises ``PriceInvalid`` with the ``param`` that is wrong."""
    price = offer.price
    if not SHORTEST_TERM <= price.term <= LONGEST_TERM:
        raise PriceInvalid(
            f"A term must be {SHORTEST_TERM} to {LONGEST_TERM} months, not {price.term}.", param="term"
        )
    try:
        price.terms()
    except (TermsError, RateError) as error:
        raise PriceInvalid(f"{error}.", param="method") from None
    _check_merchant_rates(price)
    if not 0 < price.min_amount_fen <= price.max_amount_fen <= MAX_AMOUNT_FEN:
        raise PriceInvalid(
            f"Amounts must be from 1 to {MAX_AMOUNT_FEN} fen, with the minimum not above the maximum, not "
            f"{price.min_amount_fen} to {price.max_amount_fen}.",
            param="min_amount_fen",
        )
    if offer.category is not None and offer.category not in CATEGORIES:
        raise PriceInvalid(
            f"The category must be one of {', '.join(CATEGORIES)}, not {offer.category!r}.", param="category"
        )
    if offer.valid_to is not None and offer.valid_to < offer.valid_from:
        raise PriceInvalid(
            f"The last day {offer.valid_to} is before the first, {offer.valid_from}.", param="valid_to"
        )


def ended_by(new: Offer, others: Sequence[Offer]) -> list[Offer]:
    """The offers of the same scope that must end the day before ``new`` begins.

    Only an offer without a last day is ended, by one without: an older one that outlasts the new one holds again
    afterwards, and one whose last day is set keeps it, since the newer first day wins anyway. Raises
    ``PriceOverlap`` when another offer begins on the same day, or later but while ``new`` is in force.
    """
    ended = []
    for other in others:
        if other.scope != new.scope or not _overlap(new, other):
            continue
        if other.valid_from >= new.valid_from:
            raise PriceOverlap(
                _in_the_way(new, other), param="valid_from", begins=other.valid_from.isoformat()
            )
        if new.valid_to is None and other.valid_to is None:
            ended.append(other)
    return ended


def _check_merchant_rates(price: Price) -> None:
    total = parse_rate("0")
    for name in ("merchant_fee_rate", "merchant_subsidy_rate"):
        try:
            total += parse_rate(getattr(price, name), name)
        except RateError as error:
            raise PriceInvalid(f"{error}.", param=name) from None
    if total > 1:
        raise PriceInvalid(
            "Merchant fee and subsidy together exceed the financed amount.", param="merchant_fee_rate"
        )


def _overlap(one: Offer, other: Offer) -> bool:
    return (other.valid_to is None or one.valid_from <= other.valid_to) and (
        one.valid_to is None or other.valid_from <= one.valid_to
    )


def _in_the_way(new: Offer, other: Offer) -> str:
    if other.valid_from == new.valid_from:
        return (
            f"A price with this scope already begins on {new.valid_from}: start the new one on another day."
        )
    last = other.valid_from - timedelta(days=1)
    return f"A price with this scope begins on {other.valid_from}: end the new one on {last} or earlier."
