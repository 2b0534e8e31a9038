"""Posting to the ledger, reversing, and the balances of accounts. The only place that inserts ledger rows."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ARRAY, BigInteger, Connection, Row, Text, bindparam, func, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import Pool

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Mode, Tenant
from gateway.db.transactions import Transaction
from gateway.errors import Conflict, NotFound
from gateway.ledger.accounts import CHART, MERCHANT_KINDS, account_id, on_normal_side
from gateway.ledger.models import ACCOUNT, ENTRY, POSTING, SEAL
from gateway.ledger.postings import Entries, Line
from gateway.ledger.statements import Booked, MerchantLine, entries_about, lines_of

__all__ = [
    "AlreadyReversed",
    "Booked",
    "Draft",
    "KeyConflict",
    "MerchantLine",
    "balance_of",
    "balances",
    "entries_about",
    "lines_of",
    "lock_accounts",
    "post",
    "post_many",
    "reverse",
]

WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,199}")
"""Keys and object identifiers: they stand unquoted in journals and reports."""

KEYS_AT_ONCE = 500
NEW_ENTRY = sqlite.insert(ENTRY).on_conflict_do_nothing(index_elements=["mode", "key"])
LEDGER_WRITE = text(
    "SELECT ledger_write(:id, :mode, :kind, :key, :request_sha256, :reverses, :merchant_id, :object_type, :object_id,"
    " :effective_date, :recorded_at, :accounts, :amounts, :objects, :gross)"
).bindparams(
    bindparam("amounts", type_=ARRAY(BigInteger)),
    bindparam("accounts", type_=ARRAY(Text)),
    bindparam("objects", type_=ARRAY(Text)),
)

_known_accounts: WeakKeyDictionary[Pool, set[str]] = WeakKeyDictionary()
"""Accounts seen committed, by database: an account never changes and never goes, so it is looked up once."""


class KeyConflict(Conflict):
    """A business key was posted before for another request: the same event cannot have happened twice differently."""

    code, title = "ledger_key_conflict", "The event is already in the books, differently"


class AlreadyReversed(Conflict):
    """The entry was reversed before, or is itself a reversal: neither is reversed again."""

    code, title = "ledger_already_reversed", "The entry cannot be reversed"


def post(
    tx: Transaction,
    *,
    kind: str,
    key: str,
    tenant: Tenant,
    lines: Entries,
    about_type: str,
    about_id: str,
    effective_date: date,
    request: Any = None,
) -> str:
    """Write one entry and seal it; returns its id. The same key and request again return the first entry's id.

    ``effective_date`` is a Shanghai date. ``request`` is what was asked, as JSON: give it when the lines also depend
    on the state of the books, for then only it tells a repetition from another event; without it the lines do.
    Raises ``KeyConflict`` for a known key with another request, ``ValueError`` for lines that cannot be an entry.
    """
    _check_names(kind, about_type, key, about_id, lines)
    _check_owners(tenant, lines)
    request = _request_of(request, effective_date, lines)
    return _once(
        tx,
        tenant,
        lines,
        kind=kind,
        key=key,
        request_sha256=_fingerprint([kind, about_type, about_id, request]),
        object_type=about_type,
        object_id=about_id,
        effective_date=effective_date,
        reverses=None,
    )


@dataclass(frozen=True, slots=True)
class Draft:
    """One entry to be, for ``post_many``; the fields are the arguments of ``post``."""

    kind: str
    key: str
    tenant: Tenant
    lines: Entries
    about_type: str
    about_id: str
    effective_date: date
    request: Any = None


def post_many(tx: Transaction, drafts: Sequence[Draft]) -> list[str]:
    """Write many entries at once; returns their ids in the order given.

    The same as posting one after the other, but one statement per table and not per entry. Raises what ``post`` raises,
    before anything is written.
    """
    made = [_entry_of(tx, draft) for draft in drafts]
    known = _entries_with_keys(tx.connection(), {(entry["mode"], entry["key"]) for entry in made})
    new: list[tuple[dict[str, Any], Entries]] = []
    for draft, entry in zip(drafts, made, strict=True):
        place = entry["mode"], entry["key"]
        first = known.setdefault(place, (entry["id"], entry["request_sha256"]))
        if first[1] != entry["request_sha256"]:
            raise KeyConflict(
                f"The ledger key {entry['key']!r} is taken by the entry {first[0]}, which differs."
            )
        if first[0] == entry["id"]:
            new.append((entry, draft.lines))
    _write_many(tx, new)
    return [known[entry["mode"], entry["key"]][0] for entry in made]


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
        raise AlreadyReversed(f"The entry {entry_id} {which}. Post the event anew instead.")
    rows = connection.execute(
        select(ACCOUNT.c.kind, ACCOUNT.c.owner, POSTING.c.amount, POSTING.c.object_id)
        .join(ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id)
        .where(POSTING.c.entry_id == entry_id)
        .order_by(POSTING.c.line)
    )
    lines = Entries(tuple(Line(*row) for row in rows)).opposite()
    kind = f"{entry.kind}_reversed"
    _check_names(kind, entry.object_type, key, entry.object_id, lines)
    return _once(
        tx,
        Tenant.of(entry),
        lines,
        kind=kind,
        key=key,
        request_sha256=_fingerprint([kind, entry_id]),
        object_type=entry.object_type,
        object_id=entry.object_id,
        effective_date=effective_date or shanghai_date(tx.now),
        reverses=entry_id,
    )


def balances(tx: Transaction, tenant: Tenant) -> dict[str, int]:
    """Balance of each of the merchant's accounts by kind, in fen, positive on its normal side."""
    names = {account_id(tenant.mode, kind, tenant.merchant_id): kind for kind in MERCHANT_KINDS}
    found = _signed_balances(tx, names)
    return {kind: on_normal_side(kind, found[name]) for name, kind in names.items()}


def balance_of(tx: Transaction, mode: Mode, kind: str, owner: str = "") -> int:
    """Balance of one account in fen, positive on its normal side; 0 when nothing was ever posted to it."""
    name = account_id(mode, kind, owner)
    return on_normal_side(kind, _signed_balances(tx, [name])[name])


def lock_accounts(tx: Transaction, tenant: Tenant, kinds: Iterable[str]) -> None:
    """Hold the merchant's accounts until the transaction ends, so that a balance read now stays the basis of a post.

    Always in the order of their ids, so that two transactions never wait for each other. Nothing to do on SQLite,
    which has one writer. Call it before anything else is read: PostgreSQL sees the books as of its first statement.
    """
    if tx.get_bind().dialect.name == "sqlite":
        return
    names = [account_id(tenant.mode, kind, tenant.merchant_id) for kind in kinds]
    query = select(ACCOUNT.c.id).where(ACCOUNT.c.id.in_(names)).order_by(ACCOUNT.c.id)
    # NO KEY UPDATE: holds off another locker, but not the foreign keys of postings that only add.
    tx.connection().execute(query.with_for_update(key_share=True)).all()


def _once(tx: Transaction, tenant: Tenant, lines: Entries, **facts: Any) -> str:
    """Insert the entry unless its key is known for the same request; returns the id of the one in the books."""
    connection = tx.connection()
    entry = {
        "id": tx.new_id("ent"),
        "mode": tenant.mode,
        "merchant_id": tenant.merchant_id,
        "recorded_at": tx.now,
        **facts,
    }
    accounts = {account_id(tenant.mode, line.kind, line.owner): line for line in lines}
    unknown = sorted(accounts.keys() - _accounts_known_to(connection))
    # Insert first and look only on a conflict: under SERIALIZABLE a look at a free key collides with its neighbours.
    known = _entry_with_key(connection, tenant.mode, entry["key"]) if unknown else None
    if known is None:
        _open_accounts(tx, connection, {name: accounts[name] for name in unknown})
        write = _write_by_function if connection.dialect.name == "postgresql" else _write_by_statements
        if write(connection, entry, lines):
            return str(entry["id"])
        known = _entry_with_key(connection, tenant.mode, entry["key"])
    assert known is not None, "the key is taken, so somebody has it"
    if known.request_sha256 != entry["request_sha256"]:
        raise KeyConflict(f"The ledger key {entry['key']!r} is taken by the entry {known.id}, which differs.")
    return str(known.id)


def _entry_of(tx: Transaction, draft: Draft) -> dict[str, Any]:
    """The row of an entry to be. Raises ``ValueError`` for lines that cannot be an entry."""
    lines, tenant = draft.lines, draft.tenant
    _check_names(draft.kind, draft.about_type, draft.key, draft.about_id, lines)
    _check_owners(tenant, lines)
    return {
        "id": tx.new_id("ent"),
        "mode": tenant.mode,
        "kind": draft.kind,
        "key": draft.key,
        "request_sha256": _fingerprint(
            [
                draft.kind,
                draft.about_type,
                draft.about_id,
                _request_of(draft.request, draft.effective_date, lines),
            ]
        ),
        "reverses": None,
        "merchant_id": tenant.merchant_id,
        "object_type": draft.about_type,
        "object_id": draft.about_id,
        "effective_date": draft.effective_date,
        "recorded_at": tx.now,
    }


def _request_of(request: Any, effective_date: date, lines: Entries) -> Any:
    """What tells a repetition from another event: what was asked, or without that the lines themselves."""
    if request is not None:
        return request
    return [
        effective_date.isoformat(),
        [[line.kind, line.owner, line.amount_fen, line.about] for line in lines],
    ]


def _write_many(tx: Transaction, new: Sequence[tuple[dict[str, Any], Entries]]) -> None:
    if not new:
        return
    connection = tx.connection()
    accounts: dict[str, Line] = {}
    postings, seals = [], []
    for entry, lines in new:
        for number, line in enumerate(lines, start=1):
            name = account_id(entry["mode"], line.kind, line.owner)
            accounts[name] = line
            postings.append(
                {
                    "entry_id": entry["id"],
                    "line": number,
                    "account_id": name,
                    "amount": line.amount_fen,
                    "object_id": line.about,
                }
            )
        seals.append({"entry_id": entry["id"], "lines": len(lines), "gross": lines.gross_fen})
    unknown = sorted(accounts.keys() - _accounts_known_to(connection))
    _open_accounts(tx, connection, {name: accounts[name] for name in unknown})
    connection.execute(insert(ENTRY), [entry for entry, _ in new])
    connection.execute(insert(POSTING), postings)
    connection.execute(insert(SEAL), seals)


def _entries_with_keys(
    connection: Connection, places: Collection[tuple[Mode, str]]
) -> dict[tuple[Mode, str], tuple[str, str]]:
    """Id and request of the entries that have one of the keys, by mode and key."""
    found: dict[tuple[Mode, str], tuple[str, str]] = {}
    for mode in {mode for mode, _ in places}:
        keys = sorted(key for of, key in places if of == mode)
        for start in range(0, len(keys), KEYS_AT_ONCE):
            query = select(ENTRY.c.key, ENTRY.c.id, ENTRY.c.request_sha256).where(
                ENTRY.c.mode == mode, ENTRY.c.key.in_(keys[start : start + KEYS_AT_ONCE])
            )
            found.update({(mode, key): (id, digest) for key, id, digest in connection.execute(query)})
    return found


def _write_by_statements(connection: Connection, entry: dict[str, Any], lines: Entries) -> bool:
    """Insert entry, postings and seal; False when the key is taken."""
    if not connection.execute(NEW_ENTRY, entry).rowcount:
        return False
    connection.execute(
        insert(POSTING),
        [
            {
                "entry_id": entry["id"],
                "line": number,
                "account_id": account_id(entry["mode"], line.kind, line.owner),
                "amount": line.amount_fen,
                "object_id": line.about,
            }
            for number, line in enumerate(lines, start=1)
        ],
    )
    connection.execute(insert(SEAL), {"entry_id": entry["id"], "lines": len(lines), "gross": lines.gross_fen})
    return True


def _write_by_function(connection: Connection, entry: dict[str, Any], lines: Entries) -> bool:
    """The same in one call to the database."""
    arguments = {
        **entry,
        "accounts": [account_id(entry["mode"], line.kind, line.owner) for line in lines],
        "amounts": [line.amount_fen for line in lines],
        "objects": [line.about for line in lines],
        "gross": lines.gross_fen,
    }
    return bool(connection.execute(LEDGER_WRITE, arguments).scalar_one())


def _entry_with_key(connection: Connection, mode: Mode, key: str) -> Row[Any, Any] | None:
    query = select(ENTRY.c.id, ENTRY.c.request_sha256).where(ENTRY.c.mode == mode, ENTRY.c.key == key)
    return connection.execute(query).one_or_none()


def _accounts_known_to(connection: Connection) -> set[str]:
    return _known_accounts.setdefault(connection.engine.pool, set())


def _open_accounts(tx: Transaction, connection: Connection, lines: dict[str, Line]) -> None:
    """Open the accounts that do not exist yet; given in the order of their ids, so that two openers never deadlock."""
    if not lines:
        return
    statement = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(ACCOUNT)
    rows = [
        {"id": name, "mode": name.partition(":")[0], "kind": line.kind, "owner": line.owner}
        for name, line in lines.items()
    ]
    opened: set[str] = tx.info.setdefault("ledger_accounts_opened", set())
    new = statement.on_conflict_do_nothing(index_elements=["id"]).returning(ACCOUNT.c.id)
    opened.update(connection.execute(new, rows).scalars())
    # What this transaction opened may still be rolled back.
    _accounts_known_to(connection).update(lines.keys() - opened)


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
        raise ValueError(f"an entry has at least two lines, {kind} has {len(lines)}")
    for name in (kind, about_type):
        if not WORD.fullmatch(name):
            raise ValueError(f"{name!r} is no word of small letters, digits and underscores")
    for name in (key, about_id, *(line.about for line in lines)):
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no identifier: 1 to 200 of letters, digits and _ . : / -")


def _check_owners(tenant: Tenant, lines: Entries) -> None:
    for line in lines:
        if CHART[line.kind].owner == "merchant" and line.owner != tenant.merchant_id:
            raise ValueError(f"{line.kind} of {line.owner} in an entry of {tenant.merchant_id}")


def _fingerprint(request: Any) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
