"""Pricing: from a catalogue row and an amount to the plan that a shopper sees, and its disclosure.

Pure: no storage, no clock. The finished, rounded schedule is what is disclosed, capped and hashed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.core import annual_rate, cost_ceiling, money, schedule

DISCLOSURE_VERSION = "2026-11-23"
LATE_DAILY_RATE = "0.0005"
"""Late interest a day on overdue principal (0.05 %), simple; see the disclosure's contingent costs."""
LATE_GRACE_DAYS = 3
EARLY_SETTLEMENT_POLICY = "pro_rata_day"
"""Settling early costs the interest of the running period by days; the clauses of the contract say so."""


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


@dataclass(frozen=True, slots=True)
class Lender:
    """The lender: the name shoppers see, the kind of lender, and the bases its cost ceiling is tested on."""

    name: str
    kind: str
    bases: tuple[annual_rate.Basis, ...] = cost_ceiling.BOTH


class AboveCeiling(ValueError):
    """The finished schedule costs more than the law or the lender allows."""


def offered(
    prices: Mapping[int, Price],
    *,
    order_fen: int,
    financed_fen: int,
    terms: Sequence[int] | None,
    contract_date: date,
    lender: Lender,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The plans for an order of ``order_fen`` of which ``financed_fen`` is lent, and the terms that are not offered.

    ``terms`` narrows the months of the catalogue; ``contract_date`` is the day in Shanghai the loan would be drawn on.
    """
    plans, unavailable = [], []
    for term in terms or sorted(prices):
        price = prices.get(term)
        made = _plan_or_reason(price, order_fen, financed_fen, contract_date, lender)
        if isinstance(made, dict):
            plans.append(made)
            continue
        bounds = (price.min_amount_fen, price.max_amount_fen) if price else (None, None)
        unavailable.append({"term": term, "reason": made, "min_amount": bounds[0], "max_amount": bounds[1]})
    return plans, unavailable


def plan(
    price: Price, *, financed_fen: int, contract_date: date, lender: Lender, order_fen: int | None = None
) -> dict[str, Any]:
    """The plan of ``financed_fen`` fen at ``price``, drawn on ``contract_date`` (Shanghai), as the API shows it.

    ``order_fen`` is what the shopper pays for the order in all, more than is financed when there is a down payment.
    Raises ``AboveCeiling``, or ``NoRule`` when no ceiling is known for the lender.
    """
    rows = schedule.build(financed_fen, price.terms(), contract_date)
    payments = rows.payments
    rate = annual_rate.of(financed_fen, payments)
    if not cost_ceiling.judge(rate, funder_type=lender.kind, on=contract_date, bases=lender.bases).allowed:
        raise AboveCeiling(f"{rate.nominal_percent} % nominal, {rate.effective_percent} % effective")
    total = sum(payments)
    body: dict[str, Any] = {
        "object": "plan",
        "term": price.term,
        "method": price.method,
        "amount": financed_fen if order_fen is None else order_fen,
        "financed_amount": financed_fen,
        "installment": {"first": payments[0], "regular": payments[len(payments) // 2], "last": payments[-1]},
        "total_payment": total,
        "total_interest": rows.total_interest,
        "total_fee": rows.total_fee,
        "annual_rate": {"nominal": rate.nominal, "effective": rate.effective},
        "interest_free": total == financed_fen,
        "merchant_subsidy": money.share(financed_fen, price.merchant_subsidy_rate),
        "schedule": [presented(row) for row in rows.rows],
        "disclosure": disclosure(price, rows, lender.name),
    }
    return {**body, "quote_hash": quote_hash(body)}


def verdict(plan: dict[str, Any], *, lender: Lender, on: date) -> cost_ceiling.Verdict:
    """The finished payments of a plan tested once more, by the ceiling of a day (Shanghai). Raises ``NoRule``."""
    payments = [row["payment"] for row in plan["schedule"]]
    return cost_ceiling.check(
        plan["financed_amount"], payments, funder_type=lender.kind, on=on, bases=lender.bases
    )


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
    """Every charge with its collector, what default would cost, and that nothing else is charged. Amounts in fen.

    ``charges`` are the shopper's and add up to all that is paid above the principal; ``paid_by_merchant`` is what the
    shop bears in their place. ``basis`` says what a rate is of. Source: the rules on disclosing the comprehensive
    financing cost of personal loans, in force since 2026-08-01 (domain reference, section 4).
    """
    charges: list[dict[str, str | int | None]] = []
    if rows.total_interest:
        charges.append(
            {
                "name": "interest",
                "rate": price.annual_rate,
                "basis": "balance_per_year",
                "amount": rows.total_interest,
                "collector": funder,
                "how": "with_each_instalment",
            }
        )
    if rows.total_fee:
        first = price.fee_timing == "first_period"
        by_period = price.fee_rate_per_period is not None
        charges.append(
            {
                "name": "instalment_fee",
                "rate": price.fee_rate_per_period if by_period else price.fee_rate_total,
                "basis": "original_principal_per_period" if by_period else "original_principal",
                "amount": rows.total_fee,
                "collector": funder,
                "how": "with_first_instalment" if first else "with_each_instalment",
            }
        )
    late = {
        "name": "late_interest",
        "rate": LATE_DAILY_RATE,
        "basis": "overdue_principal_per_day",
        "grace_days": LATE_GRACE_DAYS,
        "collector": funder,
        "how": "with_overdue_instalment",
    }
    return {
        "charges": charges,
        "paid_by_merchant": _paid_by_merchant(price, rows.principal),
        "contingent": [late],
        "nothing_else": True,
        "text_version": DISCLOSURE_VERSION,
        "lender": funder,
    }


def quote_hash(body: dict[str, Any]) -> str:
    """SHA-256 of a plan in canonical JSON: the shopper confirms exactly this."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plan_or_reason(
    price: Price | None, order_fen: int, financed_fen: int, contract_date: date, lender: Lender
) -> dict[str, Any] | str:
    if price is None:
        return "term_not_offered"
    if financed_fen < price.min_amount_fen:
        return "amount_below_minimum"
    if financed_fen > price.max_amount_fen:
        return "amount_above_maximum"
    try:
        return plan(
            price, financed_fen=financed_fen, contract_date=contract_date, lender=lender, order_fen=order_fen
        )
    except AboveCeiling:
        return "cost_above_ceiling"
    except cost_ceiling.NoRule:
        return "no_cost_ceiling"


def _paid_by_merchant(price: Price, principal_fen: int) -> list[dict[str, str | int]]:
    amount = money.share(principal_fen, price.merchant_subsidy_rate)
    if not amount:
        return []
    return [
        {
            "name": "interest_subsidy",
            "rate": price.merchant_subsidy_rate,
            "basis": "original_principal",
            "amount": amount,
        }
    ]
