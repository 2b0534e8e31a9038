"""The yearly cost of a schedule: the rate at which its payments are worth what was lent (IRR), on two bases.

Nominal (单利) is twelve times the monthly rate; effective (复利) compounds it. Every charge the shopper bears is in the
payments, at the date it is paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Literal

from gateway.core.money import Rate, rate

Basis = Literal["nominal", "effective"]
DIGITS = 40
TEN = Decimal("1e-10")
MAX_STEPS = 100


class NoRate(ValueError):
    """No rate makes these payments worth the principal."""


@dataclass(frozen=True, slots=True)
class AnnualRate:
    """The cost of one schedule. ``exact_monthly`` carries 40 digits; the texts are rounded half up for people."""

    exact_monthly: Decimal

    @property
    def monthly(self) -> str:
        """Monthly IRR, ten decimals."""
        return _text(self.exact_monthly, TEN)

    @property
    def nominal(self) -> str:
        """12 x monthly, ten decimals."""
        return _text(self._on("nominal"), TEN)

    @property
    def effective(self) -> str:
        """(1 + monthly)^12 - 1, ten decimals."""
        return _text(self._on("effective"), TEN)

    @property
    def nominal_percent(self) -> str:
        """Nominal in percent, two decimals."""
        return _text(self._on("nominal") * 100, Decimal("0.01"))

    @property
    def effective_percent(self) -> str:
        """Effective in percent, two decimals."""
        return _text(self._on("effective") * 100, Decimal("0.01"))

    def within(self, ceiling: Rate, basis: Basis) -> bool:
        """Whether the unrounded rate is at most ``ceiling`` on this basis."""
        limit = rate(ceiling)
        with localcontext() as context:
            context.prec = DIGITS
            bound = Decimal(limit.numerator) / Decimal(limit.denominator)
            # 30 digits of a 40-digit root: a schedule that costs exactly the ceiling passes.
            return self._on(basis) - bound <= Decimal("1e-30")

    def _on(self, basis: Basis) -> Decimal:
        with localcontext() as context:
            context.prec = DIGITS
            if basis == "nominal":
                return 12 * self.exact_monthly
            return (1 + self.exact_monthly) ** 12 - 1


def of(principal_fen: int, payments_fen: Sequence[int]) -> AnnualRate:
    """The yearly cost of lending ``principal_fen`` against monthly ``payments_fen``. Raises ``NoRate``.

    Newton's method: in floats for the start (the function falls and bends one way, so it converges from 0), then in
    40-digit decimals until the step vanishes.
    """
    if principal_fen <= 0 or not payments_fen or min(payments_fen) < 0:
        raise NoRate("a rate needs a principal above 0 and payments that are not negative")
    if sum(payments_fen) < principal_fen:
        raise NoRate("the payments do not even return the principal")
    if sum(payments_fen) == principal_fen:
        return AnnualRate(Decimal(0))
    guess = _float_root(principal_fen, payments_fen)
    with localcontext() as context:
        context.prec = DIGITS
        monthly = Decimal(guess)
        for _ in range(MAX_STEPS):
            value, slope = _worth(monthly, payments_fen)
            step = (value - principal_fen) / slope
            monthly -= step
            if abs(step) < Decimal("1e-32"):
                return AnnualRate(monthly)
    raise NoRate("the rate did not converge")


def _worth(monthly: Decimal, payments_fen: Sequence[int]) -> tuple[Decimal, Decimal]:
    """Present worth of the payments at a monthly rate, and its derivative (Horner's scheme)."""
    factor = 1 / (1 + monthly)
    value = weighted = Decimal(0)
    for index in range(len(payments_fen), 0, -1):
        value = (value + payments_fen[index - 1]) * factor
        weighted = weighted * factor + index * payments_fen[index - 1]
    return value, -weighted * factor * factor


def _float_root(principal_fen: int, payments_fen: Sequence[int]) -> float:
    monthly = 0.0
    for _ in range(MAX_STEPS):
        factor = 1 / (1 + monthly)
        value = weighted = 0.0
        for index in range(len(payments_fen), 0, -1):
            value = (value + payments_fen[index - 1]) * factor
            weighted = weighted * factor + index * payments_fen[index - 1]
        step = (value - principal_fen) / (-weighted * factor * factor)
        monthly -= step
        if abs(step) < 1e-14 * (1 + monthly):
            break
    return monthly


def _text(value: Decimal, unit: Decimal) -> str:
    with localcontext() as context:
        context.prec = DIGITS
        return f"{value.quantize(unit, ROUND_HALF_UP):f}"
