"""A batch closes once and whole: in parts, by two at once, killed in the middle, and over a month of trade."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from gateway.core.calendar import shanghai_date
from gateway.db.keyed import unlike
from gateway.db.row_keys import content_of
from gateway.db.transactions import READ_COMMITTED
from gateway.process import daily
from gateway.settlement import gathering, terms
from tests.by_force import by_force
from tests.gateway.books import Books

ORACLE = """
SELECT b.settled_on, b.opening_fen, b.closing_fen, b.payout_fen, coalesce(x.net, 0) AS net,
       coalesce(x.lines, 0) AS lines, b.lines_count, b.reserve_change_fen + coalesce(x.released, 0) AS held,
       coalesce(t.minimum_payout_fen, 0) AS least
  FROM settlement_batch b LEFT JOIN settlement_terms t ON t.id = b.terms_id LEFT JOIN (
    SELECT batch_id, count(*) AS lines,
           sum(CASE WHEN kind IN ('refund', 'subsidy_return', 'dispute') THEN -net_fen ELSE net_fen END) AS net,
           sum(CASE WHEN kind = 'reserve_release' THEN amount_fen ELSE 0 END) AS released
      FROM settlement_line WHERE batch_id IS NOT NULL GROUP BY batch_id) x ON x.batch_id = b.id
 ORDER BY b.settled_on"""
CHILD = """
import os, sys, time
from dataclasses import replace
from gateway.app import gateway_of
from gateway.config import from_environment
from gateway.process import daily
from gateway.settlement import closing, gathering
settings = from_environment(data_dir=sys.argv[1], database_url=sys.argv[2])
gateway = gateway_of(settings)
mark = gathering.mark
def stop(*args, **kwargs):
    mark(*args, **kwargs)
    print("marked", flush=True)
    time.sleep(60)
gathering.mark = stop
import datetime
daily.settle(gateway, datetime.date.fromisoformat(sys.argv[3]))
"""


def captures(books: Books, count: int, *, amount: int = 60_000) -> None:
    books.api.login()
    for _ in range(count):
        books.api.captured(3, amount=amount)


def close(books: Books) -> Any:
    day = shanghai_date(books.clock.now)
    return daily._at(
        books.gateway,
        books.tenant,
        partial(daily._close, gateway=books.gateway, tenant=books.tenant, on=day),
        READ_COMMITTED,
    )


def to_the_next_banking_day(books: Books) -> None:
    books.clock.advance(days=1)
    while not books.gateway.ports.working_days.is_working_day(shanghai_date(books.clock.now)):
        books.clock.advance(days=1)


def test_a_batch_of_many_parts_is_whole(
    books: Books, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gathering, "MARKED_AT_ONCE", 2)
    monkeypatch.setattr(gathering, "IDS_AT_ONCE", 3)
    caplog.set_level("INFO", logger="gateway.settlement")
    captures(books, 5)
    to_the_next_banking_day(books)
    assert close(books)["captures"] == 5 * 60_000
    assert close(books) is None
    told = [
        record.message.partition(": ")[2] for record in caplog.records if record.name == "gateway.settlement"
    ]
    assert told == ["2 of 5 lines", "4 of 5 lines", "5 of 5 lines"]
    books.work()
    books.sound()


def test_two_at_once_close_it_once(books: Books) -> None:
    captures(books, 3)
    to_the_next_banking_day(books)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(close(books))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row["captures"] for row in found if row is not None] == [180_000]
    books.work()
    books.sound()


def test_killed_in_the_middle_nothing_is_doubled_or_lost(books: Books) -> None:
    captures(books, 3)
    to_the_next_banking_day(books)
    settings, day = books.gateway.settings, shanghai_date(books.clock.now)
    arguments = [sys.executable, "-c", CHILD, str(settings.data_dir), settings.database_url, day.isoformat()]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "marked\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert books.figure("SELECT count(*) FROM settlement_batch") == 0
    assert books.figure("SELECT count(*) FROM settlement_line WHERE batch_id IS NOT NULL") == 0
    row = close(books)
    assert (row["captures"], row["closing"]) == (180_000, 0)
    books.work()
    books.sound()


def test_a_line_that_is_moved_to_another_batch_is_named(books: Books) -> None:
    for _ in range(2):
        captures(books, 2)
        to_the_next_banking_day(books)
        close(books)
    books.work()
    books.sound()
    move = """UPDATE settlement_line SET batch_id = CASE WHEN batch_id = (SELECT min(id) FROM settlement_batch)
               THEN (SELECT max(id) FROM settlement_batch) ELSE (SELECT min(id) FROM settlement_batch) END
               WHERE id IN ((SELECT min(id) FROM settlement_line), (SELECT max(id) FROM settlement_line))"""
    books.gateway.db.write(lambda tx: by_force(tx.connection(), move))
    with pytest.raises(AssertionError, match="lines_sha256"):
        books.sound()


def test_lines_of_older_releases_are_hashed_with_their_batch(books: Books) -> None:
    """As an older release closed them: the hash of a line covers its batch, and another batch is not believed."""
    captures(books, 1)
    to_the_next_banking_day(books)
    close(books)
    captures(books, 1)
    to_the_next_banking_day(books)
    close(books)
    keys = books.gateway.db.row_keys()
    named = partial(_named, books, keys)
    assert named() == []
    columns = [column.name for column in gathering.LINE.columns if column.name != "keyed_hash"]
    with books.gateway.db.read() as tx:
        line = tx.connection().execute(gathering.LINE.select().order_by(gathering.LINE.c.id).limit(1)).one()
    old = keys.hash(content_of("settlement_line", {column: getattr(line, column) for column in columns}))
    assert old != line.keyed_hash
    rewrite = "UPDATE settlement_line SET keyed_hash = :hash WHERE id = :id"
    books.gateway.db.write(lambda tx: by_force(tx.connection(), rewrite, {"hash": old, "id": line.id}))
    assert named() == []
    move = "UPDATE settlement_line SET batch_id = (SELECT max(id) FROM settlement_batch) WHERE id = :id"
    books.gateway.db.write(lambda tx: by_force(tx.connection(), move, {"id": line.id}))
    assert named() == [line.id]


def _named(books: Books, keys: Any) -> list[str]:
    with books.gateway.db.read() as tx:
        return [key for _, key, _ in unlike(tx.connection(), keys, ["settlement_line"])]


def test_a_month_of_trade_adds_up_by_an_independent_query(books: Books) -> None:
    chance = random.Random(15)
    standard = terms.standard(books.gateway.settings)
    for ahead, changes in (
        (1, {"minimum_payout_fen": 90_000, "reserve_rate": "0.1", "reserve_days": 5}),
        (12, {"t_plus": 3, "days": "calendar", "cutoff": "12:00", "reserve_most_fen": 9_000}),
        (20, {"t_plus": 0, "cutoff": "18:00", "minimum_payout_fen": 0, "reserve_rate": "0"}),
    ):
        day = shanghai_date(books.clock.now) + timedelta(days=ahead)
        books.gateway.db.write(
            lambda tx, day=day, changes=changes: (
                terms.agree(tx, books.tenant, valid_from=day, changes=changes, standard=standard) and None
            )
        )
    sold: list[dict[str, Any]] = []
    for _ in range(30):
        books.api.login()
        for _ in range(chance.randrange(3)):
            sold.append(books.api.captured(3, amount=chance.randrange(30_000, 80_000, 100)))
        if sold and chance.random() < 0.3:
            payment = sold.pop(chance.randrange(len(sold)))
            books.post("/v1/refunds", {"payment": payment["id"], "reason": "sent back"})
        if sold and chance.random() < 0.15:
            books.post("/v1/test_helpers/disputes", {"payment": sold.pop()["id"]})
        paid = [row for row in books.api.get("/v1/payouts").json["data"] if row["status"] == "paid"]
        if paid and chance.random() < 0.15:
            books.post(f"/v1/test_helpers/payouts/{paid[0]['id']}/return", {})
        books.clock.advance(days=1)
        books.clock.now = books.clock.now.replace(hour=11)  # 19:00 in Shanghai
        books.work()
    with books.gateway.db.read() as tx:
        batches = tx.connection().execute(text(ORACLE)).all()
    before = 0
    for row in batches:
        position = before + row.net - row.held
        assert row.opening_fen == before, row
        assert row.payout_fen == (position if position >= max(row.least, 1) else 0), row
        assert row.closing_fen == position - row.payout_fen, row
        assert row.lines == row.lines_count, row
        before = row.closing_fen
    assert len(batches) > 15
    assert any(row.opening_fen > 0 for row in batches)
    assert any(row.held for row in batches)
    assert books.of("merchant_available") - books.of("merchant_receivable") == before + _since(books)
    books.sound()


def _since(books: Books) -> int:
    """What is open and stands on no pending claim: it is available or owed already."""
    return int(
        books.figure(
            """SELECT coalesce(sum(CASE WHEN kind IN ('capture', 'reserve_release') THEN 0
                                   WHEN kind IN ('refund', 'subsidy_return', 'dispute') THEN from_pending_fen - net_fen
                                   ELSE net_fen - from_pending_fen END), 0)
                 FROM settlement_line WHERE batch_id IS NULL"""
        )
    )
