"""Late interest (罚息): simple, on overdue principal, computed from scratch, never a sum of rounded days."""

from __future__ import annotations

from datetime import date

from gateway.core.money import Rate, fen, half_up, rate


def overdue_days(*, due_date: date, as_of: date, grace_days: int) -> int:
    """Days overdue: none within the grace; once past it, counted from the due date."""
    days = (as_of - due_date).days
    return days if days > grace_days else 0


def late_interest(overdue_principal_fen: int, *, daily_rate: Rate, days: int) -> int:
    """Overdue principal times daily rate times days, rounded half up once (fen)."""
    return half_up(fen(overdue_principal_fen, name="overdue principal") * rate(daily_rate) * days)
