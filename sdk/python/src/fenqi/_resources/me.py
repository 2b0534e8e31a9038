"""The caller: ``GET /v1/me``."""

from __future__ import annotations

from .._models import Identity
from .._transport import Timeout
from ._resource import Resource


class Me(Resource):
    """The caller, as the gateway sees it."""

    __slots__ = ()

    def retrieve(self, *, timeout: Timeout | None = None) -> Identity:
        """Merchant, mode, scopes, version and limits of these credentials."""
        return self._client._get(Identity, "/v1/me", None, timeout)
