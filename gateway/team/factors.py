"""The second factors of a person taken together, and the recovery codes that stand in for a lost one."""

from __future__ import annotations

import secrets

from sqlalchemy import delete
from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.privacy.vault import Vault
from gateway.team import authenticators, passkeys
from gateway.team.models import Authenticator, Passkey, RecoveryCode

CODES = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters and digits that look alike: ten of them are 49 bits."""


def enrolled(tx: Transaction, member_id: str) -> bool:
    """Whether a password alone does not log this person in."""
    return authenticators.has(tx, member_id) or bool(passkeys.of_member(tx, member_id))


def new_recovery_codes(tx: Transaction, vault: Vault, member_id: str) -> list[str]:
    """Ten codes, shown this once; those from before are void."""
    tx.execute(delete(RecoveryCode).where(col(RecoveryCode.member_id) == member_id))
    codes = []
    for _ in range(CODES):
        letters = "".join(secrets.choice(ALPHABET) for _ in range(10))
        codes.append(f"{letters[:5]}-{letters[5:]}")
        tx.add(RecoveryCode(code_lookup=_lookup(vault, member_id, letters), member_id=member_id))
    return codes


def recovery_codes_left(tx: Transaction, member_id: str) -> int:
    """How many of the ten are unused."""
    query = select(RecoveryCode).where(
        RecoveryCode.member_id == member_id, col(RecoveryCode.used_at).is_(None)
    )
    return len(list(tx.exec(query)))


def use_recovery_code(tx: Transaction, vault: Vault, member_id: str, code: str) -> bool:
    """Whether this is an unused code of the person; it is used up by this."""
    letters = "".join(code.lower().replace("-", " ").split())
    row = tx.get(RecoveryCode, _lookup(vault, member_id, letters))
    if row is None or row.used_at is not None:
        return False
    row.used_at = tx.wall
    tx.add(row)
    return True


def check_code(tx: Transaction, vault: Vault, member_id: str, code: str) -> bool:
    """Whether a code is right, be it the app's or one of the recovery codes."""
    if authenticators.check(tx, vault, member_id, code):
        return True
    return use_recovery_code(tx, vault, member_id, code)


def forget_all(tx: Transaction, member_id: str) -> None:
    """Remove every factor and code of a person."""
    for table in (Authenticator, Passkey, RecoveryCode):
        tx.execute(delete(table).where(col(table.member_id) == member_id))  # type: ignore[attr-defined]


def drop_codes_when_alone(tx: Transaction, member_id: str) -> None:
    """Recovery codes without a factor to recover are void."""
    tx.flush()
    if not enrolled(tx, member_id):
        tx.execute(delete(RecoveryCode).where(col(RecoveryCode.member_id) == member_id))


def _lookup(vault: Vault, member_id: str, letters: str) -> str:
    return vault.lookup(f"{member_id}\n{letters}", "recovery_code")
