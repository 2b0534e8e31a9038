"""Yuan as people write it, fen as the API takes it; a float is refused before anything is sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

_YUAN = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]+))?")


def fen(amount: str | int | Decimal) -> int:
    """Fen in an amount of yuan: ``fen("59.99") == 5999``.

    ``amount`` is a decimal string, a Decimal or whole yuan as an int. Raises TypeError for a float (it
    cannot hold 59.99) and ValueError for anything that is not a number of whole fen.
    """
    match = _YUAN.fullmatch(_plain_digits(amount))
    if match is None:
        raise ValueError(f"not a valid amount in yuan: {str(amount)[:40]!r}")
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
    if fraction[2:].strip("0"):
        raise ValueError(f"not a whole number of fen (yuan have two decimals): {str(amount)[:40]!r}")
    value = int(whole) * 100 + int(fraction[:2].ljust(2, "0"))
    return -value if sign else value


def yuan(amount_fen: int) -> str:
    """Yuan with two decimals for an amount of fen: ``yuan(5999) == "59.99"``. Raises TypeError unless an int."""
    if isinstance(amount_fen, bool) or not isinstance(amount_fen, int):
        raise TypeError(f"fen must be an int, not {type(amount_fen).__name__}")
    whole, fraction = divmod(abs(amount_fen), 100)
    return f"{'-' if amount_fen < 0 else ''}{whole}.{fraction:02d}"


def refuse_floats(value: object, path: str = "") -> None:
    """Raise TypeError naming the field when anything but JSON without floats stands in a request.

    Text, int, bool, None, list and dict may. No field of the API is a float: amounts are integer fen and rates
    are decimal strings.
    """
    if value is None or isinstance(value, str | int):
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            refuse_floats(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            refuse_floats(inner, f"{path}[{index}]")
    else:
        kind = type(value).__name__
        hint = (
            ': amounts are integer fen, fenqi.fen("59.99") converts yuan'
            if kind in ("float", "Decimal")
            else ""
        )
        raise TypeError(f"{path or 'value'} must not be a {kind}{hint}")


def _plain_digits(amount: str | int | Decimal) -> str:
    if isinstance(amount, str):
        return amount
    if isinstance(amount, int) and not isinstance(amount, bool):
        return str(amount)
    from decimal import Decimal

    if isinstance(amount, Decimal):
        return format(amount, "f")
    raise TypeError(
        f'yuan must be a str, an int or a Decimal, not {type(amount).__name__}: write fen("59.99")'
    )
