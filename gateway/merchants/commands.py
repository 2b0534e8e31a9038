"""What ``fenqi-gateway merchant list|grant|revoke|reserve|…`` does. Each returns the exit code."""

from __future__ import annotations

from typing import Any

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.core.tables import listed
from gateway.core.tenant import Mode
from gateway.db.transactions import Database, Transaction
from gateway.merchants import service
from gateway.merchants.models import Merchant


def show(db: Database, *, limit: int, as_json: bool) -> int:
    """Print the merchants, newest first, with the agreed reserve; accounts are masked but for their end."""
    with db.read() as tx:
        rows = [
            {
                "id": merchant.id,
                "name": merchant.name,
                "name_en": merchant.name_en,
                "category": merchant.category,
                "payout_account": f"…{merchant.payout_account[-4:]}" if merchant.payout_account else None,
                "reserve_rate": merchant.reserve_rate,
                "reserve_days": merchant.reserve_days,
                "delivery_hold_days": merchant.delivery_hold_days,
                "max_down_payment_percent": merchant.max_down_payment_percent,
                "frame_origins": _origins_shown(merchant, as_json=as_json),
                "scopes": merchant.scopes if as_json else " ".join(merchant.scopes),
                "created_at": merchant.created_at.isoformat(),
            }
            for merchant in service.newest(tx, limit)
        ]
    print(listed(rows, as_json=as_json))
    return 0


def _origins_shown(merchant: Merchant, *, as_json: bool) -> Any:
    origins = {mode: found for mode, found in (merchant.frame_origins or {}).items() if found}
    return origins if as_json else " ".join(f"{mode}: {' '.join(found)}" for mode, found in origins.items())


def reserve(db: Database, actor: Actor, merchant_id: str, *, rate: str, days: int) -> int:
    """Agree that a part of each batch's captures is held back. Raises what ``service.agree_reserve`` raises."""

    def in_transaction(tx: Transaction) -> None:
        merchant = service.get(tx, merchant_id)
        before = [merchant.reserve_rate, merchant.reserve_days]
        service.agree_reserve(tx, merchant_id, rate=rate, days=days)
        audit.record(
            tx,
            actor,
            "merchant.reserve",
            about=merchant_id,
            merchant_id=merchant_id,
            before=before,
            after=[rate, days],
            facts={"rate": rate, "days": days},
        )

    db.write(in_transaction)
    print(f"{rate} of the captures of {merchant_id} is held back for {days} days.")
    return 0


def agree_scopes(
    db: Database, actor: Actor, merchant_id: str, *, give: tuple[str, ...] = (), take: tuple[str, ...] = ()
) -> int:
    """Give or take scopes. Raises what ``service.agree_scopes`` raises."""

    def agree(tx: Transaction) -> list[str]:
        before = service.agreement(tx, merchant_id)
        after = service.agree_scopes(tx, merchant_id, give=give, take=take).scopes
        audit.record(
            tx,
            actor,
            "merchant.scopes",
            about=merchant_id,
            merchant_id=merchant_id,
            before=before,
            after=after,
            facts={"scopes": after},
        )
        return after

    scopes = db.write(agree)
    print(f"{merchant_id} may use, from its next token: {' '.join(scopes) or 'nothing'}")
    return 0


def acknowledgement(db: Database, actor: Actor, merchant_id: str, *, days: int) -> int:
    """Agree when a payment without an acknowledged order is voided. Raises what ``service`` raises."""

    def agree(tx: Transaction) -> None:
        before = service.acknowledge_days(tx, merchant_id)
        service.agree_acknowledgement(tx, merchant_id, days=days)
        _record(tx, actor, "merchant.acknowledgement", merchant_id, before=before, days=days)

    db.write(agree)
    print(f"New payments of {merchant_id} are voided after {days} days without an acknowledgement.")
    return 0


def delivery_hold(db: Database, actor: Actor, merchant_id: str, *, days: int) -> int:
    """Agree for how long captures wait for their delivery report. Raises what ``service`` raises."""

    def agree(tx: Transaction) -> None:
        before = service.get(tx, merchant_id).delivery_hold_days or 0
        service.agree_delivery_hold(tx, merchant_id, days=days)
        _record(tx, actor, "merchant.delivery_hold", merchant_id, before=before, days=days)

    db.write(agree)
    if days:
        print(f"New captures of {merchant_id} wait for their delivery report, for at most {days} days.")
    else:
        print(f"New captures of {merchant_id} do not wait for their delivery report.")
    return 0


def down_payment(db: Database, actor: Actor, merchant_id: str, *, percent: int) -> int:
    """Agree which down payment a counter-offer may ask for. Raises what ``service`` raises."""

    def agree(tx: Transaction) -> None:
        before = service.get(tx, merchant_id).max_down_payment_percent or 0
        service.agree_down_payment(tx, merchant_id, percent=percent)
        _record(tx, actor, "merchant.down_payment", merchant_id, before=before, percent=percent)

    db.write(agree)
    if percent:
        print(f"Counter-offers may ask shoppers of {merchant_id} for up to {percent} % of the order at once.")
    else:
        print(f"Counter-offers ask shoppers of {merchant_id} for no other down payment.")
    return 0


def frame_origins(
    db: Database,
    actor: Actor,
    merchant_id: str,
    mode: Mode,
    *,
    add: tuple[str, ...] = (),
    remove: tuple[str, ...] = (),
) -> int:
    """Agree which pages may show checkouts inside themselves. Raises what ``service`` raises."""

    def agree(tx: Transaction) -> list[str]:
        before = service.get(tx, merchant_id).frame_origins
        merchant = service.agree_frame_origins(tx, merchant_id, mode, add=add, remove=remove)
        audit.record(
            tx,
            actor,
            "merchant.frame_origins",
            about=merchant_id,
            merchant_id=merchant_id,
            mode=mode,
            before=before,
            after=merchant.frame_origins,
            facts={"origins": service.frame_origins(merchant, mode)},
        )
        return service.frame_origins(merchant, mode)

    origins = db.write(agree)
    print(f"Pages that may show {mode} checkouts of {merchant_id} inside: {' '.join(origins) or 'none'}")
    return 0


def _record(
    tx: Transaction, actor: Actor, action: str, merchant_id: str, *, before: int, **agreed: int
) -> None:
    """Note what was agreed with a merchant: one figure by its name, and what it was before."""
    (after,) = agreed.values()
    audit.record(
        tx,
        actor,
        action,
        about=merchant_id,
        merchant_id=merchant_id,
        before=before,
        after=after,
        facts=agreed,
    )
