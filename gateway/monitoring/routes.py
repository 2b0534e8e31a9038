"""/healthz: the process answers. /readyz: the database answers too, and what else an operator should know."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint
from sqlalchemy import text

from gateway.core.calendar import shanghai_date
from gateway.db.transactions import Transaction
from gateway.errors import DatabaseUnavailable
from gateway.roots import pushing
from gateway.web.context import gateway
from gateway.web.front import HEALTHY
from gateway.webhooks import outbox

blueprint = Blueprint("monitoring", __name__)


@blueprint.get("/healthz")
def healthz() -> Any:
    """Liveness: no dependency is asked. A server answers it before it takes a thread (``gateway.web.front``)."""
    return HEALTHY


@blueprint.get("/readyz")
def readyz() -> Any:
    """Readiness: 503 while the database is away.

    A scorer that still loads, a year without a list of working days within a month, and signed roots that their target
    does not take, are named but stop no traffic.
    """
    here = gateway()
    try:
        with here.db.read() as tx:
            tx.execute(text("SELECT 1"))
            roots = _roots(tx) if here.settings.roots_to else "kept here only"
        database = "ok"
    except DatabaseUnavailable:
        database = roots = "unavailable"
    scorer = "ready" if here.ports["scorer"].ready else "loading"
    years = {shanghai_date(here.clock() + ahead).year for ahead in (timedelta(), timedelta(days=31))}
    missing = [str(year) for year in sorted(years) if not here.ports["working_days"].is_published(year)]
    answer = {
        "status": database,
        "database": database,
        "scorer": scorer,
        "roots": roots,
        "working_days": f"estimated for {', '.join(missing)}" if missing else "official",
    }
    return answer, 200 if database == "ok" else 503


def _roots(tx: Transaction) -> str:
    waiting = outbox.failing_since(tx, pushing.TOPIC)
    return "brought away" if waiting is None else f"not taken since {waiting:%Y-%m-%dT%H:%M:%SZ}"
