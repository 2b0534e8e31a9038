"""Routes of settlements and payouts."""

from __future__ import annotations

from typing import Any

from sqlmodel import col, select

from gateway.settlement import service
from gateway.settlement.models import Payout, SettlementBatch, SettlementLine
from gateway.settlement.schemas import PayoutAnswer, SettlementAnswer, SettlementLineAnswer
from gateway.web.csv_export import csv_bytes
from gateway.web.operations import Api, Call
from gateway.web.paging import PageQuery, page

api = Api("settlements", prefix="/v1/settlements")
payouts = Api("payouts", prefix="/v1/payouts")


@api.get(scope="settlements:read", query=PageQuery, answer=SettlementAnswer, lists=True)
def list_settlements(call: Call) -> Any:
    """List settlements, newest first."""
    found = page(
        call.tx,
        select(SettlementBatch).where(
            SettlementBatch.merchant_id == call.tenant.merchant_id, SettlementBatch.mode == call.tenant.mode
        ),
        by=col(SettlementBatch.id),
        key=lambda row: row.id,
        limit=call.query["limit"],
        cursor=call.query["cursor"],
    )
    return {**found, "data": [service.view(row) for row in found["data"]]}


@api.get("/<settlement_id>", scope="settlements:read", answer=SettlementAnswer)
def get_settlement(call: Call, settlement_id: str) -> Any:
    """Retrieve a settlement: the equation."""
    return service.view(service.get(call.tx, call.tenant, settlement_id))


def _lines_csv(call: Call, settlement_id: str) -> bytes:
    service.get(call.tx, call.tenant, settlement_id)
    query = select(SettlementLine).where(SettlementLine.batch_id == settlement_id)
    rows = call.tx.exec(query.order_by(col(SettlementLine.id)))
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
    found = page(
        call.tx,
        select(SettlementLine).where(SettlementLine.batch_id == settlement_id),
        by=col(SettlementLine.id),
        key=lambda line: line.id,
        limit=call.query["limit"],
        cursor=call.query["cursor"],
    )
    return {**found, "data": [service.line_view(line) for line in found["data"]]}


@payouts.get(scope="settlements:read", query=PageQuery, answer=PayoutAnswer, lists=True)
def list_payouts(call: Call) -> Any:
    """List payouts, newest first."""
    found = page(
        call.tx,
        select(Payout).where(Payout.merchant_id == call.tenant.merchant_id, Payout.mode == call.tenant.mode),
        by=col(Payout.id),
        key=lambda row: row.id,
        limit=call.query["limit"],
        cursor=call.query["cursor"],
    )
    return {**found, "data": [service.payout_view(row) for row in found["data"]]}


@payouts.get("/<payout_id>", scope="settlements:read", answer=PayoutAnswer)
def get_payout(call: Call, payout_id: str) -> Any:
    """Retrieve a payout: the instruction and its state."""
    return service.payout_view(service.get_payout(call.tx, call.tenant, payout_id))
