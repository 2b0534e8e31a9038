"""Settlements: ``/v1/settlements``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._models import Settlement, SettlementLine
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given, segment
from .downloads import check_type, download

if TYPE_CHECKING:
    from pathlib import Path

_STATEMENT = "application/jsonl"
_KEYS = "application/x-pem-file"


class Settlements(Resource):
    """Daily batches: an equation and its lines."""

    __slots__ = ()

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[Settlement]:
        """Settlements, newest first; ``limit`` counts over all pages."""
        return self._client._list(
            Settlement,
            "/v1/settlements",
            given(extra),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def retrieve(self, settlement: str, *, timeout: Timeout | None = None) -> Settlement:
        """The settlement with this id. Raises NotFoundError."""
        return self._client._get(Settlement, f"/v1/settlements/{segment(settlement)}", None, timeout)

    def lines(
        self,
        settlement: str,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[SettlementLine]:
        """The lines of a settlement; they add up to its components."""
        return self._client._list(
            SettlementLine,
            f"/v1/settlements/{segment(settlement)}/lines",
            given(extra),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def download_csv(
        self, settlement: str, to: str | os.PathLike[str], *, timeout: Timeout | None = None
    ) -> Path:
        """Write the lines as CSV to the file ``to`` and answer its path.

        The file appears whole or not at all. A connection that breaks is taken up where it broke, as long
        as the gateway still serves the same bytes (``ETag``), else begun again.
        """
        return download(self._client, f"/v1/settlements/{segment(settlement)}/lines", "text/csv", to, timeout)

    def download_statement(
        self, settlement: str, to: str | os.PathLike[str], *, timeout: Timeout | None = None
    ) -> Path:
        """Write the lines with the proof of each to the file ``to``, for ``fenqi verify-statement``.

        Answers its path; the file appears whole or not at all. Raises ConflictError (``statement_not_ready``) in the
        minute after the settlement has closed.
        """
        path = f"/v1/settlements/{segment(settlement)}/statement"
        return download(self._client, path, _STATEMENT, to, timeout)

    def signing_keys(self, *, timeout: Timeout | None = None) -> str:
        """The public keys that sign statements and contracts, as PEM: keep them, and compare when they change."""
        headers = {"Accept": _KEYS}
        answer = self._client._send("GET", "/v1/signing_keys", headers=headers, timeout=timeout)
        check_type(answer, _KEYS)
        return answer.text
