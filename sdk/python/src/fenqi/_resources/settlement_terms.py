"""What is agreed about settlements: ``/v1/settlement_terms`` and ``/v1/reserve_releases``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._models import ReserveRelease, SettlementTerms
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given


class AgreedTerms(Resource):
    """When captures are settled, from which amount they are paid out, and what is held back."""

    __slots__ = ()

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[SettlementTerms]:
        """What was agreed with the merchant, newest first; empty while the standard terms apply."""
        return self._client._list(
            SettlementTerms,
            "/v1/settlement_terms",
            given(extra),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def current(self, *, timeout: Timeout | None = None) -> SettlementTerms:
        """The terms of today; those without ``id`` are the standard terms."""
        return self._client._get(SettlementTerms, "/v1/settlement_terms/current", None, timeout)


class ReserveReleases(Resource):
    """What settlements held in reserve, and when it is released."""

    __slots__ = ()

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[ReserveRelease]:
        """Reserves, the newest first; ``released_by`` is None while one is held."""
        return self._client._list(
            ReserveRelease,
            "/v1/reserve_releases",
            given(extra),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )
