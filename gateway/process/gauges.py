"""What the database says at the moment of a scrape: what waits, what is late, where the chains end.

A few cheap queries, kept for some seconds, so that several scrapers cost no more than one. When the database cannot be
asked, the answer says so (``fenqi_database_up 0``) and holds what this process knows by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from gateway.audit import state as audit_state
from gateway.checkout import progress
from gateway.complaints import service as complaints
from gateway.core.tenant import MODES
from gateway.db.transactions import Database, Transaction
from gateway.decision import reviews
from gateway.errors import GatewayError
from gateway.ledger.integrity import chain_state
from gateway.outbox import backlog as outbox_backlog
from gateway.process.worker import LANES
from gateway.web.context import Gateway
from gateway.webhooks.delivery import backlog

KEPT_SECONDS = 10.0
_kept: WeakKeyDictionary[Database, tuple[float, list[Metric]]] = WeakKeyDictionary()
_reading = threading.Lock()


def of(here: Gateway) -> bytes:
    """The gauges in the text format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Gathered([*_of_database(here), *_of_scorer(here)]))
    return generate_latest(registry)


class _Gathered(Collector):
    def __init__(self, gathered: list[Metric]) -> None:
        self._gathered = gathered

    def collect(self) -> Iterable[Metric]:
        return self._gathered


def _of_database(here: Gateway) -> list[Metric]:
    with _reading:
        read_at, known = _kept.get(here.db, (0.0, []))
        if known and time.monotonic() - read_at < KEPT_SECONDS:
            return known
        gathered = _read(here)
        _kept[here.db] = (time.monotonic(), gathered)
        return gathered


def _read(here: Gateway) -> list[Metric]:
    up = GaugeMetricFamily("fenqi_database_up", "Whether the database answers.")
    gathered: list[Metric] = [up]
    try:
        with here.db.read() as tx:
            gathered += [*_waiting(tx), *_checkouts(tx), *_chains(tx)]
    except (GatewayError, SQLAlchemyError):
        up.add_metric([], 0)
        return [up]
    up.add_metric([], 1)
    return gathered


def _waiting(tx: Transaction) -> Iterator[Metric]:
    rows = GaugeMetricFamily("fenqi_outbox_rows", "Outbox rows waiting, by lane.", labels=["lane"])
    lag = GaugeMetricFamily(
        "fenqi_outbox_lag_seconds",
        "How long the first row of a lane has been due; 0 if none is.",
        labels=["lane"],
    )
    found = outbox_backlog.of_outbox(tx)
    for lane in LANES:
        own = [row for row in found if row[0] in lane.topics and lane.mode in (None, row[1])]
        rows.add_metric([lane.name], sum(row[2] for row in own))
        lag.add_metric([lane.name], max((_since(tx, row[3]) for row in own), default=0))
    deliveries = {row[0]: row for row in backlog.of_deliveries(tx)}
    failing = backlog.failing_endpoints(tx)
    waiting = GaugeMetricFamily(
        "fenqi_webhook_deliveries", "Webhook deliveries waiting, by mode.", labels=["mode"]
    )
    delivery_lag = GaugeMetricFamily(
        "fenqi_webhook_lag_seconds",
        "How long the first delivery has been due; 0 if none is.",
        labels=["mode"],
    )
    endpoints = GaugeMetricFamily(
        "fenqi_webhook_endpoints_failing",
        "Webhook addresses without a success since a failure.",
        labels=["mode"],
    )
    for mode in MODES:
        _, number, first = deliveries.get(mode, (mode, 0, tx.wall))
        waiting.add_metric([mode], number)
        delivery_lag.add_metric([mode], _since(tx, first))
        endpoints.add_metric([mode], failing.get(mode, 0))
    yield from (rows, lag, waiting, delivery_lag, endpoints)


def _checkouts(tx: Transaction) -> Iterator[Metric]:
    counts, applications, appeals = progress.counts(tx), progress.overdue_reviews(tx), reviews.overdue(tx)
    checkouts = GaugeMetricFamily(
        "fenqi_checkouts", "Open checkouts, by mode and status.", labels=["mode", "status"]
    )
    overdue = GaugeMetricFamily(
        "fenqi_reviews_overdue",
        "Answers by a person that are later than promised.",
        labels=["mode", "what"],
    )
    for mode in MODES:
        for status in progress.STATUSES:
            checkouts.add_metric([mode, status], counts.get((mode, status), 0))
        overdue.add_metric([mode, "application"], applications.get(mode, 0))
        overdue.add_metric([mode, "decline"], appeals.get(mode, 0))
    late = GaugeMetricFamily(
        "fenqi_complaints_overdue", "Complaints of shoppers not answered by their day.", labels=["mode"]
    )
    unanswered = complaints.overdue(tx)
    for mode in MODES:
        late.add_metric([mode], unanswered.get(mode, 0))
    yield from (checkouts, overdue, late)


def _chains(tx: Transaction) -> Iterator[Metric]:
    chain = chain_state.read(tx)
    yield _one(
        "fenqi_ledger_chain_position", "Position of the last entry in the ledger's chain.", chain.position
    )
    yield _one(
        "fenqi_ledger_chain_timestamp_seconds",
        "When the last block of the ledger's chain was closed.",
        _unix(chain.closed_at),
    )
    waits = _since(tx, chain.waiting_since) if chain.waiting_since is not None else 0
    yield _one(
        "fenqi_ledger_chain_lag_seconds",
        "How long the first entry has waited to join the chain; 0 if none waits.",
        waits,
    )
    last, signed, signed_at = audit_state.read(tx)
    yield _one("fenqi_audit_entries", "Number of the last entry of the audit log.", last)
    yield _one("fenqi_audit_signed_entries", "Number of the last entry that a signature covers.", signed)
    yield _one(
        "fenqi_audit_signed_timestamp_seconds", "When the audit log was last signed.", _unix(signed_at)
    )


def _of_scorer(here: Gateway) -> Iterator[Metric]:
    scorer = here.ports.scorer
    loaded = GaugeMetricFamily(
        "fenqi_scorer_loaded",
        "Whether the answering process has its model, and which one.",
        labels=["version"],
    )
    loaded.add_metric([str(getattr(scorer, "version", "") or "none")], 1 if scorer.ready else 0)
    yield loaded


def _one(name: str, meaning: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, meaning)
    family.add_metric([], value)
    return family


def _since(tx: Transaction, moment: datetime) -> float:
    return max((tx.wall - moment).total_seconds(), 0)


def _unix(moment: datetime | None) -> float:
    return moment.timestamp() if moment is not None else 0
