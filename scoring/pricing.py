"""An indication of what an approved loan is worth: a base rate, lower for applicants who cost less or come back.

It is for a lender that plans its rate card. No recommendation and no decision contains it, and no shopper is charged by
it: they pay what was quoted and disclosed.

The price depends on the scores, the term and the repayment record, on nothing else: the same features have the same
price. It is never above the base rate, and a better score never makes it higher.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Final

from scoring.application import Application
from scoring.policy import DEFAULT_POLICY, Policy
from scoring.scores import Scores

MONTHS: Final = 12
BASIS_POINTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Price:
    """An indicated price: tier, ``A`` best, and nominal annual rate in basis points (1,530 is 15.3 %)."""

    tier: str
    annual_rate_bp: int


def price_tier(credit_score: int, policy: Policy = DEFAULT_POLICY) -> str:
    """Price tier of a score, "A" best; a better score never gets a worse one."""
    return next(tier for least, tier in policy.price_tiers if credit_score >= least)


def price(application: Application, scores: Scores, policy: Policy = DEFAULT_POLICY) -> Price:
    """The price that is indicated for one application.

    The tier follows from the credit score; a record of instalments paid on time, none late, lowers it by one tier
    (lifetime value), and nothing raises it. The tier's rate is not lowered below what the loan costs the lender.
    """
    tiers = [tier for _, tier in policy.price_tiers]
    number = tiers.index(price_tier(scores.credit_score, policy))
    if _comes_back(application, policy):
        number = max(0, number - 1)
    wanted = policy.base_rate_bp * policy.price_multipliers[number]
    floor = break_even_bp(scores.default_probability, application.term, policy)
    return Price(tiers[number], min(policy.base_rate_bp, ceil(max(wanted, floor))))


def break_even_bp(default_probability: float, term: int, policy: Policy = DEFAULT_POLICY) -> Fraction:
    """Nominal annual rate in basis points at which a loan pays for its money, its service and its expected loss.

    The loss, a share of the amount lent, is spread over what is owed on average, (term + 1) / (2 * term) of the
    amount, for term / 12 years.
    """
    loss = Fraction(default_probability) * policy.loss_given_default * policy.exposure_at_default
    owed_years = Fraction(term + 1, 2 * MONTHS)
    return policy.funding_rate_bp + policy.cost_rate_bp + loss / owed_years * BASIS_POINTS


def _comes_back(application: Application, policy: Policy) -> bool:
    on_time, late = application.prior_on_time_instalments or 0, application.prior_late_instalments
    return late == 0 and on_time >= policy.lifetime_instalments
