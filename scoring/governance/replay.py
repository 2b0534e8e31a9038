"""Replay: a logged score is computed again, by the same bundle, from the logged input, and must come out the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from scoring.application import Application
from scoring.errors import InvalidApplication, ScoringError
from scoring.governance.scorelog import ScoreRecord
from scoring.policy import policy_named
from scoring.scorer import Scorer

TOLERANCE: Final = 1e-6


class OtherBundle(ScoringError):
    """No record was made by the bundle that is asked to repeat them."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value of one record that does not come out as it was logged."""

    decision: str
    role: str
    field: str
    logged: Any
    recomputed: Any


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many records were repeated, what differed, and how many were left out by the model that made them."""

    records: int
    differences: tuple[Difference, ...]
    others: Mapping[str, int]


def recomputed(scorer: Scorer, record: ScoreRecord) -> dict[str, Any]:
    """What the scorer answers to the record's input now. Raises ``InvalidApplication`` for an input it cannot take."""
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
) -> Replayed:
    """Repeat the bundle's records and compare: probabilities may differ by 1e-6, the rest not at all.

    Records without a score (there was no scorer) are not counted. Records of other bundles, such as challengers', are
    counted by model and left out, unless ``any_bundle`` asks what this one would have said. Raises ``OtherBundle`` when
    that leaves none.
    """
    count, found, others = 0, list[Difference](), Counter[str]()
    for record in records:
        if record.fraud_probability is None:
            continue
        progress()
        if record.model_sha256 != scorer.identity.sha256 and not any_bundle:
            others[f"{record.model} ({record.model_sha256[:12]}…)"] += 1
            continue
        found += differences(record, recomputed(scorer, record))
        count += 1
    if others and not count:
        raise OtherBundle(
            f"the scores were computed by {', '.join(others)}, but this bundle is"
            f" {scorer.identity.name}-{scorer.identity.version} ({scorer.identity.sha256[:12]}…)"
        )
    return Replayed(count, tuple(found), dict(others))


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
