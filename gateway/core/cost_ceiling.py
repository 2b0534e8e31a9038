"""The ceiling on what a loan may cost a year, by kind of lender and date; tested on the finished, rounded schedule.

Rules and the loan prime rate (LPR) are dated tables; the newest line that has begun holds. Sources: domain reference,
section 4 (24 % for bank-funded facilitation since 2025-10-01; 20 % reported for consumer finance companies; small-loan
companies 24 % and four times the one-year LPR by the end of 2027). No source fixes the basis, so both must pass unless
a lender's contract says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from gateway.core import annual_rate
from gateway.core.annual_rate import AnnualRate, Basis

BOTH: tuple[Basis, ...] = ("nominal", "effective")
BASES: dict[str, tuple[Basis, ...]] = {"nominal": ("nominal",), "effective": ("effective",), "both": BOTH}
"""The bases a lender's ceiling is tested on, as a setting names them: nominal (单利), effective (复利), or both."""


class NoRule(LookupError):
    """No ceiling is known for this kind of lender on this date, so nothing may be lent."""


@dataclass(frozen=True, slots=True)
class PrimeRate:
    """The one-year LPR published on ``since``, in force until the next."""

    since: date
    value: Decimal


@dataclass(frozen=True, slots=True)
class Rule:
    """From ``since`` on, loans of this kind of lender may cost at most so much a year.

    The ceiling is a number, or ``lpr_multiple`` times the one-year LPR on the day of the contract.
    """

    funder_type: str
    since: date
    source: str
    fixed: Decimal | None = None
    lpr_multiple: int | None = None

    def ceiling(self, on: date) -> Decimal:
        """The ceiling on a day, as a fraction a year: 0.24 is 24 %. Raises ``NoRule`` before the first LPR."""
        if self.lpr_multiple is None:
            assert self.fixed is not None, "a rule has a number or a multiple"
            return self.fixed
        return self.lpr_multiple * prime_rate(on)


PRIME_RATES = (
    PrimeRate(date(2024, 10, 21), Decimal("0.0310")),
    PrimeRate(date(2025, 5, 20), Decimal("0.0300")),
)
"""One-year LPR, published on the 20th of each month or the next working day; a line for each change."""

RULES = (
    Rule("bank", date(2025, 10, 1), "金规〔2025〕9号", fixed=Decimal("0.24")),
    Rule("consumer_finance", date(2025, 10, 1), "press reports of window guidance", fixed=Decimal("0.20")),
    Rule("small_loan", date(2025, 10, 1), "小额贷款公司综合融资成本管理工作指引", fixed=Decimal("0.24")),
    Rule("small_loan", date(2027, 12, 31), "小额贷款公司综合融资成本管理工作指引", lpr_multiple=4),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a schedule may be offered, with its cost, the rule that was applied and the ceiling of that day."""

    allowed: bool
    rate: AnnualRate
    rule: Rule
    ceiling: Decimal


def prime_rate(on: date) -> Decimal:
    """The one-year LPR in force on a day, as a fraction: 0.03 is 3 %. Raises ``NoRule`` before the first known."""
    found = [rate for rate in PRIME_RATES if rate.since <= on]
    if not found:
        raise NoRule(f"no one-year LPR is known on {on}")
    return max(found, key=lambda rate: rate.since).value


def rule_for(funder_type: str, on: date) -> Rule:
    """The newest rule in force on a day. Raises ``NoRule``."""
    found = [rule for rule in RULES if rule.funder_type == funder_type and rule.since <= on]
    if not found:
        raise NoRule(f"no cost ceiling is known for a {funder_type!r} on {on}")
    return max(found, key=lambda rule: rule.since)


def check(
    principal_fen: int,
    payments_fen: Sequence[int],
    *,
    funder_type: str,
    on: date,
    bases: tuple[Basis, ...] = BOTH,
) -> Verdict:
    """Test the finished monthly payments (fen) against the ceiling on every basis. Raises ``NoRule``."""
    return judge(annual_rate.of(principal_fen, payments_fen), funder_type=funder_type, on=on, bases=bases)


def judge(cost: AnnualRate, *, funder_type: str, on: date, bases: tuple[Basis, ...] = BOTH) -> Verdict:
    """Test a yearly cost that is known already, as ``check`` does. Raises ``NoRule``."""
    rule = rule_for(funder_type, on)
    ceiling = rule.ceiling(on)
    return Verdict(all(cost.within(ceiling, basis) for basis in bases), cost, rule, ceiling)
