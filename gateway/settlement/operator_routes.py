"""/v1/operator/settlement_terms: one operator proposes how a merchant is settled, another confirms it."""

from __future__ import annotations

from typing import Any

from gateway.core.tenant import Tenant, mode_of
from gateway.errors import InvalidRequest
from gateway.operators import decisions
from gateway.operators.schemas import DecisionRequest, ProposalQuery
from gateway.settlement import terms, terms_proposals
from gateway.settlement.models import SettlementTermsProposal
from gateway.settlement.schemas import TermsPreviewAnswer, TermsProposalAnswer, TermsProposalRequest
from gateway.settlement.terms import Terms
from gateway.web.operations import Created
from gateway.web.operator_operations import OperatorApi, OperatorCall
from gateway.web.paging import listed

api = OperatorApi("operator_settlement_terms", prefix="/v1/operator/settlement_terms")


@api.get(scope="operator:read", query=ProposalQuery, answer=TermsProposalAnswer, lists=True)
def operator_list_settlement_terms(call: OperatorCall) -> Any:
    """List proposals of settlement terms of all merchants or of one, newest first, in whatever state."""
    query = terms_proposals.wanted(call.query["merchant"], call.query["status"])
    return listed(call, query, views=lambda rows: _views(call, rows))


@api.post(scope="operator:money", body=TermsProposalRequest, answer=TermsPreviewAnswer)
def operator_propose_settlement_terms(call: OperatorCall) -> Any:
    """Propose how a merchant is settled from a day on; nothing changes until another operator confirms it."""
    body = call.body
    row = terms_proposals.propose(
        call.tx,
        Tenant(body["merchant"], mode_of(body["mode"])),
        valid_from=body["valid_from"],
        changes=body["changes"],
        reason=body["reason"],
        by=decisions.of_api(call.caller),
        standard=_standard(call),
    )
    return Created(_preview(call, row))


@api.get("/<proposal_id>", scope="operator:read", answer=TermsPreviewAnswer)
def operator_get_settlement_terms(call: OperatorCall, proposal_id: str) -> Any:
    """Retrieve a proposal, and the terms before and after it."""
    return _preview(call, terms_proposals.get(call.tx, proposal_id))


@api.post("/<proposal_id>/confirm", scope="operator:money", body=DecisionRequest, answer=TermsPreviewAnswer)
def operator_confirm_settlement_terms(call: OperatorCall, proposal_id: str) -> Any:
    """Confirm another operator's proposal: its terms are agreed from their first day on."""
    row = terms_proposals.confirm(
        call.tx,
        proposal_id,
        reason=call.body["reason"],
        by=decisions.of_api(call.caller),
        standard=_standard(call),
    )
    return _preview(call, row)


@api.post("/<proposal_id>/reject", scope="operator:money", body=DecisionRequest, answer=TermsPreviewAnswer)
def operator_reject_settlement_terms(call: OperatorCall, proposal_id: str) -> Any:
    """Refuse another operator's proposal."""
    by = decisions.of_api(call.caller)
    return _preview(call, terms_proposals.reject(call.tx, proposal_id, reason=call.body["reason"], by=by))


@api.post("/<proposal_id>/withdraw", scope="operator:money", body=DecisionRequest, answer=TermsPreviewAnswer)
def operator_withdraw_settlement_terms(call: OperatorCall, proposal_id: str) -> Any:
    """Take back one's own proposal."""
    by = decisions.of_api(call.caller)
    return _preview(call, terms_proposals.withdraw(call.tx, proposal_id, reason=call.body["reason"], by=by))


def _standard(call: OperatorCall) -> Terms:
    return terms.standard(call.gateway.settings)


def _preview(call: OperatorCall, row: SettlementTermsProposal) -> dict[str, Any]:
    (view,) = _views(call, [row])
    before = after = None
    if row.status == "proposed":
        try:
            found = terms_proposals.foreseen(call.tx, row, standard=_standard(call))
            before, after = (terms.view(one, row.mode) for one in found)
        except InvalidRequest:  # its day has come: it can be rejected or withdrawn only
            pass
    return {**view, "before": before, "after": after}


def _views(call: OperatorCall, rows: list[SettlementTermsProposal]) -> list[dict[str, Any]]:
    return [
        {
            **said,
            "mode": row.mode,
            "valid_from": row.valid_from.isoformat(),
            "changes": {name.removesuffix("_fen"): value for name, value in row.changes.items()},
            "settlement_terms": row.terms_id,
        }
        for row, said in zip(rows, decisions.views(call.tx, rows), strict=True)
    ]
