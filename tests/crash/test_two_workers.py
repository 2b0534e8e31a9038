"""Two workers beside one server: each collection, payout and webhook once, at receivers that know no repetition."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bench.faulty_institution import Book, Handler, Server
from tests.crash.place import Place, Supervised, running, waited
from tests.crash.traffic import Journal, Shop

pytestmark = pytest.mark.long(20)

ORDERS, AMOUNT, DAYS = 6, 90_000, 34
WORK_SECONDS = 180
KEY = "sk_test_1"


class HonestBook(Book):
    """Does what it is told, as often as it is told: no key is honoured, and nothing fails."""

    def __init__(self) -> None:
        super().__init__(lambda: None, hang_seconds=0)  # type: ignore[arg-type, return-value]
        self.honours_keys = False
        self.told: Counter[str] = Counter()
        self.by: defaultdict[str, set[int]] = defaultdict(set)
        """The processes that called, by what they called for."""
        self.workers: list[int] = []

    def fault(self, reference: str, number: int) -> str | None:
        """None; counts how often each was told."""
        del number
        self.told[reference] += 1
        return None

    def called(self, what: str, port: int) -> None:
        """Note which of the workers calls from a port of this machine."""
        if (pid := _whose(port, self.workers)) is not None:
            self.by[what].add(pid)


class Institution(Handler):
    """Notes who instructs."""

    server: Server

    def do_POST(self) -> None:  # noqa: N802  # as the base class calls it
        """Carry out an instruction, a little later."""
        assert isinstance(self.server.book, HonestBook)
        self.server.book.called("institution", self.client_address[1])
        time.sleep(0.05)
        super().do_POST()


def _whose(port: int, pids: list[int]) -> int | None:
    """Which of these processes holds a connection from the port."""
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        fields = line.split()
        if int(fields[1].split(":")[1], 16) == port:
            wanted = f"socket:[{fields[9]}]"
            for pid in pids:
                for handle in Path(f"/proc/{pid}/fd").iterdir():
                    with contextlib.suppress(OSError):
                        if os.readlink(handle) == wanted:
                            return pid
    return None


@contextlib.contextmanager
def receivers(book: HonestBook) -> Iterator[tuple[str, str, Counter[str]]]:
    """Origins of an institution and of a shop's endpoint, and how often each webhook came."""
    came: Counter[str] = Counter()

    class Endpoint(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            book.called("endpoint", self.client_address[1])
            self.rfile.read(int(self.headers["Content-Length"]))
            came[self.headers["webhook-id"]] += 1
            self.send_response(204)
            self.end_headers()

    institution = Server(book)
    institution.RequestHandlerClass = Institution
    endpoint = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    servers = (institution, endpoint)
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield (*(f"http://127.0.0.1:{server.server_address[1]}" for server in servers), came)  # type: ignore[misc]
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def test_two_workers_do_each_thing_once(database_url: str) -> None:
    book = HonestBook()
    with (
        receivers(book) as (institution, endpoint, came),
        running(
            database_url,
            FENQI_INSTITUTION_URL=institution,
            FENQI_INSTITUTION_TEST_KEY=KEY,
            FENQI_INSTITUTION_SETTLING_SECONDS="2",
        ) as place,
    ):
        second = Supervised(["worker"], place.environ, place.folder / "second.log")
        second.start()
        try:
            book.workers = [place.worker.pid, second.pid]
            _play(place, endpoint)
            waited(lambda: not _left(place), WORK_SECONDS)
        finally:
            second.stop()
        rows = place.rows
        booked = {
            row["reference"]: row["amount_fen"]
            for table in ("collection", "payout")
            for row in rows(f"SELECT reference, amount_fen, status FROM {table} WHERE status <> 'canceled'")
        }
        ended = {
            row["status"] for row in rows("SELECT status FROM collection UNION SELECT status FROM payout")
        }
        delivered = rows("SELECT d.id, d.event_id, d.status FROM webhook_delivery d")
        place.must_run("ledger", "verify")

    assert ended <= {"succeeded", "paid"}
    assert len(booked) > ORDERS
    assert book.moved_fen() == booked
    assert set(book.told.values()) == {1}
    assert {row["status"] for row in delivered} == {"succeeded"}
    assert set(came.values()) == {1}
    assert len(came) == len(delivered)
    assert len(set().union(*book.by.values())) == 2, "both have worked; which of them does what is chance"


def _play(place: Place, endpoint: str) -> None:
    """Orders of shoppers of their own, shipped, and time that passes until payouts and collections are due."""
    merchant = place.merchant(1)
    place.must_run("merchant", "payout-account", merchant["merchant"], "acct_1", "--reason", "agreed")
    shop = Shop(place.url, merchant, Journal())
    shop.login()

    def post(path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        return dict(json.loads(shop.send("POST", path, body, key)[1]))

    post("/v1/webhook_endpoints", {"url": f"{endpoint}/hook"}, "hook")
    clock = post("/v1/test_clocks", {"name": "autumn"}, "clock")
    item = {"name": "Phone", "quantity": 1, "unit_price": AMOUNT}
    for number in range(ORDERS):
        order = {
            "amount": AMOUNT,
            "merchant_reference": f"order-{number}",
            "items": [item],
            "category": "3c",
            "return_url": "https://shop.example/return",
            "cancel_url": "https://shop.example/cart",
        }
        checkout = post("/v1/checkouts", order, f"{number}-checkout")
        path = f"/v1/test_helpers/checkouts/{checkout['id']}/complete"
        done = post(path, {"term": 3, "phone": f"1390000{number:04}"}, f"{number}-complete")
        post(f"/v1/payments/{done['payment']}/capture", {}, f"{number}-capture")
    path = f"/v1/test_clocks/{clock['id']}"
    post(f"{path}/advance", {"days": DAYS}, "advance")
    waited(lambda: json.loads(shop.send("GET", path)[1])["status"] == "ready", WORK_SECONDS)
    assert shop.journal.strange == []


def _left(place: Place) -> bool:
    """Whether something still waits for a worker; a message to a shopper may wait for the morning."""
    query = "SELECT count(*) AS n FROM outbox WHERE done_at IS NULL AND topic <> 'message.send'"
    waiting = place.rows(query)[0]["n"]
    pending = place.rows("SELECT count(*) AS n FROM webhook_delivery WHERE status = 'pending'")[0]["n"]
    return bool(waiting or pending)
