"""A payment institution behind an HTTP API like Stripe's: collects from a saved card, refunds, pays merchants out.

Everything sent carries our reference in its metadata, and an earlier instruction is found again by that alone: an
institution that forgets idempotency keys, or never honours them, still moves the money once for a caller that looks
up before it sends again. A request that is still on its way while it is looked up is stopped by its key, or waited for:
nothing is sent again within ``settling_seconds``. What is found under our reference for another amount is refused.
Amounts are fen (CNY). ``test_failure`` is ignored: which card fails is the institution's affair.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.tenant import Mode
from gateway.errors import InstitutionUnavailable
from gateway.institution.port import Answer, Instruction, Setup, SetupAnswer
from gateway.institution.stripe_setups import Setups
from gateway.institution.stripe_wire import PAGE, Fields, Refused, Wire, objects
from gateway.web import outgoing

CALL_SECONDS, INSTRUCTION_SECONDS = 20.0, 40.0
"""For one call with all of its answer, and for all calls of one instruction: less than its row is leased for."""
SETTLING_SECONDS = 60.0
WAITS = frozenset({"requires_action", "requires_capture", "requires_confirmation"})
"""States of a payment out of which money could still move."""
UNDONE = frozenset({"failed", "canceled"})
"""States of a refund in which no money moved."""


class StripeLikeInstitution:
    """``keys`` holds the secret key of each mode.

    ``setup_origin`` is where its page for cards is; without one, none are taken. A shopper is the oldest Customer whose
    ``metadata.shopper`` is our identifier of the shopper.
    """

    def __init__(
        self,
        url: str,
        keys: Mapping[Mode, str],
        *,
        settling_seconds: float = SETTLING_SECONDS,
        call_seconds: float = CALL_SECONDS,
        setup_origin: str = "",
    ) -> None:
        self._wire = Wire(url, keys, call_seconds=call_seconds)
        self._setups = Setups(self._wire, self._customer_of)
        self._setup_origin = {mode: setup_origin for mode, key in keys.items() if key and setup_origin}
        self.settling_seconds = settling_seconds
        """So long after it was sent an instruction may still be acted on without being found."""
        self._customers: dict[tuple[Mode, str], str] = {}

    def carry_out(self, instruction: Instruction) -> Answer:
        """Collect, refund or pay out ``amount_fen``; a refund sends only the parts that are not there yet.

        Failures of its own: ``no_payment_method``, ``nothing_to_refund`` (less is left to refund than asked for) and
        ``no_account``. Raises ``InstitutionUnavailable`` when the outcome is not known, or when only a part of a
        refund could be made, and ``InstitutionBusy`` when nothing was done.
        """
        with outgoing.within(INSTRUCTION_SECONDS):
            if instruction.movement == "collection":
                return self._collect(instruction)
            if instruction.movement == "refund":
                return self._refund(instruction)
            return self._pay_out(instruction)

    def look_up(self, instruction: Instruction) -> Answer | None:
        """What became of the instruction with this reference; None when nothing, or not all of a refund, was done.

        After None ``carry_out`` may be called: it does what is missing. Raises ``InstitutionUnavailable`` when the
        institution cannot be asked, or knows the reference with another amount.
        """
        with outgoing.within(INSTRUCTION_SECONDS):
            if instruction.movement == "collection":
                customer = self._customer(instruction)
                return self._of_payments(instruction, self._payments(instruction.mode, customer))
            if instruction.movement == "refund":
                parts = self._parts(instruction)
                if _moved_fen(parts) > instruction.amount_fen:
                    raise _another_amount(instruction, _moved_fen(parts))
                return _of_parts(parts, instruction.amount_fen)
            return self._of_transfers(instruction)

    def moved_fen(self, instruction: Instruction) -> int:
        """What the institution has moved under the reference, all together: what is more was done twice.

        Raises ``InstitutionUnavailable`` when it cannot be asked.
        """
        with outgoing.within(INSTRUCTION_SECONDS):
            if instruction.movement == "refund":
                return _moved_fen(self._parts(instruction))
            if instruction.movement == "collection":
                made = self._payments(instruction.mode, self._customer(instruction))
                made = [payment for payment in made if payment.get("status") == "succeeded"]
            else:
                made = self._transfers(instruction)
                made = [transfer for transfer in made if not transfer.get("reversed")]
            return sum(_number(one, "amount") for one in made if _is_ours(one, instruction))

    def setup_origin(self, mode: Mode) -> str | None:
        """Where its page for cards is; None in a mode without a key."""
        return self._setup_origin.get(mode)

    def begin_setup(self, setup: Setup) -> SetupAnswer:
        """Begin to take a card on the institution's page, once per reference. Raises ``InstitutionUnavailable``."""
        with outgoing.within(INSTRUCTION_SECONDS):
            return self._setups.begin(setup)

    def look_up_setup(self, setup: Setup) -> SetupAnswer | None:
        """What became of the set-up; None where there is none. Raises ``InstitutionUnavailable``."""
        with outgoing.within(INSTRUCTION_SECONDS):
            return self._setups.look_up(setup)

    def detach(self, mode: Mode, token: str) -> None:
        """Detach a PaymentMethod; one that is detached or gone is accepted. Raises ``InstitutionUnavailable``."""
        with outgoing.within(INSTRUCTION_SECONDS):
            self._setups.detach(mode, token)

    def _collect(self, instruction: Instruction) -> Answer:
        customer = self._customer(instruction)
        card = instruction.account if customer else None
        if customer and card is None:
            card = self._payment_method(instruction.mode, customer)
        if card is None:
            self._customers.pop((instruction.mode, instruction.party), None)
            return Answer("failed", "no_payment_method")
        body = {
            "amount": instruction.amount_fen,
            "currency": "cny",
            "customer": customer,
            "payment_method": card,
            "off_session": "true",
            "confirm": "true",
            "metadata[reference]": instruction.reference,
        }
        try:
            payment = self._wire.post(instruction, "/v1/payment_intents", body, key=instruction.reference)
        except Refused as refused:
            return Answer("failed", refused.reason)
        return self._of_payment(instruction, payment)

    def _of_payments(self, instruction: Instruction, payments: list[Fields]) -> Answer | None:
        ours = [found for found in payments if _is_ours(found, instruction)]
        _refuse_another_amount(instruction, ours)
        answers = [self._of_payment(instruction, found) for found in ours]
        for outcome in ("succeeded", "pending", "failed"):
            for answer in answers:
                if answer.outcome == outcome:
                    return answer
        return None

    def _of_payment(self, instruction: Instruction, payment: Fields) -> Answer:
        """The payment's outcome; one that waits for the shopper is cancelled first, so that failed is final."""
        status = payment.get("status")
        if status == "succeeded":
            return Answer("succeeded")
        if status == "processing":
            return Answer("pending")
        if status in WAITS:
            path, key = f"/v1/payment_intents/{payment['id']}/cancel", f"{instruction.reference}:cancel"
            self._wire.post(instruction, path, {}, key=key)
            return Answer("failed", "authentication_required" if status == "requires_action" else str(status))
        error = payment.get("last_payment_error") or {}
        return Answer("failed", error.get("decline_code") or error.get("code") or str(status))

    def _refund(self, instruction: Instruction) -> Answer:
        customer = self._customer(instruction)
        if customer is None:
            return Answer("failed", "nothing_to_refund")
        parts: list[Fields] = []
        refundable: list[tuple[str, int]] = []
        for payment in self._refundable_payments(instruction.mode, customer):
            refunds = self._refunds_of(instruction.mode, payment)
            parts += [found for found in refunds if _is_ours(found, instruction)]
            received = _number(payment, "amount_received" if "amount_received" in payment else "amount")
            refundable.append((payment["id"], received - _moved_fen(refunds)))
        answer = _of_parts(parts, instruction.amount_fen)
        if answer:
            return answer
        missing = instruction.amount_fen - _moved_fen(parts)
        if sum(left for _, left in refundable if left > 0) < missing:
            if parts:
                raise _incomplete(instruction)
            return Answer("failed", "nothing_to_refund")
        for payment_id, left in refundable:
            amount = min(left, missing)
            if amount <= 0:
                continue
            try:
                parts.append(self._refund_part(instruction, payment_id, amount, number=len(parts) + 1))
            except Refused as refused:
                if _moved_fen(parts):
                    raise _incomplete(instruction) from refused
                return Answer("failed", refused.reason)
            if parts[-1].get("status") in UNDONE:
                break
            missing -= amount
        answer = _of_parts(parts, instruction.amount_fen)
        if answer is None:
            raise _incomplete(instruction)
        return answer

    def _refund_part(
        self, instruction: Instruction, payment_id: str, amount_fen: int, *, number: int
    ) -> Fields:
        """One refund of one payment; ``number`` counts the parts there are, so a repeated one has the same key."""
        body = {
            "payment_intent": payment_id,
            "amount": amount_fen,
            "metadata[reference]": instruction.reference,
            "metadata[part]": number,
        }
        return self._wire.post(instruction, "/v1/refunds", body, key=f"{instruction.reference}:{number}")

    def _parts(self, instruction: Instruction) -> list[Fields]:
        """All refunds with the reference; if the shopper is no longer a customer, among all refunds."""
        mode, customer = instruction.mode, self._customer(instruction)
        if customer is None:
            refunds = self._wire.all(mode, "/v1/refunds")
        else:
            payments = self._refundable_payments(mode, customer)
            refunds = [found for payment in payments for found in self._refunds_of(mode, payment)]
        return [found for found in refunds if _is_ours(found, instruction)]

    def _refundable_payments(self, mode: Mode, customer: str) -> list[Fields]:
        """The customer's succeeded payments in CNY, newest first."""
        done = [
            payment
            for payment in self._payments(mode, customer)
            if payment.get("status") == "succeeded" and payment.get("currency") == "cny"
        ]
        return sorted(done, key=lambda payment: (_number(payment, "created"), payment["id"]), reverse=True)

    def _refunds_of(self, mode: Mode, payment: Fields) -> list[Fields]:
        return self._wire.all(mode, "/v1/refunds", payment_intent=payment["id"])

    def _pay_out(self, instruction: Instruction) -> Answer:
        if instruction.account is None:
            return Answer("failed", "no_account")
        body = {
            "amount": instruction.amount_fen,
            "currency": "cny",
            "destination": instruction.account,
            "transfer_group": instruction.reference,
            "metadata[reference]": instruction.reference,
        }
        try:
            self._wire.post(instruction, "/v1/transfers", body, key=instruction.reference)
        except Refused as refused:
            return Answer("failed", refused.reason)
        return Answer("succeeded")

    def _of_transfers(self, instruction: Instruction) -> Answer | None:
        ours = self._transfers(instruction)
        if not ours:
            return None
        _refuse_another_amount(instruction, ours)
        kept = any(not transfer.get("reversed") for transfer in ours)
        return Answer("succeeded") if kept else Answer("failed", "reversed")

    def _transfers(self, instruction: Instruction) -> list[Fields]:
        found = self._wire.all(instruction.mode, "/v1/transfers", transfer_group=instruction.reference)
        return [transfer for transfer in found if _is_ours(transfer, instruction)]

    def _payments(self, mode: Mode, customer: str | None) -> list[Fields]:
        """All payments of the customer, or of everybody; some institutions cannot filter, so it is also done here."""
        if customer is None:
            return self._wire.all(mode, "/v1/payment_intents")
        try:
            found = self._wire.all(mode, "/v1/payment_intents", customer=customer)
        except Refused:
            found = self._wire.all(mode, "/v1/payment_intents")
        return [payment for payment in found if payment.get("customer") == customer]

    def _payment_method(self, mode: Mode, customer: str) -> str | None:
        """The method to charge; None when there is none, or when the customer is there no more."""
        try:
            settings = self._wire.call(mode, "GET", f"/v1/customers/{customer}").get("invoice_settings") or {}
            if settings.get("default_payment_method"):
                return str(settings["default_payment_method"])
            page = self._wire.call(mode, "GET", "/v1/payment_methods", {"customer": customer, "type": "card"})
        except Refused:
            return None
        return next((str(card["id"]) for card in objects(page)), None)

    def _customer(self, instruction: Instruction) -> str | None:
        return self._customer_of(instruction.mode, instruction.party)

    def _customer_of(self, mode: Mode, party: str) -> str | None:
        known = (mode, party)
        if known not in self._customers:
            found = [
                customer
                for customer in self._candidates(*known)
                if (customer.get("metadata") or {}).get("shopper") == party
            ]
            if not found:
                return None
            oldest = min(found, key=lambda customer: (_number(customer, "created"), customer["id"]))
            self._customers[known] = oldest["id"]
        return self._customers[known]

    def _candidates(self, mode: Mode, party: str) -> list[Fields]:
        quoted = party.replace("\\", "\\\\").replace("'", "\\'")
        query = {"query": f"metadata['shopper']:'{quoted}'", "limit": PAGE}
        try:
            return objects(self._wire.call(mode, "GET", "/v1/customers/search", query))
        except Refused:
            return self._wire.all(mode, "/v1/customers")


def _refuse_another_amount(instruction: Instruction, ours: list[Fields]) -> None:
    for found in ours:
        if found.get("amount", instruction.amount_fen) != instruction.amount_fen:
            raise _another_amount(instruction, _number(found, "amount"))


def _another_amount(instruction: Instruction, fen: int) -> InstitutionUnavailable:
    return InstitutionUnavailable(
        f"The institution has moved {fen} fen under {instruction.reference}, not {instruction.amount_fen}. "
        "This can happen after a restored backup: compare the books with the institution."
    )


def _is_ours(entry: Fields, instruction: Instruction) -> bool:
    return bool((entry.get("metadata") or {}).get("reference") == instruction.reference)


def _number(entry: Fields, name: str) -> int:
    value = entry.get(name)
    if not isinstance(value, int):
        raise InstitutionUnavailable(f"The institution tells no {name} of {entry['id']}.")
    return value


def _moved_fen(refunds: list[Fields]) -> int:
    return sum(_number(refund, "amount") for refund in refunds if refund.get("status") not in UNDONE)


def _of_parts(parts: list[Fields], amount_fen: int) -> Answer | None:
    """The outcome of a refund by its parts; None when there is none yet, or when they do not add up."""
    if _moved_fen(parts) >= amount_fen:
        moved = [part for part in parts if part.get("status") not in UNDONE]
        return Answer("succeeded" if all(part.get("status") == "succeeded" for part in moved) else "pending")
    if parts and not _moved_fen(parts):
        reasons = [str(part["failure_reason"]) for part in parts if part.get("failure_reason")]
        return Answer("failed", reasons[0] if reasons else "refund_failed")
    return None


def _incomplete(instruction: Instruction) -> InstitutionUnavailable:
    return InstitutionUnavailable(
        f"Only part of the refund {instruction.reference} could be made; handle the rest manually."
    )
