"""Orders against an institution that fails in every way, with and without idempotency keys: all resolved, none doubled.

Each order's instructions meet the faults in turn: a collection while keys are honoured, a collection while they are
not, and then a return. Time is the measurement's own, so that waits cost nothing; what hangs or drips does so for real.
The database is in memory, where the system has a folder for that: on a disk three quarters of the time are its commits.
"""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text

from bench.checkout import order
from bench.faulty_institution import FAULTS, REFUSED, Book, listening
from bench.merchant import on_board
from bench.size import Size
from gateway import keyring
from gateway.app import create_app
from gateway.config import from_environment
from gateway.core.tenant import Tenant
from gateway.db.migrate import upgrade
from gateway.institution.stripe_like import StripeLikeInstitution
from gateway.ledger.integrity.verify import verify
from gateway.payments.reconciling import differences
from gateway.process.daily import run_day
from gateway.process.worker import drain_outbox
from gateway.proof.book_agreements import AGREEMENTS
from gateway.web.context import Gateway

CALL_SECONDS = 0.25
HANDS = 6
ROUND = timedelta(seconds=20)
MOST_ROUNDS = 100
MEMORY = Path("/dev/shm")
ORDERS_EACH, PHONES = 10, "139{:08}"
"""A look-up reads all that the institution has of one shopper: each buys ten times, however many orders there are."""
TOPICS = "('collection.instruct', 'return.instruct', 'payout.instruct')"


class Clock:
    """Business time, moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 4, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The moment it stands at, in UTC."""
        return self.now


def measure(place: dict[str, Any], size: Size) -> None:
    """Print, for each kind of instruction, how many were resolved in which time, and what was doubled."""
    del place
    print(
        f"outside: {size.orders} orders x {len(FAULTS)} faults, and a refused connection before; {HANDS} hands"
    )
    with tempfile.TemporaryDirectory(
        prefix="fenqi-bench-", dir=MEMORY if MEMORY.is_dir() else None
    ) as folder:
        clock = Clock()
        book = Book(clock, hang_seconds=CALL_SECONDS * 2)
        settings = from_environment(
            data_dir=folder, database_url=f"sqlite:///{Path(folder) / 'outside.sqlite'}"
        )
        upgrade(settings.database_url)
        keyring.create(settings.data_dir)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        institution = StripeLikeInstitution(
            f"http://127.0.0.1:{port}", {"test": "sk_test_1"}, call_seconds=CALL_SECONDS
        )
        app = create_app(settings, clock=clock, ports={"institution": institution})
        shop = Shop(app, clock)
        payments = [shop.buy(number) for number in range(size.orders)]
        clock.now += timedelta(days=31)
        run_day(shop.gateway, shop.tenant)
        drain_outbox(shop.gateway)  # nobody listens yet
        refused = _waiting(shop.gateway)
        print(f"  {REFUSED}: {refused} instructions, none lost")
        waves = {}
        with listening(book, port):
            waves["collections, keys honoured"] = _wave(shop, book, "collections, keys honoured")
            book.honours_keys = False
            clock.now += timedelta(days=31)
            run_day(shop.gateway, shop.tenant)
            waves["collections, keys ignored"] = _wave(shop, book, "collections, keys ignored")
            shop.give_back(payments)
            waves["returns, keys ignored"] = _wave(shop, book, "returns, keys ignored")
            found = differences(shop.gateway, since=None)
        with shop.gateway.db.read() as tx:
            sound = verify(tx, AGREEMENTS).ok
    doubled = [one for one in found if one["moved_fen"] > one["booked_fen"]]
    _print_faults(book, waves, Counter(book.befell[one["reference"]] for one in doubled))
    print(
        f"  errors {len(found) + (not sound)}: doubled {len(doubled)}, other differences {len(found) - len(doubled)}"
    )
    print(f"  books {'sound' if sound else 'NOT SOUND'}, {book.asked} requests\n")


def _print_faults(book: Book, waves: dict[str, set[str]], doubled: Counter[str]) -> None:
    """A row for each fault: in each wave the instructions and how often each was sent; doubled in all of them."""
    print(f"  {'instructions x sendings each':32}" + "".join(f"{name:>28}" for name in waves) + "   doubled")
    for fault in FAULTS:
        row = ""
        for references in waves.values():
            met = [reference for reference in references if book.befell[reference] == fault]
            sendings = sum(book.seen[reference] for reference in met) / max(len(met), 1)
            row += f"{len(met):>21} x {sendings:4.2f}"
        print(f"  {fault:32}{row}{doubled[fault]:>10}")


def _wave(shop: Shop, book: Book, name: str) -> set[str]:
    """Work until nothing waits, and print what that took; returns the references that were instructed."""
    gateway, began, started = shop.gateway, time.perf_counter(), shop.clock.now
    before, sent = set(book.seen), book.seen.total()
    for _ in range(MOST_ROUNDS):
        book.catch_up()
        hands = [threading.Thread(target=_drain, args=(gateway,)) for _ in range(HANDS)]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()
        if not _waiting(gateway):
            break
        shop.clock.now += ROUND
    references = set(book.seen) - before
    resolved, took = len(references), time.perf_counter() - began
    simulated = (shop.clock.now - started).total_seconds()
    sendings = (book.seen.total() - sent) / max(resolved, 1)
    print(
        f"  {name:28} {resolved:5} resolved, {_waiting(gateway)} waiting, {resolved / took:6.1f}/s, "
        f"{simulated:5.0f} s of waits, {sendings:.2f} sendings each"
    )
    return references


def _drain(gateway: Gateway) -> None:
    while drain_outbox(gateway):
        pass


def _waiting(gateway: Gateway) -> int:
    with gateway.db.read() as tx:
        query = f"SELECT count(*) FROM outbox WHERE done_at IS NULL AND topic IN {TOPICS}"
        return int(tx.connection().execute(text(query)).scalar_one())


class Shop:
    """A merchant of test mode, by its API."""

    def __init__(self, app: Flask, clock: Clock) -> None:
        self.clock, self.gateway = clock, app.extensions["fenqi"]
        credentials = on_board(self.gateway)
        self._client, self._pair = app.test_client(), (credentials["client_id"], credentials["client_secret"])
        self._numbers: Counter[str] = Counter()
        self.tenant = Tenant(credentials["merchant"], "test")
        self.gateway.db.write(
            lambda tx: tx.connection().execute(text("UPDATE merchant SET payout_account = 'acct_1'"))
        )
        self._token()

    def buy(self, number: int) -> str:
        """An order, bought and shipped; returns the payment."""
        if number % 100 == 99:
            self.clock.now += timedelta(minutes=10)  # within the limits of the API
            self._token()
        checkout = self._post("/v1/checkouts", {**order(number), "amount": 90_000, "items": PHONE})
        done = self._post(
            f"/v1/test_helpers/checkouts/{checkout['id']}/complete",
            {"term": 3, "phone": PHONES.format(number // ORDERS_EACH)},
        )
        if done["status"] == "under_review":
            done = self._post(f"/v1/test_helpers/checkouts/{checkout['id']}/resolve", {"outcome": "approve"})
        self._post(f"/v1/payments/{done['payment']}/capture", {})
        return str(done["payment"])

    def give_back(self, payments: list[str]) -> None:
        """Refund everything: what the shoppers have paid goes back to them."""
        self._token()
        for number, payment in enumerate(payments):
            if number % 100 == 99:
                self.clock.now += timedelta(minutes=10)
                self._token()
            self._post("/v1/refunds", {"payment": payment, "reason": "sent back"})

    def _token(self) -> None:
        answer: Any = self._client.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, auth=self._pair
        )
        self._bearer = f"Bearer {answer.json['access_token']}"

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        self._numbers["key"] += 1
        headers = {"Authorization": self._bearer, "Idempotency-Key": f"bench-{self._numbers['key']}"}
        answer: Any = self._client.post(path, json=body, headers=headers)
        if answer.status_code >= 400:
            raise RuntimeError(f"{path}: {answer.text}")
        return answer.json


PHONE = [{"name": "Phone", "quantity": 1, "unit_price": 90_000}]
