"""Milestones of payments: ``/v1/payments/{id}/milestones``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from .._models import Milestone
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given, segment


class Milestones(Resource):
    """Stages of a payment: what is captured for one is settled once it is done."""

    __slots__ = ()

    def create(
        self,
        payment: str,
        *,
        kind: str,
        amount: int,
        description: str | None = None,
        due: date | str | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Milestone:
        """Stage ``amount`` fen of what can still be captured; ``kind`` is delivery, lesson or other.

        A capture that names the milestone carries it; the last capture carries all that are planned.
        """
        body = given(
            extra,
            kind=kind,
            amount=amount,
            description=description,
            due=due.isoformat() if isinstance(due, date) else due,
        )
        return self._client._post(Milestone, _path(payment), body, idempotency_key, timeout)

    def list(
        self,
        payment: str,
        *,
        status: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[Milestone]:
        """The milestones of a payment, newest first; ``limit`` counts over all pages."""
        return self._client._list(
            Milestone,
            _path(payment),
            given(extra, status=status),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def retrieve(self, milestone: str, *, payment: str, timeout: Timeout | None = None) -> Milestone:
        """One milestone of a payment. Raises NotFoundError."""
        return self._client._get(Milestone, f"{_path(payment)}/{segment(milestone)}", None, timeout)

    def claim(
        self,
        milestone: str,
        *,
        payment: str,
        text: str | None = None,
        files: Sequence[Mapping[str, Any]] | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Milestone:
        """Say that a captured stage is done: it is released unless the shopper contests it in time.

        ``files`` name what you keep as proof: ``name``, ``sha256`` and ``size`` in bytes of each.
        """
        body = given(extra, text=text, files=[dict(file) for file in files] if files is not None else None)
        path = f"{_path(payment)}/{segment(milestone)}/claim"
        return self._client._post(Milestone, path, body, idempotency_key, timeout)

    def respond(
        self,
        milestone: str,
        *,
        payment: str,
        text: str,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> Milestone:
        """Answer a shopper who contests a stage; a person decides. Raises ConflictError when nobody contests it."""
        path = f"{_path(payment)}/{segment(milestone)}/respond"
        return self._client._post(Milestone, path, {"text": text}, idempotency_key, timeout)


def _path(payment: str) -> str:
    return f"/v1/payments/{segment(payment)}/milestones"
