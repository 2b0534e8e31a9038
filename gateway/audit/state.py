"""Where the audit log ends and up to where it is signed: for whoever watches over it."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import col, select

from gateway.audit.models import AuditEntry, AuditRoot
from gateway.db.transactions import Transaction


def read(tx: Transaction) -> tuple[int, int, datetime | None]:
    """Number of the last entry, of the last one that a signature covers, and when that was signed."""
    last = tx.exec(select(AuditEntry.number).order_by(col(AuditEntry.number).desc()).limit(1)).first()
    root = tx.exec(select(AuditRoot).order_by(col(AuditRoot.number).desc()).limit(1)).first()
    return last or 0, root.number if root else 0, root.created_at if root else None
