"""Routes of payments: /v1/payments."""

from __future__ import annotations

from typing import Any

from gateway.db.transactions import READ_COMMITTED
from gateway.payments import changes, service
from gateway.payments.capture import capture
from gateway.payments.schemas import (
    AcknowledgeRequest,
    CaptureRequest,
    ExtendRequest,
    PaymentAnswer,
    PaymentQuery,
    UpdateRequest,
    VoidRequest,
)
from gateway.web.idempotency import Idempotency
from gateway.web.operations import Api, Call
from gateway.web.paging import listed

api = Api("payments", prefix="/v1/payments")


@api.get(scope="payments:read", query=PaymentQuery, answer=PaymentAnswer, lists=True)
def list_payments(call: Call) -> Any:
    """List payments, newest first; filters can be combined."""
    by_day = call.query["created_from"] or call.query["created_to"]
    return listed(
        call,
        service.listed(call.tenant, call.query),
        views=lambda rows: service.views(call.tx, rows),
        since="created_at" if by_day else None,
    )


@api.get("/<payment_id>", scope="payments:read", answer=PaymentAnswer)
def get_payment(call: Call, payment_id: str) -> Any:
    """Retrieve a payment."""
    return service.view(call.tx, service.get(call.tx, call.tenant, payment_id))


@api.patch(
    "/<payment_id>", scope="payments:write", body=UpdateRequest, answer=PaymentAnswer, level=READ_COMMITTED
)
def update_payment(call: Call, payment_id: str) -> Any:
    """Change the order number, report a delivery, or set metadata after the approval.

    A delivery refers to the capture with its `tracking_number`, otherwise to each capture without a known receipt.
    `delivered_at` must lie between the capture and now; the 7-day return period starts there.
    """
    payment = changes.update(call.tx, call.tenant, payment_id=payment_id, **call.body)
    return service.view(call.tx, payment)


@api.post(
    "/<payment_id>/capture",
    scope="payments:write",
    body=CaptureRequest,
    answer=PaymentAnswer,
    idempotency=Idempotency(required=True, keep_days=30),
    level=READ_COMMITTED,
)
def capture_payment(call: Call, payment_id: str) -> Any:
    """Capture all or part of an authorised payment, usually on shipment."""
    body = call.body
    payment, contents = capture(
        call.tx,
        call.gateway,
        call.tenant,
        payment_id=payment_id,
        amount_fen=body["amount"],
        items=body["items"],
        delivery=body["delivery"],
        final=body["final"],
        milestone=body["milestone"],
    )
    return service.view(call.tx, payment, contents)


@api.post(
    "/<payment_id>/void", scope="payments:write", body=VoidRequest, answer=PaymentAnswer, level=READ_COMMITTED
)
def void_payment(call: Call, payment_id: str) -> Any:
    """Release all or part of the uncaptured amount."""
    payment = service.void(
        call.tx,
        call.tenant,
        payment_id=payment_id,
        amount_fen=call.body["amount"],
        reason=call.body["reason"],
    )
    return service.view(call.tx, payment)


@api.post(
    "/<payment_id>/extend",
    scope="payments:write",
    body=ExtendRequest,
    answer=PaymentAnswer,
    level=READ_COMMITTED,
)
def extend_payment(call: Call, payment_id: str) -> Any:
    """Let an authorisation last longer, once: an order may take time that is made for the shopper.

    Only a shop that has the order asks for it, so the payment counts as acknowledged.
    """
    payment = changes.extend(
        call.tx, call.tenant, payment_id=payment_id, until=call.body["authorization_expires_at"]
    )
    return service.view(call.tx, payment)


@api.post(
    "/<payment_id>/acknowledge",
    scope="payments:write",
    body=AcknowledgeRequest,
    answer=PaymentAnswer,
    level=READ_COMMITTED,
)
def acknowledge_payment(call: Call, payment_id: str) -> Any:
    """Acknowledge a payment: the shop's order exists."""
    payment = service.acknowledge(
        call.tx, call.tenant, payment_id=payment_id, merchant_order_id=call.body["merchant_order_id"]
    )
    return service.view(call.tx, payment)
