"""What is left of destroyed data keys in the files of the database, and its end.

Deleting a row leaves its bytes where they were. A write-ahead log or a dead row would open the person's data again with
the master key, so an erasure is complete only when they are gone.
"""

from __future__ import annotations

from sqlalchemy import text, update
from sqlmodel import col, select

from gateway.db.parts import in_parts
from gateway.db.roles import REWRITTEN
from gateway.db.scrub import files_with, scrub
from gateway.db.transactions import Database, Transaction
from gateway.privacy.models import DestroyedKey

LEFT = text("gone_at IS NULL")
"""In the words of the partial index."""


def clear(db: Database, *, seconds: float, wrapped: bytes | None = None) -> str | None:
    """Remove what is left of destroyed keys from the files; returns why it is not complete, None when it is.

    ``wrapped`` is a destroyed key that is looked for afterwards. Waits at most ``seconds`` for other transactions; call
    it outside of one. Safe to run twice, late or in parallel.
    """
    with db.read() as tx:
        destroyed = left(tx)
    if not destroyed:
        return None
    why = rewrite(db, seconds=seconds, wrapped=wrapped)
    if why is None:
        db.write(lambda tx: _note_gone(tx, destroyed))
    return why


def rewrite(db: Database, *, seconds: float, wrapped: bytes | None = None) -> str | None:
    """Rewrite the tables of keys as ``clear`` does, whether or not a key was destroyed."""
    why = scrub(db.engine, REWRITTEN, seconds=seconds)
    if why is None and wrapped and files_with(db.engine, wrapped):
        # Another program has deleted rows without overwriting them, such as the sqlite3 shell.
        why = scrub(db.engine, REWRITTEN, seconds=seconds, whole=True)
        files = files_with(db.engine, wrapped) if why is None else []
        why = f"the wrapped key still stands in {', '.join(files)}" if files else why
    return why


def left(tx: Transaction) -> list[str]:
    """The people whose destroyed keys may still stand in the files."""
    return list(tx.exec(select(DestroyedKey.subject_id).where(LEFT)))


def _note_gone(tx: Transaction, subject_ids: list[str]) -> None:
    for part in in_parts(subject_ids):
        gone = update(DestroyedKey).where(LEFT, col(DestroyedKey.subject_id).in_(part))
        tx.execute(gone.values(gone_at=tx.wall))
