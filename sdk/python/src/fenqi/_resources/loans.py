"""Loans: ``/v1/loans``."""

from __future__ import annotations

from .._models import Loan
from .._transport import Timeout
from ._resource import Resource, segment


class Loans(Resource):
    """What captures lent, without personal data."""

    __slots__ = ()

    def retrieve(self, loan: str, *, timeout: Timeout | None = None) -> Loan:
        """The loan with this id: schedule and state. Raises NotFoundError."""
        return self._client._get(Loan, f"/v1/loans/{segment(loan)}", None, timeout)
