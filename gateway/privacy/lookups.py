"""The keyed hashes that people are found by, when their key changes.

While two keys are in force, code with an ID number or a phone calls ``follow`` before looking it up: every
row with its hash by an older key then gets the hash by the newest, in one transaction over all rooms. So a hash that is
stored matches every other that is stored, and no look-up misses while the rest is indexed again.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.core.tenant import Mode
from gateway.db.transactions import Transaction
from gateway.privacy.vault import Vault

Follower = Callable[[Transaction, Mode, str, str, str], int]
"""Replaces in a room's tables, for a mode and a purpose, one hash by another; returns in how many rows."""

FOLLOWERS: list[Follower] = []


def follower(replace: Follower) -> Follower:
    """Declare that a room keeps hashes of ID numbers or phones."""
    FOLLOWERS.append(replace)
    return replace


def follow(tx: Transaction, vault: Vault, mode: Mode, **texts: str) -> int:
    """Bring what is stored about ``id_number`` and ``phone`` to the newest key; returns how many rows changed."""
    changed = 0
    for purpose, text in texts.items():
        for old in vault.old_lookups(text, purpose):
            new = vault.lookup(text, purpose)
            changed += sum(replace(tx, mode, purpose, old, new) for replace in FOLLOWERS)
    return changed
