"""A person looks at a decline: asked for once by the declined shopper, answered by the lender's staff.

``reconsider`` means that the decline was wrong: the shopper is offered the same order again (``checkout.reviewing``).
For a while the scorer alone does not decline the shopper's other applications, either: a person decides them.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func
from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.decision import service
from gateway.decision.models import HumanReview
from gateway.errors import NotFound, WrongState

OUTCOMES = ("upheld", "reconsider")


def request(tx: Transaction, *, checkout_id: str, due_at: datetime) -> HumanReview:
    """Note the request and until when its answer is promised; asking again returns the first.

    Raises ``WrongState`` unless a decline stands.
    """
    known = of_checkout(tx, checkout_id)
    if known is not None:
        return known
    try:
        decision = service.latest(tx, checkout_id)
    except LookupError:
        raise WrongState("No decision has been made about this checkout.", param="checkout") from None
    if decision.outcome != "decline":
        raise WrongState("Only a decline can be reviewed again.", param="checkout")
    review = HumanReview(
        id=tx.new_id("hrv"),
        mode=decision.mode,
        checkout_id=checkout_id,
        shopper_id=decision.shopper_id,
        decision_id=decision.id,
        status="requested",
        requested_at=tx.now,
        due_at=due_at,
    )
    tx.add(review)
    tx.flush()
    return review


def of_checkout(tx: Transaction, checkout_id: str) -> HumanReview | None:
    """The request about a checkout, if there is one."""
    return tx.exec(select(HumanReview).where(HumanReview.checkout_id == checkout_id)).first()


def waiting(
    tx: Transaction, mode: str | None, *, after: tuple[datetime, str] | None, limit: int
) -> list[HumanReview]:
    """Requests that nobody has answered, the first due first, behind the place ``after``."""
    query = select(HumanReview).where(HumanReview.status == "requested")
    if mode is not None:
        query = query.where(HumanReview.mode == mode)
    due, identifier = col(HumanReview.due_at), col(HumanReview.id)
    if after is not None:
        query = query.where(due >= after[0], (due > after[0]) | (identifier > after[1]))
    return list(tx.exec(query.order_by(due, identifier).limit(limit)))


def get(tx: Transaction, review_id: str) -> HumanReview:
    """The request. Raises ``NotFound``."""
    review = tx.get(HumanReview, review_id)
    if review is None:
        raise NotFound(f"There is no request for review {review_id!r}.")
    return review


def resolve(
    tx: Transaction, review_id: str, *, outcome: str, by: str, note: str | None = None
) -> HumanReview:
    """Answer a request. Raises ``NotFound``, or ``WrongState`` when it was answered otherwise before."""
    review = tx.exec(select(HumanReview).where(HumanReview.id == review_id).with_for_update()).first()
    if review is None:
        raise NotFound(f"There is no request for review {review_id!r}.")
    if review.status not in ("requested", outcome):
        raise WrongState(f"The request was already answered: {review.status}.", param="review")
    if review.status == "requested":
        review.status, review.resolved_at = outcome, tx.now
        review.resolved_by, review.note = by, note
        tx.add(review)
        tx.flush()
    return review


def overdue(tx: Transaction) -> dict[str, int]:
    """Requests whose promised answer is late, by mode."""
    query = (
        select(HumanReview.mode, func.count())
        .where(HumanReview.status == "requested", HumanReview.due_at <= tx.now)
        .group_by(col(HumanReview.mode))
    )
    return dict(tx.exec(query).all())
