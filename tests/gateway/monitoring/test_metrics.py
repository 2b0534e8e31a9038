"""/metrics: closed without its token, right on both databases, whole without one, and added up over processes."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from typing import Any

import flask
import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from gateway.app import database_of, gateway_of
from gateway.config import WrongSetting, from_environment
from gateway.core.tenant import Tenant
from gateway.errors import DatabaseUnavailable
from gateway.ledger.integrity import chain
from gateway.monitoring import metrics, sharing
from gateway.outbox import service as outbox
from gateway.process import daily, gauges
from gateway.web.line import WHOSE
from tests.one_database import database_url, on_both  # noqa: F401

TOKEN = "a-token-of-20-letters"
Read = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(app: Flask) -> Read:
    """Every sample of /metrics by name and labels."""
    answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.mimetype) == (200, "text/plain"), answer.text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(found: Read, name: str, **labels: str) -> float:
    return found.get((name, tuple(sorted(labels.items()))), 0)


@pytest.fixture
def open_app(app: Flask, monkeypatch: Any) -> Flask:
    """A gateway with a token for /metrics whose gauges are read anew each time."""
    here = app.extensions["fenqi"]
    here.settings = dataclasses.replace(here.settings, metrics_token=TOKEN)
    monkeypatch.setattr(gauges, "KEPT_SECONDS", -1.0)
    return app


def test_metrics_are_closed_until_there_is_a_token_and_to_whoever_has_another(app: Flask) -> None:
    here, client = app.extensions["fenqi"], app.test_client()
    assert client.get("/metrics").status_code == 404
    here.settings = dataclasses.replace(here.settings, metrics_token=TOKEN)
    for sent in ({}, {"Authorization": "Bearer " + TOKEN[:-1]}, {"Authorization": f"Basic {TOKEN}"}):
        answer = client.get("/metrics", headers=sent)
        assert (answer.status_code, "fenqi_" in answer.text) == (401, False)
    assert value(read(app), "fenqi_database_up") == 1
    with client:
        client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert WHOSE in flask.request.environ, "who scrapes waits in a line of its own under an overload"
    with pytest.raises(WrongSetting) as refused:
        from_environment({"FENQI_METRICS_TOKEN": "short"})
    assert "short" not in str(refused.value)


@on_both
def test_what_waits_and_what_is_late_is_told(open_app: Flask, api: Any, clock: Any) -> None:
    here = open_app.extensions["fenqi"]
    before = read(open_app)
    api.approved()
    checkout = api.checkout(items=[{"name": "Phone", "quantity": 1, "unit_price": 599_900}])
    api.captured()
    live = Tenant(api.credentials["merchant"], "live")
    here.db.write(lambda tx: outbox.put(tx, "notify.code", {}, tenant=live))
    clock.advance(seconds=400)
    found = read(open_app)
    assert value(found, "fenqi_checkouts", mode="test", status="open") == 1
    assert value(found, "fenqi_outbox_rows", lane="live messages") == 1
    assert value(found, "fenqi_outbox_lag_seconds", lane="live messages") == 400
    assert value(found, "fenqi_outbox_lag_seconds", lane="test messages") == 0
    assert value(found, "fenqi_ledger_chain_lag_seconds") >= 400
    assert value(found, "fenqi_audit_entries") > value(found, "fenqi_audit_signed_entries") == 0
    requests = {"route": "/v1/checkouts", "method": "POST", "status": "2xx"}
    name = "fenqi_http_requests_total"
    assert value(found, name, **requests) - value(before, name, **requests) >= 3
    assert not any(checkout["id"] in str(labels) for _, labels in found)
    chain.extend(here.db)
    daily.sweep(here)
    clock.advance(days=1)
    daily.sweep(here)
    found = read(open_app)
    assert value(found, "fenqi_ledger_chain_lag_seconds") == 0
    assert value(found, "fenqi_ledger_chain_position") > 0
    assert value(found, "fenqi_audit_signed_entries") > 0
    now = clock.now.timestamp()
    assert value(found, "fenqi_job_last_success_timestamp_seconds", job="write off", mode="live") == now
    assert (
        value(found, "fenqi_job_last_success_timestamp_seconds", job="forget spent proofs", mode="all") == now
    )


def test_a_job_that_fails_for_one_merchant_is_not_done_for_its_mode(
    open_app: Flask, api: Any, clock: Any, monkeypatch: Any
) -> None:
    here = open_app.extensions["fenqi"]
    api.checkout()
    clock.advance(days=2)
    labels = {"job": "bill and collect", "mode": "test"}
    before = value(read(open_app), "fenqi_job_failures_total", **labels)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr("gateway.loans.billing.has_due", lambda *_, **__: True)
    monkeypatch.setattr("gateway.payments.collections.service.bill_and_collect", fail)
    with pytest.raises(RuntimeError):
        daily.sweep(here)
    found, name = read(open_app), "fenqi_job_last_success_timestamp_seconds"
    now = clock.now.timestamp()
    assert value(found, "fenqi_job_failures_total", **labels) == before + 1
    assert value(found, name, job="expire checkouts", mode="test") == now
    assert value(found, name, **labels) != now
    assert value(found, name, job="write off", mode="test") != now
    assert value(found, name, job="write off", mode="live") == now


@on_both
def test_without_a_database_the_rest_is_told(open_app: Flask, monkeypatch: Any) -> None:
    here = open_app.extensions["fenqi"]

    def away() -> Any:
        raise DatabaseUnavailable

    monkeypatch.setattr(here.db, "read", away)
    found = read(open_app)
    assert value(found, "fenqi_database_up") == 0
    assert ("fenqi_database_up", ()) in found
    assert ("fenqi_checkouts", (("mode", "live"), ("status", "open"))) not in found
    assert value(found, "fenqi_scorer_loaded", version="fenqi 2026.11") == 1


@on_both
def test_a_scrape_within_ten_seconds_asks_the_database_once(open_app: Flask, monkeypatch: Any) -> None:
    here = open_app.extensions["fenqi"]
    monkeypatch.setattr(gauges, "KEPT_SECONDS", 60.0)
    reads = iter(range(3))
    monkeypatch.setattr(gauges, "_read", lambda gateway: [gauges._one("fenqi_reads", "Reads.", next(reads))])
    gauges.of(here)
    assert b"fenqi_reads 0.0" in gauges.of(here)


COUNT = """
import sys
from pathlib import Path
from gateway.monitoring.sharing import shared
with shared(Path(sys.argv[1])):
    from gateway.monitoring import metrics
    metrics.SECURITY_EVENTS.labels("login_failed", "test").inc(3)
    metrics.POOL_USED.inc(2)
    metrics.job_done("write off", "live", 1000)
    if len(sys.argv) > 2:
        sys.stdout.write(metrics.counted().decode())
"""


@on_both
def test_room_for_connections_is_counted_of_the_pool_that_may_run_full_alone(app: Flask) -> None:
    settings, before = app.extensions["fenqi"].settings, metrics.POOL_LIMIT._value.get()
    opened = gateway_of(settings)
    database_of(settings, clock=opened.clock)  # as the checks before the start
    pool: Any = opened.db.engine.pool
    assert metrics.POOL_LIMIT._value.get() - before == pool.size() + pool._max_overflow


def test_processes_that_share_a_folder_are_added_up_and_the_dead_hold_no_connection(tmp_path: Any) -> None:
    for further in ([], ["print"]):
        done = subprocess.run(
            [sys.executable, "-c", COUNT, str(tmp_path), *further], capture_output=True, text=True, check=True
        )
    assert 'fenqi_security_events_total{kind="login_failed",mode="test"} 6.0' in done.stdout
    assert "fenqi_database_connections_used 2.0" in done.stdout
    assert 'fenqi_job_last_success_timestamp_seconds{job="write off",mode="live"} 1000.0' in done.stdout
    (folder,) = (tmp_path / "metrics").iterdir()
    assert (folder.stat().st_mode & 0o777) == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}, "or live mode is refused"


def test_a_server_that_begins_forgets_what_ended_but_not_when_jobs_last_ran(
    tmp_path: Any, monkeypatch: Any
) -> None:
    before = os.environ.get(sharing.VARIABLE)
    with sharing.shared(tmp_path, create=False):
        assert not (tmp_path / "metrics").exists()
    monkeypatch.setattr(sharing, "is_running", lambda number: number == 7)
    with sharing.shared(tmp_path):
        (folder,) = (tmp_path / "metrics").iterdir()
        assert os.environ[sharing.VARIABLE] == str(folder)
    assert os.environ.get(sharing.VARIABLE) == before
    kept = ["counter_7.db", "gauge_max_8.db"]
    for name in (*kept, "counter_8.db", "gauge_livesum_8.db"):
        (folder / name).touch()
    with sharing.shared(tmp_path, afresh=True):
        assert sorted(file.name for file in folder.iterdir()) == kept
    monkeypatch.setattr(sharing, "KEPT_SECONDS", -1)
    with sharing.shared(tmp_path, afresh=True):
        assert [file.name for file in folder.iterdir()] == ["counter_7.db"]
        (folder / "counter_7.db").unlink()
    assert list(tmp_path.iterdir()) == []
