"""Invoices of what the merchant owed for too long: ``/v1/invoices``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._models import Invoice
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given, segment


class Invoices(Resource):
    """What the merchant is asked to pay; later settlements pay it, too."""

    __slots__ = ()

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[Invoice]:
        """Invoices, newest first; ``limit`` counts over all pages."""
        return self._client._list(
            Invoice,
            "/v1/invoices",
            given(extra),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def retrieve(self, invoice: str, *, timeout: Timeout | None = None) -> Invoice:
        """The invoice with this id, and what is left of it. Raises NotFoundError."""
        return self._client._get(Invoice, f"/v1/invoices/{segment(invoice)}", None, timeout)
