"""Where the audit log ends and up to where it is signed, for monitoring."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import col, select

from gateway.audit.models import AuditEntry
from gateway.audit.service import CHAIN
from gateway.db.transactions import Transaction
from gateway.roots import service as signing


def read(tx: Transaction) -> tuple[int, int, datetime | None]:
    """Number of the last entry, of the last one that a signature covers, and when that was signed."""
    last = tx.exec(select(AuditEntry.number).order_by(col(AuditEntry.number).desc()).limit(1)).first()
    number, signed_at = signing.newest(tx, CHAIN.name)
    return last or 0, number, signed_at
