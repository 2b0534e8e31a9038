"""Webhooks: deliveries per second to a sink beside bare POSTs, and what one dead endpoint costs the others."""

from __future__ import annotations

import http.client
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.merchant import on_board
from bench.report import Row, at_least, at_most
from bench.size import Size
from gateway import keyring
from gateway.app import gateway_of
from gateway.config import from_environment
from gateway.core.tenant import Tenant
from gateway.db.migrate import upgrade
from gateway.db.transactions import Transaction
from gateway.process.worker import deliver
from gateway.web.context import Gateway
from gateway.webhooks import service
from gateway.webhooks.endpoints import service as endpoints

BODY = {"id": "pay_bench", "object": "payment", "status": "captured", "filler": "x" * 1500}
EVENTS_PER_SECOND = 20
OTHERS = 5
GOAL_RATE, GOAL_RATIO = 300, 2.0


def measure(place: dict[str, Any], size: Size) -> list[Row]:
    """The rate of a backlog's delivery, and the delay of live deliveries without and with a dead neighbour."""
    del place
    print(
        f"webhooks: {size.deliveries} deliveries of {len(json.dumps(BODY))} bytes to one endpoint; {size.rounds} rounds"
    )
    with sink() as port:
        rates, bare = [], []
        for _ in range(size.rounds):
            bare.append(size.deliveries / _bare(port, size.deliveries))
            with working() as (gateway, tenant):
                rates.append(size.deliveries / _backlog(gateway, tenant, port, size.deliveries))
        rate, bare_rate = statistics.median(rates), statistics.median(bare)
        print(f"  {rate:6.0f} deliveries/s   bare POSTs {bare_rate:6.0f}/s   ratio {rate / bare_rate:.2f}")
        waits: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(size.rounds):
            for dead in (False, True):
                with working() as (gateway, tenant):
                    waits[dead] += _live(gateway, tenant, port, size.seconds, dead=dead)
    print(f"  {EVENTS_PER_SECOND} events/s to {OTHERS} endpoints, from commit to arrival:")
    for dead, name in ((False, "all alive"), (True, "and a sixth that never answers")):
        p50, p99 = (statistics.quantiles(waits[dead], n=100)[share - 1] * 1000 for share in (50, 99))
        print(f"    {name:31}: p50 {p50:6.1f} ms, p99 {p99:6.1f} ms, {len(waits[dead])} arrivals")
    print()
    alive, beside_dead = (statistics.quantiles(waits[dead], n=100)[98] * 1000 for dead in (False, True))
    slower = at_most(GOAL_RATIO, of_yardstick=True)
    return [
        Row("webhooks: deliveries", rate, "/s", at_least(GOAL_RATE), bare_rate),
        Row("webhooks: beside a dead endpoint, p99", beside_dead, "ms", slower, alive),
    ]


@contextmanager
def working() -> Iterator[tuple[Gateway, Tenant]]:
    """A gateway on a fresh database (SQLite, or what DATABASE_URL names) with its dispatcher at work."""
    with tempfile.TemporaryDirectory(prefix="fenqi-bench-") as folder:
        settings = from_environment(data_dir=str(Path(folder)))
        upgrade(settings.database_url)
        keyring.create(settings.data_dir)
        gateway = gateway_of(replace(settings, webhook_local=True))
        credentials = on_board(gateway, f"bench-{time.time_ns()}@fenqi.example")
        tenant, stop = Tenant(credentials["merchant"], "test"), threading.Event()
        thread = threading.Thread(target=deliver, args=(gateway, stop))
        thread.start()
        try:
            yield gateway, tenant
        finally:
            stop.set()
            thread.join()
            gateway.db.write(partial(_clear, tenant=tenant))  # the next gateway has other keys


def _clear(tx: Transaction, *, tenant: Tenant) -> None:
    for endpoint in list(tx.exec(endpoints.of_tenant(tenant))):
        endpoints.delete(tx, tenant, endpoint.id)


def _backlog(gateway: Gateway, tenant: Tenant, port: int, deliveries: int) -> float:
    """Seconds from the commit of the whole backlog to its last delivery written down."""
    _register(gateway, tenant, f"http://127.0.0.1:{port}/backlog")

    def record(tx: Transaction) -> None:
        for number in range(deliveries):
            service.record(tx, tenant, "payment.captured", object_id=f"pay_{number // 4}", data=BODY)

    gateway.db.write(record)
    began = time.perf_counter()
    while _pending(gateway):
        time.sleep(0.02)
    return time.perf_counter() - began


def _live(gateway: Gateway, tenant: Tenant, port: int, seconds: float, *, dead: bool) -> list[float]:
    """Delays in seconds between the commit of events and their arrivals at endpoints that are alive."""
    for number in range(OTHERS):
        _register(gateway, tenant, f"http://127.0.0.1:{port}/live/{number}")
    with socket.create_server(("127.0.0.1", 0), backlog=512) as silent:
        if dead:
            _register(gateway, tenant, f"http://127.0.0.1:{silent.getsockname()[1]}/dead")
        _ask(port, "GET", "/log")
        committed: dict[str, float] = {}
        for number in range(int(seconds * EVENTS_PER_SECOND)):
            event = gateway.db.write(partial(_record_one, tenant=tenant, number=number))
            committed[event] = time.time()
            time.sleep(1 / EVENTS_PER_SECOND)
        arrived: list[list[Any]] = []
        for _ in range(100):
            arrived += json.loads(_ask(port, "GET", "/log"))
            if len(arrived) >= OTHERS * len(committed):
                break
            time.sleep(0.05)
        assert len(arrived) == OTHERS * len(committed), "every event arrived once everywhere"
        if dead:  # its connections end now, so that nobody waits for their time-outs
            silent.shutdown(socket.SHUT_RDWR)
        return [max(at - committed[event_id], 0) for event_id, at in arrived]


def _record_one(tx: Transaction, *, tenant: Tenant, number: int) -> Any:
    return service.record(tx, tenant, "payment.captured", object_id=f"pay_{number}", data=BODY)


def _register(gateway: Gateway, tenant: Tenant, url: str) -> None:
    gateway.db.write(lambda tx: endpoints.create_endpoint(tx, tenant, gateway.vault, url=url)[0])


def _pending(gateway: Gateway) -> int:
    with gateway.db.read() as tx:
        query = "SELECT count(*) FROM webhook_delivery WHERE status = 'pending'"
        return int(tx.connection().exec_driver_sql(query).scalar_one())


def _bare(port: int, deliveries: int) -> float:
    """Seconds for as many POSTs of the same size from as many threads as one endpoint gets, and nothing else."""
    body = json.dumps(BODY).encode()

    def post(count: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            connection.request("POST", "/bare", body, {"webhook-id": "bare"})
            connection.getresponse().read()
        connection.close()

    began = time.perf_counter()
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(post, [deliveries // 3] * 3))
    took = time.perf_counter() - began
    _ask(port, "GET", "/log")
    return took


@contextmanager
def sink() -> Iterator[int]:
    """A process that answers 204 to everything and remembers when each id arrived; yields its port."""
    with subprocess.Popen([sys.executable, "-m", "bench.sink"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def _ask(port: int, method: str, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request(method, path)
    answer = connection.getresponse().read()
    connection.close()
    return answer
