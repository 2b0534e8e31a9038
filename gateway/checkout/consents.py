"""The consent log: each consent a row, each withdrawal a row; neither is ever changed.

A withdrawal acts from now on. What was agreed and done before stays lawful, and a running loan goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from gateway.checkout.models import Checkout, Consent, ConsentWithdrawal
from gateway.db.transactions import Transaction
from gateway.errors import NotFound
from gateway.identity import claims

CONFIRMATION = "disclosure"
"""Logged like a consent, but a confirmation of what was read: nothing to take back."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A consent and when it was taken back, if it was."""

    consent: Consent
    withdrawn_at: datetime | None


def of_checkout(tx: Transaction, checkout_id: str) -> list[Logged]:
    """The consents given in one checkout, in the order in which they were given."""
    query = select(Consent, ConsentWithdrawal.withdrawn_at).where(
        Consent.checkout_id == checkout_id, Consent.kind != CONFIRMATION
    )
    joined = query.outerjoin(ConsentWithdrawal, col(ConsentWithdrawal.consent_id) == col(Consent.id))
    return [Logged(consent, moment) for consent, moment in tx.exec(joined.order_by(col(Consent.id)))]


def newest_of_person(tx: Transaction, shopper_id: str) -> list[Logged]:
    """The newest consent of each kind that the person has given in any checkout, and when it was taken back."""
    query = select(Consent, ConsentWithdrawal.withdrawn_at).where(
        col(Consent.shopper_id).in_(claims.rows_of(tx, shopper_id)), Consent.kind != CONFIRMATION
    )
    joined = query.outerjoin(ConsentWithdrawal, col(ConsentWithdrawal.consent_id) == col(Consent.id))
    newest: dict[str, Logged] = {}
    for consent, moment in tx.exec(joined.order_by(col(Consent.id))):
        newest[consent.kind] = Logged(consent, moment)
    return list(newest.values())


def stands(tx: Transaction, shopper_id: str, kind: str) -> bool:
    """Whether the shopper's newest consent of a kind was not taken back."""
    query = select(Consent.id, ConsentWithdrawal.id).where(
        col(Consent.shopper_id).in_(claims.rows_of(tx, shopper_id)), Consent.kind == kind
    )
    joined = query.outerjoin(ConsentWithdrawal, col(ConsentWithdrawal.consent_id) == col(Consent.id))
    newest = tx.exec(joined.order_by(col(Consent.id).desc())).first()
    return newest is not None and newest[1] is None


def withdraw(tx: Transaction, shopper_id: str, kind: str, *, channel: str) -> int:
    """Take back every consent of a kind that stands; returns how many. Again changes nothing.

    Raises ``NotFound`` when none was ever given.
    """
    if kind == CONFIRMATION:
        raise NotFound("A confirmation of the cost disclosure is not a consent and cannot be withdrawn.")
    query = select(Consent.id, ConsentWithdrawal.id).where(
        col(Consent.shopper_id).in_(claims.rows_of(tx, shopper_id)), Consent.kind == kind
    )
    joined = query.outerjoin(ConsentWithdrawal, col(ConsentWithdrawal.consent_id) == col(Consent.id))
    found = list(tx.exec(joined))
    if not found:
        raise NotFound(f"The shopper never gave the consent {kind!r}.")
    standing = [consent for consent, withdrawal in found if withdrawal is None]
    for consent in standing:
        tx.add(
            ConsentWithdrawal(
                id=tx.new_id("cwd"),
                consent_id=consent,
                shopper_id=shopper_id,
                channel=channel,
                withdrawn_at=tx.now,
            )
        )
    tx.flush()
    return len(standing)


def withdraw_in_checkout(tx: Transaction, checkout_id: str, kind: str) -> int:
    """The shopper takes a consent back on the page of a checkout in which it was given. Raises ``NotFound``."""
    checkout = tx.get(Checkout, checkout_id)
    if checkout is None or kind not in {row.consent.kind for row in of_checkout(tx, checkout_id)}:
        raise NotFound("This consent was not given in this checkout.")
    return withdraw(tx, checkout.shopper_id or "", kind, channel="hosted_page")
