"""Authlib's grants on our tables, with its permissive defaults closed.

RFC 6749 (client credentials, code, refresh), RFC 7636 (S256 only), RFC 9700 (rotation, families, exact addresses).
"""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc6749.errors import (
    InvalidRequestError,
    InvalidScopeError,
    UnsupportedResponseTypeError,
)
from authlib.oauth2.rfc7636 import CodeChallenge
from sqlmodel import select

from gateway.core.scopes import in_order
from gateway.monitoring.security_events import security_event
from gateway.oauth.authorize import par
from gateway.oauth.models import AuthorizationCode, OAuthClient, RefreshToken
from gateway.oauth.tokens import entitlements
from gateway.oauth.tokens.revocation import revoke_family
from gateway.team import service as team
from gateway.team import sessions

if TYPE_CHECKING:
    from gateway.team.models import TeamMember

CODE_LIFE = timedelta(seconds=60)
REFRESH_LIFE = sessions.LIFE
"""From the login, however often the token rotates: then the person logs in again."""
SECRETS, KEYS = ("client_secret_basic", "client_secret_post"), ("private_key_jwt",)
METHODS = {"server": (*SECRETS, *KEYS), "portal": ("none",)}
GRANTS = {"server": ("client_credentials",), "portal": ("authorization_code", "refresh_token")}
S256_CHALLENGE = THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


class InvalidTargetError(OAuth2Error):  # type: ignore[misc,unused-ignore]
    """The token is wanted for a resource that is not ours (RFC 8707, section 2)."""

    error = "invalid_target"


class Client(ClientMixin):  # type: ignore[misc,unused-ignore]
    """A row of ``oauth_client`` as Authlib wants to see it."""

    def __init__(self, row: OAuthClient) -> None:
        self.row = row

    def get_client_id(self) -> str:
        return self.row.id

    def get_default_redirect_uri(self) -> str | None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        """What is asked for, or everything the client may; an unknown scope is refused, not dropped."""
        asked = set((scope or "").split()) or set(self.row.scopes)
        if not asked <= set(self.row.scopes):
            raise InvalidScopeError("A scope is unknown, or this client may not have it.")
        return " ".join(in_order(asked))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.row.redirect_uris

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """A client has one way: its keys where it registered some, else its secrets, else (the portal) none."""
        if self.row.kind == "portal":
            return method == "none"
        return method in (KEYS if self.row.assertion_alg else SECRETS)

    def check_response_type(self, response_type: str) -> bool:
        return self.row.kind == "portal" and response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in GRANTS[self.row.kind]


class ClientCredentials(grants.ClientCredentialsGrant):  # type: ignore[misc,unused-ignore]
    """RFC 6749 section 4.4: a merchant's server, for itself."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS["server"]

    def generate_token(self, **options: Any) -> dict[str, Any]:
        client: Client = self.request.client
        check_resource(self.request.payload.data, self.server.issuer)
        tx, wanted = self.server.tx, options["scope"]
        if wanted:
            scope = entitlements.granted(tx, client.row, client.get_allowed_scope(wanted))
        else:
            scope = entitlements.available(tx, client.row)
        if not scope:
            raise InvalidScopeError("Nothing is left of this client's scopes: ask us about your agreement.")
        return self.server.access_token(client.row, scope=scope)  # type: ignore[no-any-return]


class S256Only(CodeChallenge):  # type: ignore[misc,unused-ignore]
    """PKCE with S256 and nothing else (Authlib's default is ``plain``)."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)


class Stored:
    """A stored code or refresh token as Authlib wants to see it."""

    code_challenge_method = "S256"

    def __init__(self, row: Any) -> None:
        self.row = row
        self.code_challenge = getattr(row, "code_challenge", None)

    def get_redirect_uri(self) -> str:
        return str(self.row.redirect_uri)

    def get_scope(self) -> str:
        return str(self.row.scope)

    def check_client(self, client: Client) -> bool:
        return bool(self.row.client_id == client.row.id)


class Code(grants.AuthorizationCodeGrant):  # type: ignore[misc,unused-ignore]
    """RFC 6749 section 4.1: 60 seconds, once; a second use revokes what the first one brought."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS["portal"]

    def validate_authorization_request(self) -> str:
        """The address to answer to. Raises ``OAuth2Error``, with an address only if it is the client's."""
        asked = self.request.payload
        client: Client | None = self.server.query_client(asked.client_id or "")
        if client is None or not client.check_redirect_uri(asked.redirect_uri or ""):
            raise InvalidRequestError(
                "The client_id is unknown, or the redirect_uri is not registered for it character by character."
            )
        try:
            if not client.check_response_type(asked.response_type or ""):
                raise UnsupportedResponseTypeError("", "Only response_type=code is offered.")
            if asked.data.get("code_challenge_method") != "S256":
                raise InvalidRequestError("PKCE is required: send code_challenge_method=S256.")
            if not S256_CHALLENGE.fullmatch(asked.data.get("code_challenge", "")):
                raise InvalidRequestError("The code_challenge must be 43 characters of base64url.")
            self._check_profile(client)
            self.request.scope = client.get_allowed_scope(asked.scope)
        except OAuth2Error as error:
            error.redirect_uri = asked.redirect_uri
            raise
        self.request.client = client
        return str(asked.redirect_uri)

    def _check_profile(self, client: Client) -> None:
        """What RFC 8707, 9126 and 9449 add to a request. Raises ``OAuth2Error``."""
        data = self.request.payload.data
        check_resource(data, self.server.issuer)
        if client.row.require_par and "request_uri" not in data:
            raise InvalidRequestError("This client must push its requests to /oauth/par.")
        if "dpop_jkt" in data and not THUMBPRINT.fullmatch(data["dpop_jkt"]):
            raise InvalidRequestError("The dpop_jkt must be 43 characters of base64url.")

    def save_authorization_code(self, code: str, request: Any) -> None:
        tx, member, data = self.server.tx, request.user, request.payload.data
        if "request_uri" in data:
            par.use(tx, self.server.vault, data["request_uri"], request.client.row.id)
        tx.add(
            AuthorizationCode(
                code_lookup=self.server.vault.lookup(code, "code"),
                client_id=request.client.row.id,
                member_id=member.id,
                mode=request.client.row.mode,
                redirect_uri=request.payload.redirect_uri,
                scope=entitlements.granted(tx, request.client.row, request.scope, member),
                code_challenge=request.payload.data["code_challenge"],
                family=sessions.begin(tx, self.server.vault, member, self.server.login),
                dpop_jkt=data.get("dpop_jkt"),
                expires_at=tx.now + CODE_LIFE,
            )
        )

    def query_authorization_code(self, code: str, client: Client) -> Stored | None:
        tx = self.server.tx
        lookup = self.server.vault.lookup(code, "code")
        row = tx.exec(select(AuthorizationCode).where(AuthorizationCode.code_lookup == lookup)).first()
        if row is None or row.client_id != client.row.id:
            return None
        if row.used_at is not None:
            revoke_family(tx, row.family)
            security_event("authorization_code_reused", subject=row.member_id, mode=row.mode)
            return None
        if row.dpop_jkt is not None and row.dpop_jkt != self.server.jkt:
            return None
        usable = row.expires_at > tx.now and sessions.touch(tx, row.family)
        return Stored(row) if usable else None

    def delete_authorization_code(self, authorization_code: Stored) -> None:
        authorization_code.row.used_at = self.server.tx.now
        self.server.tx.add(authorization_code.row)

    def authenticate_user(self, authorization_code: Stored) -> TeamMember:
        return team.member(self.server.tx, authorization_code.row.member_id)

    def generate_token(self, **options: Any) -> dict[str, Any]:
        check_resource(self.request.payload.data, self.server.issuer)
        row: AuthorizationCode = self.request.authorization_code.row
        member: TeamMember = options["user"]
        client: OAuthClient = self.request.client.row
        scope = entitlements.granted(self.server.tx, client, row.scope, member)
        token = self.server.access_token(client, scope=scope, member=member, family=row.family)
        expires_at = self.server.tx.now + REFRESH_LIFE
        return {**token, "refresh_token": self.server.refresh_token(row, expires_at=expires_at)}


class Refresh(grants.RefreshTokenGrant):  # type: ignore[misc,unused-ignore]
    """RFC 6749 section 6 with rotation: a token that is used again revokes its family."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS["portal"]
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Stored | None:
        tx = self.server.tx
        lookup = self.server.vault.lookup(refresh_token, "refresh")
        row = tx.exec(select(RefreshToken).where(RefreshToken.token_lookup == lookup)).first()
        if row is None or row.client_id != self.request.client.row.id:
            return None
        if row.jkt is not None and row.jkt != self.server.jkt:
            return None  # without its key the token is worth nothing, not even to end the login
        if row.used_at is not None:
            revoke_family(tx, row.family)
            security_event("refresh_token_reused", subject=row.member_id, mode=row.mode)
            return None
        usable = row.revoked_at is None and row.expires_at > tx.now
        return Stored(row) if usable and sessions.touch(tx, row.family) else None

    def authenticate_user(self, refresh_token: Stored) -> TeamMember:
        return team.member(self.server.tx, refresh_token.row.member_id)

    def generate_token(self, **options: Any) -> dict[str, Any]:
        """A token by the role and the agreement of today; the new refresh token keeps the scope of the login."""
        check_resource(self.request.payload.data, self.server.issuer)
        row: RefreshToken = self.request.refresh_token.row
        member: TeamMember = options["user"]
        client: OAuthClient = self.request.client.row
        scope = entitlements.granted(self.server.tx, client, options["scope"], member)
        token = self.server.access_token(client, scope=scope, member=member, family=row.family)
        return {**token, "refresh_token": self.server.refresh_token(row, expires_at=row.expires_at)}

    def revoke_old_credential(self, refresh_token: Stored) -> None:
        refresh_token.row.used_at = self.server.tx.now
        self.server.tx.add(refresh_token.row)


def check_resource(data: Any, issuer: str) -> None:
    """There is one resource, the API, and every token is for it. Raises ``InvalidTargetError`` for another."""
    if data.get("resource", issuer) != issuer:
        raise InvalidTargetError(f"The resource of this server is {issuer}.")


def new_opaque() -> str:
    """A fresh code or refresh token: 256 random bits."""
    return secrets.token_urlsafe(32)
