"""Delivering one event to one endpoint: signed, no redirects, short time-outs; anything but 2xx is a failure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import requests

from gateway.webhooks import signatures
from gateway.webhooks.models import Event, OutboxItem, WebhookEndpoint
from gateway.webhooks.schemas import EventAnswer

if TYPE_CHECKING:
    from gateway.web.context import Gateway

TIMEOUT_SECONDS = (3.05, 10)
PAYLOAD = EventAnswer()


class DeliveryFailed(Exception):
    """The endpoint did not answer 2xx."""


def deliver(gateway: Gateway, item: OutboxItem) -> None:
    """Send the event that ``item`` names. Raises ``DeliveryFailed`` or a transport error; the outbox tries again."""
    with gateway.db.read() as tx:
        event = tx.get_one(Event, item.payload["event"])
        endpoint = tx.get(WebhookEndpoint, item.payload["endpoint"])
    if endpoint is None or not endpoint.enabled:
        return
    secret = gateway.vault.open(endpoint.secret, table="webhook_endpoint", row=endpoint.id, column="secret")
    body = json.dumps(PAYLOAD.dump(event), ensure_ascii=False, separators=(",", ":")).encode()
    timestamp = int(gateway.clock().timestamp())
    answer = requests.post(
        endpoint.url,
        data=body,
        headers={
            "Content-Type": "application/json",
            "User-Agent": "Fenqi-Webhooks/1",
            "webhook-id": event.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures.sign(secret, message_id=event.id, timestamp=timestamp, body=body),
        },
        timeout=TIMEOUT_SECONDS,
        allow_redirects=False,
        stream=True,
    )
    with answer:
        if not 200 <= answer.status_code < 300:
            raise DeliveryFailed(f"{endpoint.url} answered {answer.status_code}")
