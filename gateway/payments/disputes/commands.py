"""What ``fenqi-gateway disputes …`` does: a person decides who is right. Each function returns the exit code."""

from __future__ import annotations

from typing import Any

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.core.tables import listed, reported
from gateway.core.tenant import Mode
from gateway.db.transactions import READ_COMMITTED, Database, Transaction
from gateway.payments.disputes import by_shopper, deciding
from gateway.payments.models import Dispute
from gateway.web.context import Gateway

COLUMNS = ("id", "merchant", "mode", "status", "payment", "amount", "respond_by", "overdue")


def show_list(db: Database, *, mode: Mode | None, limit: int, as_json: bool) -> int:
    """Print the disputes that are not decided, those whose time to answer ends first in front."""
    with db.read() as tx:
        found = [_plain(view) for view in deciding.views(tx, deciding.waiting(tx, mode=mode, limit=limit))]
    print(listed([{name: row[name] for name in COLUMNS} for row in found], as_json=as_json))
    return 0


def show(gateway: Gateway, actor: Actor, dispute_id: str, *, as_json: bool) -> int:
    """Print a dispute with its reason, the shopper's words and the merchant's answer. Raises ``NotFound``.

    Reading words is recorded in the audit log.
    """

    def read_and_record(tx: Transaction) -> dict[str, Any]:
        row = deciding.get(tx, dispute_id)
        (view,) = deciding.views(tx, [row])
        words = by_shopper.words_of(tx, gateway.vault, dispute_id)
        if words is not None:
            audit.record(
                tx, actor, "disputes.read", about=dispute_id, merchant_id=row.merchant_id, mode=row.mode
            )
        return {**view, "text": words}

    print(reported(_plain(gateway.db.write(read_and_record)), as_json=as_json))
    return 0


def resolve(db: Database, actor: Actor, dispute_id: str, *, outcome: str, by: str, reason: str) -> int:
    """Decide a dispute. Raises ``NotFound``, ``InvalidRequest`` or ``WrongState``."""

    def decided(tx: Transaction) -> Dispute:
        return deciding.decide(tx, dispute_id, outcome=outcome, reason=reason, actor=actor, facts={"by": by})

    db.write(decided, READ_COMMITTED)
    print(f"{dispute_id} is {outcome}.")
    return 0


def _plain(view: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if name in ("respond_by", "created_at", "decided_at") and value else value
        for name, value in view.items()
    }
