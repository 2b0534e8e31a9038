"""GET /v1/audit_entries."""

from __future__ import annotations

from typing import Any

from gateway.audit.models import AuditEntry
from gateway.audit.schemas import AuditEntryAnswer, AuditQuery
from gateway.web.operations import Api, Call
from gateway.web.paging import listed, of_tenant

api = Api("audit", prefix="/v1/audit_entries")


@api.get(scope="portal", query=AuditQuery, answer=AuditEntryAnswer, lists=True)
def list_audit_entries(call: Call) -> Any:
    """List what your team, your servers and the gateway's operators did to your account, newest first."""
    query = of_tenant(
        AuditEntry,
        call.tenant,
        of_both_modes=True,
        action=call.query["action"],
        about=call.query["about"],
    )
    return listed(call, query, by="number", read=int)
