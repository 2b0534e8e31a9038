"""Sessions of shoppers: begun by a code to the phone, kept by use, ended by idleness, by age, by log-out or elsewhere.

The browser has a secret; stored is a keyed hash of it together with the phone on file, so that a session ends when the
person gets another phone, and when the person is erased. All times are the machine's.
"""

from __future__ import annotations

import hmac
from datetime import timedelta

from sqlmodel import col, select

from gateway.core.tenant import Mode
from gateway.db.transactions import Transaction
from gateway.errors import NotFound
from gateway.identity import service
from gateway.identity.models import Shopper, ShopperSession
from gateway.privacy.vault import Vault

IDLE = timedelta(minutes=30)
LIFE = timedelta(hours=12)
KEPT = timedelta(days=30)
"""So long after its end a session is still known."""
FRESH = timedelta(minutes=5)
"""So long a second proof is good for what cannot be undone."""
SEEN_EVERY = timedelta(minutes=1)
"""So often it is noted that a session is in use."""
MOST_OPEN = 10
"""Open sessions of a person; the one that was used longest ago ends for the next."""
SECRET_BITS = 256
LONGEST_DEVICE = 200


def begin(tx: Transaction, vault: Vault, shopper: Shopper, *, secret: str, device: str) -> str:
    """Open a session of the shopper, whose phone was proved just now; returns what the browser keeps."""
    for old in open_of(tx, shopper.id)[MOST_OPEN - 1 :]:
        _end(tx, old)
    session = ShopperSession(
        id=tx.new_id("mys"),
        shopper_id=shopper.id,
        secret_lookup="",
        device=device[:LONGEST_DEVICE],
        began_at=tx.wall,
        last_seen_at=tx.wall,
        expires_at=tx.wall + LIFE,
    )
    session.secret_lookup = vault.lookup(_words(session, shopper, secret), "shopper_session")
    tx.add(session)
    tx.flush()
    return f"{session.id}.{secret}"


def of_cookie(tx: Transaction, vault: Vault, cookie: str, mode: Mode) -> ShopperSession | None:
    """The open session that a browser's cookie opens in a mode, or None."""
    session_id, dot, secret = cookie.partition(".")
    if not dot or not cookie.isascii() or len(cookie) > LONGEST_DEVICE:
        return None
    session = tx.get(ShopperSession, session_id)
    if session is None or not is_open(tx, session):
        return None
    shopper = service.read(tx, session.shopper_id)
    if shopper.mode != mode or shopper.erased_at is not None:
        return None
    known = vault.lookups(_words(session, shopper, secret), "shopper_session")
    return session if any(hmac.compare_digest(session.secret_lookup, one) for one in known) else None


def is_seldom_seen(tx: Transaction, session: ShopperSession) -> bool:
    """Whether it should be noted again that the session is in use."""
    return session.last_seen_at <= tx.wall - SEEN_EVERY


def touch(tx: Transaction, session_id: str) -> None:
    """Note that a session is in use; one that has ended stays as it is."""
    session = tx.get_one(ShopperSession, session_id)
    if is_open(tx, session):
        session.last_seen_at = tx.wall
        tx.add(session)


def prove(tx: Transaction, session_id: str) -> None:
    """Note that a fresh code and the ID number were shown in the session just now."""
    session = tx.get_one(ShopperSession, session_id)
    session.proved_at = session.last_seen_at = tx.wall
    tx.add(session)


def is_proved(tx: Transaction, session: ShopperSession) -> bool:
    """Whether the session may do what cannot be undone."""
    return session.proved_at is not None and session.proved_at > tx.wall - FRESH


def open_of(tx: Transaction, shopper_id: str) -> list[ShopperSession]:
    """The open sessions of a person, the one that was used last first."""
    query = select(ShopperSession).where(
        ShopperSession.shopper_id == shopper_id,
        col(ShopperSession.ended_at).is_(None),
        col(ShopperSession.expires_at) > tx.wall,
        col(ShopperSession.last_seen_at) > tx.wall - IDLE,
    )
    newest = query.order_by(col(ShopperSession.last_seen_at).desc(), col(ShopperSession.id).desc())
    return list(tx.exec(newest.limit(4 * MOST_OPEN)))


def end(tx: Transaction, shopper_id: str, session_id: str) -> None:
    """End one of a person's sessions; again changes nothing. Raises ``NotFound`` for somebody else's."""
    session = tx.get(ShopperSession, session_id)
    if session is None or session.shopper_id != shopper_id:
        raise NotFound("There is no such session. Open the page again to see those that are open.")
    _end(tx, session)


def end_others(tx: Transaction, shopper_id: str, *, but: str) -> None:
    """End every other session of a person."""
    for session in open_of(tx, shopper_id):
        if session.id != but:
            _end(tx, session)


def forget_expired(tx: Transaction, *, limit: int) -> int:
    """Delete some sessions that expired 30 days ago; returns how many."""
    query = select(ShopperSession).where(col(ShopperSession.expires_at) <= tx.wall - KEPT).limit(limit)
    rows = list(tx.exec(query.with_for_update(skip_locked=True)))
    for row in rows:
        tx.delete(row)
    return len(rows)


def is_open(tx: Transaction, session: ShopperSession) -> bool:
    """Whether a session is neither ended nor idle nor too old."""
    in_use = session.last_seen_at > tx.wall - IDLE
    return session.ended_at is None and session.expires_at > tx.wall and in_use


def _end(tx: Transaction, session: ShopperSession) -> None:
    if session.ended_at is None:
        session.ended_at = tx.wall
        tx.add(session)


def _words(session: ShopperSession, shopper: Shopper, secret: str) -> str:
    return f"{session.id}|{secret}|{shopper.phone_lookup}"
