"""Routes of exports: /v1/exports and /v1/voucher_accounts."""

from __future__ import annotations

from typing import Any

from gateway.exports import service
from gateway.exports.schemas import (
    ExportAnswer,
    ExportListQuery,
    ExportRequest,
    VoucherAccountsAnswer,
    VoucherAccountsRequest,
)
from gateway.web.idempotency import FileAnswer
from gateway.web.operations import Api, Call, Created
from gateway.web.paging import listed
from gateway.web.rate_limits import Rate

api = Api("exports", prefix="/v1/exports")
accounts = Api("voucher_accounts", prefix="/v1/voucher_accounts")
apis = (api, accounts)
SCOPE = ("settlements:read", "payments:read")
"""Either opens the door; which rows an export may hold, its kind says."""
EXPORTS = Rate("exports", per_second=0.2, burst=20)
DOWNLOADS = Rate("export downloads", per_second=2, burst=30)


@api.post(scope=SCOPE, body=ExportRequest, answer=ExportAnswer, rate=EXPORTS, privileged=True)
def create_export(call: Call) -> Any:
    """Create an export: a file that is made in the background, to be downloaded for seven days."""
    row = service.create(call.tx, call.tenant, scopes=call.caller.scopes, body=call.body)
    return Created(service.view(call.tx, row))


@api.get(scope=SCOPE, query=ExportListQuery, answer=ExportAnswer, lists=True)
def list_exports(call: Call) -> Any:
    """List exports, newest first."""
    query = service.listed(
        call.tenant, call.caller.scopes, kind=call.query["kind"], status=call.query["status"]
    )
    return listed(call, query, lambda row: service.view(call.tx, row))


@api.get("/<export_id>", scope=SCOPE, answer=ExportAnswer)
def get_export(call: Call, export_id: str) -> Any:
    """Retrieve an export: how far it is, and what its file weighs."""
    return service.view(call.tx, service.get(call.tx, call.tenant, export_id, scopes=call.caller.scopes))


@api.get("/<export_id>/file", scope=SCOPE, media_type="*/*", rate=DOWNLOADS)
def get_export_file(call: Call, export_id: str) -> FileAnswer:
    """Download the file of a completed export, as often as you like until it expires."""
    row = service.get(call.tx, call.tenant, export_id, scopes=call.caller.scopes)
    return service.download(call.tx, row)


@api.delete("/<export_id>", scope=SCOPE, answer=ExportAnswer, privileged=True)
def delete_export(call: Call, export_id: str) -> Any:
    """Delete the file of an export before it expires; one that is being made is given up."""
    row = service.get(call.tx, call.tenant, export_id, scopes=call.caller.scopes, lock=True)
    return service.view(call.tx, service.delete(call.tx, row))


@accounts.get(scope="settlements:read", answer=VoucherAccountsAnswer)
def get_voucher_accounts(call: Call) -> Any:
    """Retrieve the codes and names that vouchers use for your accounts."""
    return service.accounts_view(call.tx, call.tenant)


@accounts.patch(
    scope="settlements:read",
    roles=("owner", "finance"),
    body=VoucherAccountsRequest,
    answer=VoucherAccountsAnswer,
    privileged=True,
)
def update_voucher_accounts(call: Call) -> Any:
    """Change the codes and names of some of your accounts, for vouchers that are made from then on."""
    service.change_accounts(call.tx, call.tenant, call.body["accounts"])
    return service.accounts_view(call.tx, call.tenant)
