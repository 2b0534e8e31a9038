"""Sessions of people: begun by a login, kept alive by use, ended by idleness, by age, by log-out or by a colleague.

A session is what the tokens of one login share (``sid``). The portal ends it after 15 idle minutes; here a refresh
token is refused after 25, because the portal need not ask for a new access token while it has one of ten minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.errors import NotFound
from gateway.privacy.vault import Vault
from gateway.team.models import LoginSession, TeamMember

IDLE = timedelta(minutes=25)
LIFE = timedelta(hours=12)
KEPT = timedelta(days=30)
"""So long after its end a session is still known."""
STRONG = frozenset({"otp", "hwk"})
LONGEST_DEVICE = 200


@dataclass(frozen=True, slots=True)
class Login:
    """How somebody has just proved who they are, and from where."""

    amr: tuple[str, ...]
    at: datetime
    device: str
    home: str
    cookie: str
    """What the browser keeps for the gateway's account pages: 256 random bits."""


def begin(tx: Transaction, vault: Vault, member: TeamMember, login: Login) -> str:
    """Open a session; returns its id."""
    session = LoginSession(
        id=tx.new_id("ses"),
        member_id=member.id,
        amr=list(login.amr),
        device=login.device[:LONGEST_DEVICE],
        home=login.home,
        cookie_lookup=vault.lookup(login.cookie, "account_cookie"),
        authenticated_at=login.at,
        last_seen_at=tx.wall,
        expires_at=login.at + LIFE,
    )
    tx.add(session)
    tx.flush()
    return session.id


def claims(tx: Transaction, session_id: str, member: TeamMember) -> dict[str, Any]:
    """What an access token says of its person: role, and how and when they logged in (RFC 9068 section 2.2.1)."""
    session = tx.get(LoginSession, session_id)
    if session is None:
        return {"role": member.role}
    return {
        "role": member.role,
        "auth_time": int(session.authenticated_at.timestamp()),
        "amr": session.amr,
        "acr": "2" if is_strong(session) else "1",
    }


def is_strong(session: LoginSession) -> bool:
    """Whether two factors were shown, or a passkey, which is two in one."""
    return bool(STRONG & set(session.amr))


def touch(tx: Transaction, session_id: str) -> bool:
    """Note that the session is in use; False when it is over."""
    session = tx.get(LoginSession, session_id)
    if session is None or not _is_open(tx, session):
        return False
    session.last_seen_at = tx.wall
    tx.add(session)
    return True


def of_cookie(tx: Transaction, vault: Vault, cookie: str) -> LoginSession | None:
    """The open session that a browser's account cookie names."""
    lookup = vault.lookup(cookie, "account_cookie")
    session = tx.exec(select(LoginSession).where(LoginSession.cookie_lookup == lookup)).first()
    return session if session is not None and _is_open(tx, session) else None


def open_of(tx: Transaction, member_id: str) -> list[LoginSession]:
    """The open sessions of a person, newest first."""
    query = select(LoginSession).where(
        LoginSession.member_id == member_id,
        col(LoginSession.ended_at).is_(None),
        col(LoginSession.expires_at) > tx.wall,
        col(LoginSession.last_seen_at) > tx.wall - IDLE,
    )
    return list(tx.exec(query.order_by(col(LoginSession.id).desc())))


def end(tx: Transaction, session_id: str) -> None:
    """End a session; one that is over or unknown stays as it is."""
    session = tx.get(LoginSession, session_id)
    if session is not None and session.ended_at is None:
        session.ended_at = tx.wall
        tx.add(session)


def end_own(tx: Transaction, member_id: str, session_id: str) -> None:
    """End one of a person's sessions. Raises ``NotFound`` for somebody else's."""
    session = tx.get(LoginSession, session_id)
    if session is None or session.member_id != member_id:
        raise NotFound(f"There is no session {session_id!r}.")
    end(tx, session_id)


def end_all(tx: Transaction, member_id: str, *, but: str | None = None) -> None:
    """End every session of a person, except one where it is named."""
    for session in open_of(tx, member_id):
        if session.id != but:
            end(tx, session.id)


def ended_since(tx: Transaction, when: datetime) -> set[str]:
    """Ids of the sessions that were ended since a moment: what the list of revoked tokens adds to its own."""
    return set(tx.exec(select(LoginSession.id).where(col(LoginSession.ended_at) > when)))


def forget_expired(tx: Transaction, *, limit: int) -> int:
    """Delete some sessions that expired 30 days ago; returns how many."""
    query = select(LoginSession).where(col(LoginSession.expires_at) <= tx.wall - KEPT).limit(limit)
    rows = list(tx.exec(query.with_for_update(skip_locked=True)))
    for row in rows:
        tx.delete(row)
    return len(rows)


def _is_open(tx: Transaction, session: LoginSession) -> bool:
    in_use = session.last_seen_at > tx.wall - IDLE
    return session.ended_at is None and session.expires_at > tx.wall and in_use
