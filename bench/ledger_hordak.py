"""Posting to hot accounts on PostgreSQL beside django-hordak 2.0, which keeps a ledger that its database guards, too.

Both book entries of four lines and commit each. django-hordak runs in an environment of its own, which
``./run bench`` installs, for it brings a web framework that nothing else here needs.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from bench import books, ledger_post, report
from bench.report import Row
from bench.size import Size
from gateway.db.migrate import upgrade

YARDSTICK = Path(__file__).parent / "yardsticks" / "posting_with_hordak.py"
PYTHON = Path(__file__).parents[1] / ".venv" / "yardstick" / "bin" / "python"
THREADS = (1, 8)
GOAL = report.at_least(3, of_yardstick=True)
"""From eight threads."""


def measure(place: dict[str, Any], size: Size) -> Sequence[Row] | None:
    """Print entries per second of both, from one thread and from eight."""
    del place
    print("ledger_hordak: entries of four lines on hot accounts, PostgreSQL, beside django-hordak")
    if not (size.postgresql and PYTHON.exists()):
        print("  not measured: 0.0 s, without PostgreSQL or requirements/yardstick.txt in .venv/yardstick\n")
        return None
    with tempfile.TemporaryDirectory(prefix="fenqi-hordak-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for one in ("ours", "theirs"):
            (folder / one).mkdir()
        with books.postgresql(folder / "ours") as ours, books.postgresql(folder / "theirs") as theirs:
            return _measure(ours, theirs, size)


def _measure(ours: str, theirs: str, size: Size) -> list[Row]:
    upgrade(ours)
    db, numbers = books.database(ours), count(1)
    ledger_post.book(db, numbers)  # opens the accounts
    rates: dict[int, list[tuple[float, float]]] = {threads: [] for threads in THREADS}
    for _ in range(size.rounds):
        hordak = _hordak(theirs, size.seconds)
        for threads in THREADS:
            found, _ = ledger_post.rate(lambda: ledger_post.book(db, numbers), threads, size.seconds)
            rates[threads].append((found, hordak[threads]))
    db.engine.dispose()
    rows = [
        Row(
            f"ledger_hordak: {threads} thread{'s' if threads > 1 else ''}",
            statistics.median(found for found, _ in pairs),
            "entries/s",
            GOAL if threads > 1 else None,
            yardstick=statistics.median(bare for _, bare in pairs),
            ratio=statistics.median(found / bare for found, bare in pairs),
        )
        for threads, pairs in rates.items()
    ]
    for row in rows:
        print(f"  {row.name}: {row.result:.0f} entries/s, django-hordak {row.yardstick:.0f}")
    print()
    return rows


def _hordak(url: str, seconds: float) -> dict[int, float]:
    """Entries per second of django-hordak on a database, by the number of threads."""
    parts = make_url(url)
    where = [parts.query.get("host", parts.host), parts.port or 5432, parts.username, parts.database]
    command = [PYTHON, YARDSTICK, *where, seconds, *THREADS]
    run = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=True,
        env={"PGPASSWORD": parts.password or ""},
    )
    return {int(threads): rate for threads, rate in json.loads(run.stdout).items()}
