"""Posting to the ledger, reversing, and the balances of accounts. The only place that inserts ledger rows."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import Pool

from gateway.core.calendar import shanghai_date
from gateway.core.closed_months import open_day
from gateway.core.tenant import Mode, Tenant
from gateway.db import keyed, turns
from gateway.db.parts import in_parts
from gateway.db.transactions import Transaction
from gateway.errors import Conflict, NotFound
from gateway.ledger.booking.accounts import CHART, MERCHANT_KINDS, account_id, on_normal_side
from gateway.ledger.booking.postings import Entries, Event, Line
from gateway.ledger.booking.writing import Fact, write_many
from gateway.ledger.models import ACCOUNT, ENTRY, LATE, POSTING
from gateway.ledger.reports import statements as reports
from gateway.ledger.reports.own_side import OwnEntry, own_entries, own_sums
from gateway.ledger.reports.statements import Booked, MerchantLine, all_lines_of, entries_about, lines_of

__all__ = [
    "AlreadyReversed",
    "Booked",
    "Event",
    "KeyConflict",
    "MerchantLine",
    "OwnEntry",
    "all_lines_of",
    "balance_of",
    "balances",
    "book",
    "book_many",
    "book_together",
    "entries_about",
    "kinds_of",
    "line_view",
    "lines_of",
    "lock_accounts",
    "own_entries",
    "own_sums",
    "reverse",
    "unwindings_of",
]

WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,199}")
"""Keys and object identifiers: they stand unquoted in journals and reports."""

HELD = "merchants whose accounts are locked"
EVENTS_AT_ONCE = 500
"""Entries in one statement: more gain nothing, and their lists of keys stay far below SQLite's limit."""

Slot = tuple[Mode, str]
"""Mode and business key: unique in the books."""
Identity = tuple[str, str]
"""An entry's id and the SHA-256 of its request."""

_known_accounts: WeakKeyDictionary[Pool, set[str]] = WeakKeyDictionary()
"""Accounts seen committed, by database: an account never changes and never goes, so it is looked up once."""


class KeyConflict(Conflict):
    """A business key was posted before for another request: the same event cannot have happened twice differently."""

    code, title = "ledger_key_conflict", "The event is already in the books with different content"


class AlreadyReversed(Conflict):
    """The entry was reversed before, or is itself a reversal: neither is reversed again."""

    code, title = "ledger_already_reversed", "The entry cannot be reversed"


def book(tx: Transaction, tenant: Tenant, event: Event) -> str:
    """Write one entry and seal it; returns its id. The same event again returns the first entry's id.

    Raises ``KeyConflict`` for a known key of another event, ``ValueError`` for what cannot be an entry.
    """
    return _booked_each(tx, tenant, [event])[0]


def book_together(tx: Transaction, tenant: Tenant, events: Sequence[Event]) -> list[str]:
    """Write the few entries of one step; returns their ids in the order given.

    Raises what ``book`` raises, and then the transaction must end: some may be written.
    """
    return _booked_each(tx, tenant, events)


def book_many(tx: Transaction, tenant: Tenant, events: Sequence[Event]) -> list[str]:
    """Write many entries in a few statements; returns their ids in the order given.

    Each event ends as ``book`` would end it, a key given twice included. Raises what ``book`` raises, then none is
    written, even when the caller goes on with the transaction.
    """
    ids: list[str] = []
    if not events:
        return ids
    with tx.connection().begin_nested():
        for start in range(0, len(events), EVENTS_AT_ONCE):
            ids += _booked_each(tx, tenant, events[start : start + EVENTS_AT_ONCE])
    return ids


def reverse(tx: Transaction, entry_id: str, *, key: str, effective_date: date | None = None) -> str:
    """Cancel an entry by its opposite, dated today in Shanghai unless said otherwise; returns the reversal's id.

    The same key again returns the first reversal. Raises ``NotFound``; ``AlreadyReversed`` when the entry has a
    reversal under another key or is one; ``KeyConflict`` when the key belongs to something else.
    """
    connection = tx.connection()
    entry = connection.execute(select(ENTRY).where(ENTRY.c.id == entry_id)).one_or_none()
    if entry is None:
        raise NotFound(f"There is no ledger entry {entry_id!r}.")
    earlier = connection.execute(select(ENTRY.c.key).where(ENTRY.c.reverses == entry_id)).scalar_one_or_none()
    if entry.reverses is not None or (earlier is not None and earlier != key):
        which = f"reverses {entry.reverses}" if entry.reverses else "was reversed before"
        raise AlreadyReversed(f"The entry {entry_id} {which}. Post the event again instead.")
    rows = connection.execute(
        select(ACCOUNT.c.kind, ACCOUNT.c.owner, POSTING.c.amount, POSTING.c.object_id)
        .join(ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id)
        .where(POSTING.c.entry_id == entry_id)
        .order_by(POSTING.c.line)
    )
    lines = Entries(tuple(Line(*row) for row in rows)).opposite()
    kind = f"{entry.kind}_reversed"
    _check_names(kind, entry.object_type, key, entry.object_id, lines)
    reversal = {
        "id": tx.new_id("ent"),
        "mode": entry.mode,
        "kind": kind,
        "key": key,
        "request_sha256": _fingerprint([kind, entry_id]),
        "reverses": entry_id,
        "merchant_id": entry.merchant_id,
        "object_type": entry.object_type,
        "object_id": entry.object_id,
        "effective_date": effective_date or shanghai_date(tx.now),
        "recorded_at": tx.now,
    }
    return _once_each(tx, [(reversal, lines)])[0]


def kinds_of(tx: Transaction, tenant: Tenant, entry_ids: Collection[str]) -> dict[str, str]:
    """The kinds of the merchant's entries among these, by their ids."""
    own = (ENTRY.c.merchant_id == tenant.merchant_id, ENTRY.c.mode == tenant.mode)
    found: dict[str, str] = {}
    for part in in_parts(sorted(set(entry_ids))):
        query = select(ENTRY.c.id, ENTRY.c.kind).where(ENTRY.c.id.in_(part), *own)
        found |= {row.id: row.kind for row in tx.connection().execute(query)}
    return found


def unwindings_of(
    tx: Transaction, tenant: Tenant, loans: Iterable[tuple[str, Collection[str]]]
) -> dict[str, list[str]]:
    """By drawdown the entries that unwound its loan, in the order of their ids.

    A loan is given by the entry of its drawdown and those of its refunds. Entries that unwound it are the reversals of
    all that was booked of it or of its refunds, and the move of the claims to where they stand today.
    """
    refunds = {refund: drawdown for drawdown, of_loan in loans for refund in of_loan}
    drawdowns = {drawdown for drawdown, _ in loans}
    found: dict[str, set[str]] = {drawdown: set() for drawdown in drawdowns}
    for drawdown, entry in reports.reversals_of_loans(tx, tenant, drawdowns):
        found[drawdown].add(entry)
    for refund, entry in reports.reversals_of(tx, tenant, refunds):
        found[refunds[refund]].add(entry)
    return {drawdown: sorted(entries) for drawdown, entries in found.items()}


def balances(tx: Transaction, tenant: Tenant, kinds: Sequence[str] = MERCHANT_KINDS) -> dict[str, int]:
    """Balance of the merchant's accounts by kind, in fen, positive on its normal side.

    All lines of an account are added up, and what is pending has some of each payment: name the kinds that matter.
    """
    names = {account_id(tenant.mode, kind, tenant.merchant_id): kind for kind in kinds}
    found = _signed_balances(tx, names)
    return {kind: on_normal_side(kind, found[name]) for name, kind in names.items()}


def balance_of(tx: Transaction, mode: Mode, kind: str, owner: str = "") -> int:
    """Balance of one account in fen, positive on its normal side; 0 when nothing was ever posted to it."""
    name = account_id(mode, kind, owner)
    return on_normal_side(kind, _signed_balances(tx, [name])[name])


def line_view(row: MerchantLine) -> dict[str, Any]:
    """A line of the merchant's accounts as the API and files show it."""
    return {
        "id": f"{row.entry_id}:{row.line}",
        "kind": row.kind,
        "account": row.account,
        "amount": row.amount_fen,
        "about": row.object_id,
        "payment": row.object_id if row.object_id.startswith("pay_") else None,
        "entry": row.entry_id,
        "effective_date": row.effective_date.isoformat(),
        "value_date": row.value_date.isoformat(),
        "created_at": row.recorded_at,
    }


def lock_accounts(tx: Transaction, tenant: Tenant) -> None:
    """Hold the merchant's accounts until the transaction ends, so that a balance read now stays the basis of a post.

    Who takes from them by what they hold calls it, and who closes a batch; who only adds does not. Accounts are never
    updated, so they are held by name. Not for a SERIALIZABLE transaction, which sees the books as of its first
    statement.
    """
    held: set[Tenant] = tx.info.setdefault(HELD, set())
    if tenant not in held:
        held.add(tenant)
        turns.wait(tx, f"accounts of {tenant.merchant_id} in {tenant.mode} mode")


def _booked_each(tx: Transaction, tenant: Tenant, events: Sequence[Event]) -> list[str]:
    """Write the entries whose key is free; what is late for a closed month is noted. Returns all ids."""
    facts = [_fact(tx, tenant, event) for event in events]
    ids = _once_each(tx, facts)
    late = [
        {"entry_id": entry["id"], "original_date": event.on}
        for (entry, _), event, id in zip(facts, events, ids, strict=True)
        if entry["id"] == id and event.on not in (None, entry["effective_date"])
    ]
    if late:
        keyed.insert(tx, insert(LATE), late)
    return ids


def _day_of(tx: Transaction, lines: Entries, on: date) -> date:
    """The day on which an entry is booked: its own, unless it moves a merchant's claims and that month is closed."""
    if all(CHART[line.kind].owner != "merchant" for line in lines):
        return on
    return open_day(on, shanghai_date(tx.now))


def _fact(tx: Transaction, tenant: Tenant, event: Event) -> Fact:
    """The entry's row and lines. Raises ``ValueError`` for what cannot be an entry."""
    kind, (about_type, about_id), lines = event.kind, event.about, event.lines
    key = event.key or ":".join(filter(None, (kind, about_id, event.part)))
    on = event.on or shanghai_date(tx.now)
    _check_names(kind, about_type, key, about_id, lines)
    _check_owners(tenant, lines)
    request = event.request
    if request is None:
        content: Any = [[line.kind, line.owner, line.amount_fen, line.about] for line in lines]
        request = [on.isoformat(), content]
    entry = {
        "id": tx.new_id("ent"),
        "mode": tenant.mode,
        "kind": kind,
        "key": key,
        "request_sha256": _fingerprint([kind, about_type, about_id, request]),
        "reverses": None,
        "merchant_id": tenant.merchant_id,
        "object_type": about_type,
        "object_id": about_id,
        "effective_date": _day_of(tx, lines, on),
        "recorded_at": tx.now,
    }
    return entry, lines


def _once_each(tx: Transaction, facts: Sequence[Fact]) -> list[str]:
    """Insert the entries whose key is free; returns the ids of those in the books, ours or earlier ones.

    Raises ``KeyConflict`` when one in the books was of another request.
    """
    connection = tx.connection()
    first: dict[Slot, Fact] = {}
    for fact in facts:
        first.setdefault(_slot(fact), fact)
    # Insert first and look only on a conflict: under SERIALIZABLE a look at a free key collides with its neighbours.
    all_open = _accounts_of(first.values()).keys() <= _accounts_known_to(connection)
    known = {} if all_open else _entries_with_keys(connection, first)
    fresh = [fact for slot, fact in first.items() if slot not in known]
    _open_accounts(tx, connection, _accounts_of(fresh))
    written = write_many(connection, fresh)
    ours = (fact for fact in fresh if fact[0]["id"] in written)
    known |= {_slot(fact): (fact[0]["id"], fact[0]["request_sha256"]) for fact in ours}
    known |= _entries_with_keys(connection, first.keys() - known.keys())
    return [_same(fact, known[_slot(fact)]) for fact in facts]


def _same(fact: Fact, known: Identity) -> str:
    """The id of the entry in the books. Raises ``KeyConflict`` when that was of another request."""
    id, request_sha256 = known
    if request_sha256 != fact[0]["request_sha256"]:
        raise KeyConflict(
            f"The ledger key {fact[0]['key']!r} is already used by the entry {id}, which differs."
        )
    return id


def _slot(fact: Fact) -> Slot:
    return fact[0]["mode"], fact[0]["key"]


def _entries_with_keys(connection: Connection, slots: Iterable[Slot]) -> dict[Slot, Identity]:
    keys: dict[Mode, list[str]] = defaultdict(list)
    for mode, key in slots:
        keys[mode].append(key)
    found: dict[Slot, Identity] = {}
    for mode, wanted in keys.items():
        query = select(ENTRY).where(ENTRY.c.mode == mode, ENTRY.c.key.in_(wanted))
        found |= {(mode, row.key): (row.id, row.request_sha256) for row in connection.execute(query)}
    return found


def _accounts_of(facts: Iterable[Fact]) -> dict[str, Line]:
    """A line of each account used, by the account's id."""
    return {
        account_id(entry["mode"], line.kind, line.owner): line for entry, lines in facts for line in lines
    }


def _accounts_known_to(connection: Connection) -> set[str]:
    return _known_accounts.setdefault(connection.engine.pool, set())


def _open_accounts(tx: Transaction, connection: Connection, lines: dict[str, Line]) -> None:
    """Open the accounts that do not exist yet, in the order of their ids, so that two openers never deadlock."""
    rows = [
        {"id": name, "mode": name.partition(":")[0], "kind": lines[name].kind, "owner": lines[name].owner}
        for name in sorted(lines.keys() - _accounts_known_to(connection))
    ]
    if not rows:
        return
    statement = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(ACCOUNT)
    opened: set[str] = tx.info.setdefault("ledger_accounts_opened", set())
    new = statement.on_conflict_do_nothing(index_elements=["id"]).returning(ACCOUNT.c.id)
    opened.update(connection.execute(new, rows).scalars())
    # What this transaction opened may still be rolled back, and so may what others did before in a shared one.
    if not tx.after_others:
        _accounts_known_to(connection).update({row["id"] for row in rows} - opened)


def _signed_balances(tx: Transaction, names: Iterable[str]) -> dict[str, int]:
    found = dict.fromkeys(names, 0)
    query = (
        select(POSTING.c.account_id, func.sum(POSTING.c.amount))
        .where(POSTING.c.account_id.in_(found))
        .group_by(POSTING.c.account_id)
    )
    found.update({name: int(total) for name, total in tx.connection().execute(query)})
    return found


def _check_names(kind: str, about_type: str, key: str, about_id: str, lines: Entries) -> None:
    if len(lines) < 2:
        raise ValueError(f"an entry needs at least two lines, {kind} has {len(lines)}")
    for name in (kind, about_type):
        if not WORD.fullmatch(name):
            raise ValueError(f"{name!r} must be lowercase letters, digits and underscores")
    for name in (key, about_id, *(line.about for line in lines)):
        if not NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is not a valid identifier: use 1 to 200 letters, digits and _ . : / -"
            )


def _check_owners(tenant: Tenant, lines: Entries) -> None:
    for line in lines:
        if CHART[line.kind].owner == "merchant" and line.owner != tenant.merchant_id:
            raise ValueError(f"{line.kind} of {line.owner} in an entry of {tenant.merchant_id}")


def _fingerprint(request: Any) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
