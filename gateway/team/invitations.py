"""Invitations: an owner names address, name and role; the link that results works for 72 hours and once."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, select

from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.errors import NotFound
from gateway.merchants import service as merchants
from gateway.privacy.vault import Vault
from gateway.team import service
from gateway.team.models import Invitation, TeamMember

if TYPE_CHECKING:
    from gateway.outbox.models import OutboxItem
    from gateway.web.context import Gateway

TOPIC = "notify.invitation"
LIFE = timedelta(hours=72)
PATH = "/account/invitation"


def invite(
    tx: Transaction, vault: Vault, inviter: TeamMember, *, email: str, name: str, role: str
) -> tuple[Invitation, str]:
    """A new invitation and the token of its link; one that waits for the same address is replaced.

    Raises ``ValidationFailed``, or ``Conflict`` for an address that has a login.
    """
    address = service.checked_person(tx, email=email, name=name, role=role)
    for older in waiting(tx, inviter.merchant_id):
        if older.email == address:
            older.used_at = tx.wall
            tx.add(older)
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        id=tx.new_id("inv"),
        token_lookup=_lookup(vault, token),
        merchant_id=inviter.merchant_id,
        invited_by=inviter.id,
        email=address,
        name=name,
        role=role,
        created_at=tx.wall,
        expires_at=tx.wall + LIFE,
    )
    tx.add(invitation)
    return invitation, token


def queue(tx: Transaction, gateway: Gateway, tenant: Tenant, invitation: Invitation, *, url: str) -> None:
    """Queue the message with the link; until it is sent, the link lies sealed in the invitation's row."""
    invitation.message_sealed = gateway.vault.seal(url, **_place(invitation.id))
    tx.add(invitation)
    gateway.queue(tx, TOPIC, {"invitation": invitation.id, "mode": tenant.mode}, tenant=tenant)


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Send the invitation that ``item`` names, unless it no longer works. Raises what the notifier raises."""
    with gateway.db.read() as tx:
        row = tx.get(Invitation, item.payload["invitation"])
        works = row is not None and row.used_at is None and row.expires_at > tx.wall
    if row is None or row.message_sealed is None:
        return
    if works:
        url = gateway.vault.open(row.message_sealed, **_place(row.id))
        gateway.ports.notifier.send_invitation(
            mode_of(item.payload["mode"]), row.email, url, reference=row.id
        )
    gateway.db.write(lambda tx: _forget_message(tx, row.id, sent=works))


def waiting(tx: Transaction, merchant_id: str) -> list[Invitation]:
    """The invitations of a merchant that can still be accepted."""
    query = select(Invitation).where(
        Invitation.merchant_id == merchant_id,
        col(Invitation.used_at).is_(None),
        col(Invitation.expires_at) > tx.wall,
    )
    return list(tx.exec(query.order_by(col(Invitation.id))))


def of_token(tx: Transaction, vault: Vault, token: str) -> Invitation | None:
    """The invitation of a link, if it still works."""
    row = tx.exec(select(Invitation).where(Invitation.token_lookup == _lookup(vault, token))).first()
    works = row is not None and row.used_at is None and row.expires_at > tx.wall
    return row if works else None


def accept(tx: Transaction, vault: Vault, token: str, *, password: str) -> TeamMember | None:
    """The new member, or None when the link does not work any more. Raises ``ValidationFailed`` or ``Conflict``."""
    invitation = of_token(tx, vault, token)
    if invitation is None:
        return None
    member = service.create_team_member(
        tx,
        merchant_id=invitation.merchant_id,
        email=invitation.email,
        name=invitation.name,
        password=password,
        role=invitation.role,
    )
    invitation.used_at = tx.wall
    tx.add(invitation)
    return member


def withdraw(tx: Transaction, merchant_id: str, invitation_id: str) -> None:
    """Make a link useless. Raises ``NotFound``."""
    row = tx.get(Invitation, invitation_id)
    if row is None or row.merchant_id != merchant_id or row.used_at is not None:
        raise NotFound(f"There is no open invitation {invitation_id!r}.")
    row.used_at = tx.wall
    tx.add(row)


def forget_expired(tx: Transaction, *, limit: int) -> int:
    """Delete some invitations whose time is over, accepted or not; returns how many."""
    query = select(Invitation).where(col(Invitation.expires_at) <= tx.wall).limit(limit)
    rows = list(tx.exec(query.with_for_update(skip_locked=True)))
    for row in rows:
        tx.delete(row)
    return len(rows)


def reseal(tx: Transaction, vault: Vault, *, after: str, limit: int) -> str | None:
    """Reseal some links that wait to be sent, from the id ``after`` on; returns where to go on, or None."""
    query = select(Invitation).where(Invitation.id > after, col(Invitation.message_sealed).is_not(None))
    rows = list(tx.exec(query.order_by(col(Invitation.id)).limit(limit).with_for_update()))
    for row in rows:
        if row.message_sealed is not None:
            row.message_sealed = vault.resealed(row.message_sealed, **_place(row.id))
            tx.add(row)
    return rows[-1].id if rows else None


def _lookup(vault: Vault, token: str) -> str:
    return vault.lookup(token, "invitation")


def _forget_message(tx: Transaction, invitation_id: str, *, sent: bool) -> None:
    row = tx.exec(select(Invitation).where(Invitation.id == invitation_id).with_for_update()).first()
    if row is not None:
        row.message_sealed, row.sent_at = None, tx.wall if sent else row.sent_at
        tx.add(row)


def _place(invitation_id: str) -> dict[str, str]:
    return {"table": "invitation", "row": invitation_id, "column": "message_sealed"}


def merchant_of(tx: Transaction, invitation: Invitation) -> merchants.Merchant:
    """Whose team it is."""
    return merchants.get(tx, invitation.merchant_id)
