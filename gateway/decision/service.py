"""What happens at a decision: the scorer recommends, the lender decides, the outcome is written down and explained."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, func, select

from gateway.core.tenant import Mode
from gateway.db.transactions import Transaction
from gateway.decision import limits, shadow
from gateway.decision.funder import Funder, Submission
from gateway.decision.models import CreditDecision, CreditLimit, HumanReview
from gateway.decision.sandbox import PLAYS, REASONS
from gateway.decision.scorer import ScorerPort, ScorerUnavailable
from gateway.decision.shadow import Challenger
from scoring.links import LinkFeatures, rules
from scoring.rules import RULES

RECONSIDERED_FOR = timedelta(days=90)
"""So long after a review went in the shopper's favour, a person decides what the scorer would decline."""


@dataclass(frozen=True, slots=True)
class Recommended:
    """What goes to the lender, however it came about. Limit in fen."""

    outcome: str
    limit_fen: int
    reasons: list[dict[str, str]]
    features: dict[str, Any]
    signals: tuple[str, ...] = ()
    fraud_score: int | None = None
    credit_score: int | None = None
    fraud_probability: float | None = None
    default_probability: float | None = None
    policy: str | None = None
    model: str | None = None
    model_sha256: str | None = None
    price_tier: str | None = None
    annual_rate_bp: int | None = None
    green_uplift_fen: int = 0
    sandbox: str | None = None


def decide(
    tx: Transaction,
    *,
    scorer: ScorerPort,
    funder: Funder,
    funder_name: str,
    mode: Mode,
    checkout_id: str,
    shopper_id: str,
    phone: str,
    amount_fen: int,
    features: dict[str, Any],
    links: LinkFeatures | None = None,
    required: tuple[str, ...] = (),
    challengers: Sequence[Challenger] = (),
) -> CreditDecision:
    """Decide one application to finance ``amount_fen`` and record it; an approval grants the limit (the caller holds
    the amount).

    ``required`` names features that a connected source should have answered: unknown, they lead to review.
    ``challengers`` score a share of the shoppers later, in shadow.

    A missing scorer leads to review, never to approval; what would be approved goes to a person when a rule on
    ``links`` fires, and so does a decline of somebody whom a review found wronged. Raises ``FunderUnavailable``.
    """
    started = time.perf_counter_ns()
    advice = asked = _recommended(scorer, mode=mode, phone=phone, features=features, required=required)
    if links is not None and advice.sandbox is None:
        advice = _with_links(advice, links, trusted=features.get("listed") == "trusted")
    if advice.outcome == "decline" and _person_decides(tx, shopper_id):
        advice = replace(advice, outcome="review")
    ruling = funder.decide(
        Submission(
            mode=mode,
            shopper_id=shopper_id,
            amount_fen=amount_fen,
            recommended=advice.outcome,
            limit_fen=advice.limit_fen,
        )
    )
    decision = CreditDecision(
        id=tx.new_id("dec"),
        mode=mode,
        checkout_id=checkout_id,
        shopper_id=shopper_id,
        amount_fen=amount_fen,
        recommended=asked.outcome,
        outcome=ruling.outcome,
        decided_by=ruling.decided_by,
        limit_fen=ruling.limit_fen,
        reasons=advice.reasons or _unexplained(ruling.outcome),
        signals=list(advice.signals),
        features=advice.features,
        fraud_probability=advice.fraud_probability,
        default_probability=advice.default_probability,
        fraud_score=advice.fraud_score,
        credit_score=advice.credit_score,
        policy=advice.policy,
        recommended_limit_fen=advice.limit_fen,
        model=advice.model,
        model_sha256=advice.model_sha256,
        price_tier=advice.price_tier,
        annual_rate_bp=advice.annual_rate_bp,
        green_uplift_fen=advice.green_uplift_fen,
        sandbox=advice.sandbox,
        latency_us=(time.perf_counter_ns() - started) // 1000,
        created_at=tx.now,
    )
    if ruling.outcome == "approve":
        _grant_or_decline(tx, decision, funder_name)
    tx.add(decision)
    tx.flush()
    if advice.sandbox is None:
        shadow.plan(tx, decision, challengers)
    return decision


def resolve_review(
    tx: Transaction, *, checkout_id: str, outcome: str, decided_by: str, funder_name: str
) -> CreditDecision:
    """End a review by a person: a new decision that points to the same checkout.

    An approval grants the limit that was recommended, raised as far as this order and what is held need it.
    """
    first = latest(tx, checkout_id)
    limit_fen = 0
    if outcome == "approve":
        known = limits.locked(tx, first.shopper_id, funder_name)
        needed = first.amount_fen + (known.held_fen if known else 0)
        limit_fen = max(first.recommended_limit_fen, needed, limits.LOWEST_FEN)
    decision = CreditDecision(
        **{
            **first.model_dump(exclude={"id", "created_at"}),
            "outcome": outcome,
            "decided_by": decided_by,
            "limit_fen": limit_fen,
        },
        id=tx.new_id("dec"),
        created_at=tx.now,
    )
    if outcome == "approve":
        _grant_or_decline(tx, decision, funder_name)
    tx.add(decision)
    tx.flush()
    return decision


def latest(tx: Transaction, checkout_id: str) -> CreditDecision:
    """The newest decision about a checkout."""
    query = select(CreditDecision).where(CreditDecision.checkout_id == checkout_id)
    return tx.exec(query.order_by(col(CreditDecision.id).desc())).first() or _missing(checkout_id)


def open_commitment_fen(tx: Transaction, shopper_id: str) -> int:
    """What the shopper holds of all limits, in fen: authorised amounts and outstanding principal."""
    total = tx.exec(
        select(func.coalesce(func.sum(CreditLimit.held_fen), 0)).where(CreditLimit.shopper_id == shopper_id)
    ).one()
    return int(total)


def applications_since(tx: Transaction, shopper_ids: list[str], since: datetime) -> int:
    """How many applications of these shoppers were decided since a moment; one that a review decided again, once."""
    query = select(func.count(col(CreditDecision.checkout_id).distinct())).where(
        col(CreditDecision.shopper_id).in_(shopper_ids), CreditDecision.created_at >= since
    )
    return tx.exec(query).one()


def _person_decides(tx: Transaction, shopper_id: str) -> bool:
    query = select(HumanReview.id).where(
        HumanReview.shopper_id == shopper_id,
        HumanReview.status == "reconsider",
        col(HumanReview.resolved_at) > tx.now - RECONSIDERED_FOR,
    )
    return tx.exec(query).first() is not None


def _recommended(
    scorer: ScorerPort, *, mode: Mode, phone: str, features: dict[str, Any], required: tuple[str, ...]
) -> Recommended:
    play = PLAYS.get(phone) if mode == "test" else None
    if play is not None:
        reasons = [REASONS[play.reason]] if play.reason else []
        return Recommended(play.outcome, play.limit_fen, reasons, features, sandbox=play.outcome)
    try:
        advice, exact_input = scorer.recommend(features, required)
    except ScorerUnavailable:
        return Recommended("review", 0, [REASONS["scorer_unavailable"]], features)
    scores = advice.scores
    return Recommended(
        outcome=advice.outcome,
        limit_fen=advice.limit_fen,
        reasons=[
            {"code": reason.code, "text_zh": reason.text_zh, "text_en": reason.text_en}
            for reason in advice.shopper_reasons
        ],
        features=exact_input,
        signals=tuple(reason.code for reason in advice.reasons),
        fraud_probability=scores.fraud_probability if scores else None,
        default_probability=scores.default_probability if scores else None,
        fraud_score=round(scores.fraud_score) if scores else None,
        credit_score=scores.credit_score if scores else None,
        policy=advice.policy,
        model=f"{scores.model.name} {scores.model.version}" if scores else None,
        model_sha256=scores.model.sha256 if scores else None,
        price_tier=advice.price.tier if advice.price else None,
        annual_rate_bp=advice.price.annual_rate_bp if advice.price else None,
        green_uplift_fen=advice.green_uplift_fen,
    )


def _unexplained(outcome: str) -> list[dict[str, str]]:
    """What the shopper reads when the lender declines what the scorer had nothing against."""
    return [REASONS["lender_declined"]] if outcome == "decline" else []


def _with_links(advice: Recommended, links: LinkFeatures, *, trusted: bool) -> Recommended:
    """What the rules on links make of a recommendation: an approval becomes a review, and the reviewer sees why.

    Whom the lender's list trusts is not stopped by rules.
    """
    fired = rules(links)
    if not fired:
        return advice
    advice = replace(advice, signals=tuple(dict.fromkeys((*advice.signals, *fired))))
    if advice.outcome != "approve" or trusted:
        return advice
    reason = RULES["needs_verification"]
    shown = {"code": reason.code, "text_zh": reason.text_zh, "text_en": reason.text_en}
    return replace(advice, outcome="review", reasons=[shown])


def _grant_or_decline(tx: Transaction, decision: CreditDecision, funder_name: str) -> None:
    """Grant the limit; an amount above what is left of it turns the approval into a decline that says so."""
    if decision.limit_fen < limits.LOWEST_FEN:
        decision.outcome, decision.reasons = "decline", [REASONS["limit_exceeded"]]
        return
    limit = limits.grant(
        tx,
        shopper_id=decision.shopper_id,
        funder=funder_name,
        limit_fen=decision.limit_fen,
        decision_id=decision.id,
    )
    if limits.available_fen(limit) < decision.amount_fen:
        decision.outcome, decision.reasons = "decline", [REASONS["limit_exceeded"]]


def _missing(checkout_id: str) -> CreditDecision:
    raise LookupError(f"no decision about {checkout_id}")
