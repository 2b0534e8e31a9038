"""Settlement lines are gathered here, and settlements are found and shown; ``closing.py`` closes their batches."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlmodel import col, func, select

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.ownership import owned
from gateway.db.parts import in_parts
from gateway.db.transactions import Transaction
from gateway.ledger import service as ledger
from gateway.settlement.batch import SIGNS
from gateway.settlement.models import Payout, SettlementBatch, SettlementLine
from gateway.settlement.ready import waiting_lines
from gateway.settlement.schemas import PayoutAnswer, SettlementAnswer

PAYOUT_TOPIC = "payout.instruct"
INSTITUTION = "payment_institution"
SETTLEMENT_ANSWER = SettlementAnswer()
PAYOUT_ANSWER = PayoutAnswer()


@dataclass(frozen=True, slots=True)
class Bearing:
    """Which claims of the merchant bear a refund; amounts in fen."""

    pending_fen: int
    available_fen: int
    receivable_fen: int
    open_until: date | None = None
    """The settlement date of what is pending of the capture."""


def add_line(
    tx: Transaction,
    tenant: Tenant,
    *,
    kind: str,
    object_id: str,
    amount_fen: int,
    entry_id: str,
    payment_id: str = "",
    capture_id: str = "",
    merchant_reference: str = "",
    store: str | None = None,
    merchant_fee_fen: int = 0,
    merchant_subsidy_fen: int = 0,
    from_pending_fen: int = 0,
    settlement_date: date | None = None,
    test_failure: str | None = None,
) -> None:
    """A movement of what the merchant is due waits for the batch of ``settlement_date`` (default: today's or the next).

    Amounts in fen, positive; ``batch.SIGNS`` says which way a kind goes. ``from_pending_fen`` is the part of the net
    that stands on ``merchant_pending`` until that batch closes.
    """
    tx.add(
        SettlementLine(
            id=tx.new_id("sln"),
            merchant_id=tenant.merchant_id,
            mode=tenant.mode,
            kind=kind,
            object_id=object_id,
            payment_id=payment_id,
            capture_id=capture_id,
            merchant_reference=merchant_reference,
            store=store,
            amount_fen=amount_fen,
            merchant_fee_fen=merchant_fee_fen,
            merchant_subsidy_fen=merchant_subsidy_fen,
            net_fen=amount_fen - merchant_fee_fen - merchant_subsidy_fen,
            from_pending_fen=from_pending_fen,
            settlement_date=settlement_date or shanghai_date(tx.now),
            test_failure=test_failure,
            entry_id=entry_id,
            created_at=tx.now,
        )
    )


class Bearer:
    """Says which claims of the merchant bear what is taken from it, one thing after another; books nothing of it.

    With ``locks`` nobody changes these claims until the transaction ends, so that what it says can be booked; without,
    it only looks.
    """

    def __init__(self, tx: Transaction, tenant: Tenant, *, locks: bool = True) -> None:
        self._tx, self._tenant, self._locks = tx, tenant, locks
        self._available: int | None = None

    def of_capture(
        self, *, payment_id: str, capture_id: str, net_fen: int, unwound: bool = False, staged_fen: int = 0
    ) -> Bearing:
        """A refund of a capture: the rest of its pending claim, then the merchant; of a settled one, what is available.

        A claim is the amount less the fee: a refund that keeps the fee can be above it. Unwinding takes the claim
        whole, and what earlier refunds took of other claims comes back to them. ``staged_fen`` is what stages that it
        ends free: that is pending, too, and bears it in the same batch.
        """
        self._lock()
        until = open_until(self._tx, capture_id, locks=self._locks)
        if until is None:
            freed = min(net_fen, staged_fen)
            rest = self.settled(net_fen - freed)
            return replace(rest, pending_fen=freed, open_until=shanghai_date(self._tx.now)) if freed else rest
        if unwound:
            return Bearing(net_fen, 0, 0, until)
        lines = self._tx.exec(
            select(SettlementLine.kind, SettlementLine.from_pending_fen).where(
                SettlementLine.payment_id == payment_id,
                SettlementLine.capture_id == capture_id,
                col(SettlementLine.batch_id).is_(None),
            )
        )
        left = staged_fen + sum(SIGNS[kind][1] * fen for kind, fen in lines)
        pending = max(0, min(net_fen, left))
        if pending == net_fen:
            return Bearing(pending, 0, 0, until)
        # Earlier batches pay out what is available, and do not take this off: the merchant owes it until its own batch.
        return Bearing(pending, 0, net_fen - pending, until)

    def settled(self, net_fen: int) -> Bearing:
        """What is not about a pending claim: what is available bears it, else the merchant."""
        self._lock()
        if self._available is None:
            self._available = ledger.balances(self._tx, self._tenant, ("merchant_available",))[
                "merchant_available"
            ]
        free = max(0, self._available)
        bearing = Bearing(0, min(free, net_fen), max(0, net_fen - free))
        self._available -= bearing.available_fen
        return bearing

    def _lock(self) -> None:
        if self._locks:
            ledger.lock_accounts(self._tx, self._tenant)


def debt_to_net_fen(tx: Transaction, tenant: Tenant, owed_fen: int, *, on: date) -> int:
    """What of all that the merchant owes (fen) its batches up to a day take off.

    Not what a refund took beyond its capture's claim while that waits for a later batch: that batch takes it off.
    """
    if owed_fen <= 0:
        return owed_fen
    beyond = func.sum(col(SettlementLine.net_fen) - col(SettlementLine.from_pending_fen))
    later = tx.exec(
        select(beyond).where(
            waiting_lines(tenant), SettlementLine.kind == "refund", SettlementLine.settlement_date > on
        )
    ).one()
    return max(0, owed_fen - int(later or 0))


def bearing_settled(tx: Transaction, tenant: Tenant, *, net_fen: int) -> Bearing:
    """Take what is not about a pending claim from what is available, else from the merchant."""
    return Bearer(tx, tenant).settled(net_fen)


def open_until(tx: Transaction, capture_id: str, *, locks: bool = True) -> date | None:
    """The settlement date of a capture whose batch has not closed; None when it has."""
    query = select(SettlementLine).where(
        SettlementLine.kind == "capture", SettlementLine.object_id == capture_id
    )
    line = tx.exec(query.with_for_update() if locks else query).one()
    return line.settlement_date if line.batch_id is None else None


def refund_entries(tx: Transaction, *, payment_id: str, capture_id: str) -> set[str]:
    """The entries in the books of a capture's refunds."""
    query = select(SettlementLine.entry_id).where(
        SettlementLine.payment_id == payment_id,
        SettlementLine.kind == "refund",
        SettlementLine.capture_id == capture_id,
    )
    return set(tx.exec(query))


def entries_of_captures(tx: Transaction, capture_ids: Collection[str]) -> dict[str, tuple[str, set[str]]]:
    """By capture the entry of its drawdown, and those of its refunds."""
    drawn: dict[str, str] = {}
    refunded: dict[str, set[str]] = {capture: set() for capture in capture_ids}
    for part in in_parts(sorted(capture_ids)):
        query = select(SettlementLine.object_id, SettlementLine.entry_id, SettlementLine.payment_id)
        captures = tx.exec(
            query.where(SettlementLine.kind == "capture", col(SettlementLine.object_id).in_(part))
        ).all()
        drawn |= {capture: entry for capture, entry, _ in captures}
        # By payment, as the index goes.
        payments = sorted({payment for _, _, payment in captures})
        refunds = select(SettlementLine.capture_id, SettlementLine.entry_id).where(
            SettlementLine.kind == "refund", col(SettlementLine.payment_id).in_(payments)
        )
        for capture, entry in tx.exec(refunds):
            if capture in refunded:
                refunded[capture].add(entry)
    return {capture: (entry, refunded[capture]) for capture, entry in drawn.items()}


def last_refund(tx: Transaction, *, payment_id: str, capture_id: str) -> str:
    """The id of the newest refund of a capture."""
    query = select(SettlementLine.object_id).where(
        SettlementLine.payment_id == payment_id,
        SettlementLine.kind == "refund",
        SettlementLine.capture_id == capture_id,
    )
    newest = tx.exec(query.order_by(col(SettlementLine.id).desc()).limit(1)).one()
    return newest.split(":")[0]


def read_along(query: Any, capture_id: Any) -> Any:
    """``query`` with the settlement date of the capture that it names read along."""
    date_of = select(col(SettlementLine.settlement_date)).where(
        SettlementLine.kind == "capture", SettlementLine.object_id == capture_id
    )
    return query.add_columns(date_of.scalar_subquery())


def get(tx: Transaction, tenant: Tenant, settlement_id: str) -> SettlementBatch:
    """The merchant's settlement. Raises ``NotFound``."""
    return owned(tx.get(SettlementBatch, settlement_id), tenant, "settlement", settlement_id)


def get_payout(tx: Transaction, tenant: Tenant, payout_id: str) -> Payout:
    """The merchant's payout. Raises ``NotFound``."""
    return owned(tx.get(Payout, payout_id), tenant, "payout", payout_id)


def view(row: SettlementBatch) -> dict[str, Any]:
    """The settlement as the API shows it: the equation, in fen."""
    return {
        "id": row.id,
        "mode": row.mode,
        "date": row.settled_on.isoformat(),
        "opening": row.opening_fen,
        "captures": row.captures_fen,
        "subsidies": row.subsidies_fen,
        "merchant_fees": row.merchant_fees_fen,
        "merchant_subsidies": row.merchant_subsidies_fen,
        "refunds": row.refunds_fen,
        "disputes": row.disputes_fen,
        "adjustments": row.adjustments_fen,
        "reserve_change": row.reserve_change_fen,
        "closing": row.closing_fen,
        "payout_amount": row.payout_fen,
        "payout": row.payout_id,
        "created_at": row.created_at,
    }


def line_view(line: SettlementLine) -> dict[str, Any]:
    """A line as the API and the CSV show it; ``net`` is signed from the merchant's side."""
    sign = SIGNS[line.kind][1]
    return {
        "id": line.id,
        "kind": line.kind,
        "merchant_reference": line.merchant_reference,
        "store": line.store,
        "payment": line.payment_id or None,
        "capture": line.capture_id or None,
        "refund": line.object_id.partition(":")[0] if line.kind == "refund" else None,
        "dispute": line.object_id if line.kind.startswith("dispute") else None,
        "payout": line.object_id if line.kind == "payout_returned" else None,
        "milestone": line.object_id.partition(":")[0] if line.kind.startswith("stage_") else None,
        "amount": sign * line.amount_fen,
        "merchant_fee": -sign * line.merchant_fee_fen,
        "merchant_subsidy": -sign * line.merchant_subsidy_fen,
        "net": sign * line.net_fen,
        "entry": line.entry_id,
        "created_at": line.created_at,
    }


def release_view(line: SettlementLine) -> dict[str, Any]:
    """What was held in reserve and its release, as the API shows it."""
    return {
        "id": line.id,
        "mode": line.mode,
        "amount": line.amount_fen,
        "held_by": line.object_id,
        "release_date": line.settlement_date.isoformat(),
        "released_by": line.batch_id,
        "created_at": line.created_at,
    }


def payout_view(row: Payout) -> dict[str, Any]:
    """The payout as the API shows it."""
    return {
        "id": row.id,
        "mode": row.mode,
        "status": row.status,
        "amount": row.amount_fen,
        "settlement": row.settlement_id,
        "institution": row.institution,
        "failure": row.failure,
        "created_at": row.created_at,
        "in_transit_at": row.in_transit_at,
        "paid_at": row.paid_at,
        "account": row.account_id,
        "institution_says": row.heard[-1]["said"] if row.heard else None,
        "problem": problem_of(row),
        "moved_amount": row.moved_fen,
    }


def problem_of(row: Payout) -> str | None:
    """What is wrong with a payout, if anything: the institution has moved another amount than the books say."""
    if row.moved_fen is None:
        return None
    booked = {"paid": (row.amount_fen,), "failed": (0,), "returned": (0,)}.get(
        row.status, (0, row.amount_fen)
    )
    return None if row.moved_fen in booked else "amount_differs"
