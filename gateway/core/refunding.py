"""Partial refund (部分退款): it lowers the principal still owed; number of periods and due dates stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from gateway.core.money import fen, half_up
from gateway.core.schedule import Instalment, Schedule, Terms, rebuild


@dataclass(frozen=True, slots=True)
class Lowered:
    """A loan after a refund; amounts in fen, ``rows`` replace those that were still to come."""

    outstanding_before: int
    applied_to_principal: int
    returned_to_shopper: int
    outstanding_after: int
    rows: tuple[Instalment, ...]
    cancelled_interest: int
    cancelled_fee: int


def lower(remaining: Sequence[Instalment], *, terms: Terms, contract_date: date, refund_fen: int) -> Lowered:
    """Apply a refund to the rows still to come: min(refund, balance) lowers the loan, the rest goes to the shopper."""
    before = sum(row.principal for row in remaining)
    applied = min(fen(refund_fen, name="refund"), before)
    after = before - applied
    interest, fee = sum(row.interest for row in remaining), sum(row.fee for row in remaining)
    if after == 0:
        rows = Schedule(())
    else:
        rows = rebuild(
            after,
            terms,
            contract_date,
            first_period=remaining[0].period,
            fee_fen=half_up(Fraction(fee * after, before)),
        )
    return Lowered(
        outstanding_before=before,
        applied_to_principal=applied,
        returned_to_shopper=refund_fen - applied,
        outstanding_after=after,
        rows=rows.rows,
        cancelled_interest=interest - rows.total_interest,
        cancelled_fee=fee - rows.total_fee,
    )
