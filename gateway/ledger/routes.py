"""Routes of the merchant's side of the ledger: /v1/balance, /v1/balance_entries and /v1/certificates."""

from __future__ import annotations

from typing import Any

from gateway.core import digits
from gateway.errors import InvalidRequest
from gateway.ledger import service
from gateway.ledger.certificates import certificate
from gateway.ledger.schemas import (
    BalanceAnswer,
    BalanceEntryAnswer,
    BalanceEntryQuery,
    CertificateAnswer,
)
from gateway.web.operations import Api, Call
from gateway.web.paging import decoded, encoded

balance = Api("balance", prefix="/v1/balance")
entries = Api("balance_entries", prefix="/v1/balance_entries")
certificates = Api("certificates", prefix="/v1/certificates")
apis = (balance, entries, certificates)


@balance.get(scope="settlements:read", answer=BalanceAnswer)
def get_balance(call: Call) -> Any:
    """Retrieve the balance: what is pending, available and owed."""
    found = service.balances(call.tx, call.tenant)
    return {
        "mode": call.tenant.mode,
        "pending": found["merchant_pending"],
        "available": found["merchant_available"],
        "reserve": found["merchant_reserve"],
        "staged": found["merchant_staged"],
        "in_dispute": found["dispute_hold"],
        "receivable": found["merchant_receivable"],
        "as_of": call.tx.now,
    }


@entries.get(scope="settlements:read", query=BalanceEntryQuery, answer=BalanceEntryAnswer, lists=True)
def list_balance_entries(call: Call) -> Any:
    """List the lines of the merchant's accounts, newest first."""
    query = call.query
    rows = service.lines_of(
        call.tx,
        call.tenant,
        start=query["start"],
        end=query["end"],
        object_ids=() if query["payment"] is None else (query["payment"],),
        limit=query["limit"] + 1,
        before=_position(query["cursor"]),
    )
    shown = rows[: query["limit"]]
    more = len(rows) > len(shown)
    data = [service.line_view(row) for row in shown]
    return {
        "object": "list",
        "data": data,
        "has_more": more,
        "next_cursor": encoded(data[-1]["id"]) if more else None,
    }


@certificates.get("/<month>", scope="settlements:read", answer=CertificateAnswer)
def get_certificate(call: Call, month: str) -> Any:
    """Retrieve the signed certificate of a closed month: opening, movements and closing of each balance."""
    return certificate(call.tx, call.tenant, month, call.gateway.ports.signing_authority)


def _position(cursor: str | None) -> tuple[str, int] | None:
    if cursor is None:
        return None
    entry, _, typed = decoded(cursor).partition(":")
    line = digits.whole(typed, most_digits=9)
    if not entry.startswith("ent_") or line is None:
        raise InvalidRequest("The cursor is not valid: pass next_cursor unchanged.", param="cursor")
    return entry, line
