"""What a running gateway is made of, and who is calling: handed to every route, never reached for globally."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast

from flask import Request, current_app

from gateway.config import Settings
from gateway.core.tenant import Mode, Tenant
from gateway.db.transactions import Database, Transaction
from gateway.web.idempotency import Answered
from gateway.web.ports import Ports

if TYPE_CHECKING:
    from gateway.privacy.vault import Vault
    from gateway.web.rate_limits import Counter

UNSPENT = "unspent_proof"
"""In ``g``: the DPoP proof of a request that writes, until a transaction has remembered it."""
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller: a merchant's server, its portal user, or (quotes only) its web page."""

    tenant: Tenant
    client_id: str
    scopes: frozenset[str]
    user_id: str | None = None
    token_id: str | None = None
    session_id: str | None = None
    role: str | None = None
    """Of a person; a merchant's server has none."""
    auth_time: int | None = None
    """When the person last proved who they are (Unix seconds), with a second factor where there is one."""
    second_factor: bool = False
    """Whether that login had two factors."""

    @property
    def merchant_id(self) -> str:
        """Whose data the caller sees, with ``mode``."""
        return self.tenant.merchant_id

    @property
    def mode(self) -> Mode:
        """Test or live, by the caller's credential: a request cannot choose."""
        return self.tenant.mode


@dataclass(frozen=True, slots=True)
class OperatorCaller:
    """One of the gateway's own people, logged in with password and code: of no merchant and in no mode."""

    id: str
    name: str
    scopes: frozenset[str]
    session_id: str
    auth_time: int
    """When they logged in (Unix seconds)."""


class OperatorAuthenticator(Protocol):
    """Turns a request into an operator. Raises ``Unauthenticated``."""

    def claims(self, request: Request) -> dict[str, Any]:
        """What the access token of the Authorization header says, once it is found to be an operator's."""
        ...

    def admitted(self, tx: Transaction, claims: dict[str, Any]) -> OperatorCaller:
        """The operator behind such claims, whose login is not over, by the database itself."""
        ...


class Authenticator(Protocol):
    """Turns a request into a caller. Raises ``Unauthenticated``."""

    def bearer(self, request: Request) -> Caller:
        """Whoever holds the access token of the Authorization header."""
        ...

    def spend(self, tx: Transaction) -> None:
        """Remember the request's proof of possession in the transaction that writes, where there is one."""
        ...

    def publishable_key(self, tx: Transaction, key: str) -> Caller:
        """The web page that a publishable key belongs to; it may ask for quotes only."""
        ...


@dataclass
class Gateway:
    """One running gateway: settings, storage, time, and the ports to everything outside."""

    settings: Settings
    db: Database
    clock: Clock
    vault: Vault
    authenticator: Authenticator
    operators: OperatorAuthenticator
    audit: Callable[[Transaction, Caller, str, str, bytes], None]
    """Records a write: by whom, which operation, on what, and the answer's body."""
    counter: Counter
    """Counts requests for the rate limits."""
    ports: Ports
    at_time_of: Callable[[Transaction, Tenant], None] = lambda tx, tenant: None
    """Sets a transaction's ``now`` to a merchant's business time, which a test clock may have moved."""
    random_bits: Callable[[int], int] = secrets.randbits
    """Chance: so many random bits."""
    queue: Callable[..., Any] = lambda tx, topic, payload, *, tenant: None
    """Puts what must leave into the outbox, for the rooms below it."""
    answered: Answered = field(default_factory=Answered)
    """Which requests with a key this process has answered."""
    woken: threading.Event = field(default_factory=threading.Event)
    """Set when something was queued that is to leave at once, for a worker that is a thread of this process."""


def gateway() -> Gateway:
    """The gateway that serves the current request."""
    return cast(Gateway, current_app.extensions["fenqi"])
