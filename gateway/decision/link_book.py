"""The links in memory, an index for each mode: before each question it reads what other processes have written since.

Positions are drawn before their transactions commit, so a position may appear behind one that was read already. What is
missing between two positions is therefore asked for again, for as long as a transaction can live.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import col, select

from gateway.core.tenant import MODES, Mode
from gateway.db.transactions import Database, Transaction
from gateway.decision.links import KEPT
from gateway.decision.models import ApplicantLink
from scoring.links import Edge, Link, LinkFeatures, LinkIndex, LinkSettings

BATCH = 5_000
GAP_LIFE = timedelta(minutes=10)
MOST_GAPS = 1_000
"""How many positions behind the newest one are waited for: no transaction is older than that."""
_COLUMNS = (
    col(ApplicantLink.position),
    col(ApplicantLink.mode),
    col(ApplicantLink.kind),
    col(ApplicantLink.value_lookup),
    col(ApplicantLink.shopper_id),
    col(ApplicantLink.seen_at),
)
_UNREAD = select(*_COLUMNS).order_by(_COLUMNS[0]).limit(bindparam("most"))  # type: ignore[call-overload]
BEHIND = _UNREAD.where(_COLUMNS[0] > bindparam("last"))
LATE = _UNREAD.where(_COLUMNS[0].in_(bindparam("gaps", expanding=True)))
"""Made once: every confirmation asks what is new. There are at most ``MOST_GAPS`` gaps."""


class LinkBook:
    """Answers questions about links.

    ``db`` has its own connections: a question that is asked inside of a transaction never waits for a connection
    that only other such questions could give back.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        settings = LinkSettings(walk_seconds=int(KEPT.total_seconds()))
        self._indexes = {mode: LinkIndex(settings) for mode in MODES}
        self._turn = threading.Lock()
        self._last = 0
        self._gaps: dict[int, datetime] = {}
        self._tidied: date | None = None

    def features(self, *, mode: Mode, shopper_id: str, links: Iterable[Link], at: datetime) -> LinkFeatures:
        """What the links say about an application, by all that is committed now. Raises ``DatabaseUnavailable``."""
        with self._turn:
            with self._db.read() as tx:
                self._catch_up(tx)
            return self._indexes[mode].features(shopper_id, links, int(at.timestamp()))

    def load_in_background(self) -> threading.Thread:
        """Start reading what is there and return the thread; a question meanwhile waits for it."""
        thread = threading.Thread(target=self._load, name="links-load", daemon=True)
        thread.start()
        return thread

    def _load(self) -> None:
        with self._turn, self._db.read() as tx:
            self._catch_up(tx)
        gc.freeze()  # what was read stays: a full collection would walk over all of it, for the better part of a second

    def _catch_up(self, tx: Transaction) -> None:
        self._forget_old(tx.wall)
        while rows := self._unread(tx):
            for row in rows:
                self._take(row)
            for mode, index in self._indexes.items():
                index.forget_applicants(
                    {row.shopper_id for row in rows if row.kind == "erased" and row.mode == mode}
                )
            self._follow([row.position for row in rows], tx.wall)
            if len(rows) < BATCH:
                break
        self._gaps = {gap: since for gap, since in self._gaps.items() if since > tx.wall - GAP_LIFE}

    def _unread(self, tx: Transaction) -> list[Any]:
        # Two questions, not one with OR: for that SQLite would walk over the whole table.
        late = list(tx.execute(LATE, {"gaps": list(self._gaps), "most": BATCH})) if self._gaps else []
        return late + list(tx.execute(BEHIND, {"last": self._last, "most": BATCH - len(late)}))

    def _follow(self, positions: list[int], now: datetime) -> None:
        """Remember how far was read, and which positions are missing on the way."""
        for position in positions:
            self._gaps.pop(position, None)
        newest = max(self._last, positions[-1])
        missing = set(range(max(self._last + 1, newest - MOST_GAPS), newest)) - set(positions)
        self._gaps |= dict.fromkeys(missing, now)
        self._last = newest
        self._gaps = {gap: since for gap, since in self._gaps.items() if gap >= newest - MOST_GAPS}

    def _take(self, row: Any) -> None:
        index, at = self._indexes[row.mode], int(row.seen_at.timestamp())
        if row.kind in ("bad", "good"):
            index.label(row.shopper_id, row.kind == "bad", at)
        elif row.kind != "erased":
            index.observe(Edge(row.shopper_id, Link(row.kind, row.value_lookup), at))

    def _forget_old(self, now: datetime) -> None:
        """Once a day: memory keeps nothing longer than the table does."""
        if self._tidied != now.date():
            self._tidied = now.date()
            for index in self._indexes.values():
                index.forget(int((now - KEPT).timestamp()))
