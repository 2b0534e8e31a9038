"""Routes of the merchant's side of the ledger: /v1/balance and /v1/balance_entries."""

from __future__ import annotations

from typing import Any

from sqlmodel import and_, col, or_

from gateway.errors import InvalidRequest
from gateway.ledger import service
from gateway.ledger.models import LedgerEntry, LedgerPosting
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
        "in_dispute": found["dispute_hold"],
        "receivable": found["merchant_receivable"],
        "as_of": call.tx.now,
    }


@entries.get(scope="settlements:read", query=BalanceEntryQuery, answer=BalanceEntryAnswer, lists=True)
def list_balance_entries(call: Call) -> Any:
    """List the lines of the merchant's accounts, newest first."""
    asked = call.query
    query = service.merchant_lines(call.tenant, start=asked["start"], end=asked["end"], payment=asked["payment"])
    entry, line = col(LedgerPosting.entry_id), col(LedgerPosting.line)
    if asked["cursor"] is not None:
        last_entry, _, last_line = decoded(asked["cursor"]).partition(":")
        if not last_line.isdigit():
            raise InvalidRequest("The cursor is not one of ours: pass next_cursor unchanged.", param="cursor")
        query = query.where(or_(entry < last_entry, and_(entry == last_entry, line < int(last_line))))
    rows = list(call.tx.exec(query.order_by(entry.desc(), line.desc()).limit(asked["limit"] + 1)))
    more = len(rows) > asked["limit"]
    rows = rows[: asked["limit"]]
    data = [_shown(posting, owner, account) for posting, owner, account in rows]
    return {
        "object": "list",
        "data": data,
        "has_more": more,
        "next_cursor": encoded(data[-1]["id"]) if more else None,
    }


def _shown(posting: LedgerPosting, entry: LedgerEntry, account: str) -> dict[str, Any]:
    return {
        "id": f"{posting.entry_id}:{posting.line}",
        "kind": entry.kind,
        "account": account,
        "amount": -posting.amount,
        "about": posting.object_id,
        "payment": posting.object_id if posting.object_id.startswith("pay_") else None,
        "entry": posting.entry_id,
        "effective_date": entry.effective_date.isoformat(),
        "created_at": entry.recorded_at,
    }
