"""/v1/operator/rate_cards: one operator proposes a merchant's card, another confirms it."""

from __future__ import annotations

from typing import Any

from sqlmodel import select

from gateway.operators import decisions
from gateway.operators.schemas import DecisionRequest, ProposalQuery
from gateway.plans import service as plans
from gateway.plans.cards import files, service
from gateway.plans.models import RateCard
from gateway.plans.schemas import ProposedRateCardAnswer, RateCardPreviewAnswer, RateCardRequest
from gateway.web.operations import Created
from gateway.web.operator_operations import OperatorApi, OperatorCall
from gateway.web.paging import listed

api = OperatorApi("operator_rate_cards", prefix="/v1/operator/rate_cards")


@api.get(scope="operator:read", query=ProposalQuery, answer=ProposedRateCardAnswer, lists=True)
def operator_list_rate_cards(call: OperatorCall) -> Any:
    """List rate cards of all merchants or of one, newest first, in whatever state."""
    query = select(RateCard)
    if call.query["merchant"] is not None:
        query = query.where(RateCard.merchant_id == call.query["merchant"])
    if call.query["status"] is not None:
        query = query.where(RateCard.status == call.query["status"])
    return listed(call, query, views=lambda rows: _views(call, rows), of="operator_rate_card")


@api.post(scope="operator:write", body=RateCardRequest, answer=RateCardPreviewAnswer)
def operator_propose_rate_card(call: OperatorCall) -> Any:
    """Propose a whole card for a merchant from a day on; nothing changes until another operator confirms it."""
    body = call.body
    row = service.propose(
        call.tx,
        body["merchant"],
        files.of_objects(body["prices"], body["subsidy_programmes"]),
        first_day=body["valid_from"],
        reason=body["reason"],
        by=decisions.of_api(call.caller),
        lender=plans.lender_of(call.gateway.settings),
    )
    return Created(_preview(call, row))


@api.get("/<card_id>", scope="operator:read", answer=RateCardPreviewAnswer)
def operator_get_rate_card(call: OperatorCall, card_id: str) -> Any:
    """Retrieve a card; of a proposal also what it would change now."""
    return _preview(call, service.get(call.tx, card_id))


@api.post("/<card_id>/confirm", scope="operator:write", body=DecisionRequest, answer=RateCardPreviewAnswer)
def operator_confirm_rate_card(call: OperatorCall, card_id: str) -> Any:
    """Confirm another operator's proposal: it is checked again, and its prices stand in the catalogue."""
    lender = plans.lender_of(call.gateway.settings)
    by = decisions.of_api(call.caller)
    return _preview(call, service.confirm(call.tx, card_id, reason=call.body["reason"], by=by, lender=lender))


@api.post("/<card_id>/reject", scope="operator:write", body=DecisionRequest, answer=RateCardPreviewAnswer)
def operator_reject_rate_card(call: OperatorCall, card_id: str) -> Any:
    """Refuse another operator's proposal."""
    by = decisions.of_api(call.caller)
    return _preview(call, service.reject(call.tx, card_id, reason=call.body["reason"], by=by))


@api.post("/<card_id>/withdraw", scope="operator:write", body=DecisionRequest, answer=RateCardPreviewAnswer)
def operator_withdraw_rate_card(call: OperatorCall, card_id: str) -> Any:
    """Take back one's own proposal."""
    by = decisions.of_api(call.caller)
    return _preview(call, service.withdraw(call.tx, card_id, reason=call.body["reason"], by=by))


def _preview(call: OperatorCall, row: RateCard) -> dict[str, Any]:
    (view,) = _views(call, [row])
    changes = service.difference_of(call.tx, row) if row.status == "proposed" else None
    return {**view, "difference": changes}


def _views(call: OperatorCall, rows: list[RateCard]) -> list[dict[str, Any]]:
    return [
        {
            **said,
            "valid_from": row.first_day.isoformat(),
            "prices": row.prices,
            "subsidy_programmes": row.subsidy_programmes,
        }
        for row, said in zip(rows, decisions.views(call.tx, rows), strict=True)
    ]
