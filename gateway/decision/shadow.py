"""Challengers: other models score a stable share of the shoppers in shadow, after the decision, and decide nothing.

What waits to be scored is a row of the outbox beside its decision, so a challenger that is slow, broken or away delays
nobody; its score is made once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.db.transactions import Transaction
from gateway.decision.models import CreditDecision, ShadowScore
from gateway.decision.scorer import EmbeddedScorer, ScorerUnavailable
from gateway.outbox import service as outbox
from scoring.governance.buckets import takes_part
from scoring.policy import sources_of

if TYPE_CHECKING:
    from gateway.outbox.models import OutboxItem
    from gateway.web.context import Gateway
    from scoring import Recommendation

TOPIC = "decision.shadow"
log = logging.getLogger("gateway.shadow")


@dataclass(frozen=True, slots=True)
class Challenger:
    """A model in shadow: its name, its scorer, and the share of the shoppers that it sees, in basis points."""

    name: str
    scorer: EmbeddedScorer
    share_bp: int


def plan(tx: Transaction, decision: CreditDecision, challengers: Sequence[Challenger]) -> None:
    """Queue the decision for every challenger that sees this shopper; the order of challengers does not matter."""
    for challenger in challengers:
        if takes_part(challenger.name, decision.shopper_id, challenger.share_bp):
            payload = {"decision": decision.id, "challenger": challenger.name}
            outbox.put(tx, TOPIC, payload, tenant=None)


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Score a decision's input by a challenger and keep the answer; done twice it is kept once.

    A challenger that is no longer configured, or whose bundle is refused, leaves no score and a line in the log.
    """
    name, decision_id = item.payload["challenger"], item.payload["decision"]
    challenger = next((one for one in gateway.ports.challengers if one.name == name), None)
    if challenger is None:
        log.warning("the challenger %s is not configured any more: no score of %s", name, decision_id)
        return
    challenger.scorer.load()
    with gateway.db.read() as tx:
        decision = tx.get_one(CreditDecision, decision_id)
    try:
        advice, _ = challenger.scorer.recommend(decision.features, sources_of(decision.policy or ""))
    except (ScorerUnavailable, ValueError) as problem:
        log.warning("the challenger %s gives no score of %s: %r", name, decision_id, problem)
        return
    gateway.db.write(lambda tx: _keep(tx, decision_id, name, advice))


def _keep(tx: Transaction, decision_id: str, challenger: str, advice: Recommendation) -> None:
    if tx.get(ShadowScore, (decision_id, challenger)) is not None:
        return
    scores = advice.scores
    tx.add(
        ShadowScore(
            decision_id=decision_id,
            challenger=challenger,
            model=f"{scores.model.name} {scores.model.version}" if scores else "",
            model_sha256=scores.model.sha256 if scores else "",
            fraud_probability=scores.fraud_probability if scores else None,
            default_probability=scores.default_probability if scores else None,
            credit_score=scores.credit_score if scores else None,
            outcome=advice.outcome,
            limit_fen=advice.limit_fen,
            policy=advice.policy,
            created_at=tx.wall,
        )
    )
