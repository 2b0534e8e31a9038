"""SERIALIZABLE work on PostgreSQL that lost races waits for the others that did: a crowd is carried out in turn."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from gateway.core.tenant import Tenant
from gateway.db import transactions
from gateway.db.transactions import Database, Transaction
from gateway.errors import DatabaseUnavailable
from gateway.process import daily
from tests.gateway.books import Books
from tests.gateway.conftest import Api

pytestmark = [
    pytest.mark.long(12),
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]
CROWD, TRIES, OVERLAP_SECONDS = 14, 6, 0.06
SHOPPERS = 6


@pytest.fixture
def db(app: Flask) -> Iterator[Database]:
    """The gateway's database with a table that everybody reads whole and adds to: any two who do so at once race."""
    found: Database = app.extensions["fenqi"].db
    with found.engine.begin() as connection:
        connection.execute(text("CREATE TABLE met (number INTEGER)"))
    yield found
    with found.engine.begin() as connection:
        connection.execute(text("DROP TABLE met"))


def crowd(db: Database) -> Counter[str]:
    """How so many ended who each put down how many were there before."""
    start = threading.Barrier(CROWD)

    def add(tx: Transaction) -> None:
        before = tx.connection().execute(text("SELECT count(*) FROM met")).scalar_one()
        time.sleep(OVERLAP_SECONDS)
        tx.connection().execute(text("INSERT INTO met VALUES (:before)"), {"before": before})

    def one(_number: int) -> str:
        start.wait()
        try:
            db.write(add)
        except DatabaseUnavailable:
            return "busy"
        return "done"

    with ThreadPoolExecutor(CROWD) as pool:
        return Counter(pool.map(one, range(CROWD)))


def test_a_crowd_that_meets_again_and_again_is_carried_out(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "MAX_ATTEMPTS", TRIES)

    assert crowd(db) == {"done": CROWD}

    with db.engine.connect() as connection:
        numbers = sorted(connection.execute(text("SELECT number FROM met")).scalars())
        assert numbers == list(range(CROWD)), "each saw all before it, as if one came after the other"
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1280270165"
        assert connection.execute(text(held)).scalar_one() == 0
    monkeypatch.setattr(transactions, "FREE_ATTEMPTS", TRIES)
    assert crowd(db)["busy"], "so the test shows nothing: nobody was sent away who did not wait"


def test_repayments_are_booked_beside_the_jobs_of_the_day(app: Flask, books: Books) -> None:
    loans = [_bought(books.api, number) for number in range(SHOPPERS)]
    books.jump(32)
    books.api.login()
    start = threading.Barrier(SHOPPERS + 2)

    def pay(number: int) -> list[int]:
        client = Api(app.test_client(), books.api.credentials, books.api.token)
        path = f"/v1/test_helpers/loans/{loans[number]}/repay"
        start.wait()
        return [client.post(path, {"amount": 100 + turn}).status_code for turn in range(4)]

    def work() -> None:
        start.wait()
        for _ in range(2):
            daily.run_day(books.gateway, Tenant(books.api.credentials["merchant"], "test"))

    with ThreadPoolExecutor(SHOPPERS + 2) as pool:
        jobs = [pool.submit(work) for _ in range(2)]
        answers = Counter(status for said in pool.map(pay, range(SHOPPERS)) for status in said)
        for job in jobs:
            job.result()

    assert answers == {200: 4 * SHOPPERS}
    books.sound()


def _bought(api: Any, number: int) -> str:
    """The loan of a shopper of their own."""
    checkout = api.checkout(merchant_reference=f"order-{number}")
    played = {"term": 12, "phone": f"1390000{number:04}"}
    done = api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", played).json
    captured = api.post(f"/v1/payments/{done['payment']}/capture").json
    return str(captured["captures"][0]["loan"])
