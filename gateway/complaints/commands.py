"""What ``fenqi-gateway complaints …`` does. Each function returns the exit code.

Reading a complaint and answering it are recorded in the audit log, without its words.
"""

from __future__ import annotations

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.complaints import service
from gateway.core.tables import listed, reported
from gateway.core.tenant import Mode
from gateway.db.transactions import READ_COMMITTED, Database, Transaction
from gateway.web.context import Gateway


def show_list(db: Database, *, mode: Mode | None, limit: int, as_json: bool) -> int:
    """Print what waits for an answer, the earliest day first."""
    with db.read() as tx:
        rows = [
            {
                "id": row.id,
                "mode": row.mode,
                "kind": row.kind,
                "shopper": row.shopper_id,
                "loan": row.loan_id,
                "filed_at": row.created_at.isoformat(),
                "due_on": row.due_on.isoformat(),
                "late": service.is_late(tx, row),
            }
            for row in service.waiting(tx, mode=mode, limit=limit)
        ]
    print(listed(rows, as_json=as_json))
    return 0


def show(gateway: Gateway, actor: Actor, complaint_id: str, *, as_json: bool) -> int:
    """Print a complaint with its words and its answer. Raises ``NotFound``."""

    def read_and_record(tx: Transaction) -> service.Told:
        told = service.in_clear(tx, gateway.vault, service.get(tx, complaint_id))
        audit.record(tx, actor, "complaint.read", about=complaint_id, mode=told.row.mode)
        return told

    told = gateway.db.write(read_and_record)
    row = told.row
    shown = {
        "id": row.id,
        "mode": row.mode,
        "kind": row.kind,
        "status": row.status,
        "shopper": row.shopper_id,
        "loan": row.loan_id,
        "filed_at": row.created_at.isoformat(),
        "due_on": row.due_on.isoformat(),
        "late": told.is_late,
        "text": told.words,
        "answer": told.answer,
        "answered_by": row.answered_by,
        "answered_at": row.answered_at.isoformat() if row.answered_at else None,
    }
    print(reported(shown, as_json=as_json))
    return 0


def answer(gateway: Gateway, actor: Actor, complaint_id: str, *, words: str, by: str) -> int:
    """Answer a complaint; the shopper reads the words. Raises ``NotFound`` or ``WrongState``."""

    def answer_and_record(tx: Transaction) -> None:
        row = service.answer(tx, gateway.vault, complaint_id, words=words, by=by)
        audit.record(tx, actor, "complaint.answer", about=complaint_id, mode=row.mode, facts={"by": by})

    gateway.db.write(answer_and_record, READ_COMMITTED)
    print(f"{complaint_id} is answered: the shopper reads it in their own place.")
    return 0
