"""What ``fenqi-gateway review …`` does: applications that a person decides, and declines that a person looks at again.

Both are answered by the same two words. Who decided and why is recorded in the decision and in the audit log. Each
function returns the exit code.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.checkout import reviewing, service
from gateway.checkout.deciding import chosen_plan
from gateway.checkout.models import Checkout
from gateway.core.tables import listed, reported
from gateway.db.transactions import READ_COMMITTED, Database, Transaction
from gateway.decision import requests, reviews
from gateway.decision import service as decisions
from gateway.errors import InvalidRequest, NotFound
from gateway.identity import claims
from gateway.identity import service as identity
from gateway.privacy.vault import VaultError
from gateway.web.context import Gateway

APPEALS = "hrv_"
"""A decline that its shopper wants looked at; every other identifier is that of a checkout in review."""
IN_TABLE = ("review", "kind", "mode", "amount", "due_at", "overdue")


def show_list(db: Database, *, mode: str | None, after: str | None, limit: int, as_json: bool) -> int:
    """Print what waits for a person, the first due first; that there is more is said on standard error."""
    with db.read() as tx:
        place = _place(tx, after) if after else None
        rows = [
            _application_row(tx, row) for row in reviewing.waiting(tx, mode, after=place, limit=limit + 1)
        ]
        rows += [_appeal_row(tx, row) for row in reviews.waiting(tx, mode, after=place, limit=limit + 1)]
    rows.sort(key=lambda row: (row["due_at"], row["review"]))
    shown = rows[:limit]
    if not as_json:
        shown = [{name: row[name] for name in IN_TABLE} for row in shown]
    print(listed(shown, as_json=as_json))
    if len(rows) > limit:
        print(f"To see more: --after {shown[-1]['review']}", file=sys.stderr)
    return 0


def show(gateway: Gateway, actor: Actor, review: str, *, in_clear: bool, as_json: bool) -> int:
    """Print all that a reviewer needs about one review. Raises ``NotFound``.

    Who applies, and who is on file with the same ID number, is masked unless ``in_clear``, which the audit log says.
    """

    def in_transaction(tx: Transaction) -> dict[str, Any]:
        appeal = reviews.get(tx, review) if review.startswith(APPEALS) else None
        checkout = _checkout(tx, appeal.checkout_id if appeal else review)
        row = _appeal_row(tx, appeal) if appeal else _application_row(tx, checkout)
        audit.record(tx, actor, "review.show", about=review, facts={"in_clear": True} if in_clear else {})
        return {**row, **_case(tx, gateway, checkout, in_clear=in_clear)}

    print(reported(gateway.db.write(in_transaction), as_json=as_json))
    return 0


def decide(
    gateway: Gateway,
    actor: Actor,
    review: str,
    *,
    approve: bool,
    by: str,
    reason: str,
    person: str | None = None,
) -> int:
    """Approve or decline; ``person`` says whose a contested ID number is.

    An application becomes what was decided. A decline that a person approves is followed by a new offer, which the
    shopper is shown on its page. Raises ``NotFound``, ``WrongState``, ``InvalidRequest``, or ``CostAboveCeiling``.
    """
    if not by.strip():
        raise InvalidRequest("Say in --by the person who decided.", param="by")
    if not reason.strip():
        raise InvalidRequest("Say in --reason why.", param="reason")

    def in_transaction(tx: Transaction) -> dict[str, Any]:
        if review.startswith(APPEALS):
            if person is not None:
                raise InvalidRequest(
                    "--person applies only to applications in review, not to declines.", param="person"
                )
            _checkout(tx, reviews.get(tx, review).checkout_id)  # at the business time of its merchant
            outcome = "reconsider" if approve else "upheld"
            answered = reviews.resolve(tx, review, outcome=outcome, by=by, note=reason)
            told = {"review": answered.id, "status": answered.status, "by": answered.resolved_by}
        else:
            outcome = "approve" if approve else "decline"
            checkout = reviewing.resolve(
                tx, gateway, review, outcome=outcome, by=by, note=reason, person=person
            )
            told = {"review": checkout.id, "status": checkout.status, "by": by}
        facts = {"outcome": outcome, "by": by, "reason": reason} | ({"person": person} if person else {})
        audit.record(tx, actor, "review.resolve", about=review, facts=facts)
        return told

    _print(gateway.db.write(in_transaction, READ_COMMITTED))
    return 0


def _checkout(tx: Transaction, checkout_id: str) -> Checkout:
    checkout = service.locked(tx, checkout_id)
    if checkout is None:
        raise NotFound(f"There is no review {checkout_id!r}: see fenqi-gateway review list.")
    return checkout


def _place(tx: Transaction, review: str) -> tuple[datetime, str]:
    if review.startswith(APPEALS):
        return reviews.get(tx, review).due_at, review
    checkout = tx.get(Checkout, review)
    if checkout is None or checkout.review_due_at is None:
        raise NotFound(f"There is no review {review!r} to go on after.")
    return checkout.review_due_at, review


def _application_row(tx: Transaction, checkout: Checkout) -> dict[str, Any]:
    service.enter_time_of(tx, checkout)
    due = checkout.review_due_at
    return {
        "review": checkout.id,
        "kind": "application",
        "status": checkout.status,
        "due_at": due.isoformat() if due else None,
        "overdue": reviewing.is_overdue(tx, checkout),
        **_order(tx, checkout),
    }


def _appeal_row(tx: Transaction, appeal: Any) -> dict[str, Any]:
    checkout = tx.get_one(Checkout, appeal.checkout_id)
    service.enter_time_of(tx, checkout)
    return {
        "review": appeal.id,
        "kind": "appeal",
        "status": appeal.status,
        "due_at": appeal.due_at.isoformat(),
        "overdue": appeal.status == "requested" and appeal.due_at <= tx.now,
        **_order(tx, checkout),
    }


def _order(tx: Transaction, checkout: Checkout) -> dict[str, Any]:
    decision = decisions.latest(tx, checkout.id)
    return {
        "mode": checkout.mode,
        "checkout": checkout.id,
        "merchant": checkout.merchant_id,
        "shopper": checkout.shopper_id,
        "amount": decision.amount_fen,
        "reasons": [reason["code"] for reason in decision.reasons],
        "signals": decision.signals,
    }


def _case(tx: Transaction, gateway: Gateway, checkout: Checkout, *, in_clear: bool) -> dict[str, Any]:
    """The order, the plan, the person, and what led to the newest decision."""
    decision, request = decisions.latest(tx, checkout.id), requests.of_checkout(tx, checkout.id)
    plan = chosen_plan(checkout)
    shopper_id = checkout.shopper_id or ""
    return {
        "lender_reference": request.id if request else None,
        "merchant_name": service.merchant_of(tx, checkout).name,
        "merchant_reference": checkout.merchant_reference,
        "category": checkout.category,
        "items": checkout.items,
        "order_amount": checkout.amount_fen,
        "down_payment": checkout.down_payment_fen,
        "plan": {name: plan[name] for name in ("term", "total_payment", "installment", "annual_rate")},
        "person": _person(tx, gateway, shopper_id, in_clear=in_clear),
        "real_name": request.real_name if request else None,
        "on_file": _on_file(tx, gateway, shopper_id, in_clear=in_clear),
        "held": decisions.open_commitment_fen(tx, shopper_id),
        "reasons": decision.reasons,
        "recommended": decision.recommended,
        "recommended_limit": decision.recommended_limit_fen,
        "fraud_score": decision.fraud_score,
        "credit_score": decision.credit_score,
        "fraud_probability": decision.fraud_probability,
        "default_probability": decision.default_probability,
        "model": decision.model,
        "policy": decision.policy,
        "features": decision.features,
        "decisions": [
            {
                "decision": one.id,
                "outcome": one.outcome,
                "by": one.decided_by,
                "reason": one.note,
                "at": one.created_at.isoformat(),
            }
            for one in decisions.of_checkout(tx, checkout.id)
        ],
    }


def _on_file(tx: Transaction, gateway: Gateway, shopper_id: str, *, in_clear: bool) -> dict[str, Any] | None:
    """The holder of the ID number that the applicant only claims, and what differs there."""
    holder = claims.on_file(tx, shopper_id)
    if holder is None:
        return None
    return {
        "shopper": holder,
        "person": _person(tx, gateway, holder, in_clear=in_clear),
        "differs": list(claims.standing(tx, gateway.vault, shopper_id).differs),
        "held": decisions.open_commitment_fen(tx, holder),
    }


def _person(tx: Transaction, gateway: Gateway, shopper_id: str, *, in_clear: bool) -> dict[str, str] | None:
    shown = identity.opened if in_clear else identity.masked
    try:
        return shown(tx, gateway.vault, shopper_id)
    except VaultError:  # erased since
        return None


def _print(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
