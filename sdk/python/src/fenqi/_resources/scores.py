"""Scores for partner institutions: ``/v1/scores``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._models import Score
from .._transport import Timeout
from ._resource import Resource, given


class Scores(Resource):
    """The gateway's scorer, for an institution that decides by itself; needs the scope ``scores:write``."""

    __slots__ = ()

    def create(
        self,
        *,
        reference: str,
        application: Mapping[str, Any],
        consents: Sequence[Mapping[str, Any]] = (),
        model: str | None = None,
        explain: bool | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Score:
        """Score one ``application`` (money in fen, what is left out is unknown) under your ``reference``.

        Each of ``consents`` has ``source``, your ``reference`` of it and ``given_at``; ``model`` pins the model that
        answers, and ``explain=False`` leaves the reasons out. Raises InvalidRequestError with the code
        consent_missing for a field whose source has no consent, ConflictError (model_not_served), RateLimitError
        (quota_exceeded).
        """
        body = given(
            extra,
            reference=reference,
            application=dict(application),
            consents=[dict(consent) for consent in consents],
            model=model,
            explain=explain,
        )
        return self._client._post(Score, "/v1/scores", body, idempotency_key, timeout)
