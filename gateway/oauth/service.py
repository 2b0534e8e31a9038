"""What happens to clients, secrets and people: they are created, checked, and looked up."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlmodel import col, or_, select

from gateway.core.tenant import Mode
from gateway.db.transactions import Transaction
from gateway.oauth.machine_secrets import new_secret
from gateway.oauth.models import ClientSecret, OAuthClient, TeamMember
from gateway.oauth.scopes import ALL_SCOPES, SERVER_SCOPES
from gateway.privacy.vault import Vault

PASSWORDS = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""argon2id with OWASP's parameters: for people only, a machine's secret has 256 bits and needs no slow hash."""
NOBODY = PASSWORDS.hash(secrets.token_urlsafe(16))
"""Checked when an address is unknown, so that its answer takes as long as a wrong password."""
SECRET_PURPOSE = "client_secret"


def create_client(
    tx: Transaction, vault: Vault, *, merchant_id: str, mode: Mode, scopes: tuple[str, ...] = SERVER_SCOPES
) -> tuple[str, str]:
    """A client for a merchant's server; returns its id and its secret, which is shown this once."""
    client = OAuthClient(
        id=f"ci_{mode}_{secrets.token_hex(12)}",
        kind="server",
        merchant_id=merchant_id,
        mode=mode,
        scopes=list(scopes),
        redirect_uris=[],
        created_at=tx.now,
    )
    tx.add(client)
    tx.flush()
    return client.id, add_secret(tx, vault, client)


def add_secret(tx: Transaction, vault: Vault, client: OAuthClient) -> str:
    """A further secret for a client; the older ones stay valid until they are ended."""
    secret = new_secret(f"sk_{client.mode}")
    tx.add(
        ClientSecret(
            id=tx.new_id("sec"),
            client_id=client.id,
            secret_lookup=vault.lookup(secret, SECRET_PURPOSE),
            created_at=tx.now,
        )
    )
    return secret


def rotate_secret(tx: Transaction, vault: Vault, client_id: str, *, overlap: timedelta) -> str:
    """A new secret; the ones before it end after ``overlap``."""
    client = tx.get_one(OAuthClient, client_id)
    for old in _valid_secrets(tx, client_id):
        old.expires_at = tx.now + overlap
        tx.add(old)
    return add_secret(tx, vault, client)


def secret_is_right(tx: Transaction, vault: Vault, client_id: str, secret: str) -> bool:
    """Whether ``secret`` is one of the client's valid ones, compared in constant time."""
    given = vault.lookup(secret, SECRET_PURPOSE)
    return any([hmac.compare_digest(row.secret_lookup, given) for row in _valid_secrets(tx, client_id)])


def portal_client(tx: Transaction, *, redirect_uris: list[str], mode: Mode) -> OAuthClient:
    """The portal's own client of a mode, made when first asked for; its redirect addresses follow the settings."""
    client = tx.exec(select(OAuthClient).where(OAuthClient.kind == "portal", OAuthClient.mode == mode)).first()
    if client is None:
        client = OAuthClient(
            id=f"ci_{mode}_portal",
            kind="portal",
            merchant_id=None,
            mode=mode,
            scopes=list(ALL_SCOPES),
            redirect_uris=redirect_uris,
            created_at=tx.now,
        )
    else:
        client.redirect_uris = redirect_uris
    tx.add(client)
    tx.flush()
    return client


def create_team_member(
    tx: Transaction, *, merchant_id: str, email: str, name: str, password: str, role: str
) -> TeamMember:
    """A person with a portal login; the password is kept as argon2id."""
    member = TeamMember(
        id=tx.new_id("mem"),
        merchant_id=merchant_id,
        email=email.strip().lower(),
        name=name,
        role=role,
        password=PASSWORDS.hash(password),
        created_at=tx.now,
    )
    tx.add(member)
    return member


def member_with_password(tx: Transaction, email: str, password: str) -> TeamMember | None:
    """The person, if address and password fit; an unknown address takes as long as a wrong password."""
    member = tx.exec(select(TeamMember).where(TeamMember.email == email.strip().lower())).first()
    try:
        PASSWORDS.verify(member.password if member else NOBODY, password)
    except (VerificationError, InvalidHashError):
        return None
    return member


class Guesses:
    """Failed logins by address, in this process: five in fifteen minutes, then the door stays shut for a while."""

    LIMIT = 5
    WINDOW = timedelta(minutes=15)

    def __init__(self) -> None:
        self._failed: dict[str, list[datetime]] = {}
        self._lock = threading.Lock()

    def too_many(self, email: str, now: datetime) -> bool:
        """Whether this address must wait."""
        with self._lock:
            return len(self._recent(email, now)) >= self.LIMIT

    def failed(self, email: str, now: datetime) -> None:
        """Note a failed login."""
        with self._lock:
            self._recent(email, now).append(now)

    def succeeded(self, email: str) -> None:
        """Forget the failures of an address."""
        with self._lock:
            self._failed.pop(self._key(email), None)

    def _recent(self, email: str, now: datetime) -> list[datetime]:
        recent = [moment for moment in self._failed.get(self._key(email), []) if moment > now - self.WINDOW]
        self._failed[self._key(email)] = recent
        return recent

    @staticmethod
    def _key(email: str) -> str:
        return hashlib.sha256(email.strip().lower().encode()).hexdigest()


def _valid_secrets(tx: Transaction, client_id: str) -> list[ClientSecret]:
    query = select(ClientSecret).where(
        ClientSecret.client_id == client_id,
        or_(col(ClientSecret.expires_at).is_(None), col(ClientSecret.expires_at) > tx.now),
    )
    return list(tx.exec(query))
