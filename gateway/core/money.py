"""Money is a whole number of fen and a rate is an exact fraction; a float in either place is an error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

Rate = str | Decimal | Fraction
"""How a rate may be given: ``"0.18"`` is 18 %. Never a float."""

MAX_AMOUNT_FEN = 10_000_000
"""Largest amount of one loan: 100,000.00 yuan."""
MAX_RATE = 2
RATE_TEXT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,12})?")
RATE_DENOMINATOR_BITS = 64


class AmountError(ValueError):
    """An amount is a whole number of fen, but not one that is possible here."""


class AmountTypeError(TypeError):
    """An amount is not a whole number of fen: a float, a bool, text."""


class RateError(ValueError):
    """A rate is not an exact decimal number from 0 to 2 (200 %)."""


class RateTypeError(TypeError):
    """A rate is a float or another type that cannot be exact."""


def fen(amount_fen: object, name: str = "amount", *, minimum: int = 0) -> int:
    """``amount_fen`` itself, if it is a whole number of fen of at least ``minimum``.

    Raises ``AmountTypeError`` (float, bool, anything but int) or ``AmountError`` (too small).
    """
    if type(amount_fen) is not int:
        kind = type(amount_fen).__name__
        raise AmountTypeError(f"{name} must be a whole number of fen (int), not {kind}: {amount_fen!r}")
    if amount_fen < minimum:
        raise AmountError(f"{name} must be at least {minimum} fen, not {amount_fen}")
    return amount_fen


def parse_rate(value: Rate, name: str = "rate") -> Fraction:
    """The exact value of ``"0.18"``, ``Decimal("0.18")`` or ``Fraction(9, 50)``; 18 % is 0.18.

    Raises ``RateTypeError`` for floats and ints, ``RateError`` for anything not from 0 to 2 (NaN, signs,
    exponents, more than 12 decimals): a rate above 200 % is a percentage written without its point.
    """
    if isinstance(value, str):
        exact = _parse_text(value)
        if exact is None:
            raise RateError(f'{name} must be a decimal number such as "0.18" (18 %), not {value[:40]!r}')
    elif isinstance(value, Decimal):
        if not value.is_finite() or not -12 <= int(value.as_tuple().exponent) <= 2:
            raise RateError(f"{name} must be a finite decimal number with at most 12 decimals, not {value}")
        exact = Fraction(value)
    elif isinstance(value, Fraction):
        exact = value
    else:
        kind = type(value).__name__
        raise RateTypeError(f'{name} must be text or Decimal such as "0.18" (18 %), not {kind}: {value!r}')
    if not 0 <= exact <= MAX_RATE or exact.denominator.bit_length() > RATE_DENOMINATOR_BITS:
        raise RateError(f'{name} must be from 0 to {MAX_RATE}; 18 % is written "0.18", not {value}')
    return exact


rate = parse_rate
"""The same under the short name that formulas read best with."""


@lru_cache(maxsize=4096)
def _parse_text(text: str) -> Fraction | None:
    return Fraction(text) if RATE_TEXT.fullmatch(text) else None


def half_up(value: Fraction | Decimal | int) -> int:
    """An exact, non-negative number of fen rounded to a whole fen, one half upwards (0.5 -> 1).

    Raises ``AmountTypeError`` for floats and bools, ``AmountError`` for negative or non-finite values.
    """
    if isinstance(value, bool) or not isinstance(value, Fraction | Decimal | int):
        raise AmountTypeError(f"only exact values are rounded (Fraction, Decimal, int), not {value!r}")
    if isinstance(value, Decimal) and not value.is_finite():
        raise AmountError(f"only finite values are rounded, not {value}")
    if value < 0:
        raise AmountError(f"half up is defined for amounts of 0 and more, not {value}")
    numerator, denominator = value.as_integer_ratio()
    return half_up_ratio(numerator, denominator)


def half_up_ratio(numerator: int, denominator: int) -> int:
    """``numerator / denominator`` (both >= 0) rounded half up, in integers only: exact for any size."""
    return (2 * numerator + denominator) // (2 * denominator)


def share(amount_fen: int, at_rate: Rate) -> int:
    """``amount_fen`` times ``at_rate``, rounded half up (fen)."""
    fen(amount_fen)
    exact = parse_rate(at_rate)
    return half_up_ratio(amount_fen * exact.numerator, exact.denominator)


def equal_split(amount_fen: int, parts: int) -> list[int]:
    """``amount_fen`` in ``parts`` parts: all but the last are ``amount // parts``, the last is the rest."""
    fen(amount_fen)
    fen(parts, "parts", minimum=1)
    each = amount_fen // parts
    return [each] * (parts - 1) + [amount_fen - each * (parts - 1)]


def split_by_largest_remainder(total_fen: int, weights: Sequence[int]) -> list[int]:
    """``total_fen`` in proportion to whole, non-negative ``weights``; the parts always sum to the total.

    Each part is rounded down, then the fen left over go to the largest remainders, the earlier part on a tie.
    """
    fen(total_fen, "total")
    for weight in weights:
        fen(weight, "weight")
    whole = sum(weights)
    if whole == 0:
        raise AmountError("at least one weight must be above 0")
    parts = [total_fen * weight // whole for weight in weights]
    remainders = [total_fen * weight % whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: (-remainders[index], index))
    for index in by_remainder[: total_fen - sum(parts)]:
        parts[index] += 1
    assert sum(parts) == total_fen, "the parts are the whole"
    return parts


def yuan(amount_fen: int) -> str:
    """Fen as yuan for display: 599900 -> ``5,999.00``; a negative amount keeps its sign."""
    if type(amount_fen) is not int:
        raise AmountTypeError(f"amount must be a whole number of fen (int), not {amount_fen!r}")
    whole, fen = divmod(abs(amount_fen), 100)
    return f"{'-' if amount_fen < 0 else ''}{whole:,}.{fen:02d}"
