"""Routes of disputes: /v1/disputes."""

from __future__ import annotations

from typing import Any

from gateway.payments.disputes import service as disputes
from gateway.payments.schemas import DisputeAnswer, DisputeQuery, RespondRequest
from gateway.web.operations import Api, Call
from gateway.web.paging import listed

api = Api("disputes", prefix="/v1/disputes")


@api.get(scope="payments:read", query=DisputeQuery, answer=DisputeAnswer, lists=True)
def list_disputes(call: Call) -> Any:
    """List disputes, newest first."""
    return listed(call, disputes.listed(call.tenant, payment=call.query["payment"]), disputes.view)


@api.get("/<dispute_id>", scope="payments:read", answer=DisputeAnswer)
def get_dispute(call: Call, dispute_id: str) -> Any:
    """Retrieve a dispute."""
    return disputes.view(disputes.get(call.tx, call.tenant, dispute_id))


@api.post("/<dispute_id>/respond", scope="payments:write", body=RespondRequest, answer=DisputeAnswer)
def respond_to_dispute(call: Call, dispute_id: str) -> Any:
    """Answer a dispute; the lender decides."""
    return disputes.view(disputes.respond(call.tx, call.tenant, dispute_id, evidence=call.body["evidence"]))


@api.post("/<dispute_id>/accept", scope="refunds:write", answer=DisputeAnswer, privileged=True, step_up=True)
def accept_dispute(call: Call, dispute_id: str) -> Any:
    """Accept a dispute: the amount set aside repays the loan."""
    return disputes.view(disputes.accept(call.tx, call.tenant, dispute_id))
