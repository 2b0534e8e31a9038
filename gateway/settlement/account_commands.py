"""What ``fenqi-gateway merchant payout-account`` and ``fenqi-gateway payout …`` do. Each returns the exit code."""

from __future__ import annotations

from typing import Any

from sqlmodel import col, select

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.core.tables import listed
from gateway.core.tenant import Mode, Tenant
from gateway.db.transactions import Database, Transaction
from gateway.errors import NotFound
from gateway.merchants import business_clock
from gateway.merchants import service as merchants
from gateway.settlement import payout_accounts, payouts
from gateway.settlement.models import Payout
from gateway.settlement.payout_accounts import Wanted
from gateway.settlement.service import problem_of
from gateway.web.context import Gateway


def set_account(gateway: Gateway, actor: Actor, merchant_id: str, mode: Mode, wanted: Wanted) -> int:
    """Request another payout account for a merchant, as one of its owners could: owners are told, and it cools off.

    Raises ``NotFound``, ``MessagesUnavailable``, and what ``payout_accounts.request_change`` raises.
    """
    gateway.ports.notifier.check(mode)

    def in_transaction(tx: Transaction) -> tuple[str, str]:
        tenant = Tenant(merchant_id, mode)
        merchants.get(tx, merchant_id)
        business_clock.enter(tx, tenant)
        before = payout_accounts.in_force(tx, tenant)
        account = payout_accounts.request_change(
            tx, gateway, tenant, wanted, asked_by=f"{actor.kind}:{actor.id}"
        )
        audit.record(
            tx,
            actor,
            "payout_account.request",
            about=account.id,
            merchant_id=merchant_id,
            mode=mode,
            before=before.id if before else "",
            after=account.id,
            facts={"reason": wanted.reason, "effective_at": account.effective_at.isoformat()},
        )
        return account.last4, f"{account.effective_at:%Y-%m-%d %H:%M}"

    last4, when = gateway.db.write(in_transaction)
    print(f"{merchant_id} is paid out to …{last4} in {mode} mode from {when} UTC on; its owners are told.")
    return 0


def show(db: Database, *, only_open: bool, limit: int, as_json: bool) -> int:
    """Print payouts, newest first, with what the institution said last and how many days they are old."""
    query = select(Payout).order_by(col(Payout.id).desc()).limit(limit)
    if only_open:
        differs = col(Payout.moved_fen).is_not(None) & payouts.DIFFERS
        query = query.where(payouts.IS_OPEN | differs)
    with db.read() as tx:
        rows = [_row(tx, payout) for payout in tx.exec(query)]
    print(listed(rows, as_json=as_json))
    return 0


def history(db: Database, payout_id: str, *, as_json: bool) -> int:
    """Print what the institution said of a payout at its look-ups. Raises ``NotFound``."""
    with db.read() as tx:
        payout = tx.get(Payout, payout_id)
        if payout is None:
            raise NotFound(f"There is no payout {payout_id!r}.")
        print(listed(list(payout.heard or []), as_json=as_json))
    return 0


def _row(tx: Transaction, payout: Payout) -> dict[str, Any]:
    business_clock.enter(tx, Tenant.of(payout))
    return {
        "id": payout.id,
        "merchant": payout.merchant_id,
        "mode": payout.mode,
        "status": payout.status,
        "amount_fen": payout.amount_fen,
        "moved_fen": payout.moved_fen,
        "problem": problem_of(payout),
        "institution_says": payout.heard[-1]["said"] if payout.heard else None,
        "days": (tx.now - payout.created_at).days,
        "reference": payout.reference or payout.id,
        "account": payout.account_id,
    }
