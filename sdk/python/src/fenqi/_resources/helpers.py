"""Test mode: ``/v1/test_helpers``, 404 in live mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._models import Checkout
from .._transport import Timeout
from ._resource import Resource, given, segment


class TestHelpers(Resource):
    """Plays the other side in test mode."""

    __slots__ = ()
    __test__ = False

    def complete_checkout(
        self,
        checkout: str,
        *,
        phone: str | None = None,
        term: int | None = None,
        name: str | None = None,
        id_number: str | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Checkout:
        """Play the shopper to the decision.

        The ``phone`` chooses it: 13800000001 approve, …02 decline, …03 review. Without an ``id_number`` an
        adult is invented.
        """
        body = given(extra, phone=phone, term=term, name=name, id_number=id_number)
        path = f"/v1/test_helpers/checkouts/{segment(checkout)}/complete"
        return self._client._post(Checkout, path, body, idempotency_key, timeout)

    def resolve_checkout(
        self,
        checkout: str,
        *,
        outcome: str,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> Checkout:
        """End the review of a checkout with ``outcome`` approve or decline."""
        path = f"/v1/test_helpers/checkouts/{segment(checkout)}/resolve"
        return self._client._post(Checkout, path, {"outcome": outcome}, idempotency_key, timeout)
