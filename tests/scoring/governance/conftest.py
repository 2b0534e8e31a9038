from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace

import pytest

from scoring.governance import monitor
from scoring.governance.scorelog import CHAMPION, ScoreRecord
from scoring.training.generator import generate


@pytest.fixture(scope="package", autouse=True)
def small_reference() -> Iterator[None]:
    """The population of the generator is compared with by a part of its rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monitor, "REFERENCE_ROWS", 8_000)
        yield


@pytest.fixture(scope="session")
def records(scorer) -> list[ScoreRecord]:
    """A champion's log of 1,200 decisions, with 40 of a challenger that is stricter by ten points."""
    found = []
    for number, application in enumerate(generate(1_200, seed=4_711).applications()):
        answer = scorer.decide(application)
        record = ScoreRecord(
            decision=f"dec_{number:05}",
            at=f"2026-11-{1 + number // 60:02}T04:00:00+00:00",
            role=CHAMPION,
            model="fenqi 2026.11",
            model_sha256=scorer.identity.sha256,
            features=asdict(application),
            fraud_probability=answer.scores.fraud_probability,
            default_probability=answer.scores.default_probability,
            credit_score=answer.scores.credit_score,
            outcome=answer.outcome,
            limit_fen=answer.limit_fen,
            policy=answer.policy,
        )
        found.append(record)
        if number < 40:
            found.append(
                replace(
                    record,
                    role="strict",
                    credit_score=record.credit_score - 10,  # type: ignore[operator]
                    outcome="decline",
                    limit_fen=0,
                )
            )
    return found
