"""Quotes: ``GET /v1/plans``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._model import Model
from .._models import Plan, PlanList
from .._transport import Timeout
from ._resource import Resource, given


class Plans(Resource):
    """Quotes for an amount; nothing is stored."""

    __slots__ = ()

    def list(
        self,
        *,
        amount: int,
        terms: Sequence[int] | None = None,
        category: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> PlanList:
        """The plans on offer for ``amount`` fen; ``.unavailable`` says why the other terms are not."""
        months = list(terms) if terms is not None else None
        params = given(extra, amount=amount, terms=months, category=category)
        quoted = self._client._get(Model, "/v1/plans", params, timeout)
        rows, response = quoted._fields, quoted._response
        return PlanList(
            [Plan(row, response) for row in rows.get("plans") or ()],
            [Model(row, response) for row in rows.get("unavailable") or ()],
        )
