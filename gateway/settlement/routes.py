"""Routes of settlements and payouts."""

from __future__ import annotations

from typing import Any

from sqlmodel import col

from gateway.settlement import lists, service, statements
from gateway.settlement.models import SettlementLine
from gateway.settlement.schemas import PayoutAnswer, SettlementAnswer, SettlementLineAnswer
from gateway.web.csv_export import csv_bytes
from gateway.web.idempotency import FileAnswer
from gateway.web.operations import Api, Call
from gateway.web.paging import PageQuery, listed

api = Api("settlements", prefix="/v1/settlements")
payouts = Api("payouts", prefix="/v1/payouts")


@api.get(scope="settlements:read", query=PageQuery, answer=SettlementAnswer, lists=True)
def list_settlements(call: Call) -> Any:
    """List settlements, newest first."""
    return listed(call, lists.settlements(call.tenant), service.view)


@api.get("/<settlement_id>", scope="settlements:read", answer=SettlementAnswer)
def get_settlement(call: Call, settlement_id: str) -> Any:
    """Retrieve a settlement with its equation."""
    return service.view(service.get(call.tx, call.tenant, settlement_id))


def _lines_csv(call: Call, settlement_id: str) -> bytes:
    service.get(call.tx, call.tenant, settlement_id)
    rows = call.tx.exec(lists.lines_of(settlement_id).order_by(col(SettlementLine.id)))
    answer = SettlementLineAnswer()
    return csv_bytes(list(answer.fields), (answer.dump(service.line_view(row)) for row in rows))


@api.get(
    "/<settlement_id>/lines",
    scope="settlements:read",
    query=PageQuery,
    answer=SettlementLineAnswer,
    lists=True,
    csv=_lines_csv,
)
def list_settlement_lines(call: Call, settlement_id: str) -> Any:
    """List the lines of a settlement; with `Accept: text/csv`, all of them as a file."""
    service.get(call.tx, call.tenant, settlement_id)
    return listed(call, lists.lines_of(settlement_id), service.line_view)


@api.get("/<settlement_id>/statement", scope="settlements:read", media_type=statements.MEDIA_TYPE)
def get_statement(call: Call, settlement_id: str) -> FileAnswer:
    """Retrieve a settlement's lines with the proof of each, as JSON lines that can be checked offline."""
    batch = service.get(call.tx, call.tenant, settlement_id)
    authority = call.gateway.ports.signing_authority
    return FileAnswer.of(statements.statement(call.tx, call.tenant, batch, authority))


@payouts.get(scope="settlements:read", query=PageQuery, answer=PayoutAnswer, lists=True)
def list_payouts(call: Call) -> Any:
    """List payouts, newest first."""
    return listed(call, lists.payouts(call.tenant), service.payout_view)


@payouts.get("/<payout_id>", scope="settlements:read", answer=PayoutAnswer)
def get_payout(call: Call, payout_id: str) -> Any:
    """Retrieve a payout: the instruction and its status."""
    return service.payout_view(service.get_payout(call.tx, call.tenant, payout_id))
