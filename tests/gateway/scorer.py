"""The real bundle, loaded once for all tests of a process."""

from __future__ import annotations

from functools import cache

from gateway.decision.scorer import EmbeddedScorer


@cache
def loaded_scorer() -> EmbeddedScorer:
    scorer = EmbeddedScorer()
    scorer.load()
    return scorer
