"""Envelope encryption: each person's columns are sealed with their own data key, which a master key wraps.

A sealed value is bound to its table, row and column. Deleting the data key makes all of them unreadable at once.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete
from sqlmodel import col, func, select

from gateway.db.transactions import Transaction
from gateway.privacy.models import DestroyedKey, SubjectKey
from gateway.privacy.vault import KEY_BYTES, NONCE_BYTES, Vault, VaultError, place

FORM = b"\x02"
"""First byte of a value sealed with a data key; then nonce, and ciphertext with its tag."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Seals and opens what is stored about one person."""

    _vault: Vault = field(repr=False)
    _cipher: AESGCM | None = field(repr=False)

    def seal(self, text: str, *, table: str, row: str, column: str) -> bytes:
        """``text`` sealed for one place. Raises ``VaultError`` when the person's key is gone."""
        if self._cipher is None:
            raise VaultError("the person's data key does not exist")
        nonce = secrets.token_bytes(NONCE_BYTES)
        return FORM + nonce + self._cipher.encrypt(nonce, text.encode(), place(table, row, column))

    def open(self, sealed: bytes, *, table: str, row: str, column: str) -> str:
        """The text sealed for this place, also one that an older release sealed with the master key itself.

        Raises ``VaultError``: the key is gone, another place, or changed bytes.
        """
        sealed = bytes(sealed)
        if not is_enveloped(sealed):
            return self._vault.open(sealed, table=table, row=row, column=column)
        if self._cipher is None:
            raise VaultError(f"the value of {table}.{column} cannot be opened: its data key is gone")
        body = len(FORM) + NONCE_BYTES
        try:
            text = self._cipher.decrypt(sealed[len(FORM) : body], sealed[body:], place(table, row, column))
        except (InvalidTag, ValueError):
            raise VaultError(f"the value of {table}.{column} does not open in this place") from None
        return text.decode()


def is_enveloped(sealed: bytes) -> bool:
    """Whether a data key sealed the value, not the master key."""
    return bytes(sealed[: len(FORM)]) == FORM


def read_along(query: Any, subject_id: Any) -> Any:
    """``query`` with the data key of the person that it names read along, so that ``known`` need not ask."""
    return query.add_columns(SubjectKey).outerjoin(SubjectKey, col(SubjectKey.subject_id) == subject_id)


def known(tx: Transaction, vault: Vault, subject_id: str) -> Subject:
    """The person as far as there is a key: without one, only values of an older release open."""
    row = tx.get(SubjectKey, subject_id)
    return Subject(vault, AESGCM(vault.unwrap(row.wrapped, subject_id)) if row else None)


def known_or_new(tx: Transaction, vault: Vault, subject_id: str) -> Subject:
    """The person; the data key is made now if there is none."""
    if tx.get(SubjectKey, subject_id) is None:
        return new(tx, vault, subject_id)
    return known(tx, vault, subject_id)


def new(tx: Transaction, vault: Vault, subject_id: str) -> Subject:
    """A person whose identifier was minted just now, and their data key."""
    key = secrets.token_bytes(KEY_BYTES)
    key_id, wrapped = vault.wrap(key, subject_id)
    tx.add(SubjectKey(subject_id=subject_id, key_id=key_id, wrapped=wrapped, created_at=tx.now))
    return Subject(vault, AESGCM(key))


def destroy(tx: Transaction, subject_id: str) -> None:
    """Delete the data key: what it sealed is lost, here and in every copy that lacks the key.

    Its bytes leave the files when ``remains.clear`` has run, which the worker does until it succeeds.
    """
    tx.execute(delete(SubjectKey).where(col(SubjectKey.subject_id) == subject_id))
    tx.add(DestroyedKey(subject_id=subject_id, destroyed_at=tx.wall))


def wrapped_key(tx: Transaction, subject_id: str) -> bytes | None:
    """The person's data key as it stands in the database, to look for in the files once it is deleted."""
    row = tx.get(SubjectKey, subject_id)
    return bytes(row.wrapped) if row is not None else None


def left_to_rewrap(tx: Transaction, vault: Vault) -> int:
    """How many data keys another master key than the newest has wrapped."""
    return tx.exec(select(func.count()).where(SubjectKey.key_id != vault.current_key_id)).one()


def rewrap(tx: Transaction, vault: Vault, *, limit: int) -> int:
    """Re-wrap some data keys with the newest master key; returns how many, 0 when none is left."""
    query = select(SubjectKey).where(SubjectKey.key_id != vault.current_key_id)
    rows = list(
        tx.exec(
            query.order_by(col(SubjectKey.subject_id))
            .limit(limit)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )
    for row in rows:
        row.key_id, row.wrapped = vault.wrap(vault.unwrap(row.wrapped, row.subject_id), row.subject_id)
        tx.add(row)
    return len(rows)
