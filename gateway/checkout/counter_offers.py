"""Counter-offers: what a shopper may have instead of an order that was declined for its amount alone.

``offering`` finds it at the decision. A shopper who goes on with the offer confirms a new checkout of the same order,
with its own disclosure, agreements and request to the lender.
"""

from __future__ import annotations

from typing import Any

from sqlmodel import col, select

from gateway.checkout import reviewing, service
from gateway.checkout.models import Checkout
from gateway.db.transactions import Transaction
from gateway.errors import NotFound, WrongState
from gateway.plans import service as plans
from gateway.web.context import Gateway


def stands(tx: Transaction, checkout: Checkout) -> bool:
    """Whether the shopper can still go on with the offer: it ends when the declined checkout would have."""
    return (
        checkout.status == "declined" and checkout.counter_offer is not None and checkout.expires_at > tx.now
    )


def plan_of(tx: Transaction, gateway: Gateway, checkout: Checkout) -> dict[str, Any] | None:
    """The plan that is offered, as it is today; None when there is none any more."""
    offer = checkout.counter_offer or {}
    quote = plans.quote(
        tx,
        service.tenant_of(checkout),
        amount_fen=checkout.amount_fen,
        terms=[offer["term"]],
        category=checkout.category,
        lender=plans.lender_of(gateway.settings),
        down_payment_fen=offer["down_payment"],
    )
    return next(iter(quote["plans"]), None)


def go_on(tx: Transaction, gateway: Gateway, checkout_id: str) -> Checkout:
    """A new checkout of the order as it was offered, which the shopper has yet to read and confirm.

    Whoever asks again gets the same. Raises ``NotFound``, ``WrongState`` without an offer or when it has ended,
    ``DuplicateReference`` when the shop started the order again, or ``TermUnavailable``.
    """
    declined = service.locked(tx, checkout_id)
    if declined is None:
        raise NotFound("This checkout does not exist. Return to the shop and try again.")
    offer = declined.counter_offer
    if declined.status != "declined" or offer is None:
        raise WrongState("There is no counter-offer for this order.", param="checkout")
    known = _known(tx, declined)
    if known is not None:
        return known
    if not stands(tx, declined):
        raise WrongState(f"The offer expired at {declined.expires_at:%Y-%m-%dT%H:%M:%SZ}.", param="checkout")
    reviewing.refuse_started_again(tx, declined)
    return reviewing.again(
        tx,
        gateway,
        declined,
        expires_at=declined.expires_at,
        counter_offer_of=declined.id,
        terms=[offer["term"]],
        term=offer["term"],
        down_payment_fen=offer["down_payment"],
    )


def _known(tx: Transaction, declined: Checkout) -> Checkout | None:
    """The checkout that was made of the offer before; found by the order."""
    query = select(Checkout.id).where(
        Checkout.merchant_id == declined.merchant_id,
        Checkout.mode == declined.mode,
        Checkout.merchant_reference == declined.merchant_reference,
        Checkout.counter_offer_of == declined.id,
    )
    found = tx.exec(query.order_by(col(Checkout.id).desc()).limit(1)).first()
    return service.locked(tx, found) if found is not None else None
