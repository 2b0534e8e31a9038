"""GET /v1/plans: the quote behind the price line on a product page and behind every checkout."""

from __future__ import annotations

from typing import Any

from gateway.plans import service
from gateway.plans.schemas import QuoteAnswer, QuoteQuery
from gateway.web.operations import Api, Call
from gateway.web.rate_limits import Rate

api = Api("plans", prefix="/v1/plans")
QUOTES = Rate("quotes", per_second=20, burst=200)
"""Quotes with a publishable key, for each key and address."""


@api.get(scope="checkouts:read", query=QuoteQuery, answer=QuoteAnswer, publishable=QUOTES)
def get_quote(call: Call) -> Any:
    """Quote an amount: every plan with its schedule, cost and disclosure; a publishable key (`key`) is enough."""
    lender = service.lender_of(call.gateway.settings)
    return service.quote_asked(call.tx, call.tenant, call.query, lender=lender)
