"""Idempotency-Key: same key and body, same bytes; the effect and the stored answer are one commit.

Because the answer commits with its effect, a second request with the same key either finds the answer or waits for the
first transaction and then finds it: there is no claim to clean up after a crash.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

from flask import Request
from sqlalchemy import Row, bindparam
from sqlalchemy import select as select_columns
from sqlmodel import SQLModel, col, func, select

from gateway.core.tenant import Tenant
from gateway.db.row_locks import LostRace
from gateway.db.transactions import Transaction
from gateway.errors import GatewayError, IdempotencyKeyMissing, IdempotencyKeyReused, InvalidRequest
from gateway.web.models import IdempotentAnswer

if TYPE_CHECKING:
    from gateway.privacy.vault import Vault

HEADER = "Idempotency-Key"
LONGEST_KEY = 255
ROWS = SQLModel.metadata.tables["idempotent_answer"]
KNOWN = select_columns(ROWS).where(ROWS.c.id == bindparam("record"))
KEEP = ROWS.insert()
"""Made once: every write with a key asks and answers by these."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """How an operation treats its key: kept for ``keep_days``; captures, refunds and payouts require one.

    ``sealed`` keeps the answer as the vault keeps personal data: for answers that show a secret. With 0 days nothing is
    kept.
    """

    required: bool = False
    keep_days: int = 1
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """A long answer, which no process holds in memory: a file from its beginning, closed when it was sent."""

    file: IO[bytes]
    media_type: str | None = None
    """Where an operation has several."""
    name: str | None = None
    """What a browser calls the file (ASCII)."""

    @classmethod
    def of(
        cls, pieces: Iterable[bytes], media_type: str | None = None, name: str | None = None
    ) -> FileAnswer:
        """The pieces in a temporary file; where one of them raises, nothing is left of it."""
        with ExitStack() as stack:
            file = stack.enter_context(TemporaryFile())
            file.writelines(pieces)
            stack.pop_all()
        return cls(file, media_type, name)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Bytes and status of an answer; ``replayed`` when they were given before."""

    status: int
    body: bytes
    replayed: bool = False
    content_type: str = "application/json"
    file: FileAnswer | None = None
    """What is answered instead of the body, piece by piece."""


def key_of(request: Request, policy: Idempotency) -> str | None:
    """The request's key. Raises ``IdempotencyKeyMissing`` or ``InvalidRequest``."""
    key = request.headers.get(HEADER)
    if key is None:
        if policy.required:
            raise IdempotencyKeyMissing
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise InvalidRequest(f"{HEADER} must be 1 to {LONGEST_KEY} printable ASCII characters.", param=HEADER)
    return key if policy.keep_days else None


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request with a key: whose it is, the name of its answer, and the hash of what it asks."""

    tenant: Tenant
    route: str
    key: str
    record_id: str
    fingerprint: str

    @classmethod
    def of(cls, tenant: Tenant, route: str, key: str, body: dict[str, Any]) -> Keyed:
        """The request of a tenant's, by what it is kept under and what it says."""
        record_id = _digest([tenant.merchant_id, tenant.mode, route, key])
        return cls(tenant, route, key, record_id, _digest([route, body]))


class Answered:
    """Names of the answers that this process has lately given: who asks for one again needs no turn to write."""

    def __init__(self, most: int = 10_000) -> None:
        self._names: OrderedDict[str, None] = OrderedDict()
        self._most = most
        self._changing = threading.Lock()

    def __contains__(self, record_id: str) -> bool:
        return record_id in self._names

    def add(self, record_id: str) -> None:
        """It is committed; the one that was given longest ago is forgotten."""
        with self._changing:
            self._names[record_id] = None
            self._names.move_to_end(record_id)
            if len(self._names) > self._most:
                self._names.popitem(last=False)


def answered(tx: Transaction, keyed: Keyed, *, vault: Vault | None = None) -> Outcome | None:
    """The answer that was given to this very request, if one is kept."""
    known = tx.connection().execute(KNOWN, {"record": keyed.record_id}).one_or_none()
    if known is None or known.expires_at <= tx.wall or known.request_sha256 != keyed.fingerprint:
        return None
    return _given(known, keyed, vault)


def once(
    tx: Transaction,
    keyed: Keyed,
    *,
    keep_days: int,
    work: Callable[[], Outcome],
    vault: Vault | None = None,
) -> Outcome:
    """Run ``work`` unless this key was answered before. Raises ``IdempotencyKeyReused`` for another body.

    With ``vault`` the kept answer is sealed.
    """
    known = tx.connection().execute(KNOWN, {"record": keyed.record_id}).one_or_none()
    if known is not None and known.expires_at > tx.wall:
        return _given(known, keyed, vault)
    try:
        outcome = work()
    except GatewayError:
        _lose_to_the_first(tx, keyed.record_id, known)
        raise
    tx.flush()
    if known is not None:
        tx.connection().execute(ROWS.delete().where(ROWS.c.id == keyed.record_id))
    tx.connection().execute(
        KEEP,
        {
            "id": keyed.record_id,
            "merchant_id": keyed.tenant.merchant_id,
            "mode": keyed.tenant.mode,
            "request_sha256": keyed.fingerprint,
            "status": outcome.status,
            "body": _kept(outcome.body, keyed.record_id, vault),
            "created_at": tx.wall,
            "expires_at": tx.wall + timedelta(days=keep_days),
        },
    )
    return outcome


def _lose_to_the_first(tx: Transaction, record_id: str, known: Row[Any] | None) -> None:
    """Raise ``LostRace`` when what refused the work was the same request, answered while this one waited for it."""
    if tx.compares:
        now = tx.connection().execute(KNOWN, {"record": record_id}).one_or_none()
        if now is not None and (known is None or now.expires_at != known.expires_at):
            raise LostRace("the key was answered meanwhile")


def _given(known: Row[Any], keyed: Keyed, vault: Vault | None) -> Outcome:
    if known.request_sha256 != keyed.fingerprint:
        raise IdempotencyKeyReused(
            f"The key {keyed.key!r} was already used with a different body for {keyed.route}. Use a new key for a new "
            "request.",
            param=HEADER,
        )
    # What an older release kept of this operation may lie open still.
    if vault is None or bytes(known.body[:1]) == b"{":
        return Outcome(known.status, known.body, replayed=True)
    body = vault.open(known.body, **_place(keyed.record_id)).encode()
    return Outcome(known.status, body, replayed=True)


def rehearse(tx: Transaction) -> None:
    """Write a row as ``once`` does and take it away again, to see whether the database takes writes."""
    row = {
        "id": f"rehearsal-{tx.new_id('out')}",
        "merchant_id": "",
        "mode": "test",
        "request_sha256": "0" * 64,
    }
    never = {"status": 200, "body": b"", "created_at": tx.wall, "expires_at": tx.wall}
    tx.connection().execute(KEEP, {**row, **never})
    tx.connection().execute(ROWS.delete().where(ROWS.c.id == row["id"]))


def amend(tx: Transaction, keyed: Keyed, outcome: Outcome) -> None:
    """Keep another answer for a key that was answered: what came of the request after its first commit."""
    kept = ROWS.update().where(ROWS.c.id == keyed.record_id).values(status=outcome.status, body=outcome.body)
    tx.connection().execute(kept)


def _kept(body: bytes, record_id: str, vault: Vault | None) -> bytes:
    if vault is None:
        return body
    return vault.seal(body.decode(), **_place(record_id))


def _place(record_id: str) -> dict[str, str]:
    return {"table": "idempotent_answer", "row": record_id, "column": "body"}


def reseal(tx: Transaction, vault: Vault, *, after: str, limit: int) -> str | None:
    """Reseal some answers that are kept sealed, from the id ``after`` on; returns where to go on, or None."""
    sealed = func.substr(IdempotentAnswer.body, 1, 1) == vault.FORM
    query = select(IdempotentAnswer).where(IdempotentAnswer.id > after, sealed)
    rows = list(tx.exec(query.order_by(col(IdempotentAnswer.id)).limit(limit).with_for_update()))
    for row in rows:
        row.body = vault.resealed(row.body, **_place(row.id))
        tx.add(row)
    return rows[-1].id if rows else None


def forget_expired(tx: Transaction, *, limit: int) -> int:
    """Delete some answers whose time is over; returns how many."""
    query = select(IdempotentAnswer).where(IdempotentAnswer.expires_at <= tx.wall).limit(limit)
    rows = list(tx.exec(query.with_for_update(skip_locked=True)))
    for row in rows:
        tx.delete(row)
    return len(rows)


def _digest(parts: list[Any]) -> str:
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # A body may hold half of a surrogate pair: it is refused where it is read closely.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
