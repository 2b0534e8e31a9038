"""Routes of refunds: /v1/refunds."""

from __future__ import annotations

from typing import Any

from gateway.core.money import MAX_AMOUNT_FEN
from gateway.db.transactions import READ_COMMITTED
from gateway.payments.refunds import service as refund_records
from gateway.payments.refunds.effect import Demand
from gateway.payments.refunds.preview import preview
from gateway.payments.refunds.refund import refund
from gateway.payments.refunds.schemas import RefundAnswer, RefundPreviewAnswer, RefundQuery, RefundRequest
from gateway.web import permissions
from gateway.web.idempotency import Idempotency
from gateway.web.operations import Api, Call, Created
from gateway.web.paging import listed

api = Api("refunds", prefix="/v1/refunds")


@api.post(
    scope="refunds:write",
    body=RefundRequest,
    answer=RefundAnswer,
    idempotency=Idempotency(required=True, keep_days=30),
    level=READ_COMMITTED,
)
def create_refund(call: Call) -> Any:
    """Refund a payment, in full (omit the amount) or in part; the loan principal is reduced first.

    The kind decides which fees and subsidies come back. A capture whose refunds add up to all of it inside 7 days of
    receipt is unwound, whatever the kind: its loan is canceled as if it had never existed, without interest or fee,
    what the shopper has paid is returned, and the answer's kind is ``unwind``. Requesting ``unwind`` fails
    if it cannot be unwound. For a person's token, an amount above FENQI_STEP_UP_REFUND_FEN, or none, requires a login
    within the last five minutes (`step_up_required`).
    """
    body = call.body
    if (body["amount"] or MAX_AMOUNT_FEN) > call.gateway.settings.step_up_refund_fen:
        permissions.check_step_up(call.caller, call.gateway.clock())
    row = refund(
        call.tx,
        call.tenant,
        payment_id=body["payment"],
        capture_id=body["capture"],
        amount_fen=body["amount"],
        items=body["items"],
        refund_reference=body["refund_reference"],
        kind=body["kind"],
        reason=body["reason"],
        initiated_by="portal" if call.caller.user_id else "api",
    )
    return Created(refund_records.view(row))


@api.post(
    "/preview",
    scope=("refunds:write", "payments:read"),
    body=RefundRequest,
    answer=RefundPreviewAnswer,
    computes=True,
)
def preview_refund(call: Call) -> Any:
    """Compute what this refund would do, without creating it; nothing is reserved.

    The body is that of a refund, and so are the errors. Created now, the refund would have the same figures.
    """
    body = call.body
    return preview(
        call.tx,
        call.tenant,
        payment_id=body["payment"],
        demand=Demand(
            kind=body["kind"],
            capture_id=body["capture"],
            amount_fen=body["amount"],
            items=body["items"],
            refund_reference=body["refund_reference"],
        ),
        reason=body["reason"],
        initiated_by="portal" if call.caller.user_id else "api",
    )


@api.get("/<refund_id>", scope=("refunds:write", "payments:read"), answer=RefundAnswer)
def get_refund(call: Call, refund_id: str) -> Any:
    """Retrieve a refund."""
    return refund_records.view(refund_records.get(call.tx, call.tenant, refund_id))


@api.get(scope=("refunds:write", "payments:read"), query=RefundQuery, answer=RefundAnswer, lists=True)
def list_refunds(call: Call) -> Any:
    """List refunds, newest first; by its payment, or by the reference that you gave it."""
    query = refund_records.listed(
        call.tenant, payment=call.query["payment"], reference=call.query["reference"]
    )
    return listed(call, query, refund_records.view)
