"""An instruction to the payment institution, sent at most once: looked up before every sending, held while it is sent.

What an institution acts on after it was given up, and has not told of by then, could still be doubled. So after a
sending without an answer nothing is sent again before the institution has settled (``settling_seconds``), and the
look-up that says "nothing was done" is asked after that time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.errors import InstitutionUnavailable
from gateway.institution.port import Answer, Instruction
from gateway.outbox import service as outbox

if TYPE_CHECKING:
    from gateway.db.transactions import Transaction
    from gateway.outbox.models import OutboxItem
    from gateway.web.context import Gateway

DECIDED = ("succeeded", "failed")
OF_PAYOUTS = (*DECIDED, "pending", "returned")


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
    wait: Exception | None = None,
) -> None:
    """See the instruction of a row through, for which ``item`` stands in the outbox, and book what became of it.

    ``confirm(tx, row_id)`` books that money moved, ``fail(tx, row_id, failure=...)`` that none did. Raises what
    ``ask`` raises, and ``InstitutionUnavailable`` while the outcome is pending.
    """
    answer = _decided(gateway, item, instruction, wait)
    if answer.outcome == "succeeded":
        gateway.db.write(lambda tx: confirm(tx, row_id))
    else:
        gateway.db.write(lambda tx: fail(tx, row_id, failure=answer.failure or "refused"))


def _decided(gateway: Gateway, item: OutboxItem, instruction: Instruction, wait: Exception | None) -> Answer:
    """The outcome, which is final. Raises what ``ask`` raises, and ``InstitutionUnavailable`` while it is pending."""
    answer = ask(gateway, item, instruction, wait=wait, known=(*DECIDED, "pending"))
    if answer.outcome == "pending":
        raise InstitutionUnavailable(f"The {instruction.movement} {instruction.reference} is on its way.")
    return answer


def ask(
    gateway: Gateway,
    item: OutboxItem,
    instruction: Instruction,
    *,
    wait: Exception | None = None,
    known: tuple[str, ...] = OF_PAYOUTS,
) -> Answer:
    """What the institution says of the instruction: looked up, else sent now. ``known`` are outcomes it may say.

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
    return understood(instruction, answer, known)


def understood(instruction: Instruction, answer: Answer, known: tuple[str, ...] = OF_PAYOUTS) -> Answer:
    """The answer, whose outcome is one that we know. Raises ``InstitutionUnavailable``."""
    if answer.outcome not in known:
        raise InstitutionUnavailable(
            f"The institution says {answer.outcome!r} of the {instruction.movement} {instruction.reference}: "
            f"its adapter must answer {', '.join(known)}; it is looked up again."
        )
    return answer


def _wait_until_settled(gateway: Gateway, item: OutboxItem, seconds: float) -> None:
    if item.sent_at is None:
        return
    settled = item.sent_at + timedelta(seconds=seconds)
    if gateway.clock() < settled:
        raise outbox.Later(f"sent without an answer: the institution settles until {settled}", at=settled)
