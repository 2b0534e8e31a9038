"""Routes of scores: /v1/scores."""

from __future__ import annotations

from typing import Any

from gateway.scores import service
from gateway.scores.schemas import ScoreAnswer, ScoreRequest
from gateway.web.operations import Api, Call, Created
from gateway.web.rate_limits import Rate

api = Api("scores", prefix="/v1/scores")
SCORES = Rate("scores", per_second=20, burst=100)
"""Scores for a partner institution, which could otherwise be asked for until they add up to the model."""


@api.post(scope="scores:write", body=ScoreRequest, answer=ScoreAnswer, rate=SCORES)
def create_score(call: Call) -> Any:
    """Score an application that the caller decides by itself: fraud and credit, with reasons."""
    found = service.score(
        call.tx,
        call.tenant,
        scorer=call.gateway.ports.scorer,
        per_day=call.gateway.settings.scores_per_day,
        body=call.body,
    )
    return Created(found)
