"""The ceiling on what a loan may cost a year, by kind of lender and date; tested on the finished, rounded schedule.

Sources: domain reference, section 4 (24 % for bank-funded facilitation since 2025-10-01; 20 % reported for consumer
finance companies; small-loan companies 24 % and four times the one-year LPR by the end of 2027). No source fixes the
basis, so both must pass unless a funder's contract says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from gateway.core import annual_rate
from gateway.core.annual_rate import AnnualRate, Basis

ONE_YEAR_LPR = Decimal("0.03")
BOTH: tuple[Basis, ...] = ("nominal", "effective")


@dataclass(frozen=True, slots=True)
class Rule:
    """From ``since`` on, loans of this kind of lender may cost at most ``ceiling`` a year."""

    funder_type: str
    since: date
    ceiling: Decimal
    source: str


RULES = (
    Rule("bank", date(2025, 10, 1), Decimal("0.24"), "金规〔2025〕9号"),
    Rule("consumer_finance", date(2025, 10, 1), Decimal("0.20"), "press reports of window guidance"),
    Rule("small_loan", date(2025, 10, 1), Decimal("0.24"), "小额贷款公司综合融资成本管理工作指引"),
    Rule("small_loan", date(2027, 12, 31), 4 * ONE_YEAR_LPR, "小额贷款公司综合融资成本管理工作指引"),
)


class NoRule(LookupError):
    """No ceiling is known for this kind of lender on this date, so nothing may be lent."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a schedule may be offered, with its cost and the rule that was applied."""

    allowed: bool
    rate: AnnualRate
    rule: Rule


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
    """Test the finished payments against the ceiling on every basis. Raises ``NoRule``."""
    rule = rule_for(funder_type, on)
    cost = annual_rate.of(principal_fen, payments_fen)
    return Verdict(all(cost.within(rule.ceiling, basis) for basis in bases), cost, rule)
