"""What happens at a decision: the scorer recommends, the lender decides, the outcome is written down and explained.

The lender and the bureau are asked between transactions (see ``requests``); nothing here calls them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Exists, ScalarSelect
from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core.sandbox_numbers import PLAYS
from gateway.core.tenant import Mode
from gateway.db.transactions import Transaction
from gateway.decision import limits, links, shadow
from gateway.decision.funder import Ruling
from gateway.decision.models import CreditDecision, CreditLimit, DecisionRequest, HumanReview
from gateway.decision.reasons import REASONS
from gateway.decision.scorer import ScorerPort, ScorerUnavailable
from gateway.decision.shadow import Challenger
from gateway.monitoring import metrics
from scoring import offers
from scoring.rules import RULES

Value = Any
"""A value, or what stands for it in a question that is made once."""
RECONSIDERED_FOR = timedelta(days=90)
"""So long after a review went in the shopper's favour, a person decides what the scorer would decline."""
WHY_A_PERSON = ("lender_unreachable", "scorer_unavailable", "identity_conflict")


@dataclass(frozen=True, slots=True)
class Recommended:
    """What goes to the lender, however it came about. Limit in fen."""

    outcome: str
    limit_fen: int
    reasons: list[dict[str, str]]
    features: dict[str, Any]
    scored: str = ""
    """What the scorer alone recommended."""
    signals: Sequence[str] = ()
    fraud_score: int | None = None
    credit_score: int | None = None
    fraud_probability: float | None = None
    default_probability: float | None = None
    policy: str | None = None
    model: str | None = None
    model_sha256: str | None = None
    green_uplift_fen: int = 0
    sandbox: str | None = None
    counter_offer: dict[str, int] | None = None
    """The smallest change of a declined order that would be approved: ``term``, ``down_payment`` in fen."""


def recommend(
    scorer: ScorerPort,
    *,
    mode: Mode,
    phone: str,
    features: dict[str, Any],
    required: tuple[str, ...],
    link_signals: Sequence[str],
    person_decides: bool,
) -> Recommended:
    """What is submitted to the lender about an application; touches no database.

    ``required`` names features that a connected source should have answered: unknown, they lead to review. A missing
    scorer leads to review, never to approval; what would be approved goes to a person when a rule on links fired,
    and so does a decline where ``person_decides``.
    """
    advice = _recommended(scorer, mode=mode, phone=phone, features=features, required=required)
    advice = replace(advice, scored=advice.outcome)
    if advice.sandbox is None:
        advice = _with_links(advice, link_signals, trusted=features.get("listed") == "trusted")
    if advice.outcome == "decline" and person_decides:
        advice = replace(advice, outcome="review")
    return advice


def only_amount_failed(advice: Recommended, link_signals: Sequence[str]) -> bool:
    """Whether a change of the order may help: the scorer declines the amount, and nothing speaks against the person."""
    return (
        advice.outcome == advice.scored
        and advice.sandbox is None
        and not link_signals
        and offers.only_amount_failed(advice.outcome, advice.signals)
    )


def record(
    tx: Transaction,
    request: DecisionRequest,
    advice: Recommended,
    ruling: Ruling,
    *,
    funder_name: str,
    challengers: Sequence[Challenger] = (),
) -> CreditDecision:
    """Write down a ruling; an approval grants the limit (the caller holds the amount).

    ``challengers`` score a share of the shoppers later, in shadow.
    """
    decision = CreditDecision(
        id=tx.new_id("dec"),
        mode=request.mode,
        checkout_id=request.checkout_id,
        shopper_id=request.shopper_id,
        amount_fen=request.amount_fen,
        recommended=advice.scored,
        outcome=ruling.outcome,
        decided_by=ruling.decided_by,
        limit_fen=ruling.limit_fen,
        reasons=list(ruling.reasons) or advice.reasons or _unexplained(ruling.outcome),
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
        green_uplift_fen=advice.green_uplift_fen,
        sandbox=advice.sandbox,
        latency_us=max(0, (tx.wall - request.asked_at) // timedelta(microseconds=1)),
        created_at=tx.now,
    )
    if ruling.outcome == "approve":
        _grant_or_decline(tx, decision, funder_name)
    tx.add(decision)
    if advice.sandbox is None:
        shadow.plan(tx, decision, challengers)
    return decision


def resolve_review(
    tx: Transaction, *, checkout_id: str, outcome: str, decided_by: str, note: str | None, funder_name: str
) -> CreditDecision:
    """End a review by a person: a new decision that points to the same checkout, with the person's reason as ``note``.

    An approval grants the limit that was recommended, raised as far as this order and what is held need it.
    """
    first = latest(tx, checkout_id)
    limit_fen = 0
    if outcome == "approve":
        limit_fen = limit_needed_fen(
            tx, first.shopper_id, funder_name, first.amount_fen, recommended_fen=first.recommended_limit_fen
        )
    decision = CreditDecision(
        **{
            **first.model_dump(exclude={"id", "created_at"}),
            "outcome": outcome,
            "decided_by": decided_by,
            "reasons": _after_review(first, outcome),
            "note": note,
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


def limit_needed_fen(
    tx: Transaction, shopper_id: str, funder_name: str, amount_fen: int, *, recommended_fen: int
) -> int:
    """The limit that a person's approval grants: the recommended one, or what the order and what is held need."""
    known = limits.locked(tx, shopper_id, funder_name)
    return max(recommended_fen, amount_fen + (known.held_fen if known else 0), limits.LOWEST_FEN)


def latest(tx: Transaction, checkout_id: str) -> CreditDecision:
    """The newest decision about a checkout."""
    query = select(CreditDecision).where(CreditDecision.checkout_id == checkout_id)
    return tx.exec(query.order_by(col(CreditDecision.id).desc())).first() or _missing(checkout_id)


def of_checkout(tx: Transaction, checkout_id: str) -> list[CreditDecision]:
    """Every decision about a checkout, oldest first: the first, and that of a person after a review."""
    query = select(CreditDecision).where(CreditDecision.checkout_id == checkout_id)
    return list(tx.exec(query.order_by(col(CreditDecision.id))))


def open_commitment_fen(tx: Transaction, shopper_id: str) -> int:
    """What the shopper holds of all limits, in fen: authorised amounts and outstanding principal."""
    return int(tx.exec(select(commitment(shopper_id))).one())


def commitment(shopper_id: Value) -> ScalarSelect[int]:
    """The same as a question inside of another."""
    total = func.coalesce(func.sum(CreditLimit.held_fen), 0)
    return select(total).where(CreditLimit.shopper_id == shopper_id).scalar_subquery()


def applications_since(shoppers: SelectOfScalar[str], since: Value) -> ColumnElement[int]:
    """How many applications of some shoppers were made since a moment, as a question inside of another.

    One that a review decided again counts once.
    """
    decided = select(func.count(col(CreditDecision.checkout_id).distinct())).where(
        col(CreditDecision.shopper_id).in_(shoppers), col(CreditDecision.created_at) >= since
    )
    undecided = select(func.count()).where(
        col(DecisionRequest.shopper_id).in_(shoppers),
        col(DecisionRequest.created_at) >= since,
        col(DecisionRequest.decided_at).is_(None),
    )
    return decided.scalar_subquery() + undecided.scalar_subquery()


def person_decides(shopper_id: Value, since: Value) -> Exists:
    """Whether a review found the shopper wronged ``since`` then, as a question inside of another.

    The scorer alone does not decline such a shopper's next applications, for ``RECONSIDERED_FOR``.
    """
    query = select(HumanReview.id).where(
        HumanReview.shopper_id == shopper_id,
        HumanReview.status == "reconsider",
        col(HumanReview.resolved_at) > since,
    )
    return query.exists()


def has_limit(tx: Transaction, shopper_id: str) -> bool:
    """Whether any lender ever granted the shopper a limit."""
    return tx.exec(select(CreditLimit.id).where(CreditLimit.shopper_id == shopper_id)).first() is not None


def hand_over(tx: Transaction, *, claim_id: str, shopper_id: str) -> None:
    """Move what was asked and decided about a claim, and its links, to the person it was found to be.

    Nothing was granted to it (``has_limit``).
    """
    for table in (DecisionRequest, CreditDecision, HumanReview):
        rows = tx.exec(select(table).where(table.shopper_id == claim_id))  # type: ignore[attr-defined]
        for row in rows:
            row.shopper_id = shopper_id
            tx.add(row)
    links.hand_over(tx, claim_id=claim_id, shopper_id=shopper_id)
    tx.flush()


def _recommended(
    scorer: ScorerPort, *, mode: Mode, phone: str, features: dict[str, Any], required: tuple[str, ...]
) -> Recommended:
    play = PLAYS.get(phone) if mode == "test" else None
    if play is not None:
        reasons = [REASONS[play.reason]] if play.reason else []
        return Recommended(play.outcome, play.limit_fen, reasons, features, sandbox=play.outcome)
    try:
        with metrics.SCORER_DURATION.time():
            advice, exact_input = scorer.recommend(features, required)
    except ScorerUnavailable:
        metrics.SCORER_ANSWERS.labels("unavailable").inc()
        return Recommended("review", 0, [REASONS["scorer_unavailable"]], features)
    metrics.SCORER_ANSWERS.labels(advice.outcome).inc()
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
        green_uplift_fen=advice.green_uplift_fen,
    )


def _unexplained(outcome: str) -> list[dict[str, str]]:
    """What the shopper reads when the lender declines what the scorer had nothing against."""
    return [REASONS["lender_declined"]] if outcome == "decline" else []


def _after_review(first: CreditDecision, outcome: str) -> list[dict[str, str]]:
    """The reasons of a person's decision: those of the first, less what only said why a person was asked."""
    reasons = [reason for reason in first.reasons if reason["code"] not in WHY_A_PERSON]
    return reasons or _unexplained(outcome)


def _with_links(advice: Recommended, fired: Sequence[str], *, trusted: bool) -> Recommended:
    """What the rules on links make of a recommendation: an approval becomes a review, and the reviewer sees why.

    Whom the lender's list trusts is not stopped by rules.
    """
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
