"""Access tokens that end before their time: a short list in the database, known to each process within two seconds.

Access tokens are verified without the database and live ten minutes, so this list stays small: a row is forgotten
when the tokens it names have expired.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import col, select

from gateway.db.transactions import Database, Transaction
from gateway.oauth.models import RefreshToken, RevokedToken
from gateway.team import sessions

ACCESS_LIFE = timedelta(minutes=10)
KNOWN_FOR = timedelta(seconds=2)
"""How old a process's view of the list may be."""


def revoke(tx: Transaction, name: str) -> None:
    """End the access token with this ``jti``, or all with this ``sid``."""
    tx.execute(delete(RevokedToken).where(col(RevokedToken.expires_at) <= tx.now))
    tx.merge(RevokedToken(id=name, expires_at=tx.now + ACCESS_LIFE))


def revoke_family(tx: Transaction, family: str) -> None:
    """End every token that descends from one login: refresh tokens here, access tokens by the list."""
    for row in tx.exec(select(RefreshToken).where(RefreshToken.family == family)):
        row.revoked_at = row.revoked_at or tx.now
        tx.add(row)
    sessions.end(tx, family)
    revoke(tx, family)


def is_revoked(tx: Transaction, *names: str | None) -> bool:
    """Whether one of these is on the list, by the database itself."""
    query = select(RevokedToken.id).where(
        col(RevokedToken.id).in_([name for name in names if name]), col(RevokedToken.expires_at) > tx.now
    )
    ended = sessions.ended_since(tx, tx.now - ACCESS_LIFE)
    return tx.exec(query).first() is not None or any(name in ended for name in names)


class RevokedTokens:
    """The list as one process knows it."""

    def __init__(self) -> None:
        self._names: frozenset[str] = frozenset()
        self._read_at: datetime | None = None
        self._reading = threading.Lock()

    def holds(self, db: Database, now: datetime, *names: str | None) -> bool:
        """Whether one of these is on the list. Raises ``DatabaseUnavailable`` rather than guess."""
        if not self._is_fresh(now):
            with self._reading:
                if not self._is_fresh(now):
                    self._read(db, now)
        return any(name in self._names for name in names)

    def forget(self) -> None:
        """Read the list again at the next question: this process has just changed it."""
        self._read_at = None

    def _is_fresh(self, now: datetime) -> bool:
        read_at = self._read_at
        # A clock that was set back must not keep an old view alive.
        return read_at is not None and read_at <= now < read_at + KNOWN_FOR

    def _read(self, db: Database, now: datetime) -> None:
        # ``now`` is from before the reading: what is revoked meanwhile is found at the next one.
        with db.read() as tx:
            query = select(RevokedToken.id).where(col(RevokedToken.expires_at) > tx.now)
            self._names = frozenset(tx.exec(query)) | sessions.ended_since(tx, tx.now - ACCESS_LIFE)
        self._read_at = now
