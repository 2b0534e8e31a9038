"""Plans in integers and exact fractions: interest-free, equal instalments, equal principal, a flat fee.

Amounts round half up; the last period absorbs the difference.
"""

from __future__ import annotations

import calendar
import hashlib
import json
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

Row = dict[str, Any]

_CONVERGED = Decimal("1e-20")
_TEN_DECIMALS = Decimal("1e-10")


class Product(NamedTuple):
    """What a term costs; rates are decimal strings.

    ``method`` is interest_free, equal_installment, equal_principal or flat_fee, of which ``fee_rate_total`` is
    spread over the term.
    """

    method: str
    annual_rate: str = "0"
    merchant_fee_rate: str = "0.006"
    merchant_subsidy_rate: str = "0"
    min_amount: int = 10_000
    max_amount: int = 10_000_000
    fee_rate_total: str = "0"


def half_up(value: Fraction) -> int:
    """A non-negative exact value rounded to whole fen, 0.5 upwards."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def schedule(
    product: Product, *, principal: int, periods: int, contract_date: date, fee: int | None = None
) -> list[Row]:
    """The rows for ``principal`` fen drawn on ``contract_date`` (Shanghai).

    ``fee`` is what is left of a flat fee, all of it when None.
    """
    with_interest = product.method in ("equal_installment", "equal_principal")
    rate = Fraction(product.annual_rate) / 12 if with_interest else Fraction(0)
    annuity = rate > 0 and product.method == "equal_installment"
    grown = (1 + rate) ** periods
    instalment = half_up(principal * rate * grown / (grown - 1)) if annuity else 0
    fee = half_up(principal * Fraction(product.fee_rate_total)) if fee is None else fee
    rows, balance = [], principal
    for period in range(1, periods + 1):
        interest = half_up(balance * rate)
        part = min(instalment - interest, balance) if annuity else principal // periods
        part = balance if period == periods else part
        charge = fee - fee // periods * (periods - 1) if period == periods else fee // periods
        balance -= part
        rows.append(
            {
                "period": period,
                "due_date": _due_date(contract_date, period).isoformat(),
                "principal": part,
                "interest": interest,
                "fee": charge,
                "payment": part + interest + charge,
                "balance": balance,
            }
        )
    return rows


def difference(after: list[Row], before: list[Row]) -> list[Row]:
    """Row by row ``after`` less ``before``: what one more capture adds to the schedule."""
    if not before:
        return after
    amounts = ("principal", "interest", "fee", "payment", "balance")
    return [
        {**later, **{name: later[name] - earlier[name] for name in amounts}}
        for later, earlier in zip(after, before, strict=True)
    ]


def plan(product: Product, *, amount: int, term: int, contract_date: date) -> dict[str, Any]:
    """The plan object of the API for ``amount`` fen over ``term`` months."""
    rows = schedule(product, principal=amount, periods=term, contract_date=contract_date)
    payments = [row["payment"] for row in rows]
    interest, fee = (sum(row[part] for row in rows) for part in ("interest", "fee"))
    charges = []
    if interest:
        how = "with_each_instalment"
        charges.append(
            {"name": "interest", "rate": product.annual_rate, "collector": "fake_lender", "how": how}
        )
    if fee:
        how = "with_each_instalment"
        charges.append(
            {
                "name": "instalment_fee",
                "rate": product.fee_rate_total,
                "collector": "fake_lender",
                "how": how,
            }
        )
    monthly = irr(amount, tuple(payments))
    content = {
        "object": "plan",
        "term": term,
        "method": product.method,
        "amount": amount,
        "financed_amount": amount,
        "installment": {"first": payments[0], "regular": payments[len(payments) // 2], "last": payments[-1]},
        "total_payment": sum(payments),
        "total_interest": interest,
        "total_fee": fee,
        "annual_rate": {"nominal": _decimals(12 * monthly), "effective": _decimals((1 + monthly) ** 12 - 1)},
        "interest_free": not interest and not fee,
        "merchant_subsidy": half_up(amount * Fraction(product.merchant_subsidy_rate)),
        "schedule": rows,
        "disclosure": {"charges": charges, "contingent": [], "nothing_else": True, "text_version": "fake"},
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return {**content, "quote_hash": hashlib.sha256(text.encode()).hexdigest()}


@lru_cache(maxsize=1024)
def irr(principal: int, payments: tuple[int, ...]) -> Decimal:
    """The monthly rate m with principal = sum of payment_k / (1+m)^k, by Newton's method in 28 digits."""
    rate = Decimal(0)
    with localcontext() as context:
        context.prec = 28
        for _ in range(60):
            factor = 1 / (1 + rate)
            value, slope, power = Decimal(-principal), Decimal(0), Decimal(1)
            for k, payment in enumerate(payments, 1):
                power *= factor
                value += payment * power
                slope -= k * payment * power * factor
            step = value / slope
            rate -= step
            if abs(step) < _CONVERGED:
                break
    return rate


def _decimals(rate: Decimal) -> str:
    return format(rate.quantize(_TEN_DECIMALS, rounding=ROUND_HALF_UP), "f")


def _due_date(contract_date: date, months: int) -> date:
    years, month = divmod(contract_date.month - 1 + months, 12)
    year = contract_date.year + years
    return date(year, month + 1, min(contract_date.day, calendar.monthrange(year, month + 1)[1]))
