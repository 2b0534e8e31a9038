"""Payout accounts: ``/v1/payout_accounts``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._models import PayoutAccount
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given, segment

_PATH = "/v1/payout_accounts"


class PayoutAccounts(Resource):
    """Where payouts go; an owner of the merchant changes it, with the person's own token."""

    __slots__ = ()

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[PayoutAccount]:
        """Accounts, newest first; ``limit`` counts over all pages."""
        return self._client._list(
            PayoutAccount,
            _PATH,
            given(extra),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def retrieve(self, payout_account: str, *, timeout: Timeout | None = None) -> PayoutAccount:
        """The account with this id. Raises NotFoundError."""
        return self._client._get(PayoutAccount, f"{_PATH}/{segment(payout_account)}", None, timeout)

    def request(
        self,
        *,
        kind: str,
        number: str,
        holder: str | None = None,
        bank: str | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> PayoutAccount:
        """Let payouts go to another account after the cooling-off; every owner is told.

        ``kind`` is bank_card, bank_account (both with ``holder`` and ``bank``) or institution_account. Raises
        AuthenticationError (step_up_required), InvalidRequestError, ConflictError while another change waits.
        """
        body = given(extra, kind=kind, number=number, holder=holder, bank=bank, reason=reason)
        return self._client._post(PayoutAccount, _PATH, body, idempotency_key, timeout)

    def cancel(
        self,
        payout_account: str,
        *,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> PayoutAccount:
        """Take back a change that still cools off. Raises ConflictError once the account counts."""
        path = f"{_PATH}/{segment(payout_account)}/cancel"
        return self._client._post(PayoutAccount, path, {}, idempotency_key, timeout)
