"""The fake's checkouts: quotes, opening, and what the shopper does."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from . import _fields as f
from ._clock import rfc3339, shanghai_date
from ._payments import authorize
from ._schedule import plan
from ._state import Fields, Problem, State

EXPIRABLE = ("open", "identified")
UNDECIDED = (*EXPIRABLE, "deciding", "under_review")
_LIFE_SECONDS = 24 * 3600
_REVIEW = timedelta(hours=24)
_OUTCOMES = {
    "01": "approve",
    "02": "decline",
    "03": "review",
    "04": "decline",
    "05": "review",
    "06": "approve",
}
_NOT_PLAYED = ("down_payment", "id_number", "name")


def quote(state: State, *, amount: int, terms: list[int] | None) -> Fields:
    """The plans for ``amount`` fen and the terms that are not available."""
    plans, unavailable = [], []
    for term in terms or state.products:
        product = state.products.get(term)
        reason = "term_not_offered"
        if product is not None:
            if product.min_amount <= amount <= product.max_amount:
                plans.append(plan(product, amount=amount, term=term, contract_date=shanghai_date(state.now)))
                continue
            reason = "amount_below_minimum" if amount < product.min_amount else "amount_above_maximum"
        unavailable.append(
            {
                "term": term,
                "reason": reason,
                "min_amount": product.min_amount if product else None,
                "max_amount": product.max_amount if product else None,
            }
        )
    return {
        "object": "quote",
        "amount": amount,
        "currency": "CNY",
        "plans": plans,
        "unavailable": unavailable,
    }


_LATER = (
    "payment",
    "decline",
    "cancel_reason",
    "review_due_at",
    "reopens",
    "counter_offer",
    "counter_offer_of",
)
"""What a checkout gets after it is created, if at all."""


def create(state: State, body: Fields) -> tuple[int, Fields]:
    """Open a checkout, or answer the open one with the same reference and content."""
    _check(body)
    reference, content = body["merchant_reference"], json.dumps(body, sort_keys=True)
    for earlier in state.checkouts.values():
        if earlier["merchant_reference"] != reference or earlier["status"] not in (*UNDECIDED, "approved"):
            continue
        if earlier["status"] != "approved" and state.checkout_requests[earlier["id"]] == content:
            return 200, {**earlier, "url": _url(state, earlier["id"])}
        raise Problem(
            409,
            "duplicate_reference",
            f"{reference!r} already has the {earlier['status']} checkout {earlier['id']}.",
            param="merchant_reference",
            checkout=earlier["id"],
            payment=earlier["payment"],
        )
    quoted = quote(state, amount=body["amount"], terms=body.get("terms"))
    if not quoted["plans"]:
        raise Problem(
            422,
            "term_unavailable",
            "No term is available for this amount; see unavailable for the reasons.",
            param="terms" if "terms" in body else "amount",
            unavailable=quoted["unavailable"],
        )
    if "term" in body and body["term"] not in [plan["term"] for plan in quoted["plans"]]:
        raise Problem(
            422,
            "term_unavailable",
            f"{body['term']} instalments are not offered for this order; see unavailable for the reasons.",
            param="term",
            unavailable=quoted["unavailable"],
        )
    base = state.base("checkout", "chk")
    checkout = {
        "currency": "CNY",
        **body,
        **base,
        "store": body.get("store"),
        "locale": body.get("locale"),
        "metadata": body.get("metadata", {}),
        "merchant_discount": body.get("merchant_discount", 0),
        "status": "open",
        "url": None,
        "expires_at": rfc3339(state.now + timedelta(seconds=body.get("expires_in", _LIFE_SECONDS))),
        "plans": quoted["plans"],
        "unavailable": quoted["unavailable"],
        "term": body.get("term"),
        **dict.fromkeys(_LATER),
    }
    checkout.pop("expires_in", None)
    state.checkouts[checkout["id"]] = checkout
    state.checkout_requests[checkout["id"]] = content
    return 201, {**checkout, "url": _url(state, checkout["id"])}


def cancel(state: State, id: str) -> Fields:
    """The merchant's cancellation; repeating it changes nothing. Not while the lender is being asked."""
    checkout = state.existing("checkout", state.checkouts, id)
    if checkout["status"] == "deciding":
        raise Problem(409, "wrong_state", "The checkout is deciding and cannot become canceled.")
    if checkout["status"] != "canceled":
        checkout["cancel_reason"] = "merchant"
        _end(state, checkout, "canceled")
    return checkout


def choose(state: State, id: str, *, term: int | None) -> Fields:
    """The shopper picks a plan; the first one when ``term`` is None."""
    checkout = _undecided(state, id)
    offered = [offer["term"] for offer in checkout["plans"]]
    if term is not None and term not in offered:
        raise Problem(
            422,
            "term_unavailable",
            f"Term {term} is not offered here; available terms: {offered}.",
            param="term",
        )
    checkout["status"], checkout["term"] = "identified", term or offered[0]
    return checkout


def confirm(state: State, id: str) -> Fields:
    """The shopper confirms, and the lender has not answered yet."""
    checkout = _undecided(state, id)
    checkout["term"] = checkout["term"] or checkout["plans"][0]["term"]
    checkout["status"] = "deciding"
    return checkout


def approve(state: State, id: str, *, pays: bool = True) -> Fields:
    """The lender approves the chosen plan, or the first one: a payment is authorised."""
    checkout = _undecided(state, id)
    agreed = next(offer for offer in checkout["plans"] if checkout["term"] in (None, offer["term"]))
    checkout["term"] = agreed["term"]
    payment = authorize(state, checkout=checkout, plan=agreed)
    if not pays:
        state.unpaid.add(payment["id"])
    checkout["payment"] = payment["id"]
    _end(state, checkout, "approved")
    state.record("payment.authorized", payment)
    return checkout


def decline(state: State, id: str) -> Fields:
    """The lender declines; the merchant sees that it did and never why."""
    checkout = _undecided(state, id)
    checkout["decline"] = {"code": "declined"}
    return _end(state, checkout, "declined")


def review(state: State, id: str) -> Fields:
    """The lender wants a person to look."""
    checkout = _undecided(state, id)
    checkout["status"] = "under_review"
    checkout["review_due_at"] = rfc3339(state.now + _REVIEW)
    state.record("checkout.under_review", checkout)
    return checkout


def expire(state: State, id: str) -> Fields:
    """Time is over, or the shopper left for good."""
    checkout = _undecided(state, id)
    if checkout["status"] not in EXPIRABLE:
        raise Problem(409, "wrong_state", f"The checkout is {checkout['status']} and cannot become expired.")
    return _end(state, checkout, "expired")


def expire_overdue(state: State) -> None:
    """Expire every unconfirmed checkout whose time is over."""
    for checkout in state.checkouts.values():
        if checkout["status"] in EXPIRABLE and checkout["expires_at"] <= rfc3339(state.now):
            _end(state, checkout, "expired")


def complete(state: State, id: str, body: Fields) -> Fields:
    """Play the shopper with a sandbox phone number."""
    _refuse_not_played(body)
    f.checked(body, {}, {"phone": f.text, "term": f.whole})
    phone = body.get("phone", "13800000001")
    outcome = _OUTCOMES.get(phone[-2:]) if phone.removeprefix("+86").startswith("138000000") else None
    if outcome is None:
        raise Problem(
            501, "not_in_fake", f"The fake has no scorer: {phone!r} is not a sandbox number.", param="phone"
        )
    choose(state, id, term=body.get("term"))
    if outcome == "approve":
        return approve(state, id, pays=not phone.endswith("06"))
    return review(state, id) if outcome == "review" else decline(state, id)


def resolve(state: State, id: str, body: Fields) -> Fields:
    """End a review."""
    f.checked(body, {"outcome": f.one_of("approve", "decline")})
    checkout = state.existing("checkout", state.checkouts, id)
    if checkout["status"] != "under_review":
        raise Problem(409, "wrong_state", f"The checkout is {checkout['status']}, not under review.")
    return approve(state, id) if body["outcome"] == "approve" else decline(state, id)


def _url(state: State, id: str) -> str:
    """Where the shopper is sent: told to the creating call alone, as its last part is a secret."""
    secret = hashlib.sha256(id.encode()).hexdigest()[:40]
    return f"{state.base_url}/checkout/{id}/open/{secret}"


def _undecided(state: State, id: str) -> Fields:
    checkout = state.existing("checkout", state.checkouts, id)
    if checkout["status"] not in UNDECIDED:
        raise Problem(409, "wrong_state", f"The checkout is {checkout['status']}.")
    return checkout


def _end(state: State, checkout: Fields, status: str) -> Fields:
    if checkout["status"] not in UNDECIDED:
        raise Problem(409, "wrong_state", f"The checkout is {checkout['status']} and cannot become {status}.")
    checkout["status"] = status
    state.record(f"checkout.{status}", checkout)
    return checkout


def _refuse_not_played(body: Fields) -> None:
    for name in _NOT_PLAYED:
        if name in body:
            raise Problem(501, "not_in_fake", f"The fake gateway does not support {name}.", param=name)


def _check(body: Fields) -> None:
    _refuse_not_played(body)
    f.checked(
        body,
        {
            "amount": f.fen,
            "merchant_reference": f.text,
            "category": f.text,
            "items": f.things,
            "return_url": f.address,
            "cancel_url": f.address,
        },
        {
            "currency": f.one_of("CNY"),
            "government_subsidy": f.thing,
            "merchant_discount": f.fen,
            "terms": f.numbers,
            "store": f.text,
            "locale": f.one_of("zh-CN", "en"),
            "term": f.whole,
            "metadata": f.pairs,
            "expires_in": f.life,
        },
    )
    for index, item in enumerate(body["items"]):
        f.checked(
            item,
            {"name": f.text, "quantity": f.whole, "unit_price": f.fen},
            {
                "category": f.text,
                "sku": f.text,
                "serial_number": f.text,
                "energy_grade": f.whole,
                "subsidy_category": f.text,
            },
            path=f"items[{index}].",
        )
    subsidy: Any = body.get("government_subsidy", {})
    if subsidy:
        f.checked(subsidy, {"programme": f.text, "amount": f.fen}, path="government_subsidy.")
    expected = sum(item["quantity"] * item["unit_price"] for item in body["items"])
    expected -= body.get("merchant_discount", 0) + subsidy.get("amount", 0)
    if expected != body["amount"]:
        raise Problem(
            422,
            "amount_mismatch",
            f"The items minus discount and subsidy add up to {expected} fen, but the amount is {body['amount']} fen.",
            param="amount",
            expected=expected,
            actual=body["amount"],
            difference=body["amount"] - expected,
        )
