"""Routes of settlements and payouts."""

from __future__ import annotations

from typing import Any

from sqlmodel import col

from gateway.core.calendar import shanghai_date
from gateway.settlement import invoices, lists, service, statements, terms
from gateway.settlement.models import MerchantInvoice, SettlementLine, SettlementTerms
from gateway.settlement.schemas import (
    InvoiceAnswer,
    PayoutAnswer,
    ReserveReleaseAnswer,
    SettlementAnswer,
    SettlementLineAnswer,
    SettlementTermsAnswer,
)
from gateway.web.csv_export import csv_bytes
from gateway.web.idempotency import FileAnswer
from gateway.web.operations import Api, Call
from gateway.web.paging import PageQuery, listed, of_tenant

api = Api("settlements", prefix="/v1/settlements")
payouts = Api("payouts", prefix="/v1/payouts")
agreed = Api("settlement_terms", prefix="/v1/settlement_terms")
reserve = Api("reserve_releases", prefix="/v1/reserve_releases")
invoice_api = Api("invoices", prefix="/v1/invoices")
apis = (api, payouts, agreed, reserve, invoice_api)


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


@agreed.get(scope="settlements:read", query=PageQuery, answer=SettlementTermsAnswer, lists=True)
def list_settlement_terms(call: Call) -> Any:
    """List the terms that were agreed with the merchant, newest first."""
    return listed(call, of_tenant(SettlementTerms, call.tenant), terms.row_view)


@agreed.get("/current", scope="settlements:read", answer=SettlementTermsAnswer)
def get_current_settlement_terms(call: Call) -> Any:
    """Retrieve the terms of today: those that were agreed, else the standard terms."""
    today, standard = shanghai_date(call.tx.now), terms.standard(call.gateway.settings)
    return terms.view(terms.in_force(call.tx, call.tenant, today, standard), call.tenant.mode)


@reserve.get(scope="settlements:read", query=PageQuery, answer=ReserveReleaseAnswer, lists=True)
def list_reserve_releases(call: Call) -> Any:
    """List what settlements held in reserve, newest first, each with the day of its release."""
    query = of_tenant(SettlementLine, call.tenant, kind="reserve_release")
    return listed(call, query, service.release_view, of="reserve_release")


@invoice_api.get(scope="settlements:read", query=PageQuery, answer=InvoiceAnswer, lists=True)
def list_invoices(call: Call) -> Any:
    """List invoices of what the merchant owed for too long, newest first."""
    query = of_tenant(MerchantInvoice, call.tenant)
    return listed(call, query, views=lambda rows: invoices.views(call.tx, rows))


@invoice_api.get("/<invoice_id>", scope="settlements:read", answer=InvoiceAnswer)
def get_invoice(call: Call, invoice_id: str) -> Any:
    """Retrieve an invoice with what is left of it."""
    return invoices.views(call.tx, [invoices.get(call.tx, call.tenant, invoice_id)])[0]
