"""Port: the payment institution, which moves the money; the gateway only instructs, and books what is confirmed.

``reference`` is ours and unique (``core.references``): a repeated instruction with it is the same instruction, never a
second one, also after a restored backup. It is looked up before each sending.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from gateway.core.tenant import Mode

Outcome = Literal["succeeded", "pending", "failed", "returned"]
Movement = Literal["collection", "refund", "payout"]


@dataclass(frozen=True, slots=True)
class Instruction:
    """Move ``amount_fen`` (CNY) from a shopper, back to a shopper, or to a merchant.

    ``party`` is the shopper's or the merchant's identifier here. ``account`` is known to the institution: for payouts
    the merchant's (without one, they cannot be made), for collections the shopper's repayment method. In test mode
    only, ``test_failure`` names the failure that the sandbox is to play, and ``at`` is the merchant's time, by which a
    simulator plays its days.
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


@dataclass(frozen=True, slots=True)
class Setup:
    """Ask a shopper, on a page of the institution, for a card or mandate to collect from later.

    ``reference`` is ours and unique, as an instruction's. The institution sends the browser back to ``return_url``;
    what became of it is only what ``look_up_setup`` says. ``language`` is ``zh-CN`` or ``en``.
    """

    reference: str
    mode: Mode
    party: str
    return_url: str
    begun_at: datetime
    expires_at: datetime
    language: str = "zh-CN"


@dataclass(frozen=True, slots=True)
class Method:
    """A card or mandate as the institution tells of it: never its number. ``token`` collects money, so it is sealed."""

    token: str = field(repr=False)
    kind: Literal["card", "mandate"]
    brand: str
    last4: str
    exp_year: int | None = None
    exp_month: int | None = None


@dataclass(frozen=True, slots=True)
class SetupAnswer:
    """What the institution says of a set-up: ``url`` while it waits for the shopper, ``method`` once it succeeded."""

    outcome: Literal["pending", "succeeded", "failed"]
    url: str | None = field(default=None, repr=False)
    method: Method | None = None
    failure: str | None = None


class PaymentInstitution(Protocol):
    """A licensed institution that collects, refunds and pays out.

    Four things are its own to offer: what ``SetsUp`` says, ``settling_seconds``, for how long after it was sent an
    instruction may still be acted on without being found (0 where it has none), ``moved_fen(instruction)``, what it
    has moved under the reference all together, and ``tells_returns``, whether a look-up also tells of a payout that
    came back days later.
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


class SetsUp(Protocol):
    """An institution that also takes repayment methods from shoppers, on a page of its own."""

    def setup_origin(self, mode: Mode) -> str | None:
        """The origin of the page on which shoppers give a card, such as ``https://pay.example``; None: not offered."""
        ...

    def begin_setup(self, setup: Setup) -> SetupAnswer:
        """Begin the set-up, once per reference: repeated, it is the same one, with the address to go on at.

        Raises ``InstitutionUnavailable`` when nothing is known of the outcome.
        """
        ...

    def look_up_setup(self, setup: Setup) -> SetupAnswer | None:
        """What became of the set-up; None when the institution never got it. Raises ``InstitutionUnavailable``."""
        ...

    def detach(self, mode: Mode, token: str) -> None:
        """Nothing is collected by this method any more; one that is gone already is accepted.

        Raises ``InstitutionUnavailable`` when that is not known.
        """
        ...
