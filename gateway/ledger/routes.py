"""Routes of the merchant's side of the ledger: /v1/balance and /v1/balance_entries."""

from __future__ import annotations

from typing import Any

from gateway.errors import InvalidRequest
from gateway.ledger import service
from gateway.ledger.schemas import BalanceAnswer, BalanceEntryAnswer, BalanceEntryQuery
from gateway.web.operations import Api, Call
from gateway.web.paging import decoded, encoded

balance = Api("balance", prefix="/v1/balance")
entries = Api("balance_entries", prefix="/v1/balance_entries")
apis = (balance, entries)


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
    return {
        "object": "list",
        "data": [_shown(row) for row in shown],
        "has_more": more,
        "next_cursor": encoded(_line_id(shown[-1])) if more else None,
    }


def _position(cursor: str | None) -> tuple[str, int] | None:
    if cursor is None:
        return None
    entry, _, line = decoded(cursor).partition(":")
    if not entry.startswith("ent_") or not line.isdigit() or len(line) > 9:
        raise InvalidRequest("The cursor is not valid: pass next_cursor unchanged.", param="cursor")
    return entry, int(line)


def _line_id(row: service.MerchantLine) -> str:
    return f"{row.entry_id}:{row.line}"


def _shown(row: service.MerchantLine) -> dict[str, Any]:
    return {
        "id": _line_id(row),
        "kind": row.kind,
        "account": row.account,
        "amount": row.amount_fen,
        "about": row.object_id,
        "payment": row.object_id if row.object_id.startswith("pay_") else None,
        "entry": row.entry_id,
        "effective_date": row.effective_date.isoformat(),
        "created_at": row.recorded_at,
    }
