"""Refunds: ``/v1/refunds``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._models import Refund, RefundPreview
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given, segment


class Refunds(Resource):
    """Money the merchant gives back."""

    __slots__ = ()

    def create(
        self,
        *,
        payment: str,
        reason: str,
        kind: str = "return",
        amount: int | None = None,
        capture: str | None = None,
        refund_reference: str | None = None,
        items: Sequence[Mapping[str, Any]] | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Refund:
        """Refund ``amount`` fen (all that is refundable when omitted). Use your return's number as the key.

        ``kind`` is return, price_adjustment, unused_lessons, goodwill or unwind and decides which fees and
        subsidies come back. A capture that is refunded whole inside its 7 days is unwound, whatever the kind:
        nothing is left of its loan. ``refund_reference`` is unique per payment. ``items`` name what comes
        back, ``line`` and ``quantity``: they are given back for what they were captured for.
        """
        body = given(
            extra,
            payment=payment,
            capture=capture,
            amount=amount,
            refund_reference=refund_reference,
            kind=kind,
            items=[dict(item) for item in items] if items is not None else None,
            reason=reason,
        )
        return self._client._post(Refund, "/v1/refunds", body, idempotency_key, timeout)

    def preview(
        self,
        *,
        payment: str,
        reason: str,
        kind: str = "return",
        amount: int | None = None,
        capture: str | None = None,
        refund_reference: str | None = None,
        items: Sequence[Mapping[str, Any]] | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> RefundPreview:
        """What ``create`` with the same arguments would do now, and raise; nothing changes and nothing is reserved."""
        body = given(
            extra,
            payment=payment,
            capture=capture,
            amount=amount,
            refund_reference=refund_reference,
            kind=kind,
            items=[dict(item) for item in items] if items is not None else None,
            reason=reason,
        )
        return self._client._post(RefundPreview, "/v1/refunds/preview", body, None, timeout)

    def retrieve(self, refund: str, *, timeout: Timeout | None = None) -> Refund:
        """The refund with this id. Raises NotFoundError."""
        return self._client._get(Refund, f"/v1/refunds/{segment(refund)}", None, timeout)

    def list(
        self,
        *,
        payment: str | None = None,
        reference: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[Refund]:
        """Refunds, newest first; ``limit`` counts over all pages.

        ``reference`` is the ``refund_reference`` that you created one with.
        """
        params = given(extra, payment=payment, reference=reference)
        return self._client._list(
            Refund, "/v1/refunds", params, limit=limit, page_size=page_size, cursor=cursor, timeout=timeout
        )
