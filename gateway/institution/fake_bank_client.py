"""SIMULATOR: the institution port behind ``fenqi-gateway fake-bank``, a process on this machine; test mode only."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import requests

from gateway.core.tenant import Mode
from gateway.errors import InstitutionUnavailable
from gateway.institution.port import Answer, Instruction, Method, Setup, SetupAnswer
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
        return _answer(self._call(instruction.mode, "POST", "/instructions", json=told), instruction)

    def look_up(self, instruction: Instruction) -> Answer | None:
        """What became of it; None where the bank does not know it. Raises ``InstitutionUnavailable``."""
        state = self._state(instruction)
        return None if state is None else _answer(state, instruction)

    def moved_fen(self, instruction: Instruction) -> int:
        """What the bank has moved under the reference, less what came back. Raises ``InstitutionUnavailable``."""
        state = self._state(instruction)
        return 0 if state is None else int(state["paid"]) - int(state["returned"])

    def setup_origin(self, mode: Mode) -> str | None:
        """Its own address, in test mode."""
        return self._url if mode == "test" else None

    def begin_setup(self, setup: Setup) -> SetupAnswer:
        """Begin to take a repayment method on the bank's page. Raises ``InstitutionUnavailable``, also in live mode."""
        told = {
            "reference": setup.reference,
            "party": setup.party,
            "return_url": setup.return_url,
            "language": setup.language,
            "seconds": int((setup.expires_at - setup.begun_at).total_seconds()),
        }
        return _of_setup(self._call(setup.mode, "POST", "/setups", json=told), setup)

    def look_up_setup(self, setup: Setup) -> SetupAnswer | None:
        """What became of it; None where the bank does not know it. Raises ``InstitutionUnavailable``."""
        state = self._call(setup.mode, "GET", f"/setups/{quote(setup.reference, safe='')}", unknown=True)
        return None if state is None else _of_setup(state, setup)

    def detach(self, mode: Mode, token: str) -> None:
        """Collect nothing by the method any more. Raises ``InstitutionUnavailable``."""
        self._call(mode, "POST", f"/methods/{quote(token, safe='')}/detach", unknown=True)

    def _state(self, instruction: Instruction) -> dict[str, Any] | None:
        at = {"at": instruction.at.isoformat()} if instruction.at else {}
        path = f"/instructions/{quote(instruction.reference, safe='')}"
        return self._call(instruction.mode, "GET", path, params=at, unknown=True)

    def _call(self, mode: Mode, method: str, path: str, *, unknown: bool = False, **sent: Any) -> Any:
        if mode != "test":
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


def _of_setup(state: dict[str, Any], setup: Setup) -> SetupAnswer:
    if state.get("party") != setup.party:
        raise InstitutionUnavailable(f"The fake bank knows {setup.reference} as another party's set-up.")
    if state.get("status") == "open":
        return SetupAnswer("pending", url=str(state["url"]))
    if state.get("status") == "done":
        return SetupAnswer("succeeded", method=Method(**state["method"]))
    return SetupAnswer("failed", failure=str(state.get("failure") or "refused"))
