"""A person looks at a decline: asked for once by the declined shopper, answered by the lender's staff.

``reconsider`` means that the shopper's next applications are not declined by the scorer: a person decides them.
"""

from __future__ import annotations

from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.decision import service
from gateway.decision.models import CreditDecision, HumanReview
from gateway.errors import NotFound, WrongState

OUTCOMES = ("upheld", "reconsider")


def request(tx: Transaction, *, checkout_id: str) -> HumanReview:
    """Note the request; asking again returns the first. Raises ``WrongState`` unless a decline stands."""
    known = of_checkout(tx, checkout_id)
    if known is not None:
        return known
    try:
        decision = service.latest(tx, checkout_id)
    except LookupError:
        raise WrongState("Nothing was decided about this checkout.", param="checkout") from None
    if decision.outcome != "decline":
        raise WrongState("Only a decline can be looked at again.", param="checkout")
    review = HumanReview(
        id=tx.new_id("hrv"),
        mode=decision.mode,
        checkout_id=checkout_id,
        shopper_id=decision.shopper_id,
        decision_id=decision.id,
        status="requested",
        requested_at=tx.now,
    )
    tx.add(review)
    tx.flush()
    return review


def of_checkout(tx: Transaction, checkout_id: str) -> HumanReview | None:
    """The request about a checkout, if there is one."""
    return tx.exec(select(HumanReview).where(HumanReview.checkout_id == checkout_id)).first()


def waiting(tx: Transaction) -> list[tuple[HumanReview, CreditDecision]]:
    """Requests that nobody has answered, oldest first, each with the decision it is about."""
    query = select(HumanReview, CreditDecision).join(
        CreditDecision,
        CreditDecision.id == HumanReview.decision_id,  # type: ignore[arg-type]
    )
    return list(tx.exec(query.where(HumanReview.status == "requested").order_by(col(HumanReview.id))))


def resolve(tx: Transaction, review_id: str, *, outcome: str, by: str) -> HumanReview:
    """Answer a request. Raises ``NotFound``, or ``WrongState`` when it was answered otherwise before."""
    review = tx.exec(select(HumanReview).where(HumanReview.id == review_id).with_for_update()).first()
    if review is None:
        raise NotFound(f"There is no request for review {review_id!r}.")
    if review.status not in ("requested", outcome):
        raise WrongState(f"The request was answered: {review.status}.", param="review")
    if review.status == "requested":
        review.status, review.resolved_at, review.resolved_by = outcome, tx.now, by
        tx.add(review)
        tx.flush()
    return review
