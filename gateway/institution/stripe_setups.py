"""Set-ups at an institution with an API like Stripe's: a Checkout Session in setup mode, judged by its SetupIntent.

The institution's own page takes the number. What became of it is read from the SetupIntent that carries our reference,
never from the browser that comes back.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gateway.core.tenant import Mode
from gateway.errors import InstitutionUnavailable
from gateway.institution.port import Method, Setup, SetupAnswer
from gateway.institution.stripe_wire import Fields, Refused, Wire

LANGUAGES = {"zh-CN": "zh", "en": "en"}
SESSIONS, INTENTS, METHODS = "/v1/checkout/sessions", "/v1/setup_intents", "/v1/payment_methods"


class Setups:
    """``customer`` finds the Customer of a shopper in a mode, None where there is none yet."""

    def __init__(self, wire: Wire, customer: Callable[[Mode, str], str | None]) -> None:
        self._wire = wire
        self._customer = customer

    def begin(self, setup: Setup) -> SetupAnswer:
        """The set-up with the address of its page: what was begun before under the reference, else a new one."""
        known = self.look_up(setup)
        if known is not None and (known.outcome != "pending" or known.url):
            return known
        made = self._wire.post(setup, SESSIONS, self._session(setup), key=setup.reference)
        url = made.get("url")
        if not isinstance(url, str):
            raise InstitutionUnavailable(f"The institution tells no page for the set-up {setup.reference}.")
        return SetupAnswer("pending", url=url)

    def look_up(self, setup: Setup) -> SetupAnswer | None:
        """What became of the set-up; None where nothing with the reference is found."""
        customer = self._customer(setup.mode, setup.party)
        if customer is None:
            return None
        intents = [one for one in self._of(setup, INTENTS, customer) if _is_ours(one, setup)]
        for intent in intents:
            if intent.get("status") == "succeeded":
                return SetupAnswer("succeeded", method=self._method(setup.mode, intent))
        if intents and all(intent.get("status") == "canceled" for intent in intents):
            return SetupAnswer("failed", failure=_failure(intents[0]))
        sessions = [one for one in self._of(setup, SESSIONS, customer) if _is_ours(one, setup)]
        for session in sessions:
            if session.get("status") == "open" and isinstance(session.get("url"), str):
                return SetupAnswer("pending", url=session["url"])
        if sessions and all(session.get("status") == "expired" for session in sessions):
            return SetupAnswer("failed", failure="setup_expired")
        return SetupAnswer("pending") if intents or sessions else None

    def detach(self, mode: Mode, token: str) -> None:
        """Detach the method, and see that it is detached where the institution refuses."""
        try:
            self._wire.call(mode, "POST", f"{METHODS}/{token}/detach", {}, key=f"detach:{token}")
        except Refused as refused:
            try:
                left = self._wire.call(mode, "GET", f"{METHODS}/{token}")
            except Refused:
                return
            if left.get("customer") is not None:
                raise InstitutionUnavailable(
                    f"The institution did not detach a method: {refused.reason}."
                ) from None

    def _session(self, setup: Setup) -> dict[str, str | int]:
        customer = self._customer(setup.mode, setup.party)
        if customer is None:
            told = {"metadata[shopper]": setup.party}
            customer = self._wire.post(setup, "/v1/customers", told, key=f"customer:{setup.party}")["id"]
        return {
            "mode": "setup",
            "currency": "cny",
            "customer": customer,
            "success_url": setup.return_url,
            "cancel_url": setup.return_url,
            "expires_at": int(setup.expires_at.timestamp()),
            "locale": LANGUAGES.get(setup.language, "auto"),
            "metadata[reference]": setup.reference,
            "setup_intent_data[metadata][reference]": setup.reference,
        }

    def _of(self, setup: Setup, path: str, customer: str) -> list[Fields]:
        """All objects of a customer; some institutions cannot filter, so our reference decides."""
        try:
            return self._wire.all(setup.mode, path, customer=customer)
        except Refused:
            return self._wire.all(setup.mode, path)

    def _method(self, mode: Mode, intent: Fields) -> Method:
        token = intent.get("payment_method")
        if not isinstance(token, str):
            raise InstitutionUnavailable(f"The institution tells no method of {intent['id']}.")
        found = self._wire.call(mode, "GET", f"{METHODS}/{token}")
        kind = str(found.get("type"))
        told = found.get(kind)
        details: Fields = told if isinstance(told, dict) else {}
        last4 = str(details.get("last4") or "")
        return Method(
            token=token,
            kind="card" if kind == "card" else "mandate",
            brand=_word(details.get("brand") or kind),
            last4=last4 if re.fullmatch(r"\d{4}", last4, re.ASCII) else "",
            exp_year=_whole(details.get("exp_year"), 2000, 2999),
            exp_month=_whole(details.get("exp_month"), 1, 12),
        )


def _is_ours(entry: Fields, setup: Setup) -> bool:
    return bool((entry.get("metadata") or {}).get("reference") == setup.reference)


def _failure(intent: Fields) -> str:
    error = intent.get("last_setup_error") or {}
    return str(error.get("decline_code") or error.get("code") or "canceled")


def _word(text: object) -> str:
    found = re.sub(r"[^a-z_]", "_", str(text).lower())[:30]
    return found or "card"


def _whole(value: object, low: int, high: int) -> int | None:
    text = str(value) if isinstance(value, int | str) else ""
    number = int(text) if text.isascii() and text.isdigit() else None
    return number if number is not None and low <= number <= high else None
