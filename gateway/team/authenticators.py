"""Authenticator apps: one-time codes by time (RFC 6238), six digits every 30 seconds; each code is taken once."""

from __future__ import annotations

import pyotp
import segno
from sqlmodel import col, select

from gateway.core import one_time_codes
from gateway.db.transactions import Transaction
from gateway.privacy.vault import Vault
from gateway.team.models import Authenticator, TeamMember


def begin(tx: Transaction, vault: Vault, person: TeamMember) -> str:
    """A fresh secret (base32) for a person whose app is not confirmed yet; it replaces one that was only begun."""
    secret = pyotp.random_base32()
    row = tx.get(Authenticator, person.id)
    if row is not None and row.confirmed_at is not None:
        tx.delete(row)
        tx.flush()
        row = None
    sealed = _sealed(vault, person.id, secret)
    if row is None:
        row = Authenticator(member_id=person.id, secret=sealed, last_step=0, created_at=tx.wall)
    row.secret = sealed
    tx.add(row)
    return secret


def pending_secret(tx: Transaction, vault: Vault, member_id: str) -> str | None:
    """The secret of an app that was begun and not confirmed."""
    row = tx.get(Authenticator, member_id)
    if row is None or row.confirmed_at is not None:
        return None
    return _secret(vault, row)


def confirm(tx: Transaction, vault: Vault, member_id: str, code: str) -> bool:
    """Whether the app shows the right code; from then on it counts."""
    row = tx.get(Authenticator, member_id)
    if row is None or row.confirmed_at is not None or not _take(tx, vault, row, code):
        return False
    row.confirmed_at = tx.wall
    tx.add(row)
    return True


def check(tx: Transaction, vault: Vault, member_id: str, code: str) -> bool:
    """Whether this is the code of now (or of one step before or after) and was not taken before."""
    row = tx.get(Authenticator, member_id)
    return row is not None and row.confirmed_at is not None and _take(tx, vault, row, code)


def has(tx: Transaction, member_id: str) -> bool:
    """Whether a person has a confirmed app."""
    row = tx.get(Authenticator, member_id)
    return row is not None and row.confirmed_at is not None


def remove(tx: Transaction, member_id: str) -> None:
    """Forget the app."""
    row = tx.get(Authenticator, member_id)
    if row is not None:
        tx.delete(row)


def reseal(tx: Transaction, vault: Vault, *, after: str, limit: int) -> str | None:
    """Re-seal some secrets with the newest master key, from ``after`` on; returns where to continue, or None."""
    query = (
        select(Authenticator).where(Authenticator.member_id > after).order_by(col(Authenticator.member_id))
    )
    rows = list(tx.exec(query.limit(limit).with_for_update()))
    for row in rows:
        if not vault.is_current(row.secret):
            row.secret = _sealed(vault, row.member_id, _secret(vault, row))
            tx.add(row)
    return rows[-1].member_id if rows else None


def picture(text: str) -> str:
    """A QR code as one inline SVG element, black on white in every colour scheme, so that cameras read it."""
    code = segno.make(text, error="m")
    return code.svg_inline(scale=5, border=3, dark="#000", light="#fff", omitsize=True)


def _take(tx: Transaction, vault: Vault, row: Authenticator, code: str) -> bool:
    step = one_time_codes.matching_step(_secret(vault, row), code, at=tx.wall, after=row.last_step)
    if step is None:
        return False
    row.last_step = step
    tx.add(row)
    return True


def _sealed(vault: Vault, member_id: str, secret: str) -> bytes:
    return vault.seal(secret, table="authenticator", row=member_id, column="secret")


def _secret(vault: Vault, row: Authenticator) -> str:
    return vault.open(row.secret, table="authenticator", row=row.member_id, column="secret")
