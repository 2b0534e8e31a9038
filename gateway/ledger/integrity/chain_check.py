"""Recomputing the hash chain: which entry, or else which block, is no longer what was chained.

One walk over blocks and links in order, page by page, so that a book of any size takes the same memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, exists, func, select, text

from gateway.db.progress import Progress, silent
from gateway.ledger.integrity.chain import (
    LATEST_COMMIT,
    NO_HASH,
    Content,
    block_hash,
    content_query,
    head_of,
    link_text,
)
from gateway.ledger.integrity.checks import Check
from gateway.ledger.models import BLOCK, ENTRY, LINK

ROWS_A_PAGE = 1_000
BEFORE_ALL = -(2**63)


@dataclass(frozen=True, slots=True)
class ChainState:
    """How far the chain reaches: its blocks, the entries in it and not yet in it, and its head (number:hash)."""

    blocks: int
    chained: int
    not_chained: int
    head: str


@dataclass(slots=True)
class _Rule:
    """A rule of the chain and what breaks it: how much, and the first."""

    name: str
    says: str
    names: str
    broken: int = 0
    first: str | None = None
    detail: str = ""

    def broken_by(self, what: object, detail: str) -> None:
        self.broken += 1
        if self.first is None:
            self.first, self.detail = str(what), detail

    def check(self) -> Check:
        return Check(self.name, self.says, not self.broken, self.broken, self.names, self.first, self.detail)


@dataclass(slots=True)
class _Walk:
    """The rules of the chain, and where the walk along it stands."""

    entries: _Rule = field(
        default_factory=lambda: _Rule(
            "chain_entries", "every entry is what it was when it was chained", "entry"
        )
    )
    blocks: _Rule = field(
        default_factory=lambda: _Rule(
            "chain_blocks", "every block is as it was closed and follows the one before, to the head", "block"
        )
    )
    in_time: _Rule = field(
        default_factory=lambda: _Rule(
            "chain_in_time", "no entry entered the books more than a day after it was recorded", "entry"
        )
    )
    number: int = 0
    hash: str = NO_HASH
    position: int = 0
    cutoff: str = ""
    """An entry that is chained now and was recorded before this moment should have been chained earlier."""


def state(connection: Connection) -> ChainState:
    """How far the chain reaches, by counting."""
    head = head_of(connection)
    chained = select(func.count()).select_from(LINK).scalar_subquery()
    waiting = select(func.count()).select_from(ENTRY).where(_not_chained()).scalar_subquery()
    blocks = select(func.count()).select_from(BLOCK).scalar_subquery()
    found = connection.execute(select(blocks, chained, waiting)).one()
    return ChainState(*found, head=f"{head.number}:{head.hash}")


def checks(connection: Connection, progress: Progress = silent) -> list[Check]:
    """Recompute the chain from its first block to its head; reads every entry, posting and seal that is chained."""
    walk = _Walk()
    total = head_of(connection).position
    links = _links(connection)
    link = next(links, None)
    for block in _blocks(connection):
        _check_block(walk, block)
        running = hashlib.sha256()
        while link is not None and link["position"] <= block["last_position"]:
            running.update(_checked_link(walk, link, block))
            if link["position"] % ROWS_A_PAGE == 0:
                progress("hash chain", link["position"], total)
            link = next(links, None)
        if running.hexdigest() != block["content_sha256"]:
            walk.blocks.broken_by(block["number"], "its list of entries was changed")
        _step(walk, block)
    while link is not None:
        walk.entries.broken_by(link["entry_id"], f"stands at {link['position']}, behind the last block")
        link = next(links, None)
    _check_head(connection, walk)
    _check_waiting(connection, walk)
    return [rule.check() for rule in (walk.entries, walk.blocks, walk.in_time)]


def _check_block(walk: _Walk, block: RowMapping) -> None:
    number = block["number"]
    if number != walk.number + 1:
        walk.blocks.broken_by(number, f"block {walk.number + 1} before it is missing")
    elif block["previous_hash"] != walk.hash:
        walk.blocks.broken_by(number, f"it does not follow block {walk.number} as it is now")
    elif block["first_position"] != walk.position + 1:
        walk.blocks.broken_by(number, f"it begins at {block['first_position']}, not at {walk.position + 1}")
    if block_hash(block) != block["hash"]:
        walk.blocks.broken_by(number, "it was changed after it was closed")


def _step(walk: _Walk, block: RowMapping) -> None:
    walk.number, walk.hash, walk.position = block["number"], block["hash"], block["last_position"]
    walk.cutoff = _moment(block["created_at"] - LATEST_COMMIT)


def _checked_link(walk: _Walk, link: RowMapping, block: RowMapping) -> bytes:
    """Check the entry of a link; returns what the block's content hash covers of it."""
    chained = Content(link["entry_id"], link["entry_sha256"], link["parts"])
    if link["block"] != block["number"] or link["position"] < block["first_position"]:
        walk.entries.broken_by(
            chained.entry_id, f"is listed in block {link['block']}, which was closed without it"
        )
    if link["id"] is None:
        walk.entries.broken_by(chained.entry_id, "is gone")
        return link_text(link["position"], chained)
    found = Content.of(link["id"], link["entry"], link["seal"], link["postings"])
    if found.sha256 != chained.sha256:
        walk.entries.broken_by(chained.entry_id, _difference(chained, found, link["postings"]))
    elif link["entry"][-len(walk.cutoff) :] < walk.cutoff:  # its last column is recorded_at
        walk.in_time.broken_by(chained.entry_id, f"is in block {block['number']}, closed days later")
    return link_text(link["position"], chained)


def _check_head(connection: Connection, walk: _Walk) -> None:
    head = head_of(connection)
    if (head.number, head.hash, head.position) == (walk.number, walk.hash, walk.position):
        return
    if head.number > walk.number:
        detail = f"the chain is cut off after block {walk.number}, it had {head.number} with {head.position} entries"
    else:
        detail = f"the chain ends at block {walk.number}, which is not its head"
    walk.blocks.broken_by(head.number, detail)


def _check_waiting(connection: Connection, walk: _Walk) -> None:
    """Entries without a place in the chain are new, unless somebody dated them back."""
    if not walk.cutoff:
        return
    late = select(func.count(), func.min(ENTRY.c.id)).where(
        _not_chained(), ENTRY.c.recorded_at < datetime.fromisoformat(walk.cutoff)
    )
    count, first = connection.execute(late).one()
    if count:
        walk.in_time.broken_by(first, f"is in no block, though block {walk.number} was closed days later")
        walk.in_time.broken += count - 1


def _difference(chained: Content, stored: Content, postings: str) -> str:
    """Which parts of an entry are not what they were, and how its first changed line now reads."""
    then, now = chained.parts.split(), stored.parts.split()
    changed = [place for place, digits in enumerate(then[: len(now)]) if digits != now[place]]
    words = [{0: "its row", 1: "its seal"}.get(place, f"line {place - 1}") for place in changed]
    if len(now) != len(then):
        return f"has {len(now) - 2} lines, had {len(then) - 2}"
    lines = [place - 2 for place in changed if place > 1]
    if not lines:
        return f"{', '.join(words) or 'it'} was changed"
    _, _, account, amount, about = _fields(postings.split("\n")[lines[0]])
    return f"{', '.join(words)} changed: now {amount} fen on {account} about {about}"


def _fields(canonical: str) -> Iterator[str]:
    """The columns of a canonical text of a posting: each its length, a colon, and itself."""
    while canonical:
        length, _, rest = canonical.partition(":")
        yield rest[: int(length)]
        canonical = rest[int(length) :]


def _blocks(connection: Connection) -> Iterator[RowMapping]:
    after = BEFORE_ALL
    while page := (
        connection.execute(
            select(BLOCK).where(BLOCK.c.number > after).order_by(BLOCK.c.number).limit(ROWS_A_PAGE)
        )
        .mappings()
        .all()
    ):
        yield from page
        after = page[-1]["number"]


def _links(connection: Connection) -> Iterator[RowMapping]:
    """The links in order, each with the canonical texts of its entry as it now is."""
    entry, seal, postings = content_query(connection)
    query = text(
        f"""SELECT l.position, l.block, l.entry_id, l.entry_sha256, l.parts, e.id,
                   {entry} AS entry, {seal} AS seal, {postings} AS postings
              FROM ledger_link l LEFT JOIN ledger_entry e ON e.id = l.entry_id
             WHERE l.position > :after ORDER BY l.position LIMIT {ROWS_A_PAGE}"""
    )
    after = BEFORE_ALL
    while page := connection.execute(query, {"after": after}).mappings().all():
        yield from page
        after = page[-1]["position"]


def _not_chained() -> Any:
    return ~exists().where(LINK.c.entry_id == ENTRY.c.id)


def _moment(moment: datetime) -> str:
    """As the canonical text of an entry ends."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
