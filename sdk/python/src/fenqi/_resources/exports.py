"""Exports: ``/v1/exports`` and ``/v1/voucher_accounts``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .._models import Export, VoucherAccounts
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given, polled, segment
from .downloads import download

if TYPE_CHECKING:
    from pathlib import Path

_PATH = "/v1/exports"
_ACCOUNTS = "/v1/voucher_accounts"


class Exports(Resource):
    """Files of what the API shows: CSV, XLSX, PDF, camt.053, hledger, beancount, and vouchers for 用友 and 金蝶."""

    __slots__ = ()

    def create(
        self,
        *,
        kind: str,
        format: str,
        from_: str | None = None,
        to: str | None = None,
        filter: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Export:
        """Ask for a file; the days (such as ``2026-11-01``) are those of Shanghai, both included.

        ``kind`` is settlement_lines, settlements, balance_entries, payouts, payments, refunds, disputes or
        certificates; ``filter`` has the filters of its list. ``format="pdf"`` is a signed document of one settlement,
        of some days of balance entries, or of a closed month (certificates), of at most 2,000 lines. Raises
        InvalidRequestError naming what is possible, and ConflictError: wrong_state while 50 files are kept, month_open
        before a month is closed.
        """
        days = {name: day for name, day in (("from", from_), ("to", to)) if day is not None}
        body = {**given(extra, kind=kind, format=format, filter=filter and dict(filter)), **days}
        return self._client._post(Export, _PATH, body, idempotency_key, timeout)

    def retrieve(self, export: str, *, timeout: Timeout | None = None) -> Export:
        """The export with this id. Raises NotFoundError."""
        return self._client._get(Export, f"{_PATH}/{segment(export)}", None, timeout)

    def wait(
        self,
        export: str,
        *,
        timeout: float = 600,
        interval: float = 1,
        progress: Callable[[int], object] | None = None,
    ) -> Export:
        """The export once it no longer runs; ``progress`` is told the lines written. Raises APITimeoutError."""
        return polled(
            lambda: self.retrieve(export),
            ("completed", "failed", "expired"),
            called=f"the export {export}",
            timeout=timeout,
            interval=interval,
            sleep=self._client._transport.sleep,
            told=None if progress is None else lambda now: progress(now.lines),
        )

    def list(
        self,
        *,
        kind: str | None = None,
        status: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[Export]:
        """Exports, newest first; ``limit`` counts over all pages."""
        return self._client._list(
            Export,
            _PATH,
            given(extra, kind=kind, status=status),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def download(self, export: str, to: str | os.PathLike[str], *, timeout: Timeout | None = None) -> Path:
        """Write the file of a completed export to the file ``to`` and answer its path; whole or not at all.

        Raises ConflictError (wrong_state) while it runs, when it failed, and once it has expired.
        """
        return download(self._client, f"{_PATH}/{segment(export)}/file", None, to, timeout)

    def delete(
        self, export: str, *, idempotency_key: str | None = None, timeout: Timeout | None = None
    ) -> Export:
        """Delete the file before it expires; one that is being made is given up."""
        path = f"{_PATH}/{segment(export)}"
        return self._client._change(Export, "DELETE", path, None, idempotency_key, timeout)

    def accounts(self, *, timeout: Timeout | None = None) -> VoucherAccounts:
        """The codes and names that vouchers use for your own accounts."""
        return self._client._get(VoucherAccounts, _ACCOUNTS, None, timeout)

    def update_accounts(
        self,
        accounts: Mapping[str, Mapping[str, str]],
        *,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> VoucherAccounts:
        """Change some, such as ``{"sales": {"code": "6001", "name": "主营业务收入"}}``; the others stay."""
        body = {"accounts": dict(accounts)}
        return self._client._change(VoucherAccounts, "PATCH", _ACCOUNTS, body, idempotency_key, timeout)
