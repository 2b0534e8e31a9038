"""What ``fenqi-gateway settlement terms show|set`` does. Each returns the exit code."""

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
from gateway.db.transactions import Database, Transaction
from gateway.merchants import business_clock
from gateway.settlement import terms
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
            "settlement.terms",
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


def _shown(row: Terms, tenant: Tenant) -> dict[str, Any]:
    said = terms.view(row, tenant.mode)
    return {**said, "created_at": row.created_at.isoformat() if row.created_at else None}
