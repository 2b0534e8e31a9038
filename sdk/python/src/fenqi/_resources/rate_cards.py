"""Rate cards: ``/v1/rate_cards``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._models import RateCard
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given, segment


class RateCards(Resource):
    """What was agreed with the gateway about prices, by its first day."""

    __slots__ = ()

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[RateCard]:
        """Rate cards, newest first; ``limit`` counts over all pages."""
        return self._client._list(
            RateCard,
            "/v1/rate_cards",
            given(extra),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def retrieve(self, rate_card: str, *, timeout: Timeout | None = None) -> RateCard:
        """The rate card with this id. Raises NotFoundError."""
        return self._client._get(RateCard, f"/v1/rate_cards/{segment(rate_card)}", None, timeout)
