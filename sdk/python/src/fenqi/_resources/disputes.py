"""Disputes: ``/v1/disputes``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._models import Dispute
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given, segment


class Disputes(Resource):
    """Captures that a shopper contests."""

    __slots__ = ()

    def retrieve(self, dispute: str, *, timeout: Timeout | None = None) -> Dispute:
        """The dispute with this id. Raises NotFoundError."""
        return self._client._get(Dispute, f"/v1/disputes/{segment(dispute)}", None, timeout)

    def list(
        self,
        *,
        payment: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[Dispute]:
        """Disputes, newest first; ``limit`` counts over all pages."""
        params = given(extra, payment=payment)
        return self._client._list(
            Dispute, "/v1/disputes", params, limit=limit, page_size=page_size, cursor=cursor, timeout=timeout
        )

    def respond(
        self,
        dispute: str,
        *,
        evidence: str,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> Dispute:
        """Answer with ``evidence``: what was sold, when it was delivered, what was agreed; the lender decides.

        Until then another answer replaces it. Raises ConflictError when it is decided.
        """
        path = f"/v1/disputes/{segment(dispute)}/respond"
        return self._client._post(Dispute, path, {"evidence": evidence}, idempotency_key, timeout)

    def accept(
        self, dispute: str, *, idempotency_key: str | None = None, timeout: Timeout | None = None
    ) -> Dispute:
        """Agree with the shopper: the amount goes back. Raises ConflictError when it is decided otherwise."""
        path = f"/v1/disputes/{segment(dispute)}/accept"
        return self._client._post(Dispute, path, {}, idempotency_key, timeout)
