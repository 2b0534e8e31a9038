"""What ``fenqi-gateway lists …`` does. Returns the exit code."""

from __future__ import annotations

from typing import Any

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.core.calendar import shanghai_date
from gateway.core.identifiers import check_mobile, check_resident_id
from gateway.core.tables import listed
from gateway.core.tenant import Mode
from gateway.db.transactions import Database, Transaction
from gateway.decision import lists
from gateway.decision.models import ListEntry
from gateway.errors import IdentityRefused, InvalidRequest
from gateway.privacy import lookups
from gateway.web.context import Gateway


def add(gateway: Gateway, actor: Actor, *, mode: Mode, kind: str, of: str, value: str, note: str) -> int:
    """Put the person with a phone or an ID number on a list. Raises ``IdentityRefused`` for a value that is none."""
    try:
        today = shanghai_date(gateway.clock())
        checked = check_mobile(value) if of == "phone" else check_resident_id(value, today).number
    except ValueError as error:
        raise IdentityRefused(str(error), param=of) from None
    if not note.strip():
        raise InvalidRequest("Give the reason in --note.", param="note")

    def in_transaction(tx: Transaction) -> ListEntry:
        lookups.follow(tx, gateway.vault, mode, **{of: checked})
        lookup = gateway.vault.lookup(checked, of)
        entry = lists.add(tx, mode=mode, kind=kind, lookup=lookup, note=note, by=actor.id)
        audit.record(tx, actor, "list.add", about=entry.id, mode=mode, facts={"kind": kind})
        return entry

    return _told([gateway.db.write(in_transaction)])


def end(gateway: Gateway, actor: Actor, entry_id: str) -> int:
    """Take an entry off its list. Raises ``NotFound``."""

    def in_transaction(tx: Transaction) -> ListEntry:
        entry = lists.end(tx, entry_id)
        audit.record(tx, actor, "list.end", about=entry.id, facts={"kind": entry.kind})
        return entry

    return _told([gateway.db.write(in_transaction)])


def show(db: Database, mode: Mode, *, as_json: bool) -> int:
    """Print the entries in force."""
    with db.read() as tx:
        return _told(lists.in_force(tx, mode), as_json=as_json)


def _told(entries: list[ListEntry], *, as_json: bool = True) -> int:
    rows: list[dict[str, Any]] = [
        {
            "id": entry.id,
            "mode": entry.mode,
            "list": entry.kind,
            "note": entry.note,
            "by": entry.added_by,
            "since": entry.created_at.isoformat(),
            "ended": entry.ended_at.isoformat() if entry.ended_at else None,
        }
        for entry in entries
    ]
    print(listed(rows, as_json=as_json))
    return 0
