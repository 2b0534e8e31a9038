"""GET /v1/plans, the quote behind every price line and checkout, and GET /v1/rate_cards, what was agreed."""

from __future__ import annotations

from typing import Any

from sqlmodel import select

from gateway.core.calendar import shanghai_date
from gateway.plans import service
from gateway.plans.cards import service as cards
from gateway.plans.models import RateCard
from gateway.plans.schemas import QuoteAnswer, QuoteQuery, RateCardAnswer
from gateway.web.operations import Api, Call
from gateway.web.paging import PageQuery, listed
from gateway.web.rate_limits import Rate

api = Api("plans", prefix="/v1/plans")
rate_cards = Api("rate_cards", prefix="/v1/rate_cards")
QUOTES = Rate("quotes", per_second=20, burst=200)
"""Quotes with a publishable key, for each key and address."""


@api.get(scope="checkouts:read", query=QuoteQuery, answer=QuoteAnswer, publishable=QUOTES)
def get_quote(call: Call) -> Any:
    """Quote an amount: every plan with its schedule, cost and disclosure; a publishable key (`key`) is enough."""
    lender = service.lender_of(call.gateway.settings)
    return service.quote_asked(call.tx, call.tenant, call.query, lender=lender)


@rate_cards.get(scope="settlements:read", query=PageQuery, answer=RateCardAnswer, lists=True)
def list_rate_cards(call: Call) -> Any:
    """List your rate cards, those that begin later included, newest first."""
    query = select(RateCard).where(
        RateCard.merchant_id == call.tenant.merchant_id, RateCard.status == "confirmed"
    )
    today = _card_of_today(call)
    return listed(call, query, lambda row: cards.view(row, today))


@rate_cards.get("/<card_id>", scope="settlements:read", answer=RateCardAnswer)
def get_rate_card(call: Call, card_id: str) -> Any:
    """Retrieve a rate card: every price with who pays what, and the subsidy programmes."""
    row = cards.of_merchant(call.tx, call.tenant.merchant_id, card_id)
    return cards.view(row, _card_of_today(call))


def _card_of_today(call: Call) -> str | None:
    return service.card_in_force(call.tx, call.tenant.merchant_id, shanghai_date(call.tx.now))
