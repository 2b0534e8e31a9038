"""The score log of the gateway's decisions, champion and challengers, in the form that ``fenqi-score`` reads.

Sandbox numbers play an outcome and are not in it; a person's ruling after a review is not a score either.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import aliased
from sqlmodel import col, select

from gateway.core.tenant import Mode
from gateway.db.transactions import Transaction
from gateway.decision.models import CreditDecision, ShadowScore
from gateway.errors import NotFound
from scoring.governance.scorelog import CHAMPION, ScoreRecord

BATCH = 500


def records(
    tx: Transaction, mode: Mode, *, start: datetime | None = None, end: datetime | None = None
) -> Iterator[ScoreRecord]:
    """Every score from ``start`` to before ``end`` (UTC), oldest first, each followed by its challengers'."""
    earlier = aliased(CreditDecision)
    decided_before = select(earlier.id).where(
        earlier.checkout_id == CreditDecision.checkout_id, earlier.id < CreditDecision.id
    )
    query = select(CreditDecision).where(
        CreditDecision.mode == mode, col(CreditDecision.sandbox).is_(None), ~decided_before.exists()
    )
    if start is not None:
        query = query.where(CreditDecision.created_at >= start)
    if end is not None:
        query = query.where(CreditDecision.created_at < end)
    after = ""
    while batch := list(
        tx.exec(query.where(CreditDecision.id > after).order_by(col(CreditDecision.id)).limit(BATCH))
    ):
        shadows = _shadows(tx, [decision.id for decision in batch])
        for decision in batch:
            yield _champion(decision)
            yield from (_challenger(decision, score) for score in shadows.get(decision.id, []))
        after = batch[-1].id
        tx.expunge_all()


def of_decision(tx: Transaction, decision_id: str) -> list[ScoreRecord]:
    """The champion's record of one decision and its challengers'. Raises ``NotFound``, also for a sandbox outcome."""
    decision = tx.get(CreditDecision, decision_id)
    if decision is None or decision.sandbox is not None:
        raise NotFound(f"There is no score for the decision {decision_id!r}.")
    shadows = _shadows(tx, [decision_id]).get(decision_id, [])
    return [_champion(decision), *(_challenger(decision, score) for score in shadows)]


def _shadows(tx: Transaction, decisions: list[str]) -> dict[str, list[ShadowScore]]:
    query = select(ShadowScore).where(col(ShadowScore.decision_id).in_(decisions))
    found: dict[str, list[ShadowScore]] = {}
    for score in tx.exec(query.order_by(col(ShadowScore.challenger))):
        found.setdefault(score.decision_id, []).append(score)
    return found


def _champion(decision: CreditDecision) -> ScoreRecord:
    return ScoreRecord(
        decision=decision.id,
        at=decision.created_at.isoformat(),
        role=CHAMPION,
        model=decision.model or "",
        model_sha256=decision.model_sha256 or "",
        features=decision.features,
        fraud_probability=decision.fraud_probability,
        default_probability=decision.default_probability,
        credit_score=decision.credit_score,
        outcome=decision.recommended,
        limit_fen=decision.recommended_limit_fen,
        policy=decision.policy or "",
    )


def _challenger(decision: CreditDecision, score: ShadowScore) -> ScoreRecord:
    return ScoreRecord(
        decision=decision.id,
        at=score.created_at.isoformat(),
        role=score.challenger,
        model=score.model,
        model_sha256=score.model_sha256,
        features=decision.features,
        fraud_probability=score.fraud_probability,
        default_probability=score.default_probability,
        credit_score=score.credit_score,
        outcome=score.outcome,
        limit_fen=score.limit_fen,
        policy=score.policy,
    )
