"""/v1/operator/disputes: the gateway's own people decide who is right, in both modes."""

from __future__ import annotations

from typing import Any

from gateway.audit.service import Actor
from gateway.db.transactions import READ_COMMITTED
from gateway.operators import decisions
from gateway.payments.disputes import deciding
from gateway.payments.schemas import OperatorDisputeAnswer, OperatorDisputeQuery, ResolveDisputeRequest
from gateway.web.operator_operations import OperatorApi, OperatorCall
from gateway.web.paging import listed

api = OperatorApi("operator_disputes", prefix="/v1/operator/disputes")


@api.get(scope="operator:read", query=OperatorDisputeQuery, answer=OperatorDisputeAnswer, lists=True)
def operator_list_disputes(call: OperatorCall) -> Any:
    """List disputes of all merchants or of one, newest first, in whatever state."""
    names = ("merchant", "mode", "status")
    query = deciding.wanted(**{name: call.query[name] for name in names})
    return listed(call, query, views=lambda rows: deciding.views(call.tx, rows))


@api.get("/<dispute_id>", scope="operator:read", answer=OperatorDisputeAnswer)
def operator_get_dispute(call: OperatorCall, dispute_id: str) -> Any:
    """Retrieve a dispute of whichever merchant."""
    (view,) = deciding.views(call.tx, [deciding.get(call.tx, dispute_id)])
    return view


@api.post(
    "/<dispute_id>/resolve",
    scope="operator:money",
    body=ResolveDisputeRequest,
    answer=OperatorDisputeAnswer,
    level=READ_COMMITTED,
)
def operator_resolve_dispute(call: OperatorCall, dispute_id: str) -> Any:
    """Decide a dispute: for the merchant, for the shopper once the merchant was heard, or as taken back."""
    person = decisions.of_api(call.caller)
    row = deciding.decide(
        call.tx,
        dispute_id,
        outcome=call.body["outcome"],
        reason=call.body["reason"],
        actor=Actor("operator", person.id),
        facts={"account": person.account},
    )
    (view,) = deciding.views(call.tx, [row])
    return view
