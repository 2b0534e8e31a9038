"""The fake's settlements: one batch for each working day on which something settles."""

from __future__ import annotations

from ._clock import shanghai_date
from ._state import Fields, State


def close_due(state: State) -> None:
    """Close a batch for every settlement date up to today that has lines, oldest first."""
    today = shanghai_date(state.now).isoformat()
    due = sorted({line["date"] for line in state.settlement_lines if line["date"] <= today})
    for day in due:
        lines = [line for line in state.settlement_lines if line["date"] == day]
        state.settlement_lines = [line for line in state.settlement_lines if line["date"] != day]
        batch = _batch(state, day, lines)
        state.settlements[batch["id"]] = batch
        state.record("settlement.closed", batch)


def holds(batch: Fields) -> bool:
    """Whether a batch's equation holds to the fen."""
    arrives = batch["opening"] + batch["captures"] + batch["subsidies"] + batch["adjustments"]
    leaves = sum(batch[name] for name in ("merchant_fees", "merchant_subsidies", "refunds", "disputes"))
    net: int = arrives - leaves - batch["reserve_change"]
    return net == int(batch["closing"]) + int(batch["payout_amount"])


def _batch(state: State, day: str, lines: list[Fields]) -> Fields:
    captures = [line["of"] for line in lines if line["kind"] == "capture"]
    refunds = [line["of"] for line in lines if line["kind"] == "refund"]
    opening = next(reversed(state.settlements.values()))["closing"] if state.settlements else 0
    fees = sum(one["merchant_fee"] for one in captures) - sum(one["merchant_fee_returned"] for one in refunds)
    subsidies = sum(one["merchant_subsidy"] for one in captures)
    subsidies -= sum(one["merchant_subsidy_returned"] for one in refunds)
    captured, refunded = sum(one["amount"] for one in captures), sum(one["amount"] for one in refunds)
    captured += sum(line["fen"] for line in lines if line["kind"] == "stage")
    net = opening + captured - fees - subsidies - refunded
    return {
        **state.base("settlement", "stl"),
        "date": day,
        "currency": "CNY",
        "opening": opening,
        "captures": captured,
        "subsidies": 0,
        "merchant_fees": fees,
        "merchant_subsidies": subsidies,
        "refunds": refunded,
        "disputes": 0,
        "adjustments": 0,
        "reserve_change": 0,
        "closing": min(net, 0),
        "payout_amount": max(net, 0),
        "payout": None,
    }
