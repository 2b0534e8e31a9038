"""Port: the payment institution, which moves the money; the gateway only instructs, and books what is confirmed.

``reference`` is ours and unique (``core.references``): a repeated instruction with it is the same instruction, never a
second one, also after a restored backup. It is looked up before each sending.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from gateway.core.tenant import Mode

Outcome = Literal["succeeded", "pending", "failed", "returned"]
Movement = Literal["collection", "refund", "payout"]


@dataclass(frozen=True, slots=True)
class Instruction:
    """Move ``amount_fen`` (CNY) from a shopper, back to a shopper, or to a merchant.

    ``party`` is the shopper's or the merchant's identifier here, ``account`` the merchant's at the institution (for
    payouts; without one, they cannot be made). In test mode only, ``test_failure`` names the failure that the sandbox
    is to play, and ``at`` is the merchant's time, by which a simulator plays its days.
    """

    movement: Movement
    reference: str
    mode: Mode
    party: str
    amount_fen: int
    account: str | None = None
    test_failure: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the institution says of an instruction; ``failure`` is its code, such as ``insufficient_funds``.

    ``returned`` is said of payouts only: it was paid and has come back. ``moved_fen`` is what the institution has moved
    under the reference in all, less what came back; None where it does not say.
    """

    outcome: Outcome
    failure: str | None = None
    moved_fen: int | None = None


@dataclass(frozen=True, slots=True)
class Instructed:
    """An instruction of ours with what we know of it; the first of ``may_have_moved_fen`` is what the books say."""

    id: str
    status: str
    instruction: Instruction
    may_have_moved_fen: tuple[int, ...]
    created_at: datetime | None = None


class PaymentInstitution(Protocol):
    """A licensed institution that collects, refunds and pays out.

    Three things are its own to offer: ``settling_seconds``, for how long after it was sent an instruction may still be
    acted on without being found (0 where it has none), ``moved_fen(instruction)``, what it has moved under the
    reference all together, and ``tells_returns``, whether a look-up also tells of a payout that came back days later.
    """

    def carry_out(self, instruction: Instruction) -> Answer:
        """Carry out the instruction, once per reference.

        Raises ``InstitutionUnavailable`` when nothing is known of the outcome: that is never treated as a failure,
        and nothing is sent again before ``look_up`` has been asked.
        """
        ...

    def look_up(self, instruction: Instruction) -> Answer | None:
        """What became of an earlier instruction with this reference; None when the institution never got it.

        Raises ``InstitutionUnavailable`` when it cannot be asked.
        """
        ...
