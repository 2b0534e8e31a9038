"""An instruction to the payment institution, sent at most once: looked up before every sending, held while it is sent.

What an institution acts on after it was given up, and has not told of by then, could still be doubled. So after a
sending without an answer nothing is sent again before the institution has settled (``settling_seconds``), and the
look-up that says "nothing was done" is asked after that time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, get_args

from gateway.errors import InstitutionUnavailable
from gateway.institution.port import Answer, Instruction, Outcome
from gateway.outbox import service as outbox

if TYPE_CHECKING:
    from gateway.db.transactions import Transaction
    from gateway.outbox.models import OutboxItem
    from gateway.web.context import Gateway

DECIDED = ("succeeded", "failed")


class InstitutionBusy(InstitutionUnavailable):
    """The institution did nothing and wants to be asked again after ``seconds``: nothing is in doubt."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"The institution asks to be called again in {seconds:g} seconds.")


def carry_out(
    gateway: Gateway,
    item: OutboxItem,
    instruction: Instruction,
    row_id: str,
    *,
    confirm: Callable[[Transaction, str], object],
    fail: Callable[..., object],
    wait: outbox.Later | None = None,
) -> None:
    """See the instruction of a row through, for which ``item`` stands in the outbox, and book what became of it.

    ``confirm(tx, row_id)`` books that money moved, ``fail(tx, row_id, failure=...)`` that none did. Raises what
    ``_outcome`` raises.
    """
    answer = _outcome(gateway, item, instruction, wait)
    if answer.outcome == "succeeded":
        gateway.db.write(lambda tx: confirm(tx, row_id))
    else:
        gateway.db.write(lambda tx: fail(tx, row_id, failure=answer.failure or "refused"))


def _outcome(
    gateway: Gateway, item: OutboxItem, instruction: Instruction, wait: outbox.Later | None
) -> Answer:
    """What became of the instruction: looked up, else sent now.

    With ``wait`` nothing may be sent yet. Raises it, ``outbox.Later`` or ``outbox.LeaseLost`` when nothing was sent,
    and ``InstitutionUnavailable`` while the outcome is not known.
    """
    institution = gateway.ports.institution
    try:
        answer: Answer | None = institution.look_up(instruction)
        if answer is None:
            if wait is not None:
                raise wait
            _wait_until_settled(gateway, item, float(getattr(institution, "settling_seconds", 0)))
            outbox.hold(gateway.db, item)
            answer = institution.carry_out(instruction)
    except InstitutionBusy as busy:
        raise outbox.Later(busy.message, at=gateway.clock() + timedelta(seconds=busy.seconds)) from busy
    assert answer is not None
    if answer.outcome == "pending":
        raise InstitutionUnavailable(f"The {instruction.movement} {instruction.reference} is on its way.")
    if answer.outcome not in DECIDED:
        raise InstitutionUnavailable(
            f"The institution says {answer.outcome!r} of the {instruction.movement} {instruction.reference}: "
            f"its adapter must answer {', '.join(get_args(Outcome))}; it is looked up again."
        )
    return answer


def _wait_until_settled(gateway: Gateway, item: OutboxItem, seconds: float) -> None:
    if item.sent_at is None:
        return
    settled = item.sent_at + timedelta(seconds=seconds)
    if gateway.clock() < settled:
        raise outbox.Later(f"sent without an answer: the institution settles until {settled}", at=settled)
