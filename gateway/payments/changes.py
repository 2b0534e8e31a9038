"""Changes after the approval: the shop's own order number, what became of the parcels, metadata."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.checkout import service as checkouts
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import AuthorizationExpired, DuplicateReference, ValidationFailed, WrongState
from gateway.merchants import service as merchants
from gateway.payments import deliveries, service
from gateway.payments.milestones import service as milestones
from gateway.payments.models import Payment
from gateway.payments.moments import LONGEST_LIFE, moments
from gateway.payments.refunds import refund

MOST_METADATA = 50


def update(
    tx: Transaction,
    tenant: Tenant,
    *,
    payment_id: str,
    merchant_reference: str | None,
    shipping: dict[str, Any] | None,
    metadata: dict[str, str] | None,
) -> Payment:
    """Change what is given; what is None stays. Raises ``NotFound``, or what the parts raise; then nothing changed.

    Naming the shop's order says that it exists: a payment that was not acknowledged is. Metadata is merged by key, and
    an empty value removes its key.
    """
    payment = service.locked(tx, tenant, payment_id)
    if merchant_reference is not None:
        _rename(tx, tenant, payment, merchant_reference)
        if payment.merchant_order_id is None:
            service.acknowledge(tx, tenant, payment_id=payment.id, merchant_order_id=merchant_reference)
    if shipping is not None:
        deliveries.report(tx, service.captures_of(tx, payment.id), shipping)
        milestones.delivered(tx, payment)
        refund.unwind_refunded(tx, tenant, payment)
    if metadata is not None:
        payment.extra = _merged(payment.extra, metadata)
    tx.flush()
    return payment


def extend(tx: Transaction, tenant: Tenant, *, payment_id: str, until: datetime | None) -> Payment:
    """Let the authorisation last until then, or as long as its order's category allows; once.

    Whoever extends it has the order: it counts as acknowledged.

    Raises ``NotFound``; ``WrongState`` when nothing is left to capture, or it was or cannot be extended;
    ``AuthorizationExpired``; ``ValidationFailed`` for a time that is not later, or too late.
    """
    payment = service.locked(tx, tenant, payment_id)
    service.checked_capturable(payment, None, verb="extend", done="extended")
    if payment.lapses_at <= tx.now:
        raise AuthorizationExpired(
            f"The authorisation expired at {payment.lapses_at:%Y-%m-%dT%H:%M:%SZ}. Start a new checkout.",
            param="payment",
        )
    category = checkouts.get(tx, tenant, payment.checkout_id).category
    latest = payment.created_at + LONGEST_LIFE[category]
    if payment.extended_to is not None or latest <= payment.expires_at:
        raise WrongState(
            f"The authorisation was already extended to {payment.lapses_at:%Y-%m-%dT%H:%M:%SZ}: that is possible "
            "once. Capture before then, or start a new checkout.",
            param="payment",
        )
    until = latest if until is None else until
    if not payment.expires_at < until <= latest:
        detail = (
            f"Must be after {payment.expires_at:%Y-%m-%dT%H:%M:%SZ} and at the latest {latest:%Y-%m-%dT%H:%M:%SZ}, "
            f"{LONGEST_LIFE[category].days} days after the approval of an order of the category {category}."
        )
        raise ValidationFailed([{"param": "authorization_expires_at", "code": "invalid", "detail": detail}])
    payment.extended_to = until
    service.mark_acknowledged(tx, payment)
    planned = moments(
        created_at=payment.created_at, acknowledge_by=payment.acknowledge_by, expires_at=payment.lapses_at
    )
    # What has come and was not done yet is done all the same.
    since = payment.next_moment_at or tx.now
    payment.next_moment_at = next(moment.at for moment in planned if moment.at >= since)
    service.note(tx, payment, "payment.extended")
    return payment


def _rename(tx: Transaction, tenant: Tenant, payment: Payment, reference: str) -> None:
    """Give the payment another merchant reference. Raises ``DuplicateReference`` for that of another order.

    The merchant is locked: a new checkout waits, and looks for a payment of its reference behind its own row.
    """
    merchants.lock(tx, tenant.merchant_id)
    other = service.with_reference(tx, tenant, reference)
    checkout = checkouts.live_with_reference(tx, tenant, reference)
    if other not in (None, payment.id) or checkout not in (None, payment.checkout_id):
        raise DuplicateReference(
            f"The reference {reference!r} is already used by {other or checkout}: an order has one payment.",
            param="merchant_reference",
            payment=other,
            checkout=checkout,
        )
    payment.merchant_reference = reference


def _merged(known: dict[str, str], changes: dict[str, str]) -> dict[str, str]:
    merged = {key: text for key, text in {**known, **changes}.items() if text}
    if len(merged) > MOST_METADATA:
        detail = (
            f"Would have {len(merged)} pairs; at most {MOST_METADATA} are allowed. "
            "Remove some by sending an empty value."
        )
        raise ValidationFailed([{"param": "metadata", "code": "invalid", "detail": detail}])
    return merged
