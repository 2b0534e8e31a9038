"""The fake bank's own book, a SQLite file: what it was told, what it moves, and what its operator has set.

Each act is one transaction that is on the disk before it is answered, so a bank that is killed goes on where it was.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.institution.fake_bank import methods
from gateway.institution.fake_bank.behaviour import UNANSWERED, Play, plan

SCHEMA = """
CREATE TABLE IF NOT EXISTS instruction (
    reference TEXT PRIMARY KEY, movement TEXT NOT NULL, party TEXT NOT NULL, account TEXT, amount INTEGER NOT NULL,
    behaviour TEXT NOT NULL, accepted_at TEXT NOT NULL, unanswered INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS planned (
    serial INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT NOT NULL, party TEXT NOT NULL, at TEXT NOT NULL,
    amount INTEGER NOT NULL, failure TEXT) STRICT;
CREATE INDEX IF NOT EXISTS planned_of ON planned (reference);
CREATE INDEX IF NOT EXISTS planned_for ON planned (party, at);
CREATE TABLE IF NOT EXISTS clock (party TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS wanted (
    number INTEGER PRIMARY KEY AUTOINCREMENT, party TEXT, behaviour TEXT NOT NULL, days INTEGER NOT NULL,
    off_by INTEGER NOT NULL, used_by TEXT) STRICT;
CREATE TABLE IF NOT EXISTS lost (reference TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class NoAnswer(Exception):
    """The bank keeps silent, on purpose: whoever asked cannot know what happened."""


class Contradiction(Exception):
    """The reference is known, for something else."""


@dataclass(frozen=True, slots=True)
class Told:
    """An instruction as it comes in; ``at`` is the time by which the bank plays, ``failure`` one that is asked for."""

    reference: str
    movement: str
    party: str
    account: str | None
    amount_fen: int
    at: datetime | None = None
    failure: str | None = None


class Store:
    """The book; ``seed`` and ``faults`` (a share) choose which payouts go wrong that nobody has asked for."""

    def __init__(self, folder: Path, *, seed: int = 0, faults: float = 0) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._seed, self._faults = seed, faults
        self._turn = threading.Lock()
        self._connection = sqlite3.connect(
            folder / "bank.sqlite", check_same_thread=False, isolation_level=None, timeout=30
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript(
            f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {SCHEMA}{methods.SCHEMA}"
        )

    def instruct(self, told: Told) -> dict[str, Any]:
        """Take an instruction, once for each reference, and say what became of it.

        Raises ``Contradiction``, or ``NoAnswer`` where the bank is to keep silent, after or before it took it.
        """
        with self._transaction() as connection:
            now = _moved_on(connection, told.party, told.at)
            known = _row(connection, told.reference)
            if known is None:
                play = self._play(connection, told)
                if play.behaviour == "lost":
                    lost = True
                    connection.execute("INSERT INTO lost VALUES (?)", (told.reference,))
                else:
                    lost = False
                    _take(connection, _judged(connection, told), play, now)
            else:
                lost = False
                _same(known, told)
            silent = not lost and _row(connection, told.reference)["unanswered"] > 0
        if lost or silent:
            raise NoAnswer
        return self.state(told.reference, None)

    def state(self, reference: str, at: datetime | None) -> dict[str, Any]:
        """What became of an instruction. Raises ``KeyError`` for an unknown one, and ``NoAnswer``."""
        with self._transaction() as connection:
            row = _row(connection, reference)
            if row is None:
                raise KeyError(reference)
            now = _moved_on(connection, row["party"], at)
            if row["unanswered"] > 0:
                less = "UPDATE instruction SET unanswered = unanswered - 1 WHERE reference = ?"
                connection.execute(less, (reference,))
                silent = True
            else:
                silent = False
            state = _state(connection, row, now)
        if silent:
            raise NoAnswer
        return state

    def want(self, play: Play, party: str | None) -> None:
        """Play the next payout so, of one party or of whoever comes first."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO wanted (party, behaviour, days, off_by) VALUES (?, ?, ?, ?)",
                (party, play.behaviour, play.days, play.off_by_fen),
            )

    def correct(self, reference: str) -> dict[str, Any]:
        """Put right what was moved under a reference: pay the rest, or take back what is too much.

        Raises ``KeyError``.
        """
        with self._transaction() as connection:
            row = _row(connection, reference)
            if row is None:
                raise KeyError(reference)
            now = _moved_on(connection, row["party"], None)
            state = _state(connection, row, now)
            off_by = row["amount"] - (state["paid"] - state["returned"])
            if off_by:
                _plan(connection, row, now, off_by, None)
            return _state(connection, row, now)

    def set_down(self, down: bool) -> None:
        """Answer nothing but control from now on, or answer again."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO setting VALUES ('down', ?)", (str(int(down)),))

    def is_down(self) -> bool:
        """Whether it answers nothing."""
        with self._transaction() as connection:
            row = connection.execute("SELECT value FROM setting WHERE name = 'down'").fetchone()
        return row is not None and row["value"] == "1"

    def move_clock(self, party: str, at: datetime) -> None:
        """Let it be this time for a party at least; time never goes back."""
        with self._transaction() as connection:
            _moved_on(connection, party, at)

    def begin_setup(self, told: dict[str, str]) -> dict[str, Any]:
        """Begin to take a repayment method, once for each reference. Raises ``ValueError``."""
        with self._transaction() as connection:
            methods.begin(connection, told)
            return methods.state(connection, told["reference"]) or {}

    def setup(self, reference: str) -> dict[str, Any]:
        """What became of a set-up. Raises ``KeyError`` for an unknown one."""
        with self._transaction() as connection:
            return _known(methods.state(connection, reference))

    def setup_by_secret(self, secret: str) -> dict[str, Any]:
        """The set-up behind the address of a page. Raises ``KeyError`` for an unknown one."""
        with self._transaction() as connection:
            return _known(methods.by_secret(connection, secret))

    def take_method(self, secret: str, typed: methods.Typed, *, approved: bool) -> str:
        """Take what a tester typed: ``taken``, ``declined``, ``asks`` or ``over``."""
        with self._transaction() as connection:
            return methods.take(connection, secret, typed, approved=approved)

    def give_up_setup(self, secret: str) -> None:
        """The tester turned back."""
        with self._transaction() as connection:
            methods.give_up(connection, secret)

    def detach(self, token: str) -> None:
        """Collect nothing by a method any more. Raises ``KeyError`` for an unknown one."""
        with self._transaction() as connection:
            methods.detach(connection, token)

    def booked(self, party: str) -> list[dict[str, Any]]:
        """Every movement of a party so far, in the order of its time: its statement."""
        with self._transaction() as connection:
            now = _moved_on(connection, party, None)
            query = """SELECT p.serial, p.reference, p.at, p.amount, i.account FROM planned p
                         JOIN instruction i ON i.reference = p.reference
                        WHERE p.party = ? AND p.at <= ? AND p.amount <> 0 AND i.movement = 'payout'
                        ORDER BY p.at, p.serial"""
            return [dict(row) for row in connection.execute(query, (party, now.strftime(TIME)))]

    def journal(self) -> list[dict[str, Any]]:
        """Every instruction with all that is planned for it, also what is still to come."""
        with self._transaction() as connection:
            instructions = connection.execute("SELECT * FROM instruction ORDER BY accepted_at, reference")
            rows = [dict(row) for row in instructions.fetchall()]
            for row in rows:
                query = "SELECT at, amount, failure FROM planned WHERE reference = ? ORDER BY serial"
                row["planned"] = [dict(one) for one in connection.execute(query, (row["reference"],))]
        return rows

    def _play(self, connection: sqlite3.Connection, told: Told) -> Play:
        if told.movement != "payout" or told.failure is not None:
            return Play("prompt")
        lost = connection.execute("SELECT 1 FROM lost WHERE reference = ?", (told.reference,)).fetchone()
        if lost is not None:
            return Play("prompt")
        query = """SELECT * FROM wanted WHERE used_by IS NULL AND (party IS NULL OR party = ?)
                    ORDER BY party IS NULL, number LIMIT 1"""
        wanted = connection.execute(query, (told.party,)).fetchone()
        if wanted is None:
            return Play.by_chance(self._seed, told.reference, self._faults)
        use = "UPDATE wanted SET used_by = ? WHERE number = ?"
        connection.execute(use, (told.reference, wanted["number"]))
        return Play(wanted["behaviour"], wanted["days"], wanted["off_by"])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._turn:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def _known(told: dict[str, Any] | None) -> dict[str, Any]:
    if told is None:
        raise KeyError("setup")
    return told


def _judged(connection: sqlite3.Connection, told: Told) -> Told:
    """The instruction with the failure that its repayment method has."""
    if told.movement != "collection" or told.failure is not None:
        return told
    return replace(told, failure=methods.failure_of(connection, told.account, told.party, told.at))


def _row(connection: sqlite3.Connection, reference: str) -> Any:
    return connection.execute("SELECT * FROM instruction WHERE reference = ?", (reference,)).fetchone()


def _same(known: Any, told: Told) -> None:
    for name, value in (
        ("movement", told.movement),
        ("party", told.party),
        ("account", told.account),
        ("amount", told.amount_fen),
    ):
        if known[name] != value:
            raise Contradiction(f"{told.reference} is known with another {name}")


def _take(connection: sqlite3.Connection, told: Told, play: Play, now: datetime) -> None:
    silent = UNANSWERED if play.behaviour == "unknown" else 0
    row = {"reference": told.reference, "party": told.party}
    connection.execute(
        "INSERT INTO instruction VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            told.reference,
            told.movement,
            told.party,
            told.account,
            told.amount_fen,
            play.behaviour if told.failure is None else "fail",
            now.strftime(TIME),
            silent,
        ),
    )
    for one in plan(play, told.amount_fen, now, failure=told.failure):
        _plan(connection, row, one.at, one.amount_fen, one.failure)


def _plan(connection: sqlite3.Connection, row: Any, at: datetime, amount: int, failure: str | None) -> None:
    connection.execute(
        "INSERT INTO planned (reference, party, at, amount, failure) VALUES (?, ?, ?, ?, ?)",
        (row["reference"], row["party"], at.strftime(TIME), amount, failure),
    )


def _state(connection: sqlite3.Connection, row: Any, now: datetime) -> dict[str, Any]:
    query = "SELECT amount, failure FROM planned WHERE reference = ? AND at <= ? ORDER BY serial"
    done = connection.execute(query, (row["reference"], now.strftime(TIME))).fetchall()
    paid = sum(one["amount"] for one in done if one["amount"] > 0)
    returned = -sum(one["amount"] for one in done if one["amount"] < 0)
    failures = [one["failure"] for one in done if one["failure"]]
    nothing_moved = "failed" if failures else "accepted"
    status = "paid" if paid != returned else "returned" if paid else nothing_moved
    return {
        "reference": row["reference"],
        "movement": row["movement"],
        "party": row["party"],
        "amount": row["amount"],
        "status": status,
        "paid": paid,
        "returned": returned,
        "failure": failures[-1] if failures and status != "paid" else None,
        "at": now.strftime(TIME),
    }


def _moved_on(connection: sqlite3.Connection, party: str, at: datetime | None) -> datetime:
    """The time for a party: the latest that anybody has named, and the machine's at least."""
    row = connection.execute("SELECT at FROM clock WHERE party = ?", (party,)).fetchone()
    known = datetime.strptime(row["at"], TIME).replace(tzinfo=UTC) if row else None
    now = max(one for one in (known, at, datetime.now(UTC) if at is None and known is None else None) if one)
    if now != known:
        connection.execute("INSERT OR REPLACE INTO clock VALUES (?, ?)", (party, now.strftime(TIME)))
    return now
