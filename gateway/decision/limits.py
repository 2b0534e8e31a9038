"""Credit limits: granted by a decision, held by an authorisation, released by void, expiry, refund and repayment.

Every movement locks the shopper's row first, so concurrent checkouts can never hold more than the limit. The lock is
taken once a transaction; what moved is written at its end.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, insert
from sqlmodel import SQLModel, col, select

from gateway.db import keyed
from gateway.db.transactions import Transaction
from gateway.decision.models import CreditLimit, LimitMovement

LOCKED, MOVED = "limits that are locked", "movements of limits that are written at the end"
OF_LENDER = (
    select(CreditLimit)
    .where(CreditLimit.shopper_id == bindparam("shopper"), CreditLimit.funder == bindparam("funder"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
NEW_MOVEMENTS = insert(SQLModel.metadata.tables["limit_movement"])

LOWEST_FEN, HIGHEST_FEN = 500_000, 10_000_000
"""Limits are from 5,000 to 100,000 yuan; applicants below the minimum get no limit."""


def grant(tx: Transaction, *, shopper_id: str, funder: str, limit_fen: int, decision_id: str) -> CreditLimit:
    """Set the shopper's limit at a lender to what the newest decision grants (fen), at most ``HIGHEST_FEN``.

    Raises ``ValueError`` below ``LOWEST_FEN``.
    """
    if limit_fen < LOWEST_FEN:
        raise ValueError(f"a limit is at least {LOWEST_FEN} fen, not {limit_fen}")
    limit_fen = min(limit_fen, HIGHEST_FEN)
    limit = locked(tx, shopper_id, funder)
    if limit is None:
        limit = CreditLimit(
            id=tx.new_id("lim"), shopper_id=shopper_id, funder=funder, limit_fen=limit_fen, held_fen=0
        )
        tx.info[LOCKED][shopper_id, funder] = limit
    else:
        limit.limit_fen = limit_fen
    tx.add(limit)
    _note(tx, limit, "granted", limit_fen, decision_id)
    return limit


def available_fen(limit: CreditLimit) -> int:
    """What is left of the limit, in fen; never negative."""
    return max(0, limit.limit_fen - limit.held_fen)


def hold(tx: Transaction, *, shopper_id: str, funder: str, amount_fen: int, about: str) -> bool:
    """Hold ``amount_fen`` for a payment if the limit has room for it; says whether it did."""
    limit = locked(tx, shopper_id, funder)
    if limit is None or available_fen(limit) < amount_fen:
        return False
    limit.held_fen += amount_fen
    tx.add(limit)
    _note(tx, limit, "authorized", amount_fen, about)
    return True


def release(
    tx: Transaction, *, shopper_id: str, funder: str, amount_fen: int, reason: str, about: str
) -> None:
    """Give back ``amount_fen`` of what is held, because of ``reason`` (voided, expired, refunded, repaid, unwound)."""
    if not amount_fen:
        return
    limit = locked(tx, shopper_id, funder)
    if limit is None or limit.held_fen < amount_fen:
        raise AssertionError(f"more is released than was held of the limit of {shopper_id}")
    limit.held_fen -= amount_fen
    tx.add(limit)
    _note(tx, limit, reason, -amount_fen, about)


def locked(tx: Transaction, shopper_id: str, funder: str) -> CreditLimit | None:
    """The shopper's limit at a lender, locked until the transaction ends."""
    known: dict[tuple[str, str], CreditLimit] = tx.info.setdefault(LOCKED, {})
    if (shopper_id, funder) not in known:
        limit = tx.exec(OF_LENDER, params={"shopper": shopper_id, "funder": funder}).first()
        if limit is None:
            return None
        known[shopper_id, funder] = limit
    return known[shopper_id, funder]


def history(tx: Transaction, shopper_id: str) -> list[LimitMovement]:
    """Every movement of the shopper's limits with its reason, oldest first."""
    query = select(LimitMovement).join(CreditLimit, CreditLimit.id == LimitMovement.limit_id)  # type: ignore[arg-type]
    return list(tx.exec(query.where(CreditLimit.shopper_id == shopper_id).order_by(col(LimitMovement.id))))


def _note(tx: Transaction, limit: CreditLimit, reason: str, amount_fen: int, about: str) -> None:
    moved: list[dict[str, Any]] = tx.info.setdefault(MOVED, [])
    if not moved:
        tx.at_end(_write)
    moved.append(
        {
            "id": tx.new_id("lmv"),
            "limit_id": limit.id,
            "reason": reason,
            "amount_fen": amount_fen,
            "about": about,
            "created_at": tx.now,
        }
    )


def _write(tx: Transaction) -> None:
    keyed.insert(tx, NEW_MOVEMENTS, tx.info.pop(MOVED))
