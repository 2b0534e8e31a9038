"""What two operators agree on: who they are, and the reason that each of them gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.core.masking import holds_personal_number
from gateway.db.transactions import Transaction
from gateway.errors import InvalidRequest, SecondPersonRequired
from gateway.operators import service
from gateway.web.context import OperatorCaller

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Person:
    """An operator who has proved who they are, and the account or the session through which the proof came."""

    id: str
    account: str


def reason(text: str) -> str:
    """A reason as it is kept. Raises ``InvalidRequest``."""
    found = text.strip()
    if not found or len(found) > LONGEST_REASON or not found.isprintable():
        raise InvalidRequest(f"The reason must be 1 to {LONGEST_REASON} signs on one line.", param="reason")
    if holds_personal_number(found):
        raise InvalidRequest(
            "The reason must not contain an ID number, a mobile number or a card number.", param="reason"
        )
    return found


def refuse_own(row: Any, by: Person, instead: str) -> None:
    """Leave the decision about a proposal to somebody else. Raises ``SecondPersonRequired`` for its author."""
    if row.proposed_by == by.id:
        raise SecondPersonRequired(f"You have proposed {row.id} yourself: {instead}.")


def refuse_others(row: Any, by: Person) -> None:
    """Only whoever made a proposal takes it back. Raises ``SecondPersonRequired`` for everybody else."""
    if row.proposed_by != by.id:
        raise SecondPersonRequired(f"Somebody else has proposed {row.id}: reject it instead.")


def decide(tx: Transaction, row: Any, status: str, why: str, by: Person) -> None:
    """Write on a proposal what became of it, by whom and why. Raises ``InvalidRequest`` for the reason."""
    row.status, row.decided_by, row.decided_at = status, by.id, tx.wall
    row.decision_reason = reason(why)
    tx.add(row)
    tx.flush()


def of_api(caller: OperatorCaller) -> Person:
    """The operator of a request, whose proof is the login that its token belongs to."""
    return Person(caller.id, f"login {caller.session_id}")


def views(tx: Transaction, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """What rows say of the people by whom they were proposed and decided, as the API shows it."""
    ids = {id for row in rows for id in (row.proposed_by, row.decided_by) if id}
    known = {id: {"id": id, "name": name} for id, name in service.names(tx, ids).items()}
    return [
        {
            "id": row.id,
            "merchant": row.merchant_id,
            "status": row.status,
            "proposed_by": known[row.proposed_by],
            "proposed_at": row.proposed_at,
            "reason": row.reason,
            "confirmed_by": known[row.decided_by] if row.status == "confirmed" else None,
            "decided_by": known[row.decided_by] if row.decided_by else None,
            "decided_at": row.decided_at,
            "decision_reason": row.decision_reason,
        }
        for row in rows
    ]
