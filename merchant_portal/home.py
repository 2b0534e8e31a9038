"""The first page: what waits for the merchant, how the last days went, and the newest payments and settlements."""

from __future__ import annotations

from typing import Any

from fenqi import Fenqi

MOST = 100
"""Rows of one kind that are looked at; the page says when there may be more."""
DAYS = 14
"""How many settlements the bars stand for."""
HEIGHT = 40
"""Of the highest bar, in the units of the drawing."""
SHOWN_PAYMENTS, SHOWN_SETTLEMENTS = 6, 3
SERIES = ("captures", "refunds", "payout_amount")
SENT_BACK = ("failed", "returned")


def overview(client: Fenqi, *, money: bool) -> dict[str, Any]:
    """What the page shows: what is to do, the balance, the last days, the newest payments and settlements.

    Without ``money``, the right to see settlements, only what concerns payments.
    """
    settlements = client.settlements.list(page_size=DAYS).data if money else []
    return {
        "tasks": _tasks(client, money=money),
        "most": MOST,
        "balance": client.balance.retrieve() if money else None,
        "payments": client.payments.list(page_size=SHOWN_PAYMENTS).data,
        "settlements": settlements[:SHOWN_SETTLEMENTS],
        "series": [_series(name, settlements) for name in SERIES] if settlements else [],
        "days": [str(row.date) for row in (settlements[-1:] + settlements[:1])],
    }


def _tasks(client: Fenqi, *, money: bool) -> list[dict[str, Any]]:
    """What waits for somebody, the most urgent first: each with how many, the amount in fen and the first object."""
    payments, disputes = client.payments, client.disputes
    open_disputes = [row for row in disputes.list(page_size=MOST).data if row.status == "needs_response"]
    found: list[tuple[str, list[Any]]] = [
        ("dispute", sorted(open_disputes, key=lambda row: str(row.respond_by))),
        ("ship", payments.list(page_size=MOST, extra={"status": "authorized"}).data),
    ]
    if money:
        payouts = client.payouts.list(page_size=DAYS).data
        found.append(("payout", [row for row in payouts if row.status in SENT_BACK]))
        invoices = client.invoices.list(page_size=MOST).data
        found.append(("invoice", [row for row in invoices if row.amount_left]))
    return [
        {
            "kind": kind,
            "count": len(rows),
            "amount": sum(row.amount_left if kind == "invoice" else row.amount for row in rows),
            "first": rows[0],
        }
        for kind, rows in found
        if rows
    ]


def _series(name: str, settlements: list[Any]) -> dict[str, Any]:
    """One figure of the settlements, oldest first, as bars of at most ``HEIGHT``; amounts in fen."""
    values = [abs(row.to_dict()[name]) for row in reversed(settlements)]
    highest = max(values) or 1
    bars = [
        {"at": place * 10, "height": max(1, value * HEIGHT // highest)} for place, value in enumerate(values)
    ]
    return {"name": name, "total": sum(values), "bars": bars, "width": 10 * len(values) - 2}
