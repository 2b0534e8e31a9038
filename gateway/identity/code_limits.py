"""How often codes are sent to a phone, and guessed for a phone or an ID number: each time with a longer wait, per day.

They are counted for the target, over all checkouts and merchants of a mode and by the machine's time, so that a fresh
checkout, another shop or a test clock brings no fresh tries. Only keyed hashes of phones and ID numbers are kept.

The phones of the sandbox are everybody's and nobody is written to: a merchant has its own count of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import col, select

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import TooManyRequests
from gateway.identity.models import CodeCount
from gateway.privacy.vault import Vault

DAY = timedelta(days=1)
LONGEST_WAIT = timedelta(hours=1)
SANDBOX = "+861380000000"
"""With which the phones of the sandbox begin."""


@dataclass(frozen=True, slots=True)
class Limit:
    """``free`` times at once, then each time after twice the wait of before, and ``most`` times a day in all."""

    name: str
    free: int
    most: int
    first_wait: timedelta

    def wait(self, row: CodeCount | None, tx: Transaction) -> timedelta:
        """How long until the next time; nothing when it is due."""
        if row is None or row.since + DAY <= tx.wall:
            return timedelta()
        if row.times >= self.most:
            return row.since + DAY - tx.wall
        if row.times < self.free:
            return timedelta()
        doubled: timedelta = self.first_wait * 2 ** (row.times - self.free)
        return max(row.last_at + min(doubled, LONGEST_WAIT) - tx.wall, timedelta())


COUNTS = "counts of codes"
SENT = Limit("sent", free=3, most=10, first_wait=timedelta(seconds=30))
"""Codes sent to a phone."""
GUESSED = Limit("guessed", free=5, most=20, first_wait=timedelta(minutes=1))
"""Wrong codes for a phone."""
CLAIMED = Limit("claimed", free=10, most=30, first_wait=timedelta(minutes=1))
"""Wrong codes entered with one ID number, by whatever phone."""


def check(tx: Transaction, vault: Vault, tenant: Tenant, limit: Limit, whom: str) -> None:
    """Raise ``TooManyRequests`` with the wait while the next time is not due."""
    wait = limit.wait(_row(tx, vault, tenant, limit, whom), tx)
    if wait:
        seconds = math.ceil(wait.total_seconds())
        raise TooManyRequests(
            f"Too many codes requested: wait {seconds} seconds.",
            param="code",
            reason="wait",
            retry_after=seconds,
        )


def count(tx: Transaction, vault: Vault, tenant: Tenant, limit: Limit, whom: str) -> None:
    """One time more."""
    row = _row(tx, vault, tenant, limit, whom)
    if row is None:
        key = _key(vault, tenant, limit, whom)
        row = tx.info[COUNTS][key] = CodeCount(id=key, times=1, since=tx.wall, last_at=tx.wall)
        tx.add(row)
        return
    if row.since + DAY <= tx.wall:
        row.times, row.since = 0, tx.wall
    row.times, row.last_at = row.times + 1, tx.wall
    tx.add(row)


def forget(tx: Transaction, vault: Vault, tenant: Tenant, limit: Limit, whom: str) -> None:
    """Reset the count after a correct code."""
    row = _row(tx, vault, tenant, limit, whom)
    if row is not None:
        tx.info[COUNTS][row.id] = None
        tx.delete(row)


def is_sandbox(tenant: Tenant, phone: str) -> bool:
    """Whether a phone (E.164) is one of those that choose the outcome in test mode."""
    return tenant.mode == "test" and phone.startswith(SANDBOX)


def forget_old(tx: Transaction, *, limit: int) -> int:
    """Delete some counts whose day is over; returns how many."""
    query = select(CodeCount).where(col(CodeCount.since) <= tx.wall - DAY).limit(limit)
    rows = list(tx.exec(query.with_for_update(skip_locked=True)))
    for row in rows:
        tx.delete(row)
    return len(rows)


def _row(tx: Transaction, vault: Vault, tenant: Tenant, limit: Limit, whom: str) -> CodeCount | None:
    """The count, locked and asked for once a transaction, also where there is none."""
    key, known = _key(vault, tenant, limit, whom), tx.info.setdefault(COUNTS, {})
    if key not in known:
        known[key] = tx.get(CodeCount, key, with_for_update=True, populate_existing=True)
    found: CodeCount | None = known[key]
    return found


def _key(vault: Vault, tenant: Tenant, limit: Limit, whom: str) -> str:
    owner = tenant.merchant_id if is_sandbox(tenant, whom) else ""
    return vault.lookup(f"{tenant.mode}|{limit.name}|{owner}{whom}", "code_count")
