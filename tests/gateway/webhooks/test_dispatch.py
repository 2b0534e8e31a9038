"""Delivering in parallel: leases, workers that die, endpoints that hang, and nothing for what never happened."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from gateway.core.tenant import Tenant
from gateway.errors import DatabaseUnavailable
from gateway.webhooks import service
from gateway.webhooks.delivery import dispatch, queue, sending
from gateway.webhooks.delivery.transport import Caps, Transport
from gateway.webhooks.endpoints import service as endpoints
from tests.one_database import database_url, on_both  # noqa: F401
from tests.warm import Process, python

PATH = "/v1/webhook_endpoints"
KILLED = """
import os, random, signal, sys
from datetime import datetime
from gateway.core.identifiers import IdSource
from gateway.db.engine import connect
from gateway.db.tables import metadata
from gateway.db.transactions import Database
from gateway.webhooks.delivery import queue as waiting

metadata()
now = datetime.fromisoformat(sys.argv[2])
ids = IdSource(lambda: int(now.timestamp() * 1000), random.Random(1).getrandbits)
run = Database(connect(sys.argv[1]), clock=lambda: now, ids=ids).write(lambda tx: waiting.claim(tx, sys.argv[3]))
assert len(run.deliveries) == 2
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def gateway(app):
    return app.extensions["fenqi"]


@contextmanager
def dispatching(gateway, workers: int = 1) -> Iterator[None]:
    """Dispatchers at work as in the worker, each with its threads."""
    stop = threading.Event()

    def work() -> None:
        with ThreadPoolExecutor(dispatch.THREADS) as pool:
            dispatcher = dispatch.Dispatcher(gateway, pool)
            while not stop.is_set() or not dispatcher.idle:
                if not dispatcher.step() if not stop.is_set() else not dispatcher.write_down():
                    dispatcher.wait(0.02)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def events(gateway, api, count: int, prefix: str = "obj") -> None:
    """Events as purchases would record them, ten of each object."""
    tenant = Tenant(api.credentials["merchant"], "test")

    def work(tx) -> None:
        for number in range(count):
            object_id = f"{prefix}_{number // 10}"
            service.record(tx, tenant, "payment.captured", object_id=object_id, data={"id": object_id})

    gateway.db.write(work)


@on_both
def test_two_workers_deliver_each_row_once_and_each_object_in_order(gateway, api, sink, hooked, deliveries):
    events(gateway, api, 90)
    with dispatching(gateway, workers=2):
        until(lambda: len(sink.got) >= 90)
    assert set(Counter(got.headers["webhook-id"] for got in sink.got).values()) == {1}
    assert len(sink.got) == 90
    seen: dict[str, list[int]] = {}
    for got in sink.got:
        event = sending.json.loads(got.body)
        seen.setdefault(event["data"]["id"], []).append(event["sequence"])
    assert all(found == list(range(1, 11)) for found in seen.values())
    assert {(row["status"], row["attempts"]) for row in deliveries(hooked)} == {("succeeded", 1)}


def test_a_worker_killed_between_claim_and_delivery_loses_nothing(
    gateway,
    api,
    sink,
    hooked,
    deliver,
    clock,
    database_url,  # noqa: F811
    tmp_path,
):
    api.approved()
    log = tmp_path / "worker.log"
    worker = Process(
        python, KILLED, database_url, clock.now.isoformat(), hooked["id"], environ=os.environ, log=log
    )
    assert worker.wait(60) == -signal.SIGKILL, log.read_text()
    assert deliver() == 0, "its lease still holds"
    clock.advance(seconds=61)
    assert deliver() == 2
    assert len(sink.got) == 2


def test_a_worker_that_was_given_up_writes_nothing(gateway, api, sink, hooked, deliver, deliveries, clock):
    api.approved()
    run = gateway.db.write(lambda tx: queue.claim(tx, hooked["id"]))
    late = sending.send(gateway, run)
    clock.advance(seconds=61)
    sink.says(500)
    deliver()
    before = deliveries(hooked)
    gateway.db.write(lambda tx: sending.settle(tx, late))
    assert deliveries(hooked) == before
    assert {row["status"] for row in before} == {"pending"}
    assert len(sink.got) == 4, "at least once"


def test_a_database_that_is_away_costs_a_step_and_no_delivery(
    gateway, api, sink, hooked, deliveries, monkeypatch
):
    api.approved()
    write, refused = gateway.db.write, []

    def moody(work, level):
        if sink.got and len(refused) < 3:
            refused.append(work)
            raise DatabaseUnavailable
        return write(work, level)

    monkeypatch.setattr(gateway.db, "write", moody)
    with ThreadPoolExecutor(dispatch.THREADS) as pool:
        dispatcher = dispatch.Dispatcher(gateway, pool)
        for _ in range(50):
            try:
                dispatcher.step()
            except DatabaseUnavailable:
                continue
            dispatcher.wait(0.02)
    assert len(refused) == 3
    assert len(sink.got) == 2
    assert {row["status"] for row in deliveries(hooked)} == {"succeeded"}


def test_a_run_that_cannot_be_written_down_holds_up_no_other(
    gateway, api, sink, new_sink, hooked, deliveries, monkeypatch
):
    other = new_sink()
    bad = api.post(PATH, {"url": other.url}).json
    api.approved()
    settle = sending.settle

    def picky(tx, done) -> None:
        settle(tx, done)
        if done.run.endpoint.id == bad["id"]:
            raise ValueError("a mistake of ours")

    monkeypatch.setattr(sending, "settle", picky)
    with dispatching(gateway):
        until(lambda: {row["status"] for row in deliveries(hooked)} == {"succeeded"})
    assert {row["status"] for row in deliveries(bad)} == {"pending"}
    assert len(sink.got) == len(other.got) == 2


def test_nothing_leaves_for_what_was_rolled_back(gateway, api, sink, hooked, deliver):
    tenant = Tenant(api.credentials["merchant"], "test")

    def work(tx) -> None:
        service.record(tx, tenant, "payment.captured", object_id="pay_never", data={})
        tx.flush()
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        gateway.db.write(work)
    assert deliver() == 0
    assert api.get("/v1/events").json["data"] == []


def test_endpoints_that_hang_delay_only_each_other(gateway, api, new_merchant, new_sink, misbehaving):
    """Six endpoints that never answer, each with a backlog, beside one that does."""
    gateway.ports.webhook_transport = Transport(caps=Caps(connect=0.5, total=0.5))
    hold = threading.Event()
    port = misbehaving(lambda connection: hold.wait(0.5))
    well, other = new_sink(), new_merchant()
    tenant = Tenant(other.credentials["merchant"], "test")
    for number in range(6):
        url = f"http://127.0.0.1:{port}/hang/{number}"
        gateway.db.write(
            lambda tx, url=url: endpoints.create_endpoint(tx, tenant, gateway.vault, url=url) and None
        )
    api.post(PATH, {"url": well.url})
    events(gateway, other, 40, "hang")
    with dispatching(gateway):
        until(lambda: slow_endpoints(gateway) == 6)
        began = time.monotonic()
        events(gateway, api, 40, "well")
        until(lambda: len(well.got) == 40)
        took = time.monotonic() - began
        hold.set()
    assert took < 5, "the lane of the others was full all the time"


def slow_endpoints(gateway) -> int:
    with gateway.db.read() as tx:
        return sum(row.slow for row in tx.exec(queue.select(queue.WebhookEndpoint)))
