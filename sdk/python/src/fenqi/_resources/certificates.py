"""Certificates: ``/v1/certificates``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .._models import Certificate
from .._transport import Timeout
from ._resource import Resource, segment
from .downloads import download

if TYPE_CHECKING:
    from pathlib import Path

_PATH = "/v1/certificates"


class Certificates(Resource):
    """What your balances were in closed months: opening, movements and closing, signed."""

    __slots__ = ()

    def retrieve(self, month: str, *, timeout: Timeout | None = None) -> Certificate:
        """The certificate of a month such as ``2026-11``.

        Raises ConflictError (month_open) before the month is closed, on the 10th of the next.
        """
        return self._client._get(Certificate, f"{_PATH}/{segment(month)}", None, timeout)

    def download(self, month: str, to: str | os.PathLike[str], *, timeout: Timeout | None = None) -> Path:
        """Write the certificate to the file ``to``, for ``fenqi verify-certificate``, and answer its path."""
        return download(self._client, f"{_PATH}/{segment(month)}", "application/json", to, timeout)
