"""Routes of checkouts: /v1/checkouts, and the test helpers that play the shopper."""

from __future__ import annotations

from typing import Any

from gateway.checkout import access, service
from gateway.checkout.models import Checkout
from gateway.checkout.rates import CHECKOUTS
from gateway.checkout.schemas import CheckoutAnswer, CheckoutQuery, CheckoutRequest
from gateway.db.transactions import READ_COMMITTED
from gateway.web.idempotency import Idempotency
from gateway.web.operations import Api, Call, Created
from gateway.web.paging import listed, of_tenant

api = Api("checkouts", prefix="/v1/checkouts")
READ = ("checkouts:read", "checkouts:write")


@api.post(
    scope="checkouts:write",
    body=CheckoutRequest,
    answer=CheckoutAnswer,
    rate=CHECKOUTS,
    idempotency=Idempotency(sealed=True),
    level=READ_COMMITTED,
)
def create_checkout(call: Call) -> Any:
    """Start a checkout; send the shopper to its `url`. The same reference and body again return the same checkout.

    The `url` carries a secret, so it is returned only by this call.
    """
    checkout, new = service.start(call.tx, call.gateway, call.tenant, call.body)
    path = access.address_of(call.gateway, checkout)
    url = call.gateway.settings.public_url + path if path is not None else None
    answer = service.view(call.tx, checkout, url=url)
    return Created(answer) if new else answer


@api.get(scope=READ, query=CheckoutQuery, answer=CheckoutAnswer, lists=True)
def list_checkouts(call: Call) -> Any:
    """List checkouts, newest first."""
    query = of_tenant(
        Checkout,
        call.tenant,
        merchant_reference=call.query["merchant_reference"],
        status=call.query["status"],
        store=call.query["store"],
    )
    return listed(call, query, lambda checkout: service.view(call.tx, checkout))


@api.get("/<checkout_id>", scope=READ, answer=CheckoutAnswer)
def get_checkout(call: Call, checkout_id: str) -> Any:
    """Retrieve a checkout."""
    return service.view(call.tx, service.read(call.tx, call.tenant, checkout_id))


@api.post("/<checkout_id>/cancel", scope="checkouts:write", answer=CheckoutAnswer, level=READ_COMMITTED)
def cancel_checkout(call: Call, checkout_id: str) -> Any:
    """Cancel a checkout that has not been decided yet."""
    return service.view(call.tx, service.cancel(call.tx, call.tenant, checkout_id))
