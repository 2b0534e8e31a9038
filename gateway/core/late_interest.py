"""Late interest (罚息): simple, on overdue principal, computed from scratch, never a sum of rounded days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from fractions import Fraction

from gateway.core.money import Rate, fen, half_up, rate


def overdue_days(*, due_date: date, as_of: date, grace_days: int) -> int:
    """Days overdue: none within the grace; once past it, counted from the due date."""
    days = (as_of - due_date).days
    return days if days > grace_days else 0


def late_interest(overdue_principal_fen: int, *, daily_rate: Rate, days: int) -> int:
    """Overdue principal times daily rate times days, rounded half up once (fen)."""
    return half_up(fen(overdue_principal_fen, name="overdue principal") * rate(daily_rate) * days)


def of_instalment(
    principal_fen: int,
    reductions: Iterable[tuple[date, int]],
    *,
    due_date: date,
    as_of: date,
    daily_rate: Rate,
    grace_days: int,
) -> int:
    """Late interest (fen) of one instalment up to ``as_of``, from scratch, whatever was computed before.

    ``reductions`` are the payments of its principal with their dates: each part is late from the due date to its own
    payment, and not at all when it was paid within the grace. Exact until the one rounding at the end.
    """
    left, weighted = fen(principal_fen, name="overdue principal"), 0
    for day, amount_fen in reductions:
        left -= amount_fen
        weighted += amount_fen * overdue_days(due_date=due_date, as_of=min(day, as_of), grace_days=grace_days)
    weighted += fen(left, name="principal still owed") * overdue_days(
        due_date=due_date, as_of=as_of, grace_days=grace_days
    )
    return half_up(Fraction(weighted) * rate(daily_rate))
