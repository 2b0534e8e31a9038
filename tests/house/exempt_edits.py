"""Edits of rows that need not be refused or named, each with the reason; no amount of money is among them."""

from __future__ import annotations

from gateway.db.frozen import NO_FACTS

EXEMPT: dict[str, str] = {
    **NO_FACTS,
    "applicant_link": "what the scorer counts, rebuilt from applications and forgotten after a time",
    "webhook_attempt": "the log of deliveries, kept for weeks; events themselves are frozen",
    "webhook_delivery": "the log of deliveries, kept for weeks; events themselves are frozen",
    "subject_key": "a wrong or lost key opens nothing: what it seals is authenticated",
    "webhook_secret": "a wrong or lost secret signs nothing that its receiver takes; a second key has no receiver",
    "invitation.delete": "takes access away and gives none",
    "passkey.delete": "takes access away and gives none",
    "client_secret.delete": "takes access away and gives none",
    "checkout.phone_lookup": "finds a sealed value, which proves itself",
    "checkout.address_lookup": "finds a sealed value, which proves itself",
    "checkout.address_sealed": "may be forgotten at any time",
    "checkout.term": "an offer until it is confirmed; what was agreed is signed",
    "checkout.plans": "an offer until it is confirmed; what was agreed is signed",
    "checkout.prices": "an offer until it is confirmed; what was agreed is signed",
    "checkout.unavailable": "an offer until it is confirmed; what was agreed is signed",
    "checkout.expires_at": "an offer until it is confirmed; what was agreed is signed",
    "checkout.disclosed_at": "an offer until it is confirmed; the consent log says what was shown",
    "checkout.identified_at": "an offer until it is confirmed; the consent log says who it was",
    "decision_request.features": "what is being asked; the decision keeps what it was made from",
    "decision_request.advice": "what is being asked; the decision keeps what it was made from",
    "decision_request.real_name": "what is being asked; the decision keeps what it was made from",
    "decision_request.person_decides": "what is being asked; the decision keeps what it was made from",
    "decision_request.task_id": "what is being asked; the decision keeps what it was made from",
    "checkout.copy": "an offer without a payment: a payment has one checkout",
    "message": "the log of what was told: neither money nor rights follow from it, and a stage's window has an event",
    "message_slot.copy": "lets a person get fewer messages",
    "checkout.language": "in which language a shopper is written to",
    "checkout.decline_code": "what a shopper is told; the decision keeps its reasons",
    "checkout.decline_reasons": "what a shopper is told; the decision keeps its reasons",
    "checkout.review_due_at": "when an answer is promised",
    "payment.metadata": "the merchant's own notes, which it may change at any time",
    "payment.next_moment_at": "when the jobs look next; what they do depends on the facts",
    "collection.failure": "the words of the institution for a failure that is told beside it",
    "payout.heard": "the words of the institution; the amount in them is compared, and what is booked has its entry",
    "destroyed_key.gone_at": "when the files were rewritten, set by an owner who has no keys",
    "destroyed_key.copy": "tells of a person who does not exist",
    "subsidy_quota.copy": "the quota of a person who does not exist",
    "captured_serial.copy": "a number that is on no parcel",
    "shadow_score.copy": "compares models and decides nothing",
    "row_version.copy": "says again what was said of a row",
}
"""By table, or by table and column (or ``delete`` or ``copy``)."""


def is_exempt(name: str) -> bool:
    """Whether an edit, such as ``loan.status``, is exempt."""
    return name in EXEMPT or name.partition(".")[0] in EXEMPT
