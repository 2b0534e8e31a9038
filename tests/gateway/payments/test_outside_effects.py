"""What leaves the gateway happens once: two workers, an institution that forgets, a restored backup, a late answer."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.core.references import reference
from gateway.core.tenant import Tenant
from gateway.db.transactions import Database
from gateway.errors import InstitutionUnavailable
from gateway.institution import instructing
from gateway.institution.port import Answer, Instruction
from gateway.outbox import service as outbox
from gateway.payments import reconciling
from gateway.payments.collections import service as collections
from gateway.process import daily
from gateway.process import worker as runtime
from gateway.process.daily import run_day
from gateway.process.worker import drain_outbox
from tests.gateway.books import Books
from tests.one_database import database_url, on_both  # noqa: F401

pytestmark = pytest.mark.long(16)


class Institution:
    """Moves money at every instruction, however often it comes; tells what it has finished by reference."""

    def __init__(self, seconds: float = 0) -> None:
        self.seconds = seconds
        self.down, self.fails, self.settling_seconds = False, False, 0.0
        self.moved: list[tuple[str, str, int]] = []
        self.failed: set[str] = set()
        self.after: Callable[[Instruction], None] = lambda _: None

    def carry_out(self, instruction: Instruction) -> Answer:
        if self.fails:
            self.failed.add(instruction.reference)
            return Answer("failed", "insufficient_funds")
        time.sleep(self.seconds)
        self.moved.append((instruction.movement, instruction.reference, instruction.amount_fen))
        self.after(instruction)
        return Answer("succeeded")

    def look_up(self, instruction: Instruction) -> Answer | None:
        if self.down:
            raise InstitutionUnavailable("down")
        if instruction.reference in self.failed:
            return Answer("failed", "insufficient_funds")
        return Answer("succeeded") if self.times(instruction.reference) else None

    def times(self, asked: str) -> int:
        return sum(reference == asked for _, reference, _ in self.moved)

    @property
    def doubled(self) -> list[str]:
        return [reference for reference, times in Counter(row[1] for row in self.moved).items() if times > 1]


@pytest.fixture
def institution(app: Flask) -> Institution:
    app.extensions["fenqi"].ports.institution = institution = Institution()
    return institution


def fall_due(books: Books, loans: int = 1) -> None:
    """Collections of the first bill of some loans wait in the outbox, and nothing else."""
    books.api.login()
    for _ in range(loans):
        books.api.captured(3, amount=90_000)
    books.pass_days(7)
    books.clock.advance(days=24)
    run_day(books.gateway, books.tenant)
    books.gateway.ports.unguarded("institution").moved.clear()


@on_both
def test_two_workers_and_a_slow_institution_that_ignores_keys_charge_nobody_twice(
    books: Books, institution: Institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that one worker could take lasts four times as long as its lease."""
    fall_due(books, loans=8)
    institution.seconds = 0.2
    monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=0.4))
    monkeypatch.setattr(runtime, "RENEW_SECONDS", 0.1)
    began, moment = time.monotonic(), books.clock.now
    now = lambda: moment + timedelta(seconds=time.monotonic() - began)  # noqa: E731 - a clock that runs from there
    monkeypatch.setattr(books.gateway.db, "clock", now)
    lane = next(lane for lane in runtime.LANES if lane.name == "test collections")
    stop = threading.Event()
    workers = [
        threading.Thread(target=runtime.work_lane, args=(books.gateway, lane, stop), daemon=True)
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    latest = time.monotonic() + 30
    while len(decided(books.gateway.db)) < 8 and time.monotonic() < latest:
        time.sleep(0.05)
    stop.set()
    for worker in workers:
        worker.join(10)
    assert decided(books.gateway.db) == ["succeeded"] * 8
    assert len(institution.moved) == 8
    assert institution.doubled == []
    books.sound()


def decided(db: Database) -> list[str]:
    with db.read() as tx:
        return list(
            tx.connection().execute(text("SELECT status FROM collection WHERE status <> 'pending'")).scalars()
        )


@on_both
def test_who_lost_the_lease_before_sending_sends_nothing(books: Books, institution: Institution) -> None:
    fall_due(books)
    handlers = {collections.TOPIC: lambda item: collections.carry_out(books.gateway, item)}
    (slow,) = outbox.claim(books.gateway.db, [collections.TOPIC], limit=1)
    books.clock.advance(seconds=61)
    look_up = institution.look_up

    def overtaken(instruction: Instruction) -> Answer | None:
        """Between the question and the sending another worker takes the row and is at it."""
        institution.look_up = look_up  # type: ignore[method-assign]
        (quick,) = outbox.claim(books.gateway.db, [collections.TOPIC], limit=1)
        outbox.hold(books.gateway.db, quick)
        taken.append(quick)
        return None

    taken: list[Any] = []
    institution.look_up = overtaken  # type: ignore[method-assign]
    outbox.handle(books.gateway.db, handlers, slow)
    assert institution.moved == []
    outbox.handle(books.gateway.db, handlers, taken[0])
    assert len(institution.moved) == 1
    waits = outbox.claim(books.gateway.db, [collections.TOPIC], limit=1)
    assert waits == [], "the slow one has put nothing off and reopened nothing"
    with pytest.raises(outbox.LeaseLost, match="before its effect"):
        outbox.hold(books.gateway.db, slow)
    books.sound()


def test_after_silence_nothing_is_sent_again_before_the_institution_has_settled(
    books: Books, institution: Institution
) -> None:
    fall_due(books)
    institution.settling_seconds = 60
    told = []

    def act_late(instruction: Instruction) -> None:
        told.append(institution.moved.pop())
        institution.after = lambda _: None
        raise InstitutionUnavailable("no answer")

    institution.after = act_late
    drain_outbox(books.gateway)
    for _ in range(4):
        books.clock.advance(seconds=14)
        drain_outbox(books.gateway)
        assert institution.moved == []
    institution.moved += told  # it acts after 56 seconds
    books.clock.advance(seconds=14)
    drain_outbox(books.gateway)
    assert len(institution.moved) == 1
    assert decided(books.gateway.db) == ["succeeded"]


def test_an_institution_that_is_busy_is_asked_again_when_it_says(
    books: Books, institution: Institution
) -> None:
    fall_due(books)

    def busy(_: Instruction) -> None:
        institution.moved.clear()
        institution.after = lambda _: None
        raise instructing.InstitutionBusy(20)

    institution.after = busy
    drain_outbox(books.gateway)
    books.clock.advance(seconds=19)
    assert drain_outbox(books.gateway) == 0
    books.clock.advance(seconds=1)
    drain_outbox(books.gateway)
    assert decided(books.gateway.db) == ["succeeded"]


def test_a_late_answer_counts_on_the_day_of_its_instruction(books: Books, institution: Institution) -> None:
    """A second attempt is instructed a day late and its answer is lost for a week: no late interest for that week."""
    institution.fails = True
    fall_due(books)
    drain_outbox(books.gateway)
    institution.fails = False

    def lose(_: Instruction) -> None:
        institution.down = True
        raise InstitutionUnavailable("the answer was lost")

    institution.after = lose
    books.pass_days(7)
    [(instructed, late)] = rows(
        books.gateway.db,
        "SELECT c.created_at, b.late_fen FROM collection c JOIN loan_bill b ON b.loan_id = c.loan_id WHERE attempt = 2",
    )
    assert late > 0, "while nothing is known the shopper is late"
    institution.down = False
    books.pass_days(1)
    assert len(institution.moved) == 1
    [(received, cost)] = rows(books.gateway.db, "SELECT received_on, late_interest_fen FROM loan_repayment")
    [(paid_on, late)] = rows(books.gateway.db, "SELECT paid_on, late_fen FROM loan_bill")
    assert str(received) == str(paid_on) == str(instructed)[:10]
    assert (cost, late) == (0, 0)
    books.sound()


def rows(db: Database, query: str) -> list[Any]:
    with db.read() as tx:
        return [tuple(row) for row in tx.connection().execute(text(query))]


def test_a_reference_is_made_of_mode_merchant_and_business_key() -> None:
    tenant = Tenant("mer_1", "test")
    assert reference("col", tenant, "order-1", 1, 2, 3) == "col_10480f02ac748f0917bb39ed12b2338d"
    others = {
        reference("col", tenant, "order-1", 1, 2, 4),
        reference("col", tenant, "order-11", 2, 3),
        reference("col", tenant, "order-1", 12, 3),
        reference("col", Tenant("mer_1", "live"), "order-1", 1, 2, 3),
        reference("col", Tenant("mer_11", "test"), "order-1", 1, 2, 3),
        reference("ret", tenant, "order-1", 1, 2, 3),
    }
    assert len(others | {reference("col", tenant, "order-1", 1, 2, 3)}) == 7


def test_a_reference_never_changes_and_none_stands_for_the_id(books: Books, institution: Institution) -> None:
    fall_due(books)
    with pytest.raises(DBAPIError, match="what it was written with never changes"):
        books.gateway.db.write(
            lambda tx: tx.connection().execute(text("UPDATE collection SET reference = 'col_1'"))
        )
    [(id, known)] = rows(books.gateway.db, "SELECT id, reference FROM collection")
    assert known.startswith("col_")
    assert known != id
    with books.gateway.db.engine.begin() as connection:  # as an older release has left it
        guard = "collection_frozen"
        on = "" if connection.dialect.name == "sqlite" else " ON collection"
        connection.exec_driver_sql(f"DROP TRIGGER {guard}{on}")
        connection.exec_driver_sql("UPDATE collection SET reference = NULL")
    drain_outbox(books.gateway)
    assert [asked for kind, asked, _ in institution.moved if kind == "collection"] == [id]


def test_what_the_institution_moved_twice_or_never_is_told(
    books: Books,
    institution: Institution,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconciling, "PART", 3)
    with pytest.raises(ValueError, match="cannot report what it has moved"):
        reconciling.differences(books.gateway, since=None)

    def moved_fen(instruction: Instruction) -> int:
        return sum(amount for _, asked, amount in institution.moved if asked == instruction.reference)

    institution.moved_fen = moved_fen  # type: ignore[attr-defined]
    fall_due(books, loans=3)
    drain_outbox(books.gateway)
    since = books.clock.now - timedelta(days=1)
    assert reconciling.compare(books.gateway, since=since, as_json=True) == 0
    capsys.readouterr()
    institution.moved.append(institution.moved[0])  # a request of ours that it acted on after it had settled
    never = institution.moved.pop(2)
    assert reconciling.compare(books.gateway, since=since, as_json=True) == 1
    listed = json.loads(capsys.readouterr().out)
    told = {row["reference"]: (row["booked_fen"], row["moved_fen"]) for row in listed}
    assert len(listed) == 2, "each is told once, also the last of a part"
    _, twice, fen = institution.moved[0]
    assert told == {twice: (fen, 2 * fen), never[1]: (never[2], 0)}


def test_a_clock_that_was_ahead_puts_nothing_off_but_what_was_to_wait(
    books: Books, institution: Institution
) -> None:
    now, put = books.clock.now, outbox.put
    books.clock.advance(hours=1)
    for at in (None, books.clock.now + timedelta(days=1)):
        books.gateway.db.write(lambda tx, at=at: put(tx, collections.TOPIC, {}, tenant=books.tenant, at=at))
    books.clock.now = now
    assert not due(books)
    daily.sweep(books.gateway)
    assert due(books)
    assert rows(
        books.gateway.db, "SELECT count(*) FROM outbox WHERE done_at IS NULL AND next_at > created_at"
    ) == [(1,)]


def due(books: Books) -> bool:
    with books.gateway.db.read() as tx:
        return outbox.is_due(tx, (collections.TOPIC,))
