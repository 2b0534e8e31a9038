"""Certificates: what a merchant's claims stood at when a month began, what moved them, and what was left in its end.

A month is certified once it is closed (``core.closed_months``). From then on nothing is booked in it, so the same text
is made whenever somebody asks, and its signature can be checked without asking: docs/exports.md says how.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import Any

import orjson
from sqlalchemy import func, select

from gateway.core.calendar import shanghai_date
from gateway.core.closed_months import closes_on, is_closed, month_of, next_month
from gateway.core.signing import SigningAuthority
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import InvalidRequest, MonthOpen
from gateway.ledger.booking.accounts import MERCHANT_KINDS, account_id
from gateway.ledger.models import ENTRY, LATE, POSTING

VERSION = 1
ONE_DAY = timedelta(days=1)
BALANCES = {
    "merchant_pending": "pending",
    "merchant_staged": "staged",
    "merchant_available": "available",
    "merchant_reserve": "reserve",
    "dispute_hold": "in_dispute",
    "merchant_receivable": "receivable",
}
"""By kind of account what a merchant calls it; ``receivable`` is what it owes, and so is 0 or below here."""


def certificate(tx: Transaction, tenant: Tenant, month: str, authority: SigningAuthority) -> dict[str, Any]:
    """The signed certificate of a month such as ``2026-11``. Raises ``InvalidRequest`` and ``MonthOpen``."""
    try:
        first = month_of(month)
        closes_on(first)
    except (ValueError, OverflowError):
        raise InvalidRequest(f"Name a month such as 2026-11, not {month[:20]!r}.", param="month") from None
    refuse_open(tx, first)
    content = contents(tx, tenant, first)
    text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()
    signature = authority.sign(signed_text(text))
    return {
        **content,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "text": text,
        "signature": {
            "algorithm": signature.algorithm,
            "key_id": signature.key_id,
            "signature": signature.value,
        },
    }


def signed_text(text: str) -> bytes:
    """What the signature of a certificate signs."""
    return f"fenqi certificate\nsha256: {hashlib.sha256(text.encode()).hexdigest()}\n".encode()


def refuse_open(tx: Transaction, first: date) -> None:
    """Raise ``MonthOpen`` unless the month that begins on ``first`` is closed."""
    if not is_closed(first, shanghai_date(tx.now)):
        raise MonthOpen(
            f"{first:%Y-%m} closes on {closes_on(first)} (Shanghai): until then more may be booked in it. Ask again "
            "from that day on.",
            param="month",
        )


def standing(tx: Transaction, tenant: Tenant, *, before: date) -> dict[str, int]:
    """What each balance stood at when ``before`` began, by its name; fen, above 0 what the merchant is owed."""
    return dict.fromkeys(BALANCES.values(), 0) | _sums(tx, _names(tenant), before=before)


def _names(tenant: Tenant) -> dict[str, str]:
    return {account_id(tenant.mode, kind, tenant.merchant_id): BALANCES[kind] for kind in MERCHANT_KINDS}


def contents(tx: Transaction, tenant: Tenant, first: date) -> dict[str, Any]:
    """What a certificate states, whether or not its month is closed; fen, above 0 what the merchant is owed."""
    names, after = _names(tenant), next_month(first)
    opening = standing(tx, tenant, before=first)
    movements = _movements(tx, names, first, after)
    closing = {
        name: opening[name] + sum(one["amounts"].get(name, 0) for one in movements) for name in opening
    }
    return {
        "certificate": VERSION,
        "merchant": tenant.merchant_id,
        "mode": tenant.mode,
        "month": f"{first:%Y-%m}",
        "closed_on": closes_on(first).isoformat(),
        "currency": "CNY",
        "opening": opening,
        "movements": movements,
        "closing": closing,
        "entries": sum(one["entries"] for one in movements),
        "late": _late(tx, names, first, after),
    }


def _sums(tx: Transaction, names: dict[str, str], *, before: date) -> dict[str, int]:
    query = (
        select(POSTING.c.account_id, func.sum(POSTING.c.amount))
        .join(ENTRY, ENTRY.c.id == POSTING.c.entry_id)
        .where(POSTING.c.account_id.in_(sorted(names)), ENTRY.c.effective_date < before)
        .group_by(POSTING.c.account_id)
    )
    return {names[name]: -int(total) for name, total in tx.connection().execute(query)}


def _movements(tx: Transaction, names: dict[str, str], first: date, after: date) -> list[dict[str, Any]]:
    """By kind of event how many entries moved the claims, and by how much each of them."""
    query = (
        select(ENTRY.c.kind, POSTING.c.account_id, func.sum(POSTING.c.amount))
        .join(ENTRY, ENTRY.c.id == POSTING.c.entry_id)
        .where(POSTING.c.account_id.in_(sorted(names)), *_within(first, after))
        .group_by(ENTRY.c.kind, POSTING.c.account_id)
        .order_by(ENTRY.c.kind, POSTING.c.account_id)
    )
    amounts: dict[str, dict[str, int]] = {}
    for kind, name, total in tx.connection().execute(query):
        if total:
            amounts.setdefault(kind, {})[names[name]] = -int(total)
    counted = (
        select(ENTRY.c.kind, func.count(ENTRY.c.id.distinct()))
        .join(POSTING, POSTING.c.entry_id == ENTRY.c.id)
        .where(POSTING.c.account_id.in_(sorted(names)), *_within(first, after))
        .group_by(ENTRY.c.kind)
    )
    entries = {kind: int(count) for kind, count in tx.connection().execute(counted)}
    return [
        {"kind": kind, "entries": entries[kind], "amounts": moved} for kind, moved in sorted(amounts.items())
    ]


def _late(tx: Transaction, names: dict[str, str], first: date, after: date) -> list[dict[str, Any]]:
    """What was booked in this month because its own was closed: the entry, and the day from which it would count."""
    query = (
        select(LATE.c.entry_id, LATE.c.original_date)
        .join(ENTRY, ENTRY.c.id == LATE.c.entry_id)
        .where(
            ENTRY.c.id.in_(select(POSTING.c.entry_id).where(POSTING.c.account_id.in_(sorted(names)))),
            *_within(first, after),
        )
        .order_by(LATE.c.entry_id)
    )
    return [{"entry": entry, "value_date": day.isoformat()} for entry, day in tx.connection().execute(query)]


def _within(first: date, after: date) -> tuple[Any, Any]:
    return ENTRY.c.effective_date >= first, ENTRY.c.effective_date < after
