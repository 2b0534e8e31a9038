"""A ledger on a fresh database of each kind, and builders of what is booked in it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.core.identifiers import IdSource
from gateway.core.tenant import Tenant
from gateway.db.engine import connect
from gateway.db.transactions import Database
from gateway.ledger import service
from gateway.ledger.booking import postings
from gateway.ledger.booking.postings import Entries, Event

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
SHOP = Tenant("mer_shop", "test")


@dataclass
class Ticks:
    """Counts up at each call."""

    next: int

    def __call__(self) -> int:
        self.next += 1
        return self.next - 1


@dataclass
class Books:
    """A ledger and its one merchant, with short words for what happens in it."""

    db: Database
    tenant: Tenant = SHOP
    chance: random.Random = field(default_factory=lambda: random.Random(20261123))
    milliseconds: Ticks = field(default_factory=lambda: Ticks(int(NOW.timestamp() * 1000)))
    numbers: Ticks = field(default_factory=lambda: Ticks(1))

    def post(
        self,
        lines: Entries,
        *,
        kind: str = "event",
        about_id: str = "",
        key: str = "",
        day: date = TODAY,
        tenant: Tenant | None = None,
        request: Any = None,
    ) -> str:
        """Book and commit; the entry's id."""
        number = self.numbers()
        about = ("capture", about_id or f"cap_{number}")
        event = Event(kind, about, lines, key=key or f"event:{number}", on=day, request=request)
        return self.db.write(lambda tx: service.book(tx, tenant or self.tenant, event))

    def capture(self, principal_fen: int = 599_900, **changes: Any) -> str:
        """Book a capture with a fee of 1 % and its tax."""
        fee = principal_fen // 100
        number = self.numbers()
        lines = postings.drawdown(
            loan=f"ln_{number}",
            payment=f"pay_{number}",
            funder="demo_bank",
            merchant=self.tenant.merchant_id,
            principal_fen=principal_fen,
            fee_net_fen=fee - fee // 10,
            vat_fen=fee // 10,
            subsidy_fen=0,
        )
        return self.post(lines, **{"kind": "capture", "about_id": f"pay_{number}", **changes})

    def balances(self) -> dict[str, int]:
        with self.db.read() as tx:
            return service.balances(tx, self.tenant)

    def counts(self) -> tuple[int, ...]:
        """Rows of every table of the ledger."""
        with self.db.read() as tx:
            return tuple(
                tx.connection().exec_driver_sql(f"SELECT count(*) FROM ledger_{noun}").scalar_one()
                for noun in ("entry", "posting", "seal", "account")
            )

    def run(self, *statements: str) -> None:
        """Raw SQL in one transaction, as somebody with the database's password would send it."""
        with self.db.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    @property
    def on_sqlite(self) -> bool:
        return self.db.engine.dialect.name == "sqlite"


@pytest.fixture
def books(database_url: str) -> Iterator[Books]:
    engine = connect(database_url)
    books = Books(Database(engine, clock=lambda: NOW, ids=IdSource(lambda: 0, lambda _: 0)))
    books.db.ids = IdSource(books.milliseconds, books.chance.getrandbits)
    yield books
    engine.dispose()


_week: list[tuple[bytes, Any, int, int]] = []
"""The SQLite file of a week, and where its books had come to."""


@pytest.fixture
def a_week(books: Books) -> Books:
    """Books with captures, a settlement, a paid and an open payout, a refund, a reversal and memo entries.

    Made once on SQLite, then laid into each new file.
    """
    if not books.on_sqlite or books.milliseconds.next != int(NOW.timestamp() * 1000):
        return lived(books)
    path = Path(str(books.db.engine.url.database))
    if not _week:
        lived(books)
        with books.db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        content = path.read_bytes()
        _week.append((content, books.chance.getstate(), books.milliseconds.next, books.numbers.next))
        return books
    content, chance, books.milliseconds.next, books.numbers.next = _week[0]
    books.chance.setstate(chance)
    books.db.engine.dispose()
    path.write_bytes(content)
    return books


def lived(books: Books) -> Books:
    """A week of business, booked."""
    shop = books.tenant.merchant_id
    books.post(postings.authorise(amount_fen=599_900, payment="pay_a"), kind="authorize")
    books.post(postings.release_authorisation(amount_fen=599_900, payment="pay_a"), kind="voided")
    for amount in (599_900, 100_001, 333_333):
        books.capture(amount)
    wrong = books.capture(777_700)
    books.db.write(lambda tx: service.reverse(tx, wrong, key="undo:1"))
    books.post(
        postings.settlement(
            settlement="stl_1",
            merchant=shop,
            pending_fen=600_000,
            receivable_offset_fen=0,
            reserve_fen=50_000,
        ),
        kind="settlement",
        day=date(2026, 11, 24),
    )
    for number, amount in ((1, 300_000), (2, 50_000)):
        lines = postings.payout_instructed(
            payout=f"po_{number}", institution="payment_institution", merchant=shop, amount_fen=amount
        )
        books.post(lines, kind="payout_instructed", day=date(2026, 11, 24))
    books.post(
        postings.payout_confirmed(
            payout="po_1", institution="payment_institution", funder="demo_bank", amount_fen=300_000
        ),
        kind="payout_confirmed",
        day=date(2026, 11, 25),
    )
    return books


@pytest.fixture
def refused(books: Books) -> Callable[..., None]:
    """Assert that raw SQL is refused and that no row of the ledger is other than before."""

    def attack(*statements: str, saying: str = "") -> None:
        before = _everything(books)
        with pytest.raises(Exception, match=saying):
            books.run(*statements)
        assert _everything(books) == before

    return attack


def _everything(books: Books) -> list[list[tuple[object, ...]]]:
    with books.db.read() as tx:
        return [
            [
                tuple(row)
                for row in tx.connection().exec_driver_sql(f"SELECT * FROM ledger_{noun} ORDER BY 1, 2")
            ]
            for noun in ("entry", "posting", "seal", "account")
        ]
