"""The merchant's side of the ledger: ``/v1/balance`` and ``/v1/balance_entries``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from .._models import Balance, BalanceEntry
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given


class BalanceNow(Resource):
    """What the gateway owes the merchant now."""

    __slots__ = ()

    def retrieve(self, *, timeout: Timeout | None = None) -> Balance:
        """The balance at this moment, fen."""
        return self._client._get(Balance, "/v1/balance", None, timeout)


class BalanceEntries(Resource):
    """The lines behind the balance."""

    __slots__ = ()

    def list(
        self,
        *,
        from_date: date | str | None = None,
        to_date: date | str | None = None,
        payment: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[BalanceEntry]:
        """Entries, newest first; the dates are Shanghai dates."""
        params = given(
            {"from": _iso(from_date), "to": _iso(to_date), **(extra or {})},
            payment=payment,
        )
        return self._client._list(
            BalanceEntry,
            "/v1/balance_entries",
            params,
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )


def _iso(day: date | str | None) -> str | None:
    return day.isoformat() if isinstance(day, date) else day
