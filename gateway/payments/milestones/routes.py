"""Routes of milestones: /v1/payments/{id}/milestones."""

from __future__ import annotations

from typing import Any

from gateway.db.transactions import READ_COMMITTED
from gateway.payments import service as payments
from gateway.payments.milestones import service
from gateway.payments.milestones.models import Milestone
from gateway.payments.milestones.schemas import (
    AnswerRequest,
    ClaimRequest,
    MilestoneAnswer,
    MilestoneQuery,
    MilestoneRequest,
)
from gateway.web.operations import Api, Call, Created
from gateway.web.paging import listed, of_tenant

api = Api("milestones", prefix="/v1/payments/<payment_id>/milestones")


@api.post(scope="payments:write", body=MilestoneRequest, answer=MilestoneAnswer, level=READ_COMMITTED)
def create_milestone(call: Call, payment_id: str) -> Any:
    """Stage a part of what can still be captured: it is settled once the stage is done.

    A capture that names the milestone carries it; the last capture carries all that are planned.
    """
    body = call.body
    row = service.plan(
        call.tx,
        call.tenant,
        payment_id=payment_id,
        kind=body["kind"],
        amount_fen=body["amount"],
        description=body["description"],
        due=body["due"],
    )
    return Created(service.view(call.tx, row))


@api.get(scope="payments:read", query=MilestoneQuery, answer=MilestoneAnswer, lists=True)
def list_milestones(call: Call, payment_id: str) -> Any:
    """List the milestones of a payment, newest first."""
    payments.get(call.tx, call.tenant, payment_id)
    query = of_tenant(Milestone, call.tenant, payment_id=payment_id, status=call.query["status"])
    return listed(call, query, views=lambda rows: service.views(call.tx, rows))


@api.get("/<milestone_id>", scope="payments:read", answer=MilestoneAnswer)
def get_milestone(call: Call, payment_id: str, milestone_id: str) -> Any:
    """Retrieve a milestone."""
    return service.view(call.tx, service.get(call.tx, call.tenant, payment_id, milestone_id))


@api.post(
    "/<milestone_id>/claim",
    scope="payments:write",
    body=ClaimRequest,
    answer=MilestoneAnswer,
    level=READ_COMMITTED,
)
def claim_milestone(call: Call, payment_id: str, milestone_id: str) -> Any:
    """Say that a captured stage is done: it is released when the shopper does not contest it in time."""
    row = service.claim(
        call.tx,
        call.tenant,
        payment_id=payment_id,
        milestone_id=milestone_id,
        words=call.body["text"],
        files=call.body["files"],
    )
    return service.view(call.tx, row)


@api.post(
    "/<milestone_id>/respond",
    scope="payments:write",
    body=AnswerRequest,
    answer=MilestoneAnswer,
    level=READ_COMMITTED,
)
def respond_to_contest(call: Call, payment_id: str, milestone_id: str) -> Any:
    """Answer the shopper's contest; a person decides."""
    row = service.answer(
        call.tx,
        call.tenant,
        payment_id=payment_id,
        milestone_id=milestone_id,
        words=call.body["text"],
    )
    return service.view(call.tx, row)
