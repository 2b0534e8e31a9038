"""Checkouts: ``/v1/checkouts``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._models import Checkout
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given, polled, segment

_FINAL = ("approved", "declined", "expired", "canceled")


class Checkouts(Resource):
    """A shopper's application at the gateway, from opening to decision."""

    __slots__ = ()

    def create(
        self,
        *,
        amount: int,
        merchant_reference: str,
        items: Sequence[Mapping[str, Any]],
        category: str,
        return_url: str,
        cancel_url: str,
        currency: str = "CNY",
        government_subsidy: Mapping[str, Any] | None = None,
        merchant_discount: int | None = None,
        down_payment: int | None = None,
        terms: Sequence[int] | None = None,
        store: str | None = None,
        locale: str | None = None,
        term: int | None = None,
        metadata: Mapping[str, str] | None = None,
        expires_in: int | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Checkout:
        """Open a checkout over ``amount`` fen and get the ``url`` to send the shopper to.

        ``items`` have ``name``, ``quantity``, ``unit_price`` (fen) and ``category``; their sum less
        discount and subsidy must be ``amount``. ``merchant_reference`` is your order number: the same
        reference and content answers the same open checkout, other content raises DuplicateReference.
        ``store`` names which of your stores sells; ``expires_in`` is in seconds. ``locale`` is the
        language of your page (``zh-CN`` or ``en``), ``term`` the plan chosen there, in months: the
        shopper's pages begin with both, and the way back to you carries ``locale``.
        """
        body = given(
            extra,
            amount=amount,
            currency=currency,
            merchant_reference=merchant_reference,
            items=[dict(item) for item in items],
            category=category,
            government_subsidy=dict(government_subsidy) if government_subsidy is not None else None,
            merchant_discount=merchant_discount,
            down_payment=down_payment,
            terms=list(terms) if terms is not None else None,
            return_url=return_url,
            cancel_url=cancel_url,
            store=store,
            locale=locale,
            term=term,
            metadata=dict(metadata) if metadata is not None else None,
            expires_in=expires_in,
        )
        return self._client._post(Checkout, "/v1/checkouts", body, idempotency_key, timeout)

    def retrieve(self, checkout: str, *, timeout: Timeout | None = None) -> Checkout:
        """The checkout with this id. Raises NotFoundError."""
        return self._client._get(Checkout, f"/v1/checkouts/{segment(checkout)}", None, timeout)

    def list(
        self,
        *,
        merchant_reference: str | None = None,
        status: str | None = None,
        store: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[Checkout]:
        """Checkouts, newest first; ``limit`` counts over all pages."""
        params = given(extra, merchant_reference=merchant_reference, status=status, store=store)
        return self._client._list(
            Checkout,
            "/v1/checkouts",
            params,
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def cancel(
        self, checkout: str, *, idempotency_key: str | None = None, timeout: Timeout | None = None
    ) -> Checkout:
        """Cancel a checkout that has not been decided yet. Raises ConflictError when it is."""
        path = f"/v1/checkouts/{segment(checkout)}/cancel"
        return self._client._post(Checkout, path, {}, idempotency_key, timeout)

    def wait(self, checkout: str, *, timeout: float = 600.0, interval: float = 2.0) -> Checkout:
        """Ask every ``interval`` seconds until the checkout is decided; for scripts, a shop listens to webhooks.

        Raises APITimeoutError after ``timeout`` seconds.
        """
        return polled(
            lambda: self.retrieve(checkout),
            _FINAL,
            called=f"checkout {checkout}",
            timeout=timeout,
            interval=interval,
            sleep=self._client._transport.sleep,
        )
