"""Routes of reconciliations: /v1/reconciliations."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlmodel import col, select

from gateway.reconciliation import result_file, service
from gateway.reconciliation.models import Reconciliation, ReconciliationItem
from gateway.reconciliation.schemas import (
    ReconciliationAnswer,
    ReconciliationBulkResolveRequest,
    ReconciliationConfirmRequest,
    ReconciliationItemAnswer,
    ReconciliationItemQuery,
    ReconciliationListQuery,
    ReconciliationRequest,
    ReconciliationResolvedAnswer,
    ReconciliationResolveRequest,
)
from gateway.web.context import Caller, Gateway
from gateway.web.operations import Api, Call, Created
from gateway.web.paging import listed, of_tenant
from gateway.web.rate_limits import Rate

api = Api("reconciliations", prefix="/v1/reconciliations")
SCOPE = "reconciliations:write"
UPLOADS = Rate("reconciliation uploads", per_second=0.2, burst=20)
DOWNLOADS = Rate("reconciliation items", per_second=5, burst=50)


def _look(gateway: Gateway, caller: Caller, body: dict[str, Any]) -> Any:
    return service.look(body["file"])


@api.post(
    scope=SCOPE,
    body=ReconciliationRequest,
    answer=ReconciliationAnswer,
    upload=True,
    prepare=_look,
    rate=UPLOADS,
    privileged=True,
)
def create_reconciliation(call: Call) -> Any:
    """Upload a file of the shop's orders, the bank's or the institution's, to compare it with what happened here."""
    row = service.create(call.tx, call.tenant, call.gateway.vault, body=call.body, looked=call.prepared)
    return Created(service.view(row))


@api.get(scope=SCOPE, query=ReconciliationListQuery, answer=ReconciliationAnswer, lists=True)
def list_reconciliations(call: Call) -> Any:
    """List reconciliations, newest first."""
    query = of_tenant(Reconciliation, call.tenant, kind=call.query["kind"], status=call.query["status"])
    return listed(call, query, service.view)


@api.get("/<reconciliation_id>", scope=SCOPE, answer=ReconciliationAnswer)
def get_reconciliation(call: Call, reconciliation_id: str) -> Any:
    """Retrieve a reconciliation: its columns, its progress, and how many rows agree."""
    return service.view(service.get(call.tx, call.tenant, reconciliation_id))


@api.post(
    "/<reconciliation_id>/confirm",
    scope=SCOPE,
    body=ReconciliationConfirmRequest,
    answer=ReconciliationAnswer,
    privileged=True,
)
def confirm_reconciliation(call: Call, reconciliation_id: str) -> Any:
    """Confirm which column holds what, and compare; files with the same headings need no confirmation after that."""
    return service.view(service.confirm(call.tx, call.tenant, reconciliation_id, body=call.body))


def _items_csv(call: Call, reconciliation_id: str) -> bytes:
    row = service.completed(call.tx, call.tenant, reconciliation_id)
    return result_file.csv_of(call.tx, call.gateway.vault, row)


@api.get(
    "/<reconciliation_id>/items",
    scope=SCOPE,
    query=ReconciliationItemQuery,
    answer=ReconciliationItemAnswer,
    lists=True,
    csv=_items_csv,
    rate=DOWNLOADS,
)
def list_reconciliation_items(call: Call, reconciliation_id: str) -> Any:
    """List what does not agree, in the order of the file; with `Accept: text/csv`, the file with its verdicts."""
    row = service.completed(call.tx, call.tenant, reconciliation_id)
    query = select(ReconciliationItem).where(ReconciliationItem.reconciliation_id == row.id)
    if call.query["status"] is not None:
        query = query.where(ReconciliationItem.verdict == call.query["status"])
    if call.query["resolved"] is not None:
        is_open = col(ReconciliationItem.resolved_at).is_(None)
        query = query.where(~is_open if call.query["resolved"] == "true" else is_open)
    view = partial(service.item_view, four_eyes_fen=_four_eyes(call))
    return listed(call, query, view, by="number", read=int)


@api.post(
    "/<reconciliation_id>/items/<item_id>/resolve",
    scope=SCOPE,
    body=ReconciliationResolveRequest,
    answer=ReconciliationItemAnswer,
    privileged=True,
)
def resolve_reconciliation_item(call: Call, reconciliation_id: str, item_id: str) -> Any:
    """Resolve one difference with a note; above the limit, another person confirms it."""
    return _resolved(call, reconciliation_id, [item_id])[0]


@api.post(
    "/<reconciliation_id>/resolve",
    scope=SCOPE,
    body=ReconciliationBulkResolveRequest,
    answer=ReconciliationResolvedAnswer,
    privileged=True,
)
def resolve_reconciliation_items(call: Call, reconciliation_id: str) -> Any:
    """Resolve several differences with one note, all or none."""
    return {"items": _resolved(call, reconciliation_id, call.body["items"])}


def _resolved(call: Call, reconciliation_id: str, item_ids: list[str]) -> list[dict[str, Any]]:
    items = service.resolve(
        call.tx,
        call.tenant,
        reconciliation_id,
        item_ids,
        note=call.body["note"],
        actor=call.caller.user_id or call.caller.client_id,
        four_eyes_fen=_four_eyes(call),
    )
    return [service.item_view(item, _four_eyes(call)) for item in items]


def _four_eyes(call: Call) -> int:
    return call.gateway.settings.reconciliation_four_eyes_fen
