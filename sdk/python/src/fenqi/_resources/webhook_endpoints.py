"""Webhook endpoints: ``/v1/webhook_endpoints``, the addresses that are told of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._model import Model
from .._models import WebhookDelivery, WebhookEndpoint
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given, segment

_PATH = "/v1/webhook_endpoints"


class WebhookEndpoints(Resource):
    """Addresses that are told of events, their signing secrets and the log of what they were told."""

    __slots__ = ()

    def create(
        self,
        *,
        url: str,
        enabled_events: Sequence[str] | None = None,
        description: str | None = None,
        api_version: str | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> WebhookEndpoint:
        """Register ``url`` for the types in ``enabled_events`` (all when omitted).

        The answer alone holds ``secret``: store it.
        """
        events = list(enabled_events) if enabled_events is not None else None
        body = given(extra, url=url, enabled_events=events, description=description, api_version=api_version)
        return self._client._post(WebhookEndpoint, _PATH, body, idempotency_key, timeout)

    def retrieve(self, endpoint: str, *, timeout: Timeout | None = None) -> WebhookEndpoint:
        """The endpoint with this id. Raises NotFoundError."""
        return self._client._get(WebhookEndpoint, f"{_PATH}/{segment(endpoint)}", None, timeout)

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[WebhookEndpoint]:
        """Endpoints, newest first; ``limit`` counts over all pages."""
        return self._client._list(
            WebhookEndpoint,
            _PATH,
            given(extra),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def update(
        self,
        endpoint: str,
        *,
        url: str | None = None,
        enabled_events: Sequence[str] | None = None,
        description: str | None = None,
        api_version: str | None = None,
        status: str | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> WebhookEndpoint:
        """Change what is given; ``status`` is enabled or disabled."""
        events = list(enabled_events) if enabled_events is not None else None
        body = given(
            extra,
            url=url,
            enabled_events=events,
            description=description,
            api_version=api_version,
            status=status,
        )
        path = f"{_PATH}/{segment(endpoint)}"
        return self._client._change(WebhookEndpoint, "PATCH", path, body, idempotency_key, timeout)

    def delete(
        self, endpoint: str, *, idempotency_key: str | None = None, timeout: Timeout | None = None
    ) -> Model:
        """End an endpoint; what waits for it is canceled."""
        path = f"{_PATH}/{segment(endpoint)}"
        return self._client._change(Model, "DELETE", path, None, idempotency_key, timeout)

    def rotate_secret(
        self, endpoint: str, *, idempotency_key: str | None = None, timeout: Timeout | None = None
    ) -> WebhookEndpoint:
        """A new secret, in this answer alone; the one before it signs for 24 hours more, older ones to their end."""
        path = f"{_PATH}/{segment(endpoint)}/rotate_secret"
        return self._client._post(WebhookEndpoint, path, {}, idempotency_key, timeout)

    def revoke_secret(
        self,
        endpoint: str,
        *,
        secret: str,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> WebhookEndpoint:
        """End a replaced secret now; ``secret`` is its id (``whs_…``) among the endpoint's ``secrets``."""
        path = f"{_PATH}/{segment(endpoint)}/revoke_secret"
        return self._client._post(
            WebhookEndpoint, path, given(extra, secret=secret), idempotency_key, timeout
        )

    def deliveries(
        self,
        endpoint: str,
        *,
        status: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[WebhookDelivery]:
        """What the endpoint was told, newest first; ``log`` holds each attempt with request and answer."""
        return self._client._list(
            WebhookDelivery,
            f"{_PATH}/{segment(endpoint)}/deliveries",
            given(extra, status=status),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def replay(
        self,
        endpoint: str,
        *,
        from_time: str,
        to_time: str,
        types: Sequence[str] | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Model:
        """Send the events recorded from ``from_time`` up to ``to_time`` (RFC 3339) again; ``queued`` says how many."""
        chosen = list(types) if types is not None else None
        body = given({"from": from_time, **(extra or {})}, to=to_time, types=chosen)
        path = f"{_PATH}/{segment(endpoint)}/replay"
        return self._client._post(Model, path, body, idempotency_key, timeout)

    def test(
        self,
        endpoint: str,
        *,
        type: str | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> WebhookDelivery:
        """Send a signed sample once: your newest event of ``type``, or the endpoint itself."""
        path = f"{_PATH}/{segment(endpoint)}/test"
        return self._client._post(WebhookDelivery, path, given(extra, type=type), idempotency_key, timeout)

    def retry(
        self, delivery: str, *, idempotency_key: str | None = None, timeout: Timeout | None = None
    ) -> WebhookDelivery:
        """Send the delivery with this id again now."""
        path = f"/v1/webhook_deliveries/{segment(delivery)}/retry"
        return self._client._post(WebhookDelivery, path, {}, idempotency_key, timeout)
