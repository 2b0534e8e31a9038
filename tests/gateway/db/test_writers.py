"""Writers of SQLite who wait for each other share a commit: each has its answer after it, and each its own failure."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from gateway.db import transactions
from gateway.db import writers as queue
from gateway.db.engine import connect
from gateway.db.transactions import SERIALIZABLE, Database, Transaction
from gateway.errors import DatabaseUnavailable

Work = Callable[[Transaction], Any]


class NoIds:
    """Nothing here has an id."""

    def new(self, prefix: str) -> str:
        raise AssertionError(prefix)


class InOrder:
    """A lock that goes to the thread that has waited longest; a bare lock may go to any."""

    def __init__(self) -> None:
        self._guard, self._held = threading.Lock(), False
        self.waiting: deque[threading.Event] = deque()

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        with self._guard:
            if not self._held:
                self._held = True
                return True
            if not blocking:
                return False
            turn = threading.Event()
            self.waiting.append(turn)
        if turn.wait(timeout):
            return True
        with self._guard:
            if not turn.is_set():
                self.waiting.remove(turn)
            return turn.is_set()

    def release(self) -> None:
        with self._guard:
            if self.waiting:
                self.waiting.popleft().set()
            else:
                self._held = False


class Writers:
    """Threads that are lined up one after the other while the first holds its turn."""

    def __init__(self, path: Path) -> None:
        self.db = Database(
            connect(f"sqlite:///{path}"), clock=lambda: datetime(2026, 11, 23, tzinfo=UTC), ids=NoIds()
        )
        self._beside = connect(f"sqlite:///{path}")
        with self.db.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE note (text TEXT PRIMARY KEY, parent TEXT"
                                       " REFERENCES note DEFERRABLE INITIALLY DEFERRED)")  # fmt: skip
        turns: Any = self.db._turns[SERIALIZABLE]
        self._turns = turns
        turns._lock = self._line = InOrder()
        self.commits = 0
        event.listen(turns._engine, "commit", self._count)

    def _count(self, _: object) -> None:
        self.commits += 1

    def kept(self) -> set[str]:
        """What another process sees."""
        with self._beside.connect() as connection:
            return set(connection.execute(text("SELECT text FROM note")).scalars())

    def line_up(self, *works: Work) -> list[Any]:
        """Do the works, each in its thread and in this order; returns what each returned or raised."""
        answers: list[Any] = [None] * len(works)
        has_turn, may_begin = threading.Event(), threading.Event()

        def first(_: Transaction) -> None:
            has_turn.set()
            may_begin.wait(5)

        def do(number: int, work: Work) -> None:
            try:
                answers[number] = self.db.write(work)
                answers[number] = self.kept()  # what was acknowledged is there for everybody
            except Exception as error:
                answers[number] = error

        threads = [threading.Thread(target=self.db.write, args=(first,))]
        threads += [threading.Thread(target=do, args=(number, work)) for number, work in enumerate(works)]
        for waiting, thread in enumerate(threads):
            thread.start()
            has_turn.wait(5)
            while len(self._line.waiting) < waiting:
                time.sleep(0.001)
        may_begin.set()
        for thread in threads:
            thread.join(5)
        return answers


@pytest.fixture
def writers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Writers]:
    monkeypatch.setattr(queue, "LONGEST", 5)
    monkeypatch.setattr(transactions, "MAX_ATTEMPTS", 2)
    writers = Writers(tmp_path / "notes.sqlite")
    yield writers
    writers.db.engine.dispose()
    writers._beside.dispose()


def note(text_of: str, parent: str | None = None) -> Work:
    def work(tx: Transaction) -> None:
        tx.connection().execute(
            text("INSERT INTO note VALUES (:text, :parent)"), {"text": text_of, "parent": parent}
        )

    return work


def refused(tx: Transaction) -> None:
    note("half")(tx)
    raise ValueError("no")


def test_who_waits_shares_a_commit_and_is_answered_after_it(writers: Writers) -> None:
    answers = writers.line_up(*(note(f"{number}") for number in range(12)))
    assert all(str(number) in seen for number, seen in enumerate(answers))
    assert writers.kept() == {str(number) for number in range(12)}
    assert writers.commits == 2, "eight together, then the rest"


def test_who_fails_takes_back_its_own_and_nothing_of_the_others(writers: Writers) -> None:
    answers = writers.line_up(note("a"), refused, note("b"))
    assert isinstance(answers[1], ValueError)
    assert writers.kept() == {"a", "b"}


def test_who_fails_first_leaves_the_turn_to_the_others(writers: Writers) -> None:
    answers = writers.line_up(refused, note("a"), note("b"))
    assert isinstance(answers[0], ValueError)
    assert writers.kept() == {"a", "b"}


def test_the_same_key_twice_in_one_commit_is_refused_to_the_second_alone(writers: Writers) -> None:
    answers = writers.line_up(note("a"), note("a"), note("b"))
    assert "UNIQUE constraint failed" in str(answers[1])
    assert writers.kept() == {"a", "b"}


def test_what_only_the_commit_refuses_is_done_again_alone(writers: Writers) -> None:
    answers = writers.line_up(note("a"), note("orphan", parent="nobody"), note("b"))
    assert "FOREIGN KEY constraint failed" in str(answers[1])
    assert writers.kept() == {"a", "b"}


def test_a_refused_commit_leaves_no_transaction_open(writers: Writers) -> None:
    with pytest.raises(IntegrityError):
        writers.db.write(note("orphan", parent="nobody"))
    writers.db.write(note("a"))
    assert writers.kept() == {"a"}


def test_what_a_full_disk_has_rolled_back_is_acknowledged_to_nobody(writers: Writers) -> None:
    def full(tx: Transaction) -> None:
        raw: Any = tx.connection().connection.driver_connection
        raw.execute("ROLLBACK")  # as SQLite does by itself for SQLITE_FULL and SQLITE_IOERR
        raise OSError("no space left on device")

    answers = writers.line_up(note("a"), full, note("b"))
    assert isinstance(answers[0], DatabaseUnavailable)
    assert isinstance(answers[1], Exception)
    assert writers.kept() == {"b"}


def test_a_commit_waits_for_nobody_who_has_given_up(
    writers: Writers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "LOOK_SECONDS", 0.01)

    def last(tx: Transaction) -> None:
        note("b")(tx)
        writers._turns._waiting += 1  # one who never takes a turn

    began = time.monotonic()
    writers.line_up(note("a"), last)
    assert writers.kept() == {"a", "b"}
    assert time.monotonic() - began < 2


def test_nobody_joins_what_is_old(writers: Writers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "LONGEST", 0)
    writers.line_up(note("a"), note("b"), note("c"))
    assert writers.commits == 3


def test_a_rehearsal_is_in_no_transaction_of_others(writers: Writers) -> None:
    writers.line_up(note("a"), note("b"))
    writers.db.rehearse(note("c"))
    assert writers.kept() == {"a", "b"}
