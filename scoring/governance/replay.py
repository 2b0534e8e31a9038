"""Replay: a logged score is computed again, by the same bundle, from the logged input, and must come out the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from scoring.application import Application
from scoring.errors import InvalidApplication, ScoringError
from scoring.governance.scorelog import ScoreRecord
from scoring.policy import policy_named
from scoring.scorer import Scorer

TOLERANCE: Final = 1e-6


class OtherBundle(ScoringError):
    """A record was made by another bundle than the one that is asked to repeat it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value of one record that does not come out as it was logged."""

    decision: str
    role: str
    field: str
    logged: Any
    recomputed: Any


def recomputed(scorer: Scorer, record: ScoreRecord) -> dict[str, Any]:
    """What the scorer answers to the record's input now. Raises `InvalidApplication` for an input it cannot take."""
    try:
        application = Application(**record.features)
    except TypeError as problem:
        raise InvalidApplication("features", str(problem).replace("Application.__init__() ", "")) from problem
    answer = scorer.decide(application, policy_named(record.policy))
    scores = answer.scores
    return {
        "fraud_probability": scores.fraud_probability if scores else None,
        "default_probability": scores.default_probability if scores else None,
        "credit_score": scores.credit_score if scores else None,
        "outcome": answer.outcome,
        "limit_fen": answer.limit_fen,
    }


def replay(
    scorer: Scorer,
    records: Iterable[ScoreRecord],
    *,
    any_bundle: bool = False,
    progress: Callable[[], object] = lambda: None,
) -> tuple[int, list[Difference]]:
    """Repeats records; how many, and every value that differs: probabilities by more than 1e-6, the rest at all.

    Records without a score (there was no scorer) are not counted. Raises `OtherBundle` for a record of another
    bundle, unless ``any_bundle`` asks what this one would have said.
    """
    count, found = 0, []
    for record in records:
        if record.fraud_probability is None:
            continue
        if record.model_sha256 != scorer.identity.sha256 and not any_bundle:
            raise OtherBundle(
                f"{record.decision} was scored by {record.model} ({record.model_sha256[:12]}…), this bundle is"
                f" {scorer.identity.name}-{scorer.identity.version} ({scorer.identity.sha256[:12]}…)"
            )
        found += differences(record, recomputed(scorer, record))
        count += 1
        progress()
    return count, found


def differences(record: ScoreRecord, again: dict[str, Any]) -> list[Difference]:
    """Every value of a record that differs from what was recomputed."""
    return [
        Difference(record.decision, record.role, name, getattr(record, name), value)
        for name, value in again.items()
        if not _same(getattr(record, name), value)
    ]


def _same(logged: Any, value: Any) -> bool:
    if isinstance(logged, float) and isinstance(value, float):
        return abs(logged - value) <= TOLERANCE
    return bool(logged == value)
