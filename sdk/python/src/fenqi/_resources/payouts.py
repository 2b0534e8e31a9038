"""Payouts: ``/v1/payouts``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._models import Payout
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given, segment


class Payouts(Resource):
    """Instructions to the payment institution and their state."""

    __slots__ = ()

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[Payout]:
        """Payouts, newest first; ``limit`` counts over all pages."""
        return self._client._list(
            Payout,
            "/v1/payouts",
            given(extra),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def retrieve(self, payout: str, *, timeout: Timeout | None = None) -> Payout:
        """The payout with this id. Raises NotFoundError."""
        return self._client._get(Payout, f"/v1/payouts/{segment(payout)}", None, timeout)
