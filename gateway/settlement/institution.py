"""Port: the payment institution that moves the money, with a simulator for test mode beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.core.tenant import Mode
from gateway.errors import InstitutionUnavailable


@dataclass(frozen=True, slots=True)
class PayoutInstruction:
    """Pay ``amount_fen`` to a merchant; ``reference`` makes a repeated instruction the same one."""

    reference: str
    mode: Mode
    merchant_id: str
    amount_fen: int


class PaymentInstitution(Protocol):
    """A licensed institution that splits and pays."""

    def pay_out(self, instruction: PayoutInstruction) -> Literal["paid", "in_transit", "failed"]:
        """Carry out the instruction, once per reference. Raises ``InstitutionUnavailable`` when nothing is known."""
        ...


class SimulatedInstitution:
    """SIMULATOR: pays every instruction at once, in test mode only. It moves no money."""

    def pay_out(self, instruction: PayoutInstruction) -> Literal["paid", "in_transit", "failed"]:
        if instruction.mode != "test":
            raise InstitutionUnavailable(
                "No payment institution is connected: the built-in one is a simulator and works in test mode only."
            )
        return "paid"
