"""A score for a partner institution: consents checked, quota counted, answered coarsely, written down exactly."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import select

from gateway.core.calendar import SHANGHAI, shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.decision.scorer import ScorerPort, ScorerUnavailable
from gateway.errors import ConsentMissing, ModelNotServed, QuotaExceeded, ScorerNotReady, ValidationFailed
from gateway.scores.models import PartnerScore, ScoreUsage
from scoring.sources import without_consent

if TYPE_CHECKING:
    from scoring import Reason, Scores

MONEY = frozenset(
    {
        "amount",
        "down_payment",
        "instalment",
        "declared_monthly_income",
        "open_principal",
        "monthly_obligations",
    }
)
"""Fields that the API names without their unit."""
STEP = 5
"""Credit scores are answered in steps, so that many answers do not add up to a copy of the model."""


def score(
    tx: Transaction, tenant: Tenant, *, scorer: ScorerPort, per_day: int, body: dict[str, Any]
) -> dict[str, Any]:
    """Score one application and keep the exact answer; the view of it.

    Raises ``ConsentMissing`` naming the fields, ``ModelNotServed``, ``QuotaExceeded``, ``ScorerNotReady`` and, for a
    consent of the future, ``ValidationFailed``. Whatever is refused is not counted.
    """
    features = {
        f"{name}_fen" if name in MONEY else name: value for name, value in body["application"].items()
    }
    _check_consents(tx, features, body["consents"])
    try:
        found, exact_input = scorer.score(features, with_reasons=body["explain"])
    except ScorerUnavailable:
        raise ScorerNotReady("The model is still loading or was rejected. Try again in a minute.") from None
    model = f"{found.model.name}-{found.model.version}"
    if body["model"] not in (None, model):
        raise ModelNotServed(
            f"The model {body['model']!r} is not served here; the current model is {model}.",
            param="model",
            models=[model],
        )
    used = _count(tx, tenant, per_day)
    kept = PartnerScore(
        id=tx.new_id("scr"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        reference=body["reference"],
        features=exact_input,
        consents=[{**one, "given_at": one["given_at"].isoformat()} for one in body["consents"]],
        answer=_exact(found),
        model=model,
        model_sha256=found.model.sha256,
        created_at=tx.now,
    )
    tx.add(kept)
    tx.flush()
    quota = {"limit": per_day, "remaining": per_day - used, "resets_at": _midnight(tx.now)}
    return _view(kept, found, quota)


def _check_consents(tx: Transaction, features: dict[str, Any], consents: list[dict[str, Any]]) -> None:
    for index, consent in enumerate(consents):
        if consent["given_at"] > tx.now:
            raise ValidationFailed(
                [
                    {
                        "param": f"consents[{index}].given_at",
                        "code": "invalid",
                        "detail": "Must not be in the future.",
                    }
                ]
            )
    missing = without_consent(features, {consent["source"] for consent in consents})
    if missing:
        source, names = next(iter(missing.items()))
        raise ConsentMissing(
            f"The fields {', '.join(_outside(name) for name in names)} need consent for the source {source!r}: "
            "name it in consents, or omit them.",
            param=f"application.{_outside(names[0])}",
            sources=list(missing),
        )


def _count(tx: Transaction, tenant: Tenant, per_day: int) -> int:
    """Count one more of today's scores; how many there are now. Raises ``QuotaExceeded``."""
    day = shanghai_date(tx.now)
    query = select(ScoreUsage).where(
        ScoreUsage.merchant_id == tenant.merchant_id, ScoreUsage.mode == tenant.mode, ScoreUsage.day == day
    )
    usage = tx.exec(query.with_for_update()).first()
    if usage is None:
        usage = ScoreUsage(merchant_id=tenant.merchant_id, mode=tenant.mode, day=day, scores=0)
    if usage.scores >= per_day:
        wait = int((_next_day(tx.now) - tx.now).total_seconds()) + 1
        raise QuotaExceeded(
            f"All {per_day} scores for today have been used. The quota resets at midnight in Shanghai.",
            limit=per_day,
            retry_after=wait,
        )
    usage.scores += 1
    tx.add(usage)
    return usage.scores


def _next_day(moment: datetime) -> datetime:
    return datetime.combine(shanghai_date(moment) + timedelta(days=1), time(), SHANGHAI).astimezone(UTC)


def _midnight(moment: datetime) -> str:
    return _next_day(moment).isoformat().replace("+00:00", "Z")


def _exact(scores: Scores) -> dict[str, Any]:
    return {
        "fraud_probability": scores.fraud_probability,
        "fraud_score": scores.fraud_score,
        "default_probability": scores.default_probability,
        "credit_score": scores.credit_score,
        "reasons": [asdict(reason) for reason in scores.reasons],
        "latency_us": scores.latency_us,
    }


def _view(kept: PartnerScore, scores: Scores, quota: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": kept.id,
        "mode": kept.mode,
        "reference": kept.reference,
        "fraud_score": round(scores.fraud_score),
        "credit_score": scores.credit_score // STEP * STEP,
        "reasons": [_reason(reason) for reason in scores.reasons],
        "model": {"name": kept.model, "sha256": kept.model_sha256},
        "quota": quota,
        "created_at": kept.created_at,
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "code": reason.code,
        "score": reason.origin,
        "text_zh": reason.text_zh,
        "text_en": reason.text_en,
        "person_may_see": reason.shopper_may_see,
    }


def _outside(field: str) -> str:
    """A scorer's field as the API names it."""
    return field.removesuffix("_fen")
