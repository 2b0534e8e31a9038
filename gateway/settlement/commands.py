"""What ``fenqi-gateway settlement terms|invoices …`` does. Each returns the exit code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.core.calendar import shanghai_date
from gateway.core.tables import listed
from gateway.core.tenant import Tenant
from gateway.db.transactions import READ_COMMITTED, Database, Transaction
from gateway.merchants import business_clock
from gateway.settlement import invoices, terms
from gateway.settlement.terms import Terms

NEWEST = 50


def show_terms(db: Database, tenant: Tenant, *, standard: Terms, as_json: bool) -> int:
    """Print the terms of a merchant in a mode, those to come first, and which are in force. Raises ``NotFound``."""
    with db.read() as tx:
        business_clock.enter(tx, tenant)
        now = terms.in_force(tx, tenant, shanghai_date(tx.now), standard)
        known = terms.history(tx, tenant, limit=NEWEST)
    rows = known if now.id else [*known, now]
    print(listed([{"in_force": row.id == now.id, **_shown(row, tenant)} for row in rows], as_json=as_json))
    return 0


def set_terms(
    db: Database,
    actor: Actor,
    tenant: Tenant,
    *,
    changes: Mapping[str, Any],
    valid_from: date | None,
    reason: str,
    standard: Terms,
) -> int:
    """Agree terms from a day on. Raises what ``terms.agree`` raises."""

    def agree(tx: Transaction) -> Terms:
        business_clock.enter(tx, tenant)
        before, after = terms.agree(tx, tenant, valid_from=valid_from, changes=changes, standard=standard)
        audit.record(
            tx,
            actor,
            "merchant.settlement_terms",
            about=str(after.id),
            merchant_id=tenant.merchant_id,
            mode=tenant.mode,
            before=_shown(before, tenant),
            after=_shown(after, tenant),
            facts={
                "valid_from": str(after.valid_from),
                "changed": terms.changed(before, after),
                "reason": reason,
            },
        )
        return after

    print(json.dumps(_shown(db.write(agree), tenant), ensure_ascii=False, indent=2))
    return 0


def show_invoices(db: Database, *, limit: int, as_json: bool) -> int:
    """Print the invoices of all merchants, newest first, each with what is left of it."""
    with db.read() as tx:
        rows = invoices.newest(tx, limit=limit)
        shown = [
            {"merchant": row.merchant_id, **said, "created_at": row.created_at.isoformat()}
            for row, said in zip(rows, invoices.views(tx, rows), strict=True)
        ]
    print(listed(shown, as_json=as_json))
    return 0


def pay_invoice(
    db: Database, actor: Actor, invoice_id: str, *, received_fen: int, reference: str, funder: str
) -> int:
    """Record that an invoice was paid from outside. Raises what ``invoices.pay`` raises."""

    def pay(tx: Transaction) -> dict[str, Any]:
        tenant = invoices.owner(tx, invoice_id)
        business_clock.enter(tx, tenant)
        if invoices.pay(
            tx, tenant, invoice_id, received_fen=received_fen, reference=reference, funder=funder
        ):
            audit.record(
                tx,
                actor,
                "merchant.invoice_paid",
                about=invoice_id,
                merchant_id=tenant.merchant_id,
                mode=tenant.mode,
                facts={"received_fen": received_fen, "reference": reference},
            )
        (shown,) = invoices.views(tx, [invoices.get(tx, tenant, invoice_id)])
        return {**shown, "created_at": shown["created_at"].isoformat()}

    print(json.dumps(db.write(pay, READ_COMMITTED), indent=2))
    return 0


def _shown(row: Terms, tenant: Tenant) -> dict[str, Any]:
    said = terms.view(row, tenant.mode)
    return {**said, "created_at": row.created_at.isoformat() if row.created_at else None}
