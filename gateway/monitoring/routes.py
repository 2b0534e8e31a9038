"""/healthz: the process answers. /readyz: the database answers too, and whether the scorer is loaded."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from sqlalchemy import text

from gateway.errors import DatabaseUnavailable
from gateway.web.context import gateway

blueprint = Blueprint("monitoring", __name__)


@blueprint.get("/healthz")
def healthz() -> Any:
    """Liveness: no dependency is asked."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> Any:
    """Readiness: 503 while the database is away; a scorer that still loads is named but does not stop traffic."""
    here = gateway()
    try:
        with here.db.read() as tx:
            tx.execute(text("SELECT 1"))
        database = "ok"
    except DatabaseUnavailable:
        database = "unavailable"
    scorer = "ready" if here.ports["scorer"].ready else "loading"
    return {"status": database, "database": database, "scorer": scorer}, 200 if database == "ok" else 503
