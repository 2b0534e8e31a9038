"""Settlement terms between two operators: one proposes what is to change from a day on, another confirms it.

What was proposed never changes, and a decision is final. Terms come into being by a confirmation only, in the same
transaction; what the proposal does not name stays as it is on its first day at that moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import Conflict, InvalidRequest, NotFound, WrongState
from gateway.merchants import business_clock
from gateway.operators import decisions
from gateway.operators.decisions import Person
from gateway.operators.decisions import reason as checked_reason
from gateway.settlement import terms
from gateway.settlement.models import SettlementTermsProposal
from gateway.settlement.terms import Terms

DECISIONS = {"rejected": "settlement_terms.reject", "withdrawn": "settlement_terms.withdraw"}


def propose(
    tx: Transaction,
    tenant: Tenant,
    *,
    valid_from: date | None,
    changes: Mapping[str, Any],
    reason: str,
    by: Person,
    standard: Terms,
) -> SettlementTermsProposal:
    """Propose changes from a day (Shanghai) on, tomorrow unless said otherwise; nothing else changes.

    Raises ``NotFound`` for an unknown merchant, ``InvalidRequest`` for what cannot be agreed or changes nothing, and
    ``Conflict`` when the same person's same proposal waits already.
    """
    business_clock.enter(tx, tenant)
    day, before, wanted = terms.foreseen(
        tx, tenant, valid_from=valid_from, changes=changes, standard=standard
    )
    if not terms.changed(before, wanted):
        raise InvalidRequest(f"These are the terms of {day} already: name what is to change.")
    waiting = of_status(tenant, "proposed").where(
        SettlementTermsProposal.proposed_by == by.id, SettlementTermsProposal.valid_from == day
    )
    for other in tx.exec(waiting):
        if other.changes == dict(changes):
            raise Conflict(
                f"You have proposed this already: {other.id} waits for its decision.",
                settlement_terms_proposal=other.id,
            )
    row = SettlementTermsProposal(
        id=tx.new_id("stp"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        status="proposed",
        valid_from=day,
        changes=dict(changes),
        proposed_by=by.id,
        proposed_at=tx.wall,
        reason=checked_reason(reason),
    )
    tx.add(row)
    tx.flush()
    _record(tx, "settlement_terms.propose", row, by, reason)
    return row


def confirm(
    tx: Transaction, proposal_id: str, *, reason: str, by: Person, standard: Terms
) -> SettlementTermsProposal:
    """Confirm somebody else's proposal after checking it once more: its terms are agreed.

    Raises ``NotFound``, ``WrongState``, ``SecondPersonRequired``, and what ``propose`` raises of terms.
    """
    row = proposed(tx, proposal_id)
    decisions.refuse_own(row, by, "another operator must confirm it")
    tenant = Tenant.of(row)
    business_clock.enter(tx, tenant)
    before, after = terms.agree(tx, tenant, valid_from=row.valid_from, changes=row.changes, standard=standard)
    row.terms_id = after.id
    decisions.decide(tx, row, "confirmed", reason, by)
    audit.record(
        tx,
        Actor("operator", by.id),
        "merchant.settlement_terms",
        about=str(after.id),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        before=_plain(before, tenant.mode),
        after=_plain(after, tenant.mode),
        facts={
            "valid_from": str(after.valid_from),
            "changed": terms.changed(before, after),
            "proposal": row.id,
            "reason": reason.strip(),
            "account": by.account,
        },
    )
    return row


def reject(tx: Transaction, proposal_id: str, *, reason: str, by: Person) -> SettlementTermsProposal:
    """Refuse somebody else's proposal. Raises ``NotFound``, ``WrongState``, ``SecondPersonRequired``."""
    row = proposed(tx, proposal_id)
    decisions.refuse_own(row, by, "withdraw it instead")
    return _ended(tx, row, "rejected", reason, by)


def withdraw(tx: Transaction, proposal_id: str, *, reason: str, by: Person) -> SettlementTermsProposal:
    """Take back one's own proposal. Raises ``NotFound``, ``WrongState``, ``SecondPersonRequired``."""
    row = proposed(tx, proposal_id)
    decisions.refuse_others(row, by)
    return _ended(tx, row, "withdrawn", reason, by)


def get(tx: Transaction, proposal_id: str) -> SettlementTermsProposal:
    """The proposal, whoever's and in whatever state: for operators. Raises ``NotFound``."""
    row = tx.get(SettlementTermsProposal, proposal_id)
    if row is None:
        raise NotFound(f"There is no proposal of settlement terms {proposal_id!r}.")
    return row


def proposed(tx: Transaction, proposal_id: str) -> SettlementTermsProposal:
    """A proposal that waits for its decision. Raises ``NotFound``, ``WrongState``."""
    row = get(tx, proposal_id)
    if row.status != "proposed":
        raise WrongState(f"{row.id} is {row.status}: only a proposal that waits can be decided.")
    return row


def of_status(tenant: Tenant, status: str) -> SelectOfScalar[SettlementTermsProposal]:
    """The proposals of a merchant and mode in one state."""
    return select(SettlementTermsProposal).where(
        SettlementTermsProposal.merchant_id == tenant.merchant_id,
        SettlementTermsProposal.mode == tenant.mode,
        SettlementTermsProposal.status == status,
    )


def newest(
    tx: Transaction, *, merchant_id: str | None, status: str | None, limit: int
) -> list[SettlementTermsProposal]:
    """The newest proposals first, of one merchant or of all, in one state or in any."""
    return list(
        tx.exec(wanted(merchant_id, status).order_by(col(SettlementTermsProposal.id).desc()).limit(limit))
    )


def wanted(merchant_id: str | None, status: str | None) -> SelectOfScalar[SettlementTermsProposal]:
    """The proposals of one merchant or of all, in one state or in any."""
    query = select(SettlementTermsProposal)
    if merchant_id is not None:
        query = query.where(SettlementTermsProposal.merchant_id == merchant_id)
    return query if status is None else query.where(SettlementTermsProposal.status == status)


def foreseen(tx: Transaction, row: SettlementTermsProposal, *, standard: Terms) -> tuple[Terms, Terms]:
    """The terms of the first day as they stand, and as a confirmation would make them now; amounts in fen.

    Raises ``InvalidRequest`` when it could not be confirmed any more.
    """
    tenant = Tenant.of(row)
    business_clock.enter(tx, tenant)
    _, before, after = terms.foreseen(
        tx, tenant, valid_from=row.valid_from, changes=row.changes, standard=standard
    )
    return before, after


def _ended(
    tx: Transaction, row: SettlementTermsProposal, status: str, reason: str, by: Person
) -> SettlementTermsProposal:
    decisions.decide(tx, row, status, reason, by)
    _record(tx, DECISIONS[status], row, by, reason)
    return row


def _record(tx: Transaction, action: str, row: SettlementTermsProposal, by: Person, reason: str) -> None:
    """A merchant reads of its terms once they are agreed; what was only proposed is not its matter."""
    audit.record(
        tx,
        Actor("operator", by.id),
        action,
        about=row.id,
        after=[row.valid_from.isoformat(), row.changes],
        facts={
            "merchant": row.merchant_id,
            "mode": row.mode,
            "valid_from": row.valid_from.isoformat(),
            "reason": reason.strip(),
            "account": by.account,
        },
    )


def _plain(row: Terms, mode: str) -> dict[str, Any]:
    said = terms.view(row, mode)
    return {**said, "created_at": row.created_at.isoformat() if row.created_at else None}
