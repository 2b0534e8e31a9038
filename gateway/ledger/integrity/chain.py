"""The hash chain: every entry gets a place in it and a hash of all that the tables say of it, block after block.

A change that keeps count, sum and gross of an entry passes every other check; here it does not recompute. Blocks are
written in the background, so that posting never waits. What the chain cannot show by itself is a tail cut off
together with its head: for that, it is signed every few minutes (``gateway.roots``), and roots are kept elsewhere.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Row, func, insert, select, text
from sqlalchemy.pool import Pool

from gateway.db.transactions import Database, Transaction
from gateway.ledger.models import BLOCK, ENTRY, HEAD, LINK
from gateway.roots.chains import Chain, Head

log = logging.getLogger("gateway.ledger.chain")

ENTRIES_A_BLOCK = 1_000
LATEST_COMMIT = timedelta(days=1)
"""An entry commits within this time of getting its id, or verify wonders."""
LOOKED_BACK = timedelta(minutes=10)
"""So far a search in the background looks back: no transaction of the server lasts so long."""
ENTRIES_A_ROUND = 10_000
"""So many older entries are searched each time beside, in turn: some got their ids from a clock that went wrong."""

NO_HASH = "0" * 64
ENTRY_COLUMNS = (
    "id",
    "mode",
    "kind",
    "key",
    "request_sha256",
    "reverses",
    "merchant_id",
    "object_type",
    "object_id",
    "effective_date",
    "recorded_at",
)
SEAL_COLUMNS = ("entry_id", "lines", "gross")
POSTING_COLUMNS = ("entry_id", "line", "account_id", "amount", "object_id")

_round: WeakKeyDictionary[Pool, str] = WeakKeyDictionary()
"""The entry up to which this process has searched the book in its present round, by database."""


@dataclass(frozen=True, slots=True)
class Content:
    """What the tables say of one entry: its hash, and the first digits of the hash of each part of it."""

    entry_id: str
    sha256: str
    parts: str

    @classmethod
    def of(cls, entry_id: str, *parts: str) -> Content:
        """From the canonical texts of the entry's row, its seal, and its postings (one a line of text)."""
        whole = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        entry, seal, postings = parts
        lines = postings.split("\n") if postings else []
        digits = (_sha256(part)[:8] for part in (entry, seal, *lines))
        return cls(entry_id, whole, " ".join(digits))


def extend(db: Database) -> int:
    """Chain the entries that are in no block yet; returns how many. Safe to run twice, late or in parallel.

    It costs the same however long the book is. Entries are read outside of the writing transaction, so that those who
    post are never in its way.
    """
    with db.read() as tx:
        after = _search_from(tx.connection())
        start, end = _next_of_round(tx.connection())
    return _chain(db, start, end) + _chain(db, after, "")


def _chain(db: Database, after: str, until: str) -> int:
    """Chain what is in no block of the entries behind ``after`` and, where it is named, up to ``until``."""
    chained = 0
    while True:
        with db.read() as tx:
            head = head_of(tx.connection())
            contents = _unchained(tx.connection(), after, until)
        if not contents:
            break
        if db.write(partial(_append, head=head, contents=contents)):
            chained += len(contents)
            after = contents[-1].entry_id
    if chained:
        log.info("the chain of the ledger ends at %d:%s", head.number, head.hash)
    return chained


def head_of(connection: Connection) -> Row[Any, Any, Any]:
    """Number, hash and last position of the last block; 0, zeros and 0 before the first, and where the row is gone."""
    none_yet = {"number": 0, "hash": NO_HASH, "position": 0}
    columns = (func.coalesce(func.max(HEAD.c[name]), first).label(name) for name, first in none_yet.items())
    return connection.execute(select(*columns)).one()


def content_query(connection: Connection) -> tuple[str, str, str]:
    """SQL of the canonical texts of an entry of ``ledger_entry e``, of its seal and of its postings.

    Every column, each as its length and its text, which no other row of columns can spell; the same on both databases.
    """
    sqlite = connection.dialect.name == "sqlite"
    lines = _canonical("p", POSTING_COLUMNS, sqlite)
    of_entry = "FROM ledger_posting p WHERE p.entry_id = e.id"
    postings = (
        f"(SELECT group_concat(line, char(10)) FROM (SELECT {lines} AS line {of_entry} ORDER BY p.line))"
        if sqlite
        else f"(SELECT string_agg({lines}, chr(10) ORDER BY p.line) {of_entry})"
    )
    seal = f"(SELECT {_canonical('s', SEAL_COLUMNS, sqlite)} FROM ledger_seal s WHERE s.entry_id = e.id)"
    return _canonical("e", ENTRY_COLUMNS, sqlite), f"coalesce({seal}, '')", f"coalesce({postings}, '')"


def block_hash(block: Mapping[Any, Any]) -> str:
    """SHA-256 over what a block states, the block before it included."""
    created_at = block["created_at"].astimezone(UTC).isoformat(timespec="microseconds")
    stated = (block[name] for name in ("number", "first_position", "last_position", "entries"))
    return _sha256(" ".join(map(str, (*stated, block["content_sha256"], block["previous_hash"], created_at))))


def link_text(position: int, content: Content) -> bytes:
    """What a block's content hash covers of one entry."""
    return f"{position} {content.entry_id} {content.sha256} {content.parts}\n".encode()


def _append(tx: Transaction, *, head: Row[Any, Any, Any], contents: Sequence[Content]) -> bool:
    """Write one block after ``head``; False when another writer was faster."""
    connection = tx.connection()
    if head_of(connection) != head:
        return False
    number, first = head.number + 1, head.position + 1
    running = hashlib.sha256()
    links = []
    for position, content in enumerate(contents, start=first):
        running.update(link_text(position, content))
        links.append(
            {
                "position": position,
                "block": number,
                "entry_id": content.entry_id,
                "entry_sha256": content.sha256,
                "parts": content.parts,
            }
        )
    block = {
        "number": number,
        "first_position": first,
        "last_position": head.position + len(links),
        "entries": len(links),
        "content_sha256": running.hexdigest(),
        "previous_hash": head.hash,
        "created_at": tx.now,
    }
    block["hash"] = block_hash(block)
    connection.execute(insert(LINK), links)
    connection.execute(insert(BLOCK), block)
    return True


def _unchained(connection: Connection, after: str, until: str) -> list[Content]:
    """Contents of the next entries without a place in the chain, in the order of their ids."""
    query = f"""SELECT e.id, {", ".join(content_query(connection))} FROM ledger_entry e
                 WHERE e.id > :after {"AND e.id <= :until" if until else ""}
                   AND NOT EXISTS (SELECT 1 FROM ledger_link l WHERE l.entry_id = e.id)
                 ORDER BY e.id LIMIT {ENTRIES_A_BLOCK}"""
    return [Content.of(*row) for row in connection.execute(text(query), {"after": after, "until": until})]


def _search_from(connection: Connection) -> str:
    """The entry after which to search: it was chained a while before the last block was closed."""
    head = connection.execute(select(BLOCK.c.created_at).order_by(BLOCK.c.number.desc()).limit(1)).scalar()
    if head is None:
        return ""
    query = (
        select(LINK.c.entry_id)
        .join(BLOCK, BLOCK.c.last_position == LINK.c.position)
        .where(BLOCK.c.created_at < head - LOOKED_BACK)
        .order_by(BLOCK.c.number.desc())
        .limit(1)
    )
    return str(connection.execute(query).scalar() or "")


def _next_of_round(connection: Connection) -> tuple[str, str]:
    """The next part of the book to search, and go on behind it; behind the newest entry a new round begins."""
    pool = connection.engine.pool
    start = _round.get(pool, "")
    part = select(ENTRY.c.id).where(ENTRY.c.id > start).order_by(ENTRY.c.id).limit(ENTRIES_A_ROUND)
    ids = part.subquery()
    end, number = connection.execute(select(func.max(ids.c.id), func.count()).select_from(ids)).one()
    _round[pool] = end if number == ENTRIES_A_ROUND else ""
    return start, end or ""


def _canonical(table: str, columns: Iterable[str], sqlite: bool) -> str:
    return " || ".join(_canonical_column(f"{table}.{name}", name, sqlite) for name in columns)


def _canonical_column(column: str, name: str, sqlite: bool) -> str:
    if sqlite:
        column = f"CAST({column} AS TEXT)"
    elif name == "recorded_at":
        column = f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24\\:MI\\:SS.US"Z"')"""
    elif name == "effective_date":
        column = f"to_char({column}, 'YYYY-MM-DD')"
    else:
        column = f"CAST({column} AS text)"
    return f"coalesce(length({column}) || '\\:' || {column}, '-')"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _signable_head(tx: Transaction) -> Head:
    """The last block that is there, whatever the row of the head says."""
    query = select(BLOCK.c.number, BLOCK.c.hash).order_by(BLOCK.c.number.desc()).limit(1)
    last = tx.connection().execute(query).one_or_none()
    return Head(*last) if last is not None else Head(0, NO_HASH)


def _hash_at(tx: Transaction, number: int) -> str | None:
    found: str | None = tx.connection().execute(select(BLOCK.c.hash).where(BLOCK.c.number == number)).scalar()
    return found


CHAIN = Chain("ledger", "the chain of the ledger", "block", _signable_head, _hash_at)
"""What the roots of the ledger are about."""
