"""Payments: ``/v1/payments``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from .._models import Payment
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given, segment

if TYPE_CHECKING:
    from .milestones import Milestones


class Payments(Resource):
    """What approved checkouts became."""

    __slots__ = ()

    @property
    def milestones(self) -> Milestones:
        """Stages of payments: deliveries, lessons."""
        from .milestones import Milestones

        return Milestones(self._client)

    def retrieve(self, payment: str, *, timeout: Timeout | None = None) -> Payment:
        """The payment with this id. Raises NotFoundError."""
        return self._client._get(Payment, f"/v1/payments/{segment(payment)}", None, timeout)

    def list(
        self,
        *,
        merchant_reference: str | None = None,
        merchant_order_id: str | None = None,
        store: str | None = None,
        status: str | None = None,
        created_from: date | str | None = None,
        created_to: date | str | None = None,
        amount_min: int | None = None,
        amount_max: int | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[Payment]:
        """Payments, newest first; ``limit`` counts over all pages, and filters can be combined.

        ``created_from`` and ``created_to`` are Shanghai dates, both included; amounts are what was authorised, fen.
        """
        params = given(
            extra,
            merchant_reference=merchant_reference,
            merchant_order_id=merchant_order_id,
            store=store,
            status=status,
            created_from=created_from.isoformat() if isinstance(created_from, date) else created_from,
            created_to=created_to.isoformat() if isinstance(created_to, date) else created_to,
            amount_min=amount_min,
            amount_max=amount_max,
        )
        return self._client._list(
            Payment, "/v1/payments", params, limit=limit, page_size=page_size, cursor=cursor, timeout=timeout
        )

    def update(
        self,
        payment: str,
        *,
        merchant_reference: str | None = None,
        shipping: Mapping[str, Any] | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Payment:
        """Change your order number, report a delivery, or merge metadata after the approval.

        ``shipping`` has ``carrier``, ``tracking_number`` and ``delivered_at``, from which the 7 days of return
        run; an empty value in ``metadata`` removes its key.
        """
        body = given(
            extra,
            merchant_reference=merchant_reference,
            shipping=dict(shipping) if shipping is not None else None,
            metadata=dict(metadata) if metadata is not None else None,
        )
        path = f"/v1/payments/{segment(payment)}"
        return self._client._change(Payment, "PATCH", path, body, idempotency_key, timeout)

    def capture(
        self,
        payment: str,
        *,
        amount: int | None = None,
        items: Sequence[Mapping[str, Any]] | None = None,
        delivery: Mapping[str, Any] | None = None,
        final: bool | None = None,
        milestone: str | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Payment:
        """Capture ``amount`` fen (all that is left when omitted) on shipment. Use your shipment number as the key.

        ``items`` name what leaves: ``line`` (the item's place in the order, from 1), ``quantity`` and, if you
        have them, ``serial_numbers``. The gateway knows what they cost: leave ``amount`` out, or send just
        that. ``final`` voids the rest. ``milestone`` names the stage that it captures: its amount is settled
        once that is done.
        """
        body = given(
            extra,
            amount=amount,
            items=[dict(item) for item in items] if items is not None else None,
            delivery=dict(delivery) if delivery is not None else None,
            final=final,
            milestone=milestone,
        )
        path = f"/v1/payments/{segment(payment)}/capture"
        return self._client._post(Payment, path, body, idempotency_key, timeout)

    def void(
        self,
        payment: str,
        *,
        amount: int | None = None,
        reason: str = "requested_by_merchant",
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Payment:
        """Release ``amount`` fen (all that is left when omitted) of what was not captured."""
        body = given(extra, amount=amount, reason=reason)
        return self._client._post(
            Payment, f"/v1/payments/{segment(payment)}/void", body, idempotency_key, timeout
        )

    def extend(
        self,
        payment: str,
        *,
        authorization_expires_at: datetime | str | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Payment:
        """Let the authorisation last longer, once; as long as the order's category allows when no time is given.

        Whoever extends it has the order, so it counts as acknowledged.
        """
        until = authorization_expires_at
        body = given(
            extra, authorization_expires_at=until.isoformat() if isinstance(until, datetime) else until
        )
        path = f"/v1/payments/{segment(payment)}/extend"
        return self._client._post(Payment, path, body, idempotency_key, timeout)

    def acknowledge(
        self,
        payment: str,
        *,
        merchant_order_id: str,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Payment:
        """Say that your order exists; an unacknowledged payment is voided at ``acknowledge_by``."""
        body = given(extra, merchant_order_id=merchant_order_id)
        path = f"/v1/payments/{segment(payment)}/acknowledge"
        return self._client._post(Payment, path, body, idempotency_key, timeout)
