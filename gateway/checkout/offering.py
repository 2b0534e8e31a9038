"""The search for a counter-offer: what of an order that was declined for its amount alone would be approved.

The scorer tries changes of the same application, by the features that the decision was made from: nobody outside is
asked again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.checkout.models import Checkout
from gateway.core.calendar import shanghai_date
from gateway.decision.scorer import ScorerUnavailable
from gateway.merchants import service as merchants
from gateway.plans import service as plans
from gateway.plans.pricing import Price, offered
from gateway.web.context import Gateway

if TYPE_CHECKING:
    from gateway.decision.models import DecisionRequest


def find(
    gateway: Gateway, request: DecisionRequest, features: dict[str, Any], *, required: tuple[str, ...]
) -> dict[str, int] | None:
    """The smallest change of the order that the scorer recommends: ``term`` and ``down_payment`` in fen, or None.

    Of a counter-offer there is no other one, so that nobody finds out step by step what is approved.
    """
    with gateway.db.read() as tx:
        checkout = tx.get_one(Checkout, request.checkout_id)
        percent = merchants.get(tx, checkout.merchant_id).max_down_payment_percent or 0
    if checkout.counter_offer_of is not None or checkout.prices is None:
        return None
    prices = {int(term): Price(**price) for term, price in checkout.prices.items()}
    lender, day = (
        plans.lender_of(gateway.settings),
        shanghai_date(checkout.identified_at or request.created_at),
    )

    def largest_instalment(term: int, down_payment_fen: int) -> int | None:
        made, _ = offered(
            prices,
            order_fen=checkout.amount_fen,
            financed_fen=checkout.amount_fen - down_payment_fen,
            terms=[term],
            contract_date=day,
            lender=lender,
        )
        return max(row["payment"] for row in made[0]["schedule"]) if made else None

    try:
        change = gateway.ports.scorer.smallest_change(
            features,
            terms=sorted(prices),
            most_down_payment_fen=checkout.amount_fen * percent // 100,
            quote=largest_instalment,
            required=required,
        )
    except ScorerUnavailable:
        return None
    return {"term": change.term, "down_payment": change.down_payment_fen} if change else None
