"""An application as a partner asks about it: the usual one."""

from __future__ import annotations

from typing import Any

CASE: dict[str, Any] = {
    "amount": 599_900,
    "term": 12,
    "category": "3c",
    "declared_monthly_income": 800_000,
    "prior_loans": 0,
    "prior_on_time_instalments": 0,
    "prior_late_instalments": 0,
    "max_delinquency_days": 0,
    "open_principal": 0,
    "applications_on_phone_24h": 1,
}
