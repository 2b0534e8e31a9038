"""Routes of webhook endpoints and their deliveries: /v1/webhook_endpoints, /v1/webhook_deliveries."""

from __future__ import annotations

from typing import Any

from gateway.errors import AddressNotAllowed
from gateway.web.context import Caller, Gateway
from gateway.web.idempotency import Idempotency
from gateway.web.operations import Api, Call, Created
from gateway.web.paging import PageQuery, listed
from gateway.webhooks.delivery import history
from gateway.webhooks.delivery.addresses import AddressRefused
from gateway.webhooks.delivery.sending import rules_for
from gateway.webhooks.endpoints import rights
from gateway.webhooks.endpoints import service as endpoints
from gateway.webhooks.models import WebhookEndpoint
from gateway.webhooks.schemas import (
    TEST_EVENT,
    DeliveryQuery,
    EndpointChange,
    EndpointRequest,
    ReplayAnswer,
    ReplayRequest,
    RevokeRequest,
    TestRequest,
    WebhookDeliveryAnswer,
    WebhookEndpointAnswer,
    WebhookEndpointDeleted,
)

SCOPE = "webhooks:write"
WITH_SECRET = Idempotency(sealed=True)

api = Api("webhook_endpoints", prefix="/v1/webhook_endpoints")
delivery_api = Api("webhook_deliveries", prefix="/v1/webhook_deliveries")


def refusal(gateway: Gateway, caller: Caller, body: dict[str, Any]) -> str | None:
    """Why deliveries may not go to the address in ``body``; looks its name up, so it runs outside transactions."""
    if "url" not in body:
        return None
    try:
        gateway.ports.webhook_transport.check(body["url"], rules_for(gateway, caller.mode))
    except AddressRefused as error:
        return str(error)
    return None


@api.post(
    scope=SCOPE,
    body=EndpointRequest,
    answer=WebhookEndpointAnswer,
    prepare=refusal,
    idempotency=WITH_SECRET,
    privileged=True,
    step_up=True,
)
def create_webhook_endpoint(call: Call) -> Any:
    """Register an address; only this response contains its signing secret."""
    _check_address(call)
    rights.check(call.caller, call.body["enabled_events"] or ())
    endpoint, secret = endpoints.create_endpoint(
        call.tx,
        call.tenant,
        call.gateway.vault,
        **call.body,
        client_id=call.caller.client_id,
        member_id=call.caller.user_id,
    )
    return Created(_shown(call, endpoint, secret))


@api.get(scope=SCOPE, query=PageQuery, answer=WebhookEndpointAnswer, lists=True)
def list_webhook_endpoints(call: Call) -> Any:
    """List webhook endpoints, newest first."""
    return listed(call, endpoints.of_tenant(call.tenant), lambda endpoint: _shown(call, endpoint))


@api.get("/<endpoint_id>", scope=SCOPE, answer=WebhookEndpointAnswer)
def get_webhook_endpoint(call: Call, endpoint_id: str) -> Any:
    """Retrieve a webhook endpoint."""
    return _shown(call, endpoints.get(call.tx, call.tenant, endpoint_id))


@api.patch(
    "/<endpoint_id>",
    scope=SCOPE,
    body=EndpointChange,
    answer=WebhookEndpointAnswer,
    prepare=refusal,
    privileged=True,
    step_up=True,
)
def change_webhook_endpoint(call: Call, endpoint_id: str) -> Any:
    """Change a webhook endpoint, disable it, or enable it again."""
    endpoints.get(call.tx, call.tenant, endpoint_id)
    _check_address(call)
    return _shown(call, endpoints.change(call.tx, call.tenant, endpoint_id, call.body, by=call.caller))


@api.delete("/<endpoint_id>", scope=SCOPE, answer=WebhookEndpointDeleted, privileged=True, step_up=True)
def delete_webhook_endpoint(call: Call, endpoint_id: str) -> Any:
    """Delete a webhook endpoint; its waiting deliveries are canceled."""
    return endpoints.delete(call.tx, call.tenant, endpoint_id)


@api.post(
    "/<endpoint_id>/rotate_secret",
    scope=SCOPE,
    answer=WebhookEndpointAnswer,
    idempotency=WITH_SECRET,
    privileged=True,
    step_up=True,
)
def rotate_webhook_secret(call: Call, endpoint_id: str) -> Any:
    """Create a new signing secret; the previous one also signs for 24 hours, each earlier one until its own end."""
    rotated = endpoints.rotate_secret(call.tx, call.tenant, call.gateway.vault, endpoint_id)
    return _shown(call, *rotated)


@api.post(
    "/<endpoint_id>/revoke_secret",
    scope=SCOPE,
    body=RevokeRequest,
    answer=WebhookEndpointAnswer,
    privileged=True,
    step_up=True,
)
def revoke_webhook_secret(call: Call, endpoint_id: str) -> Any:
    """End a replaced signing secret now, before its 24 hours are over."""
    return _shown(call, endpoints.revoke_secret(call.tx, call.tenant, endpoint_id, call.body["secret"]))


@api.get(
    "/<endpoint_id>/deliveries", scope=SCOPE, query=DeliveryQuery, answer=WebhookDeliveryAnswer, lists=True
)
def list_webhook_deliveries(call: Call, endpoint_id: str) -> Any:
    """List an endpoint's deliveries of the last 30 days with all attempts, newest first."""
    endpoint = endpoints.get(call.tx, call.tenant, endpoint_id)
    query = history.query_of(endpoint, status=call.query["status"], types=_readable(call))
    return listed(call, query, views=lambda rows: history.views(call.tx, rows))


@api.post("/<endpoint_id>/replay", scope=SCOPE, body=ReplayRequest, answer=ReplayAnswer)
def replay_webhook_events(call: Call, endpoint_id: str) -> Any:
    """Send the events of a time range that you may read again, under the same event ids."""
    body = call.body
    rights.check(call.caller, body["types"] or (), param="types")
    queued = history.replay(
        call.tx,
        call.tenant,
        endpoint_id,
        start=body["from_"],
        end=body["to"],
        types=body["types"],
        readable=_readable(call),
    )
    return {"endpoint": endpoint_id, "queued": queued}


@api.post("/<endpoint_id>/test", scope=SCOPE, body=TestRequest, answer=WebhookDeliveryAnswer)
def test_webhook_endpoint(call: Call, endpoint_id: str) -> Any:
    """Send a signed sample once; its delivery shows what the endpoint answered."""
    rights.check(call.caller, [call.body["type"] or TEST_EVENT], param="type")
    row = history.send_sample(call.tx, call.tenant, endpoint_id, type=call.body["type"])
    return history.views(call.tx, [row])[0]


@delivery_api.post("/<delivery_id>/retry", scope=SCOPE, answer=WebhookDeliveryAnswer)
def retry_webhook_delivery(call: Call, delivery_id: str) -> Any:
    """Send a delivery again now, whatever its status."""
    row = history.retry(call.tx, call.tenant, delivery_id, types=_readable(call))
    return history.views(call.tx, [row])[0]


def _readable(call: Call) -> list[str]:
    """The types whose deliveries the caller sees: those of events it may read, and tests of the endpoint itself."""
    return [*rights.readable(call.caller.scopes), TEST_EVENT]


def _check_address(call: Call) -> None:
    if call.prepared is not None:
        raise AddressNotAllowed(call.prepared, param="url")


def _shown(call: Call, endpoint: WebhookEndpoint, secret: str | None = None) -> dict[str, Any]:
    return endpoints.view(call.tx, endpoint, secret=secret)
