"""Repayment schedules: what the shopper owes, when, in whole fen that add up.

Exactness: a rate is a fraction p/q and every figure is computed as one integer division of exact integers,
``(2 * numerator + denominator) // (2 * denominator)``. Nothing is rounded before the fen, so no precision has
to be chosen and nothing can drift. The rules are those of the golden cases (docs: money arithmetic).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from math import gcd

from gateway.core.money import Rate, equal_split, fen, half_up_ratio, parse_rate, share

METHODS = ("equal_installment", "equal_principal", "flat_fee", "interest_free")
"""等额本息, 等额本金, 手续费分期, 免息分期（商户贴息）."""
FEE_TIMINGS = ("spread", "first_period")
MAX_PERIODS = 60


class TermsError(ValueError):
    """Terms that contradict themselves or their method."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the shopper agrees to besides the amount; rates are exact decimals, ``"0.18"`` is 18 %.

    ``annual_rate`` (nominal, 12 x monthly) belongs to ``equal_installment`` and ``equal_principal``;
    ``fee_rate_total`` with ``fee_timing``, or ``fee_rate_per_period``, belongs to ``flat_fee``.
    Raises ``TermsError``, ``RateError``, or a ``TypeError`` for floats.
    """

    method: str
    periods: int
    annual_rate: Rate | None = None
    fee_rate_total: Rate | None = None
    fee_timing: str | None = None
    fee_rate_per_period: Rate | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise TermsError(f"method must be one of {', '.join(METHODS)}, not {self.method!r}")
        fen(self.periods, "periods", minimum=1)
        if self.periods > MAX_PERIODS:
            raise TermsError(f"periods must be at most {MAX_PERIODS}, not {self.periods}")
        for name in ("annual_rate", "fee_rate_total", "fee_rate_per_period"):
            given = getattr(self, name)
            if given is not None:
                parse_rate(given, name)
        if (self.annual_rate is not None) != (self.method in ("equal_installment", "equal_principal")):
            if self.annual_rate is None:
                raise TermsError(f"{self.method} requires annual_rate")
            raise TermsError(f"{self.method} does not allow annual_rate")
        self._check_fees()

    def _check_fees(self) -> None:
        total, per_period = self.fee_rate_total is not None, self.fee_rate_per_period is not None
        if self.method != "flat_fee":
            if total or per_period or self.fee_timing is not None:
                raise TermsError(f"{self.method} does not allow a fee")
        elif total == per_period:
            raise TermsError("flat_fee requires exactly one of fee_rate_total and fee_rate_per_period")
        elif total and self.fee_timing not in FEE_TIMINGS:
            raise TermsError(f"fee_timing must be one of {', '.join(FEE_TIMINGS)}, not {self.fee_timing!r}")
        elif per_period and self.fee_timing is not None:
            raise TermsError("fee_timing cannot be combined with fee_rate_per_period")


@dataclass(frozen=True, slots=True)
class Instalment:
    """One period, in fen: ``payment`` = principal + interest + fee, ``balance`` = principal owed after it."""

    period: int
    due_date: date
    principal: int
    interest: int
    fee: int
    payment: int
    balance: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """The instalments of one loan, in order of their period."""

    rows: tuple[Instalment, ...]

    @property
    def payments(self) -> list[int]:
        """What is paid each period, in fen."""
        return [row.payment for row in self.rows]

    @property
    def principal(self) -> int:
        """Principal repaid by all rows, in fen."""
        return sum([row.principal for row in self.rows])

    @property
    def total_payment(self) -> int:
        """Sum of the payments, in fen."""
        return sum([row.payment for row in self.rows])

    @property
    def total_interest(self) -> int:
        """Sum of the interest, in fen."""
        return sum([row.interest for row in self.rows])

    @property
    def total_fee(self) -> int:
        """Sum of the fees, in fen."""
        return sum([row.fee for row in self.rows])


def build(principal_fen: int, terms: Terms, contract_date: date) -> Schedule:
    """The schedule of ``principal_fen`` drawn on ``contract_date`` (Shanghai).

    Principals add up to the principal, the last balance is 0, no figure is negative. Raises ``AmountError``
    below 1 fen.
    """
    fen(principal_fen, "principal", minimum=1)
    principals, interests = repayment_split(principal_fen, terms, terms.periods)
    fees = _fees(principal_fen, terms)
    dates = due_dates(contract_date, terms.periods)
    return assemble(principal_fen, dates, principals, interests=interests, fees=fees)


def rebuild(
    balance_fen: int, terms: Terms, contract_date: date, *, first_period: int, fee_fen: int = 0
) -> Schedule:
    """The rows from ``first_period`` on for ``balance_fen`` still owed: same due dates, method and rate.

    ``fee_fen`` is what is left of a flat fee; it is split equally, the last row takes the rest.
    Raises ``AmountError`` below 1 fen, ``TermsError`` when no period is left.
    """
    fen(balance_fen, "balance", minimum=1)
    fen(first_period, "first_period", minimum=1)
    left = terms.periods - first_period + 1
    if left < 1:
        raise TermsError(f"period {first_period} is after the last of {terms.periods}")
    principals, interests = repayment_split(balance_fen, terms, left)
    dates = due_dates(contract_date, terms.periods)[first_period - 1 :]
    return assemble(
        balance_fen,
        dates,
        principals,
        interests=interests,
        fees=equal_split(fee_fen, left),
        first_period=first_period,
    )


def due_date(contract_date: date, period: int) -> date:
    """Contract date + ``period`` months, counted from the contract date; a missing day is the month's last.

    31 August -> 30 September -> 31 October. Not moved for weekends. Period 0 is the contract date.
    """
    fen(period, "period")
    return _months_after(_plain_date(contract_date), period)


def due_dates(contract_date: date, periods: int) -> tuple[date, ...]:
    """The due dates of periods 1 to ``periods``."""
    return _due_dates(_plain_date(contract_date), periods)


@lru_cache(maxsize=1024)
def _due_dates(contract_date: date, periods: int) -> tuple[date, ...]:
    return tuple([_months_after(contract_date, period) for period in range(1, periods + 1)])


def _months_after(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _plain_date(day: date) -> date:
    if isinstance(day, datetime) or not isinstance(day, date):
        raise TypeError(f"a contract date is a date in Shanghai, not {type(day).__name__}: {day!r}")
    return day


def repayment_split(balance_fen: int, terms: Terms, periods: int) -> tuple[list[int], list[int]]:
    """Principals and interests (fen) of ``balance_fen`` over ``periods`` by the method and rate of ``terms``.

    Used for a whole loan and, after a refund, for what is left of one.
    """
    fen(balance_fen, "balance")
    if terms.annual_rate is None:
        return equal_split(balance_fen, periods), [0] * periods
    annual = parse_rate(terms.annual_rate)
    if annual == 0:
        return equal_split(balance_fen, periods), [0] * periods
    if terms.method == "equal_principal":
        return _equal_principal(balance_fen, annual.numerator, 12 * annual.denominator, periods)
    return _equal_instalment(balance_fen, annual.numerator, 12 * annual.denominator, periods)


def _equal_principal(balance_fen: int, p: int, q: int, periods: int) -> tuple[list[int], list[int]]:
    principals = equal_split(balance_fen, periods)
    interests, balance = [], balance_fen
    for principal in principals:
        interests.append((2 * balance * p + q) // (2 * q))
        balance -= principal
    return principals, interests


def _equal_instalment(balance_fen: int, p: int, q: int, periods: int) -> tuple[list[int], list[int]]:
    numerator, denominator = _annuity_factor(p, q, periods)
    payment = half_up_ratio(balance_fen * numerator, denominator)
    principals, interests, balance = [], [], balance_fen
    for _ in range(periods - 1):
        interest = (2 * balance * p + q) // (2 * q)
        # Below about 2 yuan the payment's own rounding could repay more than is owed.
        principal = min(payment - interest, balance)
        principals.append(principal)
        interests.append(interest)
        balance -= principal
    principals.append(balance)
    interests.append((2 * balance * p + q) // (2 * q))
    return principals, interests


@lru_cache(maxsize=1024)
def _annuity_factor(p: int, q: int, periods: int) -> tuple[int, int]:
    """Factor of an annuity, i (1+i)^n / ((1+i)^n - 1) for i = p/q, as numerator and denominator in lowest terms."""
    grown, base = (q + p) ** periods, q**periods
    numerator, denominator = p * grown, q * (grown - base)
    common = gcd(numerator, denominator)
    return numerator // common, denominator // common


def _fees(principal_fen: int, terms: Terms) -> list[int]:
    if terms.fee_rate_per_period is not None:
        return [share(principal_fen, terms.fee_rate_per_period)] * terms.periods
    if terms.fee_rate_total is None:
        return [0] * terms.periods
    fee = share(principal_fen, terms.fee_rate_total)
    if terms.fee_timing == "first_period":
        return [fee] + [0] * (terms.periods - 1)
    return equal_split(fee, terms.periods)


def assemble(
    balance_fen: int,
    dates: Sequence[date],
    principals: Sequence[int],
    *,
    interests: Sequence[int],
    fees: Sequence[int],
    first_period: int = 1,
) -> Schedule:
    """Rows from their parts, with payments and running balances."""
    rows, period, balance = [], first_period, balance_fen
    for day, principal, interest, fee in zip(dates, principals, interests, fees, strict=True):
        balance -= principal
        rows.append(Instalment(period, day, principal, interest, fee, principal + interest + fee, balance))
        period += 1
    assert balance == 0, "the principals repay the balance exactly"
    return Schedule(tuple(rows))
