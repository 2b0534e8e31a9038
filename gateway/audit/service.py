"""Recording privileged actions, reading them, and signing where the log stood at the end of a day."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Literal

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.audit import chain
from gateway.audit.models import AuditEntry, AuditRoot
from gateway.core.calendar import SHANGHAI, shanghai_date
from gateway.core.signing import SigningAuthority
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction

ActorKind = Literal["operator", "member", "client", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person at a command line, a member of a merchant's team, a merchant's server, or the gateway."""

    kind: ActorKind
    id: str

    @classmethod
    def at_the_command_line(cls) -> Actor:
        """The person whose account runs the command."""
        try:
            return cls("operator", getpass.getuser())
        except (KeyError, OSError):
            return cls("operator", "unknown")


def record(
    tx: Transaction,
    actor: Actor,
    action: str,
    *,
    about: str,
    merchant_id: str | None = None,
    mode: str | None = None,
    before: Any = None,
    after: Any = None,
    facts: dict[str, Any] | None = None,
) -> AuditEntry:
    """Append an entry; it commits with the action or not at all.

    ``before`` and ``after`` are kept as hashes of their canonical JSON only; ``facts`` are kept as they are: no
    personal data, no secrets. Of two writers at once, one starts again, for the number is taken.
    """
    last = _last(tx)
    row: dict[str, Any] = {
        "number": last.number + 1 if last else 1,
        "at": tx.wall,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "action": action,
        "about": about,
        "merchant_id": merchant_id,
        "mode": mode,
        "facts": facts or {},
        "before_sha256": None if before is None else chain.digest(before),
        "after_sha256": None if after is None else chain.digest(after),
        "previous_hash": last.hash if last else chain.BEGINNING,
    }
    entry = AuditEntry(**row, hash=chain.entry_hash(row))
    tx.add(entry)
    tx.flush()
    return entry


def of_merchant(tenant: Tenant) -> SelectOfScalar[AuditEntry]:
    """The entries about a merchant in its mode, and those that both modes share."""
    return select(AuditEntry).where(
        AuditEntry.merchant_id == tenant.merchant_id,
        (col(AuditEntry.mode) == tenant.mode) | col(AuditEntry.mode).is_(None),
    )


def sign_yesterday(tx: Transaction, authority: SigningAuthority) -> AuditRoot | None:
    """The signed root of the last day that is over, if entries were added since the root before; else None."""
    today = shanghai_date(tx.wall)
    midnight = datetime.combine(today, time(), SHANGHAI)
    newest = select(AuditEntry).where(AuditEntry.at < midnight).order_by(col(AuditEntry.number).desc())
    entry = tx.exec(newest.limit(1)).first()
    signed = tx.exec(select(AuditRoot).order_by(col(AuditRoot.day).desc()).limit(1)).first()
    if entry is None or (signed is not None and signed.number >= entry.number):
        return None
    day = today - timedelta(days=1)
    signature = authority.sign(chain.signed_text(day, entry.number, entry.hash))
    root = AuditRoot(
        day=day,
        number=entry.number,
        hash=entry.hash,
        algorithm=signature.algorithm,
        key_id=signature.key_id,
        signature=signature.value,
        created_at=tx.wall,
    )
    tx.add(root)
    tx.flush()
    return root


def roots(tx: Transaction) -> list[AuditRoot]:
    """Every signed root, oldest first: keep them where nobody of the gateway can write."""
    return list(tx.exec(select(AuditRoot).order_by(col(AuditRoot.day))))


def _last(tx: Transaction) -> AuditEntry | None:
    return tx.exec(select(AuditEntry).order_by(col(AuditEntry.number).desc()).limit(1)).first()
