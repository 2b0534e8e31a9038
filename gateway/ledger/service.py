"""Posting to the ledger, reversing, and reading balances. The only place that inserts ledger rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, insert
from sqlmodel import col, select

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import Conflict
from gateway.ledger.accounts import CHART, MERCHANT_KINDS
from gateway.ledger.models import LedgerAccount, LedgerEntry, LedgerPosting, LedgerSeal
from gateway.ledger.postings import Entries, Line


class KeyConflict(Conflict):
    """A business key was posted before with other lines: the same event cannot have happened twice differently."""

    code, title = "ledger_key_conflict", "The event is already in the books with other lines"


def post(
    tx: Transaction,
    *,
    kind: str,
    key: str,
    tenant: Tenant,
    lines: Entries,
    about_type: str,
    about_id: str,
    effective_date: date,
    reverses: str | None = None,
) -> str:
    """Write one entry and seal it; returns its id. The same key and lines again return the first entry's id.

    Raises ``KeyConflict`` for the same key with other lines, ``ValueError`` for fewer than two lines.
    """
    if len(lines) < 2:
        raise ValueError(f"an entry has at least two lines, {kind} has {len(lines)}")
    fingerprint = _fingerprint(kind, about_id, effective_date, lines)
    known = tx.exec(select(LedgerEntry).where(LedgerEntry.mode == tenant.mode, LedgerEntry.key == key)).first()
    if known is not None:
        if known.request_sha256 != fingerprint:
            raise KeyConflict(f"The ledger key {key!r} is taken by the entry {known.id} with other lines.")
        return known.id
    entry_id = tx.new_id("ent")
    tx.execute(
        insert(LedgerEntry).values(
            id=entry_id,
            mode=tenant.mode,
            kind=kind,
            key=key,
            request_sha256=fingerprint,
            reverses=reverses,
            merchant_id=tenant.merchant_id,
            object_type=about_type,
            object_id=about_id,
            effective_date=effective_date,
            recorded_at=tx.now,
        )
    )
    tx.execute(
        insert(LedgerPosting).values(
            [
                {
                    "entry_id": entry_id,
                    "line": number,
                    "account_id": _account(tx, tenant.mode, line.kind, line.owner),
                    "amount": line.amount_fen,
                    "object_id": line.about,
                }
                for number, line in enumerate(lines, start=1)
            ]
        )
    )
    tx.execute(insert(LedgerSeal).values(entry_id=entry_id, lines=len(lines), gross=lines.gross_fen))
    return entry_id


def reverse(tx: Transaction, tenant: Tenant, entry_id: str, *, key: str, effective_date: date) -> str:
    """Cancel an entry by its opposite; at most one reversal an entry. Returns the reversal's id."""
    entry = tx.get_one(LedgerEntry, entry_id)
    rows = tx.exec(
        select(LedgerAccount.kind, LedgerAccount.owner, LedgerPosting.amount, LedgerPosting.object_id)
        .join(LedgerAccount, col(LedgerAccount.id) == LedgerPosting.account_id)
        .where(LedgerPosting.entry_id == entry_id)
        .order_by(col(LedgerPosting.line))
    )
    opposite = Entries.balanced(*(Line(kind, owner, -amount, about) for kind, owner, amount, about in rows))
    return post(
        tx,
        kind=f"{entry.kind}_reversed",
        key=key,
        tenant=tenant,
        lines=opposite,
        about_type=entry.object_type,
        about_id=entry.object_id,
        effective_date=effective_date,
        reverses=entry_id,
    )


def balances(tx: Transaction, tenant: Tenant) -> dict[str, int]:
    """Balance of each of the merchant's accounts in fen, positive on its normal side."""
    rows = tx.exec(
        select(LedgerAccount.kind, func.sum(LedgerPosting.amount))
        .join(LedgerPosting, col(LedgerPosting.account_id) == LedgerAccount.id)
        .where(
            LedgerAccount.mode == tenant.mode,
            LedgerAccount.owner == tenant.merchant_id,
            col(LedgerAccount.kind).in_(MERCHANT_KINDS),
        )
        .group_by(LedgerAccount.kind)
    )
    signed = dict.fromkeys(MERCHANT_KINDS, 0) | {kind: int(total) for kind, total in rows}
    return {kind: total if CHART[kind].side == "debit" else -total for kind, total in signed.items()}


def merchant_lines(tenant: Tenant, *, start: date | None, end: date | None, payment: str | None) -> Any:
    """Query of the merchant's side of the ledger: ``(posting, entry, account kind)``, for a keyset page."""
    query = (
        select(LedgerPosting, LedgerEntry, LedgerAccount.kind)
        .join(LedgerEntry, col(LedgerEntry.id) == LedgerPosting.entry_id)
        .join(LedgerAccount, col(LedgerAccount.id) == LedgerPosting.account_id)
        .where(
            LedgerEntry.mode == tenant.mode,
            LedgerAccount.owner == tenant.merchant_id,
            col(LedgerAccount.kind).in_(MERCHANT_KINDS),
        )
    )
    if start is not None:
        query = query.where(LedgerEntry.effective_date >= start)
    if end is not None:
        query = query.where(LedgerEntry.effective_date <= end)
    if payment is not None:
        query = query.where(LedgerPosting.object_id == payment)
    return query


def _account(tx: Transaction, mode: str, kind: str, owner: str) -> str:
    known: dict[tuple[str, str, str], str] = tx.info.setdefault("ledger_accounts", {})
    name = (mode, kind, owner)
    if name not in known:
        query = select(LedgerAccount.id).where(
            LedgerAccount.mode == mode, LedgerAccount.kind == kind, LedgerAccount.owner == owner
        )
        found = tx.exec(query).first()
        if found is None:
            found = tx.new_id("acc")
            tx.execute(insert(LedgerAccount).values(id=found, mode=mode, kind=kind, owner=owner))
        known[name] = found
    return known[name]


def _fingerprint(kind: str, about_id: str, effective_date: date, lines: Sequence[Line] | Entries) -> str:
    parts = [kind, about_id, effective_date.isoformat()]
    body = [[line.kind, line.owner, line.amount_fen, line.about] for line in lines]
    return hashlib.sha256(json.dumps([parts, body], separators=(",", ":")).encode()).hexdigest()
