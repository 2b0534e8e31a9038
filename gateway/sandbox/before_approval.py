"""Test mode: routes that act as the shopper, so that a shop can test its side without a browser. 404 in live mode."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gateway.checkout import deciding, reviewing, service, shopper
from gateway.checkout.schemas import CheckoutAnswer, CompleteRequest, ResolveRequest
from gateway.checkout.states import REQUIRED_CONSENTS
from gateway.db.ownership import owned
from gateway.db.transactions import READ_COMMITTED
from gateway.decision import requests
from gateway.errors import CodeRefused, NotFound
from gateway.identity import claims, codes
from gateway.identity.invented import invented_id_number
from gateway.identity.notifier import SANDBOX_CODE
from gateway.web.context import Caller, Gateway
from gateway.web.operations import Api, Call, Pending

if TYPE_CHECKING:
    from gateway.checkout.models import Checkout

api = Api("test_helpers", prefix="/v1/test_helpers/checkouts")


def _decided(gateway: Gateway, caller: Caller, path: dict[str, str], fault: str | None) -> Any:
    """The checkout after bureau and lender were asked."""
    with gateway.db.read() as tx:
        request = requests.of_checkout(tx, path["checkout_id"])
    if request is not None:
        deciding.answer(gateway, request.id, fault=fault)
    with gateway.db.read() as tx:
        gateway.at_time_of(tx, caller.tenant)
        checkout = service.get(tx, caller.tenant, path["checkout_id"])
        view = service.view(tx, checkout)
    return Pending(view) if view["status"] == "deciding" else view


@api.post(
    "/<checkout_id>/complete",
    scope="payments:write",
    body=CompleteRequest,
    answer=CheckoutAnswer,
    finish=_decided,
    level=READ_COMMITTED,
)
def complete_checkout(call: Call, checkout_id: str) -> Any:
    """Act as the shopper to the end: choose a term, identify, read, consent, confirm. The phone decides the outcome."""
    checkout = _in_test(call, checkout_id)
    body = call.body
    term = body["term"] or checkout.plans[0]["term"]
    codes.note(call.tx, call.gateway.vault, subject_id=checkout.id, phone=body["phone"], code=SANDBOX_CODE)
    found = shopper.identify(
        call.tx,
        call.gateway,
        checkout.id,
        term=term,
        name=body["name"],
        id_number=body["id_number"] or invented_id_number(checkout.id),
        phone=body["phone"],
        code=SANDBOX_CODE,
    )
    if isinstance(found, CodeRefused):
        raise found
    # A program reads at once: the disclosure counts as shown one reading time ago.
    reading = timedelta(seconds=call.gateway.settings.disclosure_reading_seconds)
    shopper.disclose(call.tx, found.id, ago=reading)
    shopper.confirm(
        call.tx,
        call.gateway,
        found.id,
        quote_hash=deciding.chosen_plan(found)["quote_hash"],
        consents=set(REQUIRED_CONSENTS),
        shopper_id=found.shopper_id,
    )
    return service.view(call.tx, found)


@api.post(
    "/<checkout_id>/resolve",
    scope="payments:write",
    body=ResolveRequest,
    answer=CheckoutAnswer,
    level=READ_COMMITTED,
)
def resolve_checkout(call: Call, checkout_id: str) -> Any:
    """End the review of a checkout: approve or decline. An applicant with a known ID number is taken for its holder."""
    checkout = _in_test(call, checkout_id)
    outcome = call.body["outcome"]
    claims_it = checkout.shopper_id is not None and claims.on_file(call.tx, checkout.shopper_id) is not None
    person = "same" if outcome == "approve" and claims_it else None
    reviewing.resolve(call.tx, call.gateway, checkout.id, outcome=outcome, by="test_helper", person=person)
    return service.view(call.tx, checkout)


def _in_test(call: Call, checkout_id: str) -> Checkout:
    if call.tenant.mode != "test":
        raise NotFound("Test helpers exist in test mode only.")
    return owned(service.locked(call.tx, checkout_id), call.tenant, "checkout", checkout_id)
