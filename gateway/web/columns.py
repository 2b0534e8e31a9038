"""Columns: an answer of the API as the cells of a row, each read once from its schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, fields

from gateway.web.fields import Metadata, Moment

MONEY = frozenset(
    {"amount", "net", "opening", "captures", "subsidies", "merchant_fees", "merchant_subsidies", "merchant_fee",
     "merchant_subsidy", "refunds", "disputes", "adjustments", "reserve_change", "closing", "loan_reduction",
     "returned_to_shopper", "merchant_fee_returned", "merchant_subsidy_returned"}
)  # fmt: skip
"""Fields with whole numbers of fen, besides those whose name ends so."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in the API, what a cell of it holds, and whether that is money (fen)."""

    name: str
    cell: Callable[[Mapping[str, Any]], Any]
    is_money: bool


def columns_of(answer: Schema) -> list[Column]:
    """The columns of an answer, in its order; what is a list or an object of its own has no cell, and is left out."""
    found = []
    for name, field in answer.fields.items():
        cell = _cell(name, field)
        if cell is not None:
            is_money = isinstance(field, fields.Integer) and (name in MONEY or name.endswith("_amount"))
            found.append(Column(name, cell, is_money))
    return found


def _cell(name: str, field: fields.Field[Any]) -> Callable[[Mapping[str, Any]], Any] | None:
    if isinstance(field, fields.Constant):
        constant = field.constant
        return lambda row: constant
    if isinstance(field, Moment):
        return lambda row: moment(row[name])
    if isinstance(field, fields.Nested | fields.List | fields.Dict | Metadata | fields.Raw):
        return None
    return lambda row: row[name]


def moment(value: datetime | None) -> str | None:
    """A time as answers show it."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
