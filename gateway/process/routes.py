"""/healthz: the process answers. /readyz: the database also accepts writes. /metrics: what Prometheus reads."""

from __future__ import annotations

import hmac
import time
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from gateway.core.calendar import shanghai_date
from gateway.db.transactions import Database, Transaction
from gateway.errors import DatabaseUnavailable, NotFound, Unauthenticated
from gateway.monitoring import metrics
from gateway.monitoring.security_events import security_event
from gateway.outbox import service as outbox
from gateway.process import gauges
from gateway.roots import pushing
from gateway.web import idempotency
from gateway.web.context import gateway
from gateway.web.line import WHOSE
from gateway.web.refusals import HEALTHY

blueprint = Blueprint("monitoring", __name__)
REHEARSED_SECONDS = 1.0
"""How long the result of a trial write counts: asking more often costs the database nothing."""
_rehearsed: WeakKeyDictionary[Database, float] = WeakKeyDictionary()


@blueprint.get("/healthz")
def healthz() -> Any:
    """Liveness: no dependency is asked. A server answers it before it takes a thread (``gateway.web.front``)."""
    return HEALTHY


@blueprint.get("/readyz")
def readyz() -> Any:
    """Readiness: 503 while the database is away, or takes no writes: one is tried, and rolled back.

    A scorer that still loads, a year without a list of working days within a month, and signed roots that their target
    does not take, are named but stop no traffic.
    """
    here = gateway()
    try:
        if time.monotonic() - _rehearsed.get(here.db, -REHEARSED_SECONDS) >= REHEARSED_SECONDS:
            here.db.rehearse(idempotency.rehearse)
            _rehearsed[here.db] = time.monotonic()
        roots = "kept here only"
        if here.settings.roots_to:
            with here.db.read() as tx:
                roots = _roots(tx)
        database = "ok"
    except DatabaseUnavailable:
        database = roots = "unavailable"
    scorer = "ready" if here.ports.scorer.ready else "loading"
    years = {shanghai_date(here.clock() + ahead).year for ahead in (timedelta(), timedelta(days=31))}
    missing = [str(year) for year in sorted(years) if not here.ports.working_days.is_published(year)]
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


@blueprint.get("/metrics")
def show_metrics() -> Any:
    """Metrics in the text format of Prometheus, for callers that send the token of the settings."""
    here = gateway()
    wanted = here.settings.metrics_token
    if not wanted:
        raise NotFound("Metrics are disabled: set FENQI_METRICS_TOKEN.")
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    sent_bytes = sent.strip().encode("utf-8", "surrogatepass")
    if scheme.lower() != "bearer" or not hmac.compare_digest(sent_bytes, wanted.encode()):
        security_event("metrics_refused")
        raise Unauthenticated("Send Authorization: Bearer with the token of FENQI_METRICS_TOKEN.")
    request.environ[WHOSE] = "metrics"  # a flood of strangers does not keep its next turn from it
    answer = Response(metrics.counted() + gauges.of(here), content_type=CONTENT_TYPE_PLAIN_0_0_4)
    answer.headers["Cache-Control"] = "no-store"
    return answer
