"""Golden vectors: compute every case of a file of worked examples, in the shape of its expected results."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

from gateway.core import (
    annual_rate,
    calendar,
    early_settlement,
    late_interest,
    merchant_settlement,
    refunding,
    schedule,
)

FORMAT = 1
CEILING = "0.24"
Case = dict[str, Any]


class WrongVectors(ValueError):
    """The file is not a vector file, or a case lacks something; the message names it."""


def compute_file(path: Path) -> list[Case]:
    """Results of every case of the file, as ``{"id", "result"}``. Raises ``WrongVectors`` or ``OSError``."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise WrongVectors(f"not a JSON file: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise WrongVectors(f"not a vector file of format {FORMAT}")
    if (document.get("currency"), document.get("unit")) != ("CNY", "fen"):
        raise WrongVectors("the vectors must be in CNY and fen")
    cases = document.get("vectors")
    if not isinstance(cases, list):
        raise WrongVectors("the file contains no list of vectors")
    return [{"id": case.get("id"), "result": compute(case)} for case in cases]


def compute(case: Case) -> Case:
    """The result of one case. Raises ``WrongVectors`` naming the case and what is wrong with it."""
    name, kind = case.get("id"), case.get("kind")
    if kind not in KINDS:
        raise WrongVectors(f"case {name}: kind {kind!r} must be one of {', '.join(KINDS)}")
    try:
        return KINDS[kind](case["input"])
    except KeyError as error:
        raise WrongVectors(f"case {name}: the field {error} is missing") from None
    except (TypeError, ValueError) as error:
        raise WrongVectors(f"case {name}: {error}") from None


def _contract(given: Case) -> tuple[schedule.Schedule, schedule.Terms, date]:
    terms = schedule.Terms(
        method=given["method"],
        periods=given["periods"],
        annual_rate=given.get("annual_rate"),
        fee_rate_total=given.get("fee_rate_total"),
        fee_timing=given.get("fee_timing"),
        fee_rate_per_period=given.get("fee_rate_per_period"),
    )
    start = date.fromisoformat(given["contract_date"])
    return schedule.build(given["principal"], terms, start), terms, start


def _rows(rows: tuple[schedule.Instalment, ...]) -> list[Case]:
    return [{**asdict(row), "due_date": row.due_date.isoformat()} for row in rows]


def _schedule(given: Case) -> Case:
    built, _, _ = _contract(given)
    cost = annual_rate.of(given["principal"], built.payments)
    return {
        "schedule": _rows(built.rows),
        "total_payment": built.total_payment,
        "total_interest": built.total_interest,
        "total_fee": built.total_fee,
        "irr_monthly": cost.monthly,
        "apr_nominal": cost.nominal,
        "apr_effective": cost.effective,
        "apr_nominal_pct": cost.nominal_percent,
        "apr_effective_pct": cost.effective_percent,
        "within_24_nominal": cost.within(CEILING, "nominal"),
        "within_24_effective": cost.within(CEILING, "effective"),
    }


def _early_settlement(given: Case) -> Case:
    built, _, start = _contract(given["contract"])
    return asdict(
        early_settlement.settle(
            built,
            contract_date=start,
            periods_paid=given["periods_paid"],
            settle_date=date.fromisoformat(given["settle_date"]),
            interest_policy=given["interest_policy"],
        )
    )


def _partial_refund(given: Case) -> Case:
    built, terms, start = _contract(given["contract"])
    lowered = refunding.lower(
        built.rows[given["periods_paid"] :],
        terms=terms,
        contract_date=start,
        refund_fen=given["refund_amount"],
    )
    found = asdict(lowered)
    del found["rows"]
    return {"schedule": _rows(lowered.rows), **found}


def _late_interest(given: Case) -> Case:
    days = late_interest.overdue_days(
        due_date=date.fromisoformat(given["due_date"]),
        as_of=date.fromisoformat(given["as_of"]),
        grace_days=given["grace_days"],
    )
    owed = late_interest.late_interest(given["overdue_principal"], daily_rate=given["daily_rate"], days=days)
    return {"overdue_days": days, "late_interest": owed}


def _merchant_settlement(given: Case) -> Case:
    return asdict(
        merchant_settlement.settle(
            given["price"],
            merchant_fee_rate=given["merchant_fee_rate"],
            merchant_subsidy_rate=given["merchant_subsidy_rate"],
            government_subsidy_fen=given.get("government_subsidy", 0),
            merchant_discount_fen=given.get("merchant_discount", 0),
            down_payment_fen=given.get("down_payment", 0),
        )
    )


def _settlement_date(given: Case) -> Case:
    dates = calendar.settlement_date(
        datetime.fromisoformat(given["captured_at"]),
        given["t_plus"],
        given["cutoff_local"],
        calendar.OfficialWorkingDays(),
    )
    return {name: day.isoformat() for name, day in asdict(dates).items()}


KINDS: dict[str, Callable[[Case], Case]] = {
    "schedule": _schedule,
    "early_settlement": _early_settlement,
    "partial_refund": _partial_refund,
    "late_interest": _late_interest,
    "merchant_settlement": _merchant_settlement,
    "settlement_date": _settlement_date,
}
