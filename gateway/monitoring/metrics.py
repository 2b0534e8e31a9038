"""What this process counts, for Prometheus: requests by route, security events, jobs, the scorer, the database's pool.

Several processes of one machine count into files of one folder (``sharing``), and whichever is scraped adds them up.
No label holds what a caller can choose freely: routes are patterns, statuses are classes, kinds and jobs are listed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.metrics import disable_created_metrics
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from sqlalchemy import Engine, event
from sqlalchemy.pool import QueuePool

from gateway.monitoring import reserved
from gateway.monitoring.sharing import VARIABLE, is_running

METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
UNKNOWN_ROUTE = "(none)"

disable_created_metrics()
reserved.install()
REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "fenqi_http_requests",
    "Requests answered, by pattern of the route, method, and class of the status.",
    ("route", "method", "status"),
    registry=REGISTRY,
)
DURATION = Histogram(
    "fenqi_http_request_duration_seconds",
    "Time from the request's arrival in the application to its answer.",
    ("route", "method"),
    buckets=SECONDS,
    registry=REGISTRY,
)
REQUESTS_SHED = Counter(
    "fenqi_requests_shed",
    "Requests refused at once because they would have waited too long for a thread.",
    registry=REGISTRY,
)
SECURITY_EVENTS = Counter(
    "fenqi_security_events",
    "Security events by kind and mode; each is also a line of the log.",
    ("kind", "mode"),
    registry=REGISTRY,
)
JOB_SUCCESS = Gauge(
    "fenqi_job_last_success_timestamp_seconds",
    "When a job last succeeded for everyone in a mode who had something to do.",
    ("job", "mode"),
    multiprocess_mode="max",
    registry=REGISTRY,
)
JOB_FAILURES = Counter(
    "fenqi_job_failures", "Runs of a job that failed, by mode.", ("job", "mode"), registry=REGISTRY
)
SCORER_ANSWERS = Counter(
    "fenqi_scorer_answers",
    "What the scorer recommended for applications; unavailable: it could not be reached.",
    ("outcome",),
    registry=REGISTRY,
)
SCORER_DURATION = Histogram(
    "fenqi_scorer_duration_seconds", "Duration of one recommendation.", buckets=SECONDS, registry=REGISTRY
)
POOL_USED = Gauge(
    "fenqi_database_connections_used",
    "Connections to the database in use.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
POOL_LIMIT = Gauge(
    "fenqi_database_connections_limit",
    "Connections to the database that may be in use at most.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
LEDGER_VERIFIED = Gauge(
    "fenqi_ledger_verified_position",
    "Position in the chain of the last entry that a verification found valid.",
    multiprocess_mode="max",
    registry=REGISTRY,
)
LEDGER_VERIFIED_AT = Gauge(
    "fenqi_ledger_verified_timestamp_seconds",
    "When a verification of the ledger last succeeded.",
    multiprocess_mode="max",
    registry=REGISTRY,
)


def count_requests(app: Flask, prefix: str = "") -> None:
    """Count and time every request of ``app``, which is mounted under ``prefix``."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        method = request.method if request.method in METHODS else "other"
        name = prefix + route_of() if request.url_rule is not None else UNKNOWN_ROUTE
        requests, duration = _of_route(name, method, response.status_code // 100)
        requests.inc()
        duration.observe(time.perf_counter() - g.get("began", time.perf_counter()))
        return response


@cache
def _of_route(name: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """Where the requests of a route are counted: as many as there are patterns, methods and classes of status."""
    return REQUESTS.labels(name, method, f"{status}xx"), DURATION.labels(name, method)


def route_of() -> str:
    """The pattern of the current request's route, never its path."""
    return request.url_rule.rule if request.url_rule is not None else UNKNOWN_ROUTE


def watch_pool(engine: Engine) -> None:
    """Count the connections of ``engine`` that are in use."""
    if not isinstance(engine.pool, QueuePool):
        return
    POOL_LIMIT.inc(engine.pool.size() + max(engine.pool._max_overflow, 0))

    @event.listens_for(engine, "checkout")
    def taken(*_: Any) -> None:
        POOL_USED.inc()

    @event.listens_for(engine, "checkin")
    def given_back(*_: Any) -> None:
        POOL_USED.dec()


@contextmanager
def job(name: str, mode: str) -> Iterator[None]:
    """Count a failure of a job."""
    try:
        yield
    except Exception:
        JOB_FAILURES.labels(name, mode).inc()
        raise


def job_done(name: str, mode: str, at: float) -> None:
    """A job has ended well for everybody of ``mode``; ``at`` in Unix seconds."""
    JOB_SUCCESS.labels(name, mode).set(at)


def counted() -> bytes:
    """What this process, or all that share its folder, have counted, in the text format of Prometheus."""
    folder = os.environ.get(VARIABLE)
    if not folder or not values.ValueClass._multiprocess:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    registry.register(_Files(Path(folder)))
    return generate_latest(registry)


class _Files(Collector):
    """The files of all processes of this machine, and the newest facts of those of others that share the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        for file in self._folder.glob("gauge_live*_*.db"):
            number = int(file.stem.rpartition("_")[2])
            if not is_running(number):
                mark_process_dead(number, str(self._folder))
        own = {*self._folder.glob("*.db")}
        newest = {*self._folder.parent.glob("*/gauge_max_*.db")}
        return MultiProcessCollector.merge([str(file) for file in sorted(own | newest)])  # type: ignore[no-any-return, no-untyped-call]
