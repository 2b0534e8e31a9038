"""Authlib's grants for operators: a code with PKCE and its refresh, on tables of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749.errors import InvalidRequestError, InvalidScopeError
from sqlmodel import select

from gateway.core.scopes import OPERATOR_SCOPES
from gateway.monitoring.security_events import security_event
from gateway.oauth.models import OperatorCode, OperatorRefreshToken
from gateway.oauth.operators import addresses
from gateway.oauth.tokens.grants import Client, Code, InvalidTargetError, Refresh, Stored, new_opaque
from gateway.operators import sessions

if TYPE_CHECKING:
    from gateway.operators.models import Operator

CODE_LIFE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Known:
    """The one client, with what Authlib's grants ask of a client's row."""

    id: str = addresses.CLIENT_ID
    kind: str = "portal"
    """Public, for people: a code with PKCE, and no secret."""
    scopes: tuple[str, ...] = OPERATOR_SCOPES


class OperatorClient(Client):
    """The one client as Authlib wants to see it."""

    def __init__(self) -> None:
        self.row = Known()  # type: ignore[assignment]

    def get_allowed_scope(self, scope: str | None) -> str:
        """What is asked for, or all; an unknown scope is refused, not dropped."""
        wanted = set((scope or "").split()) or set(OPERATOR_SCOPES)
        if not wanted <= set(OPERATOR_SCOPES):
            raise InvalidScopeError(f"The scopes of operators are {' '.join(OPERATOR_SCOPES)}.")
        return " ".join(name for name in OPERATOR_SCOPES if name in wanted)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether it is the operator's own machine."""
        return addresses.may_return_to(redirect_uri)


class StoredOfOperator(Stored):
    """A stored code or refresh token; there is one client only."""

    def check_client(self, client: Client) -> bool:
        """Always: no other client could have got it."""
        return True


class OperatorCodeGrant(Code):
    """A code of an operator's login: 60 seconds, once; a second use ends the login."""

    def _check_profile(self, client: Client) -> None:
        data = self.request.payload.data
        check_audience(data, self.server.audience)
        for name in ("request", "request_uri", "dpop_jkt"):
            if name in data:
                raise InvalidRequestError(f"The login of operators does not support {name}.")

    def save_authorization_code(self, code: str, request: Any) -> None:
        """Begin the login, and keep the code's hash."""
        tx = self.server.tx
        session = sessions.begin(tx, request.user)
        tx.add(
            OperatorCode(
                code_lookup=self.server.vault.lookup(code, "operator_code"),
                session_id=session.id,
                redirect_uri=request.payload.redirect_uri,
                scope=request.scope,
                code_challenge=request.payload.data["code_challenge"],
                expires_at=tx.wall + CODE_LIFE,
            )
        )

    def query_authorization_code(self, code: str, client: Client) -> Stored | None:
        """The code's row, or None; a code that comes again ends the login that it began."""
        tx = self.server.tx
        row = tx.get(OperatorCode, self.server.vault.lookup(code, "operator_code"), with_for_update=True)
        if row is None:
            return None
        if row.used_at is not None:
            sessions.end(tx, row.session_id)
            security_event("authorization_code_reused", subject=sessions.get(tx, row.session_id).operator_id)
            return None
        usable = row.expires_at > tx.wall and sessions.touch(tx, row.session_id) is not None
        return StoredOfOperator(row) if usable else None

    def delete_authorization_code(self, authorization_code: Stored) -> None:
        """Mark it as used: its row stays, so that a second use is noticed."""
        authorization_code.row.used_at = self.server.tx.wall
        self.server.tx.add(authorization_code.row)

    def authenticate_user(self, authorization_code: Stored) -> Operator | None:  # type: ignore[override]
        """The operator who logged in for the code."""
        return _operator(self.server.tx, authorization_code.row.session_id)

    def generate_token(self, **options: Any) -> dict[str, Any]:
        """An access token and a refresh token of the login."""
        check_audience(self.request.payload.data, self.server.audience)
        row: OperatorCode = self.request.authorization_code.row
        return answer(self.server, row.session_id, row.scope)


class OperatorRefreshGrant(Refresh):
    """Rotation: a refresh token that is used again ends its login."""

    def authenticate_refresh_token(self, refresh_token: str) -> Stored | None:
        """The row of a token that may be used."""
        tx = self.server.tx
        lookup = self.server.vault.lookup(refresh_token, "operator_refresh")
        row = tx.exec(
            select(OperatorRefreshToken).where(OperatorRefreshToken.token_lookup == lookup).with_for_update()
        ).first()
        if row is None:
            return None
        if row.used_at is not None:
            sessions.end(tx, row.session_id)
            security_event("refresh_token_reused", subject=sessions.get(tx, row.session_id).operator_id)
            return None
        usable = row.expires_at > tx.wall and sessions.touch(tx, row.session_id) is not None
        return StoredOfOperator(row) if usable else None

    def authenticate_user(self, refresh_token: Stored) -> Operator | None:  # type: ignore[override]
        """The operator whose login it is."""
        return _operator(self.server.tx, refresh_token.row.session_id)

    def generate_token(self, **options: Any) -> dict[str, Any]:
        """A token of the scopes asked for; the new refresh token keeps the scope of the login."""
        check_audience(self.request.payload.data, self.server.audience)
        row: OperatorRefreshToken = self.request.refresh_token.row
        return answer(self.server, row.session_id, row.scope, narrowed=options["scope"])

    def revoke_old_credential(self, refresh_token: Stored) -> None:
        """Mark the token as used, when the next one is made."""
        refresh_token.row.used_at = self.server.tx.wall
        self.server.tx.add(refresh_token.row)


def answer(server: Any, session_id: str, scope: str, *, narrowed: str = "") -> dict[str, Any]:
    """Tokens of a login: access for ten minutes, refresh until the login ends, each used once."""
    tx, token = server.tx, new_opaque()
    session = sessions.get(tx, session_id)
    tx.add(
        OperatorRefreshToken(
            token_lookup=server.vault.lookup(token, "operator_refresh"),
            session_id=session.id,
            scope=scope,
            expires_at=session.expires_at,
        )
    )
    return {**server.access_of(session, narrowed or scope), "refresh_token": token}


def check_audience(data: Any, audience: str) -> None:
    """There is one resource, and every token is for it. Raises ``InvalidTargetError`` for another."""
    if data.get("resource", audience) != audience:
        raise InvalidTargetError(f"The resource must be {audience}.")


def _operator(tx: Any, session_id: str) -> Operator | None:
    found = sessions.standing(tx, session_id)
    return found[1] if found is not None else None
