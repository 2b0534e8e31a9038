"""Forgetting a person: at once where nothing forbids it, else frozen, with the reason and the day told.

The job of the day does the rest.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from gateway.checkout import service as checkouts
from gateway.config import Settings
from gateway.core.calendar import shanghai_date
from gateway.data_requests import export
from gateway.data_requests.retention_holds import Obstacle, in_order, obstacles
from gateway.db.transactions import Transaction
from gateway.decision import links
from gateway.identity import claims, codes, erasure
from gateway.messages import service as messages
from gateway.payments.methods import service as methods
from gateway.webhooks.delivery import history

LOOK_AGAIN = timedelta(days=30)
"""A frozen wish is judged at least so often: a loan may end before its plan."""


def ask(tx: Transaction, settings: Settings, shopper_id: str) -> dict[str, Any]:
    """The person wants to be forgotten; returns what became of it. Raises ``NotFound``."""
    erasure.present(tx, shopper_id)
    in_the_way = _in_the_way(tx, settings, shopper_id)
    if not in_the_way:
        request = _erase(tx, shopper_id, requested=True)
        return {"shopper": shopper_id, "request": request, "status": "erased"}
    first, last = in_the_way[0], max(row.until for row in in_the_way)
    look_again = min(shanghai_date(tx.now) + LOOK_AGAIN, *(row.until for row in in_the_way))
    request = erasure.freeze(tx, shopper_id, reason=first.reason, until=last, look_again=look_again).id
    return {
        "shopper": shopper_id,
        "request": request,
        "status": "frozen",
        "reason": first.reason,
        "until": last.isoformat(),
        "obstacles": [{"reason": row.reason, "until": row.until.isoformat()} for row in in_the_way],
    }


def judge_due(tx: Transaction, settings: Settings, *, limit: int) -> int:
    """Look at some people whose day has come: erase who may be erased, keep the others to their next day.

    Returns how many were looked at. Safe to run twice, late or in parallel.
    """
    today = shanghai_date(tx.now)
    people = erasure.due(tx, on=today, limit=limit)
    for shopper in people:
        if shopper.erased_at is not None:  # together with the holder of the number that it claimed
            continue
        in_the_way = _in_the_way(tx, settings, shopper.id)
        if not in_the_way:
            _erase(tx, shopper.id, requested=False)
            continue
        last = max(row.until for row in in_the_way)
        wish = erasure.frozen(tx, shopper.id)
        if wish is not None:
            ask(tx, settings, shopper.id)
        erasure.keep(tx, shopper, until=max(today + timedelta(days=1), min(last, today + LOOK_AGAIN)))
    return len(people)


def _in_the_way(tx: Transaction, settings: Settings, shopper_id: str) -> list[Obstacle]:
    """What forbids erasing the person, or anyone who claims the person's ID number: it is the same number."""
    people = [shopper_id, *claims.of_number(tx, shopper_id)]
    found = [
        obstacle
        for who in people
        for obstacle in obstacles(tx, who, retention_years=settings.retention_years)
    ]
    return in_order(found)


def _erase(tx: Transaction, shopper_id: str, *, requested: bool) -> str | None:
    """Erase the person, and with the person every claim on the same ID number."""
    claimed_by = claims.of_number(tx, shopper_id)
    for who in (*claimed_by, shopper_id):
        _forget_copies(tx, who)
        links.forget_person(tx, who)
        checkouts.forget_phone(tx, who)
        methods.forget(tx, who)
        messages.forget(tx, who)
    for claim in claimed_by:
        erasure.erase(tx, claim, requested=False)
    request = erasure.erase(tx, shopper_id, requested=requested)
    return request.id if request is not None else None


def _forget_copies(tx: Transaction, shopper_id: str) -> None:
    """What is kept about the person's orders and could name them: one-time codes, and the answers to webhooks."""
    rows = export.rows_of(tx, shopper_id)
    codes.forget(tx, {codes.second_of(shopper_id), *(row["id"] for row in rows["checkout"])})
    history.forget_answers(tx, {row["id"] for table in rows.values() for row in table if row.get("id")})
