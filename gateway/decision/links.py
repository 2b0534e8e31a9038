"""Links between applicants: noted when a shopper confirms, forgotten with the person or after half a year.

The table is a log that is only added to and read along its positions (see ``link_book``). A value is a keyed hash with
a separate purpose, so that it matches nothing else in the database.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, insert, text
from sqlmodel import SQLModel, col, select

from gateway.core.tenant import Mode, Tenant
from gateway.db.parts import in_parts
from gateway.db.transactions import Transaction
from gateway.decision.models import ApplicantLink
from gateway.loans import by_shopper as loans
from gateway.privacy.vault import Vault
from scoring.links import Link

KEPT = timedelta(days=180)
"""A first unpaid instalment is known two months after the application; its neighbours come later still."""
BAD_AFTER_DAYS = 30
"""Somebody whose loan is overdue for so long is known to be bad; whether from need or from fraud, nobody knows."""
NEW_LINKS = insert(SQLModel.metadata.tables["applicant_link"])


def of_confirmation(vault: Vault, *, phone: str, device: str | None, merchant_id: str) -> list[Link]:
    """What an application is linked by. The gateway knows no shipping address and no card when it decides."""
    known = {"phone": phone, "device": device, "referrer": merchant_id}
    return [
        Link(kind, vault.lookup(value, f"applicant_link.{kind}")) for kind, value in known.items() if value
    ]


def note(tx: Transaction, *, mode: Mode, shopper_id: str, links: list[Link]) -> None:
    """Write down what a shopper used in a confirmed application."""
    rows = [
        {
            "mode": mode,
            "shopper_id": shopper_id,
            "kind": link.kind,
            "value_lookup": link.value,
            "seen_at": tx.now,
        }
        for link in links
    ]
    if rows:
        tx.connection().execute(NEW_LINKS, rows)


def hand_over(tx: Transaction, *, claim_id: str, shopper_id: str) -> None:
    """What a claim used was used by the person that it was found to be. The log is only added to: it is said again."""
    query = select(ApplicantLink).where(
        ApplicantLink.shopper_id == claim_id, col(ApplicantLink.value_lookup).is_not(None)
    )
    for row in list(tx.exec(query.order_by(col(ApplicantLink.position)))):
        tx.add(
            ApplicantLink(
                mode=row.mode,
                shopper_id=shopper_id,
                kind=row.kind,
                value_lookup=row.value_lookup,
                seen_at=row.seen_at,
            )
        )
    tx.flush()
    forget_person(tx, claim_id)


def note_defaults(tx: Transaction, *, tenant: Tenant) -> int:
    """Mark the merchant's shoppers who are overdue for ``BAD_AFTER_DAYS``; returns how many are new."""
    overdue = loans.seriously_overdue(tx, tenant, days=BAD_AFTER_DAYS)
    if not overdue:
        return 0
    marks = _marks(tx, overdue)
    fresh = sorted(who for who in overdue if who not in marks or marks[who][0] == "good")
    for shopper_id in fresh:
        _add(tx, tenant.mode, shopper_id, "bad", None)
    tx.flush()
    return len(fresh)


def has_defaults(tx: Transaction, tenant: Tenant) -> bool:
    """Whether a shopper of the merchant is overdue for ``BAD_AFTER_DAYS``."""
    return bool(loans.seriously_overdue(tx, tenant, days=BAD_AFTER_DAYS))


def clear_cured(tx: Transaction) -> int:
    """Take the mark from everybody who has no loan that is overdue or written off; returns how many."""
    bad = {who: mode for who, (kind, mode) in _marks(tx).items() if kind == "bad"}
    cured = sorted(set(bad) - loans.in_default(tx, sorted(bad)))
    for shopper_id in cured:
        _add(tx, bad[shopper_id], shopper_id, "good", None)
    tx.flush()
    return len(cured)


def forget_person(tx: Transaction, shopper_id: str) -> None:
    """Delete a person's links. A line that says so stays until it is old, for the memory of running processes."""
    modes = tx.exec(select(ApplicantLink.mode).where(ApplicantLink.shopper_id == shopper_id).distinct()).all()
    tx.execute(delete(ApplicantLink).where(col(ApplicantLink.shopper_id) == shopper_id))
    for mode in modes:
        _add(tx, mode, shopper_id, "erased", None)
    tx.flush()


def forget_old(tx: Transaction, *, limit: int) -> int:
    """Delete some links that are older than ``KEPT``; returns how many."""
    query = select(ApplicantLink).where(ApplicantLink.seen_at < tx.wall - KEPT).limit(limit)
    rows = list(tx.exec(query.with_for_update(skip_locked=True)))
    for row in rows:
        tx.delete(row)
    return len(rows)


def _add(tx: Transaction, mode: str, shopper_id: str, kind: str, value: str | None) -> None:
    tx.add(ApplicantLink(mode=mode, shopper_id=shopper_id, kind=kind, value_lookup=value, seen_at=tx.now))


def _marks(tx: Transaction, shopper_ids: list[str] | None = None) -> dict[str, tuple[str, str]]:
    """The newest mark, ``bad`` or ``good``, and the mode of everybody (or of some) who was ever marked."""
    query = (
        select(ApplicantLink.shopper_id, ApplicantLink.kind, ApplicantLink.mode)
        .where(text("kind IN ('bad', 'good')"))  # in the words of the partial index
        .order_by(ApplicantLink.shopper_id, col(ApplicantLink.position))
    )
    if shopper_ids is None:
        return {who: (kind, mode) for who, kind, mode in tx.exec(query)}
    found: dict[str, tuple[str, str]] = {}
    for part in in_parts(shopper_ids):
        some = tx.exec(query.where(col(ApplicantLink.shopper_id).in_(part)))
        found |= {who: (kind, mode) for who, kind, mode in some}
    return found
