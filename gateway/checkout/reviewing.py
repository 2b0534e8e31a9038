"""A person decides: what waits in review is ended, and a decline that was wrong is followed by a new offer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select, text

from gateway.checkout import access, identifying, service
from gateway.checkout import outcome as outcomes
from gateway.checkout.deciding import chosen_plan
from gateway.checkout.models import Checkout
from gateway.db.transactions import Transaction
from gateway.decision import reviews
from gateway.decision import service as decisions
from gateway.errors import DuplicateReference, InvalidRequest, NotFound, TermUnavailable, WrongState
from gateway.identity import claims
from gateway.merchants import business_clock
from gateway.payments import service as payments
from gateway.web.context import Gateway

if TYPE_CHECKING:
    from gateway.decision.models import HumanReview

OFFER_LIFE = timedelta(days=30)
"""For so long after a review in the shopper's favour the order can be gone on with."""
CHECKOUT_LIFE = timedelta(hours=24)


PERSONS = ("same", "another")
"""Whose a known ID number is: the person on file, or the applicant, who is somebody else."""


def resolve(
    tx: Transaction,
    gateway: Gateway,
    checkout_id: str,
    *,
    outcome: str,
    by: str,
    note: str | None = None,
    person: str | None = None,
) -> Checkout:
    """End the review of a checkout: ``approve`` or ``decline``, by a person who says why.

    ``person`` says whose the ID number is, where the applicant is not the one on file. Raises ``NotFound``,
    ``WrongState``, ``InvalidRequest`` without it, or ``CostAboveCeiling`` for an approval.
    """
    checkout = service.locked(tx, checkout_id)
    if checkout is None:
        raise NotFound(f"There is no checkout {checkout_id!r}.")
    if checkout.status != "under_review":
        raise WrongState(f"The checkout is {checkout.status}: it has no review to decide.", param="checkout")
    if outcome == "approve":
        _settle_identity(tx, gateway, checkout, person=person, by=by)
    elif person is not None:
        raise InvalidRequest(
            "Do not say whose the ID number is when you decline an application.", param="person"
        )
    decision = decisions.resolve_review(
        tx,
        checkout_id=checkout.id,
        outcome=outcome,
        decided_by=by,
        note=note,
        funder_name=gateway.settings.funder,
    )
    outcomes.settle(tx, gateway, checkout, chosen_plan(checkout), decision)
    return checkout


def _settle_identity(
    tx: Transaction, gateway: Gateway, checkout: Checkout, *, person: str | None, by: str
) -> None:
    """An approval says who the applicant is: nobody else's limit is drawn by somebody of whom it is not known."""
    shopper_id = checkout.shopper_id or ""
    if claims.on_file(tx, shopper_id) is None:
        if person is not None:
            raise InvalidRequest("No other person is on file with this ID number.", param="person")
        if any(reason["code"] == "identity_conflict" for reason in decisions.latest(tx, checkout.id).reasons):
            claims.verify(tx, shopper_id, by=by)
    elif person == "same":
        if identifying.accept(tx, gateway, shopper_id, by=by) is None:
            raise WrongState(
                "The applicant has loans of their own, so the two records cannot be merged.", param="person"
            )
    elif person == "another":
        claims.take_over(tx, shopper_id, by=by)
    else:
        raise InvalidRequest(
            "The ID number is on file with another name or phone. Say whose it is: same (the person on file, with new"
            " particulars) or another (the applicant's; the person on file gave a number that is not theirs).",
            param="person",
        )


def waiting(
    tx: Transaction, mode: str | None, *, after: tuple[datetime, str] | None, limit: int
) -> list[Checkout]:
    """Checkouts in review, the first due first, behind the place ``after``."""
    query = select(Checkout).where(text("status = 'under_review'"))
    if mode is not None:
        query = query.where(Checkout.mode == mode)
    due, identifier = col(Checkout.review_due_at), col(Checkout.id)
    if after is not None:
        query = query.where(due >= after[0], (due > after[0]) | (identifier > after[1]))
    return list(tx.exec(query.order_by(due, identifier).limit(limit)))


def is_overdue(tx: Transaction, checkout: Checkout) -> bool:
    """Whether the promised time has passed without an answer."""
    due = checkout.review_due_at
    return checkout.status == "under_review" and due is not None and due <= tx.now


def offer_ends(review: HumanReview | None) -> datetime | None:
    """Until when an order can be gone on with after a review in the shopper's favour; None without one."""
    if review is None or review.status != "reconsider" or review.resolved_at is None:
        return None
    return review.resolved_at + OFFER_LIFE


def reopen(tx: Transaction, gateway: Gateway, checkout_id: str) -> Checkout:
    """A new checkout of the same order with a quote of today, after a person found the decline wrong.

    Whoever asks again gets the same. Raises ``NotFound``, ``WrongState`` without such a review or when its offer has
    ended, ``DuplicateReference`` when the shop started the order again, or ``TermUnavailable``.
    """
    declined = service.locked(tx, checkout_id)
    if declined is None:
        raise NotFound("This checkout does not exist. Return to the shop and try again.")
    ends = offer_ends(reviews.of_checkout(tx, checkout_id))
    if declined.status != "declined" or ends is None:
        raise WrongState("There is no new offer for this order.", param="checkout")
    newest = _newest_of(tx, declined)
    if newest is not None and newest.status != "expired":
        return newest
    if ends <= tx.now:
        raise WrongState(f"The offer expired at {ends:%Y-%m-%dT%H:%M:%SZ}.", param="checkout")
    refuse_started_again(tx, declined)
    until = min(tx.now + CHECKOUT_LIFE, ends)
    return again(tx, gateway, declined, expires_at=until, reopens=declined.id)


def _newest_of(tx: Transaction, declined: Checkout) -> Checkout | None:
    query = select(Checkout.id).where(Checkout.reopens == declined.id).order_by(col(Checkout.id).desc())
    newest = tx.exec(query.limit(1)).first()
    return service.locked(tx, newest) if newest is not None else None


def refuse_started_again(tx: Transaction, declined: Checkout) -> None:
    """Raise ``DuplicateReference`` when the shop has started the order of a declined checkout again."""
    tenant, reference = service.tenant_of(declined), declined.merchant_reference
    live = service.live_of_order(tx, tenant, reference)
    if live is not None or payments.with_reference(tx, tenant, reference) is not None:
        raise DuplicateReference(
            "The shop has started a new checkout for this order.", param="merchant_reference"
        )


def again(tx: Transaction, gateway: Gateway, declined: Checkout, **differing: Any) -> Checkout:
    """A new checkout of a declined order with a quote of today; given is what differs. Raises ``TermUnavailable``."""
    business_clock.enter(tx, service.tenant_of(declined))
    progress = {
        "id", "status", "plans", "prices", "unavailable", "term", "shopper_id", "opened_at", "identified_at",
        "disclosed_at", "confirmed_at", "confirmed_quote_hash", "payment_id", "decline_code", "decline_reasons",
        "expires_at", "review_due_at", "reopens", "created_at", "address_lookup", "address_sealed",
        "address_grace_ends", "phone_lookup", "counter_offer", "counter_offer_of",
    }  # fmt: skip
    order = declined.model_dump(exclude=progress) | differing
    fresh = Checkout(**order, id=tx.new_id("chk"), status="open", plans=[], unavailable=[], created_at=tx.now)
    quote = service.quote_today(tx, gateway, fresh)
    if not quote["plans"]:
        raise TermUnavailable("No term is available for this amount today.", param="terms")
    fresh.plans, fresh.prices, fresh.unavailable = quote["plans"], quote["prices"], quote["unavailable"]
    access.give_address(gateway, fresh)
    tx.add(fresh)
    tx.flush()
    return fresh
