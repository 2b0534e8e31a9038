"""Pricing: from a catalogue row and an amount to the plan that a shopper sees, and its disclosure.

Pure: no storage, no clock. The finished, rounded schedule is what is disclosed, capped and hashed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.core import annual_rate, cost_ceiling, money, schedule

DISCLOSURE_VERSION = "2026-11-23"
LATE_DAILY_RATE = "0.0005"
"""Late interest a day on overdue principal (0.05 %), simple; see the disclosure's contingent costs."""
LATE_GRACE_DAYS = 3


@dataclass(frozen=True, slots=True)
class Price:
    """One line of a merchant's catalogue. Rates are decimal text (``"0.156"`` is 15.6 %); amounts are fen.

    ``annual_rate`` is nominal a year; ``fee_rate_total`` is of the original principal for the whole term, paid by
    ``fee_timing`` (``spread`` when missing, or ``first_period``); ``fee_rate_per_period`` is of the original principal
    each period. Payments and loans keep a price as JSON, so every later key has a default that means what was meant.
    """

    term: int
    method: str
    annual_rate: str | None
    fee_rate_total: str | None
    merchant_fee_rate: str
    merchant_subsidy_rate: str
    min_amount_fen: int
    max_amount_fen: int
    fee_timing: str | None = None
    fee_rate_per_period: str | None = None

    def terms(self) -> schedule.Terms:
        """The arithmetic of this price. Raises ``TermsError`` or ``RateError`` for one that contradicts itself."""
        return schedule.Terms(
            method=self.method,
            periods=self.term,
            annual_rate=self.annual_rate,
            fee_rate_total=self.fee_rate_total,
            fee_timing="spread"
            if self.fee_rate_total is not None and self.fee_timing is None
            else self.fee_timing,
            fee_rate_per_period=self.fee_rate_per_period,
        )


class AboveCeiling(ValueError):
    """The finished schedule costs more than the law or the funder allows."""


def plan(
    price: Price, *, amount_fen: int, contract_date: date, funder: str, funder_type: str
) -> dict[str, Any]:
    """The plan of ``amount_fen`` fen at ``price``, drawn on ``contract_date`` (Shanghai). Raises ``AboveCeiling``."""
    rows = schedule.build(amount_fen, price.terms(), contract_date)
    payments = [row.payment for row in rows.rows]
    rate = annual_rate.of(amount_fen, payments)
    ceiling = cost_ceiling.check(amount_fen, payments, funder_type=funder_type, on=contract_date)
    if not ceiling.allowed:
        raise AboveCeiling(f"{rate.nominal_percent} % nominal, {rate.effective_percent} % effective")
    body: dict[str, Any] = {
        "object": "plan",
        "term": price.term,
        "method": price.method,
        "amount": amount_fen,
        "financed_amount": amount_fen,
        "installment": {"first": payments[0], "regular": payments[len(payments) // 2], "last": payments[-1]},
        "total_payment": rows.total_payment,
        "total_interest": rows.total_interest,
        "total_fee": rows.total_fee,
        "annual_rate": {"nominal": rate.nominal, "effective": rate.effective},
        "interest_free": rows.total_payment == amount_fen,
        "merchant_subsidy": money.share(amount_fen, price.merchant_subsidy_rate),
        "schedule": [presented(row) for row in rows.rows],
        "disclosure": disclosure(price, rows, funder),
    }
    return {**body, "quote_hash": quote_hash(body)}


def presented(row: schedule.Instalment) -> dict[str, Any]:
    """One instalment as the API shows it: a date and integers of fen."""
    return {
        "period": row.period,
        "due_date": row.due_date.isoformat(),
        "principal": row.principal,
        "interest": row.interest,
        "fee": row.fee,
        "payment": row.payment,
        "balance": row.balance,
    }


def disclosure(price: Price, rows: schedule.Schedule, funder: str) -> dict[str, Any]:
    """Every charge with its collector, what default would cost, and that nothing else is charged.

    Source: the rules on disclosing the comprehensive financing cost of personal loans, in force since 2026-08-01.
    """
    charges: list[dict[str, str | int | None]] = []
    if rows.total_interest:
        charges.append(
            {
                "name": "interest",
                "rate": price.annual_rate,
                "amount": rows.total_interest,
                "collector": funder,
                "how": "with_each_instalment",
            }
        )
    if rows.total_fee:
        charges.append(
            {
                "name": "instalment_fee",
                "rate": price.fee_rate_total,
                "amount": rows.total_fee,
                "collector": funder,
                "how": "with_each_instalment",
            }
        )
    late = {
        "name": "late_interest",
        "rate": LATE_DAILY_RATE,
        "basis": "overdue_principal_per_day",
        "grace_days": LATE_GRACE_DAYS,
        "collector": funder,
    }
    return {
        "charges": charges,
        "contingent": [late],
        "nothing_else": True,
        "text_version": DISCLOSURE_VERSION,
        "lender": funder,
    }


def quote_hash(body: dict[str, Any]) -> str:
    """SHA-256 of a plan in canonical JSON: the shopper confirms exactly this."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
