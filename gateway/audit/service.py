"""Recording privileged actions, reading them, and what their signed roots are about."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import Any, Literal

from sqlmodel import col, select

from gateway.audit import chain
from gateway.audit.models import AuditEntry, AuditRoot
from gateway.core.signing import Signature
from gateway.db.transactions import Transaction
from gateway.roots import service as signing
from gateway.roots.chains import Chain, Head
from gateway.roots.root import Root

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


def roots(tx: Transaction) -> list[Root]:
    """Every signed root, oldest first, those included by which older releases signed the end of a day."""
    days = [
        Root("audit", row.number, row.hash, Signature(row.algorithm, row.key_id, row.signature), day=row.day)
        for row in tx.exec(select(AuditRoot).order_by(col(AuditRoot.day)))
    ]
    return [*days, *signing.signed(tx, CHAIN.name)]


def _head(tx: Transaction) -> Head:
    last = _last(tx)
    return Head(last.number, last.hash) if last else Head(0, chain.BEGINNING)


def _hash_at(tx: Transaction, number: int) -> str | None:
    return tx.exec(select(AuditEntry.hash).where(AuditEntry.number == number)).first()


def _last(tx: Transaction) -> AuditEntry | None:
    return tx.exec(select(AuditEntry).order_by(col(AuditEntry.number).desc()).limit(1)).first()


CHAIN = Chain("audit", "the audit log", "entry", _head, _hash_at)
"""What the roots of the log are about."""
