"""Schedules of captures: each draws a loan, and together the loans cost what the shopper has agreed to."""

from __future__ import annotations

from datetime import date

from gateway.core.schedule import Instalment, Schedule, Terms, TermsError, assemble, build


def difference(after: Schedule, before: Schedule) -> Schedule:
    """Row by row ``after`` less ``before``, due dates of ``after``: the loan that one more capture draws.

    ``after`` and ``before`` are the schedules of the captured total after and before that capture, so any
    split of captures sums exactly to the disclosed schedule. Figures may be a few fen below 0 when a capture,
    or the fee on it, is less than periods x periods fen; ``of_capture`` evens them out. Raises ``TermsError`` if
    the periods differ.
    """
    if [row.period for row in after.rows] != [row.period for row in before.rows]:
        raise TermsError("the schedules after and before a capture must have the same periods")
    return Schedule(
        tuple(
            [
                Instalment(
                    new.period,
                    new.due_date,
                    new.principal - old.principal,
                    new.interest - old.interest,
                    new.fee - old.fee,
                    new.payment - old.payment,
                    new.balance - old.balance,
                )
                for new, old in zip(after.rows, before.rows, strict=True)
            ]
        )
    )


def of_capture(
    terms: Terms, contract_date: date, *, before_fen: int, amount_fen: int, authorised_fen: int
) -> Schedule:
    """The rows of the loan that one capture of ``amount_fen`` draws, after ``before_fen`` of ``authorised_fen``.

    The ``difference`` of the captured totals, with two roundings put right, for a loan is a claim, and no part of a
    claim is negative. A row below 0 is taken from the next rows, else from those before. And a total that would
    cost a fen more interest than a larger one does costs no more than the whole, so that no split of captures
    comes to more than was disclosed. Raises what ``build`` raises.
    """
    most = build(authorised_fen, terms, contract_date).total_interest
    after = _costing_at_most(most, build(before_fen + amount_fen, terms, contract_date))
    if not before_fen:
        return after
    rows = difference(after, _costing_at_most(most, build(before_fen, terms, contract_date))).rows
    principals, interests, fees = (
        _lifted([getattr(row, part) for row in rows]) for part in ("principal", "interest", "fee")
    )
    return assemble(amount_fen, [row.due_date for row in rows], principals, interests=interests, fees=fees)


def _costing_at_most(interest_fen: int, rows: Schedule) -> Schedule:
    """The schedule with its interest lowered to that sum, from the last row backwards."""
    excess = rows.total_interest - interest_fen
    if excess <= 0:
        return rows
    interests = [row.interest for row in rows.rows]
    interests[-1] -= excess
    return assemble(
        rows.principal,
        [row.due_date for row in rows.rows],
        [row.principal for row in rows.rows],
        interests=_lifted(interests),
        fees=[row.fee for row in rows.rows],
    )


def _lifted(figures: list[int]) -> list[int]:
    """The figures with each shortfall taken from what follows it and, at the end, from what precedes; at least 0."""
    for towards in (1, -1):
        missing = 0
        for index in range(len(figures))[::towards]:
            figures[index] += missing
            missing = min(0, figures[index])
            figures[index] -= missing
        if not missing:
            return figures
        # What the end could not bear is taken from the end backwards.
        figures[-1 if towards == 1 else 0] += missing
    return [0] * len(figures)
