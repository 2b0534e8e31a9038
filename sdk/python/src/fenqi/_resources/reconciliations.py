"""Reconciliations: ``/v1/reconciliations``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._models import Reconciliation, ReconciliationItem, ReconciliationResolution
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given, polled, segment
from .downloads import download

if TYPE_CHECKING:
    from pathlib import Path

_PATH = "/v1/reconciliations"
_ENDED = ("mapping", "completed", "failed")


class Reconciliations(Resource):
    """Your shop's orders, your bank's statement or the institution's file, matched row by row."""

    __slots__ = ()

    def create(
        self,
        file: str | os.PathLike[str] | bytes,
        *,
        kind: str,
        name: str | None = None,
        tolerance: int | None = None,
        window_days: int | None = None,
        memo_contains: str | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Reconciliation:
        """Upload a file (its path, or its bytes under ``name``): CSV, XLSX or camt.053, up to 31 MB.

        ``kind`` is shop_orders, bank_statement or institution_file. The answer is ``running`` when columns of files
        like it were confirmed before, else ``mapping`` with guessed columns: see ``confirm``. Raises
        InvalidRequestError (file_unreadable) naming row and column, ConflictError (file_already_uploaded).
        """
        from pathlib import Path

        content = file if isinstance(file, bytes) else Path(file).read_bytes()
        named = name or ("file" if isinstance(file, bytes) else Path(file).name)
        fields = given(
            extra, kind=kind, tolerance=tolerance, window_days=window_days, memo_contains=memo_contains
        )
        return self._client._upload(Reconciliation, _PATH, fields, (named, content), idempotency_key, timeout)

    def confirm(
        self,
        reconciliation: str,
        *,
        columns: Mapping[str, str],
        tolerance: int | None = None,
        window_days: int | None = None,
        memo_contains: str | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Reconciliation:
        """Say which column holds what, such as ``{"reference": "订单号", "amount": "实付金额", "date": "日期"}``.

        The comparison starts, and files with the same headings start by themselves from then on.
        """
        body = given(
            extra,
            columns=dict(columns),
            tolerance=tolerance,
            window_days=window_days,
            memo_contains=memo_contains,
        )
        path = f"{_PATH}/{segment(reconciliation)}/confirm"
        return self._client._post(Reconciliation, path, body, idempotency_key, timeout)

    def retrieve(self, reconciliation: str, *, timeout: Timeout | None = None) -> Reconciliation:
        """The reconciliation with this id. Raises NotFoundError."""
        return self._client._get(Reconciliation, f"{_PATH}/{segment(reconciliation)}", None, timeout)

    def wait(
        self,
        reconciliation: str,
        *,
        timeout: float = 600,
        interval: float = 1,
        progress: Callable[[int], object] | None = None,
    ) -> Reconciliation:
        """The reconciliation once it no longer runs; ``progress`` is told the percent. Raises APITimeoutError."""
        called = f"the reconciliation {reconciliation}"
        return polled(
            lambda: self.retrieve(reconciliation),
            _ENDED,
            called=called,
            timeout=timeout,
            interval=interval,
            sleep=self._client._transport.sleep,
            told=None if progress is None else lambda now: progress(now.progress),
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
    ) -> Page[Reconciliation]:
        """Reconciliations, newest first; ``limit`` counts over all pages."""
        return self._client._list(
            Reconciliation,
            _PATH,
            given(extra, kind=kind, status=status),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def items(
        self,
        reconciliation: str,
        *,
        status: str | None = None,
        resolved: bool | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[ReconciliationItem]:
        """What does not agree, in the order of the file; ``status`` is a verdict such as missing_here."""
        which = None if resolved is None else str(resolved).lower()
        return self._client._list(
            ReconciliationItem,
            f"{_PATH}/{segment(reconciliation)}/items",
            given(extra, status=status, resolved=which),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def resolve(
        self,
        reconciliation: str,
        *,
        items: Sequence[str],
        note: str,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> ReconciliationResolution:
        """Resolve items together, all or none; above the limit another person sends the same request to confirm."""
        body = given(extra, items=[*items], note=note)
        path = f"{_PATH}/{segment(reconciliation)}/resolve"
        return self._client._post(ReconciliationResolution, path, body, idempotency_key, timeout)

    def download_csv(
        self, reconciliation: str, to: str | os.PathLike[str], *, timeout: Timeout | None = None
    ) -> Path:
        """Write your file with the verdict beside each row to the file ``to`` and answer its path."""
        return download(self._client, f"{_PATH}/{segment(reconciliation)}/items", "text/csv", to, timeout)
