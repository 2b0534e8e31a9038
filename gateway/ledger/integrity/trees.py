"""Trees over the chain: each covers the entries chained since the one before, and proves one of them in a few hashes.

A block of the chain proves an entry only together with its thousand neighbours. A tree is made every hour in which
something was chained, and as soon as a merchant's batch has closed, so that its statement can be proved. Trees are
a chain themselves, whose head is signed like the others (``gateway.roots``): whoever holds one signed head and the
trees up to it can check any proof without asking us (``settlement.statements``).
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, exists, insert, select, text
from sqlalchemy import bindparam as bound

from gateway.core import merkle
from gateway.db.parts import in_parts
from gateway.db.transactions import Database, Transaction
from gateway.ledger.integrity.chain import NO_HASH, content_query, head_of
from gateway.ledger.models import ENTRY, LINK, TREE
from gateway.roots.chains import Chain, Head

log = logging.getLogger("gateway.ledger.trees")

EVERY = timedelta(hours=1)
AT_ONCE = ("settlement", "payout_instructed")
"""Kinds of entry after which the next tree does not wait for its hour: a batch has closed."""
LINKS_A_PAGE = 8 * merkle.CHUNK
HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Tree:
    """The entries at ``first`` to ``last`` of the chain, under one root; ``hash`` also binds the tree before it."""

    number: int
    first: int
    last: int
    root: str
    previous_hash: str
    created_at: datetime
    hash: str
    chunks: bytes
    """The roots of each ``merkle.CHUNK`` leaves, 32 bytes each."""

    @property
    def size(self) -> int:
        """How many entries it covers."""
        return self.last - self.first + 1

    @property
    def chunk_hashes(self) -> list[bytes]:
        """``chunks``, parted."""
        return [self.chunks[at : at + HASH_BYTES] for at in range(0, len(self.chunks), HASH_BYTES)]


@dataclass(frozen=True, slots=True)
class Proven:
    """An entry as the tables tell it, and the way from its hash to the root of a tree."""

    tree: int
    position: int
    """Its place in the chain."""
    path: list[bytes]
    content: tuple[str, str, str]
    """Its row, its seal and its lines in the canonical text that is hashed (see ``chain.content_query``)."""


def grow(db: Database, *, at_once: bool = False) -> Tree | None:
    """Make the next tree where it is time, or ``at_once``; None when there is nothing new, or another was faster.

    Chained entries only: those without a place go into a later tree. Nothing is held while leaves are read.
    """
    with db.read() as tx:
        connection = tx.connection()
        before, end = _newest(connection), head_of(connection).position
        first = (before.last if before else 0) + 1
        if end < first or not (at_once or _is_due(tx, before, first)):
            return None
        chunks = list(merkle.chunks(_leaves(connection, first, end)))
        now = tx.wall
    number, previous = (before.number + 1, before.hash) if before else (1, NO_HASH)
    root = merkle.root(chunks).hex()
    stated = tree_hash(number, first, end, root, previous, now)
    tree = Tree(number, first, end, root, previous, now, stated, b"".join(chunks))

    def keep(tx: Transaction) -> Tree | None:
        connection = tx.connection()
        if _newest(connection) != before:
            return None
        connection.execute(insert(TREE), _row(tree))
        return tree

    kept = db.write(keep)
    if kept is not None:
        log.info("tree %d of the ledger covers entries %d to %d", tree.number, tree.first, tree.last)
    return kept


def tree_hash(number: int, first: int, last: int, root: str, previous: str, created_at: datetime) -> str:
    """SHA-256 over what a tree states, the tree before it included."""
    moment = created_at.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(f"{number} {first} {last} {root} {previous} {moment}".encode()).hexdigest()


def between(tx: Transaction, first: int, last: int) -> list[Tree]:
    """The trees of these numbers, both included."""
    query = select(TREE).where(TREE.c.number.between(first, last)).order_by(TREE.c.number)
    return [_tree(row) for row in tx.connection().execute(query).mappings()]


def prove(tx: Transaction, entry_ids: Iterable[str]) -> dict[str, Proven]:
    """The proofs of entries, by entry; those that no tree covers yet are left out."""
    connection = tx.connection()
    positions = {
        row.entry_id: row.position
        for part in in_parts(sorted(set(entry_ids)))
        for row in connection.execute(
            select(LINK.c.entry_id, LINK.c.position).where(LINK.c.entry_id.in_(part))
        )
    }
    covering = _covering(connection, positions.values())
    trees = {position: tree for tree, covered in covering for position in covered}
    contents = dict(_contents(connection, [one for one, at in positions.items() if at in trees]))
    by_chunk: dict[tuple[int, int], list[str]] = defaultdict(list)
    for entry_id, position in positions.items():
        if position in trees:
            tree = trees[position]
            by_chunk[tree.number, (position - tree.first) // merkle.CHUNK].append(entry_id)
    found: dict[str, Proven] = {}
    for (_, chunk), entries in by_chunk.items():
        tree = trees[positions[entries[0]]]
        first = tree.first + chunk * merkle.CHUNK
        lower = merkle.levels(list(_leaves(connection, first, min(first + merkle.CHUNK - 1, tree.last))))
        upper = merkle.path(tree.chunk_hashes, chunk)
        for entry_id in entries:
            position = positions[entry_id]
            way = merkle.path_in(lower, position - first) + upper
            found[entry_id] = Proven(tree.number, position, way, contents[entry_id])
    return found


def stored(connection: Connection) -> Iterator[Tree]:
    """All trees, in order, one at a time."""
    number: int | None = 0
    while number is not None:
        query = select(TREE).where(TREE.c.number > number).order_by(TREE.c.number).limit(1)
        row = connection.execute(query).mappings().one_or_none()
        number = row["number"] if row is not None else None
        if row is not None:
            yield _tree(row)


def chunks_of(connection: Connection, tree: Tree) -> bytes:
    """The chunks of a tree, computed from the chain as it stands."""
    return b"".join(merkle.chunks(_leaves(connection, tree.first, tree.last)))


def _is_due(tx: Transaction, before: Tree | None, first: int) -> bool:
    if before is None or not timedelta() <= tx.wall - before.created_at < EVERY:
        return True  # a clock that went back waits for nothing
    query = select(
        exists().where(LINK.c.position >= first, ENTRY.c.id == LINK.c.entry_id, ENTRY.c.kind.in_(AT_ONCE))
    )
    return bool(tx.connection().execute(query).scalar())


def _leaves(connection: Connection, first: int, last: int) -> Iterator[bytes]:
    for start in range(first, last + 1, LINKS_A_PAGE):
        query = (
            select(LINK.c.entry_sha256)
            .where(LINK.c.position.between(start, min(start + LINKS_A_PAGE - 1, last)))
            .order_by(LINK.c.position)
        )
        for sha256 in connection.execute(query).scalars():
            yield merkle.leaf_hash(bytes.fromhex(sha256))


def _covering(connection: Connection, positions: Iterable[int]) -> list[tuple[Tree, Sequence[int]]]:
    """The trees over these places of the chain, each with those of them that it covers."""
    rest = sorted(set(positions))
    found: list[tuple[Tree, Sequence[int]]] = []
    while rest:
        query = select(TREE).where(TREE.c.last_position >= rest[0]).order_by(TREE.c.number).limit(1)
        row = connection.execute(query).mappings().one_or_none()
        if row is None:
            break
        tree = _tree(row)
        covered = [position for position in rest if tree.first <= position <= tree.last]
        found.append((tree, covered))
        rest = [position for position in rest if position > tree.last]
    return found


def _contents(connection: Connection, entry_ids: Sequence[str]) -> Iterator[tuple[str, tuple[str, str, str]]]:
    query = text(
        f"SELECT e.id, {', '.join(content_query(connection))} FROM ledger_entry e WHERE e.id IN :ids"
    ).bindparams(bound("ids", expanding=True))
    for part in in_parts(entry_ids):
        for entry_id, row, seal, lines in connection.execute(query, {"ids": list(part)}):
            yield entry_id, (row, seal, lines)


def _newest(connection: Connection) -> Tree | None:
    query = select(TREE).order_by(TREE.c.number.desc()).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return _tree(row) if row is not None else None


def _tree(row: RowMapping | Mapping[str, Any]) -> Tree:
    return Tree(
        row["number"],
        row["first_position"],
        row["last_position"],
        row["root"],
        row["previous_hash"],
        row["created_at"],
        row["hash"],
        bytes(row["chunks"]),
    )


def _row(tree: Tree) -> dict[str, Any]:
    return {
        "number": tree.number,
        "first_position": tree.first,
        "last_position": tree.last,
        "root": tree.root,
        "chunks": tree.chunks,
        "previous_hash": tree.previous_hash,
        "created_at": tree.created_at,
        "hash": tree.hash,
    }


def _head(tx: Transaction) -> Head:
    newest = _newest(tx.connection())
    return Head(newest.number, newest.hash) if newest is not None else Head(0, NO_HASH)


def _hash_at(tx: Transaction, number: int) -> str | None:
    found: str | None = tx.connection().execute(select(TREE.c.hash).where(TREE.c.number == number)).scalar()
    return found


TREES = Chain("trees", "the chain of the ledger's trees", "tree", _head, _hash_at)
"""What the roots of trees are about."""
