"""SIMULATOR: the institution port behind ``fenqi-gateway fake-bank``, a process on this machine; test mode only."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import requests

from gateway.errors import InstitutionUnavailable
from gateway.institution.port import Answer, Instruction
from gateway.web import outgoing

CALL_SECONDS, CONNECT_SECONDS = 10.0, 2.0
OUTCOMES = {"accepted": "pending", "paid": "succeeded", "failed": "failed", "returned": "returned"}


class FakeBank:
    """Instructs the fake bank at ``url`` and looks up what became of it; refuses live mode."""

    simulator = True
    settling_seconds = 1.0
    """It acts before it answers: what it has not acted on by then it never will."""
    tells_returns = True

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = outgoing.session()

    def carry_out(self, instruction: Instruction) -> Answer:
        """Send the instruction. Raises ``InstitutionUnavailable`` in live mode, and where the bank does not answer."""
        told = {
            "reference": instruction.reference,
            "movement": instruction.movement,
            "party": instruction.party,
            "account": instruction.account,
            "amount": instruction.amount_fen,
            "at": instruction.at.isoformat() if instruction.at else None,
            "failure": instruction.test_failure,
        }
        return _answer(self._call(instruction, "POST", "/instructions", json=told), instruction)

    def look_up(self, instruction: Instruction) -> Answer | None:
        """What became of it; None where the bank does not know it. Raises ``InstitutionUnavailable``."""
        state = self._state(instruction)
        return None if state is None else _answer(state, instruction)

    def moved_fen(self, instruction: Instruction) -> int:
        """What the bank has moved under the reference, less what came back. Raises ``InstitutionUnavailable``."""
        state = self._state(instruction)
        return 0 if state is None else int(state["paid"]) - int(state["returned"])

    def _state(self, instruction: Instruction) -> dict[str, Any] | None:
        at = {"at": instruction.at.isoformat()} if instruction.at else {}
        path = f"/instructions/{quote(instruction.reference, safe='')}"
        return self._call(instruction, "GET", path, params=at, unknown=True)

    def _call(
        self, instruction: Instruction, method: str, path: str, *, unknown: bool = False, **sent: Any
    ) -> Any:
        if instruction.mode != "test":
            raise InstitutionUnavailable("The fake bank is a simulator: it works in test mode only.")
        try:
            with outgoing.within(CALL_SECONDS):
                timeout = (CONNECT_SECONDS, outgoing.seconds_left())
                response = self._session.request(
                    method, self._url + path, timeout=timeout, allow_redirects=False, **sent
                )
            told = response.json()
        except (requests.RequestException, TimeoutError, ValueError) as error:
            raise InstitutionUnavailable(
                f"The fake bank's answer cannot be read: {type(error).__name__}."
            ) from error
        if unknown and response.status_code == 404:
            return None
        if response.status_code != 200 or not isinstance(told, dict):
            raise InstitutionUnavailable(f"The fake bank answered {response.status_code}.")
        return told


def _answer(state: dict[str, Any], instruction: Instruction) -> Answer:
    """Its state as an outcome. Another amount is for payouts to judge; elsewhere it leaves the outcome unknown."""
    if state.get("amount") != instruction.amount_fen or state.get("movement") != instruction.movement:
        raise InstitutionUnavailable(f"The fake bank knows {instruction.reference} as another instruction.")
    outcome: Any = OUTCOMES.get(str(state.get("status")), "unknown")
    moved = int(state["paid"]) - int(state["returned"])
    return Answer(outcome, state.get("failure"), moved)
