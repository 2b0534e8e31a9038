"""What ``fenqi-gateway settlement terms|invoices …`` does. Each returns the exit code.

Terms are checked before whoever proposes them is asked for a code, which can be used once only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.core.calendar import shanghai_date
from gateway.core.tables import listed
from gateway.core.tenant import Tenant
from gateway.db.transactions import READ_COMMITTED, Database, Transaction
from gateway.merchants import business_clock
from gateway.operators import decisions
from gateway.operators.decisions import Person
from gateway.settlement import invoices, terms, terms_proposals
from gateway.settlement.models import SettlementTermsProposal
from gateway.settlement.terms import Terms
from gateway.web.context import Gateway

Prove = Callable[[], Person]
NEWEST = 50
DECISIONS = {"reject": terms_proposals.reject, "withdraw": terms_proposals.withdraw}


def show_terms(db: Database, tenant: Tenant, *, standard: Terms, as_json: bool) -> int:
    """Print the terms of a merchant in a mode, those to come first, and which are in force. Raises ``NotFound``."""
    with db.read() as tx:
        business_clock.enter(tx, tenant)
        now = terms.in_force(tx, tenant, shanghai_date(tx.now), standard)
        known = terms.history(tx, tenant, limit=NEWEST)
    rows = known if now.id else [*known, now]
    print(listed([{"in_force": row.id == now.id, **_shown(row, tenant)} for row in rows], as_json=as_json))
    return 0


def propose_terms(
    gateway: Gateway,
    prove: Prove,
    tenant: Tenant,
    *,
    changes: Mapping[str, Any],
    valid_from: date | None,
    reason: str,
) -> int:
    """Propose terms from a day on and print what would change. Raises what ``terms_proposals.propose`` raises."""
    standard = terms.standard(gateway.settings)
    with gateway.db.read() as tx:
        business_clock.enter(tx, tenant)
        terms.foreseen(tx, tenant, valid_from=valid_from, changes=changes, standard=standard)
    by = prove()

    def propose(tx: Transaction) -> dict[str, Any]:
        row = terms_proposals.propose(
            tx, tenant, valid_from=valid_from, changes=changes, reason=reason, by=by, standard=standard
        )
        return _proposal(tx, row, standard)

    print(json.dumps(gateway.db.write(propose), ensure_ascii=False, indent=2))
    return 0


def confirm_terms(gateway: Gateway, prove: Prove, proposal_id: str, *, reason: str) -> int:
    """Confirm a proposal of another operator and print the terms. Raises what ``terms_proposals.confirm`` raises."""
    standard = terms.standard(gateway.settings)
    with gateway.db.read() as tx:
        terms_proposals.proposed(tx, proposal_id)
    by = prove()

    def confirm(tx: Transaction) -> dict[str, Any]:
        row = terms_proposals.confirm(tx, proposal_id, reason=reason, by=by, standard=standard)
        tenant = Tenant.of(row)
        known = {one.id: one for one in terms.history(tx, tenant, limit=NEWEST)}
        return _shown(known[row.terms_id], tenant)

    print(json.dumps(gateway.db.write(confirm), ensure_ascii=False, indent=2))
    return 0


def decide_terms(gateway: Gateway, prove: Prove, proposal_id: str, *, verb: str, reason: str) -> int:
    """Reject or withdraw a proposal, by ``verb``. Raises what the step raises."""
    with gateway.db.read() as tx:
        terms_proposals.proposed(tx, proposal_id)
    by = prove()
    status = gateway.db.write(lambda tx: DECISIONS[verb](tx, proposal_id, reason=reason, by=by).status)
    print(f"{proposal_id} is {status}.")
    return 0


def show_proposals(
    db: Database, *, merchant: str | None, status: str | None, limit: int, as_json: bool
) -> int:
    """Print the newest proposals of settlement terms."""
    with db.read() as tx:
        rows = terms_proposals.newest(tx, merchant_id=merchant, status=status, limit=limit)
        shown = [_head(row, said) for row, said in zip(rows, decisions.views(tx, rows), strict=True)]
    print(listed(shown, as_json=as_json))
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


def _proposal(tx: Transaction, row: SettlementTermsProposal, standard: Terms) -> dict[str, Any]:
    (said,) = decisions.views(tx, [row])
    before, after = terms_proposals.foreseen(tx, row, standard=standard)
    tenant = Tenant.of(row)
    return {**_head(row, said), "before": _shown(before, tenant), "after": _shown(after, tenant)}


def _head(row: SettlementTermsProposal, said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "merchant": row.merchant_id,
        "mode": row.mode,
        "status": row.status,
        "valid_from": row.valid_from.isoformat(),
        "changes": {name.removesuffix("_fen"): value for name, value in row.changes.items()},
        "proposed_by": said["proposed_by"]["name"],
        "decided_by": said["decided_by"]["name"] if said["decided_by"] else None,
        "reason": row.reason,
    }
