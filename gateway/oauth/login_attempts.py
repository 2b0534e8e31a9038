"""How often a login is tried: five times in fifteen minutes for one address, known or not.

A try is counted and committed before its password is looked at, so that parallel guesses are counted too.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete
from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.oauth.models import LoginAttempt
from gateway.privacy.vault import Vault

MOST = 5
WINDOW = timedelta(minutes=15)


def count(tx: Transaction, vault: Vault, email: str) -> timedelta | None:
    """Count one try. Returns how long to wait when there were too many, and then counts nothing."""
    tx.execute(delete(LoginAttempt).where(col(LoginAttempt.since) <= tx.now - WINDOW))
    row = tx.exec(select(LoginAttempt).where(LoginAttempt.email_lookup == _lookup(vault, email))).first()
    if row is None:
        tx.add(LoginAttempt(email_lookup=_lookup(vault, email), tries=1, since=tx.now))
        return None
    if row.tries >= MOST:
        return row.since + WINDOW - tx.now
    row.tries += 1
    tx.add(row)
    return None


def forget(tx: Transaction, vault: Vault, email: str) -> None:
    """Start anew after a right password."""
    tx.execute(delete(LoginAttempt).where(col(LoginAttempt.email_lookup) == _lookup(vault, email)))


def _lookup(vault: Vault, email: str) -> str:
    return vault.lookup(email, "login_email")
