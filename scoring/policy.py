"""Every threshold of the decision in one frozen object, with a version for the audit record."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Final

from scoring.application import Application

FIELD_NAMES: Final = frozenset(field.name for field in fields(Application))


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Thresholds of one decision policy.

    Money is fen, shares are exact fractions, probabilities are calibrated. Raises ValueError when a threshold
    contradicts another. The defaults are starting points for a gateway without its own book; the
    payment-to-income cap of 50 % and the limits of 5,000 to 100,000 yuan follow the domain reference.
    """

    version: str = "2026-11"
    required_sources: tuple[str, ...] = (
        "prior_loans",
        "prior_on_time_instalments",
        "prior_late_instalments",
        "max_delinquency_days",
        "open_principal_fen",
        "applications_on_phone_24h",
    )
    """Must be known before anything is approved: what the gateway's own books can always answer."""
    blocked_categories: tuple[str, ...] = ("edu_k12",)
    """Never financed: tuition for primary and secondary pupils and pre-schoolers."""

    new_applicants_on_device_review: int = 3
    phone_applications_review: int = 6
    fraud_probability_review: float = 0.15
    fraud_probability_decline: float = 0.50
    delinquency_days_review: int = 31
    delinquency_days_decline: int = 90
    credit_score_review: int = 545
    """Below it a person decides."""
    credit_score_decline: int = 520
    """Below it the recommendation is to decline."""

    payment_to_income_cap: Fraction = Fraction(1, 2)
    assumed_monthly_income_fen: int = 600_000
    """Taken when no income was declared, for the limit and the cap; failing the cap on it asks for the
    income.
    """
    horizon_months: int = 12
    assumed_remaining_months: int = 6
    """Open principal is taken to fall due in equal parts over this many months."""
    limit_factors: tuple[tuple[int, Fraction], ...] = (
        (0, Fraction(15, 100)),
        (545, Fraction(25, 100)),
        (570, Fraction(34, 100)),
        (600, Fraction(40, 100)),
        (640, Fraction(48, 100)),
        (680, Fraction(60, 100)),
        (720, Fraction(80, 100)),
        (760, Fraction(1)),
    )
    """Credit score from which a factor on affordability holds."""
    lowest_limit_fen: int = 500_000
    highest_limit_fen: int = 10_000_000
    limit_step_fen: int = 10_000
    starter_limit_fen: int = 2_000_000
    """No limit above it until ``step_up_instalments`` were paid on time."""
    step_up_instalments: int = 3
    price_tiers: tuple[tuple[int, str], ...] = ((720, "A"), (680, "B"), (640, "C"), (600, "D"), (0, "E"))
    """Least credit score of each price tier, best first."""
    base_rate_bp: int = 1_800
    """Nominal annual rate of the last tier, in basis points (18.0 %); no price is ever above it."""
    price_multipliers: tuple[Fraction, ...] = (
        Fraction(85, 100),
        Fraction(89, 100),
        Fraction(93, 100),
        Fraction(97, 100),
        Fraction(1),
    )
    """What of the base rate each tier pays, best first: 15.3 % for the best."""
    lifetime_instalments: int = 6
    """Instalments paid on time, without a late one, that are worth one tier: such shoppers come back."""
    funding_rate_bp: int = 400
    cost_rate_bp: int = 300
    """What the money and the service of a loan cost the lender a year, in basis points of the principal owed."""
    loss_given_default: Fraction = Fraction(60, 100)
    exposure_at_default: Fraction = Fraction(60, 100)
    """Of the amount lent what is still owed when a loan defaults, and of that what is lost."""

    green_uplift: Fraction = Fraction(1, 10)
    """Share of the limit that is added for goods of energy grade 1 and for new-energy vehicles."""
    green_uplift_cap_fen: int = 500_000

    def __post_init__(self) -> None:
        unknown = set(self.required_sources) - FIELD_NAMES
        if unknown:
            raise ValueError(f"required_sources names no field of Application: {', '.join(sorted(unknown))}")
        if not 0 < self.fraud_probability_review <= self.fraud_probability_decline <= 1:
            raise ValueError("fraud probabilities must be 0 < review <= decline <= 1")
        if self.credit_score_decline > self.credit_score_review:
            raise ValueError("credit_score_decline must not be above credit_score_review")
        if not 0 < self.lowest_limit_fen <= self.starter_limit_fen <= self.highest_limit_fen:
            raise ValueError("limits must be 0 < lowest <= starter <= highest")
        if any(
            limit % self.limit_step_fen
            for limit in (self.lowest_limit_fen, self.starter_limit_fen, self.highest_limit_fen)
        ):
            raise ValueError("limits must be multiples of limit_step_fen")
        scores, factors = zip(*self.limit_factors, strict=True)
        if list(scores) != sorted(set(scores)) or list(factors) != sorted(factors) or scores[0] != 0:
            raise ValueError("limit_factors must start at 0 and never fall")
        least = [score for score, _ in self.price_tiers]
        if least != sorted(set(least), reverse=True) or least[-1] != 0:
            raise ValueError("price_tiers must fall to 0")
        if list(self.price_multipliers) != sorted(self.price_multipliers) or len(
            self.price_multipliers
        ) != len(self.price_tiers):
            raise ValueError("price_multipliers must name one share for each tier and never fall")
        if not self.price_multipliers[0] > 0 or self.price_multipliers[-1] != 1:
            raise ValueError("price_multipliers must be above 0 and end with 1")

    def requiring(self, sources: tuple[str, ...]) -> Policy:
        """The same policy with more required sources; its version says so."""
        if not sources:
            return self
        wanted = (*self.required_sources, *sources)
        return replace(self, required_sources=wanted, version=f"{self.version}{MORE}{','.join(sources)}")


MORE: Final = " requiring "
DEFAULT_POLICY: Final = Policy()


def sources_of(version: str) -> tuple[str, ...]:
    """What a policy of this name requires beyond its release's own."""
    return tuple(filter(None, version.partition(MORE)[2].split(",")))


def policy_named(version: str) -> Policy:
    """The policy behind a version in a score log. Raises ValueError for one that this release does not have."""
    name = version.partition(MORE)[0]
    if name != DEFAULT_POLICY.version:
        raise ValueError(f"there is no policy {name!r}; this release uses {DEFAULT_POLICY.version!r}")
    return DEFAULT_POLICY.requiring(sources_of(version))
