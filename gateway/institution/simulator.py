"""SIMULATOR of a payment institution: it answers every instruction at once, in test mode only, and moves no money."""

from __future__ import annotations

from gateway.errors import InstitutionUnavailable
from gateway.institution.port import Answer, Instruction


class SimulatedInstitution:
    """Succeeds, or fails as the instruction asks; it knows nothing of the past, so nothing is ever found again."""

    simulator = True

    def carry_out(self, instruction: Instruction) -> Answer:
        """Succeed, or fail as the instruction asks. Raises ``InstitutionUnavailable`` in live mode."""
        if instruction.mode != "test":
            raise InstitutionUnavailable(
                "No payment institution is connected: the built-in one is a simulator and works in test mode only."
            )
        if instruction.test_failure is not None:
            return Answer("failed", instruction.test_failure)
        return Answer("succeeded")

    def look_up(self, instruction: Instruction) -> Answer | None:
        """Always None: it remembers nothing."""
        del instruction
        return None
