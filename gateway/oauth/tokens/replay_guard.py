"""What may be used once: client assertions and DPoP proofs, remembered until their age alone refuses them.

Remembering and asking are one step (insert if absent): between a question and a note of it another request would fit.
"""

from __future__ import annotations

import hashlib
import threading
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, col

from gateway.db.transactions import Transaction
from gateway.errors import Unavailable
from gateway.oauth.authorize import par
from gateway.oauth.models import ClientSecret, SpentProof

LIMIT = 250_000
"""Proofs a process remembers per generation: about 2,000 a second, 25 MB of memory. More are refused with 503."""


MOST_FORGOTTEN = 10_000
PROOFS = SQLModel.metadata.tables["spent_proof"]
NEW = {
    name: insert(PROOFS).on_conflict_do_nothing(index_elements=["id"]).returning(PROOFS.c.id)
    for name, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}
"""Made once for each database: every proof of a write asks it."""


def key_of(kind: str, owner: str, jti: str) -> bytes:
    """The name of a proof: 32 bytes, whatever its sender wrote as ``jti``."""
    return hashlib.sha256(f"{kind}\0{owner}\0{jti}".encode()).digest()


def spend(tx: Transaction, key: bytes, expires_at: datetime) -> bool:
    """Whether this proof is new; from now on it is not, for every process."""
    new = NEW[tx.get_bind().dialect.name]
    return tx.connection().execute(new, {"id": key.hex(), "expires_at": expires_at}).first() is not None


def forget_expired(tx: Transaction) -> None:
    """Drop what its age refuses anyway: proofs, pushed requests and clients' secrets."""
    tx.execute(delete(ClientSecret).where(col(ClientSecret.expires_at) <= tx.wall))
    tx.execute(delete(SpentProof).where(col(SpentProof.expires_at) <= tx.wall))
    par.forget_expired(tx, limit=MOST_FORGOTTEN)


class RecentProofs:
    """The proofs of the last minutes as one process knows them: two generations, the older of which is dropped."""

    def __init__(self, keep_seconds: int) -> None:
        self._keep = keep_seconds
        self._new: set[bytes] = set()
        self._old: set[bytes] = set()
        self._since = 0
        self._lock = threading.Lock()

    def spend(self, key: bytes, now: int) -> bool:
        """Whether this proof is new to this process. Raises ``Unavailable`` rather than forget one early."""
        with self._lock:
            if now - self._since >= self._keep:
                fresh = now - self._since < 2 * self._keep
                self._old, self._new, self._since = (self._new if fresh else set()), set(), now
            if key in self._new or key in self._old:
                return False
            if len(self._new) >= LIMIT:
                raise Unavailable("Too many DPoP proofs were sent. Try again in a minute.")
            self._new.add(key)
            return True
