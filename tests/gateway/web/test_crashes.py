"""A server that is killed again and again: what it acknowledged is there, and nothing was done twice."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from gateway.app import gateway_of
from gateway.config import from_environment
from gateway.ledger.verify import verify
from gateway.onboarding import onboard
from gateway.verification import AGREEMENTS

CLIENTS, ORDERS = 4, 10
KILLS_AFTER = (7, 23)
"""The server is killed when so many requests were answered, while the other clients' are on their way."""


class Server:
    """A real server process on a port of its own, started anew whenever it was killed."""

    def __init__(self, environ: dict[str, str], port: int) -> None:
        where = f"'gateway.server:application', host='127.0.0.1', port={port}"
        self._command = f"from gateway.server import run; run({where})"
        self._environ = environ
        self.kills = 0
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", self._command],
            env=self._environ,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """SIGKILL to the server and its workers, then a new one."""
        self.stop()
        self.kills += 1
        self._process = self._start()

    def stop(self) -> None:
        children = subprocess.run(["pgrep", "-P", str(self._process.pid)], capture_output=True, check=False)
        for pid in (self._process.pid, *map(int, children.stdout.split())):
            os.kill(pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A running server with one merchant and its token."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environ = {
        **os.environ,
        "DATABASE_URL": database_url,
        "FENQI_DATA_DIR": str(tmp_path),
        "FENQI_PUBLIC_URL": url,
        "FENQI_WORKER_IN_PROCESS": "0",
    }
    gateway = gateway_of(from_environment(environ))
    credentials = onboard(
        gateway,
        name="灯塔",
        name_en="Lighthouse",
        category="3c",
        mode="test",
        email="a@b.example",
        webhook_url=None,
    )
    server = Server(environ, port)
    try:
        pair = (credentials["client_id"], credentials["client_secret"])
        answer = insisting("POST", f"{url}/oauth/token", auth=pair, data={"grant_type": "client_credentials"})
        yield {"url": url, "token": answer["access_token"], "server": server, "gateway": gateway}
    finally:
        server.stop()


def insisting(method: str, url: str, **options: Any) -> dict[str, Any]:
    """Send until there is an answer that is neither lost nor 503: what a client with retries does."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            answer = requests.request(method, url, timeout=5, **options)
        except requests.RequestException:
            time.sleep(0.05)
            continue
        if answer.status_code != 503:
            assert answer.status_code in (200, 201), answer.text
            return dict(answer.json())
        time.sleep(0.05)
    raise AssertionError(f"no answer from {url}")


@pytest.mark.slow
def test_a_purchase_survives_every_kill(place: dict[str, Any]) -> None:
    answered: queue.Queue[bool] = queue.Queue()
    acknowledged: dict[str, tuple[str, str]] = {}

    def post(path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {place['token']}", "Idempotency-Key": key}
        answer = insisting("POST", place["url"] + path, json=body, headers=headers)
        answered.put(True)
        return answer

    def buy(number: int) -> None:
        order = {
            "amount": 599_900,
            "merchant_reference": f"order-{number}",
            "items": [{"name": "Phone", "quantity": 1, "unit_price": 599_900}],
            "category": "3c",
            "return_url": "https://shop.example/return",
            "cancel_url": "https://shop.example/cart",
        }
        checkout = post("/v1/checkouts", order, f"checkout-{number}")
        played = {"term": 12, "phone": "13800000001"}
        path = f"/v1/test_helpers/checkouts/{checkout['id']}/complete"
        payment = post(path, played, f"complete-{number}")["payment"]
        captured = post(f"/v1/payments/{payment}/capture", {"amount": 200_000}, f"capture-{number}")
        refund = {"payment": payment, "amount": 50_000, "kind": "return", "reason": "sent back"}
        refunded = post("/v1/refunds", refund, f"refund-{number}")
        acknowledged[payment] = (captured["captures"][0]["id"], refunded["id"])

    def kill_now_and_then() -> None:
        number = 0
        while answered.get():
            number += 1
            if number in KILLS_AFTER:
                place["server"].kill()

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(buy, range(ORDERS)))
    finally:
        answered.put(False)
        killer.join()
    assert place["server"].kills == len(KILLS_AFTER)
    headers = {"Authorization": f"Bearer {place['token']}"}
    assert len(acknowledged) == ORDERS
    for payment, (capture, refund) in acknowledged.items():
        kept = insisting("GET", f"{place['url']}/v1/payments/{payment}", headers=headers)
        assert [row["id"] for row in kept["captures"]] == [capture]
        assert (kept["captured_amount"], kept["refunded_amount"]) == (200_000, 50_000)
        refunds = insisting("GET", f"{place['url']}/v1/refunds?payment={payment}", headers=headers)
        assert [row["id"] for row in refunds["data"]] == [refund]
    with place["gateway"].db.read() as tx:
        report = verify(tx, AGREEMENTS)
    assert report.ok, [check for check in report.checks if not check.ok]
