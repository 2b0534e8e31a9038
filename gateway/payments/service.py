"""Payments are authorised by an approved checkout, found again, shown, acknowledged, voided and expired.

``deadlines`` says when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, literal_column
from sqlalchemy import select as select_columns
from sqlmodel import SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core.calendar import first_moment, last_moment
from gateway.core.order_lines import OrderedLine
from gateway.core.payment_status import payment_status
from gateway.core.tenant import Tenant
from gateway.db.ownership import owned
from gateway.db.transactions import Transaction
from gateway.decision import limits
from gateway.errors import AmountAboveAuthorized, ValidationFailed, WrongState
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.merchants import service as merchants
from gateway.payments import deliveries, lines, quotas
from gateway.payments.contents import Contents, of_payment, of_payments
from gateway.payments.milestones import planning
from gateway.payments.models import STATUS, Capture, Dispute, Payment
from gateway.payments.moments import AUTHORIZATION_LIFE, first_after, moments
from gateway.payments.schemas import PaymentAnswer
from gateway.web.paging import of_tenant
from gateway.webhooks import service as events

ANSWER = PaymentAnswer()
ROWS = SQLModel.metadata.tables["payment"]
WITH_REFERENCE = select_columns(ROWS.c.id).where(
    ROWS.c.merchant_id == bindparam("merchant"),
    ROWS.c.mode == bindparam("mode"),
    ROWS.c.merchant_reference == bindparam("reference"),
)
"""Made once: every new checkout asks it."""


def authorize(
    tx: Transaction,
    tenant: Tenant,
    *,
    checkout_id: str,
    shopper_id: str,
    merchant_reference: str,
    funder: str,
    plan: dict[str, Any],
    price: dict[str, Any],
    metadata: dict[str, str],
    store: str | None = None,
    government_subsidy: dict[str, Any] | None = None,
    ordered: Sequence[OrderedLine],
) -> Payment | None:
    """The payment of an approved checkout, its amount held of the shopper's limit; None when the limit has no room.

    Its subsidy's quota is reserved too: whether that is free is for the caller to ask (``quotas.used``).
    """
    payment = Payment(
        id=tx.new_id("pay"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        checkout_id=checkout_id,
        shopper_id=shopper_id,
        merchant_reference=merchant_reference,
        funder=funder,
        amount_fen=plan["financed_amount"],
        captured_fen=0,
        voided_fen=0,
        expired_fen=0,
        refunded_fen=0,
        term=plan["term"],
        plan=plan,
        price=price,
        extra=metadata,
        store=store,
        government_subsidy=government_subsidy,
        expires_at=tx.now + AUTHORIZATION_LIFE,
        acknowledge_by=tx.now + timedelta(days=merchants.acknowledge_days(tx, tenant.merchant_id)),
        created_at=tx.now,
    )
    planned = moments(
        created_at=payment.created_at, acknowledge_by=payment.acknowledge_by, expires_at=payment.expires_at
    )
    payment.next_moment_at = first_after(planned, payment.created_at)
    held = limits.hold(
        tx, shopper_id=shopper_id, funder=funder, amount_fen=payment.amount_fen, about=payment.id
    )
    if not held:
        return None
    tx.add(payment)
    tx.flush()
    _open(tx, payment, ordered)
    return payment


def listed(tenant: Tenant, filters: Mapping[str, Any]) -> SelectOfScalar[Payment]:
    """The merchant's payments that a list is asked for; a filter that is None asks for nothing.

    One question behind the API and the pages. Raises ``ValidationFailed`` where a range ends before it begins.
    """
    _refuse_empty_range(filters, "created_from", "created_to")
    _refuse_empty_range(filters, "amount_min", "amount_max")
    query = of_tenant(
        Payment,
        tenant,
        merchant_reference=filters["merchant_reference"],
        merchant_order_id=filters["merchant_order_id"],
        store=filters["store"],
    )
    if filters["status"] is not None:
        query = query.where(literal_column(STATUS) == filters["status"])
    for name, condition in (
        ("created_from", lambda day: col(Payment.created_at) >= first_moment(day)),
        ("created_to", lambda day: col(Payment.created_at) <= last_moment(day)),
        ("amount_min", lambda fen: col(Payment.amount_fen) >= fen),
        ("amount_max", lambda fen: col(Payment.amount_fen) <= fen),
    ):
        if filters[name] is not None:
            query = query.where(condition(filters[name]))
    return query


def _refuse_empty_range(filters: Mapping[str, Any], first: str, last: str) -> None:
    low, high = filters[first], filters[last]
    if low is not None and high is not None and low > high:
        detail = f"Must not be below {first}: {high} is below {low}."
        raise ValidationFailed([{"param": last, "code": "invalid", "detail": detail}])


def _open(tx: Transaction, payment: Payment, ordered: Sequence[OrderedLine]) -> None:
    """Keep the lines that a new payment pays for, reserve its subsidy's quota, and book and tell of it."""
    contents = Contents(lines.open_lines(tx, payment, ordered))
    quotas.reserve(tx, payment, contents.standings)
    committed = postings.authorise(amount_fen=payment.amount_fen, payment=payment.id)
    ledger.book(tx, tenant_of(payment), ledger.Event("authorize", ("payment", payment.id), committed))
    note(tx, payment, "payment.authorized", contents=contents)


def locked(tx: Transaction, tenant: Tenant, payment_id: str) -> Payment:
    """The merchant's payment, locked until the transaction ends. Raises ``NotFound``."""
    payment = tx.exec(select(Payment).where(Payment.id == payment_id).with_for_update()).first()
    return owned(payment, tenant, "payment", payment_id, param="payment")


def get(tx: Transaction, tenant: Tenant, payment_id: str) -> Payment:
    """The merchant's payment. Raises ``NotFound``."""
    return owned(tx.get(Payment, payment_id), tenant, "payment", payment_id, param="payment")


def with_reference(tx: Transaction, tenant: Tenant, reference: str) -> str | None:
    """The id of the payment with this merchant reference, or None."""
    order = {"merchant": tenant.merchant_id, "mode": tenant.mode, "reference": reference}
    return tx.execute(WITH_REFERENCE, order).scalar()


def void(tx: Transaction, tenant: Tenant, *, payment_id: str, amount_fen: int | None, reason: str) -> Payment:
    """Release all or part of what was not captured, and the shopper's limit with it.

    Raises ``AmountAboveAuthorized`` or, when nothing is left, ``WrongState``.
    """
    payment = locked(tx, tenant, payment_id)
    amount = checked_capturable(payment, amount_fen, verb="void", done="voided")
    payment.voided_fen += amount
    _release(tx, payment, amount, reason="voided", number=payment.voided_fen)
    note(tx, payment, "payment.voided", reason=reason)
    return payment


def void_rest(tx: Transaction, payment: Payment) -> None:
    """Void what is left; the caller's event tells of it."""
    left = capturable_fen(payment)
    if left:
        payment.voided_fen += left
        _release(tx, payment, left, reason="voided", number=payment.voided_fen)


def expire(tx: Transaction, payment: Payment, **more: Any) -> None:
    """Let the authorisation of a payment lapse: what was not captured is released. Raises ``WrongState``."""
    left = checked_capturable(payment, None, verb="expire", done="expired")
    payment.expired_fen += left
    _release(tx, payment, left, reason="expired", number=payment.expired_fen)
    note(tx, payment, "payment.expired", None, **more)


def acknowledge(tx: Transaction, tenant: Tenant, *, payment_id: str, merchant_order_id: str) -> Payment:
    """Note that the shop's order exists. Raises what ``mark_acknowledged`` raises."""
    payment = locked(tx, tenant, payment_id)
    mark_acknowledged(tx, payment, merchant_order_id=merchant_order_id)
    return payment


def mark_acknowledged(tx: Transaction, payment: Payment, *, merchant_order_id: str | None = None) -> None:
    """The shop has said that its order exists, by name, by capturing or by extending: it is not reminded or voided.

    Idempotent. Raises ``WrongState`` for another order, and when the payment was voided or has
    lapsed without it: the shop must not ship.
    """
    if merchant_order_id is not None and payment.merchant_order_id not in (None, merchant_order_id):
        raise WrongState(
            f"The payment is already acknowledged for the order {payment.merchant_order_id!r}.",
            param="merchant_order_id",
        )
    if payment.acknowledged_at is None and status_of(payment) in ("voided", "expired"):
        raise WrongState(
            f"The payment is {status_of(payment)}: do not ship; start a new checkout for the order.",
            param="payment",
        )
    payment.merchant_order_id = merchant_order_id or payment.merchant_order_id
    payment.acknowledged_at = payment.acknowledged_at or tx.now
    tx.add(payment)


def capturable_fen(payment: Payment) -> int:
    """What can still be captured or voided, in fen."""
    return payment.capturable_fen


def checked_capturable(payment: Payment, amount_fen: int | None, *, verb: str, done: str) -> int:
    """The amount to capture or void. Raises ``WrongState`` when nothing is left, ``AmountAboveAuthorized`` above it."""
    left = capturable_fen(payment)
    if left == 0:
        raise WrongState(
            f"The payment is {status_of(payment)}: there is nothing left to {verb}.", param="payment"
        )
    if amount_fen is not None and amount_fen > left:
        raise AmountAboveAuthorized(
            f"{amount_fen} fen exceeds the {left} fen that can still be {done}.",
            param="amount",
            capturable_amount=left,
        )
    return left if amount_fen is None else amount_fen


def status_of(payment: Payment) -> str:
    """The payment's status, from its amounts."""
    return payment_status(
        authorised_fen=payment.amount_fen,
        captured_fen=payment.captured_fen,
        voided_fen=payment.voided_fen,
        expired_fen=payment.expired_fen,
        refunded_fen=payment.refunded_fen,
    )


def captures_of(tx: Transaction, payment_id: str) -> list[Capture]:
    """The captures of a payment, oldest first."""
    return list(tx.exec(select(Capture).where(Capture.payment_id == payment_id).order_by(col(Capture.id))))


def views(tx: Transaction, payments: Sequence[Payment]) -> list[dict[str, Any]]:
    """A page of payments as the API shows them, read in as many questions as one payment is."""
    contents = of_payments(tx, payments)
    return [view(tx, payment, contents[payment.id]) for payment in payments]


def view(tx: Transaction, payment: Payment, contents: Contents | None = None) -> dict[str, Any]:
    """The payment as the API shows it; pass ``contents`` if already loaded."""
    if contents is None:
        contents = of_payment(tx, payment)
    captures, standings, claims = contents.captures, contents.standings, _claims(contents)
    return {
        "id": payment.id,
        "mode": payment.mode,
        "status": status_of(payment),
        "amount": payment.amount_fen,
        "captured_amount": payment.captured_fen,
        "refunded_amount": payment.refunded_fen,
        "voided_amount": payment.voided_fen,
        "expired_amount": payment.expired_fen,
        "capturable_amount": capturable_fen(payment),
        "refundable_amount": payment.captured_fen - payment.refunded_fen,
        "refund_pending_amount": contents.refund_pending_fen,
        "term": payment.term,
        "plan": payment.plan,
        "captures": [
            {
                "id": capture.id,
                "amount": capture.amount_fen,
                "refunded_amount": capture.refunded_fen,
                "staged_amount": capture.staged_fen,
                "merchant_fee": capture.merchant_fee_fen,
                "merchant_subsidy": capture.merchant_subsidy_fen,
                "loan": capture.loan_id,
                "captured_at": capture.captured_at,
                "settlement_date": contents.settlement_dates[capture.id].isoformat(),
                "government_subsidy": claims.get(capture.id),
                "items": lines.items_of(standings, capture.id),
                "delivery": deliveries.view(capture),
                "return_until": deliveries.return_until(capture).isoformat(),
            }
            for capture in captures
        ],
        "lines": lines.view(standings),
        "shipping": deliveries.newest(captures),
        "government_subsidy": payment.government_subsidy,
        "checkout": payment.checkout_id,
        "merchant_reference": payment.merchant_reference,
        "merchant_order_id": payment.merchant_order_id,
        "store": payment.store,
        "metadata": payment.extra,
        "acknowledged_at": payment.acknowledged_at,
        "acknowledge_by": payment.acknowledge_by,
        "authorization_expires_at": payment.lapses_at,
        "authorization_extended": payment.extended_to is not None,
        "created_at": payment.created_at,
    }


def _claims(contents: Contents) -> dict[str, dict[str, Any]]:
    """The trade-in subsidy that goes with each capture, as the API shows it."""
    return {
        row.capture_id: {
            "id": row.id,
            "programme": row.programme,
            "amount": row.amount_fen,
            "returned": row.returned_fen,
            "paid_at": row.paid_at,
        }
        for row in contents.claims
    }


def note(tx: Transaction, payment: Payment, type: str, contents: Contents | None = None, **more: str) -> None:
    """Record an event that carries the payment as it now is."""
    tx.add(payment)
    data = {**ANSWER.dump(view(tx, payment, contents)), **more}
    events.record(tx, tenant_of(payment), type, object_id=payment.id, data=data)


def tenant_of(payment: Payment) -> Tenant:
    """Whose payment it is."""
    return Tenant.of(payment)


def _release(tx: Transaction, payment: Payment, amount_fen: int, *, reason: str, number: int) -> None:
    """Take the hold off the books and off the shopper's limit; ``number`` tells one partial release from another."""
    about = f"{payment.id}:{reason}:{number}"
    planning.fit(tx, payment)
    quotas.free(tx, payment)
    limits.release(
        tx,
        shopper_id=payment.shopper_id,
        funder=payment.funder,
        amount_fen=amount_fen,
        reason=reason,
        about=about,
    )
    ledger.book(
        tx,
        tenant_of(payment),
        ledger.Event(
            reason,
            ("payment", payment.id),
            postings.release_authorisation(amount_fen=amount_fen, payment=payment.id),
            key=about,
        ),
    )


def is_disputed(tx: Transaction, payment: Payment) -> bool:
    """Whether a dispute about the payment runs."""
    return _running_dispute(tx, payment) is not None


def refuse_disputed(tx: Transaction, payment: Payment) -> None:
    """Raise ``WrongState`` while a dispute about the payment runs: its amount is set aside already."""
    dispute = _running_dispute(tx, payment)
    if dispute is not None:
        raise WrongState(
            f"The payment is disputed ({dispute}): accept the dispute, or wait until it is decided.",
            param="payment",
            dispute=dispute,
        )


def _running_dispute(tx: Transaction, payment: Payment) -> str | None:
    query = select(Dispute.id).where(
        Dispute.payment_id == payment.id, col(Dispute.status).in_(("needs_response", "under_review"))
    )
    return tx.exec(query).first()
