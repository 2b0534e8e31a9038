"""The OAuth server: Authlib's grants (RFC 6749, 7636, 6749 section 6) on our tables, with its permissive defaults closed.

A request runs in one transaction (``g.tx``): a code is used, a family revoked and a token issued together.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc6749.errors import InvalidScopeError
from authlib.oauth2.rfc7636 import CodeChallenge
from flask import g
from sqlmodel import select

from gateway.db.transactions import Transaction
from gateway.oauth import service
from gateway.oauth.keys import SigningKeys
from gateway.oauth.models import AuthorizationCode, OAuthClient, RefreshToken, TeamMember
from gateway.oauth.scopes import ROLE_SCOPES
from gateway.privacy.vault import Vault

ACCESS_SECONDS = 600
CODE_LIFE = timedelta(seconds=60)
REFRESH_LIFE = timedelta(days=30)
METHODS = {"server": ("client_secret_basic", "client_secret_post"), "portal": ("none",)}
GRANTS = {"server": ("client_credentials",), "portal": ("authorization_code", "refresh_token")}


class Client(ClientMixin):
    """A row of ``oauth_client`` as Authlib wants to see it."""

    def __init__(self, row: OAuthClient, vault: Vault) -> None:
        self.row = row
        self._vault = vault

    def get_client_id(self) -> str:
        return self.row.id

    def get_default_redirect_uri(self) -> str | None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        """What is asked for, or everything the client may; an unknown scope is refused, not dropped."""
        asked = (scope or "").split()
        if not asked:
            return " ".join(self.row.scopes)
        if not set(asked) <= set(self.row.scopes):
            raise InvalidScopeError("The scope is unknown or not allowed for this client.")
        return " ".join(asked)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.row.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return service.secret_is_right(g.tx, self._vault, self.row.id, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in METHODS[self.row.kind]

    def check_response_type(self, response_type: str) -> bool:
        return self.row.kind == "portal" and response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in GRANTS[self.row.kind]


class ClientCredentials(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]  # noqa: RUF012


class S256Only(CodeChallenge):
    """PKCE with S256 and nothing else, required of every client (Authlib's default is ``plain``)."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012


class _Grant:
    """What a stored code or refresh token answers to Authlib."""

    def __init__(self, row: Any) -> None:
        self.row = row
        self.code_challenge = getattr(row, "code_challenge", None)
        self.code_challenge_method = "S256"

    def get_redirect_uri(self) -> str:
        return str(self.row.redirect_uri)

    def get_scope(self) -> str:
        return str(self.row.scope)

    def check_client(self, client: Client) -> bool:
        return bool(self.row.client_id == client.row.id)


class Code(grants.AuthorizationCodeGrant):
    """RFC 6749 section 4.1: 60 seconds, once; a second use revokes what the first one brought (RFC 9700 section 2.1.1)."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]  # noqa: RUF012

    def save_authorization_code(self, code: str, request: Any) -> None:
        tx: Transaction = g.tx
        member: TeamMember = request.user
        tx.add(
            AuthorizationCode(
                code_lookup=self.server.vault.lookup(code, "code"),
                client_id=request.client.row.id,
                member_id=member.id,
                mode=request.client.row.mode,
                redirect_uri=request.payload.redirect_uri,
                scope=granted(request.scope, member),
                code_challenge=request.payload.data["code_challenge"],
                family=secrets.token_hex(16),
                expires_at=tx.now + CODE_LIFE,
            )
        )

    def query_authorization_code(self, code: str, client: Client) -> _Grant | None:
        tx: Transaction = g.tx
        query = select(AuthorizationCode).where(
            AuthorizationCode.code_lookup == self.server.vault.lookup(code, "code")
        )
        row = tx.exec(query.with_for_update()).first()
        if row is None or row.client_id != client.row.id or row.expires_at <= tx.now:
            return None
        if row.used_at is not None:
            revoke_family(tx, row.family)
            return None
        return _Grant(row)

    def delete_authorization_code(self, authorization_code: _Grant) -> None:
        authorization_code.row.used_at = g.tx.now
        g.tx.add(authorization_code.row)

    def authenticate_user(self, authorization_code: _Grant) -> TeamMember | None:
        g.family = authorization_code.row.family
        member: TeamMember | None = g.tx.get(TeamMember, authorization_code.row.member_id)
        return member


class Refresh(grants.RefreshTokenGrant):
    """RFC 6749 section 6 with rotation: a used token revokes its family (RFC 9700 section 4.14)."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]  # noqa: RUF012
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> _Grant | None:
        tx: Transaction = g.tx
        query = select(RefreshToken).where(
            RefreshToken.token_lookup == self.server.vault.lookup(refresh_token, "refresh")
        )
        row = tx.exec(query.with_for_update()).first()
        if row is None or row.revoked_at is not None or row.expires_at <= tx.now:
            return None
        if row.used_at is not None:
            revoke_family(tx, row.family)
            return None
        return _Grant(row)

    def authenticate_user(self, refresh_token: _Grant) -> TeamMember | None:
        g.family = refresh_token.row.family
        member: TeamMember | None = g.tx.get(TeamMember, refresh_token.row.member_id)
        return member

    def revoke_old_credential(self, refresh_token: _Grant) -> None:
        refresh_token.row.used_at = g.tx.now
        g.tx.add(refresh_token.row)


class Server(AuthorizationServer):
    """Authlib's server with our tokens: RFC 9068, ten minutes."""

    def __init__(self, keys: SigningKeys, vault: Vault, issuer: str) -> None:
        super().__init__()
        self.keys, self.vault, self.issuer = keys, vault, issuer
        self._query_client = self._client
        self._save_token = lambda token, request: None
        self.register_token_generator("default", self._token)
        self.register_grant(ClientCredentials)
        self.register_grant(Code, [S256Only(required=True)])
        self.register_grant(Refresh)

    def _client(self, client_id: str) -> Client | None:
        row = g.tx.get(OAuthClient, client_id) if client_id.isascii() and client_id.isprintable() else None
        return Client(row, self.vault) if row is not None else None

    def _token(
        self,
        *,
        grant_type: str,
        client: Client,
        user: TeamMember | None = None,
        scope: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = True,
    ) -> dict[str, Any]:
        tx: Transaction = g.tx
        # A person's grant is what the code carries, even when that is nothing; only a server may ask for "all".
        scope = (scope or "") if user else client.get_allowed_scope(scope)
        now = int(tx.now.timestamp())
        claims = {
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": user.id if user else client.row.id,
            "client_id": client.row.id,
            "merchant_id": user.merchant_id if user else client.row.merchant_id,
            "mode": client.row.mode,
            "scope": scope,
            "iat": now,
            "exp": now + ACCESS_SECONDS,
            "jti": secrets.token_hex(16),
        }
        token: dict[str, Any] = {
            "token_type": "Bearer",
            "access_token": self.keys.sign(claims),
            "expires_in": ACCESS_SECONDS,
            "scope": scope,
        }
        if user is not None and include_refresh_token:
            token["refresh_token"] = self._refresh_token(tx, client, user, scope)
        return token

    def _refresh_token(self, tx: Transaction, client: Client, user: TeamMember, scope: str) -> str:
        token = secrets.token_urlsafe(32)
        tx.add(
            RefreshToken(
                token_lookup=self.vault.lookup(token, "refresh"),
                family=g.family,
                client_id=client.row.id,
                member_id=user.id,
                mode=client.row.mode,
                scope=scope,
                expires_at=tx.now + REFRESH_LIFE,
            )
        )
        return token


def granted(scope: str, member: TeamMember) -> str:
    """What is asked for, less what the person's role does not allow."""
    allowed = set(ROLE_SCOPES[member.role])
    return " ".join(name for name in scope.split() if name in allowed)


def revoke_family(tx: Transaction, family: str) -> None:
    """End every refresh token that descends from one login."""
    for row in tx.exec(select(RefreshToken).where(RefreshToken.family == family)):
        row.revoked_at = row.revoked_at or tx.now
        tx.add(row)

