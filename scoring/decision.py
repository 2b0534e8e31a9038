"""From scores to a recommendation: rules, lists, scores, affordability, limit.

Pure: no clock, no storage, no model. The licensed lender decides; this only recommends. Order of the rungs:
category, missing source, fraud rules, lists, fraud score, repayment record, credit score, affordability, limit;
then what green goods add to the limit. What cannot be judged goes to a person and is never approved. A price is
not recommended: what a shopper pays was quoted and disclosed before (``scoring.pricing`` has an indication).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from scoring.application import Application
from scoring.policy import DEFAULT_POLICY, Policy
from scoring.reasons import MOST_REASONS, Reason, first_of_each_code
from scoring.rules import RULES
from scoring.scores import Scores

Outcome = Literal["approve", "review", "decline"]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What the scorer recommends to the lender.

    ``limit_fen`` is the total credit line and ``available_fen`` the part of it that is free before this order; both are
    0 for a decline on risk and where nothing could be computed. ``green_uplift_fen`` of the line is there for this
    order's green goods. ``reasons`` is empty on approval and holds at most four that a shopper may read.
    ``missing_sources`` names the unknown required fields. ``scores`` is None when the scorer was unavailable; scores
    are for the score log and the lender, never for the shopper or the merchant.
    """

    outcome: Outcome
    limit_fen: int
    available_fen: int
    reasons: tuple[Reason, ...]
    policy: str
    scores: Scores | None = None
    missing_sources: tuple[str, ...] = ()
    green_uplift_fen: int = 0

    @property
    def shopper_reasons(self) -> tuple[Reason, ...]:
        """The reasons a shopper may read: no score, nothing that teaches how to pass as somebody else."""
        return tuple(reason for reason in self.reasons if reason.shopper_may_see)[:MOST_REASONS]


@dataclass(frozen=True, slots=True)
class _Rung:
    """What one rung found.

    ``risk`` is False where the order is the trouble and not the applicant: then the limit still stands.
    """

    outcome: Outcome
    code: str
    because: tuple[Reason, ...] = ()
    risk: bool = True


def decide(
    application: Application, scores: Scores | None, policy: Policy = DEFAULT_POLICY
) -> Recommendation:
    """Recommend approve, review or decline, with a limit in fen and reasons.

    Pass ``scores=None`` when no score could be had (bundle refused, model failed): the answer is review, or
    decline where a rule needs no score.
    """
    if application.category in policy.blocked_categories:
        return _refusal("decline", (RULES["category_not_financed"],), policy, scores)
    known = [*_rule_findings(application, policy), *_list_findings(application)]
    missing = tuple(name for name in policy.required_sources if getattr(application, name) is None)
    if scores is None or missing:
        code = "scorer_unavailable" if scores is None else "source_missing"
        if any(finding.outcome == "decline" for finding in known):
            return _refusal("decline", _distinct(known), policy, scores, missing)
        reasons = first_of_each_code([RULES[code], *_distinct(known)])
        return _refusal("review", reasons, policy, scores, missing)
    limit_fen = credit_limit(application, scores.credit_score, policy)
    uplift_fen = green_uplift(application, limit_fen, policy)
    limit_fen += uplift_fen
    available_fen = max(0, limit_fen - (application.open_principal_fen or 0))
    findings = [
        *known,
        *_fraud_findings(scores, policy),
        *_credit_findings(application, scores, policy),
        *_affordability_findings(application, available_fen, policy),
    ]
    declines = [finding for finding in findings if finding.outcome == "decline"]
    if risks := [finding for finding in declines if finding.risk]:
        return _refusal("decline", _distinct(risks), policy, scores)
    outcome: Outcome = "decline" if declines else "review" if findings else "approve"
    return Recommendation(
        outcome=outcome,
        limit_fen=limit_fen,
        available_fen=available_fen,
        reasons=_distinct(declines or findings),
        policy=policy.version,
        scores=scores,
        green_uplift_fen=uplift_fen,
    )


def credit_limit(application: Application, credit_score: int, policy: Policy = DEFAULT_POLICY) -> int:
    """Total credit line in fen: what income can bear over the horizon times the factor of the score band.

    Rounded down to whole steps of 100 yuan, from 5,000 to 100,000 yuan, and at most the starter limit until
    enough instalments were paid on time; 0 when other lenders already take all that income can bear. Never
    falls as the score, the income or the on-time record rises.
    """
    bearable = _bearable_monthly_fen(application, policy) - (application.monthly_obligations_fen or 0)
    if bearable <= 0:
        return 0
    factor = max(factor for least, factor in policy.limit_factors if credit_score >= least)
    proven = (application.prior_on_time_instalments or 0) >= policy.step_up_instalments
    ceiling = policy.highest_limit_fen if proven else policy.starter_limit_fen
    steps = int(bearable * policy.horizon_months * factor) // policy.limit_step_fen * policy.limit_step_fen
    return min(max(steps, policy.lowest_limit_fen), ceiling)


def amount_fits(application: Application, credit_score: int, policy: Policy = DEFAULT_POLICY) -> bool:
    """Whether an applicant of this score may be lent the amount and can bear its instalments, whatever else is found.

    What does not fit does not fit with a lower score either.
    """
    limit_fen = credit_limit(application, credit_score, policy)
    limit_fen += green_uplift(application, limit_fen, policy)
    available_fen = max(0, limit_fen - (application.open_principal_fen or 0))
    return not _affordability_findings(application, available_fen, policy)


def green_uplift(application: Application, limit_fen: int, policy: Policy = DEFAULT_POLICY) -> int:
    """What green goods add to a limit, in fen: goods of energy grade 1, and new-energy vehicles.

    A share of the limit up to a cap, in whole steps; never more than income can bear, nor above the highest limit, and
    nothing where there is no limit.
    """
    if not limit_fen or not (application.energy_grade == 1 or application.new_energy_vehicle):
        return 0
    bearable = _bearable_monthly_fen(application, policy) - (application.monthly_obligations_fen or 0)
    room = min(int(bearable * policy.horizon_months), policy.highest_limit_fen) - limit_fen
    uplift = min(int(limit_fen * policy.green_uplift), policy.green_uplift_cap_fen, room)
    return max(0, uplift // policy.limit_step_fen * policy.limit_step_fen)


def _rule_findings(application: Application, policy: Policy) -> list[_Rung]:
    """Rules of the fraud desk; whom the lender's list trusts is not stopped by them."""
    if application.listed == "trusted":
        return []
    fired = {
        "new_applicants_on_device": (
            application.new_applicants_on_device_24h,
            policy.new_applicants_on_device_review,
        ),
        "many_applications_on_phone": (
            application.applications_on_phone_24h,
            policy.phone_applications_review,
        ),
    }
    return [
        _Rung("review", "needs_verification", (RULES[code],))
        for code, (found, most) in fired.items()
        if (found or 0) >= most
    ]


def _list_findings(application: Application) -> list[_Rung]:
    if application.listed == "blocked":
        return [_Rung("decline", "not_verified", (RULES["on_block_list"],))]
    if application.listed == "watched":
        return [_Rung("review", "needs_verification", (RULES["on_watch_list"],))]
    return []


def _fraud_findings(scores: Scores, policy: Policy) -> list[_Rung]:
    if scores.fraud_probability >= policy.fraud_probability_decline:
        return [_Rung("decline", "not_verified", scores.fraud_reasons)]
    if scores.fraud_probability >= policy.fraud_probability_review:
        return [_Rung("review", "needs_verification", scores.fraud_reasons)]
    return []


def _credit_findings(application: Application, scores: Scores, policy: Policy) -> list[_Rung]:
    findings = []
    days_overdue = application.max_delinquency_days or 0
    if days_overdue >= policy.delinquency_days_decline:
        findings.append(_Rung("decline", "seriously_overdue"))
    elif days_overdue >= policy.delinquency_days_review:
        findings.append(_Rung("review", "overdue"))
    if scores.credit_score < policy.credit_score_decline:
        findings.append(_Rung("decline", "credit_insufficient", scores.credit_reasons))
    elif scores.credit_score < policy.credit_score_review:
        findings.append(_Rung("review", "credit_borderline", scores.credit_reasons))
    return findings


def _affordability_findings(application: Application, available_fen: int, policy: Policy) -> list[_Rung]:
    findings = []
    own = -(-(application.open_principal_fen or 0) // policy.assumed_remaining_months)
    monthly = application.largest_instalment_fen + own + (application.monthly_obligations_fen or 0)
    if monthly > _bearable_monthly_fen(application, policy):
        if application.declared_monthly_income_fen is None:
            findings.append(_Rung("review", "income_needed"))
        else:
            findings.append(_Rung("decline", "instalment_not_affordable", risk=False))
    if application.financed_fen > available_fen:
        findings.append(_Rung("decline", "amount_above_limit", risk=False))
    return findings


def _bearable_monthly_fen(application: Application, policy: Policy) -> Fraction:
    declared = application.declared_monthly_income_fen
    return (
        policy.assumed_monthly_income_fen if declared is None else declared
    ) * policy.payment_to_income_cap


def _distinct(findings: list[_Rung]) -> tuple[Reason, ...]:
    """The rules that fired first, then what lies behind them; each code once."""
    fired = [RULES[finding.code] for finding in findings]
    return first_of_each_code([*fired, *(reason for finding in findings for reason in finding.because)])


def _refusal(
    outcome: Outcome,
    reasons: tuple[Reason, ...],
    policy: Policy,
    scores: Scores | None,
    missing: tuple[str, ...] = (),
) -> Recommendation:
    """A recommendation without a limit: declined on risk, or not computable."""
    return Recommendation(outcome, 0, 0, reasons, policy.version, scores, missing)
