"""How often a login is tried: five times in fifteen minutes for one address, known or not.

An attempt is counted and committed before its password is checked, so that parallel guesses also count. A browser
from which the person has logged in before is counted for itself (``device``): a stranger who uses up the tries of an
address does not shut out the person, who also keeps the passkey, which is not counted at all.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete
from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.privacy.vault import Vault
from gateway.team.models import LoginAttempt

MOST = 5
WINDOW = timedelta(minutes=15)


def count(tx: Transaction, vault: Vault, whom: str, device: str = "") -> timedelta | None:
    """Count one try. Returns how long to wait when there were too many, and then counts nothing."""
    tx.execute(delete(LoginAttempt).where(col(LoginAttempt.since) <= tx.wall - WINDOW))
    lookup = _lookup(vault, whom, device)
    row = tx.exec(select(LoginAttempt).where(LoginAttempt.email_lookup == lookup)).first()
    if row is None:
        tx.add(LoginAttempt(email_lookup=lookup, tries=1, since=tx.wall))
        return None
    if row.tries >= MOST:
        return row.since + WINDOW - tx.wall
    row.tries += 1
    tx.add(row)
    return None


def forget(tx: Transaction, vault: Vault, whom: str, device: str = "") -> None:
    """Reset the count after a correct password or code."""
    tx.execute(delete(LoginAttempt).where(col(LoginAttempt.email_lookup) == _lookup(vault, whom, device)))


def _lookup(vault: Vault, whom: str, device: str) -> str:
    return vault.lookup(f"{whom}\n{device}", "login_email")
